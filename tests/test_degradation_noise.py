"""Additive noise: an exact ratio, the spectrum that was asked for, draws by clip."""

import numpy as np
import pytest
from containers import Lazy
from sklearn.base import clone

from sklearn_audiosr.degradation import AddNoise, Codec, Decimator

TONE = np.cos(0.2 * np.arange(4000)).astype(np.float32)
CLIPS = [TONE, 0.1 * TONE[:2501], np.stack([TONE, 0.01 * TONE])]


def power(x):
    return np.mean(np.square(x, dtype=float))


def ratios(Y, X):
    """Signal-to-noise ratios in dB, of clips of any number of channels."""
    pairs = zip(Y, X, strict=True)
    return [10 * np.log10(power(y) / power(np.subtract(x, y, dtype=float))) for y, x in pairs]


# Level and spectrum


@pytest.mark.parametrize("color", ["white", "pink", "random"])
@pytest.mark.parametrize("snr", [-10, 0.0, 20, 40])
def test_ratio_is_exact_for_each_clip(snr, color):
    X = AddNoise(snr, color=color, random_state=0).fit_transform(CLIPS)
    assert ratios(CLIPS, X) == pytest.approx([snr] * 3, abs=0.01)
    assert [x.shape for x in X] == [(4000,), (2501,), (2, 4000)]
    assert all(x.dtype == np.float32 for x in X)


def test_channels_have_as_much_noise_each_and_of_their_own():
    loud_and_quiet = CLIPS[2]
    noise = AddNoise(10, random_state=0).transform([loud_and_quiet])[0] - loud_and_quiet
    assert power(noise[0]) == pytest.approx(power(noise[1]), rel=0.2)
    assert abs(np.corrcoef(noise)[0, 1]) < 0.1


@pytest.mark.parametrize(("color", "slope"), [("white", 0), ("pink", -3.01)])
@pytest.mark.parametrize("n_timepoints", [2**15, 2**15 - 1])
def test_power_falls_by_decibels_an_octave(color, slope, n_timepoints):
    silence_with_a_click = np.zeros((20, n_timepoints))
    silence_with_a_click[:, 0] = 1
    X = AddNoise(-80, color=color, random_state=0).transform(silence_with_a_click)
    density = np.mean(np.abs(np.fft.rfft(X, axis=-1)) ** 2, axis=0)
    octaves = [10 * np.log10(density[2**k : 2 ** (k + 1)].mean()) for k in range(5, 14)]
    assert np.diff(octaves) == pytest.approx(np.full(8, slope), abs=0.5)


def test_noise_is_gaussian():
    noise = AddNoise(0, random_state=1).transform(np.ones((1, 100_000)))[0] - 1
    noise /= noise.std()
    assert abs(np.mean(noise**3)) < 0.05
    assert np.mean(noise**4) == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("level", [1e-30, 1e-6, 1e6, 1e30])
def test_any_level(level):
    X = AddNoise(15, random_state=0).transform(level * TONE[None].astype(float))
    expected = AddNoise(15, random_state=0).transform(TONE[None])
    np.testing.assert_allclose(X / level, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("color", ["white", "pink"])
def test_silence_and_clips_of_one_timepoint(color):
    noisy = AddNoise(6, color=color, random_state=0)
    assert not noisy.transform(np.zeros((2, 3, 50))).any()
    X = noisy.transform([[0.5], [0.5, -0.5], np.full((2, 1), 0.5)])
    assert [x.shape for x in X] == [(1,), (2,), (2, 1)]
    assert ratios([np.array([0.5])], X[:1]) == pytest.approx([6], abs=1e-3)


# Draws


def test_an_integer_seed_repeats_and_the_index_decides():
    noisy = AddNoise((0, 30), color="random", random_state=3)
    first = noisy.fit_transform([TONE] * 4)
    for again in (noisy.transform([TONE] * 4), clone(noisy).fit_transform(Lazy([TONE] * 4))):
        np.testing.assert_array_equal(first, again)
    # clip 3 has noise 3, whatever stands before it
    alone = noisy.transform([np.zeros(7), np.ones(9), np.zeros((2, 5)), TONE])[3]
    np.testing.assert_array_equal(alone, first[3])
    assert len({clip.tobytes() for clip in first}) == 4


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_without_a_number_every_call_draws_others(random_state):
    noisy = AddNoise(random_state=random_state)
    assert not np.array_equal(noisy.transform([TONE]), noisy.transform([TONE]))


def test_a_random_state_instance_repeats_from_its_seed():
    runs = [AddNoise(random_state=np.random.RandomState(5)).transform(CLIPS[:1]) for _ in range(2)]
    np.testing.assert_array_equal(*runs)


@pytest.mark.parametrize("pair", [(5, 35), [5, 35]])
def test_a_pair_is_a_range_to_draw_from(pair):
    Y = [TONE[:400]] * 400
    drawn = ratios(Y, AddNoise(pair, random_state=1).transform(Y))
    assert 5 <= min(drawn) < 6
    assert 34 < max(drawn) <= 35.01
    assert np.mean(drawn) == pytest.approx(20, abs=1.5)


def test_random_colors_are_both_drawn():
    Y = [TONE] * 100
    noisy = AddNoise(0, color="random", random_state=0).transform(Y)
    smooth = [power(np.diff(x - TONE)) / power(x - TONE) < 1 for x in noisy]  # white: 2
    assert 30 < sum(smooth) < 70


def test_steps_with_one_seed_draw_apart():
    """The noise must not follow from what another degradation drew for the same clip."""
    rngs = [step._make_rng_of()(0) for step in (AddNoise(random_state=0), Codec(random_state=0))]
    assert rngs[0].uniform() != rngs[1].uniform()
    assert rngs[0].uniform() != np.random.default_rng([0, 0]).uniform()  # the Decimator's


# Use


def test_it_stands_before_or_after_a_decimator():
    Y = np.stack([TONE, -TONE])
    before = Decimator(4).transform(AddNoise(20, random_state=0).transform(Y))
    after = AddNoise(20, random_state=0).transform(Decimator(4).transform(Y))
    assert before.shape == after.shape == (2, 1000)
    clean = Decimator(4).transform(Y)
    # the filter takes three quarters of white noise away
    assert np.mean(ratios(clean, before)) == pytest.approx(26, abs=1.5)
    assert ratios(clean, after) == pytest.approx([20, 20], abs=0.01)


@pytest.mark.parametrize(
    ("name", "value"),
    [("snr", 201), ("snr", np.nan), ("snr", "20 dB"), ("color", "purple"), ("random_state", -1)],
)
def test_parameters_are_checked(name, value):
    for act in ("fit", "transform"):
        with pytest.raises(ValueError, match=f"The '{name}' parameter of AddNoise must be"):
            getattr(AddNoise(**{name: value}), act)([TONE])


@pytest.mark.parametrize("pair", [(30, 10), (1, 2, 3), (), ("a", "b"), (0, np.nan), (0, 201)])
def test_bad_ranges_are_named(pair):
    message = r"snr must be a number or a pair \(lowest, highest\) in \[-200, 200\], got .*: pass"
    for act in ("fit", "transform"):
        with pytest.raises(ValueError, match=message):
            getattr(AddNoise(pair), act)([TONE])
