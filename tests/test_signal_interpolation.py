"""Interpolation of one waveform: splines, band-limited, and the polyphase filter under both."""

import numpy as np
import pytest
from scipy import signal
from scipy.interpolate import CubicSpline

from sklearn_audiosr._signal.interpolation import (
    BOUNDARIES,
    filter_polyphase,
    upsample_bandlimited,
    upsample_cubic,
)

RATIOS = [2, 3, 4, 6, 8]
INSIDE = 32  # narrowband timepoints from an end at which the boundary is felt by less than 1e-17


def noise(*shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def instants(n_timepoints, ratio):
    return np.arange(n_timepoints * ratio) / ratio


def filter_directly(knots, taps):
    """Sum over k of knots[t + k] * taps[k, p], one product at a time."""
    n_taps, ratio = taps.shape
    y = np.empty((len(knots) - n_taps + 1, ratio))
    for t in range(len(y)):
        for p in range(ratio):
            y[t, p] = sum(knots[t + k] * taps[k, p] for k in range(n_taps))
    return y.ravel()


# Cubic splines


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("ratio", RATIOS)
def test_equals_cubic_spline_inside(ratio, boundary):
    x = noise(300)
    y = upsample_cubic(x, ratio, boundary=boundary)
    expected = CubicSpline(np.arange(300), x)(instants(300, ratio))
    inside = slice(INSIDE * ratio, -INSIDE * ratio)
    assert np.abs(y - expected)[inside].max() < 1e-9


# Reflected about the end point a spline has no curvature there; reflected at it, no slope.
@pytest.mark.parametrize(("boundary", "bc_type"), [("odd", "natural"), ("even", "clamped")])
@pytest.mark.parametrize("n_timepoints", [2, 3, 7, 40, 300])
@pytest.mark.parametrize("ratio", [2, 3, 8])
def test_equals_natural_and_clamped_spline_up_to_the_ends(ratio, n_timepoints, boundary, bc_type):
    x = noise(n_timepoints)
    y = upsample_cubic(x, ratio, boundary=boundary)
    spline = CubicSpline(np.arange(n_timepoints), x, bc_type=bc_type)
    between_knots = slice(ratio * (n_timepoints - 1) + 1)
    expected = spline(instants(n_timepoints, ratio))[between_knots]
    assert np.abs(y[between_knots] - expected).max() < 1e-9


@pytest.mark.parametrize("ratio", RATIOS)
def test_beyond_the_last_knot_the_waveform_is_reflected(ratio):
    x = noise(50)
    odd, even = (upsample_cubic(x, ratio, boundary=b) for b in ("odd", "even"))
    last = ratio * 49
    beyond, before = slice(last + 1, None), slice(last - 1, last - ratio, -1)
    assert odd[beyond] == pytest.approx(2 * x[-1] - odd[before], abs=1e-12)
    assert even[beyond] == pytest.approx(even[before], abs=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ratio", RATIOS)
def test_knots_pass_exactly(ratio, dtype):
    x = noise(2, 333, dtype=dtype)
    assert np.array_equal(upsample_cubic(x, ratio)[:, ::ratio], x)


@pytest.mark.parametrize("ratio", RATIOS)
def test_float32_to_1e_6_of_the_peak(ratio):
    x = noise(5000, dtype=np.float32)
    y, expected = upsample_cubic(x, ratio), upsample_cubic(x.astype(np.float64), ratio)
    assert y.dtype == np.float32
    assert np.abs(y - expected).max() < 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("upsample", [upsample_cubic, upsample_bandlimited])
@pytest.mark.parametrize("ratio", RATIOS)
def test_every_length_is_exact(ratio, upsample):
    for n_timepoints in range(1, 71):
        x = noise(2, n_timepoints, dtype=np.float32)
        y = upsample(x, ratio)
        assert y.shape == (2, ratio * n_timepoints)
        assert np.abs(y[:, ::ratio] - x).max() < 1e-6
        assert np.isfinite(y).all()


@pytest.mark.parametrize("frequency", [0.01, 0.05, 0.1, 0.2])
@pytest.mark.parametrize("ratio", [2, 4, 6])
def test_tone_below_the_narrowband_nyquist_survives(ratio, frequency):
    tone = np.sin(2 * np.pi * frequency * instants(600, ratio) + 0.3)
    y = upsample_cubic(tone[::ratio], ratio)
    # Its image around k times the narrowband rate is (f / (k + f))^4 as loud; it loses as much.
    k = np.arange(1, 20)
    images = np.sum((frequency / (k - frequency)) ** 4 + (frequency / (k + frequency)) ** 4)
    assert np.abs(y - tone)[INSIDE * ratio : -INSIDE * ratio].max() < 2 * images


@pytest.mark.parametrize("n_timepoints", [2, 3, 10, 100])
@pytest.mark.parametrize("ratio", RATIOS)
def test_ramp_goes_on(ratio, n_timepoints):
    ramp = 3 - 0.5 * instants(n_timepoints, ratio)
    y = upsample_cubic(ramp[::ratio], ratio, boundary="odd")
    assert y == pytest.approx(ramp, abs=1e-11)


@pytest.mark.parametrize("n_timepoints", [1, 2, 30])
def test_default_boundary_is_the_mean_of_odd_and_edge(n_timepoints):
    x = noise(n_timepoints)
    odd, edge = (upsample_cubic(x, 4, boundary=b) for b in ("odd", "edge"))
    assert upsample_cubic(x, 4) == pytest.approx((odd + edge) / 2, abs=1e-12)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("n_timepoints", [1, 2, 50])
def test_constant_stays(boundary, n_timepoints):
    y = upsample_cubic(np.full(n_timepoints, 0.7), 4, boundary=boundary)
    assert y == pytest.approx(np.full(4 * n_timepoints, 0.7), abs=1e-14)


def test_ratio_1_changes_nothing():
    assert np.array_equal(upsample_cubic(noise(40), 1), noise(40))


def test_waveforms_are_independent():
    x = noise(2, 3, 45)
    y = upsample_cubic(x, 3)
    assert y.shape == (2, 3, 135)
    for i in np.ndindex(2, 3):
        assert y[i] == pytest.approx(upsample_cubic(x[i], 3), abs=1e-14)


# The polyphase filter


@pytest.mark.parametrize("n_taps", [1, 2, 3, 9, 65])
@pytest.mark.parametrize("n_timepoints", [1, 2, 31, 32, 33, 64, 100])
def test_polyphase_equals_a_loop(n_timepoints, n_taps):
    knots, taps = noise(n_timepoints + n_taps - 1), noise(n_taps, 3, seed=1)
    y = filter_polyphase(knots, taps)
    assert y == pytest.approx(filter_directly(knots, taps), abs=1e-12)


@pytest.mark.parametrize("n_taps", [1, 5])
@pytest.mark.parametrize("n_timepoints", [2048 * 32 + d for d in (-1, 0, 1, 32)])
def test_polyphase_over_more_than_one_block(n_timepoints, n_taps):
    knots, taps = noise(n_timepoints + n_taps - 1), noise(n_taps, 2, seed=1)
    y = filter_polyphase(knots, taps).reshape(-1, 2)
    for phase in range(2):
        expected = np.correlate(knots, taps[:, phase], mode="valid")
        assert np.abs(y[:, phase] - expected).max() < 1e-12


def test_polyphase_of_an_impulse_is_the_taps():
    taps = noise(5, 3)
    impulse = np.zeros(13)
    impulse[6] = 1
    y = filter_polyphase(impulse, taps).reshape(-1, 3)
    assert np.array_equal(y[2:7], taps[::-1])
    assert not y[:2].any()
    assert not y[7:].any()


# Band-limited


@pytest.mark.parametrize("ratio", RATIOS)
def test_bandlimited_equals_fourier_resampling(ratio):
    spectrum = np.zeros(257, dtype=complex)
    spectrum[:205] = np.exp(2j * np.pi * np.random.default_rng(0).random(205))  # 0.4 of the rate
    x = np.fft.irfft(spectrum) * 16
    y, expected = upsample_bandlimited(x, ratio), signal.resample(x, 512 * ratio)
    inside = slice(INSIDE * ratio, -INSIDE * ratio)
    assert np.abs(y - expected)[inside].max() < 1e-3 * np.abs(expected).max()


@pytest.mark.parametrize("frequency", [0.05, 0.2, 0.4])
def test_bandlimited_keeps_a_tone_and_adds_nothing_above(frequency):
    tone = np.sin(2 * np.pi * frequency * instants(1000, 4))
    y = upsample_bandlimited(tone[::4], 4)[400:-400]
    assert np.abs(y - tone[400:-400]).max() < 2e-4
    spectrum = np.abs(np.fft.rfft(y * signal.windows.blackmanharris(len(y))))
    highband = np.fft.rfftfreq(len(y), 1 / 4) > 0.58
    assert spectrum[highband].max() < 10 ** (-70 / 20) * spectrum.max()


@pytest.mark.parametrize("ratio", RATIOS)
def test_bandlimited_knots_pass(ratio):
    x = noise(2, 100)
    assert np.abs(upsample_bandlimited(x, ratio)[:, ::ratio] - x).max() < 1e-13


@pytest.mark.parametrize("upsample", [upsample_cubic, upsample_bandlimited])
@pytest.mark.parametrize("ratio", [2, 3, 8])
@pytest.mark.parametrize("n_timepoints", [1, 31, 33, 5000])
def test_small_products_give_the_same(upsample, ratio, n_timepoints):
    x = np.random.default_rng(0).standard_normal((2, n_timepoints))
    small, large = upsample(x, ratio, beside_torch=True), upsample(x, ratio)
    np.testing.assert_allclose(small, large, atol=1e-12)
