"""The best linear filter from narrowband to wideband: the baseline that is hard to beat."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from scipy import linalg
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval

from sklearn_audiosr._base import BaseUpsampler
from sklearn_audiosr._clips import check_pairs
from sklearn_audiosr._interpolation import PolyphaseStream, filter_polyphase, pad_silence

# Instants in a row of the matrix products that sum correlations, and rows in one product: the rows
# of one product stay in the cache.
_ROW = 32
_N_ROWS = 512

# Waveforms whose ends are summed together.
_N_ENDS = 256


class LinearUpsampler(BaseUpsampler):
    """Upsample with the polyphase filter that has the least squared error.

    From `n_taps` narrowband timepoints around an instant it predicts the r wideband timepoints of
    that instant by ridge regression: a polyphase Wiener interpolator, in closed form. It undoes
    the degradation of the lowband and leaves the highband nearly empty, which is as much
    signal-to-noise ratio as one gets without predicting the highband's waveform.

    Parameters
    ----------
    n_taps : int, default=65
        Narrowband timepoints that each prediction sees, centred on its instant.
    alpha : float, default=1e-6
        Ridge penalty, relative to the mean of the normal matrix's diagonal, so that it does not
        depend on the level or the amount of the data.
    sampling_rate : float, default=None
        Rate of the wideband clips in Hz, for latencies in seconds and `upsample_file`: no
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
    SplineUpsampler : Interpolation that learns nothing.

    Notes
    -----
    The normal equations are summed in float64 clip by clip: memory does not grow with the data.
    Clips are taken to be silent beyond their ends.

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

    def __init__(self, n_taps=65, alpha=1e-6, *, sampling_rate=None):
        self.n_taps = n_taps
        self.alpha = alpha
        self.sampling_rate = sampling_rate

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, Y):
        """Solve for the filters.

        Parameters
        ----------
        X, Y : containers of clips
            Narrowband sources and wideband targets, ``Y[i]`` r times as long as ``X[i]``.

        Returns
        -------
        self : LinearUpsampler
            The fitted estimator.
        """
        X, Y, ratio = check_pairs(X, Y)
        equations = _NormalEquations(self.n_taps, ratio)
        for x_clip, y_clip in zip(X, Y, strict=True):
            for x, y in zip(x_clip, y_clip, strict=True):
                equations.add(x, y.reshape(-1, ratio))
        gram, cross = equations.sums()
        self.coef_ = _solve_ridge(gram, cross, self.alpha)
        self.upsampling_ratio_ = ratio
        return self

    def _upsample_clip(self, clip):
        n_taps = len(self.coef_)  # of the last fit, whatever was set since
        knots = pad_silence(clip, n_taps // 2, n_taps - 1 - n_taps // 2)
        return filter_polyphase(knots, self.coef_.astype(np.float32))

    def _prepare_stream(self):
        taps = self.coef_.astype(np.float32)
        return partial(PolyphaseStream, taps, len(taps) // 2, pad_silence)


class _NormalEquations:
    """Sums over waveforms from which the filters follow.

    The matrix of products of contexts is known from its first row and from the contexts at both
    ends of each waveform: one step down a diagonal drops the first product of a sum and adds one
    at the end. So the work for a waveform is its correlation, and the matrix is built once.
    """

    def __init__(self, n_taps, ratio):
        self.n_taps = n_taps
        self.correlations = np.zeros((n_taps, 1 + ratio))  # of the contexts with x, and with y
        self.step = np.zeros((n_taps - 1, n_taps - 1))
        self._starts, self._ends = [], []

    def add(self, x, y):
        """Add a waveform: `x` of shape (n_timepoints,), `y` of (n_timepoints, ratio)."""
        n, before = len(x), self.n_taps // 2
        padded = np.pad(x.astype(np.float64), (before, self.n_taps - 1 - before))
        self.correlations += _correlate(padded, np.column_stack([padded[:n], y]), self.n_taps)
        self._starts.append(padded[: self.n_taps - 1].copy())
        self._ends.append(padded[n : n + self.n_taps - 1].copy())
        if len(self._starts) >= _N_ENDS:
            self._add_ends()

    def _add_ends(self):
        starts, ends = np.array(self._starts), np.array(self._ends)
        self.step += ends.T @ ends - starts.T @ starts
        self._starts, self._ends = [], []

    def sums(self):
        """Return the matrix (n_taps, n_taps) and the right-hand side (n_taps, ratio)."""
        if self._starts:
            self._add_ends()
        gram = np.empty((self.n_taps, self.n_taps))
        gram[0] = gram[:, 0] = self.correlations[:, 0]
        for i in range(1, self.n_taps):
            gram[i, 1:] = gram[i - 1, :-1] + self.step[i - 1]
        return gram, self.correlations[:, 1:]


def _correlate(padded, targets, n_taps):
    """Sum over t of ``padded[t + k] * targets[t, j]`` for k < n_taps, shape (n_taps, n_targets).

    Rows of `_ROW` instants that overlap by the filter's length turn the sums into a matrix
    product, whose diagonals are then added up.
    """
    n, n_targets = targets.shape
    n_rows = -(-n // _ROW)
    targets = np.pad(targets, ((0, n_rows * _ROW - n), (0, 0))).reshape(n_rows, -1)
    padded = np.pad(padded, (0, n_rows * _ROW - n))
    contexts = np.lib.stride_tricks.sliding_window_view(padded, _ROW + n_taps - 1)[::_ROW]
    products = np.zeros((_ROW + n_taps - 1, _ROW * n_targets))
    for start in range(0, n_rows, _N_ROWS):
        rows = slice(start, start + _N_ROWS)
        products += np.ascontiguousarray(contexts[rows]).T @ targets[rows]
    products = products.reshape(-1, _ROW, n_targets)
    return sum(products[i : i + n_taps, i] for i in range(_ROW))


def _solve_ridge(gram, cross, alpha):
    level = np.trace(gram) / len(gram)
    if level == 0:  # silence: any filter fits, take the one that gives silence
        return np.zeros_like(cross)
    penalised = gram / level + alpha * np.eye(len(gram))
    # symmetric solve by eigenvalues, so that alpha=0 on a degenerate signal has an answer
    return linalg.lstsq(penalised, cross / level, lapack_driver="gelsd")[0]
