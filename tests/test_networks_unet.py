"""The networks in their two layouts: parameters, shapes, shuffle, initialisation, what they see."""

import numpy as np
import pytest
import torch
from lively import lively_resolver, randomize
from sklearn.base import clone
from torch import nn

from sklearn_audiosr.networks import AudioUNet, TFiLM
from sklearn_audiosr.networks._fast import long_convolution
from sklearn_audiosr.networks._layers import (
    Conv1d,
    ShuffledConv1d,
    SubpixelShuffle,
    TransposedConv1d,
)

both_networks = pytest.mark.parametrize("config", [AudioUNet, TFiLM])
both_layouts = pytest.mark.parametrize("layout", ["code", "paper"])
both_upsamplings = pytest.mark.parametrize("upsampling", ["subpixel", "transposed"])


def count_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def build_without_memory(**parameters):
    """Build a full-width network on torch's "meta" device: shapes, but no values."""
    with torch.device("meta"):
        return AudioUNet(**parameters).build().eval()


def record_shapes(network, time):
    """Map each convolution's name to the (channels, time) of its output."""
    shapes = {}
    for name, layer in network.named_modules():
        if isinstance(layer, (nn.Conv1d, nn.ConvTranspose1d)):
            layer.register_forward_hook(
                lambda _, __, output, name=name: shapes.update({name: tuple(output.shape[1:])})
            )
    device = next(network.parameters()).device
    network(torch.zeros(1, 1, time, device=device))
    return shapes


@pytest.mark.parametrize(
    ("n_filters", "expected"),
    [((128, 256, 512, 512), 56_411_394), ((128, 384, 512, 512), 70_977_154)],
)
def test_code_layout_has_the_published_number_of_parameters(n_filters, expected):
    assert count_parameters(build_without_memory(n_filters=n_filters)) == expected


def test_default_is_the_published_code():
    assert count_parameters(build_without_memory()) == 56_411_394


def test_code_layout_shapes():
    network = build_without_memory()
    assert record_shapes(network, 8192) == {
        "down.0.0": (128, 4096),
        "down.1.0": (256, 2048),
        "down.2.0": (512, 1024),
        "down.3.0": (512, 512),
        "bottleneck.0": (512, 256),
        "up.0.0": (1024, 256),
        "up.1.0": (1024, 512),
        "up.2.0": (512, 1024),
        "up.3.0": (256, 2048),
        "last.0": (2, 4096),
    }
    assert [up[0].in_channels for up in network.up] == [512, 1024, 1024, 512]
    assert [up[0].kernel_size for up in network.up] == [(9,), (17,), (33,), (65,)]


def test_paper_layout_shapes():
    network = build_without_memory(layout="paper")
    assert record_shapes(network, 8192) == {
        "down.0.0": (128, 4096),
        "down.1.0": (256, 2048),
        "down.2.0": (512, 1024),
        "down.3.0": (512, 512),
        "up.0.0": (256, 512),  # F = 512 to F / 2, shuffled to F / 4 = 128 and 128 skipped
        "up.1.0": (128, 1024),
        "up.2.0": (64, 2048),
        "up.3.0": (32, 4096),
        "last": (1, 8192),
    }
    assert [up[0].in_channels for up in network.up] == [512, 256, 128, 64]
    assert [up.n_skipped for up in network.up] == [128, 64, 32, 1]


def test_paper_layout_parameters_by_hand():
    down = [(1, 128, 65), (128, 256, 33), (256, 512, 17), (512, 512, 9)]
    up = [(512, 256, 9), (256, 128, 17), (128, 64, 33), (64, 32, 65)]
    convolutions = sum(i * o * k + o for i, o, k in [*down, *up, (17, 1, 9)])
    normalisations = sum(2 * o for _, o, _ in [*down, *up])
    assert count_parameters(build_without_memory(layout="paper")) == convolutions + normalisations


def test_code_layout_order_of_operations():
    network = AudioUNet(n_blocks=1, width=1 / 32).build()
    assert [type(layer) for layer in network.down[0]] == [Conv1d, nn.LeakyReLU]
    assert [type(layer) for layer in network.bottleneck] == [Conv1d, nn.Dropout, nn.LeakyReLU]
    assert [type(layer) for layer in network.up[0]] == [
        Conv1d,
        nn.Dropout,
        nn.ReLU,
        SubpixelShuffle,
    ]
    assert network.down[0][1].negative_slope == 0.2
    assert network.up[0][1].p == 0.5


@both_networks
@both_layouts
@both_upsamplings
def test_skip_connections_off_keep_output_filters(config, layout, upsampling):
    with_skips, without = (
        record_shapes(
            config(
                layout=layout, width=1 / 16, upsampling=upsampling, skip_connections=skips
            ).build(),
            64,
        )
        for skips in (True, False)
    )
    assert with_skips == without


