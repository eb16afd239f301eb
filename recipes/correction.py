"""What of a `SpectralNet` has a closed form: the correction of the lowband, once features stand.

The lowband's gains are linear in the last layer's weights, so those of the least noise are the
solution of a linear equation for each bin. Gradients with a falling rate stop short of it, by half
a tenth of a decibel in speech at r = 4.

Not a part of `fit`: where all clips came by one filter, some bins had next to nothing, and their
gains have no bound. In a trial on the bundled speech at r = 2 it gained 0.4 dB behind the filter of
the training clips, and lost 9 dB behind a FIR filter, and 28 dB where a recording had a constant.
The recipes' clips differ in level, microphone and floor, those of speech in their filter, too.
"""

import numpy as np
import torch

from sklearn_audiosr._signal.interpolation import upsample_cubic
from sklearn_audiosr.networks._flow import WholeFlow
from sklearn_audiosr.networks._spectral_module import N_OFFSET

# Of the features' mean power: added to it, against learning recordings by heart.
_RIDGE = 1e-2

# Frames whose products are summed at a time.
_N_FRAMES = 4096


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
    sums = _NormalEquations(network.n_low - N_OFFSET, network.last.weight.shape[1])
    for x, y in zip(X, Y, strict=True):
        source = upsample_cubic(x[None] / np.float32(est.scale_), est.upsampling_ratio_)
        sums.add(*_describe(network, source, y / np.float32(est.scale_)))
    gains = sums.solve()  # (n_low - N_OFFSET, features + 1, 2): real and imaginary parts
    for part, rows in enumerate(network.last.weight.split(network.n_low)[:2]):
        rows = rows[N_OFFSET:]
        rows += gains[:, :-1, part].reshape(rows.shape)
    for part, biases in enumerate(network.last.bias.split(network.n_low)[:2]):
        biases[N_OFFSET:] += gains[:, -1, part]


def _describe(network, source, target):
    """Give features, (features, frames), and spectra of what is corrected and of the error."""
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
    spectra = [torch.complex(*spectrum.float().chunk(2)) for spectrum in spectra]
    noise = spectra[1].abs().square().sum() + 1e-3
    return features[0][0], *(s[N_OFFSET : network.n_low] * noise.rsqrt() for s in spectra)


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
