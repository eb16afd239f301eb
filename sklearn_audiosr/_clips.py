"""Containers of clips: what goes in, what comes out, and the checks on the way.

A container is a 2-D array ``(n_clips, n_timepoints)``, a 3-D array ``(n_clips, n_channels,
n_timepoints)``, or a sequence of clips of any lengths. Inside the library a clip is always
``(n_channels, n_timepoints)``; `Clips.collect` gives results back in the caller's own kind of
container.
"""

import warnings
from collections.abc import Mapping, Sequence, Set
from numbers import Number
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

# A container of clips, for annotations.
ClipsLike: TypeAlias = npt.NDArray[Any] | Sequence[npt.ArrayLike]

# Above this, (n_timepoints, n_channels) from soundfile.read is likelier than a microphone array.
MAX_CHANNELS = 64

# soundfile's convention: signed PCM maps to [-1, 1).
_PCM_FULL_SCALE = {np.dtype(np.int16): 2.0**15, np.dtype(np.int32): 2.0**31}

_CONTAINERS = (
    "a 2-D array (n_clips, n_timepoints), a 3-D array (n_clips, n_channels, n_timepoints) "
    "or a sequence of clips"
)


class Clips(Sequence):
    """A checked container of clips.

    Everything but a lazy sequence is checked when the container is made; a lazy sequence is
    checked clip by clip, each time a clip is read.

    Parameters
    ----------
    container : array-like or sequence
        The clips as the user gave them.
    name : str
        What error messages call the container.
    dtype : dtype, default=numpy.float32
        Floating-point type of the clips that indexing returns.
    """

    def __init__(self, container, name, dtype=np.float32):
        self.name = name
        self.dtype = np.dtype(dtype)
        self.kind, clips = _open_container(container, name)
        self._lazy_shapes: dict[int, tuple] = {}  # of the clips read so far
        if self.kind == "array":
            self._clips = _check_array(clips, name, self.dtype)
        elif self.kind == "lazy":
            self._clips = clips
        else:
            self._clips = [self._check(i, clip) for i, clip in enumerate(clips)]
        if len(self._clips) == 0:
            raise ValueError(
                f"{name} must hold at least 1 clip, got an empty container: give {_CONTAINERS}."
            )

    def _check(self, index, clip):
        return check_clip(clip, f"{self.name}[{index}]", self.dtype)

    def __len__(self):
        return len(self._clips)

    def __getitem__(self, index):
        """Return clip `index`, an array of shape (n_channels, n_timepoints)."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self.name} holds {len(self)} clips, got index {index}.")
        clip = self._clips[index]
        if self.kind == "lazy":
            clip = self._check(index, clip)
            self._lazy_shapes[index] = clip.shape
        return np.atleast_2d(clip)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def shape_of(self, index):
        """Give the shape of a clip; one that was read before is not read again.

        Parameters
        ----------
        index : int
            Of the clip, from 0.

        Returns
        -------
        shape : (n_channels, n_timepoints)
            Of what indexing returns.
        """
        if self.kind != "lazy":
            shape = self._clips[index].shape
        elif index in self._lazy_shapes:
            shape = self._lazy_shapes[index]
        else:
            shape = self[index].shape
        return shape if len(shape) == 2 else (1, *shape)

    def collect(self, results):
        """Put one result a clip into the same kind of container.

        Parameters
        ----------
        results : iterable of ndarray of shape (n_channels, any length), or with more axes
            In the order of the clips; consumed one by one.

        Returns
        -------
        container : ndarray, list or tuple
            An array for an array, a list for a list or a lazy sequence, a tuple for a tuple, an
            object array for an object array.
        """
        if self.kind == "array":
            return self._collect_array(iter(results))
        collected = [
            result[0] if self._is_mono_1d(i) else result for i, result in enumerate(results)
        ]
        if self.kind == "object_array":
            array = np.empty(len(collected), dtype=object)
            array[:] = collected
            return array
        return tuple(collected) if self.kind == "tuple" else collected

    def check_results(self, results):
        """Pass results on, one a clip, and raise ValueError at one that is not finite.

        Parameters
        ----------
        results : iterable of ndarray
            In the order of the clips.

        Yields
        ------
        result : ndarray
            As it came.
        """
        for i, result in enumerate(results):
            if not all_finite(result):
                raise overflow_error(f"{self.name}[{i}]", np.abs(self[i]).max())
            yield result

    def _is_mono_1d(self, index):
        if self.kind == "lazy":  # a result follows from its clip: that was read already
            return len(self._lazy_shapes[index]) == 1
        return self._clips[index].ndim == 1

    def _collect_array(self, results):
        first = next(results)
        shape = first.shape if self._clips.ndim == 3 else first[0].shape
        array = np.empty((len(self), *shape), dtype=first.dtype)
        array[0] = first if self._clips.ndim == 3 else first[0]
        for i, result in enumerate(results, start=1):
            array[i] = result if self._clips.ndim == 3 else result[0]
        return array


def _open_container(container, name):
    """Tell a container's kind and give its clips: an array, a list or the lazy sequence itself."""
    _reject_non_container(container, name)
    if hasattr(container, "__array__"):
        array = np.asarray(container)
        if array.dtype.kind in "SU":
            raise TypeError(_text_message(name))
        if array.ndim in (2, 3):
            return "array", array
        if array.ndim == 1 and array.dtype == object and not _holds_numbers(array):
            return "object_array", list(array)
        raise ValueError(_not_clips_message(array.shape, name))
    if isinstance(container, (list, tuple)):
        if _holds_numbers(container):
            raise ValueError(_not_clips_message((len(container),), name))
        return ("list" if isinstance(container, list) else "tuple"), list(container)
    return "lazy", container


