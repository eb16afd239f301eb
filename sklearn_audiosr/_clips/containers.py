"""`Clips`: a checked container of clips, and results in the same kind of container."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklearn_audiosr._clips.arrays import (
    describe_audio_and_rate,
    holds_audio_and_rate,
    is_array,
    is_sparse_matrix,
    text_message,
    to_array,
)
from sklearn_audiosr._clips.checks import (
    all_finite,
    check_array,
    check_clip,
    overflow_error,
)

_CONTAINERS = (
    "a 2-D array (n_clips, n_timepoints), a 3-D array (n_clips, n_channels, n_timepoints) "
    "or a sequence of clips"
)


class Clips(Sequence[NDArray[Any]]):
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

    Raises
    ------
    TypeError, ValueError
        If this is no container of clips, if it is empty, or if a clip is illegal; the message
        names the clip, the need, what was received and the remedy.
    """

    def __init__(self, container: Any, name: str, dtype: DTypeLike = np.float32) -> None:
        self.name = name
        self.dtype = np.dtype(dtype)
        self._clips: Any
        self.kind, clips = _open_container(container, name)
        self._lazy_shapes: dict[int, tuple[int, ...]] = {}  # of the clips read so far
        if self.kind == "array":
            self._clips = check_array(clips, name, self.dtype)
        elif self.kind == "lazy":
            self._clips = clips
        else:
            self._clips = [self._check(i, clip) for i, clip in enumerate(clips)]
        if len(self._clips) == 0:
            raise ValueError(
                f"{name} must hold at least 1 clip, got an empty container: give {_CONTAINERS}."
            )

    def _check(self, index: int, clip: Any) -> NDArray[Any]:
        return check_clip(clip, f"{self.name}[{index}]", self.dtype)

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, index: int) -> NDArray[Any]:  # type: ignore[override]  # no slices
        """Return clip `index`, an array of shape (n_channels, n_timepoints)."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self.name} holds {len(self)} clips, got index {index}.")
        clip = self._clips[index]
        if self.kind == "lazy":
            clip = self._check(index, clip)
            self._lazy_shapes[index] = clip.shape
        return np.atleast_2d(clip)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[i] for i in range(len(self)))

    def shape_of(self, index: int) -> tuple[int, ...]:
        """Return the shape of a clip, without reading again one that was read before.

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

    def collect(self, results: Iterable[NDArray[Any]]) -> Any:
        """Put results, one for each clip, into the same kind of container.

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

    def check_results(self, results: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
        """Yield results, one for each clip, and raise at one that is not finite.

        Parameters
        ----------
        results : iterable of ndarray
            In the order of the clips.

        Yields
        ------
        result : ndarray
            Unchanged.

        Raises
        ------
        ValueError
            If a result holds NaN or infinity; the message names the clip.
        """
        for i, result in enumerate(results):
            if not all_finite(result):
                raise overflow_error(f"{self.name}[{i}]", np.abs(self[i]).max())
            yield result

    def _is_mono_1d(self, index: int) -> bool:
        if self.kind == "lazy":  # a result follows from its clip: that was read already
            return len(self._lazy_shapes[index]) == 1
        return self._clips[index].ndim == 1

    def _collect_array(self, results: Iterator[NDArray[Any]]) -> NDArray[Any]:
        first = next(results)
        shape = first.shape if self._clips.ndim == 3 else first[0].shape
        array = np.empty((len(self), *shape), dtype=first.dtype)
        array[0] = first if self._clips.ndim == 3 else first[0]
        for i, result in enumerate(results, start=1):
            array[i] = result if self._clips.ndim == 3 else result[0]
        return array


def _open_container(container: Any, name: str) -> tuple[str, Any]:
    """Return the kind of a container, and its clips: an array, a list or a lazy sequence."""
    _reject_non_container(container, name)
    if is_array(container):
        array = to_array(container, name)
        if array.dtype.kind in "SU":
            raise TypeError(text_message(name))
        if array.ndim in (2, 3):
            return "array", array
        if array.ndim == 1 and array.dtype == object and not _holds_numbers(array):
            return "object_array", list(array)
        raise ValueError(_not_clips_message(array.shape, name))
    if isinstance(container, (list, tuple)):
        if holds_audio_and_rate(container):
            raise ValueError(
                f"{name} must be {_CONTAINERS}, got {describe_audio_and_rate(container)}: pass a "
                "list that holds the audio alone, [x], or [x.T] if it has channels."
            )
        if _holds_numbers(container):
            raise ValueError(_not_clips_message((len(container),), name))
        return ("list" if isinstance(container, list) else "tuple"), list(container)
    return "lazy", container


def _reject_non_container(container: Any, name: str) -> None:
    if is_sparse_matrix(container):
        raise TypeError(
            f"{name} must be {_CONTAINERS}, got a sparse matrix: sparse input is not supported, "
            "pass X.toarray()."
        )
    readable = hasattr(container, "__array__") or (
        hasattr(container, "__len__") and hasattr(container, "__getitem__")
    )
    if isinstance(container, np.ma.MaskedArray):
        raise TypeError(f"{name} must be {_CONTAINERS}, got a masked array: fill it, X.filled(0).")
    if isinstance(container, Mapping) and "array" in container:
        raise TypeError(
            f"{name} must be {_CONTAINERS}, got dict with the key 'array': pass a list that holds "
            "the array inside it, [x['array']]."
        )
    if isinstance(container, (str, bytes, bytearray, Mapping, Set)) or not readable:
        raise TypeError(
            f"{name} must be {_CONTAINERS}, got {type(container).__name__}: read sound files with "
            "soundfile.read, and make a list of a generator."
        )


def _holds_numbers(items: Any) -> bool:
    return len(items) > 0 and isinstance(items[0], (Number, np.number, np.bool_))


def _not_clips_message(shape: tuple[int, ...], name: str) -> str:
    return (
        f"{name} must be {_CONTAINERS}, got numbers of shape {shape}: Reshape your data, for "
        f"one clip pass a list that holds it, [x]."
    )
