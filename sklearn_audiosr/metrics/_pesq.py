"""Perceptual evaluation of speech quality (PESQ), by the package pesq."""

from __future__ import annotations

from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_audiosr._clips import ClipsLike
from sklearn_audiosr.metrics._comparison import ClipValues, clip_metric, compare_clips
from sklearn_audiosr.metrics._waveforms import SAMPLING_RATE, import_package, make_clip_score

# P.862.2 maps the lowest raw score, -0.5, to this one.
_LOWEST_PESQ = 1.04

# The pesq package crashes on more than 50 utterances. In the reference program an utterance and the
# pause after it last at least 0.19 s each: 50 of them fill more than 19 s.
_LONGEST_PESQ = 19


@overload
def pesq_score(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    sample_weight: ArrayLike | None = ...,
    average: Literal["clips"] = ...,
) -> float: ...
@overload
def pesq_score(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    sample_weight: ArrayLike | None = ...,
    average: None,
) -> ClipValues: ...
@clip_metric(sampling_rate=SAMPLING_RATE)
def pesq_score(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    sample_weight: ArrayLike | None = None,
    average: Literal["clips"] | None = "clips",
) -> float | ClipValues:
    """Compute the perceptual evaluation of speech quality (PESQ), wide band: higher is better.

    Needs the package ``pesq``: ``pip install "sklearn-audiosr[metrics]"``.

    Parameters
    ----------
    {clips}
    sampling_rate : float
        Wideband rate in Hz. Clips of other rates than 16000 Hz are resampled to it, so that
        nothing above 8 kHz is heard.
    {averaging}

    Returns
    -------
    pesq : float or ndarray of shape (n_clips,)
        Mean opinion score (MOS-LQO) from 1.04 to 4.64, which identical clips have; the mean over
        the channels of a clip. 1.04 for a silent prediction, nan for a reference that is silent or
        shorter than 0.25 s, which is left out of the mean.

    Raises
    ------
    ImportError
        If the package is not installed.
    {unlike clips}

    Warns
    -----
    {no value}

    Notes
    -----
    Recommendation ITU-T P.862.2 [1]_ by the package ``pesq``. It is made for speech of some
    seconds through a telephone network: a wrong level, or a delay, does not count. A clip longer
    than 19 s is scored in equal pieces, and has their mean, since the package cannot take more
    than 50 utterances.

    References
    ----------
    .. [1] Recommendation ITU-T P.862.2, "Wideband extension to Recommendation P.862 for the
       assessment of wideband telephone networks and speech codecs", 2007.

    Examples
    --------
    >>> from sklearn_audiosr.datasets import load_speech
    >>> from sklearn_audiosr.degradation import ideal_lowband
    >>> from sklearn_audiosr.metrics import pesq_score
    >>> clips = load_speech().clips[:1]
    >>> score = pesq_score(  # doctest: +SKIP
    ...     clips, ideal_lowband(clips, 4), sampling_rate=16000
    ... )
    >>> round(score, 1)  # doctest: +SKIP
    3.0
    """
    pesq = import_package("pesq", "pesq_score")

    def _measure(true: NDArray[np.float64], pred: NDArray[np.float64]) -> float:
        # levels are aligned inside: the peaks only keep a quiet clip from underflow in float32
        true, pred = (waveform / np.abs(waveform).max() for waveform in (true, pred))
        try:
            return pesq.pesq(16000, true, pred, "wb")
        except (pesq.NoUtterancesError, pesq.BufferTooShortError):
            return np.nan

    score = make_clip_score(_measure, _LOWEST_PESQ, sampling_rate, 16000, longest=_LONGEST_PESQ)
    return compare_clips(
        y_true, y_pred, sample_weight, average, score,
        undefined="PESQ is undefined for a reference that is silent or too short",
    )  # fmt: skip
