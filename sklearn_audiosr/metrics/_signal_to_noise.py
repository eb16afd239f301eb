"""Ratios of energies: signal to noise, as it is and up to a gain."""

from __future__ import annotations

from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_audiosr._clips import ClipsLike
from sklearn_audiosr.metrics._comparison import ClipValues, clip_metric, compare_clips


@overload
def signal_to_noise_ratio(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sample_weight: ArrayLike | None = ...,
    average: Literal["clips"] = ...,
) -> float: ...
@overload
def signal_to_noise_ratio(
    y_true: ClipsLike, y_pred: ClipsLike, *, sample_weight: ArrayLike | None = ..., average: None
) -> ClipValues: ...
@clip_metric()
def signal_to_noise_ratio(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sample_weight: ArrayLike | None = None,
    average: Literal["clips"] | None = "clips",
) -> float | ClipValues:
    """Compute the signal-to-noise ratio (SNR) in dB: higher is better.

    Parameters
    ----------
    {clips}
    {averaging}

    Returns
    -------
    snr : float or ndarray of shape (n_clips,)
        ``10 log10(sum y_true^2 / sum (y_true - y_pred)^2)`` over the timepoints and channels of a
        clip: infinite for identical clips, nan for a silent reference, which is left out of the
        mean.

    Raises
    ------
    {unlike clips}

    Warns
    -----
    {no value}

    See Also
    --------
    scale_invariant_sdr : The same ratio, which ignores the gain of the prediction.

    Notes
    -----
    Equation (2) of Kuleshov et al. (2017), without the 1e-6 that their script adds to the error.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.metrics import signal_to_noise_ratio
    >>> y_true = np.array([[1.0, -1.0, 1.0, -1.0]])
    >>> round(signal_to_noise_ratio(y_true, 0.9 * y_true), 6)
    20.0
    """
    return compare_clips(
        y_true, y_pred, sample_weight, average, waveform_snr,
        undefined="Signal-to-noise ratio is undefined for a silent reference",
    )  # fmt: skip


@overload
def scale_invariant_sdr(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sample_weight: ArrayLike | None = ...,
    average: Literal["clips"] = ...,
) -> float: ...
@overload
def scale_invariant_sdr(
    y_true: ClipsLike, y_pred: ClipsLike, *, sample_weight: ArrayLike | None = ..., average: None
) -> ClipValues: ...
@clip_metric()
def scale_invariant_sdr(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sample_weight: ArrayLike | None = None,
    average: Literal["clips"] | None = "clips",
) -> float | ClipValues:
    """Compute the scale-invariant signal-to-distortion ratio (SI-SDR) in dB: higher is better.

    This is the signal-to-noise ratio after the reference got the gain that fits the prediction
    best. It ignores a wrong level and a wrong sign, and nothing else.

    Parameters
    ----------
    {clips}
    {averaging}

    Returns
    -------
    si_sdr : float or ndarray of shape (n_clips,)
        ``10 log10(sum (a y_true)^2 / sum (a y_true - y_pred)^2)`` with
        ``a = sum y_true y_pred / sum y_true^2``, one gain for all channels of a clip: infinite for
        identical clips (about 300 dB, by rounding, for other gains), minus infinity for a silent
        or orthogonal prediction, nan for a silent reference, which is left out of the mean.

    Raises
    ------
    {unlike clips}

    Warns
    -----
    {no value}

    See Also
    --------
    signal_to_noise_ratio : The ratio that counts a wrong level.

    Notes
    -----
    The definition of Le Roux et al. [1]_; means are not removed. Some programs subtract them first
    and often call the result SI-SNR: for clips without an offset it is the same.

    References
    ----------
    .. [1] J. Le Roux, S. Wisdom, H. Erdogan and J. R. Hershey, "SDR - half-baked or well done?",
       ICASSP 2019. https://arxiv.org/abs/1811.02508

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.metrics import scale_invariant_sdr
    >>> y_true = np.array([[1.0, -1.0, 1.0, -1.0]])
    >>> noise = np.array([[0.1, 0.1, -0.1, -0.1]])  # orthogonal to the clip
    >>> round(scale_invariant_sdr(y_true, 0.5 * (y_true + noise)), 6)
    20.0
    """
    return compare_clips(
        y_true, y_pred, sample_weight, average, _waveform_si_sdr,
        undefined="Scale-invariant SDR is undefined for a silent reference",
    )  # fmt: skip


def waveform_snr(true: NDArray[np.floating], pred: NDArray[np.floating]) -> float:
    """Return the signal-to-noise ratio in dB of one clip.

    Parameters
    ----------
    true, pred : ndarray
        The clip and its prediction, of equal shapes.

    Returns
    -------
    snr : float
        Infinite for identical clips, nan for a silent reference.

    Examples
    --------
    >>> import numpy as np
    >>> float(waveform_snr(np.ones(4), np.ones(4)))
    inf
    """
    # relative to the peak: squares of very quiet clips would underflow
    peak = np.abs(true).max()
    if peak == 0:
        return np.nan
    noise = np.sum(((true - pred) / peak) ** 2)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(np.sum((true / peak) ** 2) / noise)


def _waveform_si_sdr(true: NDArray[np.floating], pred: NDArray[np.floating]) -> float:
    """Return the SI-SDR in dB of one clip: the SNR after the reference has the best gain."""
    peaks = np.abs(true).max(), np.abs(pred).max()
    if 0 in peaks:
        return np.nan if peaks[0] == 0 else -np.inf
    true, pred = true / peaks[0], pred / peaks[1]  # squares of very quiet clips would underflow
    gain = np.sum(true * pred) / np.sum(true**2)
    return waveform_snr(gain * true, pred) if gain else -np.inf
