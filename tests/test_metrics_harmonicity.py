"""The share of harmonics: pulses have all, noise has none, a mixture its share of power."""

import warnings

import numpy as np
import pytest
from scipy import signal
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_audiosr.degradation import ideal_lowband
from sklearn_audiosr.metrics import harmonicity_score

RATE = 16000
N = 6 * RATE
NOISE, OTHER = np.random.default_rng(1).standard_normal((2, N))


def pulses(period, n=N):
    """All harmonics of a pitch, equally loud."""
    return (np.arange(n) % period == 0).astype(float)


VOICE = pulses(128)  # 125 Hz


def share(true, pred, rate=RATE, ratio=4, **kwargs):
    return harmonicity_score(true, pred, sampling_rate=rate, upsampling_ratio=ratio, **kwargs)


def in_band(waveform):
    """Return the 2 kHz that are compared at ratios from 4 on."""
    sos = signal.butter(6, [4000, 6000], "band", fs=RATE, output="sos")
    return signal.sosfiltfilt(sos, waveform)


def correlate(frame, lag):
    return np.dot(frame[:-lag], frame[lag:]) / np.dot(frame, frame)


def replace_highband(voice, highband, ratio=4):
    """Return the lowband of a clip beneath the highband of another one."""
    lowbands = ideal_lowband([voice, highband], ratio)
    return lowbands[0].astype(float) + highband - lowbands[1]


def test_identical_clips_have_all():
    assert share([VOICE], [VOICE]) == 1


@pytest.mark.parametrize("gain", [1e-2, 1, 100])
def test_noise_has_none_at_any_level(gain):
    assert share([VOICE], [replace_highband(VOICE, gain * NOISE)]) == pytest.approx(0, abs=0.02)


@pytest.fixture(scope="module")
def chance():
    """Return the mean highest autocorrelation of noise near the pitch's lag, frame by frame."""
    window, noise, heights = np.hanning(1024), in_band(OTHER), []
    for start in range(0, N - 1023, 512):
        frame = noise[start : start + 1024] * window
        heights.append(max(correlate(frame, k) / correlate(window, k) for k in range(126, 131)))
    return np.mean(heights)


@pytest.mark.parametrize("part", [0.2, 0.5, 0.8])
def test_a_mixture_has_its_part_of_the_power(part, chance):
    """The autocorrelation at the period is the pulses' part of the power."""
    powers = [np.mean(in_band(w) ** 2) for w in (VOICE, NOISE)]
    mixture = VOICE * np.sqrt(part / powers[0]) + NOISE * np.sqrt((1 - part) / powers[1])
    expected = (part - chance) / (1 - chance)
    assert share([VOICE], [mixture]) == pytest.approx(expected, abs=0.02)
    assert share([VOICE], [replace_highband(VOICE, mixture)]) == pytest.approx(expected, abs=0.02)


def test_another_period_has_less_than_noise():
    assert share([VOICE], [pulses(101)]) < -0.05


def test_a_hoarse_reference_is_the_measure():
    """A prediction more periodic than the reference is above 1."""
    hoarse = replace_highband(VOICE, VOICE + 0.05 * NOISE)
    assert share([hoarse], [VOICE]) == pytest.approx(1 / share([VOICE], [hoarse]))
    assert share([hoarse], [VOICE]) > 1.2


def test_the_lowband_does_not_count():
    pred = replace_highband(NOISE, VOICE)
    assert share([VOICE], [pred]) == pytest.approx(1, abs=0.01)


def test_a_silent_highband_counts_as_noise():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert share([VOICE], [0 * VOICE]) == 0
        assert share([VOICE], ideal_lowband([VOICE], 4)) == pytest.approx(0, abs=0.005)
        stereo = np.stack([VOICE, 0 * VOICE])
        assert share([stereo], [np.stack([VOICE, NOISE])]) == 1


@pytest.mark.parametrize("level", [1e-150, 1e-6, 1e6])
def test_levels_of_clips_do_not_count(level):
    pred = VOICE + 0.05 * NOISE
    assert share([level * VOICE], [level * pred]) == pytest.approx(share([VOICE], [pred]))


def test_order_weights_and_channels():
    Y = [VOICE, pulses(100), pulses(160)]
    Y_pred = [y + gain * NOISE for y, gain in zip(Y, (0.02, 0.05, 0.1), strict=True)]
    each = share(Y, Y_pred, average=None)
    assert (np.diff(each) < 0).all()
    assert share(Y[::-1], Y_pred[::-1], average=None) == pytest.approx(each[::-1])
    assert each.min() < share(Y, Y_pred) < each.max()
    assert share(Y[::-1], Y_pred[::-1]) == pytest.approx(share(Y, Y_pred))
    assert share(Y, Y_pred, sample_weight=[0, 2, 0]) == pytest.approx(each[1])
    assert share([np.stack(Y)], [np.stack(Y_pred)]) == pytest.approx(share(Y, Y_pred))


def test_voiced_frames_only():
    """Where the reference is noise, the prediction may be anything."""
    half = np.arange(N) < N // 2
    true = np.where(half, VOICE, 0.05 * NOISE)
    assert share([true], [np.where(half, VOICE, OTHER)]) == pytest.approx(1, abs=0.03)


def test_other_rates():
    for rate, ratio in ((24000, 3), (48000, 4)):
        voice = pulses(rate // 125, 4 * rate)
        noise = np.random.default_rng(0).standard_normal(len(voice))
        assert share([voice], [voice], rate, ratio) == 1
        assert share([voice], [replace_highband(voice, noise, ratio)], rate, ratio) < 0.1


def test_references_without_voice_or_highband_are_left_out():
    narrow = ideal_lowband([VOICE.astype(np.float32)], 4)[0]
    Y = [0 * VOICE, VOICE[:1], VOICE[:900], NOISE, narrow, VOICE]
    Y_pred = [*Y[:-1], VOICE + 0.05 * NOISE]
    message = r"without voice or harmonics above the band: .* y_true\[0, 1, 2, 3, 4\] is nan"
    with pytest.warns(UndefinedMetricWarning, match=message) as warned:
        found = harmonicity_score(Y, Y_pred, sampling_rate=RATE, upsampling_ratio=4)
    assert [w.filename for w in warned] == [__file__]
    assert found == share([VOICE], Y_pred[-1:])
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(share(Y[:2], Y_pred[:2]))


@pytest.mark.parametrize(
    ("rate", "ratio", "message"),
    [
        (8000, 2, r"compares 4000 to 6000 Hz at sampling_rate=8000 .* end below 3880 Hz: leave"),
        (48000, 2, r"compares 15000 to 17000 Hz .* end below 10000 Hz: leave this score out"),
    ],
)
def test_rates_without_harmonics_above_the_band(rate, ratio, message):
    with pytest.raises(ValueError, match=message):
        share([VOICE], [VOICE], rate, ratio)


def test_arguments():
    for argument in ("rate", "ratio"):
        with pytest.raises(ValueError, match="parameter of harmonicity_score must"):
            share([VOICE], [VOICE], **{argument: 0})
    with pytest.raises(ValueError, match=r"y_pred\[0\] must have the shape of y_true\[0\]"):
        share([VOICE], [VOICE[:-1]])
