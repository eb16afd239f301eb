"""Errors of the highband's levels: over time, between bands, on average and in pauses."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from sklearn_audiosr._clips import ClipsLike
from sklearn_audiosr.metrics._comparison import ClipValues, clip_metric, compare_clips
from sklearn_audiosr.metrics._highband import (
    FLOOR,
    RATIO,
    SAMPLING_RATE,
    Waveform,
    blocks,
    frame_power,
    hann,
    has_sound,
    highband_edges,
    make_frames,
)

_UNDEFINED = "Level errors are undefined for a reference that is short, silent or has no highband"

_ACTIVE = 10**-3.5  # power of an active frame over the loud ones': -35 dB
_LEAST_FRAMES = 20  # active ones; 0.1 s
_LEAST_PAUSES = 11  # frames in pauses

_Levels = NDArray[np.float64]  # powers of shape (n_frames, n_bands)


class HighbandLevelErrors(NamedTuple):
    """Errors of the highband's levels, each a float or an array of shape (n_clips,).

    See :func:`highband_level_errors`.

    Parameters
    ----------
    temporal : float or ndarray
        Variance over time in dB², 0 at best.
    shape : float or ndarray
        Variance between bands in dB², 0 at best.
    bias : float or ndarray
        Mean in dB, positive where the prediction is louder, 0 at best.
    pauses : float or ndarray
        Level of the prediction over the reference in pauses in dB, 0 or less at best; nan where
        there are no pauses.

    Examples
    --------
    >>> from sklearn_audiosr.metrics import HighbandLevelErrors
    >>> HighbandLevelErrors(temporal=20.0, shape=30.0, bias=-1.0, pauses=2.0).temporal
    20.0
    """

    temporal: Any
    shape: Any
    bias: Any
    pauses: Any


@clip_metric(sampling_rate=SAMPLING_RATE, upsampling_ratio=RATIO)
def highband_level_errors(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    upsampling_ratio: float,
    sample_weight: ArrayLike | None = None,
    average: Literal["clips"] | None = "clips",
) -> HighbandLevelErrors:
    """Compute how wrong the highband's levels are over time, between bands, on average, in pauses.

    Levels that are right on average and wrong in time blur onsets and smear consonants, which a
    log-spectral distance with its long frames hardly sees.

    Parameters
    ----------
    {clips}
    {rates}
    {averaging}

    Returns
    -------
    errors : HighbandLevelErrors
        A named tuple of ``temporal`` and ``shape`` in dB², ``bias`` and ``pauses`` in dB, each a
        float or, with ``average=None``, an array of shape (n_clips,). All are 0 for identical
        clips. A clip's values are the mean over its channels. nan for a reference that is silent,
        has no highband or less than 0.1 s of sound, which is left out of the mean; a silent
        prediction has a finite, poor value. ``pauses`` alone is nan where there are none.

    Raises
    ------
    {no highband}
    {unlike clips}

    Warns
    -----
    {no value}

    See Also
    --------
    temporal_level_error : The first one alone, for model selection.

    Notes
    -----
    This library's own definition:

    1. Periodic Hann frames of 20 ms every 5 ms, with 20 ms of zeros at both ends.
    2. Levels: the mean power in bands of about one ERB (Glasberg and Moore [1]_), from the
       narrowband Nyquist frequency to 0.985 of the wideband one or 20 kHz.
    3. A frame is active if the whole reference's power is at most 35 dB below the 98th percentile
       of its frames. The others are pauses; those within 80 ms of an end do not count.
    4. The error E of an active frame and a band is the prediction's level less the reference's, in
       dB. To both powers 1e-7 of the mean power of the reference's highband is added (-70 dB).
    5. ``bias`` is the mean of E. Each band's mean over time is then subtracted. ``temporal`` is the
       mean square of E's mean over bands, ``shape`` the mean square of what is left.
    6. ``pauses`` is the mean power in all pauses and bands over the reference's, in dB.

    A reference has no highband if its power per Hz there is 120 dB below that of the whole clip.

    References
    ----------
    .. [1] B. R. Glasberg and B. C. J. Moore, "Derivation of auditory filter shapes from
       notched-noise data", Hearing Research 47, 1990.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.metrics import highband_level_errors
    >>> y_true = np.random.default_rng(0).standard_normal((1, 32000))
    >>> gain_db = np.where(np.arange(32000) < 16000, 4, -2)  # 6 dB less in the second half
    >>> y_pred = y_true * 10 ** (gain_db / 20)
    >>> errors = highband_level_errors(y_true, y_pred, sampling_rate=16000, upsampling_ratio=4)
    >>> print(f"{errors.bias:.0f} dB, {errors.temporal:.0f} dB², {errors.shape:.0f} dB²")
    1 dB, 9 dB², 0 dB²
    """
    bands = _make_bands(sampling_rate, upsampling_ratio)

    def _measure(true: NDArray[np.float64], pred: NDArray[np.float64]) -> NDArray[np.float64]:
        return _mean_errors(true, pred, bands)

    values = compare_clips(y_true, y_pred, sample_weight, average, _measure, _UNDEFINED)
    # copies: views would keep the other columns alive
    return HighbandLevelErrors(*(v.copy() if average is None else float(v) for v in values.T))


@overload
def temporal_level_error(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    upsampling_ratio: float,
    sample_weight: ArrayLike | None = ...,
    average: Literal["clips"] = ...,
) -> float: ...
@overload
def temporal_level_error(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    upsampling_ratio: float,
    sample_weight: ArrayLike | None = ...,
    average: None,
) -> ClipValues: ...
@clip_metric(sampling_rate=SAMPLING_RATE, upsampling_ratio=RATIO)
def temporal_level_error(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    upsampling_ratio: float,
    sample_weight: ArrayLike | None = None,
    average: Literal["clips"] | None = "clips",
) -> float | ClipValues:
    """Compute the error of the highband's level over time in dB²: lower is better.

    This is ``highband_level_errors(...).temporal``, a single value for model selection.

    Parameters
    ----------
    {clips}
    {rates}
    {averaging}

    Returns
    -------
    error : float or ndarray of shape (n_clips,)
        A variance in dB², 0 for identical clips. nan for a reference that is silent, has no
        highband or less than 0.1 s of sound, which is left out of the mean.

    Raises
    ------
    {no highband}
    {unlike clips}

    Warns
    -----
    {no value}

    See Also
    --------
    highband_level_errors : The definition, and the errors beside this one.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.metrics import temporal_level_error
    >>> y_true = np.random.default_rng(0).standard_normal((1, 32000))
    >>> gain_db = np.where(np.arange(32000) < 16000, 4, -2)
    >>> y_pred = y_true * 10 ** (gain_db / 20)
    >>> round(temporal_level_error(y_true, y_pred, sampling_rate=16000, upsampling_ratio=4))
    9
    """
    bands = _make_bands(sampling_rate, upsampling_ratio)

    def _measure(true: NDArray[np.float64], pred: NDArray[np.float64]) -> float:
        return float(_mean_errors(true, pred, bands)[0])

    value: float | ClipValues = compare_clips(
        y_true, y_pred, sample_weight, average, _measure, _UNDEFINED
    )
    return value


class _Bands(NamedTuple):
    averaging: NDArray[np.float64]  # over the bins of each band, of shape (n_bins, n_bands)
    window: Waveform
    hop: int
    place: tuple[float, float, float]  # edges of the highband and sampling rate in Hz


def _make_bands(rate: float, ratio: float) -> _Bands:
    low, high = highband_edges(rate, ratio)
    length, hop = round(0.02 * rate), round(0.005 * rate)
    frequencies = fft.rfftfreq(length, 1 / rate)
    first, last = _erb_number(low), _erb_number(high)
    n_bands = max(2, round(last - first))
    edges = np.linspace(first, last, n_bands + 1)
    band = np.searchsorted(edges, _erb_number(frequencies), side="right") - 1
    band[(frequencies < low) | (frequencies > high)] = -1
    averaging = (band[:, None] == np.arange(n_bands)).astype(float)
    averaging = averaging[:, averaging.any(axis=0)]  # narrow bands may have no bin
    return _Bands(averaging / averaging.sum(axis=0), hann(length), hop, (1.06 * low, high, rate))


def _erb_number(frequency: Any) -> Any:
    return 21.4 * np.log10(1 + 0.00437 * frequency)


def _mean_errors(
    true: NDArray[np.float64], pred: NDArray[np.float64], bands: _Bands
) -> NDArray[np.float64]:
    """Return the four errors, means over the channels that have them."""
    errors = np.array([_waveform_errors(t, p, bands) for t, p in zip(true, pred, strict=True)])
    counts = (~np.isnan(errors)).sum(axis=0)
    return np.where(counts, np.nansum(errors, axis=0) / np.maximum(counts, 1), np.nan)


def _waveform_errors(
    true: Waveform, pred: Waveform, bands: _Bands
) -> tuple[float, float, float, float]:
    """Return the four errors of one channel, nan where there is none."""
    peak = np.abs(true).max() or 1
    true, pred = true / peak, pred / peak  # squares of very quiet clips would underflow
    length, hop = len(bands.window), bands.hop
    power = frame_power(make_frames(true, length, hop))
    active = power > np.percentile(power, 98) * _ACTIVE
    if active.sum() < _LEAST_FRAMES or not has_sound(true, *bands.place):
        return np.nan, np.nan, np.nan, np.nan
    true_levels, pred_levels = _levels(true, bands), _levels(pred, bands)
    floor = FLOOR * true_levels[active].mean()
    error = 10 * np.log10((pred_levels[active] + floor) / (true_levels[active] + floor))
    bias = error.mean()
    error -= error.mean(axis=0)
    over_bands = error.mean(axis=1, keepdims=True)
    pause = ~active
    end = 4 * length // hop
    pause[:end] = pause[-end:] = False
    pauses = np.nan
    if pause.sum() >= _LEAST_PAUSES:
        ratio = (pred_levels[pause].mean() + floor) / (true_levels[pause].mean() + floor)
        pauses = 10 * np.log10(ratio)
    return np.mean(over_bands**2), np.mean((error - over_bands) ** 2), bias, pauses


def _levels(waveform: Waveform, bands: _Bands) -> _Levels:
    frames = make_frames(waveform, len(bands.window), bands.hop)
    spectra = (fft.rfft(block * bands.window) for block in blocks(frames))
    return np.concatenate([(s.real**2 + s.imag**2) @ bands.averaging for s in spectra])