@both_networks
def test_width_scales_filters_to_even_numbers_of_at_least_two(config):
    network = config(n_filters=(3, 10, 100, 101), width=0.25).build()
    assert [down[0].out_channels for down in network.down] == [2, 2, 24, 26]


def test_n_blocks_extends_the_corrected_formula():
    network = build_without_memory(n_blocks=6)
    assert [d[0].out_channels for d in network.down] == [128, 256, 512, 512, 512, 512]
    assert [d[0].kernel_size[0] for d in network.down] == [65, 33, 17, 9, 9, 9]


def test_subpixel_shuffle_of_arange():
    x = torch.arange(12.0).reshape(1, 4, 3)  # channels 0 1 | 2 3, three timepoints
    expected = [[0, 6, 1, 7, 2, 8], [3, 9, 4, 10, 5, 11]]
    assert SubpixelShuffle()(x)[0].tolist() == expected


@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_equals_torch(stride):
    ours, theirs = Conv1d(3, 5, 9, stride), nn.Conv1d(3, 5, 9, stride, padding=4)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 3, 40)
    torch.testing.assert_close(ours(x), theirs(x))


def test_transposed_convolution_has_no_delay():
    layer = TransposedConv1d(1, 1, 5)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    layer.weight.data[0, 0, 2] = 1  # the centre tap
    y = layer(torch.arange(1.0, 5).reshape(1, 1, 4))
    assert y[0, 0].tolist() == [1, 0, 2, 0, 3, 0, 4, 0]


def test_initialisation():
    torch.manual_seed(0)
    network = AudioUNet(width=1 / 4).build()
    weight = network.down[2][0].weight.detach().flatten(1)  # (out, in * kernel), out < in * kernel
    torch.testing.assert_close(weight @ weight.T, torch.eye(len(weight)), atol=1e-4, rtol=0)
    assert network.last[0].weight.std().item() == pytest.approx(1e-3, rel=0.1)
    assert all(not layer.bias.any() for layer in network.modules() if isinstance(layer, Conv1d))


@both_networks
def test_untrained_network_adds_almost_nothing(config):
    network = config(width=1 / 16).build().eval()
    x = torch.randn(2, 1, 1000)
    with torch.no_grad():
        assert (network(x) - x).abs().max() < 0.1 * x.abs().max()


@both_networks
def test_additive_residual(config):
    network = config(width=1 / 16, additive_residual=False).build().eval()
    with torch.no_grad():
        nn.init.zeros_(network.last[0].weight)
        assert not network(torch.randn(1, 1, 64)).any()
        network.additive_residual = True
        x = torch.randn(1, 1, 64)
        torch.testing.assert_close(network(x), x)


@pytest.mark.parametrize("time", [1, 2, 31, 32, 33, 100, 255, 257])
@both_networks
@both_layouts
def test_any_length_comes_out_as_it_went_in(config, layout, time):
    network = config(layout=layout, width=1 / 32).build().eval()
    with torch.no_grad():
        assert network(torch.randn(3, 1, time)).shape == (3, 1, time)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"layout": "paper", "normalization": "none"},
        {"upsampling": "transposed"},
        {"layout": "paper", "normalization": "none", "upsampling": "transposed"},
        {"n_blocks": 2, "skip_connections": False},
        {"n_blocks": 3, "kernel_sizes": (5, 7, 3)},
    ],
)
def test_receptive_field_is_what_the_network_says(parameters):
    """The gradient of each output of one stride reaches exactly as far as announced."""
    network = AudioUNet(width=1 / 64, dropout=0.0, **parameters).build().double()
    for parameter in network.parameters():
        nn.init.uniform_(parameter, 0.01, 0.02)  # positive, so that nothing cancels
    x = torch.rand(1, 1, 4096, dtype=torch.double, requires_grad=True)
    output = network(x)
    back, ahead = [], []
    for t in range(2048, 2048 + network.stride):
        (gradient,) = torch.autograd.grad(output[0, 0, t], x, retain_graph=True)
        reached = gradient[0, 0].nonzero().ravel()
        back.append(t - int(reached[0]))
        ahead.append(int(reached[-1]) - t)
    assert (max(back), max(ahead)) == (network.look_back, network.look_ahead)


def test_look_ahead_of_the_papers_network():
    assert build_without_memory().look_ahead == 712