def _reject_non_container(container, name):
    if hasattr(container, "toarray") and hasattr(container, "nnz"):
        raise TypeError(
            f"{name} must be {_CONTAINERS}, got a sparse matrix: sparse input is not supported, "
            "pass X.toarray()."
        )
    readable = hasattr(container, "__array__") or (
        hasattr(container, "__len__") and hasattr(container, "__getitem__")
    )
    if isinstance(container, np.ma.MaskedArray):
        raise TypeError(f"{name} must be {_CONTAINERS}, got a masked array: fill it, X.filled(0).")
    if isinstance(container, (str, bytes, bytearray, Mapping, Set)) or not readable:
        raise TypeError(
            f"{name} must be {_CONTAINERS}, got {type(container).__name__}: read sound files with "
            "soundfile.read, and make a list of a generator."
        )


def _holds_numbers(items):
    return len(items) > 0 and isinstance(items[0], (Number, np.number, np.bool_))


def _text_message(name):
    return f"{name} must be an array of numbers, got text: read the file first, soundfile.read."


def _not_clips_message(shape, name):
    return (
        f"{name} must be {_CONTAINERS}, got numbers of shape {shape}: Reshape your data, for "
        f"one clip pass a list that holds it, [x]."
    )


def _check_array(array, name, dtype):
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


def check_clip(clip, name, dtype):
    """Return one clip as floats, of its own number of dimensions (1 or 2)."""
    if isinstance(clip, (str, bytes)):
        raise TypeError(_text_message(name))
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


def _check_n_channels(n_channels, name, transpose):
    if n_channels == 0:
        raise ValueError(f"{name} must have at least 1 channel, got 0: leave empty clips out.")
    if n_channels > MAX_CHANNELS:
        raise ValueError(
            f"{name} must have at most {MAX_CHANNELS} channels, got {n_channels}: channels come "
            f"before timepoints (soundfile.read gives them last), transpose {transpose}."
        )


def _to_float(array, name, dtype):
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


def all_finite(array):
    """Tell whether an array holds neither NaN nor infinity."""
    with np.errstate(over="ignore", invalid="ignore"):
        # one pass without a temporary; a finite sum has finite terms
        return bool(np.isfinite(array.sum()) or np.isfinite(array).all())


def _check_finite(waveform, given, name):
    if all_finite(waveform):
        return
    where = np.unravel_index(np.argmin(np.isfinite(waveform)), waveform.shape)
    value = waveform[where]
    what = "NaN" if np.isnan(value) else f"{value} (given: {given[where]})"
    raise ValueError(
        f"{name} must be finite in {waveform.dtype}, got {what} at timepoint {where[-1]}: replace "
        "NaN and infinity (numpy.nan_to_num) or leave the clip out."
    )


def overflow_error(name, peak):
    """Give the error that what follows from a clip is too large for a float.

    Parameters
    ----------
    name : str
        What the message calls the clip.
    peak : float
        Of the clip.

    Returns
    -------
    error : ValueError
        To be raised.
    """
    return ValueError(
        f"{name} must have levels whose result float32 can hold, got a peak of {peak:.3g}: repair "
        "timepoints that are no audio, or scale it to [-1, 1]."
    )
