"""Config of the paper's network; its modules are in `_unet_module`.

The modules have a file of their own because they need torch, and a config does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints

if TYPE_CHECKING:
    import torch

# What "auto" means in each layout.
_NORMALIZATION = {"code": "none", "paper": "batch"}
_DROPOUT = {"code": 0.5, "paper": 0.0}


class AudioUNet(BaseEstimator):
    """The convolutional network of the paper: down-blocks, up-blocks, skip connections.

    The audio U-Net of Kuleshov et al. [1]_. Each of `n_blocks` down-blocks halves the length. Each
    up-block doubles it by a subpixel shuffle, and stacks on the features of the down-block of the
    same length. The input is added to the output.

    Parameters
    ----------
    n_blocks : int, default=4
        Down-blocks, and up-blocks, 1 to 12. To search over it, leave `n_filters` and
        `kernel_sizes` at None: they have one entry a block.
    layout : {"code", "paper"}, default="code"
        "code" is the authors' published program: LeakyReLU(0.2) in the down-blocks, a strided
        bottleneck, up-blocks with twice the filters of the matching down-block, dropout and ReLU,
        and all features of the down-block stacked on. "paper" is section 3.2: batch normalisation
        and ReLU throughout, and no bottleneck. Up-blocks go from F features to F / 2 filters, which
        the shuffle turns into F / 4 features; F / 4 features of the down path are stacked on.
    n_filters : sequence of int, default=None
        Filters of each down-block; None means ``min(2**(6 + b), 512)`` for block b = 1, 2, ...
    kernel_sizes : sequence of int, default=None
        Odd filter length of each block; None means ``max(2**(7 - b) + 1, 9)``.
    width : float, default=1.0
        Multiplies every filter count. The product is rounded to an even number, at least 2, at
        width 1 too.
    normalization : {"auto", "batch", "none"}, default="auto"
        Batch normalisation after each convolution; "auto" takes that of the layout.
    dropout : float or "auto", default="auto"
        Probability of dropping a value in the bottleneck and the up-blocks; "auto" takes that of
        the layout (0.5 in "code", 0 in "paper").
    additive_residual : bool, default=True
        Whether to add the input to the output, so that the network learns what the input lacks.
    skip_connections : bool, default=True
        Whether to stack on features of the down path. Either way layers have the same number of
        output filters.
    upsampling : {"subpixel", "transposed"}, default="subpixel"
        A convolution and a subpixel shuffle, or a transposed convolution, which is prone to
        checkerboard tones.

    Notes
    -----
    The paper prints ``max`` for the filters and ``min`` for their lengths. Its text (halve the
    length, double the filters) and its program need them swapped. For the up-blocks its formula,
    read with ``min``, gives 512, 512, 512 and 256 filters. The "paper" layout follows its paragraph
    on the subpixel layer instead (F / 2 filters: 256, 128, 64 and 32), because only that says what
    is stacked on. Its last up-block stacks on the input itself, because no down-block has its
    length.

    References
    ----------
    .. [1] V. Kuleshov, S. Z. Enam and S. Ermon, "Audio Super Resolution using Neural Nets", 2017,
       section 3.2 and figure 1. https://arxiv.org/abs/1708.00853

    Examples
    --------
    >>> from sklearn_audiosr.networks import AudioUNet
    >>> network = AudioUNet(n_blocks=2, width=0.125).build()
    >>> sum(parameter.numel() for parameter in network.parameters())
    228610
    """

    _parameter_constraints = {
        "n_blocks": [Interval(Integral, 1, 12, closed="both")],
        "layout": [StrOptions({"code", "paper"})],
        "n_filters": ["array-like", None],
        "kernel_sizes": ["array-like", None],
        "width": [Interval(Real, 0, None, closed="neither")],
        "normalization": [StrOptions({"auto", "batch", "none"})],
        "dropout": [Interval(Real, 0, 1, closed="left"), StrOptions({"auto"})],
        "additive_residual": ["boolean"],
        "skip_connections": ["boolean"],
        "upsampling": [StrOptions({"subpixel", "transposed"})],
    }

    def __init__(
        self,
        n_blocks: int = 4,
        *,
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
        self.n_blocks = n_blocks
        self.layout = layout
        self.n_filters = n_filters
        self.kernel_sizes = kernel_sizes
        self.width = width
        self.normalization = normalization
        self.dropout = dropout
        self.additive_residual = additive_residual
        self.skip_connections = skip_connections
        self.upsampling = upsampling

    def build(self, n_outputs: int = 1) -> torch.nn.Module:
        """Make the network with freshly initialised weights.

        Parameters
        ----------
        n_outputs : int, default=1
            Channels of the output, at least 1. The first is the waveform, to which
            `additive_residual` adds the input; the others are parameters of a noise model.

        Returns
        -------
        network : torch.nn.Module
            It maps (batch, 1, time) to (batch, n_outputs, time), for any time of at least 1.
            Weights are drawn from torch's global generator.

        Raises
        ------
        ValueError
            If a parameter is out of its range, or a list does not have `n_blocks` entries.
        """
        name = type(self).__name__
        validate_parameter_constraints(
            self._parameter_constraints, self.get_params(deep=False), name
        )
        validate_parameter_constraints(
            {"n_outputs": [Interval(Integral, 1, None, closed="left")]},
            {"n_outputs": n_outputs},
            f"{name}.build",
        )
        n_filters, kernel_sizes = self._filters(), self._kernel_sizes()
        return self._find_modules()[self.layout](
            n_filters,
            kernel_sizes,
            n_outputs=int(n_outputs),
            batch_norm=self._resolve(self.normalization, _NORMALIZATION) == "batch",
            dropout=self._resolve(self.dropout, _DROPOUT),
            additive_residual=self.additive_residual,
            skip_connections=self.skip_connections,
            upsampling=self.upsampling,
        )

    def _find_modules(self) -> Mapping[str, Callable[..., torch.nn.Module]]:
        """Return what makes the module of each layout."""
        from sklearn_audiosr.networks import _unet_module

        return {"code": _unet_module.CodeUNet, "paper": _unet_module.PaperUNet}

    def _resolve(self, value: Any, defaults: Mapping[str, Any]) -> Any:
        return defaults[self.layout] if isinstance(value, str) and value == "auto" else value

    def _filters(self) -> list[int]:
        blocks = range(1, self.n_blocks + 1)
        filters = self.n_filters
        if filters is None:
            # Sec. 3.2 prints max; its text and program need min
            filters = [min(2 ** (6 + b), 512) for b in blocks]
        _check_block_list("n_filters", filters, self.n_blocks, odd=False)
        return [max(2, 2 * round(f * self.width / 2)) for f in filters]

    def _kernel_sizes(self) -> list[int]:
        sizes = self.kernel_sizes
        if sizes is None:
            # Sec. 3.2 prints min; its text and program need max
            sizes = [max(2 ** (7 - b) + 1, 9) for b in range(1, self.n_blocks + 1)]
        _check_block_list("kernel_sizes", sizes, self.n_blocks, odd=True)
        return [int(size) for size in sizes]


def _check_block_list(name: str, values: Any, n_blocks: int, odd: bool) -> None:
    kind = "odd integers" if odd else "integers"
    legal = isinstance(values, Sequence) or hasattr(values, "__array__")
    legal = legal and len(values) == n_blocks
    if not legal or not all(
        isinstance(v, Integral) and not isinstance(v, bool) and int(v) >= 1 and int(v) % 2 >= odd
        for v in values
    ):
        raise ValueError(
            f"{name} must be {n_blocks} {kind} of at least 1, one for each of n_blocks={n_blocks} "
            f"blocks, got {values!r}: pass one entry a block, or None for those of the paper."
        )
