"""What of a `SpectralNet` is settled when its features stand: correction of the lowband, level.

The lowband's gains are linear in the last layer's weights, so those of the least noise are the
solution of a linear equation for each bin. Gradients with a falling rate stop short of it, by half
a tenth of a decibel in speech at r = 4.

Not a part of `fit`: where all clips came by one filter, some bins had next to nothing, and their
gains have no bound. In a trial on the bundled speech at r = 2 it gained 0.4 dB behind the filter of
the training clips, and lost 9 dB behind a FIR filter, and 28 dB where a recording had a constant.
The recipes' clips differ in level, microphone and floor, those of speech in their filter, too.

The level of the highband is a compromise between log-spectral distance and noise while it is
trained; where it ends too low, a full highband is not the one of the least distance.
"""

import math

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from sklearn_audiosr._interpolation import upsample_cubic
from sklearn_audiosr.metrics import log_spectral_distance
from sklearn_audiosr.networks._flow import WholeFlow
from sklearn_audiosr.networks._spectral_module import LOG_SPREAD

# Of the features' mean power: added to it, against learning recordings by heart.
_RIDGE = 1e-3

# Frames whose products are summed at a time.
_N_FRAMES = 4096

# How far the highband's level may change, and how exact it is, both in dB.
_LARGEST_CHANGE, _LEVEL_TOLERANCE = 10.0, 0.1


@torch.no_grad()
def settle_level(est, X, Y):
    """Bring the highband of `est` to the level of the least log-spectral distance.

    Parameters
    ----------
    est : AudioSuperResolver
        Fitted, with a `SpectralNet`; its mean stays about as it is.
    X, Y : list of ndarray of shape (n_timepoints,)
        Narrowband clips and their wideband clips.

    Returns
    -------
    level : float
        What the highband was multiplied by.
    """
    means, fulls = (est.predict(X, highband_gain=gain) for gain in (0.0, 1.0))

    def distance(change):
        gain, pairs = 10 ** (change / 20), zip(means, fulls, strict=True)
        return log_spectral_distance(Y, [mean + gain * (full - mean) for mean, full in pairs])

    bounds, options = (-_LARGEST_CHANGE, _LARGEST_CHANGE), {"xatol": _LEVEL_TOLERANCE}
    change = minimize_scalar(distance, bounds=bounds, method="bounded", options=options).x
    level = float(10 ** (change / 20))
    _raise_highband(est.network_, level)
    return level


@torch.no_grad()
def _raise_highband(network, level):
    """Multiply the highband; how much of it is known is divided, or would be but for small ones."""
    *_, log_magnitudes, _, _, shares = network.last.bias.split(
        [2 * network.n_low] + [network.n_high] * 4
    )
    log_magnitudes += 2 * math.log(level) / LOG_SPREAD
    shares -= math.log(level)


@torch.no_grad()
def settle_correction(est, X, Y):
    """Refit the correction of the lowband in the mean of `est`, all else as it is.

    Parameters
    ----------
    est : AudioSuperResolver
        Fitted, with a `SpectralNet`.
    X, Y : list of ndarray of shape (n_timepoints,)
        Narrowband clips and their wideband clips. Each counts by its noise: what is least in the
        end is the mean of its logarithm, as in the signal-to-noise ratio in dB.
    """
    network = est.network_
    sums = _NormalEquations(network.n_low, network.last.weight.shape[1])
    for x, y in zip(X, Y, strict=True):
        source = upsample_cubic(x[None] / np.float32(est.scale_), est.upsampling_ratio_)
        sums.add(*_describe(network, source, y / np.float32(est.scale_)))
    gains = sums.solve()  # (n_low, features + 1, 2): real and imaginary parts
    for part, rows in enumerate(network.last.weight.split(network.n_low)[:2]):
        rows += gains[:, :-1, part].reshape(rows.shape)
    for part, biases in enumerate(network.last.bias.split(network.n_low)[:2]):
        biases += gains[:, -1, part]


def _describe(network, source, target):
    """Give features, (features, frames), and spectra of the lowband and of the mean's error."""
    x, y = (
        torch.as_tensor(clip, dtype=torch.float32).reshape(1, 1, -1) for clip in (source, target)
    )
    features = []
    hook = network.last.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0]))
    error = y - network(x)[:, :1]
    hook.remove()
    padding = (0, -x.shape[-1] % network.stride)
    x, error = (torch.nn.functional.pad(waveform, padding) for waveform in (x, error))
    flow = WholeFlow()
    spectra = [
        flow.run(network.analysis, waveform)[0] for waveform in (flow.run(network.linear, x), error)
    ]
    spectra = [torch.complex(*spectrum.chunk(2)) for spectrum in spectra]
    noise = spectra[1].abs().square().sum() + 1e-3
    return features[0][0], *(s[: network.n_low] * noise.rsqrt() for s in spectra)


class _NormalEquations:
    """For each bin, the sums of which the gains are the solution."""

    def __init__(self, n_bins, n_features):
        n = n_features + 1  # and the bias
        self.products = torch.zeros(n_bins, n, n, dtype=torch.float64)
        self.targets = torch.zeros(n_bins, n, 2, dtype=torch.float64)
        self.waiting = []

    def add(self, features, lowband, error):
        """Add a clip's frames: features (features, frames), and complex spectra (bins, frames)."""
        self.waiting.append((torch.cat([features, torch.ones_like(features[:1])]), lowband, error))
        if sum(lowband.shape[-1] for _, lowband, _ in self.waiting) > _N_FRAMES:
            self._sum()

    def solve(self):
        """Give the gains' weights and biases, (bins, features + 1, 2), float32."""
        self._sum()
        power = self.products.diagonal(dim1=1, dim2=2).mean(dim=1)[:, None, None]
        ridge = (_RIDGE * power + 1e-12) * torch.eye(self.products.shape[1], dtype=torch.float64)
        return torch.linalg.solve(self.products + ridge, self.targets).float()

    def _sum(self):
        if not self.waiting:
            return
        features, lowband, error = (
            torch.cat(part, dim=1) for part in zip(*self.waiting, strict=True)
        )
        self.waiting = []
        power, target = lowband.abs().square(), torch.view_as_real(lowband.conj() * error)
        for k, (of_bin, target_of_bin) in enumerate(zip(power, target, strict=True)):
            self.products[k] += (features * of_bin) @ features.T
            self.targets[k] += features @ target_of_bin
