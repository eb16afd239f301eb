"""Errors of the highband's levels: known gains over time, between bands, on average, in pauses."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_audiosr.degradation import ideal_lowband
from sklearn_audiosr.metrics import highband_level_errors, temporal_level_error

RATE = 16000
TIME = np.arange(4 * RATE) / RATE
NOISE = np.random.default_rng(0).standard_normal(len(TIME))


def errors(true, pred, rate=RATE, ratio=2, **kwargs):
    return highband_level_errors(true, pred, sampling_rate=rate, upsampling_ratio=ratio, **kwargs)


def amplify(waveform, gain_db):
    return waveform * 10 ** (np.asarray(gain_db) / 20)


def split(waveform, frequency):
    """Return what lies below a frequency, and what lies above."""
    spectrum = np.fft.rfft(waveform)
    spectrum[np.fft.rfftfreq(len(waveform), 1 / RATE) >= frequency] = 0
    low = np.fft.irfft(spectrum, len(waveform))
    return low, waveform - low


def test_identical_clips_have_no_error():
    assert errors([NOISE], [NOISE])[:3] == (0, 0, 0)


@pytest.mark.parametrize("gain_db", [-12, 3])
@pytest.mark.parametrize(("rate", "ratio"), [(8000, 2), (16000, 4), (22050, 3), (48000, 2.5)])
def test_a_constant_gain_is_a_bias(gain_db, rate, ratio):
    found = errors([NOISE], [amplify(NOISE, gain_db)], rate, ratio)
    assert found[:3] == pytest.approx((0, 0, gain_db), abs=1e-3)


@pytest.mark.parametrize("amplitude", [1, 6])
def test_a_gain_over_time_has_its_variance(amplitude):
    """A sine in dB: half its squared amplitude. Frames of 20 ms hardly smooth 2 Hz."""
    gain_db = 1 + amplitude * np.sin(2 * np.pi * 2 * TIME)
    found = errors([NOISE], [amplify(NOISE, gain_db)])
    assert found.temporal == pytest.approx(amplitude**2 / 2, rel=0.03)
    assert found.shape < 0.05 * found.temporal
    assert found.bias == pytest.approx(1, abs=0.05)


def test_opposite_gains_of_two_halves_of_the_bands_are_an_error_of_shape():
    """Six bands from 4 to 7.88 kHz: three rise while three fall."""
    erb_numbers = 21.4 * np.log10(1 + 0.00437 * np.array([4000, 7880]))
    middle = (10 ** (erb_numbers.mean() / 21.4) - 1) / 0.00437
    low, high = split(NOISE, middle)
    gain_db = 4 * np.sin(2 * np.pi * 2 * TIME)
    found = errors([NOISE], [amplify(low, gain_db) + amplify(high, -gain_db)])
    assert found.temporal < 0.1
    assert found.shape == pytest.approx(8, rel=0.05)
    assert found.bias == pytest.approx(0, abs=0.1)


def test_a_constant_tilt_is_no_error_over_time():
    low, high = split(NOISE, 6000)
    found = errors([NOISE], [low + 2 * high])
    assert found[:2] == pytest.approx((0, 0), abs=0.2)
    assert 2 < found.bias < 4


def test_pauses_have_a_level_of_their_own():
    speaks = TIME % 1 < 0.6
    true, louder = (np.where(speaks, NOISE, amplify(NOISE, -db)) for db in (40, 28))
    found = errors([true], [louder])
    assert found.pauses == pytest.approx(12, abs=0.1)
    assert found[:3] == pytest.approx((0, 0, 0), abs=0.05)
    assert np.isnan(errors([NOISE], [2 * NOISE]).pauses)  # none


def test_the_lowband_does_not_count():
    tone = np.sin(2 * np.pi * 1000 * TIME)
    expected = errors([NOISE], [amplify(NOISE, 3 * tone)])
    with_tone = errors([NOISE + tone], [amplify(NOISE, 3 * tone) + 0.5 * tone])
    assert with_tone[:3] == pytest.approx(expected[:3], abs=1e-3)


def made_clips():
    rng = np.random.default_rng(1)
    Y = [np.where(TIME % 1 < 0.7, 1, 1e-4) * rng.standard_normal(len(TIME)) for _ in range(3)]
    gains_db = [np.sin(2 * np.pi * 3 * TIME), 3 * (TIME < 2), 2 + 0 * TIME]
    return Y, [amplify(y, gain) for y, gain in zip(Y, gains_db, strict=True)]


@pytest.mark.parametrize("level", [1e-150, 1e-6, 1e6])
def test_levels_of_clips_do_not_count(level):
    Y, Y_pred = made_clips()
    scaled = errors([level * y for y in Y], [level * y for y in Y_pred])
    assert scaled == pytest.approx(errors(Y, Y_pred), rel=1e-9, abs=1e-9)


def test_order_weights_and_channels():
    Y, Y_pred = made_clips()
    each = np.array(errors(Y, Y_pred, average=None))
    assert each.shape == (4, 3)
    assert np.array(errors(Y[::-1], Y_pred[::-1], average=None)) == pytest.approx(each[:, ::-1])
    assert np.array(errors(Y, Y_pred)) == pytest.approx(each.mean(axis=1))
    weighted = errors(Y, Y_pred, sample_weight=[3, 0, 1])
    assert np.array(weighted) == pytest.approx((3 * each[:, 0] + each[:, 2]) / 4)
    stereo = errors([np.stack(Y)], [np.stack(Y_pred)])
    assert np.array(stereo) == pytest.approx(each.mean(axis=1))


def test_temporal_level_error_is_the_first_of_them():
    Y, Y_pred = made_clips()
    rates = {"sampling_rate": RATE, "upsampling_ratio": 2}
    assert temporal_level_error(Y, Y_pred, **rates) == errors(Y, Y_pred).temporal
    each = temporal_level_error(Y, Y_pred, average=None, **rates)
    assert each.tolist() == errors(Y, Y_pred, average=None).temporal.tolist()


def test_silent_short_and_narrowband_references_are_left_out():
    narrow = ideal_lowband([NOISE.astype(np.float32)], 2)[0]
    Y = [0 * NOISE, NOISE[:1], NOISE[:1000], narrow, NOISE]
    Y_pred = [NOISE, NOISE[:1], 2 * NOISE[:1000], NOISE, amplify(NOISE, 2)]
    message = r"short, silent or has no highband: the value of y_true\[0, 1, 2, 3\] is nan"
    for metric in (highband_level_errors, temporal_level_error):
        with pytest.warns(UndefinedMetricWarning, match=message) as warned:
            metric(Y, Y_pred, sampling_rate=RATE, upsampling_ratio=2)
        assert [w.filename for w in warned] == [__file__]
    with pytest.warns(UndefinedMetricWarning):
        assert errors(Y, Y_pred).bias == pytest.approx(2, abs=1e-3)
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(errors(Y[:2], Y_pred[:2])).all()


def test_silent_predictions_and_channels_without_sound():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = errors([NOISE], [0 * NOISE])
        assert found.bias == pytest.approx(-68, abs=3)  # the floor is 70 dB below the mean
        stereo = np.stack([NOISE, 0 * NOISE]), np.stack([2 * NOISE, NOISE])
        assert errors([stereo[0]], [stereo[1]])[:3] == errors([NOISE], [2 * NOISE])[:3]


@pytest.mark.parametrize(
    ("rate", "ratio", "message"),
    [
        (96000, 2, r"sampling_rate=96000 and .*500 Hz or more below 20 kHz, got 24000 to 20000 Hz"),
        (16000, 1.02, "upsampling_ratio=1.02 must leave a highband .* pass the wideband rate"),
        (16, 4, "sampling_rate=16 and"),
    ],
)
def test_rates_without_a_highband(rate, ratio, message):
    with pytest.raises(ValueError, match=message):
        errors([NOISE], [NOISE], rate, ratio)


@pytest.mark.parametrize("argument", ["sampling_rate", "upsampling_ratio"])
def test_arguments(argument):
    rates = {"sampling_rate": RATE, "upsampling_ratio": 2}
    for metric in (highband_level_errors, temporal_level_error):
        with pytest.raises(ValueError, match=f"'{argument}' parameter of {metric.__name__} must"):
            metric([NOISE], [NOISE], **{**rates, argument: 0})
        with pytest.raises(ValueError, match=r"y_pred\[0\] must have the shape of y_true\[0\]"):
            metric([NOISE], [NOISE[:-1]], **rates)
