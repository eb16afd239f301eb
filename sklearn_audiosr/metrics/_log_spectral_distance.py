"""Log-spectral distance in the conventions that are in print."""

from __future__ import annotations

from numbers import Real
from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_audiosr._clips import ClipsLike
from sklearn_audiosr.metrics._comparison import ClipValues, clip_metric, compare_clips
from sklearn_audiosr.metrics._frame_distances import (
    LSD_CONVENTIONS,
    Band,
    Convention,
    FrameDistances,
    band_bins,
)


@overload
def log_spectral_distance(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    convention: Convention = ...,
    band: Band = ...,
    upsampling_ratio: float | None = ...,
    sampling_rate: float | None = ...,
    sample_weight: ArrayLike | None = ...,
    average: Literal["clips"] = ...,
) -> float: ...
@overload
def log_spectral_distance(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    convention: Convention = ...,
    band: Band = ...,
    upsampling_ratio: float | None = ...,
    sampling_rate: float | None = ...,
    sample_weight: ArrayLike | None = ...,
    average: None,
) -> ClipValues: ...
@clip_metric(
    convention=[StrOptions(set(LSD_CONVENTIONS))],
    band=[StrOptions({"full", "lowband", "highband"})],
    upsampling_ratio=[Interval(Real, 1, None, closed="neither"), None],
    sampling_rate=[Interval(Real, 0, None, closed="neither"), None],
)
def log_spectral_distance(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    convention: Convention = "log10",
    band: Band = "full",
    upsampling_ratio: float | None = None,
    sampling_rate: float | None = None,
    sample_weight: ArrayLike | None = None,
    average: Literal["clips"] | None = "clips",
) -> float | ClipValues:
    """Compute the log-spectral distance (LSD): lower is better.

    Parameters
    ----------
    {clips}
    convention : {"log10", "kuleshov2017", "kuleshov2017_code", "ssr_eval"}, default="log10"
        Convention in print (see Notes). Values of different conventions can't be compared.
    band : {"full", "lowband", "highband"}, default="full"
        Frequencies that count: all, those up to the narrowband Nyquist frequency, or those above
        it.
    upsampling_ratio : float, default=None
        Wideband over narrowband rate; needed by "lowband" and "highband".
    sampling_rate : float, default=None
        Wideband rate in Hz; needed by the convention "ssr_eval".
    {averaging}

    Returns
    -------
    lsd : float or ndarray of shape (n_clips,)
        The distance, at least 0; a clip's value is the mean over its channels. Identical clips
        have 0, but 1e-4 in "kuleshov2017_code" and 12 in silent frames of "ssr_eval".

    Raises
    ------
    ValueError
        If a band or convention lacks the argument that it needs.
    {unlike clips}

    Notes
    -----
    All conventions take a periodic Hann window and centred frames, reflected at the ends, without
    normalisation. A clip too short to reflect is padded with zeros first.

    ===================  =======  ==========================  ===========  =====================
    convention           log      frame / hop (timepoints)    floor        root over, mean over
    ===================  =======  ==========================  ===========  =====================
    "log10"              log10    2048 / 512                  clamp 1e-8   frequency, frames
    "kuleshov2017"       natural  2048 / 512                  clamp 1e-8   frequency, frames
    "kuleshov2017_code"  natural  2048 / 512                  add 1e-8     frames, frequency;
                                                                           at most 10
    "ssr_eval"           log10    2048 rate / 44100,          of a ratio,  frequency, frames
                                  rate / 100                  1e-12
    ===================  =======  ==========================  ===========  =====================

    "kuleshov2017_code" also adds 1e-8 to each mean under a root. "ssr_eval" takes
    ``log10(t**2 / (p + 1e-12)**2 + 1e-12)`` of the true and the predicted magnitudes t and p. An
    empty t counts 12 whatever p is, an empty p ``24 + 2 log10(t)``: digital silence and empty
    bands outweigh all else.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.metrics import log_spectral_distance
    >>> y_true = np.random.default_rng(0).standard_normal((1, 16000))
    >>> round(log_spectral_distance(y_true, 0.1 * y_true), 6)  # 20 dB is 2 in log10 of power
    2.0
    """
    conv = LSD_CONVENTIONS[convention]
    if band != "full" and upsampling_ratio is None:
        raise ValueError(
            f'band="{band}" needs upsampling_ratio to know the narrowband Nyquist frequency, got '
            "None: pass upsampling_ratio=4, for example."
        )
    if conv.scaled_to_rate and sampling_rate is None:
        raise ValueError(
            f'convention="{convention}" needs sampling_rate for the length of its frames, got '
            "None: pass the wideband rate in Hz, sampling_rate=16000 for example."
        )
    frame, hop = conv.frame_and_hop(sampling_rate)
    if hop < 1:
        raise ValueError(
            f'convention="{convention}" needs a sampling_rate of at least 100 Hz, got '
            f"{sampling_rate}: pass the wideband rate in Hz."
        )
    bins = band_bins(band, frame, upsampling_ratio)

    def _channel_mean(true: NDArray[np.float64], pred: NDArray[np.float64]) -> float:
        distances = []
        for channels in zip(true, pred, strict=True):
            running = FrameDistances(conv, frame, hop, [bins])
            running.update(*channels)
            distances += running.result()
        return float(np.mean(distances))

    return compare_clips(y_true, y_pred, sample_weight, average, _channel_mean)
