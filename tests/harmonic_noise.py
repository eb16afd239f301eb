"""Small networks of `HarmonicNoiseNet` whose every part does something, and their inputs."""

import numpy as np
import torch

from sklearn_audiosr._prediction.chunked import open_array, predict_waveforms
from sklearn_audiosr._signal.interpolation import upsample_cubic
from sklearn_audiosr.networks import HarmonicNoiseNet

CPU = torch.device("cpu")
RATIOS = (2, 3, 4, 6, 8)
SMALL = {"n_blocks": 2, "n_slow_blocks": 1, "width": 1 / 16, "n_taps": 9}


def make_pair(ratio, n_timepoints=4800, n_waveforms=2):
    """A smooth waveform and its interpolation, of root mean square about 1."""
    rng = np.random.default_rng(0)
    y = rng.standard_normal((n_waveforms, n_timepoints)).cumsum(axis=1)
    y = ((y - y.mean(axis=1, keepdims=True)) / y.std()).astype(np.float32)
    return interpolate(y[:, ::ratio], ratio), y


def interpolate(x, ratio):
    """Return the network's input for narrowband waveforms."""
    return upsample_cubic(np.atleast_2d(x).astype(np.float32), ratio)


def make_network(ratio, **parameters):
    """A network that is as after training: it restores, and both carriers are heard."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = HarmonicNoiseNet(**{**SMALL, **parameters}).build(ratio)
        network.prepare([make_pair(ratio)])
        for parameter in network.parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
    return network.eval()


def make_wild_network(ratio, seed):
    """A network whose weights, and linear filter, are random and large."""
    network = HarmonicNoiseNet(**SMALL).build(ratio)
    rng = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        std = parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.5
        parameter.data.normal_(std=std, generator=rng)
    network.last.weight.data.mul_(4)
    network.last.bias.data.normal_(std=2, generator=rng)
    network.linear.filters.normal_(std=0.3, generator=rng)
    network.linear.filters[0, 0, SMALL["n_taps"] // 2] += 1
    return network.eval()


def make_greedy_network(ratio):
    """A network that adds as much as it can, everywhere and always."""
    network = make_wild_network(ratio, 0)
    network.last.weight.data.zero_()
    network.last.bias.data.fill_(50)
    return network


def run(network, source, chunk_length=None):
    """Return the outputs (lowband, restoration, highband), (3, n_waveforms, n_timepoints)."""
    read_source, shape = open_array(source)
    return predict_waveforms(
        network, read_source, shape, CPU, n_outputs=3, chunk_length=chunk_length or 10**7
    )
