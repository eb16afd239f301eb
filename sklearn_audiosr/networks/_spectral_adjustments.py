"""Adjustments to a trained network of `SpectralNet` that need no training.

The recipes of the models that ship make them: see ``recipes/``.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from sklearn_audiosr.networks._runners import WholeRunner
from sklearn_audiosr.networks._spectral_bands import N_OFFSET

# Standard deviation, about, of log powers relative to the level.
LOG_SPREAD = 6.0


class AdjustableWeights(nn.Module):
    """Weights that can be copied from another network, shifted, or solved for.

    A subclass has the layers, bins and bands of `SpectralNetwork`.
    """

    @torch.no_grad()
    def copy_shared_weights(self, other):
        """Copy the weights that mean the same in a network of this or of another ratio.

        These are the blocks, and the weights of the first and the last layer for the bins that both
        networks have in the same band. The filter stays, and so does the correction of the lowband
        if the ratios differ: it depends on where the band ends.

        Parameters
        ----------
        other : SpectralNetwork
            A network of the same sizes.
        """
        for name in ("first_norm", "blocks", "last_norm"):
            getattr(self, name).load_state_dict(getattr(other, name).state_dict())
        self.first.bias.copy_(other.first.bias)
        n_low, n_high = min(self.n_low, other.n_low), min(self.n_high, other.n_high)
        for own, given in zip(self._split_first(), other._split_first(), strict=True):
            own[:, :n_low] = given[:, :n_low]
        for name in ("weight", "bias"):
            both = list(zip(self._split_last(name), other._split_last(name), strict=True))
            for own, given in both[2:]:
                own[-n_high:] = given[-n_high:]
            for own, given in both[:2] if self.ratio == other.ratio else ():
                own.copy_(given)

    @torch.no_grad()
    def shift_highband(self, db):
        """Make the generated highband louder, bin by bin. The opposite gains undo it.

        Parameters
        ----------
        db : Tensor of shape (n_high,)
            Gains in dB.
        """
        log_magnitude = self._split_last("bias")[2]
        log_magnitude += db * math.log(10) / 10 / LOG_SPREAD

    @torch.no_grad()
    def measure_correction(self, x, y):
        """Compute what the correction of the lowband can be solved from.

        In each corrected bin the mean changes by a complex gain times the lowband. The gain is
        linear in the features: see `add_correction`.

        Parameters
        ----------
        x, y : Tensor of shape (1, 1, n_timepoints)
            Network input and target, divided by the estimator's ``scale_``.

        Returns
        -------
        features : Tensor of shape (n_filters, n_frames)
            Input of the last layer.
        lowband : Tensor of shape (n_corrected, n_frames), complex64
            Corrected bins of the linear filter's output.
        error : Tensor of shape (n_corrected, n_frames), complex64
            The same bins of the target, less those of the mean.
        noise : Tensor of shape ()
            Energy of the error over all bins.
        """
        features = []
        hook = self.last.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0]))
        error = y - self(x)[:, :1]
        hook.remove()
        padding = (0, -x.shape[-1] % self.stride)
        x, error = (functional.pad(waveform, padding) for waveform in (x, error))
        runner = WholeRunner()
        lowband, error = (
            torch.complex(*runner.run(self.analysis, waveform)[0].float().chunk(2))
            for waveform in (runner.run(self.linear, x), error)
        )
        corrected = slice(N_OFFSET, self.n_low)
        noise = error.abs().square().sum()
        return features[0][0], lowband[corrected], error[corrected], noise

    @torch.no_grad()
    def add_correction(self, gains):
        """Add to the correction of the lowband.

        Parameters
        ----------
        gains : Tensor of shape (n_corrected, n_filters + 1, 2)
            For each corrected bin the weights of the features, and a bias: real and imaginary part.
        """
        for part in range(2):
            weight, bias = (self._split_last(name)[part] for name in ("weight", "bias"))
            weight[N_OFFSET:] += gains[:, :-1, part].reshape(weight[N_OFFSET:].shape)
            bias[N_OFFSET:] += gains[:, -1, part]

    def _split_first(self):
        """Return views of the first layer's weights: log power, the phasor's parts, level."""
        return self.first.weight.split([self.n_low] * 3 + [1], dim=1)

    def _split_last(self, name):
        """Return views of the last layer's weights or biases: the gain's parts, the highband."""
        return getattr(self.last, name).split([self.n_low] * 2 + [self.n_high] * 4)
