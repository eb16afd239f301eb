"""The carriers of `HarmonicNoiseNet`, its layers, and the filters of what it adds."""

import numpy as np
import pytest
import torch
from harmonic_noise import RATIOS, interpolate, make_network, make_pair, run
from numpy.testing import assert_allclose

from sklearn_audiosr.networks._harmonic_noise_bands import SpectrumBands
from sklearn_audiosr.networks._harmonic_noise_layers import (
    NoisePhases,
    SincInterpolation,
    StridedConv1d,
    ZeroPhaseFilters,
    _draw_noise,
    turn_phases,
)
from sklearn_audiosr.networks._runners import StreamRunner
from sklearn_audiosr.networks._spectral_layers import Analysis, Synthesis


def test_noise_is_that_of_a_published_generator():
    """SplitMix64 of seed 0 begins with these numbers."""
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert _draw_noise(3).tolist() == [z / 2**63 - 1 for z in expected]


def test_noise_has_the_phases_of_one_waveform():
    """With the magnitudes of that waveform's frames, overlapping and adding rebuilds it."""
    noise = torch.from_numpy(_draw_noise(1024 * 16)).float()
    spectrum = Analysis(64)(noise[None, None])[..., 3:-3]  # of frames that lie inside
    phases = NoisePhases(64, 0)(spectrum, 0)
    magnitude = torch.hypot(*spectrum.chunk(2, dim=1)).repeat(1, 2, 1)
    rebuilt = Synthesis(64)(magnitude * phases)[0, 0]
    assert_allclose(rebuilt.numpy(), noise[48 : 48 + len(rebuilt)].numpy(), atol=1e-5)
    assert len(rebuilt) > 16000
    highest = NoisePhases(64, 30)(spectrum, 0)
    assert torch.equal(highest, torch.cat([p[:, 30:] for p in phases.chunk(2, dim=1)], dim=1))


def test_noise_is_a_function_of_the_position():
    layer = NoisePhases(64, 3)
    whole = layer(torch.empty(2, 1, 3000), 0)
    assert torch.equal(layer(torch.empty(2, 1, 100), 1500), whole[..., 1500:1600])
    assert torch.equal(whole[..., :1024], whole[..., 1024:2048])
    assert whole.shape == (2, 2 * 30, 3000)
    assert_allclose(whole[0, :30] ** 2 + whole[0, 30:] ** 2, 1, rtol=1e-5)
    torch.testing.assert_close(whole[0, :, :300].mean(), torch.tensor(0.0), atol=0.02, rtol=0)


