"""The share of the reference's periodicity that a prediction has above the band."""

from __future__ import annotations

from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, signal

from sklearn_audiosr._clips import ClipsLike
from sklearn_audiosr.metrics._comparison import ClipValues, clip_metric, compare_clips
from sklearn_audiosr.metrics._highband import (
    RATIO,
    SAMPLING_RATE,
    Waveform,
    blocks,
    frame_power,
    has_sound,
    make_frames,
)

_VOICE = 60, 1500  # Hz, where the pitch is found
_PITCH = 70, 400  # Hz
_VOICED = 0.6  # autocorrelation at the pitch
_LOUD = 1e-4  # power of a voiced frame over the loud ones': -40 dB
_WIDTH = 2000.0  # Hz of the highband that are compared
_LOWEST, _HIGHEST = 4000.0, 10000.0  # Hz
_NEAR = 2  # timepoints beside the pitch's lag
_SILENT = 1e-6  # power of the prediction over the reference's that is rounding: -60 dB

_Frames = NDArray[np.float64]  # of shape (n_frames, length)


@overload
def harmonicity_score(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    upsampling_ratio: float,
    sample_weight: ArrayLike | None = ...,
    average: Literal["clips"] = ...,
) -> float: ...
@overload
def harmonicity_score(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    upsampling_ratio: float,
    sample_weight: ArrayLike | None = ...,
    average: None,
) -> ClipValues: ...
@clip_metric(sampling_rate=SAMPLING_RATE, upsampling_ratio=RATIO)
def harmonicity_score(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    upsampling_ratio: float,
    sample_weight: ArrayLike | None = None,
    average: Literal["clips"] | None = "clips",
) -> float | ClipValues:
    """Compute the share of the reference's harmonics that the highband has: 1 is best, 0 is noise.

    A voice has the period of its pitch above the band too. A highband of noise, or of frames with
    unrelated phases, sounds hoarse however right its levels are.

    Parameters
    ----------
    {clips}
    {rates}
    sample_weight : array-like of shape (n_clips,), default=None
        Weights of the clips in the mean.
    average : {"clips"} or None, default="clips"
        "clips" averages the autocorrelations over clips before it takes the share. None returns
        one value for each clip, which is unsteady where the reference has few harmonics.

    Returns
    -------
    share : float or ndarray of shape (n_clips,)
        1 for identical clips, about 0 for noise, exactly 0 for a silent highband, below 0 for a
        highband that repeats with another period, above 1 for one more periodic than the
        reference's. nan for a reference without voiced frames or without harmonics above the band,
        which is left out.

    Raises
    ------
    ValueError
        If there are not 2 kHz to compare (see Notes): at a wideband rate below 12.4 kHz, or a
        narrowband rate above 12.8 kHz.
    {unlike clips}

    Warns
    -----
    {no value}

    Notes
    -----
    This library's own definition, for voices:

    1. Compared are 2 kHz, from 1.25 of the narrowband Nyquist frequency or 4 kHz, whichever is
       higher; they must end below 10 kHz and below 0.97 of the wideband Nyquist frequency. Filters
       are Butterworth's, run forwards and backwards: of order 6, and for the pitch of order 4.
    2. Frames of 64 ms every 32 ms. Their autocorrelation is that of a Hann window's frame over the
       window's own, 1 at lag 0.
    3. The pitch of a frame is the lag from 2.5 to 14.3 ms of the highest autocorrelation of the
       reference from 60 to 1500 Hz. A frame is voiced if that is above 0.6, and the power there
       not more than 40 dB below the 98th percentile of the frames of the whole reference.
    4. In voiced frames: the highest autocorrelation of the 2 kHz within 2 timepoints of that lag;
       of the reference, of the prediction, and of white noise of the same length, which has some by
       chance. A frame where the prediction is 60 dB below the reference counts as noise.
    5. Means over frames, channels and clips. The share is the prediction's less the noise's over
       the reference's less the noise's.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.metrics import harmonicity_score
    >>> rng = np.random.default_rng(0)
    >>> voice = np.zeros((1, 32000))
    >>> voice[:, ::128] = 1  # 125 pulses a second: all harmonics are equally loud
    >>> hoarse = voice + 0.05 * rng.standard_normal(voice.shape)
    >>> share = harmonicity_score(voice, hoarse, sampling_rate=16000, upsampling_ratio=4)
    >>> 0.5 < share < 1
    True
    """
    band = _compared_band(sampling_rate, upsampling_ratio)
    design = {"btype": "band", "fs": sampling_rate, "output": "sos"}
    filters = signal.butter(4, _VOICE, **design), signal.butter(6, band, **design)

    def _measure(true: NDArray[np.float64], pred: NDArray[np.float64]) -> NDArray[np.float64]:
        pairs = zip(true, pred, strict=True)
        values = np.array([_periodicities(t, p, filters, band, sampling_rate) for t, p in pairs])
        undefined = np.isnan(values[:, 0])
        return values[~undefined].mean(axis=0) if not undefined.all() else values[0]

    share: float | ClipValues = compare_clips(
        y_true, y_pred, sample_weight, average, _measure,
        "Harmonicity is undefined for a reference without voice or harmonics above the band",
        pool=_share,
    )  # fmt: skip
    return share


