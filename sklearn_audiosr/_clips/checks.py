"""Checks of one clip or array of clips: numbers, channels, finite values; PCM becomes floats."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklearn_audiosr._clips.arrays import to_array

# A clip below this peak does not make a result overflow float32: the weights do.
_LOUDEST = 1e15

# Above this, (n_timepoints, n_channels) from soundfile.read is likelier than a microphone array.
MAX_CHANNELS = 64

# soundfile's convention: signed PCM maps to [-1, 1).
_PCM_FULL_SCALE = {
    np.dtype(np.int8): 2.0**7,
    np.dtype(np.int16): 2.0**15,
    np.dtype(np.int32): 2.0**31,
}


def check_array(array: NDArray[Any], name: str, dtype: DTypeLike) -> NDArray[Any]:
    """Return a 2-D or 3-D array of clips as floats, or raise.

    Parameters
    ----------
    array : ndarray of shape (n_clips, n_timepoints) or (n_clips, n_channels, n_timepoints)
        Clips of any numeric dtype; signed integers of 8 to 32 bits are PCM.
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
            stacklevel=_caller_level(),
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
        Of any numeric dtype; signed integers of 8 to 32 bits are PCM.
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
    array = to_array(clip, name)
    if array.ndim not in (1, 2):
        given = f" ({type(clip).__name__})" if array.ndim == 0 else ""
        raise ValueError(
            f"{name} must be a clip of shape (n_timepoints,) or (n_channels, n_timepoints), got "
            f"shape {array.shape}{given}: pass one waveform for each clip, [x] for a single one."
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


def _caller_level() -> int:
    """Return the stacklevel at which a warning of the caller names a line of the user's."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("sklearn_audiosr"):
        frame, level = frame.f_back, level + 1
    return level


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
        array = _numbers_of_objects(array, name)
        if array.dtype == object:  # plain integers
            return _take_plain_integers(array, name, dtype)
    if np.iscomplexobj(array):
        raise ValueError(
            f"{name} must hold real numbers. Complex data not supported: pass the real part."
        )
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{name} must hold numbers, got dtype {array.dtype}: convert it to floats in [-1, 1)."
        )
    if array.dtype.kind in "iu":
        return _integers_to_float(array, name, dtype)
    with np.errstate(over="ignore"):  # reported as not finite, with the clip's name
        return np.ascontiguousarray(array, dtype=dtype)


def _numbers_of_objects(array: NDArray[Any], name: str) -> NDArray[Any]:
    text = next((item for item in array.flat if isinstance(item, (str, bytes))), None)
    if text is not None:  # NumPy would read the number in it
        raise ValueError(f"{name} must hold numbers only: got text, {text!r:.40}.")
    kinds = {type(item) for item in array.flat}
    if all(issubclass(kind, np.integer) for kind in kinds) and len(kinds) == 1:
        return array.astype(kinds.pop())
    if kinds <= {int}:
        return array
    try:
        return array.astype(np.float64)
    except OverflowError as error:
        raise ValueError(f"{name} must hold numbers that float64 can hold: {error}.") from error
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name} must hold numbers only: {error}") from error


def _integers_to_float(array: NDArray[Any], name: str, dtype: DTypeLike) -> NDArray[Any]:
    """Scale or refuse integers by the sample format that their type is.

    Readers of sound files return signed ones of 8 to 32 bits. Those of 64 bits are what NumPy
    makes of plain integers: they have no full scale.
    """
    bits = 8 * array.dtype.itemsize
    if array.dtype.kind == "u":
        silence = str(2 ** (bits - 1)) if bits < 32 else f"2**{bits - 1}"
        wide = "float32" if bits == 8 else "float64"
        raise ValueError(
            f"{name} must not be unsigned {bits}-bit: that is offset PCM, with silence at "
            f"{silence}. Convert it with (x.astype('{wide}') - {silence}) / {silence}."
        )
    full_scale = _PCM_FULL_SCALE.get(array.dtype.newbyteorder("="))
    if full_scale is not None:
        # an int32 has more digits than a float32: divide in float64 first
        exact = np.float64 if bits == 32 else dtype
        return np.divide(array, full_scale, dtype=exact).astype(dtype, copy=False)
    return _take_plain_integers(array, name, dtype)


def _take_plain_integers(array: NDArray[Any], name: str, dtype: DTypeLike) -> NDArray[Any]:
    """Cast to floats, and warn above full scale."""
    try:
        waveform = np.ascontiguousarray(array, dtype=dtype)
    except OverflowError as error:
        raise ValueError(f"{name} must hold numbers that float64 can hold: {error}.") from error
    peak = float(np.abs(waveform).max(initial=0))
    if peak > 1:
        warnings.warn(
            f"{name} holds 64-bit integers up to {peak:.0f}, taken as they are: if they are PCM, "
            "divide them by its full scale, x / 2**15 for 16 bits; if not, x.astype(float) says "
            "so.",
            UserWarning,
            stacklevel=_caller_level(),
        )
    return waveform


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
    if peak < _LOUDEST:
        return ValueError(
            f"{name} must have a result that float32 can hold, got NaN or infinity from a peak of "
            f"{peak:.3g}: the estimator's weights are too large or not finite, fit it again with a "
            "lower learning_rate, or load its file again."
        )
    return ValueError(
        f"{name} must have levels whose result float32 can hold, got a peak of {peak:.3g}: repair "
        "timepoints that are no audio, or scale it to [-1, 1]."
    )
