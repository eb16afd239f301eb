"""The telephone line: its band, its words, its instants, its full scale."""

import warnings

import numpy as np
import pytest
from scipy import signal

from sklearn_audiosr._signal.interpolation import upsample_bandlimited
from sklearn_audiosr.degradation import Decimator, Telephone
from sklearn_audiosr.degradation._g711 import decode
from sklearn_audiosr.degradation._telephone import _design_band_pass

WORDS = np.arange(256).astype(np.uint8)


def noise(*shape, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(shape)


def decibels(frequency, *, ratio=2, rate=16000):
    """Level of a tone of 1 after the line."""
    tone = np.cos(2 * np.pi * frequency * np.arange(12000 * ratio) / rate)
    x = Telephone(ratio, sampling_rate=rate, law=None).fit_transform(tone[None])[0, 2000:-2000]
    phase = 2 * np.pi * frequency * ratio * np.arange(2000, 10000) / rate
    basis = np.column_stack([np.cos(phase), np.sin(phase)])
    gain = np.hypot(*np.linalg.lstsq(basis, x.astype(float), rcond=None)[0])
    return 20 * np.log10(max(gain, 1e-6))


# Band


@pytest.mark.parametrize(("ratio", "rate"), [(2, 16000), (2, 14400), (4, 44100), (6, 48000)])
def test_band_is_300_to_3400_hz(ratio, rate):
    for frequency in (301, 1020, 2400, 3399):
        assert decibels(frequency, ratio=ratio, rate=rate) == pytest.approx(0, abs=0.05)
    for frequency in (200, 3500):
        assert decibels(frequency, ratio=ratio, rate=rate) == pytest.approx(-6, abs=0.1)
    for frequency in (50, 99, 3601, 4011, 5003, rate / 2 - 7):
        assert decibels(frequency, ratio=ratio, rate=rate) < -48


def test_response_of_the_whole_filter():
    frequencies, response = signal.freqz(_design_band_pass(24000), worN=8192, fs=24000)
    gain = abs(response)
    inside = (frequencies >= 300) & (frequencies <= 3400)
    outside = (frequencies <= 100) | (frequencies >= 3600)
    assert np.abs(20 * np.log10(gain[inside])).max() < 0.05
    assert 20 * np.log10(gain[outside].max()) < -48


def test_default_rate_is_the_telephones():
    Y = noise(2, 4800)
    for ratio in (2, 3, 6):
        named = Telephone(ratio, sampling_rate=8000 * ratio)
        np.testing.assert_array_equal(Telephone(ratio).transform(Y), named.transform(Y))
    assert not np.array_equal(Telephone(2, sampling_rate=24000).transform(Y), named.transform(Y))


@pytest.mark.parametrize("ratio", [2, 3, 6])
def test_nothing_is_delayed(ratio):
    rng = np.random.default_rng(0)
    rate = 8000 * ratio
    inside = signal.firwin(801, [500, 3000], fs=rate, pass_zero=False)
    y = np.convolve(0.1 * rng.standard_normal(2000 * ratio), inside, mode="same")
    X = Telephone(ratio, law=None).fit_transform(y[None])
    # what lies in the band comes out as every r-th timepoint of it
    np.testing.assert_allclose(X[0, 200:-200], y[::ratio][200:-200], atol=1e-2 * abs(y).max())
    restored = upsample_bandlimited(Telephone(ratio).fit_transform(y[None])[0].astype(float), ratio)
    correlation = signal.correlate(restored, y)
    assert signal.correlation_lags(len(restored), len(y))[np.argmax(correlation)] == 0


def test_an_impulse_comes_out_symmetrical_about_its_instant():
    impulse = np.zeros((1, 801))
    impulse[0, 400] = 1
    x = Telephone(3, law=None).transform(np.pad(impulse, ((0, 0), (2, 1))))[0]
    assert np.argmax(x) == 134  # 402 / 3
    np.testing.assert_allclose(x[134 - 100 : 134], x[135:235][::-1], atol=1e-7)


def test_beyond_its_ends_a_clip_is_silent():
    """Ends are filtered as those of the same clip with silence around it."""
    y = noise(600)
    alone = Telephone(law=None).transform([y])[0]
    amid = Telephone(law=None).transform([np.pad(y, 800)])[0]
    np.testing.assert_allclose(alone, amid[400:700], atol=1e-7)


# Companding


@pytest.mark.parametrize("law", ["mulaw", "alaw"])
def test_output_holds_only_the_levels_of_the_law(law):
    X = Telephone(law=law).fit_transform(noise(2, 4000))
    assert np.isin(X, decode(WORDS, law)).all()
    assert len(np.unique(X)) > 100
    linear = Telephone(law=None).transform(noise(2, 4000))
    error = X - linear
    assert 30 < 10 * np.log10(np.mean(linear**2) / np.mean(error**2)) < 40


def test_silence():
    silence = np.zeros((1, 64))
    assert not Telephone().transform(silence).any()
    assert not Telephone(law=None).transform(silence).any()
    assert (Telephone(law="alaw").transform(silence) == 1 / 4096).all()


def test_recipes_levels():
    Y = noise(1, 4000)
    linear = Telephone(law=None)
    for level in (1e-6, 1e6):
        scaled = linear.transform(level * Y) / level
        np.testing.assert_allclose(scaled, linear.transform(Y), rtol=1e-5, atol=1e-8)
    assert not Telephone().transform(1e-6 * Y).any()  # less than half of the smallest level
    with pytest.warns(UserWarning, match="clipped"):
        loud = Telephone().transform(1e6 * Y)
    assert abs(loud).max() == np.float32(8031 / 8192)


def test_one_warning_of_all_clips_that_are_clipped():
    tone = np.cos(2 * np.pi * 1000 * np.arange(1600) / 16000)
    Y = [0.9 * tone, 1.2 * tone, 0.9 * tone, 3 * tone]
    message = r"Telephone needs clips in \[-1, 1\], got a peak of 3.*: Y\[1\] and 1 more were clip"
    with pytest.warns(UserWarning, match=message) as warned:
        X = Telephone().transform(Y)
    assert len(warned) == 1
    assert warned[0].filename == __file__
    np.testing.assert_array_equal(np.sign(X[3]), np.sign(X[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Telephone().transform(Y[::2])
        Telephone(law=None).transform(Y)  # has no full scale
        # 50 Hz does not reach the words
        Telephone().transform([0.4 * tone + 3 * np.hanning(1600)])


# Containers, lengths, parameters


@pytest.mark.parametrize("ratio", [2, 3, 6])
def test_every_multiple_of_the_ratio_works(ratio):
    clips = [noise(ratio * n) for n in range(1, 30)]
    X = Telephone(ratio).fit_transform(clips)
    assert [len(x) for x in X] == list(range(1, 30))
    assert all(np.abs(x).max() < 1 for x in X)
    assert X[0][0] != 0


def test_channels_and_containers():
    stereo = noise(2, 480)
    X = Telephone().transform((stereo, stereo[0]))
    assert type(X) is tuple
    np.testing.assert_array_equal(X[0][0], X[1])
    assert X[0].shape == (2, 240)
    assert X[1].dtype == np.float32
    assert Telephone().transform(noise(3, 2, 100)).shape == (3, 2, 50)


def test_pcm_equals_floats():
    pcm = (noise(2, 80) * 2**14).astype(np.int16)
    np.testing.assert_array_equal(Telephone().transform(pcm), Telephone().transform(pcm / 2**15))


def test_lengths_are_checked_as_the_decimators():
    with pytest.raises(ValueError, match=r"Y\[1\] must have a multiple of upsampling_ratio=4 tim"):
        Telephone(4).transform([noise(8), noise(10)])


def test_a_rate_that_cannot_hold_the_band_is_refused():
    message = (
        r"sampling_rate must be at least 28800 Hz for upsampling_ratio=4, got 16000: narrowband "
        r"clips at 4000 Hz cannot hold a telephone's 300 to 3400 Hz"
    )
    for act in ("fit", "transform"):
        with pytest.raises(ValueError, match=message):
            getattr(Telephone(4, sampling_rate=16000), act)(noise(1, 80))
    assert Telephone(4, sampling_rate=28800).transform(noise(1, 80)).shape == (1, 20)


@pytest.mark.parametrize(
    ("name", "value"),
    [("upsampling_ratio", 1), ("upsampling_ratio", 2.5), ("sampling_rate", 0),
     ("sampling_rate", "16k"), ("law", "g711")],
)  # fmt: skip
def test_parameters_are_checked(name, value):
    for act in ("fit", "transform"):
        with pytest.raises(ValueError, match=f"The '{name}' parameter of Telephone must be"):
            getattr(Telephone(**{name: value}), act)(noise(1, 16))


def test_a_line_is_narrower_than_a_decimator():
    """On one clip: the band's lower end is what the Decimator has more."""
    Y = noise(1, 16000)
    line = np.fft.rfft(Telephone(law=None).transform(Y)[0])
    low_pass = np.fft.rfft(Decimator().transform(Y)[0])
    below, inside = slice(0, 100), slice(400, 3000)  # Hz: a clip of a second
    assert np.linalg.norm(line[below]) < 0.02 * np.linalg.norm(low_pass[below])
    difference = np.linalg.norm(line[inside] - low_pass[inside])
    assert difference < 0.03 * np.linalg.norm(low_pass[inside])
