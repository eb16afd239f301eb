"""Temporal modulation: scales as by hand, and a network that sees exactly as far as it says.

What it shares with `AudioUNet` is tested with it, in test_networks_unet.py.
"""

import math

import numpy as np
import pytest
import torch
from lively import randomize
from modulated import lively_network, make_config, make_lively, modulations

from sklearn_audiosr.networks import AudioUNet, TFiLM
from sklearn_audiosr.networks._fast import convolution
from sklearn_audiosr.networks._tfilm_module import TemporalFiLM

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
    network = make_config(**{"block_length": 256, **options}).build()
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
    modulated = make_config().build().state_dict()
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
    monkeypatch.setattr(convolution, "BLOCKWISE_DEVICES", ())  # a transform spreads it wider
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
    network = make_config(n_blocks=1, kernel_sizes=[3], block_length=8).build()
    assert network.look_ahead == 31


def test_look_ahead_of_the_default():
    with torch.device("meta"):
        network = TFiLM().build()
    assert (network.stride, network.look_back, network.look_ahead) == (256, math.inf, 2342)


@pytest.mark.parametrize("config", [AudioUNet, TFiLM])
def test_it_remembers_what_a_convolution_forgets(config):
    network = make_lively(config(n_blocks=1, width=1 / 32, kernel_sizes=[3]).build())
    x = torch.randn(1, 1, 3000)
    louder = x.clone()
    louder[..., :200] *= 10
    with torch.no_grad():
        change = (network(x) - network(louder))[0, 0, 1500:].abs().max()
    assert (change > 0) == (config is TFiLM)


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


def test_block_lengths_are_no_booleans():
    with pytest.raises(ValueError, match="block_length must be an integer, .*, got True: pass"):
        TFiLM(block_length=True).build()


def test_block_length_of_numpy():
    assert make_config(block_length=np.int64(64)).build().stride == 64
