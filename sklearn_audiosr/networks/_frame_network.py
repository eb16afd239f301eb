"""What networks on short-time spectra share: the linear filter, blocks and streams."""

from torch import nn

from sklearn_audiosr.networks._runners import PieceStream
from sklearn_audiosr.networks._spectral_layers import PolyphaseWienerFilter, SpectralBlock


class FrameNetwork(nn.Module):
    """Base of networks with ``compute(x, runner)``, a linear filter and blocks over frames."""

    linear: PolyphaseWienerFilter

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
