"""The polyphase Wiener filter: the linear interpolation of least squared error, in closed form."""

import numpy as np
from scipy import linalg

# Instants in a row of the matrix products that sum correlations, and rows in one product, which
# then stay in the cache.
_ROW = 32
_N_ROWS = 512

# Largest gain that counts as 1: a filter with a soft band edge lowers speech by a tenth.
_SAME_SCALE = 1.25

# Waveforms whose ends are summed in one product.
_N_ENDS = 256


def solve_polyphase_filters(waveforms, n_taps, ratio, alpha, equal_sums=False):
    """Solve for the filters that predict the wideband timepoints of an instant.

    Parameters
    ----------
    waveforms : iterable of (ndarray, ndarray)
        Narrowband waveforms of shape (n_timepoints,), and wideband ones `ratio` times as long.
    n_taps : int
        Narrowband timepoints around the instant that a filter sees: its context.
    ratio : int
        Wideband timepoints for each narrowband timepoint.
    alpha : float
        Ridge penalty, relative to the mean diagonal of the normal matrix.
    equal_sums : bool, default=False
        Whether all filters must have the same sum, so that a constant makes no tone. The sum is 1,
        or the gain from narrowband to wideband waveforms if their scales differ.

    Returns
    -------
    filters : ndarray of shape (n_taps, ratio), float64
        One filter for each wideband timepoint of an instant.
    """
    equations = _NormalEquations(n_taps, ratio)
    for x, y in waveforms:
        equations.add(x, y.reshape(-1, ratio))
    gram, cross = equations.sums()
    filters, of_ones = _solve_ridge(gram, cross, alpha)
    return _equalize_sums(filters, of_ones, _find_gain(gram, cross)) if equal_sums else filters


class _NormalEquations:
    """Sums over waveforms from which the filters follow.

    The Gram matrix of the contexts follows from its first row and the ends of each waveform: one
    step down a diagonal drops the first product of a sum and adds one at the end. So the work for
    a waveform is its correlation, and the matrix is built once.
    """

    def __init__(self, n_taps, ratio):
        self.n_taps = n_taps
        self.correlations = np.zeros((n_taps, 1 + ratio))  # contexts with x, then with y
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
    """Sum ``padded[t + k] * targets[t, j]`` over t for k < n_taps: (n_taps, n_targets).

    The sums are a matrix product of rows of `_ROW` instants, which overlap by the filter's length.
    Its diagonals are then added up.
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
    """Solve for the filters, and for a right-hand side of ones."""
    level = np.trace(gram) / len(gram)
    if level == 0:  # silence: any filter fits, take zeros
        return np.zeros_like(cross), np.zeros(len(gram))
    penalised = gram / level + alpha * np.eye(len(gram))
    sides = np.column_stack([cross / level, np.ones(len(gram))])
    # by singular values, so that alpha=0 on a degenerate signal has a solution
    solved = linalg.lstsq(penalised, sides, lapack_driver="gelsd")[0]
    return solved[:, :-1], solved[:, -1]


def _find_gain(gram, cross):
    """Return the gain of a constant from narrowband to wideband.

    Recordings hold no constant that would show it, but every low-pass filter passes one unchanged.
    So the gain is 1, unless narrowband and wideband timepoints of the same instant differ in scale
    by more than filters explain: then the volume differs, for a constant too.
    """
    centre = len(gram) // 2
    power = gram[centre, centre]
    gain = cross[centre, 0] / power if power > 0 else 1.0
    return 1.0 if 1 / _SAME_SCALE < gain < _SAME_SCALE else gain


def _equalize_sums(filters, direction, target):
    """Return the filters of least squared error whose sums are all `target`.

    Unequal sums turn a constant or a hum into tones at multiples of the narrowband rate. Recordings
    have too little of either to show in the squared error.
    """
    if direction.sum() <= 0:  # the contexts hold no constant at all
        return filters
    return filters - np.outer(direction / direction.sum(), filters.sum(axis=0) - target)
