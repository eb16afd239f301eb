"""What of a `SpectralNet` has a closed form: the correction of the lowband, once features stand.

The lowband's gains are linear in the last layer's weights, so those of the least noise are the
solution of a linear equation for each bin. Gradients with a falling rate stop short of it, by half
a tenth of a decibel in speech at r = 4, by two decibels in piano at r = 2.
"""

import math

import numpy as np
import torch
from torch.nn import functional

from sklearn_audiosr.networks._flow import WholeFlow

# Of the features' mean power: added to it, against learning recordings by heart. The frames are
# those that no gain at all would explain: of few recordings little is learned.
_RIDGE, _N_PRIOR_FRAMES = 1e-3, 100

# Frames whose products are summed at a time; of a long waveform they are looked at alone.
_N_FRAMES = 4096

# Frames that are enough: an hour of speech. Of more recordings every second one is looked at, or
# every third.
_MAX_FRAMES = 2**18

# Added to the energy of a piece's noise, relative to waveforms of root mean square 1: a piece that
# is predicted exactly does not count for all others.
_LEAST_NOISE = 1e-3


@torch.no_grad()
def solve_correction(network, pairs):
    """Refit the correction of the lowband in the mean of a `SpectralNetwork`, all else as it is.

    Parameters
    ----------
    network : SpectralNetwork
        Changed in place.
    pairs : list of (ndarray, ndarray)
        Network inputs and targets, each of shape (n_waveforms, n_timepoints). Each piece of them
        counts by its noise: what is least in the end is the mean of its logarithm, as in the
        signal-to-noise ratio in dB.
    """
    weight = network.last.weight
    sums = NormalEquations(network.n_low, weight.shape[1])
    for source, target in _cut(pairs, network.analysis.step, network.stride):
        waveforms = (
            torch.as_tensor(np.ascontiguousarray(waveform), device=weight.device)[None, None]
            for waveform in (source, target)
        )
        sums.add(*_describe(network, *waveforms))
    gains = sums.solve().to(weight)  # (n_low, features + 1, 2): real and imaginary parts
    for part, rows in enumerate(weight.split(network.n_low)[:2]):
        rows += gains[:, :-1, part].reshape(rows.shape)
    for part, biases in enumerate(network.last.bias.split(network.n_low)[:2]):
        biases += gains[:, -1, part]


def _cut(pairs, step, stride):
    """Yield pieces of a bounded length, of as many waveforms as are enough."""
    waveforms = [pair for sources, targets in pairs for pair in zip(sources, targets, strict=True)]
    n_frames = sum(len(target) for _, target in waveforms) / step
    length = step * _N_FRAMES // stride * stride
    for source, target in waveforms[:: math.ceil(n_frames / _MAX_FRAMES)]:
        for begin in range(0, len(target), length):
            yield source[begin : begin + length], target[begin : begin + length]


def _describe(network, source, target):
    """Give features, (features, frames), and spectra of the lowband and of the mean's error."""
    features = []
    hook = network.last.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0]))
    try:
        error = target - network(source)[:, :1]
    finally:
        hook.remove()
    padding = (0, -source.shape[-1] % network.stride)
    source, error = (functional.pad(waveform, padding) for waveform in (source, error))
    flow = WholeFlow()
    spectra = [
        flow.run(network.analysis, waveform)[0]
        for waveform in (flow.run(network.linear, source), error)
    ]
    spectra = [torch.complex(*spectrum.chunk(2)) for spectrum in spectra]
    noise = spectra[1].abs().square().sum() + _LEAST_NOISE
    return features[0][0], *(s[: network.n_low] * noise.rsqrt() for s in spectra)


class NormalEquations:
    """For each bin, the sums of which the gains are the solution.

    Parameters
    ----------
    n_bins, n_features : int
        Each bin's gain is linear in the features, and has a bias.
    """

    def __init__(self, n_bins, n_features):
        n = n_features + 1  # and the bias
        # on the CPU: not every device has double precision
        self.products = torch.zeros(n_bins, n, n, dtype=torch.float64)
        self.targets = torch.zeros(n_bins, n, 2, dtype=torch.float64)
        self.n_frames, self.waiting = 0, []

    def add(self, features, lowband, error):
        """Add frames: features (features, frames), and complex spectra (bins, frames)."""
        self.waiting.append((torch.cat([features, torch.ones_like(features[:1])]), lowband, error))
        if sum(lowband.shape[-1] for _, lowband, _ in self.waiting) >= _N_FRAMES:
            self._sum()

    def solve(self):
        """Give the gains' weights and biases, (bins, features + 1, 2), float64, on the CPU."""
        self._sum()
        power = self.products.diagonal(dim1=1, dim2=2).mean(dim=1)[:, None, None]
        ridge = power * (_RIDGE + _N_PRIOR_FRAMES / max(1, self.n_frames)) + 1e-12
        ridge = ridge * torch.eye(self.products.shape[1], dtype=torch.float64)
        return torch.linalg.solve(self.products + ridge, self.targets)

    def _sum(self):
        if not self.waiting:
            return
        features, lowband, error = (
            torch.cat(part, dim=1) for part in zip(*self.waiting, strict=True)
        )
        self.waiting = []
        self.n_frames += lowband.shape[1]
        power, target = lowband.abs().square(), torch.view_as_real(lowband.conj() * error)
        products, targets = (
            torch.empty(sums.shape, dtype=features.dtype, device=features.device)
            for sums in (self.products, self.targets)
        )
        for k, (of_bin, target_of_bin) in enumerate(zip(power, target, strict=True)):
            torch.mm(features * of_bin, features.T, out=products[k])
            torch.mm(features, target_of_bin, out=targets[k])
        self.products += products.cpu()
        self.targets += targets.cpu()
