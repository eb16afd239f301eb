"""Config of the U-Net with temporal feature-wise modulation; modules are in `_tfilm_module`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from sklearn_audiosr.networks._unet import AudioUNet

if TYPE_CHECKING:
    import torch


class TFiLM(AudioUNet):
    """The U-Net with temporal feature-wise modulation: it remembers the clip so far.

    The follow-up of the paper's network (Birnbaum et al. [1]_). The features F at the end of each
    block of `AudioUNet` are cut into stretches of `block_length` timepoints. An LSTM with one unit
    a feature reads the maxima of one stretch after the other. Its output scales the features of the
    stretch (there is no shift)::

        scale[b], state[b] = LSTM(max over stretch b of F, state[b - 1])
        F on stretch b     = scale[b] * F on stretch b

    Parameters
    ----------
    n_blocks : int, default=4
        As in `AudioUNet`, like all parameters but `block_length`.
    block_length : int, default=256
        Input timepoints in a stretch, a power of two. Where features are ``2**l`` timepoints apart,
        ``block_length / 2**l`` of them are pooled, at least one: by default 128, 64, 32 and 16
        after the down-blocks, as published. The estimator's `patch_length` must hold two stretches.
    layout : {"code", "paper"}, default="code"
        Layout of the U-Net that is modulated; the authors modulate "code".
    n_filters : sequence of int, default=None
        Filters of each down-block; None means ``min(2**(6 + b), 512)`` for block b = 1, 2, ...
    kernel_sizes : sequence of int, default=None
        Odd filter length of each block; None means ``max(2**(7 - b) + 1, 9)``.
    width : float, default=1.0
        Multiplies every filter count.
    normalization : {"auto", "batch", "none"}, default="auto"
        Batch normalisation after each convolution; "auto" takes that of the layout.
    dropout : float or "auto", default="auto"
        Probability of dropping a value in the bottleneck and the up-blocks.
    additive_residual : bool, default=True
        Whether to add the input to the output.
    skip_connections : bool, default=True
        Whether to stack on modulated features of the down path.
    upsampling : {"subpixel", "transposed"}, default="subpixel"
        A convolution and a subpixel shuffle, or a transposed convolution.

    Notes
    -----
    An output depends on the whole clip before it. So a long clip is computed chunk by chunk in
    order, as a stream is: convolutions keep the timepoints that they need again, LSTMs keep their
    state, and features wait until their stretch is complete. Stretches count from the start of the
    clip, so chunks, streams and the whole clip agree; zeros fill the last stretch. By default the
    network looks 2342 timepoints ahead, `AudioUNet` 712. In training it remembers no more than a
    patch: 8192 timepoints by default, or 32 stretches.

    Three things differ from the authors' program. It dilates its filters by 2 and halves the
    length by the maximum of two timepoints; here the convolutions are those of `AudioUNet`. Its
    up-blocks pool 8 features at every length; here they pool as many as the down-block of the same
    length. And here the gates of the LSTMs start open: with the usual initialisation each block
    makes its features smaller than the one before, and nothing arrives at the bottleneck.

    References
    ----------
    .. [1] S. Birnbaum, V. Kuleshov, S. Z. Enam, P. W. Koh and S. Ermon, "Temporal FiLM: Capturing
       Long-Range Sequence Dependencies with Feature-Wise Modulations", NeurIPS 2019.
       https://arxiv.org/abs/1909.06628

    Examples
    --------
    >>> from sklearn_audiosr.networks import TFiLM
    >>> network = TFiLM(n_blocks=2, width=0.125).build()
    >>> network.stride, network.look_back, network.look_ahead
    (256, inf, 1318)
    """

    _parameter_constraints = {
        **AudioUNet._parameter_constraints,
        "block_length": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_blocks: int = 4,
        *,
        block_length: int = 256,
        layout: Literal["code", "paper"] = "code",
        n_filters: Sequence[int] | NDArray[np.integer[Any]] | None = None,
        kernel_sizes: Sequence[int] | NDArray[np.integer[Any]] | None = None,
        width: float = 1.0,
        normalization: Literal["auto", "batch", "none"] = "auto",
        dropout: float | Literal["auto"] = "auto",
        additive_residual: bool = True,
        skip_connections: bool = True,
        upsampling: Literal["subpixel", "transposed"] = "subpixel",
    ) -> None:
        super().__init__(
            n_blocks,
            layout=layout,
            n_filters=n_filters,
            kernel_sizes=kernel_sizes,
            width=width,
            normalization=normalization,
            dropout=dropout,
            additive_residual=additive_residual,
            skip_connections=skip_connections,
            upsampling=upsampling,
        )
        self.block_length = block_length

    @property
    def least_patch_length(self) -> int:
        """Two stretches: a shorter patch has no whole one after the first for the LSTMs to see."""
        return 2 * self._check_block_length()

    def _check_block_length(self) -> int:
        """Return `block_length`, or raise ValueError."""
        validate_parameter_constraints(
            {"block_length": self._parameter_constraints["block_length"]},
            {"block_length": self.block_length},
            type(self).__name__,
        )
        if isinstance(self.block_length, bool):  # booleans are integers to Python
            raise ValueError(
                f"block_length must be an integer, a power of two, got {self.block_length}: pass "
                "256, for example."
            )
        length = int(self.block_length)
        if length & (length - 1):
            raise ValueError(
                f"block_length must be a power of two, got {length}: pass "
                f"{2 ** (length.bit_length() - 1)} or {2 ** length.bit_length()}, so that the "
                "blocks of all lengths pool whole features."
            )
        return length

    def _find_modules(self) -> Mapping[str, Callable[..., torch.nn.Module]]:
        from sklearn_audiosr.networks import _tfilm_module

        length = self._check_block_length()
        modules = {"code": _tfilm_module.CodeTFiLM, "paper": _tfilm_module.PaperTFiLM}
        return {layout: partial(module, block_length=length) for layout, module in modules.items()}
