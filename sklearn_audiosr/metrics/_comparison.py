"""Compare two containers clip by clip: what all metrics share."""

import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_audiosr._pairs import check_comparison


def compare_clips(y_true, y_pred, sample_weight, average, score, undefined=None):
    """Score each prediction against its clip, and average.

    Parameters
    ----------
    y_true, y_pred : containers of clips
        As the user gave them.
    sample_weight : array-like of shape (n_clips,) or None
        Weights of the clips in the mean.
    average : {"clips"} or None
        "clips" gives the mean over clips, None one value for each clip.
    score : callable
        The value of two arrays of shape (n_channels, n_timepoints); nan where it is undefined.
    undefined : str, default=None
        What the warning says of such clips; None if there are none.

    Returns
    -------
    values : float or ndarray of shape (n_clips,)
        The mean leaves clips out whose value is nan.
    """
    y_true, y_pred, weights = check_comparison(y_true, y_pred, sample_weight)
    values = np.array([score(*pair) for pair in _same_shape_pairs(y_true, y_pred)], dtype=float)
    indices = np.flatnonzero(np.isnan(values))
    if undefined is not None and indices.size:
        shown = ", ".join(map(str, indices[:10])) + (", ..." if len(indices) > 10 else "")
        warnings.warn(
            f"{undefined}: y_true[{shown}] gives nan, which means leave out.",
            UndefinedMetricWarning,
            stacklevel=4,  # the caller of a metric, which wears a decorator
        )
    return _average(values, weights, average)


def _same_shape_pairs(y_true, y_pred):
    for i, (true, pred) in enumerate(zip(y_true, y_pred, strict=True)):
        if true.shape != pred.shape:
            raise ValueError(
                f"y_pred[{i}] must have the shape of y_true[{i}] (n_channels, n_timepoints)="
                f"{true.shape}, got {pred.shape}: compare clips of the same rate and length."
            )
        yield true, pred


def _average(values, weights, average):
    if average is None:
        return values
    counted = ~np.isnan(values)
    if weights is not None:
        counted &= weights > 0  # 0 times infinity is no number
    if not counted.any():
        return np.nan
    return float(np.average(values[counted], weights=None if weights is None else weights[counted]))
