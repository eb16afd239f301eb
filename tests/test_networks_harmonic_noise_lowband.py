"""`HarmonicNoiseNet` leaves the lowband alone, whatever its weights are.

From 300 Hz to 0.8 of the narrowband Nyquist frequency no third octave changes by more than 1 dB.
Outside, none is lowered by more than 1 dB.
"""

from itertools import pairwise

import numpy as np
import pytest
import soxr
from harmonic_noise import (
    RATIOS,
    interpolate,
    make_greedy_network,
    make_network,
    make_wild_network,
    run,
)

RATE = 16000
LEVELS = (1e-3, 1.0, 30.0)
T = np.arange(RATE) / RATE

NETWORKS = {
    "wild 0": lambda ratio: make_wild_network(ratio, 0),
    "wild 1": lambda ratio: make_wild_network(ratio, 1),
    "greedy": make_greedy_network,
}


def make_sounds(ratio):
    """Return wideband sounds by name."""
    white = np.random.default_rng(0).standard_normal(RATE)
    spectrum, frequency = np.fft.rfft(white), np.fft.rfftfreq(RATE, 1 / RATE)
    clicks, pulses = np.zeros((2, RATE))
    clicks[::1777], pulses[::120] = 1, 1
    voice = np.convolve(-pulses, np.exp(-np.arange(200) / 20) * np.cos(0.25 * np.arange(200)))
    top = 0.9 * RATE / 2 / ratio
    return {
        "white": white,
        "pink": np.fft.irfft(spectrum / np.sqrt(np.maximum(frequency, 20)), RATE),
        "440 Hz": np.sin(2 * np.pi * 440 * T),
        "0.9 of the band": np.sin(2 * np.pi * top * T),
        "hum": sum(np.sin(2 * np.pi * 50 * k * T + k) / k for k in (1, 2, 3, 5)) + 1e-3 * white,
        "clicks": clicks,
        "negative pulses": -pulses,
        "voice": voice[:RATE] * (1 + np.sin(6 * np.pi * T)) + 1e-3 * white,
    }


def third_octaves(ratio):
    """Return the limits in Hz of third octaves, which end at 300 Hz and 0.8 of the band too."""
    edges = 1000 * 2 ** ((np.arange(-15, 13) - 0.5) / 3)
    edges = np.unique([*edges[edges < RATE / 2], 300, 0.8 * RATE / 2 / ratio])
    return list(pairwise(edges))


def measure_levels(waveforms, bands):
    """Return the levels of bands in dB: (n_waveforms, n_bands)."""
    power = np.abs(np.fft.rfft(waveforms * np.hanning(waveforms.shape[1]))) ** 2  # 1 Hz to a bin
    sums = [power[:, int(np.ceil(a)) : int(np.ceil(b))].sum(axis=1) for a, b in bands]
    return 10 * np.log10(np.array(sums).T + 1e-30)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("ratio", RATIOS)
def test_third_octaves_stay(ratio, name):
    sounds = make_sounds(ratio)
    narrow = [soxr.resample(y / np.abs(y).max(), RATE, RATE / ratio) for y in sounds.values()]
    x = np.concatenate([level * np.array(narrow) for level in LEVELS])
    lowband, restoration, highband = run(NETWORKS[name](ratio), interpolate(x, ratio))[..., :RATE]
    bands, top = third_octaves(ratio), 0.8 * RATE / 2 / ratio
    given = measure_levels(lowband, bands)
    inside = np.array([300 <= a and b <= top for a, b in bands])
    heard = given > given.max(axis=1, keepdims=True) - 60
    assert (heard & inside).sum() > 50
    for gain in (0, 0.5, 1):
        for restored in (0, 1):
            y = lowband + restored * restoration + gain * highband
            change = measure_levels(y, bands) - given
            assert np.abs(change[heard & inside]).max() < 1, (gain, restored)
            assert change[heard & ~inside].min() > -1, (gain, restored)


def test_the_networks_of_that_test_change_much_elsewhere():
    """It would be no test else."""
    for name, make in NETWORKS.items():
        noise = np.random.default_rng(0).standard_normal(RATE // 4)
        lowband, restoration, highband = run(make(4), interpolate(noise, 4))[:, :, :RATE]
        bands = [(100, 200), (1800, 2000), (2300, 7800)]
        given, restored, all_of_it = (
            measure_levels(y, bands)[0]
            for y in (lowband, lowband + restoration, lowband + highband)
        )
        assert (restored - given)[:2].max() > 1.5, name
        assert (all_of_it - given)[2] > 60, name


@pytest.mark.parametrize("ratio", RATIOS)
def test_what_is_kept_is_the_input_up_to_nine_tenths_of_the_band(ratio):
    """Ideal interpolation is the zero-padded spectrum; ideal filters have no transition."""
    x = np.random.default_rng(0).standard_normal(RATE // ratio // 2 * 2)
    lowband = run(make_network(ratio), interpolate(x, ratio))[0, 0].astype(float)
    n = len(lowband)
    spectrum = np.fft.rfft(x)
    spectrum[-1] /= 2
    ideal = ratio * np.fft.irfft(spectrum, n)
    passed = np.arange(n // 2 + 1) <= 0.9 * len(x) / 2
    kept, given = (
        np.fft.irfft(np.fft.rfft(y) * passed, n)[n // 8 : -n // 8] for y in (lowband, ideal)
    )
    assert 20 * np.log10(np.linalg.norm(kept - given) / np.linalg.norm(given)) < -60


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("size", [3.0, 1e4])
def test_nothing_is_raised_far_above_its_surroundings(ratio, size):
    """What a codec has left of the end of a band makes no whistle, and hum no roar."""
    n_bins = 161
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.standard_normal(2 * RATE // ratio))
    frequency = np.arange(len(spectrum)) / 2  # Hz
    nyquist = RATE / 2 / ratio
    weak = (frequency < 250) | (frequency > 0.85 * nyquist)
    x = np.fft.irfft(np.where(weak, 0.1, 1) * spectrum)
    network = make_greedy_network(ratio)
    network.last.bias.data[network.edges.n_edge :] = -100  # no highband
    network.linear.filters.zero_()
    network.linear.filters[0, 0, network.linear.n_taps // 2] = size * ratio
    lowband, restoration, _ = run(network, interpolate(x, ratio))[:, 0, :]
    before, after = (
        np.mean([frame_power(y[i : i + 320]) for i in range(0, len(lowband) - 320, 80)], axis=0)
        for y in (lowband, lowband + restoration)
    )
    assert before.shape == (n_bins,)
    middle = slice(int(320 / ratio / 4) + 1, int(0.8 * 320 / ratio / 2) - 1)
    surroundings = before[middle].mean()
    last = int(320 / ratio / 2)
    assert after[: last + 4].max() < 25 * surroundings
    assert after[last - 1] > 4 * before[last - 1]
    assert after[3] > 4 * before[3]
    np.testing.assert_allclose(after[middle], before[middle], rtol=0.05)


def frame_power(frame):
    return np.abs(np.fft.rfft(frame * np.hanning(320))) ** 2


@pytest.mark.parametrize("ratio", RATIOS)
def test_an_offset_stays(ratio):
    x = np.full(32000 // ratio, 1.0)
    lowband, restoration, _ = run(make_greedy_network(ratio), interpolate(x, ratio))[:, 0]
    inside = slice(20000, -8000)  # the level no longer remembers the step at the start
    np.testing.assert_allclose(lowband[inside], 1, atol=1e-3)
    assert np.abs(restoration[inside]).max() < 0.01