def test_noise_of_training_starts_anywhere():
    layer = NoisePhases(64, 3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        a, b = layer(torch.empty(2, 1, 100), 0, random=True)
    assert not torch.equal(a, b)


def test_a_chunk_that_starts_later_has_the_same_noise():
    network = make_network(4)
    x = torch.from_numpy(make_pair(4, 24000)[0])[:, None]
    start = 10 * network.stride
    with torch.inference_mode():
        whole = network(x)[..., start + network.look_back :]
        same = network(x[..., start:], start)[..., network.look_back :]
        other = network(x[..., start:])[..., network.look_back :]
    assert_allclose(same, whole, atol=1e-5 * whole.abs().max().item())
    assert (other - whole)[:, 2].abs().max() > 0.1 * whole[:, 2].abs().max()


def test_the_harmonic_carrier_continues_harmonics():
    """Pulses at 200 Hz: all of the highband lies on multiples of 200 Hz."""
    network = make_network(4)
    network.last.weight.data.zero_()
    first_noise = network.edges.n_edge + network.bands.n_high
    network.last.bias.data[first_noise : first_noise + network.bands.n_high] = -50
    pulses = np.zeros(8000)
    pulses[::20] = 1  # at 4 kHz
    highband = run(network, interpolate(pulses, 4))[2, 0, 8000:24000]
    power = np.abs(np.fft.rfft(highband * np.hanning(16000))) ** 2  # a bin for each Hz
    on_harmonics = sum(power[200 * k - 2 : 200 * k + 3].sum() for k in range(10, 41))
    assert on_harmonics > 0.99 * power.sum()
    assert power[2500:7500].sum() > 0.5 * power.sum()


def test_the_noise_carrier_makes_no_line_at_the_hop_rate():
    """Frames that cancel at random would modulate it 200 times a second."""
    network = make_network(4)
    network.last.weight.data.zero_()
    network.last.bias.data[: network.edges.n_edge + network.bands.n_high] = -50
    noise = np.random.default_rng(0).standard_normal(16000)
    highband = run(network, interpolate(noise, 4))[2, 0, 8000:56000]
    envelope = np.abs(np.fft.rfft(highband**2 * np.hanning(48000))) ** 2  # three bins for each Hz
    line, around = envelope[597:604].max(), envelope[450:750].mean()
    assert line < 15 * around  # of 300 bins of noise the largest has 6 times the mean


def test_a_turn_has_the_phase_of_one_plus_it():
    spectrum = np.array([[3 + 4j, -1j, 2]]).T
    turn = np.array([[-1 + 5j, 1, -3]]).T  # a quarter, none, a half
    turned = turn_phases(
        *(torch.from_numpy(np.concatenate([z.real, z.imag]))[None] for z in (spectrum, turn))
    )
    real, imag = turned[0, :, 0].numpy().reshape(2, 3)
    assert_allclose(real + 1j * imag, [-4 + 3j, -1j, -2], atol=1e-12)


def test_a_long_frame_lies_about_the_middle_of_a_slow_step():
    """A click there is loudest in that long frame, and in the middle of the eight short ones."""
    network = make_network(4)
    hop, step = network.analysis.hop, 10
    click = torch.zeros(1, 1, 20 * 4 * hop)
    click[..., step * 4 * hop + hop // 2] = 1
    power = network.long_analysis(click)[0].square().sum(dim=0)
    assert power.argmax() == step
    frames = network.analysis(click)[0].square().sum(dim=0, keepdim=True)
    field = network.slower.receptive_field
    padded = torch.nn.functional.pad(frames, (field.padding, field.padding_after))
    seen = padded[0].unfold(0, field.length, field.stride)
    assert len(seen) == len(power)
    centre = (seen[step] * torch.arange(8)).sum() / seen[step].sum()
    assert abs(centre.item() - 3.5) < 0.2


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_highband_is_above_the_lowband(ratio):
    highband = run(make_network(ratio), make_pair(ratio, 9600)[0])[2]
    power = np.abs(np.fft.rfft(highband * np.hanning(highband.shape[1]))) ** 2
    first = int(power.shape[1] / ratio * 0.9)
    assert power[:, first:].sum() > 1e5 * power[:, :first].sum()


@pytest.mark.parametrize("ratio", RATIOS)
def test_filters_stop_what_they_should(ratio):
    """Of frequencies in bins: between 6 and 0.8 of the narrowband Nyquist frequency, below 0.9."""
    bands = SpectrumBands(320, ratio)
    taps = bands.design_filters()
    response = np.abs(np.fft.rfft(taps, 32000))  # a hundred to a bin
    frequency = np.arange(16001) / 100
    restoration, highband = response
    top, high = 0.8 * bands.nyquist, 0.9 * bands.nyquist
    assert restoration[(frequency >= 6) & (frequency <= top)].max() < 10 ** (-58 / 20)
    assert_allclose(restoration[(frequency <= 4) | (frequency >= top + 2)], 1, atol=2e-3)
    assert highband[frequency <= high].max() < 10 ** (-58 / 20)
    assert_allclose(highband[frequency >= high + 2], 1, atol=2e-3)
    assert_allclose(taps, taps[:, ::-1], atol=1e-12)


def test_filters_are_a_convolution():
    rng = np.random.default_rng(0)
    taps, x = rng.standard_normal((2, 2, 31))[0], rng.standard_normal((3, 2, 200))
    taps = taps + taps[:, ::-1]
    y = ZeroPhaseFilters(taps)(torch.from_numpy(x).float()).numpy()
    for clip, filtered in zip(x, y, strict=True):
        for channel in range(2):
            expected = np.convolve(clip[channel], taps[channel], mode="same")
            assert_allclose(filtered[channel], expected, atol=1e-4)


def test_a_strided_convolution_sees_the_end_of_a_clip():
    """A clip has three frames more than a multiple of four; the last of them counts."""
    layer = StridedConv1d(1, 1, 4)
    x = torch.zeros(1, 1, 11)
    x[..., -1] = 1
    assert layer(x).shape[-1] == 3
    assert layer(x)[0, 0, -1] != layer(torch.zeros(1, 1, 11))[0, 0, -1]
    runner = StreamRunner()
    pieces = [runner.run(layer, x[..., :5])]
    runner.last = True
    pieces.append(runner.run(layer, x[..., 5:]))
    torch.testing.assert_close(torch.cat(pieces, dim=2), layer(x))


def test_sinc_interpolation_passes_the_narrowband_timepoints():
    source, y = make_pair(3)
    passed = SincInterpolation(3)(torch.from_numpy(source)[:, None])[:, 0, ::3].numpy()
    assert_allclose(passed, y[:, ::3], atol=1e-6)


def test_the_carrier_below_the_narrowband_nyquist_frequency_is_the_lowband():
    """A rectified waveform may have the opposite sign there."""
    bands = SpectrumBands(320, 6)  # bin 26 is the last one below
    lowband, rectified = torch.zeros(1, 2 * 161, 1), torch.ones(1, 2 * 161, 1)
    real, imag = bands.join_carrier(lowband, rectified).chunk(2, dim=1)
    assert real[0, :, 0].tolist() == imag[0, :, 0].tolist() == [0] * 3 + [1] * 134
