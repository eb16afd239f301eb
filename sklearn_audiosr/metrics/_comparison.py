"""Code of all metrics: parameters and their docstrings, comparison clip by clip, averages."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils._param_validation import StrOptions, validate_params

from sklearn_audiosr._clips import Clips, ClipsLike
from sklearn_audiosr._pairs import check_comparison
from sklearn_audiosr._validation import numpy_defaults

ClipValues: TypeAlias = NDArray[np.float64]  # of shape (n_clips,)
_Waveforms: TypeAlias = NDArray[np.float64]  # of shape (n_channels, n_timepoints)
_Metric = TypeVar("_Metric", bound=Callable[..., Any])

_CONSTRAINTS = {"sample_weight": ["array-like", None], "average": [StrOptions({"clips"}), None]}

# Texts that replace these names in the docstrings of all metrics.
_SHARED = {
    "{clips}": """\
y_true, y_pred : containers of clips
    Wideband clips and their predictions, of the same lengths and channels.""",
    "{rates}": """\
sampling_rate : float
    Wideband rate in Hz.
upsampling_ratio : float
    Wideband over narrowband rate, above 1.""",
    "{no highband}": """\
ValueError
    If the rate and the ratio leave no highband of 500 Hz below 20 kHz.""",
    "{averaging}": """\
sample_weight : array-like of shape (n_clips,), default=None
    Weights of the clips in the mean.
average : {"clips"} or None, default="clips"
    "clips" returns the mean over clips, None one value for each clip.""",
    "{unlike clips}": """\
ValueError, TypeError
    If the predictions differ from the clips in number, length or channels, if either are no
    clips, or if another argument is illegal.""",
    "{no value}": """\
UndefinedMetricWarning
    If a clip has no value.""",
}


def clip_metric(**constraints: list[Any]) -> Callable[[_Metric], _Metric]:
    """Return a decorator of metrics: it completes the docstring and checks the parameters.

    Parameters
    ----------
    **constraints : list
        Legal values of the parameters that not all metrics have, as in scikit-learn's
        ``_parameter_constraints``.

    Returns
    -------
    decorate : callable
        Replaces the names in braces in a docstring by what all metrics share, and wraps the
        metric by scikit-learn's ``validate_params``.
    """

    def decorate(metric: _Metric) -> _Metric:  # numpydoc ignore=GL08
        document = inspect.getdoc(metric)
        if document is not None:  # as under python -OO
            for name, text in _SHARED.items():
                document = document.replace(name, text)
            metric.__doc__ = document
        checked: _Metric = validate_params(
            {**constraints, **_CONSTRAINTS}, prefer_skip_nested_validation=True
        )(metric)
        return checked

    return decorate


@numpy_defaults
def compare_clips(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    sample_weight: ArrayLike | None,
    average: str | None,
    score: Callable[[_Waveforms, _Waveforms], Any],
    undefined: str | None = None,
    pool: Callable[[Any], Any] | None = None,
) -> Any:
    """Score each prediction against its clip, and average.

    Parameters
    ----------
    y_true, y_pred : containers of clips
        As the user gave them.
    sample_weight : array-like of shape (n_clips,) or None
        Weights of the clips in the mean.
    average : {"clips"} or None
        "clips" returns the mean over clips, None one value for each clip.
    score : callable
        Value of two arrays of shape (n_channels, n_timepoints), or several values in an array; nan
        where it is undefined.
    undefined : str, default=None
        Warning for clips whose (first) value is nan; None for a metric that has a value for all
        clips.
    pool : callable, default=None
        Computes a clip's value from the array that `score` returns, and the value of all clips
        from the mean of these arrays. None averages the values themselves.

    Returns
    -------
    values : float, or ndarray of shape (n_clips,), (n_values,) or (n_clips, n_values)
        Clips whose value is nan are left out of the mean.

    Raises
    ------
    ValueError, TypeError
        If clips, predictions and weights do not fit together.
    """
    clips, predictions, weights = check_comparison(y_true, y_pred, sample_weight)
    scores = np.array([score(*pair) for pair in _same_shape_pairs(clips, predictions)], dtype=float)
    values = scores if pool is None else np.array([pool(row) for row in scores])
    first = values.reshape(len(values), -1)[:, 0]
    indices = np.flatnonzero(np.isnan(first))
    if undefined is None and indices.size:
        raise _overflow_error(int(indices[0]), clips, predictions)
    if undefined is not None and indices.size:
        shown = ", ".join(map(str, indices[:10])) + (", ..." if len(indices) > 10 else "")
        warnings.warn(
            f"{undefined}: the value of y_true[{shown}] is nan, which means leave out.",
            UndefinedMetricWarning,
            stacklevel=5,  # the caller of a metric: both wear a decorator
        )
    if average is None:
        return values
    if pool is not None:
        scores[indices] = np.nan
        return pool(_average(scores, weights))
    return _average(values, weights)


def _overflow_error(index: int, y_true: Clips, y_pred: Clips) -> ValueError:
    peaks = [f"{np.abs(clips[index]).max():.3g}" for clips in (y_true, y_pred)]
    return ValueError(
        f"y_true[{index}] and y_pred[{index}] must have levels whose squares float64 can hold, got "
        f"peaks of {' and '.join(peaks)}: repair timepoints that are no audio, or scale both to "
        "[-1, 1]."
    )


def _same_shape_pairs(y_true: Clips, y_pred: Clips) -> Iterator[tuple[_Waveforms, _Waveforms]]:
    """Yield clips with their predictions, or raise ValueError where the shapes differ."""
    for i, (true, pred) in enumerate(zip(y_true, y_pred, strict=True)):
        if true.shape != pred.shape:
            raise ValueError(
                f"y_pred[{i}] must have the shape of y_true[{i}] (n_channels, n_timepoints)="
                f"{true.shape}, got {pred.shape}: compare clips of the same rate and length."
            )
        yield true, pred


def _average(values: NDArray[np.float64], weights: ClipValues | None) -> Any:
    """Return the mean of each column over the clips that have a value in it."""
    if values.ndim > 1:
        return np.array([_average(column, weights) for column in values.T])
    counted = ~np.isnan(values)
    if weights is not None:
        counted &= weights > 0  # 0 times infinity is no number
    if not counted.any():
        return np.nan
    return float(np.average(values[counted], weights=None if weights is None else weights[counted]))