@both_networks
def test_network_overfits_one_patch(config):
    torch.manual_seed(0)
    network = config(n_blocks=2, width=1 / 8, dropout=0.0).build()
    x, y = torch.randn(2, 1, 1, 256)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(150):
        loss = (network(x) - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01


@both_networks
def test_config_is_cloned_and_searched_without_weights(config):
    parameters = {
        "n_blocks": 2, "layout": "paper", "n_filters": [8, 16], "kernel_sizes": np.array([9, 5]),
        "width": 0.5, "normalization": "none", "dropout": 0.25, "additive_residual": False,
        "skip_connections": False, "upsampling": "transposed",
    }  # fmt: skip
    copied = clone(config(**parameters))
    assert {name: repr(value) for name, value in parameters.items()}.items() <= {
        name: repr(value) for name, value in copied.get_params().items()
    }.items()
    assert copied.set_params(n_blocks=3).n_blocks == 3


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_blocks": 0}, "'n_blocks' parameter of AudioUNet must be an int in the range"),
        ({"layout": "tensorflow"}, "'layout' parameter of AudioUNet must be a str among"),
        ({"n_filters": (8, 8)}, "n_filters must be 4 integers .* n_blocks=4 blocks, got"),
        ({"kernel_sizes": (9, 9, 9, 8)}, "kernel_sizes must be 4 odd integers of at least 1"),
        ({"n_filters": (8, 8, 8, 0.5)}, "n_filters must be 4 integers"),
        ({"width": 0}, "'width' parameter of AudioUNet must be a float in the range"),
        ({"dropout": 1.0}, "'dropout' parameter of AudioUNet"),
    ],
)
@both_networks
def test_bad_parameters_are_named(config, parameters, message):
    with pytest.raises(ValueError, match=message.replace("AudioUNet", config.__name__)):
        config(**parameters).build()


@pytest.mark.parametrize("n_outputs", [0, -1, 1.5, "2", None])
@both_networks
def test_bad_numbers_of_outputs_are_named(config, n_outputs):
    message = f"'n_outputs' parameter of {config.__name__}.build must be an int in the range"
    with pytest.raises(ValueError, match=message):
        config(width=1 / 32).build(n_outputs)


@both_networks
@both_layouts
@both_upsamplings
def test_input_is_added_to_the_first_output_alone(config, layout, upsampling):
    network = config(layout=layout, upsampling=upsampling, width=1 / 32).build(n_outputs=3)
    randomize(network)
    x = torch.randn(2, 1, 300)
    with torch.no_grad():
        y = network(x)
        network.additive_residual = False
        added = y - network(x)
    assert y.shape == (2, 3, 300)
    torch.testing.assert_close(added, torch.cat([x, torch.zeros(2, 2, 300)], dim=1))


def test_output_channels_of_the_last_shuffle():
    """Of four filters two are each channel's even and odd timepoints."""
    last = AudioUNet(n_blocks=1, width=1 / 32).build(n_outputs=2).last
    assert isinstance(last, ShuffledConv1d)
    with torch.no_grad():
        nn.init.zeros_(last[0].weight)
        last[0].bias.copy_(torch.tensor([10.0, 20, 11, 21]))
        y = last(torch.zeros(1, last[0].in_channels, 3))
    assert y[0].tolist() == [3 * [10, 11], 3 * [20, 21]]


@both_networks
@both_layouts
@both_upsamplings
def test_outputs_stand_alone(config, layout, upsampling):
    """A channel of many is the only one of a network that has its filters of the last layer."""
    options = {"layout": layout, "upsampling": upsampling, "width": 1 / 32}
    two = randomize(config(**options).build(n_outputs=2))
    x = torch.randn(1, 1, 600)
    for channel in range(2):
        one, weights = config(**options).build().eval(), two.state_dict()
        for name in [name for name in weights if name.startswith("last.")]:
            axis = 1 if upsampling == "transposed" and layout == "code" and name[-1] == "t" else 0
            weights[name] = weights[name].unflatten(axis, (-1, 2)).select(axis + 1, channel)
        one.load_state_dict(weights)
        with torch.no_grad():
            expected = one(x) - (x if channel else 0)
            torch.testing.assert_close(two(x)[:, [channel]], expected)


def test_one_output_is_the_default():
    torch.manual_seed(0)
    default = AudioUNet(width=1 / 32).build().state_dict()
    torch.manual_seed(0)
    one = AudioUNet(width=1 / 32).build(n_outputs=np.int64(1)).state_dict()
    assert default.keys() == one.keys()
    assert all(torch.equal(default[name], one[name]) for name in default)


@both_networks
def test_tracing_and_exporting_leave_predictions_alone(config):
    """What is made while torch traces must not be kept for later."""
    est = lively_resolver(network=config(n_blocks=3, width=1 / 4))
    x = np.random.default_rng(0).normal(size=3000)
    sizes = torch.randn(1, 1, 7777)
    expected = est.network_(sizes)
    long_convolution._matrices.cache_clear()
    traced = torch.jit.trace(est.network_, sizes)
    torch.testing.assert_close(traced(sizes), expected, atol=1e-5, rtol=1e-4)
    exported = torch.export.export(est.network_, (sizes,), strict=False).module()
    torch.testing.assert_close(exported(sizes), expected, atol=1e-5, rtol=1e-4)
    y = est.predict([x])[0]
    long_convolution._matrices.cache_clear()
    np.testing.assert_array_equal(est.predict([x])[0], y)
