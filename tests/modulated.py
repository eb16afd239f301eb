"""Modulated networks with weights as after training, in every option."""

import pytest
import torch
from lively import randomize
from resolvers import make_pairs
from torch import nn

from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr.networks import TFiLM
from sklearn_audiosr.networks._tfilm_module import TemporalFiLM

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


def make_config(**options):
    return TFiLM(**{"n_blocks": 2, "width": 1 / 32, "block_length": 32, **options})


def make_lively(network):
    """Set weights as after training; filters are loud, or each block's scales would hide it."""
    randomize(network)
    # not louder than that: deeper networks would magnify rounding
    gain = 3 if len(network.up) == 4 else 4
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, (nn.Conv1d, nn.ConvTranspose1d)):
                layer.weight.mul_(gain)
    return network


def lively_network(n_outputs=1, **options):
    return make_lively(make_config(**options).build(n_outputs))


def lively_estimator(**options):
    est = AudioSuperResolver(make_config(**options), max_epochs=1, patch_length=512, device="cpu")
    X, Y = make_pairs()
    est.fit(X[:1, :128], Y[:1, :512])
    make_lively(est.network_)
    return est


def modulations(network):
    """Return the modulations in the order in which features pass them."""
    blocks = [*network.halving_blocks, *network.up]
    return [layer for block in blocks for layer in block if isinstance(layer, TemporalFiLM)]
