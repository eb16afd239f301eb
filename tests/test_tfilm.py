"""Temporal modulation: scales as by hand, exact reach, and a memory that chunks and streams keep.

What it shares with `AudioUNet` is tested with it, in test_networks.py.
"""

import math
import pickle

import numpy as np
import pytest
import torch
from lively import Description, Halving, assert_same, lively_resolver, randomize
from resolvers import make_pairs, small_resolver, weights
from sklearn.base import clone
from test_streaming import noise, push_in_chunks
from torch import nn

from sklearn_audiosr import _inference
from sklearn_audiosr._inference import predict_clips, predict_waveforms
from sklearn_audiosr.networks import AudioUNet, TFiLM, _convolution
from sklearn_audiosr.networks._tfilm_module import TemporalFiLM

CPU = torch.device("cpu")

OPTIONS = [
    {"layout": layout, "upsampling": upsampling, **options}
    for layout in ("code", "paper")
    for upsampling in ("subpixel", "transposed")
    for options in ({}, {"additive_residual": False}, {"skip_connections": False})
]
OPTIONS += [{"normalization": "batch"}, {"n_blocks": 4}, {"n_blocks": 1, "kernel_sizes": [3]}]
OPTIONS += [{"kernel_sizes": [3, 1]}, {"block_length": 1}, {"block_length": 4}]
OPTIONS += [{"block_length": 256}]
every_option = pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda options: "-".join(map(str, options.values()))
)


def describe(**options):
    return TFiLM(**{"n_blocks": 2, "width": 1 / 32, "block_length": 32, **options})


def make_lively(network):
    """Give weights as after training; filters are loud, or each block's scales would hide it."""
    randomize(network)
    # not louder than that: deeper networks would magnify rounding
    gain = 3 if len(network.up) == 4 else 4
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, (nn.Conv1d, nn.ConvTranspose1d)):
                layer.weight.mul_(gain)
    return network


def lively_network(n_outputs=1, **options):
    return make_lively(describe(**options).build(n_outputs))


def lively_estimator(ratio=4, **options):
    est = lively_resolver(ratio, describe(**options))
    make_lively(est.network_)
    return est


def modulations(network):
    """Give the modulations in the order in which features pass them."""
    blocks = [*network.halving_blocks, *network.up]
    return [layer for block in blocks for layer in block if isinstance(layer, TemporalFiLM)]


# the layer


def modulate_by_hand(x, weights, block_length):
    """Scale x of shape (n_features, time): an LSTM as in the textbook, block after block."""
    w_in, w_hidden, bias_in, bias_hidden = (weight.detach().numpy() for weight in weights)
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    hidden = memory = np.zeros(len(x))
    y = np.empty_like(x)
    for start in range(0, x.shape[1], block_length):
        block = slice(start, start + block_length)
        z = w_in @ x[:, block].max(axis=1) + bias_in + w_hidden @ hidden + bias_hidden
        enter, forget, candidate, leave = np.split(z, 4)
        memory = sigmoid(forget) * memory + sigmoid(enter) * np.tanh(candidate)
        hidden = sigmoid(leave) * np.tanh(memory)
        y[:, block] = hidden[:, None] * x[:, block]
    return y


@pytest.mark.parametrize("block_length", [1, 4, 20])
def test_scales_by_hand(block_length):
    layer = randomize(TemporalFiLM(3, block_length)).double()
    x = torch.randn(2, 3, 20, dtype=torch.double)
    with torch.no_grad():
        y = layer(x).numpy()
    for clip, clip_modulated in zip(x.numpy(), y, strict=True):
        expected = modulate_by_hand(clip, list(layer.lstm.parameters()), block_length)
        np.testing.assert_allclose(clip_modulated, expected, atol=1e-12)


def test_a_layer_resumes_where_it_stopped():
    layer, x, state, pieces = randomize(TemporalFiLM(3, 4)), torch.randn(2, 3, 40), None, []
    with torch.no_grad():
        for piece in x.split([4, 24, 12], dim=2):
            y, state = layer.resume(piece, state)
            pieces.append(y)
        torch.testing.assert_close(torch.cat(pieces, dim=2), layer(x))


# the network


