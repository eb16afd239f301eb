"""Checks of clips against their targets, predictions, groups and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sklearn_audiosr._clips import Clips, ClipsLike, open_tensor

_RATES_REMEDY = (
    "if the rates have another ratio, resample to an integer one; if X and Y were mixed up, swap "
    "them."
)


def check_pairs(
    X: ClipsLike,
    Y: ClipsLike,
    *,
    upsampling_ratio: int | None = None,
    dtype: DTypeLike = np.float32,
) -> tuple[Clips, Clips, int]:
    """Check narrowband clips against their wideband targets.

    Parameters
    ----------
    X, Y : containers of clips
        Narrowband sources and wideband targets.
    upsampling_ratio : int, default=None
        Ratio that every pair must have; None learns it from the lengths.
    dtype : dtype, default=numpy.float32
        Floating-point type of the checked clips.

    Returns
    -------
    X, Y : Clips
        The checked containers.
    upsampling_ratio : int
        Wideband timepoints for each narrowband timepoint, at least 2.

    Raises
    ------
    TypeError, ValueError
        If clips are illegal, or sources and targets don't fit together.
    """
    if Y is None:
        raise ValueError(
            "Y must hold the wideband clips, got None: this estimator requires y to be passed, "
            "but the target y is None. Pass the wideband targets as fit(X, Y)."
        )
    X, Y = Clips(X, "X", dtype), Clips(Y, "Y", dtype)
    if len(X) != len(Y):
        raise ValueError(
            f"Y must hold as many clips as X ({len(X)}), got {len(Y)}: pass one wideband clip "
            "for each narrowband clip."
        )
    shapes = [(x.shape, y.shape) for x, y in zip(X, Y, strict=True)]
    if upsampling_ratio is None:
        upsampling_ratio = _learn_ratio(shapes)
    for i, (x_shape, y_shape) in enumerate(shapes):
        _check_pair(i, x_shape, y_shape, upsampling_ratio)
    return X, Y, upsampling_ratio


def check_groups(groups: ArrayLike | None, n_clips: int) -> NDArray[Any] | None:
    """Return `groups` as an array with one label for each of `n_clips` clips, or None.

    Parameters
    ----------
    groups : array-like of shape (n_clips,) or None
        Speaker or piece of each clip.
    n_clips : int
        Number of clips.

    Returns
    -------
    groups : ndarray of shape (n_clips,) or None
        The labels.

    Raises
    ------
    ValueError
        If the number of labels is not that of clips, or their types can't be compared.
    """
    if groups is None:
        return None
    try:
        groups = np.asarray(open_tensor(groups))
    except (TypeError, ValueError, RuntimeError):  # a ragged list; tensors inside a list
        groups = np.asarray(None)
    if groups.ndim != 1 or len(groups) != n_clips:
        raise ValueError(
            f"groups must hold one label for each of the {n_clips} clips, got shape "
            f"{groups.shape}: pass one speaker or piece for each clip."
        )
    try:
        np.unique(groups)
    except TypeError as error:  # numpy.unique sorts the labels
        raise ValueError(
            f"groups must hold labels of one type, got {groups.tolist()!r:.80}: turn all into "
            "strings."
        ) from error
    return groups


def check_comparison(
    y_true: ClipsLike, y_pred: ClipsLike, sample_weight: ArrayLike | None = None
) -> tuple[Clips, Clips, NDArray[np.float64] | None]:
    """Check true clips against predictions and weights.

    Parameters
    ----------
    y_true, y_pred : containers of clips
        True and predicted clips.
    sample_weight : array-like of shape (n_clips,), default=None
        Weights of the clips.

    Returns
    -------
    y_true, y_pred : Clips
        The checked containers, float64.
    weights : ndarray of shape (n_clips,) or None
        The checked weights, float64.

    Raises
    ------
    ValueError, TypeError
        If clips or weights are illegal, or their numbers differ.
    """
    y_true, y_pred = Clips(y_true, "y_true", np.float64), Clips(y_pred, "y_pred", np.float64)
    if len(y_true) != len(y_pred):
        raise ValueError(
            f"y_pred must hold as many clips as y_true ({len(y_true)}), got {len(y_pred)}: pass "
            "one prediction for each clip."
        )
    return y_true, y_pred, _check_weights(sample_weight, len(y_true))


def _check_weights(sample_weight: ArrayLike | None, n_clips: int) -> NDArray[np.float64] | None:
    if sample_weight is None:
        return None
    try:
        weights = np.asarray(open_tensor(sample_weight))
    except (TypeError, ValueError, RuntimeError):  # a ragged list; tensors inside a list
        weights = np.asarray(None)
    legal = weights.shape == (n_clips,) and weights.dtype.kind in "fiub"
    if not legal or not np.isfinite(weights).all() or weights.min() < 0 or weights.max() == 0:
        raise ValueError(
            f"sample_weight must hold one finite weight of at least 0 for each of the {n_clips} "
            f"clips, not all 0, got an array of shape {weights.shape}: pass one number per clip."
        )
    return weights.astype(np.float64)


def _learn_ratio(shapes: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> int:
    ratios = [y_shape[-1] / x_shape[-1] for x_shape, y_shape in shapes]
    # the lower median: one bad pair of several does not change the ratio
    ratio = max(1, round(sorted(ratios)[(len(ratios) - 1) // 2]))
    if ratio < 2:
        i = int(np.argmin(ratios))
        raise ValueError(
            "Y must have an integer number of timepoints, at least 2, for each timepoint of X, got "
            f"len(X[{i}])={shapes[i][0][-1]} and len(Y[{i}])={shapes[i][1][-1]}: pass narrowband "
            "clips as X and wideband clips as Y (degradation.Decimator makes X from Y)."
        )
    return ratio


def _check_pair(i: int, x_shape: tuple[int, ...], y_shape: tuple[int, ...], ratio: int) -> None:
    if y_shape[-1] != ratio * x_shape[-1]:
        message = (
            f"Y[{i}] must have {ratio * x_shape[-1]} timepoints (upsampling_ratio={ratio} times "
            f"len(X[{i}])={x_shape[-1]}), got {y_shape[-1]}: cut wideband clips to a multiple of "
            "the ratio."
        )
        # cutting makes a difference of a few timepoints, wrong rates a larger one
        if abs(y_shape[-1] - ratio * x_shape[-1]) >= ratio:
            message += f" It is {y_shape[-1] / x_shape[-1]:.4g} times as long: {_RATES_REMEDY}"
        raise ValueError(message)
    if x_shape[0] != y_shape[0]:
        raise ValueError(
            f"Y[{i}] must have as many channels as X[{i}] ({x_shape[0]}), got {y_shape[0]}: pass "
            "the same channels, or mix both to mono."
        )
