"""What networks on short-time spectra share: the linear filter, blocks and streams."""

import torch
from torch import nn

from sklearn_audiosr.networks._runners import PieceStream
from sklearn_audiosr.networks._spectral_layers import PolyphaseWienerFilter, SpectralBlock

# Added to powers relative to the level: a floor 90 dB below it.
POWER_FLOOR = 1e-9

# Mean and standard deviation, about, of log powers relative to the level.
_LOG_CENTRE, LOG_SPREAD = -6.0, 6.0

# The network sees how far the level is from that of the training clips, up to this difference: a
# natural logarithm of power, 11 dB.
_LEVEL_SPREAD = 2.5

# Limit of the highband: natural logarithm of the magnitude relative to the level.
_MAX_LOG_MAGNITUDE = 3.0


class FrameNetwork(nn.Module):
    """Base of networks with ``compute(x, runner)``, a linear filter and blocks over frames."""

    linear: PolyphaseWienerFilter
    usual_level: float  # that of the training clips

    def stream(self):
        """Return an object that computes the same piece by piece, each frame once."""
        return PieceStream(self)

    def hidden_matrices(self):
        """Return the weights of the dense layers inside the blocks, which hold most weights."""
        blocks = [block for block in self.modules() if isinstance(block, SpectralBlock)]
        layers = [layer for block in blocks for layer in (block.expand, block.contract)]
        return [layer.weight for layer in layers]

    def prepare(self, pairs):
        """Solve for the linear filter.

        Parameters
        ----------
        pairs : list of (ndarray, ndarray)
            Network inputs and targets, each of shape (n_channels, n_timepoints).
        """
        self.linear.solve(pairs)

    def standardize_power(self, power):
        """Return log powers relative to the level, with about mean 0 and deviation 1."""
        return (torch.log(power) - _LOG_CENTRE) / LOG_SPREAD

    def standardize_level(self, level):
        """Return how far the level is from that of the training clips, in [-1, 1]."""
        return ((level - self.usual_level) / _LEVEL_SPREAD).clamp(-1, 1)

    def to_magnitude(self, output, level):
        """Return the magnitudes that an output means: the inverse of `standardize_power`."""
        log_magnitude = (output * LOG_SPREAD + _LOG_CENTRE) / 2
        return (log_magnitude.clamp(max=_MAX_LOG_MAGNITUDE) + level / 2).exp()
