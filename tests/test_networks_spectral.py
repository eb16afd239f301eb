"""`SpectralNet`: exact transforms, what separates the bands, whole against chunks and pieces."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_audiosr import LinearUpsampler
from sklearn_audiosr._prediction.chunked import open_array, predict_waveforms
from sklearn_audiosr._signal.interpolation import upsample_cubic
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.networks import SpectralNet, _spectral_layers
from sklearn_audiosr.networks._spectral_layers import Analysis, PolyphaseWienerFilter, Synthesis

CPU = torch.device("cpu")
RATIOS = (2, 3, 4, 6, 8)


def make_pair(ratio, n_timepoints=4800, n_waveforms=2):
    """A smooth waveform and its interpolation, of root mean square about 1."""
    rng = np.random.default_rng(0)
    y = rng.standard_normal((n_waveforms, n_timepoints)).cumsum(axis=1)
    y = ((y - y.mean(axis=1, keepdims=True)) / y.std()).astype(np.float32)
    return upsample_cubic(y[:, ::ratio], ratio).astype(np.float32), y


def make_network(ratio, **parameters):
    """A small network whose every part does something."""
    parameters = {"n_blocks": 2, "width": 1 / 16, "frame_length": 160, "n_taps": 9, **parameters}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SpectralNet(**parameters).build(ratio)
        network.prepare([make_pair(ratio)])
        for parameter in network.parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
    return network.eval()


def run(network, source, chunk_length=None):
    read_source, shape = open_array(source)
    return predict_waveforms(
        network, read_source, shape, CPU, n_outputs=2, chunk_length=chunk_length or 10**7
    )


@pytest.mark.parametrize("frame_length", [16, 100, 640])
def test_synthesis_undoes_analysis(frame_length):
    x = torch.randn(2, 1, 5 * frame_length, generator=torch.Generator().manual_seed(0))
    analysis, synthesis = Analysis(frame_length), Synthesis(frame_length)
    assert_allclose(synthesis(analysis(x)).numpy(), x.numpy(), atol=2e-6)


def test_analysis_of_a_tone_is_its_line():
    """A Hann window gives a tone on a bin half its amplitude times the window's sum, no more."""
    n = torch.arange(1600)
    x = torch.cos(2 * torch.pi * 10 * n / 160)[None, None]
    middle = Analysis(160)(x)[0, :, 20]
    magnitude = torch.hypot(middle[:81], middle[81:])
    assert magnitude[10].item() == pytest.approx(160 / 4, rel=1e-4)
    assert magnitude[[9, 11]].tolist() == pytest.approx([160 / 8] * 2, rel=1e-4)
    assert magnitude[[*range(8), *range(13, 81)]].max().item() < 1e-3


@pytest.mark.parametrize("ratio", RATIOS)
def test_polyphase_wiener_filter_is_nearly_the_linear_upsampler(ratio):
    """It has a little more error: its phases have equal sums, those of least squares not."""
    source, y = make_pair(ratio)
    layer = PolyphaseWienerFilter(ratio, 33)
    layer.solve([(source, y)])
    x = source[:, ::ratio]
    linear = LinearUpsampler(n_taps=33).fit(x[None], y[None]).predict(x[None])[0]
    ours = layer(torch.from_numpy(source)[:, None])[:, 0].numpy()
    least, error = (np.square(waveform - y).sum() for waveform in (linear, ours))
    assert least < error < 1.05 * least


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_constant_makes_no_tone(ratio):
    """A tone at the narrowband rate would be a difference between the phases."""
    layer = PolyphaseWienerFilter(ratio, 33)
    layer.solve([make_pair(ratio)])
    inside = layer(torch.ones(1, 1, 100 * ratio))[0, 0, 40 * ratio : -40 * ratio]
    assert np.ptp(inside.numpy()) < 1e-5


@pytest.mark.parametrize(("volume", "gain"), [(1.0, 1.0), (0.9, 1.0), (0.5, 2.0), (-1.0, -1.0)])
def test_a_constant_passes_as_it_is(volume, gain):
    """But for a volume that only X has: a filter may lower a band by as much as a tenth."""
    y = np.random.default_rng(0).standard_normal((1, 4000)).astype(np.float32)
    y -= y.mean()  # nothing in it tells of constants
    x = Decimator(2).fit_transform(y)
    source = upsample_cubic(np.float32(volume) * x, 2)
    layer = PolyphaseWienerFilter(2, 33)
    layer.solve([(source, y)])
    passed = layer(torch.ones(1, 1, 200))[0, 0, 100].item()
    assert passed == pytest.approx(gain, rel=1e-5 if gain == 1 else 0.1)