def test_parameters_by_hand():
    """Those of the U-Net, and of an LSTM each four gates of two weights and two biases."""
    with torch.device("meta"):
        n_parameters = sum(p.numel() for p in TFiLM().build().parameters())
    features = [128, 256, 512, 512, 512, 512, 512, 256, 128]
    assert n_parameters == 56_411_394 + sum(4 * (2 * n * n + 2 * n) for n in features)


def test_shapes_without_memory():
    """As for a figure of the network: nothing is computed."""
    with torch.device("meta"):
        network = TFiLM().build(n_outputs=2).eval()
        assert network(torch.zeros(1, 1, 8192)).shape == (1, 2, 8192)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"n_blocks": 4}, [128, 64, 32, 16, 8, 16, 32, 64, 128]),
        ({"n_blocks": 4, "layout": "paper"}, [128, 64, 32, 16, 32, 64, 128, 256]),
        ({"n_blocks": 2, "block_length": 4}, [2, 1, 1, 1, 2]),
        ({"n_blocks": 2, "block_length": 1}, [1, 1, 1, 1, 1]),
    ],
)
def test_features_that_share_a_scale(options, expected):
    network = describe(**{"block_length": 256, **options}).build()
    assert [layer.block_length for layer in modulations(network)] == expected
    stride = max(options.get("block_length", 256), 2 ** len(network.halving_blocks))
    assert network.stride == stride


def test_every_block_ends_with_its_modulation():
    network = TFiLM(width=1 / 32).build()
    for block in [*network.down, network.bottleneck, *network.up]:
        assert [isinstance(layer, TemporalFiLM) for layer in block] == [False] * (
            len(block) - 1
        ) + [True]
        assert block[-1].lstm.hidden_size == block.n_features
    assert not any(isinstance(layer, TemporalFiLM) for layer in network.last)


def test_the_u_net_inside_is_that_of_its_seed():
    torch.manual_seed(3)
    inside = AudioUNet(n_blocks=2, width=1 / 32).build().state_dict()
    torch.manual_seed(3)
    modulated = describe().build().state_dict()
    assert all(torch.equal(modulated[name], inside[name]) for name in inside)
    assert all("lstm" in name for name in modulated.keys() - inside.keys())


@pytest.mark.parametrize("width", [1 / 8, 1 / 2])
def test_deep_features_are_not_scaled_to_nothing_before_training(width):
    torch.manual_seed(0)
    network, levels = TFiLM(width=width).build().eval(), []
    for layer in modulations(network):
        layer.register_forward_hook(lambda *args: levels.append(args[-1].std().item()))
    with torch.no_grad():
        network(torch.randn(1, 1, 4096))
    assert len(levels) == 9
    assert min(levels) > 1e-3


def test_lively_weights_hide_no_block():
    """Else no test below would tell what a block does wrong."""
    for options in ({"layout": "code"}, {"layout": "paper"}, {"n_blocks": 4}):
        network, x = lively_network(**options), torch.randn(1, 1, 1000)
        with torch.no_grad():
            y = network(x)
            for layer in modulations(network):
                with layer.register_forward_hook(lambda *args: torch.zeros_like(args[-1])):
                    assert (network(x) - y).abs().max() > 1e-2 * y.abs().max()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"layout": "paper"},
        {"upsampling": "transposed"},
        {"layout": "paper", "upsampling": "transposed"},
        {"skip_connections": False},
        {"n_blocks": 3, "kernel_sizes": (5, 7, 3)},
        {"n_blocks": 3, "kernel_sizes": (5, 7, 3), "block_length": 8},
        {"n_blocks": 1, "kernel_sizes": (1,), "block_length": 8},
        {"layout": "paper", "n_blocks": 1, "kernel_sizes": (1,), "block_length": 1},
        {"layout": "paper", "n_blocks": 1, "kernel_sizes": (1,), "block_length": 2},
        {"layout": "paper", "n_blocks": 3, "kernel_sizes": (5, 7, 3), "block_length": 64},
    ],
)
def test_nan_reaches_exactly_as_far_as_the_network_says(options, monkeypatch):
    """What depends on a NaN is one: outputs of some stretches before it, and all after it."""
    monkeypatch.setattr(_convolution, "_BLOCKWISE_DEVICES", ())  # a transform spreads it wider
    network = lively_network(**options)
    n_timepoints = 1536
    begin = 1024 // network.stride * network.stride
    places = np.arange(begin, begin + network.stride)
    x = torch.zeros(len(places), 1, n_timepoints)
    x[range(len(places)), 0, places] = math.nan
    with torch.no_grad():
        reached = network(x)[:, 0].isnan()
    first = reached.int().argmax(dim=1).numpy()
    assert 0 < min(first)
    assert max(places - first) == network.look_ahead
    assert reached[:, begin + network.stride :].any(dim=0).all()  # a filter may skip places
    assert network.look_back == math.inf


