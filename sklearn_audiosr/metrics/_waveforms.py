"""Scores by packages that take one waveform at a time, of limited lengths and rates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from numbers import Real
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

SAMPLING_RATE = [Interval(Real, 0, None, closed="neither")]  # legal values


def import_package(package: str, metric: str) -> ModuleType:
    """Import a package that is not installed with this one.

    Parameters
    ----------
    package : str
        Name under which it is imported.
    metric : str
        Name of the function that needs it, for the error message.

    Returns
    -------
    module : module
        The package.

    Raises
    ------
    ImportError
        If the package can't be imported.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise ImportError(
            f"{metric} needs the package {package}, which can't be imported ({error}): "
            'pip install "sklearn-audiosr[metrics]".'
        ) from error


def make_clip_score(
    measure: Callable[[NDArray[np.float64], NDArray[np.float64]], float],
    lowest: float,
    sampling_rate: float,
    rate: float | None = None,
    longest: float = np.inf,
) -> Callable[[NDArray[np.float64], NDArray[np.float64]], float]:
    """Make the score of a clip from the measure of a waveform.

    Parameters
    ----------
    measure : callable
        Value of two waveforms, neither of them silent; nan where it is undefined.
    lowest : float
        Value of a silent prediction.
    sampling_rate : float
        Rate of the clips in Hz.
    rate : float, default=None
        Rate in Hz that `measure` takes, to which clips are resampled; None does not resample.
    longest : float, default=infinity
        Seconds that `measure` takes at most; longer waveforms are cut into equal pieces.

    Returns
    -------
    score : callable
        Mean over the channels and pieces of two arrays of shape (n_channels, n_timepoints), without
        those that have no value: where the reference is silent, for example.
    """

    def _score(true: NDArray[np.float64], pred: NDArray[np.float64]) -> float:
        true, pred = (_resample(clip, sampling_rate, rate) for clip in (true, pred))
        n_pieces = max(1, int(np.ceil(true.shape[-1] / (rate or sampling_rate) / longest)))
        values = np.array(
            [
                # packages fail on a silent prediction; left out, it would cost nothing
                measure(true_piece, pred_piece) if pred_piece.any() else lowest
                for true_piece, pred_piece in _cut(true, pred, n_pieces)
                if true_piece.any()
            ]
        )
        values = values[~np.isnan(values)]
        return float(values.mean()) if values.size else np.nan

    return _score


def _resample(
    clip: NDArray[np.float64], sampling_rate: float, rate: float | None
) -> NDArray[np.float64]:
    if rate is None or rate == sampling_rate:
        return clip
    import soxr

    resampled: NDArray[np.float64] = soxr.resample(clip.T, sampling_rate, rate, quality="VHQ").T
    return resampled


def _cut(
    true: NDArray[np.float64], pred: NDArray[np.float64], n_pieces: int
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield the pieces of each channel and those of its prediction."""
    for channels in zip(true, pred, strict=True):
        yield from zip(*(np.array_split(waveform, n_pieces) for waveform in channels), strict=True)
