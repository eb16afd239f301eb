"""Config of the network that shapes a harmonic and a noise carrier; see `_harmonic_noise_module`."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

if TYPE_CHECKING:
    import torch

# Filters of a fast block at width 1.
_N_FILTERS = 176


class HarmonicNoiseNet(BaseEstimator):
    """A network that shapes a harmonic carrier and noise into a highband.

    Parameters
    ----------
    n_blocks : int, default=4
    """

    _parameter_constraints = {
        "n_blocks": [Interval(Integral, 1, None, closed="left")],
        "n_slow_blocks": [Interval(Integral, 1, None, closed="left")],
        "width": [Interval(Real, 0, None, closed="neither")],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "expansion": [Interval(Real, 0, None, closed="neither")],
        "frame_length": [Interval(Integral, 16, None, closed="left")],
        "n_taps": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        n_blocks: int = 4,
        *,
        n_slow_blocks: int = 4,
        width: float = 1.0,
        kernel_size: int = 7,
        expansion: float = 2.8,
        frame_length: int = 320,
        n_taps: int = 65,
        dropout: float = 0,
    ) -> None:
        self.n_blocks = n_blocks
        self.n_slow_blocks = n_slow_blocks
        self.width = width
        self.kernel_size = kernel_size
        self.expansion = expansion
        self.frame_length = frame_length
        self.n_taps = n_taps
        self.dropout = dropout

    def build(self, upsampling_ratio: int) -> torch.nn.Module:
        from sklearn_audiosr.networks._harmonic_noise_module import HarmonicNoiseNetwork

        return HarmonicNoiseNetwork(
            int(upsampling_ratio),
            n_blocks=int(self.n_blocks),
            n_slow_blocks=int(self.n_slow_blocks),
            n_filters=max(8, round(_N_FILTERS * self.width)),
            kernel_size=int(self.kernel_size),
            expansion=float(self.expansion),
            frame_length=int(self.frame_length),
            n_taps=int(self.n_taps),
            dropout=float(self.dropout),
        )