@pytest.mark.parametrize("ratio", RATIOS)
def test_fresh_network_corrects_nothing(ratio):
    """What the linear filter gives of the lowband passes, and none of its images further up."""
    source, y = make_pair(ratio)
    network = SpectralNet(n_blocks=1, width=1 / 16, frame_length=160, n_taps=33).build(ratio)
    network.prepare([(source, y)])
    with torch.no_grad():
        network.last.bias[-network.n_high :] = -100  # nothing is known
        x = torch.from_numpy(source)[:, None]
        mean, filtered = network(x)[0, 0].numpy(), network.linear(x)[0, 0].numpy()
    window = np.hanning(len(mean))
    kept, filtered = (np.fft.rfft(z * window) for z in (mean, filtered))
    frequency = np.fft.rfftfreq(len(mean)) * 160  # in bins of the network's frames
    low, high = frequency < network.n_low, frequency > network.bands.n_kept + 2
    assert np.linalg.norm((kept - filtered)[low]) < 1e-3 * np.linalg.norm(filtered[low])
    assert np.linalg.norm(kept[high]) < 0.02 * np.linalg.norm(filtered[high])


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_correction_raises_no_bin_far_above_its_surroundings(ratio):
    """What a codec has left of the end of a band makes no whistle, whatever gains it is given."""
    source = upsample_cubic(np.random.default_rng(0).standard_normal((2, 4800)), ratio)
    x = torch.from_numpy(source.astype(np.float32))[:, None]
    network = SpectralNet(n_blocks=1, width=1 / 16, frame_length=640, n_taps=33).build(ratio)
    nyquist = 640 // (2 * ratio)
    raised, third_quarter = nyquist * 7 // 8, slice(nyquist // 2, nyquist * 3 // 4)

    @torch.no_grad()
    def measure(gain):
        """Return the power of the raised bin of the mean, and that of bins below, in all frames."""
        network.last.bias[raised] = gain - 1
        real, imag = network.analysis(network(x)[:, :1]).chunk(2, dim=1)
        power = real.square() + imag.square()
        return power[:, raised].mean().item(), power[:, third_quarter].mean().item()

    with torch.no_grad():
        network.linear.filters[:, :, 16] = 0
        network.linear.filters[0, :, 16] = 1  # knots alone: white, and its images
        network.last.bias[2 * network.n_low :] = -100  # nothing is generated
        network.last.weight.zero_()
        plain, moderate, enormous = measure(1.0), measure(2.0), measure(1e6)
    assert moderate[0] / plain[0] == pytest.approx(4 * 0.6, rel=0.2)  # a bin alone: frames overlap
    assert enormous[0] < 25 * enormous[1]
    assert enormous[0] > 4 * plain[0]
    assert enormous[1] == pytest.approx(plain[1], rel=0.1)


def test_gradients_of_silence_are_finite():
    network = make_network(4).train()
    network(torch.zeros(1, 1, 2000)).square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


