"""Clips that are read from their files when they are indexed."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, gcd
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_audiosr.datasets._reading import describe_sound_error, import_soundfile, resample

# The length of each clip is a multiple of this, as of the bundled ones: common ratios divide it.
N_MULTIPLE = 240

# Timepoints at the lower rate that are read on both sides of an excerpt before it is resampled:
# more than the filters of soxr need.
_MARGIN = 1024


class Excerpt(NamedTuple):
    """A part of a file; `start` and `n_timepoints` are at the rate of the clips."""

    path: Path
    file_rate: int
    n_frames: int
    start: int
    n_timepoints: int


class LazyClips(Sequence[Any]):
    """A sequence of mono clips that reads a clip from its file when it is indexed.

    An integer index returns a clip, which is read anew each time. A slice, an array of integers or
    a mask of booleans returns another lazy sequence, so that ``clips[train]`` reads nothing.

    Parameters
    ----------
    excerpts : list of Excerpt
        The parts of files that the clips are.
    sampling_rate : int
        Rate of the clips in Hz. soxr (quality HQ) resamples files of another rate.

    Attributes
    ----------
    n_timepoints : ndarray of shape (n_clips,), dtype int
        The length of each clip, known without reading it.
    sampling_rate : int
        Rate of the clips in Hz.
    """

    def __init__(self, excerpts: Sequence[Excerpt], sampling_rate: int) -> None:
        self.sampling_rate = sampling_rate
        self._excerpts = list(excerpts)

    @property
    def n_timepoints(self) -> NDArray[np.int_]:
        """The length of each clip, known without reading it."""
        return np.array([excerpt.n_timepoints for excerpt in self._excerpts], dtype=int)

    def __len__(self) -> int:
        return len(self._excerpts)

    def __repr__(self) -> str:
        seconds = self.n_timepoints.sum() / self.sampling_rate
        return f"<LazyClips: {len(self)} clips, {seconds / 60:.1f} minutes>"

    @overload
    def __getitem__(self, index: int) -> NDArray[np.float32]: ...
    @overload
    def __getitem__(self, index: slice | ArrayLike) -> LazyClips: ...
    def __getitem__(self, index: Any) -> NDArray[np.float32] | LazyClips:
        """Return one clip, float32 of shape (n_timepoints,), or a lazy sequence of several.

        Raises OSError if the file of the clip cannot be read or has changed.
        """
        if isinstance(index, Integral):
            return read_excerpt(self._excerpts[int(index)], self.sampling_rate)
        chosen = np.arange(len(self))[index]
        return LazyClips([self._excerpts[i] for i in chosen], self.sampling_rate)


def read_excerpt(excerpt: Excerpt, sampling_rate: int) -> NDArray[np.float32]:
    """Read one clip.

    Parameters
    ----------
    excerpt : Excerpt
        The part of a file.
    sampling_rate : int
        Rate of the clip in Hz.

    Returns
    -------
    clip : ndarray of shape (n_timepoints,), dtype float32
        The mean of the channels; 1.0 is full scale.

    Raises
    ------
    OSError
        If the file cannot be read or ends too early.
    """
    soundfile = import_soundfile()
    from sklearn_audiosr._files.reading import read_part

    first, last, n_before = _find_frames(excerpt, sampling_rate)
    try:
        frames, rate = read_part(excerpt.path, first, last - first)
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        raise _unreadable(excerpt, describe_sound_error(error)) from error
    if rate != excerpt.file_rate:
        raise _unreadable(excerpt, f"its rate is {rate} Hz, and was {excerpt.file_rate} Hz")
    clip = resample(frames.mean(axis=1), excerpt.file_rate, sampling_rate)
    clip = clip[n_before : n_before + excerpt.n_timepoints]
    if len(clip) < excerpt.n_timepoints:
        raise _unreadable(excerpt, f"it ends after {len(frames)} of {last - first} frames")
    if not np.isfinite(clip).all():
        raise _unreadable(excerpt, "it holds NaN or infinity")
    return np.ascontiguousarray(clip)


def _unreadable(excerpt: Excerpt, why: str) -> OSError:
    return OSError(
        f"a clip must have a readable file, but {excerpt.path} cannot be read: {why}. Put a whole "
        "file in its place, or delete it and fetch the corpus anew."
    )


def _find_frames(excerpt: Excerpt, sampling_rate: int) -> tuple[int, int, int]:
    """Return the first frame to read, the last, and how many timepoints precede the clip."""
    divisor = gcd(sampling_rate, excerpt.file_rate)
    # so many timepoints of the clip last exactly as long as so many frames of the file
    n_timepoints, n_frames = sampling_rate // divisor, excerpt.file_rate // divisor
    margin = 0
    if n_timepoints != n_frames:
        margin = _MARGIN * max(1, ceil(n_timepoints / n_frames))
    first = max(0, excerpt.start - margin) // n_timepoints
    last = ceil((excerpt.start + excerpt.n_timepoints + margin) / n_timepoints)
    n_before = excerpt.start - first * n_timepoints
    return first * n_frames, min(last * n_frames, excerpt.n_frames), n_before


def open_file(path: Path, sampling_rate: int) -> Excerpt:
    """Return a whole file as an excerpt, its end cut to a multiple of 240 timepoints.

    Parameters
    ----------
    path : Path
        A sound file; only its header is read.
    sampling_rate : int
        Rate of the clips in Hz.

    Returns
    -------
    excerpt : Excerpt
        The file.

    Raises
    ------
    ValueError
        If the file cannot be read, does not say how long it is, or is too short.
    """
    soundfile = import_soundfile()
    from sklearn_audiosr._files.reader import tells_length
    from sklearn_audiosr._files.reading import read_header

    try:
        info = read_header(path)
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        raise ValueError(describe_sound_error(error)) from error
    rate, n_frames = info.samplerate, info.frames
    if not tells_length(info):
        raise ValueError("its header has no length: decode it and encode it anew, as a file")
    if info.fault:
        raise ValueError(f"it {info.fault}")
    n_timepoints = n_frames * sampling_rate // rate // N_MULTIPLE * N_MULTIPLE
    if not n_timepoints:
        raise ValueError(f"too short: {n_frames} frames at {rate} Hz")
    return Excerpt(path, rate, n_frames, 0, n_timepoints)


def cut_excerpt(excerpt: Excerpt, n_timepoints: int) -> list[Excerpt]:
    """Cut a whole file into clips of one length; drop the rest at its end.

    Parameters
    ----------
    excerpt : Excerpt
        A whole file.
    n_timepoints : int
        Length of a clip.

    Returns
    -------
    excerpts : list of Excerpt
        In order.
    """
    return [
        excerpt._replace(start=start, n_timepoints=n_timepoints)
        for start in range(0, excerpt.n_timepoints - n_timepoints + 1, n_timepoints)
    ]
