"""What the metrics of a highband share: its edges, and frames of a waveform."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from sklearn.utils._param_validation import Interval

Waveform: TypeAlias = NDArray[np.float64]  # of shape (n_timepoints,)

# Legal values of the parameters.
SAMPLING_RATE = [Interval(Real, 0, None, closed="neither")]
RATIO = [Interval(Real, 1, None, closed="neither")]

# Power relative to the reference's mean, below which levels are not told apart: -70 dB.
FLOOR = 1e-7

_HIGHEST = 20000.0  # Hz, the limit of hearing
_NARROWEST = 500.0  # Hz

# Power per Hz over the whole clip's below which a highband is rounding: -120 dB.
_ROUNDING = 1e-12

# Frames transformed at once: bounds the memory of a long clip.
_N_FRAMES = 512


def highband_edges(
    sampling_rate: float, upsampling_ratio: float, *, above: float = 1.0, below: float = 0.985
) -> tuple[float, float]:
    """Return the edges in Hz of the highband that a metric compares.

    Parameters
    ----------
    sampling_rate : float
        Wideband rate in Hz.
    upsampling_ratio : float
        Wideband over narrowband rate.
    above, below : float
        Lower edge over the narrowband Nyquist frequency, and upper edge over the wideband one.

    Returns
    -------
    low, high : float
        At most 20 kHz.

    Raises
    ------
    ValueError
        If less than 500 Hz lie between them.
    """
    low = above * sampling_rate / 2 / upsampling_ratio
    high = min(below * sampling_rate / 2, _HIGHEST)
    if high - low < _NARROWEST:
        raise ValueError(
            f"sampling_rate={sampling_rate:g} and upsampling_ratio={upsampling_ratio:g} must leave "
            f"a highband of {_NARROWEST:g} Hz or more below {_HIGHEST / 1000:g} kHz, got {low:g} "
            f"to {high:g} Hz: pass the wideband rate in Hz, and that rate over the narrowband one."
        )
    return low, high


def has_sound(waveform: Waveform, low: float, high: float, rate: float) -> bool:
    """Return whether a waveform has more than rounding in a band.

    Parameters
    ----------
    waveform : ndarray of shape (n_timepoints,)
        The waveform.
    low, high : float
        Edges of the band in Hz.
    rate : float
        Rate of the waveform in Hz.

    Returns
    -------
    has_sound : bool
        False for silence.
    """
    n_points = fft.next_fast_len(len(waveform), real=True)
    spectrum = np.abs(fft.rfft(waveform * np.hanning(len(waveform)), n_points)) ** 2
    frequencies = fft.rfftfreq(n_points, 1 / rate)
    inside = spectrum[(frequencies > low) & (frequencies < high)]
    return bool(inside.size and inside.mean() > _ROUNDING * spectrum.mean())


def make_frames(waveform: Waveform, length: int, hop: int) -> Waveform:
    """Return a view of a waveform's frames, with zeros before its start and after its end.

    Parameters
    ----------
    waveform : ndarray of shape (n_timepoints,)
        The waveform.
    length, hop : int
        In timepoints.

    Returns
    -------
    frames : ndarray of shape (n_frames, length)
        The first one is all zeros.
    """
    return np.lib.stride_tricks.sliding_window_view(np.pad(waveform, length), length)[::hop]


def blocks(frames: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield frames, or what belongs to them, in blocks: a long clip then needs little memory.

    Parameters
    ----------
    frames : ndarray of shape (n_frames, ...)
        Any values.

    Yields
    ------
    block : ndarray of shape (at most 512, ...)
        A view.
    """
    for start in range(0, len(frames), _N_FRAMES):
        yield frames[start : start + _N_FRAMES]


def frame_power(frames: Waveform) -> Waveform:
    """Return the mean square of each frame.

    Parameters
    ----------
    frames : ndarray of shape (n_frames, length)
        Frames.

    Returns
    -------
    power : ndarray of shape (n_frames,)
        At least 0.
    """
    return np.concatenate([np.mean(block**2, axis=1) for block in blocks(frames)])


def hann(length: int) -> Waveform:
    """Return a periodic Hann window.

    Parameters
    ----------
    length : int
        In timepoints.

    Returns
    -------
    window : ndarray of shape (length,)
        From 0 to 1.
    """
    return np.hanning(length + 1)[:-1]
