"""Clips that are read from their files when they are asked for."""

from collections.abc import Sequence
from math import ceil, gcd
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sklearn_audiosr.datasets._bundled import _import_soundfile
from sklearn_audiosr.datasets._folder import _resample

# Each clip is cut to a multiple of this, like the bundled ones: every ratio in use divides it.
N_MULTIPLE = 240

# Timepoints, at the lower rate, that a resampler may look beyond an excerpt: more than soxr does.
_MARGIN = 1024


class Excerpt(NamedTuple):
    """A part of a file; `start` and `n_timepoints` count at the rate of the clips."""

    path: Path
    file_rate: int
    n_frames: int
    start: int
    n_timepoints: int


class LazyClips(Sequence):
    """A sequence of mono clips that reads a file when its clip is asked for.

    An integer gives a clip; a slice, an array of integers or a mask of booleans gives another
    lazy sequence, so that ``clips[train]`` reads nothing. A clip is read anew each time.

    Parameters
    ----------
    excerpts : list of Excerpt
        Where the clips lie.
    sampling_rate : int
        Rate of the clips in Hz: files of another rate are resampled by soxr (quality HQ).

    Attributes
    ----------
    n_timepoints : ndarray of shape (n_clips,), dtype int
        The length of each clip, known without reading it.
    sampling_rate : int
        Rate of the clips in Hz.
    """

    def __init__(self, excerpts, sampling_rate):
        self.sampling_rate = sampling_rate
        self._excerpts = list(excerpts)

    @property
    def n_timepoints(self):
        """The length of each clip, known without reading it."""
        return np.array([excerpt.n_timepoints for excerpt in self._excerpts], dtype=int)

    def __len__(self):
        return len(self._excerpts)

    def __repr__(self):
        seconds = self.n_timepoints.sum() / self.sampling_rate
        return f"<LazyClips: {len(self)} clips, {seconds / 60:.1f} minutes>"

    def __getitem__(self, index):
        """Return one clip, float32 of shape (n_timepoints,), or a lazy sequence of several."""
        if isinstance(index, Integral):
            return read_excerpt(self._excerpts[index], self.sampling_rate)
        chosen = np.arange(len(self))[index]
        return LazyClips([self._excerpts[i] for i in chosen], self.sampling_rate)


def read_excerpt(excerpt, sampling_rate):
    """Read one clip.

    Parameters
    ----------
    excerpt : Excerpt
        Where it lies.
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
    soundfile = _import_soundfile()
    from sklearn_audiosr._files.reading import read_part

    first, last, n_before = _find_frames(excerpt, sampling_rate)
    try:
        frames, rate = read_part(excerpt.path, first, last - first)
    except (soundfile.SoundFileError, OSError) as error:
        raise _unreadable(excerpt, getattr(error, "error_string", str(error))) from error
    if rate != excerpt.file_rate:
        raise _unreadable(excerpt, f"its rate is {rate} Hz, and was {excerpt.file_rate} Hz")
    clip = _resample(frames.mean(axis=1), excerpt.file_rate, sampling_rate)
    clip = clip[n_before : n_before + excerpt.n_timepoints]
    if len(clip) < excerpt.n_timepoints:
        raise _unreadable(excerpt, f"it ends after {len(frames)} of {last - first} frames")
    if not np.isfinite(clip).all():
        raise _unreadable(excerpt, "it holds NaN or infinity")
    return np.ascontiguousarray(clip)


def _unreadable(excerpt, why):
    return OSError(
        f"a clip must have a readable file, but {excerpt.path} cannot be read: {why}. Put a whole "
        "file in its place, or delete it and fetch the corpus anew."
    )


def _find_frames(excerpt, sampling_rate):
    """Return the first and last frame to read, and the timepoints before the clip among them."""
    step = sampling_rate // gcd(
        sampling_rate, excerpt.file_rate
    )  # timepoints that are whole frames
    stride = excerpt.file_rate // gcd(sampling_rate, excerpt.file_rate)
    margin = 0 if step == stride else _MARGIN * max(1, ceil(step / stride))
    first = max(0, excerpt.start - margin) // step
    last = ceil((excerpt.start + excerpt.n_timepoints + margin) / step)
    return first * stride, min(last * stride, excerpt.n_frames), excerpt.start - first * step


def open_file(path, sampling_rate):
    """Return the whole of a file as an excerpt, its end cut to a multiple of 240 timepoints.

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
        If the file cannot be read, does not tell its length, or is too short.
    """
    soundfile = _import_soundfile()
    from sklearn_audiosr._files.reading import read_header, tells_length

    try:
        info = read_header(path)
    except (soundfile.SoundFileError, OSError) as error:
        raise ValueError(getattr(error, "error_string", str(error))) from error
    rate, n_frames = info.samplerate, info.frames
    if not tells_length(info):
        raise ValueError("its header tells no length: decode it and encode it anew, as a file")
    n_timepoints = n_frames * sampling_rate // rate // N_MULTIPLE * N_MULTIPLE
    if not n_timepoints:
        raise ValueError(f"too short: {n_frames} frames at {rate} Hz")
    return Excerpt(path, rate, n_frames, 0, n_timepoints)


def cut_excerpt(excerpt, n_timepoints):
    """Cut the whole of a file into clips of one length; what is left at its end is dropped.

    Parameters
    ----------
    excerpt : Excerpt
        A whole file.
    n_timepoints : int
        Length of a clip.

    Returns
    -------
    excerpts : list of Excerpt
        One after the other.
    """
    return [
        excerpt._replace(start=start, n_timepoints=n_timepoints)
        for start in range(0, excerpt.n_timepoints - n_timepoints + 1, n_timepoints)
    ]
