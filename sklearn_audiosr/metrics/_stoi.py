"""Short-time objective intelligibility of speech (STOI), by the package pystoi."""

from __future__ import annotations

import warnings
from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_audiosr._clips import ClipsLike
from sklearn_audiosr.metrics._comparison import ClipValues, clip_metric, compare_clips
from sklearn_audiosr.metrics._waveforms import SAMPLING_RATE, import_package, make_clip_score


@overload
def stoi_score(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    extended: bool = ...,
    sample_weight: ArrayLike | None = ...,
    average: Literal["clips"] = ...,
) -> float: ...
@overload
def stoi_score(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    extended: bool = ...,
    sample_weight: ArrayLike | None = ...,
    average: None,
) -> ClipValues: ...
@clip_metric(sampling_rate=SAMPLING_RATE, extended=["boolean"])
def stoi_score(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    extended: bool = False,
    sample_weight: ArrayLike | None = None,
    average: Literal["clips"] | None = "clips",
) -> float | ClipValues:
    """Compute the short-time objective intelligibility of speech (STOI): higher is better.

    Needs the package ``pystoi``: ``pip install "sklearn-audiosr[metrics]"``.

    Parameters
    ----------
    {clips}
    sampling_rate : float
        Wideband rate in Hz, a whole number. The package resamples to 10 kHz and hears nothing
        above 4.3 kHz: from 8 kHz, whose lowband reaches 4 kHz, there is next to nothing to score.
    extended : bool, default=False
        The extended measure (ESTOI), for maskers that fluctuate.
    {averaging}

    Returns
    -------
    stoi : float or ndarray of shape (n_clips,)
        A correlation: 1 for identical clips, about 0 for unrelated ones; the mean over the
        channels of a clip. 0 for a silent prediction, nan for a reference that is silent or has
        less than 0.4 s of speech, which is left out of the mean.

    Raises
    ------
    ImportError
        If the package is not installed.
    ValueError
        If `sampling_rate` is no whole number.
    {unlike clips}

    Warns
    -----
    {no value}

    Notes
    -----
    Taal et al. [1]_, extended by Jensen and Taal [2]_, as the package ``pystoi`` computes it with
    its own resampling. Other filters change the value (by 0.004 for one clip of speech).

    References
    ----------
    .. [1] C. H. Taal, R. C. Hendriks, R. Heusdens and J. Jensen, "An algorithm for intelligibility
       prediction of time-frequency weighted noisy speech", IEEE TASLP 19, 2011.
    .. [2] J. Jensen and C. H. Taal, "An algorithm for predicting the intelligibility of speech
       masked by modulated noise maskers", IEEE/ACM TASLP 24, 2016.

    Examples
    --------
    >>> from sklearn_audiosr.datasets import load_speech
    >>> from sklearn_audiosr.degradation import ideal_lowband
    >>> from sklearn_audiosr.metrics import stoi_score
    >>> clips = load_speech().clips[:1]
    >>> score = stoi_score(  # doctest: +SKIP
    ...     clips, ideal_lowband(clips, 4), sampling_rate=16000
    ... )
    >>> round(score, 2)  # doctest: +SKIP
    0.92
    """
    pystoi = import_package("pystoi", "stoi_score")
    if sampling_rate != int(sampling_rate):
        raise ValueError(
            f"sampling_rate must be a whole number of Hz for STOI, got {sampling_rate}: resample "
            "the clips first."
        )

    def _measure(true: NDArray[np.float64], pred: NDArray[np.float64]) -> float:
        with warnings.catch_warnings():
            # it returns 1e-5 then, which looks like a score
            warnings.filterwarnings("error", "Not enough STFT frames", RuntimeWarning)
            try:
                return pystoi.stoi(true, pred, int(sampling_rate), extended=extended)
            except (RuntimeWarning, np.exceptions.AxisError):  # less than 30 frames, less than one
                return np.nan

    return compare_clips(
        y_true, y_pred, sample_weight, average, make_clip_score(_measure, 0.0, sampling_rate),
        undefined="STOI is undefined for a reference that is silent or too short",
    )  # fmt: skip
