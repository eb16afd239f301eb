"""Estimators whose networks have weights as after training: every layer counts."""

import numpy as np
import torch
from torch import nn

from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr.networks import AudioUNet


def randomize(network, seed=0):
    """Draw every weight, bias and statistic, so that no layer hides what another does wrong."""
    rng = torch.Generator().manual_seed(seed)
    for name, values in network.state_dict().items():
        if name.endswith("running_var"):
            values.uniform_(0.5, 2, generator=rng)
        elif values.ndim > 1:
            values.normal_(std=values[0].numel() ** -0.5, generator=rng)
        elif values.is_floating_point():
            values.normal_(std=0.5, generator=rng)
    return network.eval()


def lively_resolver(ratio=4, network=None, *, sampling_rate=None, **options):
    """A fitted estimator whose network has random weights; `options` configure the network."""
    network = network or AudioUNet(**{"n_blocks": 2, "width": 1 / 32, **options})
    patch_length = max(96, getattr(network, "least_patch_length", 1))
    est = AudioSuperResolver(
        network, max_epochs=1, patch_length=patch_length, device="cpu", sampling_rate=sampling_rate
    )
    Y = np.random.default_rng(0).standard_normal((1, 48 * ratio))
    est.fit(Y[:, ::ratio], Y)
    randomize(est.network_)
    return est


class Halving(nn.Module):
    """No more than the contract of a network asks for: half the rate, held, and smoothed."""

    stride, look_back, look_ahead = 2, 4, 3

    def __init__(self):
        super().__init__()
        self.down = nn.Conv1d(1, 4, 5, stride=2, padding=2)
        self.last = nn.Conv1d(4, 1, 3, padding=1)

    def forward(self, x):
        time = x.shape[-1]
        x = nn.functional.pad(x, (0, -time % 2))
        return self.last(self.down(x).relu().repeat_interleave(2, dim=2))[..., :time]


class Lopsided(nn.Module):
    """Another without more: it sees five timepoints back and two ahead."""

    stride, look_back, look_ahead = 1, 5, 2

    def __init__(self):
        super().__init__()
        self.last = nn.Conv1d(1, 1, 8)

    def forward(self, x):
        return self.last(nn.functional.pad(x, (5, 2)))


class ModuleConfig:
    """Config of a network without parameters: ``build()`` makes an instance of a module class."""

    def __init__(self, module):
        self.module = module

    def build(self):
        return self.module()


def assert_same(y, expected):
    """Assert equality to 1e-5 of the peak, float32 on both sides."""
    assert (y.shape, y.dtype) == (expected.shape, np.float32)
    assert np.abs(y - expected).max(initial=0) <= 1e-5 * np.abs(expected).max(initial=0)