def test_look_ahead_by_hand():
    """One block, filters of length 3, stretches of 8 timepoints: the first output, layer by layer.

    ====================  =================================  =============================
    layer                 sees ahead                         so up to (end of the stretch)
    ====================  =================================  =============================
    last convolution      4 features, 2 timepoints each      8 (14)
    up-block              1 feature of 4 timepoints from 12  16 (20)
    bottleneck            4 features of 2 timepoints         28 (30)
    down-block            1 timepoint                        31
    ====================  =================================  =============================
    """
    network = describe(n_blocks=1, kernel_sizes=[3], block_length=8).build()
    assert network.look_ahead == 31


def test_look_ahead_of_the_default():
    with torch.device("meta"):
        network = TFiLM().build()
    assert (network.stride, network.look_back, network.look_ahead) == (256, math.inf, 2342)


@pytest.mark.parametrize("description", [AudioUNet, TFiLM])
def test_it_remembers_what_a_convolution_forgets(description):
    network = make_lively(description(n_blocks=1, width=1 / 32, kernel_sizes=[3]).build())
    x = torch.randn(1, 1, 3000)
    louder = x.clone()
    louder[..., :200] *= 10
    with torch.no_grad():
        change = (network(x) - network(louder))[0, 0, 1500:].abs().max()
    assert (change > 0) == (description is TFiLM)


def test_bfloat16_leaves_the_state_in_float32():
    network, dtypes = lively_network(), []
    for layer in modulations(network):
        layer.lstm.register_forward_hook(
            lambda _, args, result: dtypes.extend([args[0].dtype, result[1][1].dtype])
        )
    x = torch.randn(1, 1, 2000)
    with torch.no_grad():
        y = network(x)
        with torch.autocast("cpu", torch.bfloat16):
            rough = network(x)
    assert dtypes == 20 * [torch.float32]
    assert 0 < (rough - y).abs().max() < 0.1 * y.abs().max()


@pytest.mark.parametrize("block_length", [3, 100, 255])
def test_block_lengths_are_powers_of_two(block_length):
    smaller = 2 ** int(math.log2(block_length))
    with pytest.raises(
        ValueError,
        match=f"block_length must be a power of two, got {block_length}: pass {smaller} or "
        f"{2 * smaller}",
    ):
        TFiLM(block_length=block_length).build()


@pytest.mark.parametrize("block_length", [0, 2.0, None])
def test_block_lengths_are_positive_integers(block_length):
    with pytest.raises(ValueError, match="'block_length' parameter of TFiLM must be an int"):
        TFiLM(block_length=block_length).build()


def test_block_length_of_numpy():
    assert describe(block_length=np.int64(64)).build().stride == 64


# predictions


@every_option
def test_chunks_equal_the_whole(options, n_timepoints=1999):
    network, x = lively_network(n_outputs=2, **options), noise(3, 1, n_timepoints)
    whole, *chunked = (
        predict_waveforms(
            network, lambda start, stop: x[..., start:stop], (3, n_timepoints), CPU,
            chunk_length=length, n_outputs=2,
        )
        for length in (4096, 1000, 300)
    )  # fmt: skip
    with torch.no_grad():
        assert_same(whole, network(torch.from_numpy(x)).transpose(0, 1).numpy())
    for y in chunked:
        assert_same(y, whole)


def test_chunks_cost_no_context(monkeypatch):
    network, n_inputs, convolve = lively_network(), [], network_type().convolve
    monkeypatch.setattr(
        network_type(), "convolve",
        lambda *a, **k: n_inputs.append(a[1].shape[-1]) or convolve(*a, **k),
    )  # fmt: skip
    x, works = noise(1, 1, 2**14), []
    for length in (2**14, 2**11):
        n_inputs.clear()
        predict_waveforms(
            network, lambda start, stop: x[..., start:stop], (1, 2**14), CPU, chunk_length=length
        )
        works.append(sum(n_inputs))
    assert works[1] < 1.2 * works[0]


