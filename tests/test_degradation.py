"""Degradation: each filter attenuates as its design says, nothing is delayed or lost."""

import inspect
import pickle

import numpy as np
import pytest
from scipy import signal
from sklearn.base import clone

from sklearn_audiosr._signal.interpolation import upsample_bandlimited
from sklearn_audiosr.degradation import Decimator, trim_clips
from sklearn_audiosr.degradation._filters import LowPass

RATIOS = [2, 3, 4, 6, 8]
IIR = ["chebyshev1", "butterworth", "elliptic", "bessel"]
FILTERS = [*IIR, "fir", "none"]


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def tilt(frequency, cutoff):
    """Frequency over cut-off as an analogue filter sees it after the bilinear transform."""
    return np.tan(np.pi * frequency) / np.tan(np.pi * cutoff)


def chebyshev1(frequency, cutoff, ratio):
    # 1 / (1 + (ripple T_8)^2), written out
    polynomial = np.polynomial.chebyshev.chebval(tilt(frequency, cutoff), [0] * 8 + [1])
    return 1 / np.sqrt(1 + (10 ** (0.05 / 10) - 1) * polynomial**2)


def butterworth(frequency, cutoff, ratio):
    return 1 / np.sqrt(1 + tilt(frequency, cutoff) ** 16)


def elliptic(frequency, cutoff, ratio):
    zpk = signal.ellip(8, 0.05, 60, cutoff, output="zpk", fs=1)
    return abs(signal.freqz_zpk(*zpk, worN=[frequency], fs=1)[1][0])


def bessel(frequency, cutoff, ratio):
    b, a = signal.bessel(8, 1, analog=True, norm="mag")
    return abs(signal.freqs(b, a, worN=[tilt(frequency, cutoff)])[1][0])


def fir(frequency, cutoff, ratio):
    # a windowed sinc, 8 narrowband timepoints to each side, of sum 1
    time = np.arange(-8 * ratio, 8 * ratio + 1)
    taps = np.sinc(2 * cutoff * time) * np.hamming(len(time))
    return abs(taps @ np.cos(2 * np.pi * frequency * time)) / taps.sum()


def none(frequency, cutoff, ratio):
    return 1.0


DESIGNS = {f.__name__: f for f in (chebyshev1, butterworth, elliptic, bessel, fir, none)}


def measure_gain(decimator, frequency):
    """Amplitude of a tone of `frequency` cycles a wideband timepoint after decimation."""
    r = decimator.upsampling_ratio
    time = np.arange(4000 * r)
    x = decimator.fit_transform(np.sin(2 * np.pi * frequency * time + 1)[None])[0]
    inside = slice(1500, -1500)
    phase = 2 * np.pi * frequency * time[::r][inside]
    basis = np.column_stack([np.cos(phase), np.sin(phase)])  # at its alias
    return np.hypot(*np.linalg.lstsq(basis, x[inside].astype(float), rcond=None)[0])


@pytest.mark.parametrize("ratio", RATIOS)
def test_default_is_scipys_decimate(ratio):
    Y = noise(3, 1200 * ratio)
    expected = signal.decimate(Y, ratio, ftype="iir", zero_phase=True)
    # one rounding to float32
    assert np.abs(Decimator(ratio).fit_transform(Y) - expected).max() < 1e-7 * np.abs(Y).max()


def test_causal_is_scipys_decimate():
    Y = noise(1, 4800)
    X = Decimator(4, zero_phase=False).fit_transform(Y)
    expected = signal.decimate(Y, 4, ftype="iir", zero_phase=False)
    assert np.abs(X - expected).max() < 1e-7 * np.abs(Y).max()


# Frequencies as fractions of the narrowband Nyquist frequency; the cut-off is at 0.8.
@pytest.mark.parametrize("fraction", [0.11, 0.43, 0.79, 0.93, 1.13, 1.47])
@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("ratio", [2, 3, 8])
def test_attenuation_is_the_designs(ratio, filter, fraction):
    frequency, cutoff = fraction / (2 * ratio), 0.8 / (2 * ratio)
    once = DESIGNS[filter](frequency, cutoff, ratio)
    for zero_phase in (True, False):
        twice = zero_phase and filter in IIR
        gain = measure_gain(Decimator(ratio, filter=filter, zero_phase=zero_phase), frequency)
        expected = 20 * np.log10(once**2 if twice else once)
        # below -130 dB lies what the ends of the tone leave
        assert max(20 * np.log10(gain), -130) == pytest.approx(max(expected, -130), abs=0.02)


