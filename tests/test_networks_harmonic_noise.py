"""`HarmonicNoiseNet`: whole against chunks and pieces, levels, parameters."""

import copy
import pickle

import numpy as np
import pytest
import torch
from harmonic_noise import RATIOS, SMALL, interpolate, make_network, make_pair, run
from numpy.testing import assert_allclose
from sklearn.base import clone

from sklearn_audiosr._signal.interpolation import upsample_bandlimited
from sklearn_audiosr.networks import HarmonicNoiseNet, _spectral_layers


@pytest.mark.parametrize("ratio", [*RATIOS, 5])
def test_the_lowband_is_band_limited_interpolation(ratio):
    source, y = make_pair(ratio)
    lowband = run(make_network(ratio), source)[0]
    assert_allclose(lowband, upsample_bandlimited(y[:, ::ratio], ratio), atol=1e-5)


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_fresh_network_restores_as_the_linear_filter(ratio):
    """At the top of the lowband, where no frame's neighbours are filtered out."""
    source, _ = make_pair(ratio, 16000)
    network = HarmonicNoiseNet(**SMALL).build(ratio)
    network.linear.filters.zero_()
    network.linear.filters[0, 0, 4] = 2 * ratio  # pulses: the lowband times 2, and images
    lowband, restoration, _ = run(network.eval(), interpolate(source[:, ::ratio], ratio))
    filtered = network.linear(torch.from_numpy(source)[:, None])[:, 0].numpy()
    window = np.hanning(source.shape[1])
    nyquist = source.shape[1] // (2 * ratio)
    edge = slice(int(0.8 * nyquist) + 101, int(0.98 * nyquist))  # two bins of 50 Hz above 0.8
    change, restored = (
        np.fft.rfft(waveform * window)[:, edge] for waveform in (filtered - lowband, restoration)
    )
    # images reach into the last bins: at r = 8 there are two
    assert np.linalg.norm(restored - change) < 0.15 * np.linalg.norm(change)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("n_chunks", [2, 5])
