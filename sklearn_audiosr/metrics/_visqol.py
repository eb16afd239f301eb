"""Virtual speech quality objective listener (ViSQOL), by the package visqol-python."""

from __future__ import annotations

from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import StrOptions

from sklearn_audiosr._clips import ClipsLike
from sklearn_audiosr.metrics._comparison import ClipValues, clip_metric, compare_clips
from sklearn_audiosr.metrics._waveforms import SAMPLING_RATE, import_package, make_clip_score

_VISQOL_RATES = {"speech": 16000, "audio": 48000}


@overload
def visqol_score(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    mode: Literal["speech", "audio"] = ...,
    sample_weight: ArrayLike | None = ...,
    average: Literal["clips"] = ...,
) -> float: ...
@overload
def visqol_score(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    mode: Literal["speech", "audio"] = ...,
    sample_weight: ArrayLike | None = ...,
    average: None,
) -> ClipValues: ...
@clip_metric(sampling_rate=SAMPLING_RATE, mode=[StrOptions(set(_VISQOL_RATES))])
def visqol_score(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    mode: Literal["speech", "audio"] = "speech",
    sample_weight: ArrayLike | None = None,
    average: Literal["clips"] | None = "clips",
) -> float | ClipValues:
    """Compute the score of the virtual speech quality objective listener: higher is better.

    Needs the package ``visqol-python``: ``pip install "sklearn-audiosr[metrics]"``.

    Parameters
    ----------
    {clips}
    sampling_rate : float
        Wideband rate in Hz. Clips of other rates than that of the mode are resampled to it.
    mode : {"speech", "audio"}, default="speech"
        "speech" at 16 kHz compares the frames that have a voice in the reference; "audio" at
        48 kHz, up to 15 kHz, is for music and everything else.
    {averaging}

    Returns
    -------
    visqol : float or ndarray of shape (n_clips,)
        Mean opinion score (MOS-LQO) from 1; identical clips have 5 in mode "speech", 4.73 in mode
        "audio". The mean over the channels of a clip. 1 for a silent prediction, nan for a
        reference that is silent, too short (about 1 s) or has no voice, which is left out of the
        mean.

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
    The level of the reference counts: pass clips in [-1, 1]. Very quiet sound is not heard.

    Version 3 of ViSQOL [1]_ by the package ``visqol-python``, a port of the authors' program. In
    mode "speech" similarity is mapped to opinion by the program's exponential fit, not by its
    lattice network: the fit's 5 for identical clips is the scale of published tables of
    super-resolution, and some of their values are above the maximum of the network.

    It is slow: about as long as the clips last in mode "speech", several times that in mode
    "audio". ``pip install "visqol-python[accel]"`` makes it several times faster.

    References
    ----------
    .. [1] M. Chinen et al., "ViSQOL v3: an open source production ready objective speech and audio
       metric", QoMEX 2020. https://arxiv.org/abs/2004.09584

    Examples
    --------
    >>> from sklearn_audiosr.datasets import load_speech
    >>> from sklearn_audiosr.degradation import ideal_lowband
    >>> from sklearn_audiosr.metrics import visqol_score
    >>> clips = [load_speech().clips[0][:32000]]
    >>> score = visqol_score(  # doctest: +SKIP
    ...     clips, ideal_lowband(clips, 4), sampling_rate=16000
    ... )
    >>> round(score, 1)  # doctest: +SKIP
    3.0
    """
    api = import_package("visqol", "visqol_score").VisqolApi()
    api.create(mode=mode, use_lattice_model=False)
    rate = _VISQOL_RATES[mode]

    def _measure(true: NDArray[np.float64], pred: NDArray[np.float64]) -> float:
        try:
            return api.measure_from_arrays(true, pred, rate).moslqo
        except (IndexError, ValueError):  # its signs of a clip without a single patch to compare
            return np.nan

    return compare_clips(
        y_true, y_pred, sample_weight, average, make_clip_score(_measure, 1.0, sampling_rate, rate),
        undefined="ViSQOL is undefined for a reference that is silent, too short or has no voice",
    )  # fmt: skip
