"""The line that a prediction adds to the modulation of the highband: a buzz at the hop rate."""

from __future__ import annotations

from typing import Literal, NamedTuple, overload

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
    hann,
    has_sound,
    highband_edges,
    make_frames,
)

_SECTION, _SECTION_HOP = 512, 128  # in frames, which are 1 ms apart
_LOUD = 4.0  # log magnitude below the loudest frame's: 35 dB
_LINES = 40, 260  # Hz: hop rates from 25 to 4 ms
_AROUND = 6, 20  # Hz from a line to its surroundings

# Power of the prediction's modulation over the reference's at one frequency below which it is none.
_NO_MODULATION = 1e-6

# Sections transformed at once: bounds the memory of a long clip.
_N_SECTIONS = 32

_Frames = NDArray[np.float64]  # of shape (n_frames, n_bins) or (n_frames, length)


@overload
def modulation_line_error(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    upsampling_ratio: float,
    return_frequency: Literal[False] = ...,
    sample_weight: ArrayLike | None = ...,
    average: Literal["clips"] = ...,
) -> float: ...
@overload
def modulation_line_error(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    upsampling_ratio: float,
    return_frequency: Literal[True],
    sample_weight: ArrayLike | None = ...,
    average: Literal["clips"] = ...,
) -> tuple[float, float]: ...
@overload
def modulation_line_error(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    upsampling_ratio: float,
    return_frequency: Literal[False] = ...,
    sample_weight: ArrayLike | None = ...,
    average: None,
) -> ClipValues: ...
@overload
def modulation_line_error(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    upsampling_ratio: float,
    return_frequency: Literal[True],
    sample_weight: ArrayLike | None = ...,
    average: None,
) -> tuple[ClipValues, ClipValues]: ...
@clip_metric(sampling_rate=SAMPLING_RATE, upsampling_ratio=RATIO, return_frequency=["boolean"])
def modulation_line_error(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    sampling_rate: float,
    upsampling_ratio: float,
    return_frequency: bool = False,
    sample_weight: ArrayLike | None = None,
    average: Literal["clips"] | None = "clips",
) -> float | ClipValues | tuple[float, float] | tuple[ClipValues, ClipValues]:
    """Compute the strongest line added to the highband's modulation, in dB: lower is better.

    Frames whose phases do not fit together make the highband's level rise and fall once each hop.
    It sounds like a buzz and shows as stripes in a spectrogram of short frames.

    Parameters
    ----------
    {clips}
    {rates}
    return_frequency : bool, default=False
        Return the line's frequency too, 62.5 Hz for a hop of 16 ms.
    sample_weight : array-like of shape (n_clips,), default=None
        Weights of the clips in the mean.
    average : {"clips"} or None, default="clips"
        "clips" averages the modulation spectra of all clips before it looks for a line, so that
        chance lines vanish. None returns one value for each clip, which is higher by chance: 1 to
        3 dB for some seconds without a buzz.

    Returns
    -------
    line : float or ndarray of shape (n_clips,)
        Level over the surroundings in dB: 0 for identical clips and for a silent prediction, less
        than 2 for a minute of clips without a buzz, above 10 for an obvious one. nan for a
        reference that is silent, has no highband or is shorter than 0.5 s, which is left out.
    frequency : float or ndarray of shape (n_clips,)
        That of the line in Hz. Only if `return_frequency` is True.

    Raises
    ------
    {no highband}
    {unlike clips}

    Warns
    -----
    {no value}

    Notes
    -----
    This library's own definition:

    1. Periodic Hann frames of 10 ms every 1 ms, from 1.06 of the narrowband Nyquist frequency to
       0.94 of the wideband one or 20 kHz; natural logarithm of the magnitudes at every fourth
       frequency of a transform of 1024 timepoints. To all magnitudes that of -70 dB below the root
       mean square of the reference's is added.
    2. Sections of 512 frames every 128. A section counts if more than half of its frames are loud
       in the reference: their mean log magnitude is at most 4 (35 dB) below the highest.
    3. Modulation spectrum: the power spectrum over time of each frequency's log magnitude, less
       its mean and under a Hann window; its mean over frequencies, sections, channels and clips.
    4. The prediction's over the reference's in dB: what both have, such as the pitch of a voice,
       cancels. The value is its largest excess from 40 to 260 Hz over its median 6 to 20 Hz to
       both sides.

    A constant gain of the prediction changes nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.metrics import modulation_line_error
    >>> y_true = np.random.default_rng(0).standard_normal((2, 80000))
    >>> gain = 1 + 0.5 * np.cos(2 * np.pi * 62.5 * np.arange(80000) / 16000)
    >>> line, frequency = modulation_line_error(
    ...     y_true, gain * y_true, sampling_rate=16000, upsampling_ratio=4, return_frequency=True
    ... )
    >>> print(f"{line:.0f} dB at {frequency:.1f} Hz")
    11 dB at 62.5 Hz
    """
    transform = _make_transform(sampling_rate, upsampling_ratio)
    step = sampling_rate / transform.hop / _SECTION  # Hz between modulation frequencies

    def _measure(true: NDArray[np.float64], pred: NDArray[np.float64]) -> NDArray[np.float64]:
        pairs = zip(true, pred, strict=True)
        spectra = np.array([_modulation_spectra(t, p, transform) for t, p in pairs])
        undefined = np.isnan(spectra[:, 0])
        return spectra[~undefined].sum(axis=0) if not undefined.all() else spectra[0]

    values = compare_clips(
        y_true, y_pred, sample_weight, average, _measure,
        "The modulation line is undefined for a reference that is short, silent or has no highband",
        pool=lambda spectra: _find_line(spectra, step),
    )  # fmt: skip
    line, frequency = values.T.copy() if average is None else map(float, values)
    return (line, frequency) if return_frequency else line


