"""Checks of one clip or array of clips: numbers, channels, finite values; PCM becomes floats."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

# Above this, (n_timepoints, n_channels) from soundfile.read is likelier than a microphone array.
MAX_CHANNELS = 64

# soundfile's convention: signed PCM maps to [-1, 1).
_PCM_FULL_SCALE = {np.dtype(np.int16): 2.0**15, np.dtype(np.int32): 2.0**31}


def text_message(name: str) -> str:
    """Return the error message for text in place of numbers.

    Parameters
    ----------
    name : str
        Name of the clips in the message.

    Returns
    -------
    message : str
        With the remedy.
    """
    return f"{name} must be an array of numbers, got text: read the file first, soundfile.read."


def check_array(array: NDArray[Any], name: str, dtype: DTypeLike) -> NDArray[Any]:
    """Return a 2-D or 3-D array of clips as floats, or raise.

    Parameters
    ----------
    array : ndarray of shape (n_clips, n_timepoints) or (n_clips, n_channels, n_timepoints)
        Clips of any numeric dtype; signed integers are PCM.
    name : str
        Name of the clips in messages.
    dtype : dtype
        Floating-point type of the result.

    Returns
    -------
    clips : ndarray
        Of the same shape.

    Raises
    ------
    TypeError, ValueError
        If clips are empty, not finite, no real numbers or have too many channels.
    """
    if array.shape[-1] == 0:
        raise ValueError(
            f"{name} must have clips of at least 1 timepoint, got 0 feature(s) "
            f"(shape={array.shape}) while a minimum of 1 is required: leave empty clips out."
        )
    if array.ndim == 2 and len(array) >= 1000 and array.shape[1] <= 8:
        warnings.warn(
            f"{name} holds {len(array)} clips of {array.shape[1]} timepoints each. If it is one "
            "clip with its channels last, as soundfile.read gives it, pass a list with its "
            "transpose, [x.T]; if the clips are that short, pass them as a list.",
            UserWarning,
            stacklevel=2,
        )
    if array.ndim == 3:
        _check_n_channels(array.shape[1], name, f"the last two axes with {name}.transpose(0, 2, 1)")
    waveforms = _to_float(array, name, dtype)
    if not all_finite(waveforms):
        index = next(i for i, clip in enumerate(waveforms) if not np.isfinite(clip).all())
        _check_finite(waveforms[index], array[index], f"{name}[{index}]")
    return waveforms


def check_clip(clip: Any, name: str, dtype: DTypeLike) -> NDArray[Any]:
    """Return one clip as floats with its own number of dimensions (1 or 2), or raise.

    Parameters
    ----------
    clip : array-like of shape (n_timepoints,) or (n_channels, n_timepoints)
        Of any numeric dtype; signed integers are PCM.
    name : str
        Name of the clip in messages.
    dtype : dtype
        Floating-point type of the result.

    Returns
    -------
    clip : ndarray
        Of the same shape.

    Raises
    ------
    TypeError, ValueError
        If the clip is empty, not finite, no real numbers or has too many channels.
    """
    if isinstance(clip, (str, bytes)):
        raise TypeError(text_message(name))
    if isinstance(clip, np.ma.MaskedArray):
        raise TypeError(f"{name} must be a plain array, got a masked one: fill it, x.filled(0).")
    try:
        array = np.asarray(clip)
    except ValueError as error:  # a ragged list of lists
        raise ValueError(
            f"{name} must be a clip of shape (n_timepoints,) or (n_channels, n_timepoints), got "
            f"rows of unequal lengths: cut all channels to one length."
        ) from error
    if array.dtype.kind == "i" and not hasattr(clip, "__array__"):
        array = array.astype(np.int64)  # a list of plain integers is no PCM, on any platform
    if array.ndim not in (1, 2):
        raise ValueError(
            f"{name} must be a clip of shape (n_timepoints,) or (n_channels, n_timepoints), got "
            f"shape {array.shape}: pass one waveform for each clip."
        )
    if array.size == 0:
        raise ValueError(
            f"{name} must have at least 1 timepoint, got shape {array.shape}: leave it out."
        )
    if array.ndim == 2:
        _check_n_channels(array.shape[0], name, "it with x.T")
    waveform = _to_float(array, name, dtype)
    _check_finite(waveform, array, name)
    return waveform


def _check_n_channels(n_channels: int, name: str, transpose: str) -> None:
    if n_channels == 0:
        raise ValueError(f"{name} must have at least 1 channel, got 0: leave empty clips out.")
    if n_channels > MAX_CHANNELS:
        raise ValueError(
            f"{name} must have at most {MAX_CHANNELS} channels, got {n_channels}: channels come "
            f"before timepoints (soundfile.read gives them last), transpose {transpose}."
        )


def _to_float(array: NDArray[Any], name: str, dtype: DTypeLike) -> NDArray[Any]:
    """Cast to floats; signed PCM to [-1, 1)."""
    if array.dtype == object:
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name} must hold numbers only: {error}") from error
    if np.iscomplexobj(array):
        raise ValueError(
            f"{name} must hold real numbers. Complex data not supported: pass the real part."
        )
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{name} must hold numbers, got dtype {array.dtype}: convert it to floats in [-1, 1)."
        )
    if array.dtype == np.uint8:
        raise ValueError(
            f"{name} must not be unsigned 8-bit: that is offset PCM, with silence at 128. Convert "
            "it with (x.astype('float32') - 128) / 128."
        )
    full_scale = _PCM_FULL_SCALE.get(array.dtype.newbyteorder("="))
    if full_scale is not None:
        # an int32 has more digits than a float32: divide in float64 first
        exact = dtype if array.dtype.itemsize == 2 else np.float64
        return np.divide(array, full_scale, dtype=exact).astype(dtype, copy=False)
    with np.errstate(over="ignore"):  # reported as not finite, with the clip's name
        return np.ascontiguousarray(array, dtype=dtype)


def all_finite(array: NDArray[Any]) -> bool:
    """Return whether an array holds neither NaN nor infinity.

    Parameters
    ----------
    array : ndarray
        Floats of any shape.

    Returns
    -------
    is_finite : bool
        True if so.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        # one pass without a temporary; a finite sum has finite terms
        return bool(np.isfinite(array.sum()) or np.isfinite(array).all())


def _check_finite(waveform: NDArray[Any], given: NDArray[Any], name: str) -> None:
    if all_finite(waveform):
        return
    where = np.unravel_index(np.argmin(np.isfinite(waveform)), waveform.shape)
    value = waveform[where]
    what = "NaN" if np.isnan(value) else f"{value} (given: {given[where]})"
    raise ValueError(
        f"{name} must be finite in {waveform.dtype}, got {what} at timepoint {where[-1]}: replace "
        "NaN and infinity (numpy.nan_to_num) or leave the clip out."
    )


def overflow_error(name: str, peak: float) -> ValueError:
    """Return the error for a clip whose result is too large for float32.

    Parameters
    ----------
    name : str
        Name of the clip in the message.
    peak : float
        Largest magnitude of the clip.

    Returns
    -------
    error : ValueError
        For the caller to raise.
    """
    return ValueError(
        f"{name} must have levels whose result float32 can hold, got a peak of {peak:.3g}: repair "
        "timepoints that are no audio, or scale it to [-1, 1]."
    )
