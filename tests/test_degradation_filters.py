"""Random low-pass filters: repeatable by clip, varied, of zero phase."""

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.degradation._filters import FAMILIES, draw_low_pass

CLIPS = [np.random.default_rng(i).standard_normal(600).astype(np.float32) for i in range(8)]


def drawn(n_filters):
    return [draw_low_pass(np.random.default_rng([0, i])) for i in range(n_filters)]


def test_draws_cover_the_documented_ranges():
    low_passes = drawn(3000)
    families = [low_pass.family for low_pass in low_passes]
    for family in FAMILIES:
        assert families.count(family) == pytest.approx(500, abs=80)
    recursive = [f.order for f in low_passes if f.family not in ("fir", "none")]
    assert set(recursive) == set(range(3, 11))
    assert {f.order for f in low_passes if f.family == "fir"} == set(range(8, 49))
    for values, low, high in [
        ([f.cutoff for f in low_passes], 0.6, 1.0),
        ([np.log(f.ripple) for f in low_passes], np.log(0.01), np.log(0.5)),
    ]:
        assert low <= min(values) < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < max(values) <= high
        assert np.mean(values) == pytest.approx((low + high) / 2, abs=0.02 * (high - low))
    assert all(low_pass.zero_phase for low_pass in low_passes)


@pytest.mark.parametrize(("ratio", "n_draws"), [(2, 200), (3, 40), (4, 40), (6, 40), (8, 200)])
def test_every_draw_is_a_stable_low_pass_without_delay(ratio, n_draws):
    constant = np.ones((1, 480))
    impulse = np.zeros((1, 8001))
    impulse[0, 4000] = 1  # a narrow transition rings long
    for low_pass in drawn(n_draws):
        run = low_pass.design(ratio)
        # a ripple of 0.5 dB, there and back, may lower even a constant's level
        np.testing.assert_allclose(run(constant), 1, rtol=0.12)
        response = run(impulse)[0]
        np.testing.assert_allclose(response, response[::-1], atol=1e-4)  # the phase is zero
        assert np.abs(response[[0, -1]]).max() < 1e-4


def test_an_integer_seed_repeats_and_the_index_decides():
    decimator = Decimator(2, filter="random", random_state=3)
    first = decimator.fit_transform(CLIPS)
    for again in (decimator.transform(CLIPS), clone(decimator).fit_transform(CLIPS)):
        np.testing.assert_array_equal(first, again)
    # clip 5 has filter 5, whatever stands before it
    silence = [np.zeros(600)] * 5
    np.testing.assert_array_equal(decimator.transform([*silence, CLIPS[5]])[5], first[5])
    expected = draw_low_pass(np.random.default_rng([3, 5])).design(2)(CLIPS[5][None].astype(float))
    np.testing.assert_array_equal(first[5], expected[0, ::2].astype(np.float32))


def test_one_clip_has_other_filters_under_other_indices_and_seeds():
    same = [CLIPS[0]] * 8
    by_index = Decimator(4, filter="random", random_state=0).fit_transform(same)
    by_seed = [
        Decimator(4, filter="random", random_state=seed).fit_transform(same)[0] for seed in range(8)
    ]
    for clips in (by_index, by_seed):
        assert len({clip.tobytes() for clip in clips}) >= 6  # "none" may be drawn twice


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_without_a_number_every_call_draws_others(random_state):
    decimator = Decimator(4, filter="random", random_state=random_state)
    first, second = decimator.transform(CLIPS), decimator.transform(CLIPS)
    assert any(not np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_random_state_instance_repeats_from_its_seed():
    runs = [
        Decimator(4, filter="random", random_state=np.random.RandomState(5)).transform(CLIPS)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*runs)


def test_lazy_clips_channels_and_short_clips():
    stereo = np.stack([CLIPS[0], 2 * CLIPS[0]])
    decimator = Decimator(6, filter="random", random_state=1)
    for clip in (decimator.transform([stereo])[0], decimator.transform([stereo[:, :6]])[0]):
        np.testing.assert_allclose(2 * clip[0], clip[1], rtol=1e-6)
    for n in (4, 8, 12):
        assert all(
            len(x) == n // 4
            for x in Decimator(4, filter="random").transform([c[:n] for c in CLIPS])
        )


def test_a_causal_random_filter_is_refused():
    with pytest.raises(ValueError, match='zero_phase must be True for filter="random", got False'):
        Decimator(filter="random", zero_phase=False).fit(CLIPS)


def test_unused_parameters_change_nothing():
    plain = Decimator(2, filter="random", random_state=0).transform(CLIPS)
    other = Decimator(2, filter="random", order=60, ripple=3, cutoff=0.1, random_state=0)
    np.testing.assert_array_equal(plain, other.transform(CLIPS))
