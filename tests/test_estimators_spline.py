"""The spline as an estimator."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from sklearn_audiosr import SplineUpsampler
from sklearn_audiosr._signal.interpolation import upsample_cubic
from sklearn_audiosr.metrics import signal_to_noise_ratio

RATIOS = [2, 3, 4, 6, 8]


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def fitted(ratio):
    return SplineUpsampler().fit(noise(1, 5), noise(1, 5 * ratio))


@pytest.mark.parametrize("ratio", [*RATIOS, 48])
def test_ratio_is_learned(ratio):
    X, Y = [noise(7), noise(2, 3)], [noise(7 * ratio), noise(2, 3 * ratio)]
    spline = SplineUpsampler()
    assert spline.fit(X, Y) is spline
    assert spline.upsampling_ratio_ == ratio
    assert isinstance(spline.upsampling_ratio_, int)


@pytest.mark.parametrize("ratio", RATIOS)
def test_every_length_is_exact(ratio):
    clips = [noise(n, seed=n) for n in range(1, 41)]
    Y = fitted(ratio).predict(clips)
    assert [len(y) for y in Y] == [ratio * n for n in range(1, 41)]
    for x, y in zip(clips, Y, strict=True):
        assert np.array_equal(y[::ratio], x.astype(np.float32))


@pytest.mark.parametrize("ratio", RATIOS)
def test_predict_is_the_cubic_spline_to_1e_6_of_the_peak(ratio):
    x = noise(2000).astype(np.float32)
    expected = CubicSpline(np.arange(2000), x)(np.arange(2000 * ratio) / ratio)
    inside = slice(32 * ratio, -32 * ratio)
    error = np.abs(fitted(ratio).predict([x])[0] - expected)[inside].max()
    assert error < 1e-6 * np.abs(expected[inside]).max()


def test_predict_is_the_float64_function_up_to_the_ends():
    for n_timepoints in (1, 2, 5, 100):
        x = noise(n_timepoints).astype(np.float32)
        expected = upsample_cubic(x.astype(np.float64), 4)
        error = np.abs(fitted(4).predict([x])[0] - expected).max()
        assert error < 1e-6 * np.abs(expected).max()


def test_score_is_the_mean_snr():
    X, Y = [noise(50), noise(2, 80, seed=1)], [noise(100), noise(2, 160)]
    spline = SplineUpsampler().fit(X, Y)
    values = signal_to_noise_ratio(Y, spline.predict(X), average=None)
    assert spline.score(X, Y) == pytest.approx(values.mean())
    weighted = spline.score(X, Y, sample_weight=[1, 4])
    assert weighted == pytest.approx((values[0] + 4 * values[1]) / 5)


def test_score_of_a_perfect_and_of_a_scaled_prediction():
    X = noise(2, 50)
    Y = fitted(2).predict(X)
    assert fitted(2).score(X, Y) == np.inf
    assert fitted(2).score(X, Y / 1.1) == pytest.approx(20, abs=1e-4)


@pytest.mark.parametrize("sampling_rate", [0, -1, "16k"])
def test_sampling_rate_is_checked(sampling_rate):
    with pytest.raises(ValueError, match="The 'sampling_rate' parameter of SplineUpsampler"):
        SplineUpsampler(sampling_rate=sampling_rate).fit(noise(1, 4), noise(1, 8))


def test_refit_learns_another_ratio():
    spline = fitted(2)
    assert spline.fit(noise(1, 4), noise(1, 24)).predict(noise(1, 4)).shape == (1, 24)
