"""The linear filter with the least squared error: a baseline that is hard to beat."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.utils._param_validation import Interval

from sklearn_audiosr._estimators.base import BaseUpsampler
from sklearn_audiosr._pairs import check_pairs
from sklearn_audiosr._signal.interpolation import PolyphaseStream, pad_silence
from sklearn_audiosr._signal.wiener import solve_polyphase_filters
from sklearn_audiosr._validation import validated_fit

if TYPE_CHECKING:
    from sklearn_audiosr._clips import ClipsLike


class LinearUpsampler(BaseUpsampler):
    """Upsample with the polyphase Wiener filter: the linear filter with the least squared error.

    Ridge regression, in closed form, predicts the r wideband timepoints of an instant from the
    `n_taps` narrowband timepoints around it. The filter undoes the degradation of the lowband and
    leaves the highband nearly empty. Only a prediction of the highband's waveform has a better
    signal-to-noise ratio.

    Parameters
    ----------
    n_taps : int, default=65
        Length of each filter in narrowband timepoints, centred on the predicted instant.
    alpha : float, default=1e-6
        Ridge penalty, relative to the mean of the normal matrix's diagonal, so that it does not
        depend on the level or the amount of the data.
    sampling_rate : float, default=None
        Rate of the wideband clips in Hz, for latencies in seconds and `upsample_file`. No
        prediction depends on it.

    Attributes
    ----------
    coef_ : ndarray of shape (n_taps, r)
        One filter for each of the r wideband timepoints of an instant:
        ``Y[r * t + p] = sum over k of X[t + k - n_taps // 2] * coef_[k, p]``.
    upsampling_ratio_ : int
        Wideband timepoints for each narrowband timepoint.

    See Also
    --------
    SplineUpsampler : Interpolation with nothing to learn.

    Notes
    -----
    The normal equations are summed in float64 clip by clip, so memory does not grow with the data.
    Beyond their ends clips count as silent.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr import LinearUpsampler
    >>> from sklearn_audiosr.degradation import Decimator
    >>> Y = np.random.default_rng(0).standard_normal((4, 8000)).cumsum(axis=1)
    >>> X = Decimator(upsampling_ratio=2).fit_transform(Y)
    >>> LinearUpsampler(n_taps=33).fit(X, Y).predict(X).shape
    (4, 8000)
    """

    _parameter_constraints = {
        "n_taps": [Interval(Integral, 1, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "sampling_rate": [Interval(Real, 0, None, closed="neither"), None],
    }

    _learned = {"upsampling_ratio_": "ratio", "coef_": "filters"}  # what save() stores

    def __init__(
        self, n_taps: int = 65, alpha: float = 1e-6, *, sampling_rate: float | None = None
    ) -> None:
        self.n_taps = n_taps
        self.alpha = alpha
        self.sampling_rate = sampling_rate

    @validated_fit(prefer_skip_nested_validation=True)
    def fit(self, X: ClipsLike, Y: ClipsLike) -> Self:
        """Compute the filters from pairs of clips.

        Parameters
        ----------
        X, Y : containers of clips
            Narrowband sources and wideband targets, ``Y[i]`` r times as long as ``X[i]``.

        Returns
        -------
        self : LinearUpsampler
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of its range, or if clips are empty, not finite or don't fit their
            targets.
        TypeError
            If `X` or `Y` is no container of clips.
        """
        sources, targets, ratio = check_pairs(X, Y)
        waveforms = (
            pair
            for x_clip, y_clip in zip(sources, targets, strict=True)
            for pair in zip(x_clip, y_clip, strict=True)
        )
        self.coef_ = solve_polyphase_filters(waveforms, self.n_taps, ratio, self.alpha)
        self.upsampling_ratio_ = ratio
        self._forget_card()
        return self

    def _open_stages(self) -> Callable[[], PolyphaseStream]:
        taps = self.coef_.astype(np.float32)  # of the last fit, even if n_taps has changed
        return partial(PolyphaseStream, taps, len(taps) // 2, pad_silence)