def test_parameters_reach_the_design():
    at_cutoff = measure_gain(Decimator(2, filter="butterworth", order=3, cutoff=0.5), 0.125)
    assert 20 * np.log10(at_cutoff) == pytest.approx(-6.02, abs=0.01)
    ripple = measure_gain(Decimator(2, ripple=1.5, cutoff=0.5), 0.125)
    assert 20 * np.log10(ripple) == pytest.approx(-3, abs=0.01)
    short, long = (measure_gain(Decimator(2, filter="fir", order=n), 0.25) for n in (4, 32))
    assert long < 0.01 * short


def test_none_keeps_every_rth_timepoint_and_aliases():
    tone = np.cos(2 * np.pi * 0.4 * np.arange(100))
    X = Decimator(2, filter="none").fit_transform(tone[None])
    assert np.array_equal(X[0], tone[::2].astype(np.float32))
    assert X[0] == pytest.approx(np.cos(2 * np.pi * 0.2 * np.arange(50)), abs=1e-6)


# Delay


def measure_delay(decimator, y):
    """Wideband timepoints by which the narrowband clip lags behind `y`."""
    restored = upsample_bandlimited(decimator.fit_transform(y[None])[0].astype(float), 4)
    correlation = signal.correlate(restored, y)
    return signal.correlation_lags(len(restored), len(y))[np.argmax(correlation)]


@pytest.mark.parametrize("filter", FILTERS)
def test_zero_phase_does_not_delay(filter):
    lowpassed = np.convolve(noise(4000), np.hamming(41))
    assert measure_delay(Decimator(4, filter=filter), lowpassed[:4000]) == 0


@pytest.mark.parametrize("filter", [*IIR, "fir"])
def test_causal_delays_by_the_group_delay(filter):
    lowpassed = np.convolve(noise(40000), np.hamming(81))[:40000]
    decimator = Decimator(4, filter=filter, zero_phase=False)
    expected = 8 * 4  # half the taps of "fir"
    if filter in IIR:
        b, a = signal.sos2tf(LowPass(filter, 8, 0.05, 0.8)._design_recursive(0.8 / 4))
        expected = signal.group_delay((b, a), w=[0.01], fs=1)[1][0]
    assert measure_delay(decimator, lowpassed) == pytest.approx(expected, abs=1)


# Lengths and ends


@pytest.mark.parametrize("zero_phase", [True, False])
@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("ratio", RATIOS)
def test_every_multiple_of_the_ratio_works(ratio, filter, zero_phase):
    decimator = Decimator(ratio, filter=filter, zero_phase=zero_phase)
    clips = [noise(ratio * n) for n in range(1, 41)]
    X = decimator.fit_transform(clips)
    assert [len(x) for x in X] == list(range(1, 41))
    assert all(np.isfinite(x).all() and np.abs(x).max() < 50 for x in X)