def _compared_band(rate: float, ratio: float) -> tuple[float, float]:
    """Return the edges in Hz of what is compared: beyond the skirts of the lowband's harmonics."""
    low = max(1.25 * rate / 2 / ratio, _LOWEST)
    highest = min(0.97 * rate / 2, _HIGHEST)
    if low + _WIDTH > highest:
        raise ValueError(
            f"harmonicity_score compares {low:g} to {low + _WIDTH:g} Hz at sampling_rate={rate:g} "
            f"and upsampling_ratio={ratio:g}, which must end below {highest:g} Hz: leave this "
            "score out for these rates."
        )
    return low, low + _WIDTH


def _share(values: NDArray[np.float64]) -> float:
    true, pred, noise = values
    return float((pred - noise) / (true - noise)) if true > noise else np.nan


def _periodicities(
    true: Waveform,
    pred: Waveform,
    filters: tuple[NDArray[np.float64], ...],
    band: tuple[float, float],
    rate: float,
) -> NDArray[np.float64]:
    """Return the mean autocorrelation at the pitch of reference, prediction and noise, or nan."""
    peak, length = np.abs(true).max() or 1, round(0.064 * rate)
    true, pred = true / peak, pred / peak  # squares of very quiet clips would underflow
    if len(true) < length or not has_sound(true, *band, rate):
        return np.full(3, np.nan)
    noise = np.random.default_rng(0).standard_normal(len(true))  # the same for every clip
    voice, *bands = (
        make_frames(signal.sosfiltfilt(sos, w), length, length // 2)
        for sos, w in zip(filters[:1] + 3 * filters[1:], (true, true, pred, noise), strict=True)
    )
    loudest = np.percentile(frame_power(make_frames(true, length, length // 2)), 98)
    places = np.flatnonzero(frame_power(voice) >= loudest * _LOUD)
    lags, voiced = _find_pitch(voice, places, rate)
    if not voiced.any():
        return np.full(3, np.nan)
    places, lags = places[voiced], lags[voiced]
    power_of_true, power_of_pred = (frame_power(band)[places] for band in bands[:2])
    of_true, of_pred, of_noise = (_correlate_at(band, places, lags) for band in bands)
    silent = power_of_pred <= _SILENT * power_of_true
    of_pred[silent] = of_noise[silent]
    return np.array([of_true.mean(), of_pred.mean(), of_noise.mean()])


def _find_pitch(
    voice: _Frames, places: NDArray[np.intp], rate: float
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the lag of each frame's pitch in timepoints, and whether the frame is voiced."""
    first, last = int(rate // _PITCH[1]), int(rate // _PITCH[0])
    lags, heights = [np.zeros(0, int)], [np.zeros(0)]
    for some in blocks(places):
        correlation = _autocorrelate(voice[some])[:, first:last]
        lags.append(first + np.argmax(correlation, axis=1))
        heights.append(correlation.max(axis=1))
    return np.concatenate(lags), np.concatenate(heights) > _VOICED


def _correlate_at(
    frames: _Frames, places: NDArray[np.intp], pitch: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the highest autocorrelation near the pitch's lag of some frames."""
    near = pitch[:, None] + np.arange(-_NEAR, _NEAR + 1)
    values = []
    for some, lags in zip(blocks(places), blocks(near), strict=True):
        values.append(np.take_along_axis(_autocorrelate(frames[some]), lags, axis=1).max(axis=1))
    return np.concatenate(values)


def _autocorrelate(frames: _Frames) -> _Frames:
    """Return autocorrelations by lag, 1 at lag 0, without the window's own; 0 of silence."""
    length = frames.shape[1]
    window = np.hanning(length)
    products = _products(np.concatenate([window[None], frames * window]))
    first = products[:, :1]
    normed = np.divide(products, first, out=np.zeros_like(products), where=first > 0)
    return normed[1:] / (normed[0] + 1e-9)  # the window's own vanishes at the last lags


def _products(frames: _Frames) -> _Frames:
    spectra = fft.rfft(frames, 2 * frames.shape[1])
    products: _Frames = fft.irfft(spectra.real**2 + spectra.imag**2, 2 * frames.shape[1])
    return products[:, : frames.shape[1]]
