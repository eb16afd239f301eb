"""The line in the highband's modulation: known depths, none, and frames that do not fit."""

import warnings

import numpy as np
import pytest
from scipy import signal
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_audiosr.degradation import ideal_lowband
from sklearn_audiosr.metrics import modulation_line_error

RATE = 16000
TIME = np.arange(20 * RATE) / RATE
NOISE, OTHER = np.random.default_rng(0).standard_normal((2, len(TIME)))


def line(true, pred, rate=RATE, ratio=4, **kwargs):
    kwargs = {"return_frequency": True, **kwargs}
    return modulation_line_error(true, pred, sampling_rate=rate, upsampling_ratio=ratio, **kwargs)


def buzz(waveform, depth=0.5, frequency=62.5, rate=RATE):
    time = np.arange(len(waveform)) / rate
    return waveform * (1 + depth * np.cos(2 * np.pi * frequency * time))


def expected_line(depth, frequency):
    """Compute the line of modulated noise from its level in each frame and from SciPy's spectra."""
    window = signal.get_window("hann", 160)
    power = np.convolve(buzz(np.ones(RATE), depth, frequency) ** 2, window**2, "valid")
    level = np.log(power) / 2
    waves = np.exp(-2j * np.pi * frequency * np.arange(8000) / RATE)
    amplitude = 2 * np.abs(np.mean(level[:8000] * waves))
    _, _, frames = signal.stft(NOISE, RATE, window, nperseg=160, noverlap=144, boundary=None)
    section = np.hanning(512)
    f, density = signal.welch(np.log(np.abs(frames[25:70:4])), 1000, section, noverlap=384)
    beside = (np.abs(f - frequency) > 6) & (np.abs(f - frequency) < 20)
    background = density[:, beside].mean() * 1000 / 2 * np.sum(section**2)
    return 10 * np.log10(1 + (amplitude * section.sum() / 2) ** 2 / background)


@pytest.mark.parametrize("frequency", [62.5, 125])
@pytest.mark.parametrize("depth", [0.3, 0.6])
def test_a_known_modulation_gives_a_known_line(depth, frequency):
    db, hz = line([NOISE], [buzz(NOISE, depth, frequency)])
    assert hz == frequency
    assert db == pytest.approx(expected_line(depth, frequency), abs=0.8)
    assert db > 3


def test_identical_clips_have_none():
    assert line([NOISE, OTHER], [NOISE, OTHER], return_frequency=False) == 0


def test_other_noise_has_next_to_none():
    assert 0 < line([NOISE], [OTHER])[0] < 2


def test_what_the_reference_has_is_not_added():
    assert line([buzz(NOISE)], [buzz(OTHER)])[0] < 2
    assert line([NOISE], [buzz(OTHER)])[0] > 8


def test_the_lowband_does_not_count():
    low = ideal_lowband([NOISE], 4)[0].astype(float)
    assert line([NOISE], [NOISE - low + buzz(low)])[0] < 0.5


@pytest.mark.parametrize(("hop", "frequency"), [(256, 62.5), (128, 125)])
def test_frames_of_the_same_phases_buzz_at_their_hop(hop, frequency):
    """True magnitudes, and phases that do not go on from one frame to the next."""
    options = {"window": "hann", "nperseg": 4 * hop, "noverlap": 3 * hop}
    _, _, spectra = signal.stft(NOISE, **options)
    phases = np.exp(2j * np.pi * np.random.default_rng(1).random((len(spectra), 1)))
    _, pred = signal.istft(np.abs(spectra) * phases, **options)
    db, hz = line([NOISE], [pred[: len(NOISE)]])
    assert (db > 5, hz) == (True, frequency), db


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_rates(rate):
    n = 10 * rate
    db, hz = line([NOISE[:n]], [buzz(NOISE[:n], 0.5, 100, rate)], rate)
    assert db > 8
    assert hz == pytest.approx(100, abs=1.1)  # 2 Hz between frequencies


@pytest.mark.parametrize("gain", [1e-2, 30])
def test_a_gain_of_the_prediction_changes_little(gain):
    expected = line([NOISE], [buzz(NOISE)])
    assert line([NOISE], [gain * buzz(NOISE)]) == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize("level", [1e-150, 1e-6, 1e6])
def test_levels_of_clips_do_not_count(level):
    expected = line([NOISE], [buzz(OTHER)])
    assert line([level * NOISE], [level * buzz(OTHER)]) == pytest.approx(expected, abs=1e-3)


def test_order_weights_and_channels():
    """All clips have one spectrum, in which a short clip counts less."""
    Y = [NOISE[:64000], NOISE[64000:160000]]
    Y_pred = [buzz(Y[0]), buzz(Y[1], frequency=125)]
    each = line(Y, Y_pred, average=None)
    assert np.array(each).shape == (2, 2)
    assert each[1].tolist() == [62.5, 125]
    assert line(Y[::-1], Y_pred[::-1]) == pytest.approx(line(Y, Y_pred))
    assert line(Y, Y_pred, sample_weight=[1, 0]) == pytest.approx((each[0][0], 62.5))
    assert line(Y, Y_pred)[1] == 125
    assert line(Y, Y_pred)[0] < each[0][1]
    stereo = np.stack([Y[0], Y[1][:64000]]), np.stack([Y_pred[0], Y_pred[1][:64000]])
    assert line([stereo[0]], [stereo[1]]) == pytest.approx(line(list(stereo[0]), list(stereo[1])))


def test_quiet_parts_do_not_count():
    """A buzz 60 dB below the reference's loud parts."""
    quiet = np.where(TIME < 10, 1, 1e-3)
    pred = np.where(TIME < 10, OTHER, buzz(OTHER)) * quiet
    assert line([quiet * NOISE], [pred])[0] < 3


def test_silent_short_and_narrowband_references_are_left_out():
    narrow = ideal_lowband([NOISE.astype(np.float32)], 4)[0]
    Y = [0 * NOISE, NOISE[:1], NOISE[:7000], narrow, NOISE]
    message = r"short, silent or has no highband: the value of y_true\[0, 1, 2, 3\] is nan"
    rates = {"sampling_rate": RATE, "upsampling_ratio": 4}
    with pytest.warns(UndefinedMetricWarning, match=message) as warned:
        found = modulation_line_error(Y, [buzz(NOISE[: len(y)]) for y in Y], **rates)
    assert [w.filename for w in warned] == [__file__]
    assert found == line([NOISE], [buzz(NOISE)])[0]
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(line(Y[:2], Y[:2])).all()


def test_a_silent_prediction_has_none():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert line([NOISE], [0 * NOISE])[0] == pytest.approx(0, abs=1e-9)
        stereo = np.stack([NOISE, 0 * NOISE]), np.stack([buzz(NOISE), NOISE])
        assert line([stereo[0]], [stereo[1]]) == line([NOISE], [buzz(NOISE)])


def test_arguments():
    with pytest.raises(ValueError, match="sampling_rate=64000 and .* highband .* below 20 kHz"):
        line([NOISE], [NOISE], 64000, 1.5)
    for argument in ("rate", "ratio"):
        with pytest.raises(ValueError, match="parameter of modulation_line_error must"):
            line([NOISE], [NOISE], **{argument: 0})
    with pytest.raises(ValueError, match=r"y_pred\[0\] must have the shape of y_true\[0\]"):
        line([NOISE], [NOISE[:-1]])
