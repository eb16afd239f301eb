"""Cubic spline interpolation as an estimator: the simplest baseline."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Self

from sklearn.utils._param_validation import Interval

from sklearn_audiosr._estimators.base import BaseUpsampler
from sklearn_audiosr._pairs import check_pairs
from sklearn_audiosr._signal.interpolation import PolyphaseStream, stream_cubic
from sklearn_audiosr._validation import validated_fit

if TYPE_CHECKING:
    from sklearn_audiosr._clips import ClipsLike


class SplineUpsampler(BaseUpsampler):
    """Upsample with an interpolating cubic B-spline.

    This is the classical baseline, and it makes the input of the paper's network [1]_. It learns
    nothing but the ratio of the lengths.

    Parameters
    ----------
    sampling_rate : float, default=None
        Rate of the wideband clips in Hz, for latencies in seconds and `upsample_file`. No
        prediction depends on it.

    Attributes
    ----------
    upsampling_ratio_ : int
        Wideband timepoints for each narrowband timepoint.

    See Also
    --------
    LinearUpsampler : The best linear filter, a stronger baseline.

    Notes
    -----
    Beyond both ends the clip is reflected about its end point, at half the slope. The last
    ``r - 1`` timepoints, which have no right neighbour, follow from this extension.
    ``benchmarks/bench_spline_boundary.py`` compares it with others on speech and piano.

    References
    ----------
    .. [1] V. Kuleshov, S. Z. Enam and S. Ermon, "Audio Super Resolution using Neural Nets", 2017,
       section 4. https://arxiv.org/abs/1708.00853

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr import SplineUpsampler
    >>> X, Y = np.array([[1.0, 1.0, 1.0]]), np.ones((1, 6))
    >>> SplineUpsampler().fit(X, Y).predict(X).round(3)
    array([[1., 1., 1., 1., 1., 1.]], dtype=float32)
    """

    _parameter_constraints = {
        "sampling_rate": [Interval(Real, 0, None, closed="neither"), None],
    }

    _learned = {"upsampling_ratio_": "ratio"}  # what save() stores

    def __init__(self, *, sampling_rate: float | None = None) -> None:
        self.sampling_rate = sampling_rate

    @validated_fit(prefer_skip_nested_validation=True)
    def fit(self, X: ClipsLike, Y: ClipsLike) -> Self:
        """Learn the upsampling ratio from pairs of clips.

        Parameters
        ----------
        X, Y : containers of clips
            Narrowband sources and wideband targets, ``Y[i]`` r times as long as ``X[i]``.

        Returns
        -------
        self : SplineUpsampler
            The fitted estimator.

        Raises
        ------
        ValueError
            If clips are empty or not finite, or don't fit their targets.
        TypeError
            If `X` or `Y` is no container of clips.
        """
        _, _, self.upsampling_ratio_ = check_pairs(X, Y)
        self._forget_card()
        return self

    def _open_stages(self) -> Callable[[], PolyphaseStream]:
        return partial(stream_cubic, self.upsampling_ratio_)