def network_type():
    return type(describe().build().down[0][0])


@every_option
def test_clips_of_unequal_length_are_as_each_alone(options, monkeypatch):
    network, passes = lively_network(**options), []
    network.register_forward_pre_hook(lambda _, args: passes.append(args[1:]))
    sources = [noise(1 + i % 2, 1, n) for i, n in enumerate([300, 1, 31, 305, 900, 290, 33, 2300])]
    clips = [(lambda start, stop, x=x: x[..., start:stop], (len(x), x.shape[2])) for x in sources]
    alone = [next(predict_clips(network, [clip], CPU)) for clip in clips]
    passes.clear()
    monkeypatch.setitem(_inference._CHUNK, "cpu", 2048)  # the longest comes in chunks
    for y, expected in zip(predict_clips(network, clips, CPU), alone, strict=True):
        assert_same(y, expected)
    assert any(lengths for lengths in passes)
    assert len(passes) < len(clips)


@every_option
def test_stream_equals_predict(options):
    est, x = lively_estimator(4, **options), noise(2, 300)
    expected = est.predict([x])[0]
    for sizes in ([0, 7, 1, 0, 33, 160, 2, 64, 5], [16], [300]):
        assert_same(push_in_chunks(est.stream(2), x, sizes), expected)


def test_stream_of_single_timepoints_equals_predict():
    est, x = lively_estimator(), noise(150)
    assert_same(push_in_chunks(est.stream(), x, [1]), est.predict([x])[0])


def test_stream_in_bfloat16_equals_predict_in_bfloat16():
    est, x = lively_estimator().set_params(precision="bfloat16"), noise(300)
    expected = est.predict([x])[0]
    y = push_in_chunks(est.stream(), x, [10])
    assert np.abs(y - expected).max() < 0.02 * np.abs(expected).max()


def test_memory_of_a_stream_stays_the_same():
    stream, held = lively_estimator().stream(), []
    flow = stream._stage._network._pieces.flow
    for _ in range(100):
        stream.push(noise(16))
        tensors = [*flow._held.values(), *(t for state in flow._states.values() for t in state)]
        held.append(sum(tensor.untyped_storage().nbytes() for tensor in tensors))
    assert 0 < max(held[50:]) == max(held[25:50])


def test_flush_forgets_the_clip():
    est, clips = lively_estimator(), [noise(200), noise(200, seed=1)]
    stream = est.stream()
    for x, expected in zip(clips, est.predict(clips), strict=True):
        assert_same(push_in_chunks(stream, x, [50]), expected)


# the estimator


def test_fit_is_reproducible_and_goes_on():
    X, Y = make_pairs()
    network = TFiLM(n_blocks=2, width=1 / 16, block_length=64)
    est, again = (small_resolver(network=network, max_epochs=8).fit(X, Y) for _ in range(2))
    assert torch.equal(weights(est), weights(again))
    assert est.loss_curve_[-1] < 0.8 * est.loss_curve_[0]
    restored = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(restored.predict(X), est.predict(X))
    est.set_params(warm_start=True, max_epochs=1).fit(X, Y)
    assert len(est.loss_curve_) == 9
    assert clone(est).set_params(network__block_length=32).network.block_length == 32


def test_training_moves_every_lstm():
    X, Y = make_pairs()
    network = describe(dropout=0.0)
    torch.manual_seed(0)
    est = small_resolver(network=network, max_epochs=1, validation_fraction=0).fit(X, Y)
    for layer in modulations(est.network_):
        assert not torch.equal(layer.lstm.bias_hh_l0, torch.zeros_like(layer.lstm.bias_hh_l0))


class Endless(Halving):
    """A network that says that it remembers, but does not stream."""

    look_back = math.inf


def test_a_network_that_remembers_must_stream():
    with pytest.raises(TypeError, match=r"\(or math.inf where it has stream\(\)\).*look_back"):
        lively_resolver(2, Description(Endless))