class _Transform(NamedTuple):
    """A Fourier transform of windowed frames to the highband's frequencies.

    A product with a few frequencies is faster than a fast transform to all of them.
    """

    waves: NDArray[np.float64]  # cosines and sines, of shape (2, length, n_bins)
    hop: int
    place: tuple[float, float, float]  # edges of the highband and sampling rate in Hz

    def magnitudes(self, frames: _Frames) -> _Frames:
        """Return the magnitudes of frames, of shape (n_frames, n_bins)."""
        cosines, sines = np.ascontiguousarray(frames) @ self.waves
        return np.sqrt(cosines**2 + sines**2)


def _make_transform(rate: float, ratio: float) -> _Transform:
    low, high = highband_edges(rate, ratio, above=1.06, below=0.94)
    length, hop = round(0.01 * rate), max(1, int(rate // 1000))
    n_points = max(1024, length)
    frequencies = fft.rfftfreq(n_points, 1 / rate)
    bins = np.flatnonzero((frequencies > low) & (frequencies < high))[::4]
    angles = 2 * np.pi * np.outer(np.arange(length), bins) / n_points
    waves = hann(length)[:, None] * np.stack([np.cos(angles), np.sin(angles)])
    return _Transform(waves, hop, (low, high, rate))


def _modulation_spectra(
    true: Waveform, pred: Waveform, transform: _Transform
) -> NDArray[np.float64]:
    """Return the sums over sections of two modulation spectra, one after the other, or nan."""
    peak = np.abs(true).max() or 1
    true, pred = true / peak, pred / peak  # squares of very quiet clips would underflow
    length, hop = transform.waves.shape[1], transform.hop
    frames = [make_frames(w, length, hop) for w in (true, pred)]
    n_sections = (len(frames[0]) - _SECTION) // _SECTION_HOP + 1
    if n_sections < 1 or not has_sound(true, *transform.place):
        return np.full(2 * (_SECTION // 2 + 1), np.nan)
    some = frames[0][:: max(1, length // (2 * hop))]
    mean = np.mean(np.concatenate([transform.magnitudes(b) ** 2 for b in blocks(some)]))
    floor = np.sqrt(FLOOR * mean)
    levels, spectra = [], []
    for start in range(0, n_sections, _N_SECTIONS):
        stop = min(start + _N_SECTIONS, n_sections)
        part = slice(start * _SECTION_HOP, (stop - 1) * _SECTION_HOP + _SECTION)
        logs = [np.log(transform.magnitudes(f[part]) + floor) for f in frames]
        levels.append(_sections(logs[0].mean(axis=1)))
        spectra.append(np.concatenate([_power_over_time(log) for log in logs], axis=1))
    level = np.concatenate(levels)
    loud = np.mean(level > level.max() - _LOUD, axis=1) > 0.5
    if not loud.any():
        return np.full(2 * (_SECTION // 2 + 1), np.nan)
    sums: NDArray[np.float64] = np.concatenate(spectra)[loud].sum(axis=0)
    return sums


def _sections(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut values over time, on the first axis, into sections, on the last."""
    return np.lib.stride_tricks.sliding_window_view(values, _SECTION, axis=0)[::_SECTION_HOP]


def _power_over_time(logs: _Frames) -> NDArray[np.float64]:
    """Return the modulation spectra of sections, of shape (n_sections, 257)."""
    sections = _sections(logs.astype(np.float32))  # (n_sections, n_bins, 512); twice as fast
    window = np.hanning(_SECTION).astype(np.float32)
    spectra = fft.rfft((sections - sections.mean(axis=-1, keepdims=True)) * window)
    return np.mean(spectra.real**2 + spectra.imag**2, axis=1).astype(float)


def _find_line(spectra: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Return the level in dB and the frequency in Hz of the strongest line that is added."""
    true, pred = spectra.reshape(2, -1)
    if np.isnan(true[0]):
        return np.array([np.nan, np.nan])
    excess = 10 * np.log10(pred / np.maximum(true, np.finfo(float).tiny) + _NO_MODULATION)
    lines = np.arange(int(_LINES[0] / step) + 1, int(np.ceil(_LINES[1] / step)))
    beside = np.arange(int(_AROUND[0] / step) + 1, int(np.ceil(_AROUND[1] / step)))
    around = np.concatenate([-beside, beside])
    over = excess[lines] - np.median(excess[lines[:, None] + around], axis=1)
    best = np.argmax(over)
    return np.array([over[best], lines[best] * step])