def test_chunks_equal_the_whole(ratio, n_chunks):
    network = make_network(ratio, frame_length=160)
    source, _ = make_pair(ratio, 19203)
    whole = run(network, source)
    chunked = run(network, source, chunk_length=-(-19203 // n_chunks))
    assert_allclose(chunked, whole, atol=1e-5 * np.abs(whole).max())


@pytest.mark.parametrize("ratio", RATIOS)
def test_pieces_equal_the_whole(ratio):
    network, rng = make_network(ratio, frame_length=160), np.random.default_rng(1)
    source, _ = make_pair(ratio, 9603)
    whole, stream, start, pieces = run(network, source), network.stream(), 0, []
    with torch.inference_mode():
        while start < source.shape[1]:
            stop = start + int(rng.integers(0, 1000))
            piece = torch.from_numpy(source[:, None, start:stop])
            pieces.append(stream.push(piece, last=stop >= source.shape[1]))
            start = stop
    joined = torch.cat(pieces, dim=2).transpose(0, 1).numpy()
    assert_allclose(joined, whole, atol=1e-5 * np.abs(whole).max())


def test_a_batch_equals_each_alone():
    network, (source, _) = make_network(4), make_pair(4, n_waveforms=3)
    alone = np.concatenate([run(network, row[None]) for row in source], axis=1)
    assert_allclose(run(network, source), alone, atol=1e-5 * np.abs(alone).max())


@pytest.mark.parametrize("ratio", RATIOS)
def test_nothing_beyond_the_reach_matters(ratio):
    network = make_network(ratio, frame_length=max(64, 8 * ratio))
    source, _ = make_pair(ratio)
    whole, middle = run(network, source), 2400
    assert network.look_ahead < middle / 1.5
    for part, kept in [
        (slice(middle, None), slice(0, middle - network.look_ahead)),
        (slice(0, middle), slice(middle + network.look_back, None)),
    ]:
        other = source.copy()
        other[:, part] += 1
        assert_allclose(run(network, other)[..., kept], whole[..., kept], atol=1e-5)
        assert np.abs(run(network, other) - whole).max() > 1e-3


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("n_timepoints", [1, 2, 39, 320, 641])
def test_any_length(ratio, n_timepoints):
    network = make_network(ratio)
    output = network(torch.ones(3, 1, n_timepoints))
    assert output.shape == (3, 3, n_timepoints)
    assert torch.isfinite(output).all()


def test_silence_stays_silent():
    """Next to nothing: 160 dB below the level of the training clips."""
    assert np.abs(run(make_network(4), np.zeros((1, 3000), np.float32))).max() < 1e-8


@pytest.mark.parametrize("level", [0, 1e-20, 1e-10, 1e-5, 1])
def test_gradients_are_finite_beside_silence(level):
    network = make_network(4).train()
    x = level * torch.randn(1, 1, 4000, generator=torch.Generator().manual_seed(0))
    x[..., 2000:] = 0
    network(x).square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_every_weight_learns():
    """The first step moves all of them, but for what a fresh layer of zeros hides."""
    network = make_network(4).train()
    x, y = (torch.from_numpy(part)[:, None] for part in make_pair(4))
    (network(x).sum(dim=1, keepdim=True) - y).square().sum().backward()
    assert [name for name, p in network.named_parameters() if not p.grad.any()] == []


@pytest.mark.parametrize("levels", [(1e-6, 1e-3), (1e3, 1e6)])
def test_output_scales_with_the_input(levels):
    """Beyond 11 dB from the training clips the feature that tells levels is at its limit."""
    network, (source, _) = make_network(4), make_pair(4)
    a, b = (run(network, np.float32(level) * source) / level for level in levels)
    assert_allclose(a, b, atol=1e-4 * np.abs(a).max())
    assert np.abs(a[2]).max() > 1e-3


def test_only_that_feature_tells_levels():
    noise = np.random.default_rng(0).standard_normal((2, 1200))
    network, source = make_network(4), interpolate(noise, 4)
    expected = run(network, source)
    quiet = run(network, np.float32(0.25) * source) / 0.25
    assert np.abs(quiet - expected).max() > 1e-3 * np.abs(expected).max()
    network.first.weight.data[:, -1] = 0
    expected = run(network, source)
    for level in (1e-6, 0.25, 4, 1e6):
        y = run(network, np.float32(level) * source) / level
        assert_allclose(y, expected, atol=1e-4 * np.abs(expected).max())


def test_bfloat16_is_near():
    network, (source, _) = make_network(4), make_pair(4)
    x, expected = torch.from_numpy(source)[:, None], run(network, source)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        y = network(x).transpose(0, 1)
    assert y.dtype == torch.float32
    assert_allclose(y[0].numpy(), expected[0], atol=1e-5)  # the lowband is not rounded
    for output, wanted in zip(y[1:].numpy(), expected[1:], strict=True):
        assert np.linalg.norm(output - wanted) < 0.1 * np.linalg.norm(wanted)


def test_devices_without_double_precision_have_none_to_compute(monkeypatch):
    """Apple's: there it is single precision all the way."""
    noise = np.random.default_rng(0).standard_normal((2, 1200))
    network, source = make_network(4), interpolate(noise, 4)
    assert {buffer.dtype for buffer in network.buffers()} == {torch.float32}
    expected, seen = run(network, source), []
    monkeypatch.setattr(_spectral_layers, "widest_dtype", lambda _: torch.float32)
    for layer in (network.interpolation, network.analysis, network.level):
        layer.register_forward_hook(lambda *arguments: seen.append(arguments[2].dtype))
    y = run(network, source)
    assert np.linalg.norm(y - expected) < 1e-3 * np.linalg.norm(expected)
    assert set(seen) == {torch.float32}
    network.train()
    network(torch.zeros(1, 1, 2000)).square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_copies_compute_the_same(copied):
    network, (source, _) = make_network(4), make_pair(4)
    assert_allclose(run(copied(network), source), run(network, source), rtol=0, atol=0)


def test_only_what_was_learned_is_saved():
    """Windows, filters of fixed design and the noise are made again."""
    network = make_network(4)
    names = {name.partition(".")[0] for name in network.state_dict()}
    assert not names & {"analysis", "synthesis", "noise", "filters", "interpolation", "level"}
    assert "linear.filters" in network.state_dict()


def test_hidden_matrices_are_those_of_all_blocks():
    network = make_network(4)
    blocks = [*network.blocks, *network.slow_blocks, *network.last_blocks]
    expected = [layer.weight for block in blocks for layer in (block.expand, block.contract)]
    assert len(blocks) == 3
    assert list(map(id, network.hidden_matrices())) == list(map(id, expected))


def test_dropout_is_of_training_only():
    source, _ = make_pair(4)
    network, plain = make_network(4, dropout=0.5), make_network(4)
    assert_allclose(run(network, source), run(plain, source), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kernel_size": 4}, "kernel_size must be odd.*got 4: take 5"),
        ({"n_taps": 64}, "n_taps must be odd.*got 64: take 65"),
        ({"frame_length": 322}, "frame_length must be a multiple of 4.*got 322: take 320"),
        ({"frame_length": 28}, "at least 8 times the upsampling ratio, 32, got 28: take 20 ms of"),
        ({"frame_length": 2**15}, "'frame_length' parameter of HarmonicNoiseNet"),
        ({"n_blocks": 0}, "'n_blocks' parameter of HarmonicNoiseNet"),
        ({"n_slow_blocks": 0}, "'n_slow_blocks' parameter of HarmonicNoiseNet"),
        ({"width": 0}, "'width' parameter of HarmonicNoiseNet"),
        ({"expansion": -1}, "'expansion' parameter of HarmonicNoiseNet"),
        ({"dropout": 1}, "'dropout' parameter of HarmonicNoiseNet"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        HarmonicNoiseNet(**parameters).build(4)


@pytest.mark.parametrize("ratio", [1, 2.5, "4", None])
def test_bad_ratio(ratio):
    with pytest.raises((ValueError, TypeError), match="upsampling_ratio"):
        HarmonicNoiseNet().build(ratio)


@pytest.mark.parametrize(("ratio", "frame_length"), [(2, 16), (4, 32), (8, 64)])
def test_the_shortest_frames(ratio, frame_length):
    output = run(make_network(ratio, frame_length=frame_length), make_pair(ratio)[0])
    assert np.isfinite(output).all()


def test_the_config_is_cloned_with_its_parameters():
    config = HarmonicNoiseNet(**SMALL)
    assert clone(config).get_params() == config.get_params()


def test_width_sets_the_size():
    sizes = [
        sum(p.numel() for p in HarmonicNoiseNet(width=width).build(4).parameters())
        for width in (0.25, 0.5)
    ]
    assert sizes[1] > 3 * sizes[0]
