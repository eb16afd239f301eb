"""Ratios of energies by hand, and what all metrics share: averages, shapes, warnings, PCM."""

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_audiosr.metrics import (
    log_spectral_distance,
    scale_invariant_sdr,
    signal_to_noise_ratio,
)


def noise(*shape, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(shape)


# Signal-to-noise ratio


@pytest.mark.parametrize(("error", "snr"), [(0.1, 20), (1, 0), (2, -6.0206), (1e-6, 120)])
def test_snr_by_hand(error, snr):
    y = noise(3, 2, 50)
    assert signal_to_noise_ratio(y, (1 + error) * y) == pytest.approx(snr, abs=1e-4)


@pytest.mark.parametrize("level", [1e-300, 1e-200, 1e-6, 1e6, 1e200])
def test_snr_of_any_level(level):
    y = level * noise(1, 50)
    assert signal_to_noise_ratio(y, 1.1 * y) == pytest.approx(20)


def test_snr_is_over_timepoints_and_channels_then_over_clips():
    y_true = [np.array([[3.0, 0], [0, 4]]), np.array([10.0])]
    y_pred = [np.array([[3.0, 1], [2, 4]]), np.array([11.0])]
    values = signal_to_noise_ratio(y_true, y_pred, average=None)
    assert values == pytest.approx([10 * np.log10(25 / 5), 20])
    assert signal_to_noise_ratio(y_true, y_pred) == pytest.approx(values.mean())
    weighted = signal_to_noise_ratio(y_true, y_pred, sample_weight=[3, 1])
    assert weighted == pytest.approx((3 * values[0] + values[1]) / 4)


def test_snr_of_identical_clips_is_infinite():
    assert signal_to_noise_ratio(noise(2, 9), noise(2, 9)) == np.inf


def test_snr_of_a_silent_prediction_is_0():
    assert signal_to_noise_ratio(noise(1, 9), np.zeros((1, 9))) == pytest.approx(0)


# Scale-invariant SDR


def orthogonal_noise(y, ratio_db):
    """Noise orthogonal to a clip, so many dB below it."""
    other = noise(*y.shape, seed=9)
    other -= np.sum(other * y) / np.sum(y**2) * y
    return other * np.linalg.norm(y) / np.linalg.norm(other) * 10 ** (-ratio_db / 20)


@pytest.mark.parametrize("gain", [1, 0.5, 3, -2, 1e-6, 1e-200])
@pytest.mark.parametrize("ratio_db", [-10, 0, 17.5])
def test_si_sdr_forgives_a_gain(gain, ratio_db):
    y = noise(2, 500)
    y_pred = gain * (y + orthogonal_noise(y, ratio_db))
    assert scale_invariant_sdr([y], [y_pred]) == pytest.approx(ratio_db)
    assert scale_invariant_sdr([1e-180 * y], [y_pred]) == pytest.approx(ratio_db)


def test_si_sdr_of_an_independent_implementation():
    """Values that torchmetrics prints in its documentation, without and with the means removed."""
    y_true, y_pred = np.array([[3.0, -0.5, 2.0, 7.0]]), np.array([[2.5, 0.0, 2.0, 8.0]])
    assert scale_invariant_sdr(y_true, y_pred) == pytest.approx(18.4030, abs=1e-4)
    without_means = y_true - y_true.mean(), y_pred - y_pred.mean()
    assert scale_invariant_sdr(*without_means) == pytest.approx(15.0918, abs=1e-4)


def test_si_sdr_has_one_gain_for_all_channels():
    stereo = noise(2, 500)
    assert scale_invariant_sdr([stereo], [0.3 * stereo]) > 250
    unbalanced = stereo * [[1.0], [0.5]]
    gain = np.sum(stereo * unbalanced) / np.sum(stereo**2)
    expected = 10 * np.log10(
        np.sum((gain * stereo) ** 2) / np.sum((gain * stereo - unbalanced) ** 2)
    )
    assert scale_invariant_sdr([stereo], [unbalanced]) == pytest.approx(expected)


def test_si_sdr_of_identical_silent_and_orthogonal_clips():
    y = np.array([[1.0, 1, -1, -1]])
    assert scale_invariant_sdr(y, y) == np.inf
    assert scale_invariant_sdr(y, 0 * y) == -np.inf
    assert scale_invariant_sdr(y, [[1.0, -1, 1, -1]]) == -np.inf


# What all share


@pytest.mark.parametrize("metric", [signal_to_noise_ratio, scale_invariant_sdr])
def test_silent_reference_is_left_out_of_the_mean(metric):
    y = [noise(9), np.zeros(7), noise(5)]
    pred = [y[0] + orthogonal_noise(y[0], 20), noise(7), y[2] + orthogonal_noise(y[2], 40)]
    with pytest.warns(
        UndefinedMetricWarning, match=r"undefined for a silent .* y_true\[1\] is nan"
    ):
        assert metric(y, pred) == pytest.approx(30)
    with pytest.warns(UndefinedMetricWarning, match="silent"):
        assert metric(y, pred, sample_weight=[1, 9, 3]) == pytest.approx(35)
    with pytest.warns(UndefinedMetricWarning, match="silent"):
        values = metric(y, pred, average=None)
    assert values == pytest.approx([20, np.nan, 40], nan_ok=True)
    with pytest.warns(UndefinedMetricWarning, match="silent") as warned:
        assert np.isnan(metric(y[1:2], y[1:2]))
    assert warned[0].filename == __file__  # the line of the caller


def test_infinite_value_of_weight_0_is_left_out():
    y = [noise(9), noise(5)]
    assert signal_to_noise_ratio(y, [y[0], 1.1 * y[1]], sample_weight=[0, 2]) == pytest.approx(20)


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_pcm_is_scaled_on_either_side(dtype):
    full = 2.0 ** (8 * np.dtype(dtype).itemsize - 1)
    pcm = np.round(noise(2, 3000) * full).astype(dtype)
    assert signal_to_noise_ratio(pcm, 1.1 * pcm / full) == pytest.approx(20)
    assert signal_to_noise_ratio(pcm / full, pcm) == np.inf
    assert log_spectral_distance(pcm / full, pcm) == 0


METRICS = [signal_to_noise_ratio, scale_invariant_sdr, log_spectral_distance]


@pytest.mark.parametrize("metric", METRICS)
def test_shapes_must_match(metric):
    message = r"y_pred\[1\] must have the shape of y_true\[1\] .*=\(1, 9\), got \({}\): compare"
    for shape in ((8,), (2, 9)):
        with pytest.raises(ValueError, match=message.format(", ".join(map(str, (1, *shape)[-2:])))):
            metric([noise(9), noise(9)], [noise(9), noise(*shape)])


@pytest.mark.parametrize("metric", METRICS)
def test_average_is_clips_or_none(metric):
    with pytest.raises(ValueError, match="The 'average' parameter of"):
        metric(noise(1, 9), noise(1, 9), average="mean")