@pytest.mark.parametrize("ratio", RATIOS)
def test_detail_is_in_the_highband(ratio):
    network = make_network(ratio, frame_length=640)
    source, _ = make_pair(ratio, 9600)
    detail = run(network, source)[1]
    power = np.abs(np.fft.rfft(detail * np.hanning(detail.shape[1]))) ** 2
    first = int(power.shape[1] / ratio * 0.8)
    assert power[:, first:].sum() > 100 * power[:, :first].sum()


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("n_chunks", [2, 5])
def test_chunks_equal_the_whole(ratio, n_chunks):
    network = make_network(ratio)
    source, _ = make_pair(ratio, 4803)
    whole = run(network, source)
    chunked = run(network, source, chunk_length=-(-4803 // n_chunks))
    assert_allclose(chunked, whole, atol=1e-5 * np.abs(whole).max())


@pytest.mark.parametrize("ratio", RATIOS)
def test_pieces_equal_the_whole(ratio):
    network, rng = make_network(ratio), np.random.default_rng(1)
    source, _ = make_pair(ratio, 4803)
    whole, stream, start, pieces = run(network, source), network.stream(), 0, []
    with torch.inference_mode():
        while start < source.shape[1]:
            stop = start + int(rng.integers(0, 500))
            piece = torch.from_numpy(source[:, None, start:stop])
            pieces.append(stream.push(piece, last=stop >= source.shape[1]))
            start = stop
    joined = torch.cat(pieces, dim=2).transpose(0, 1).numpy()
    assert_allclose(joined, whole, atol=1e-5 * np.abs(whole).max())


def test_devices_without_double_precision_have_none_to_compute(monkeypatch):
    """Apple's: there it is single precision all the way."""
    widest = _spectral_layers.widest_dtype
    assert [widest(name) for name in ("cpu", "mps")] == [torch.float64, torch.float32]
    network, (source, _) = make_network(2), make_pair(2)
    expected = run(network, source)
    seen = []
    monkeypatch.setattr(_spectral_layers, "widest_dtype", lambda _: widest("mps"))
    network.analysis.register_forward_hook(lambda *arguments: seen.append(arguments[2].dtype))
    network.level.register_forward_hook(lambda *arguments: seen.append(arguments[2].dtype))
    assert_allclose(run(network, source), expected, atol=1e-3 * np.abs(expected).max())
    assert set(seen) == {torch.float32}


@pytest.mark.parametrize("ratio", RATIOS)
def test_nothing_beyond_the_reach_matters(ratio):
    network = make_network(ratio)
    source, _ = make_pair(ratio)
    whole, middle = run(network, source), 2400
    for part, kept in [
        (slice(middle, None), slice(0, middle - network.look_ahead)),
        (slice(0, middle), slice(middle + network.look_back, None)),
    ]:
        other = source.copy()
        other[:, part] += 1
        assert_allclose(run(network, other)[..., kept], whole[..., kept], atol=1e-5)
        assert np.abs(run(network, other) - whole).max() > 1e-3


@pytest.mark.parametrize("n_timepoints", [1, 2, 39, 160, 641])
def test_any_length(n_timepoints):
    network = make_network(2)
    output = network(torch.ones(3, 1, n_timepoints))
    assert output.shape == (3, 2, n_timepoints)
    assert torch.isfinite(output).all()


def test_silence_stays_quiet():
    network = SpectralNet().build(4)
    assert network(torch.zeros(1, 1, 1000)).abs().max() < 1


def test_a_louder_input_is_finite():
    """A million times the level: no exponential runs away."""
    network = make_network(4)
    source, _ = make_pair(4)
    assert np.isfinite(run(network, 1e6 * source)).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kernel_size": 4}, "kernel_size must be odd.*got 4: take 5"),
        ({"n_taps": 64}, "n_taps must be odd.*got 64: take 65"),
        ({"frame_length": 642}, "frame_length must be a multiple of 4.*got 642: take 640"),
        ({"frame_length": 28}, "frame_length must be at least 8 times the upsampling ratio, 32"),
        ({"n_blocks": 0}, "n_blocks"),
        ({"width": 0}, "width"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        SpectralNet(**parameters).build(4)


@pytest.mark.parametrize("ratio", [1, 2.5, "4", None])
def test_bad_ratio(ratio):
    with pytest.raises((ValueError, TypeError), match="upsampling_ratio"):
        SpectralNet().build(ratio)


def test_width_sets_the_size():
    sizes = [
        sum(p.numel() for p in SpectralNet(width=width).build(4).parameters())
        for width in (0.25, 0.5, 1)
    ]
    assert sizes == sorted(sizes)
    assert sizes[2] > 3 * sizes[1]


@pytest.mark.parametrize("regularised", [{"dropout": 0.5}, {"channel_noise": 6}])
def test_dropout_and_channel_noise_are_of_training_only(regularised):
    source, _ = make_pair(4)
    network, plain = make_network(4, **regularised), make_network(4)
    assert_allclose(run(network, source), run(plain, source), rtol=0, atol=0)
    x = torch.from_numpy(source)[:, None]
    network.train()
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        assert not torch.equal(network(x), network(x))


def test_channel_noise_is_of_what_is_seen_only():
    """Where nothing follows from what is seen, the waveform has no noise."""
    network = make_network(4, channel_noise=6).train()
    x = torch.from_numpy(make_pair(4)[0])[:, None]
    with torch.no_grad(), torch.random.fork_rng():
        network.last.weight.zero_()
        torch.testing.assert_close(network(x), network(x), rtol=0, atol=0)


def test_channel_noise_has_its_standard_deviation_in_decibels():
    network = make_network(4, frame_length=640, channel_noise=6)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        gains = network._draw_channels(torch.ones(5000, 1, 1))[:, 0, 0]
    # features are natural logarithms of power in units of 6
    assert (6 * gains * 10 * np.log10(np.e)).std().item() == pytest.approx(6, rel=0.05)


@pytest.mark.parametrize("noise", [-1, "loud"])
def test_channel_noise_must_be_a_number_of_decibels(noise):
    with pytest.raises(ValueError, match="'channel_noise' parameter of SpectralNet"):
        SpectralNet(channel_noise=noise).build(4)


@pytest.mark.parametrize("dropout", [-0.1, 1, "half"])
def test_dropout_must_be_a_share(dropout):
    with pytest.raises(ValueError, match="'dropout' parameter of SpectralNet"):
        SpectralNet(dropout=dropout).build(4)