@pytest.mark.parametrize("filter", IIR)
@pytest.mark.parametrize("n_timepoints", [2, 4, 10, 54, 56, 200])
def test_constant_keeps_its_level_up_to_the_ends(filter, n_timepoints):
    X = Decimator(2, filter=filter).fit_transform(np.full((1, n_timepoints), 0.7))
    # filters with ripple pass zero frequency at their lowest, once in each direction
    level = 10 ** (-2 * 0.05 / 20) if filter in ("chebyshev1", "elliptic") else 1
    assert X[0] == pytest.approx(np.full(n_timepoints // 2, 0.7 * level), rel=1e-5)


@pytest.mark.parametrize("container", [noise(2, 10), [noise(12), noise(10)], (noise(2, 10),)])
def test_bad_length(container):
    message = (
        r"Y\[[01]\] must have a multiple of upsampling_ratio=4 timepoints, got 10: cut it to 8, "
        r"for example with degradation.trim_clips\(Y, 4\)"
    )
    with pytest.raises(ValueError, match=message):
        Decimator(4).fit_transform(container)
    assert Decimator(4).fit_transform(trim_clips(container, 4))[-1].shape[-1] == 2


# Levels, channels, containers


@pytest.mark.parametrize("level", [1e-6, 1e-3, 1e6])
@pytest.mark.parametrize("filter", FILTERS)
def test_any_level(filter, level):
    Y = noise(1, 800)
    X, scaled = (Decimator(4, filter=filter).fit_transform(y) for y in (Y, level * Y))
    assert np.abs(scaled / level - X).max() < 1e-6 * np.abs(X).max()


@pytest.mark.parametrize("filter", FILTERS)
def test_channels_are_independent(filter):
    Y = noise(2, 3, 400)
    X = Decimator(4, filter=filter).fit_transform(Y)
    mono = Decimator(4, filter=filter).fit_transform(Y.reshape(6, 400))
    assert X.shape == (2, 3, 100)
    assert np.abs(X.reshape(6, 100) - mono).max() < 1e-6


@pytest.mark.parametrize("kind", [list, tuple])
def test_kinds_of_containers(kind):
    Y = kind([noise(8), noise(2, 12)])
    X = Decimator(4).fit_transform(Y)
    assert type(X) is kind
    assert [x.shape for x in X] == [(2,), (2, 3)]
    assert all(x.dtype == np.float32 for x in X)


def test_pcm_equals_floats():
    pcm = (noise(2, 80) * 2**12).astype(np.int16)
    assert np.array_equal(Decimator().fit_transform(pcm), Decimator().fit_transform(pcm / 2**15))


def test_trim_clips():
    stereo, mono = noise(2, 11).astype(np.float32), noise(8).astype(np.float32)
    trimmed = trim_clips((stereo, mono), 4)
    assert type(trimmed) is tuple
    assert np.array_equal(trimmed[0], stereo[:, :8])
    assert np.array_equal(trimmed[1], mono)
    assert trim_clips(noise(3, 2, 13), 3).shape == (3, 2, 12)


def test_trim_clips_errors():
    with pytest.raises(ValueError, match=r"clips\[1\] must have at least 4 timepoints .* 3: leave"):
        trim_clips([noise(4), noise(3)], 4)
    for ratio in (0, 2.5):
        with pytest.raises(ValueError, match=r"upsampling_ratio must be an integer .*, got"):
            trim_clips([noise(4)], ratio)


# Parameters


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("upsampling_ratio", 1), ("upsampling_ratio", 2.0), ("filter", "chebyshev2"), ("order", 0),
        ("ripple", 0), ("cutoff", 0), ("cutoff", 1.1), ("zero_phase", "yes"), ("random_state", "a"),
    ],
)  # fmt: skip
def test_parameters_are_checked(name, value):
    for act in ("fit", "transform", "fit_transform"):
        with pytest.raises(ValueError, match=f"The '{name}' parameter of Decimator must be"):
            getattr(Decimator(**{name: value}), act)(noise(1, 16))


def test_ripple_must_stay_below_the_elliptic_stopband():
    with pytest.raises(ValueError, match=r"ripple must be .*60.* got 61"):
        Decimator(filter="elliptic", ripple=61).fit_transform(noise(1, 16))


def test_clone_pickle_and_params():
    parameters = {"upsampling_ratio": 3, "filter": "fir", "order": 5, "ripple": 0.1,
                  "cutoff": 0.7, "zero_phase": False, "random_state": 1}  # fmt: skip
    decimator = Decimator(**parameters)
    assert clone(decimator).get_params() == parameters
    assert list(inspect.signature(Decimator).parameters) == list(parameters)
    Y = noise(2, 60)
    restored = pickle.loads(pickle.dumps(decimator))
    assert np.array_equal(restored.transform(Y), decimator.fit_transform(Y))


def test_needs_no_fit():
    assert Decimator(4).transform(noise(2, 40)).shape == (2, 10)


@pytest.mark.parametrize("filter", IIR)
@pytest.mark.parametrize("order", [1, 7, 25, 50])
def test_high_orders_are_stable_or_refused(filter, order):
    wideband = noise(1, 8000)
    narrowband = Decimator(4, filter=filter, order=order).fit_transform(wideband)
    assert np.abs(narrowband).max() < 3 * np.abs(wideband).max()
    with pytest.raises(ValueError, match=r"order must be at most 50 for filter=.*, got 51"):
        Decimator(4, filter=filter, order=51).fit(wideband)


def test_fir_goes_on_beyond_the_ends_by_odd_reflection():
    constant = np.ones((1, 400))
    np.testing.assert_allclose(Decimator(4, filter="fir").fit_transform(constant), 1, atol=1e-3)
