"""Clips from a folder of audio files."""

from __future__ import annotations

import os
import warnings
from numbers import Integral, Real
from pathlib import Path
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval

from sklearn_audiosr._files.formats import list_suffixes
from sklearn_audiosr._validation import validated
from sklearn_audiosr.datasets._reading import describe_sound_error, import_soundfile, resample

# Files whose rate is this many times lower than the one that is asked for would fill the memory.
_MAX_FACTOR = 1000


@validated(
    {
        "path": [str, os.PathLike],
        "sampling_rate": [Interval(Real, 0, None, closed="neither"), None],
        "mono": ["boolean"],
        "min_duration": [Interval(Real, 0, None, closed="left")],
        "strict": ["boolean"],
        "n_jobs": [Integral, None],
    }
)
def load_audio_folder(
    path: str | os.PathLike[str],
    *,
    sampling_rate: float | None = None,
    mono: bool = False,
    min_duration: float = 0.0,
    strict: bool = False,
    n_jobs: int | None = None,
) -> Bunch:
    """Load every audio file of a folder and its sub-folders as clips of one sampling rate.

    Parameters
    ----------
    path : str or path-like
        The folder. Files are found by their extensions, in upper or lower case: those of all
        formats that libsndfile reads, such as wav, flac, mp3, ogg, opus and aiff. Names that begin
        with a dot are skipped.
    sampling_rate : float or None, default=None
        Rate of the clips in Hz. soxr (quality HQ) resamples files of another rate. None takes the
        rate of the files, which must be the same for all.
    mono : bool, default=False
        Take the mean of the channels of each file.
    min_duration : float, default=0.0
        Files shorter than this many seconds are skipped, with a warning that names them.
    strict : bool, default=False
        Raise an error, instead of a warning, for files that cannot be read or were cut off.
    n_jobs : int or None, default=None
        Number of threads that read and resample. None means one (unless in a
        ``joblib.parallel_config``), -1 one for each core.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes

        clips : list of ndarray, dtype float32
            Clips of shape (n_timepoints,) from files of one channel or with ``mono=True``, of shape
            (n_channels, n_timepoints) from others; 1.0 is full scale.
        groups : ndarray of shape (n_clips,), dtype str
            Groups for ``GroupKFold`` and the like: the sub-folder of `path` that holds the file, at
            any depth. A file directly in `path` is a group of its own, named like the file.
        filenames : list of str
            The file of each clip relative to `path`, with forward slashes, in sorted order.
        sampling_rate : float or int
            Rate of all clips in Hz.
        DESCR : str
            Number of clips, their duration and rate, and the folder.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`.
    NotADirectoryError
        If `path` is a file.
    ValueError
        If no file can be used, if the files differ in rate and `sampling_rate` is None, or if files
        cannot be read or were cut off and `strict` is True.
    ImportError
        If soundfile is not installed, or soxr is not and a file must be resampled.

    Warns
    -----
    UserWarning
        One warning names all files that cannot be read, each with the reason; a second names those
        shorter than `min_duration`. Both kinds are left out. A third names the files of a lower
        rate than `sampling_rate`: they are kept, but have no highband to learn from. A fourth names
        those that end before their header says, or whose header does not say where they end: what
        is there is kept.

    See Also
    --------
    load_speech : Speech that ships with the package.
    load_piano : Piano music that ships with the package.

    Notes
    -----
    All clips are held in memory: an hour at 16 kHz takes 230 MB.
    :func:`sklearn_audiosr.degradation.trim_clips` cuts clips to a multiple of an upsampling ratio.
    A file that was upsampled before has no highband to learn from.

    Examples
    --------
    >>> from importlib.resources import files
    >>> from sklearn_audiosr.datasets import load_audio_folder
    >>> folder = files("sklearn_audiosr.datasets") / "data"
    >>> dataset = load_audio_folder(folder, sampling_rate=8000)
    >>> dataset.filenames[0], str(dataset.groups[0]), dataset.clips[0].shape
    ('piano/fuer_elise_01.flac', 'piano', (73440,))
    """
    folder = Path(path)
    names = _find_audio_files(folder)
    read = delayed(_read_file)
    files = Parallel(n_jobs=n_jobs, prefer="threads")(
        read(folder, name, sampling_rate, mono, min_duration) for name in names
    )
    _warn_of_damaged(files, min_duration, strict)
    files = [file for file in files if file.clip is not None]
    if not files:
        raise ValueError(
            f"path must hold audio files to load, but of {len(names)} found in {folder} and its "
            "sub-folders none can be used: give another folder, or bring the files to one of "
            f"{', '.join(sorted(list_suffixes()))}."
        )
    rate = sampling_rate or _get_only_rate(files)
    _warn_of_upsampled(files, rate)
    return Bunch(
        clips=[file.clip for file in files],
        groups=np.array([_name_group(file.name) for file in files]),
        filenames=[file.name for file in files],
        sampling_rate=rate,
        DESCR=_describe(folder, files, rate),
    )


class _File(NamedTuple):
    """A file and its clip, or the reason why it has none: a problem, or too few seconds."""

    name: str
    clip: NDArray[np.float32] | None = None
    sampling_rate: int = 0  # of the file
    seconds: float = 0.0
    problem: str = ""
    fault: str = ""  # of a file that is kept


def _warn_of_upsampled(files: list[_File], rate: float) -> None:
    """Warn once of all files whose highband must be empty."""
    low = [f"{file.name} ({file.sampling_rate} Hz)" for file in files if file.sampling_rate < rate]
    if low:
        warnings.warn(
            f"{len(low)} files have a lower rate than sampling_rate={rate} and nothing above their "
            f"own Nyquist frequency: leave them out of training and of scores. {', '.join(low)}",
            UserWarning,
            stacklevel=3,
        )


def _find_audio_files(folder: Path) -> list[str]:
    """Return the names of audio files below a folder, relative to it and sorted."""
    if not folder.exists():
        raise FileNotFoundError(f"path must be a folder of audio files, but {folder} is not there.")
    if not folder.is_dir():
        raise NotADirectoryError(
            f"path must be a folder of audio files, but {folder} is a file: give the folder that "
            "holds it."
        )
    suffixes = list_suffixes()
    names = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    return sorted(
        name.as_posix()
        for name in names
        if name.suffix.lower() in suffixes and not any(part[0] == "." for part in name.parts)
    )


def _read_file(
    folder: Path, name: str, sampling_rate: float | None, mono: bool, min_duration: float
) -> _File:
    """Read one file at the rate that is asked for, or return the reason why it has no clip."""
    soundfile = import_soundfile()
    from sklearn_audiosr._files.reading import read_file

    try:
        clip, rate, fault = read_file(folder / name)  # (n_timepoints, n_channels)
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        return _File(name, problem=describe_sound_error(error))
    seconds = len(clip) / rate
    if not len(clip):
        return _File(name, problem="it holds no timepoint")
    if not np.isfinite(clip).all():
        return _File(name, problem="it holds NaN or infinity")
    if seconds < min_duration:
        return _File(name, seconds=seconds)
    if sampling_rate is not None and sampling_rate > _MAX_FACTOR * rate:
        return _File(name, problem=f"its header has {rate} Hz: it may be damaged")
    if mono:
        clip = clip.mean(axis=1, keepdims=True)
    clip = np.ascontiguousarray(resample(clip, rate, sampling_rate).T)
    if not clip.size:
        return _File(name, problem=f"no timepoint is left of it at {sampling_rate} Hz")
    return _File(name, clip if len(clip) > 1 else clip[0], rate, seconds, fault=fault)


def _warn_of_damaged(files: list[_File], min_duration: float, strict: bool) -> None:
    """Warn once of all files that cannot be read, are too short or not whole; or raise an error."""
    unreadable = [f"{file.name}: {file.problem}" for file in files if file.problem]
    cut = [f"{file.name} {file.fault}" for file in files if file.fault and file.clip is not None]
    short = [
        f"{file.name}: {file.seconds:.3f} s"
        for file in files
        if file.clip is None and not file.problem
    ]
    not_whole = _list(cut, "that are not whole:")
    if strict and (unreadable or cut):
        texts = [*_list(unreadable, "cannot be read:"), *not_whole]
        raise ValueError("\n".join([*texts, "Replace or delete them, or pass strict=False."]))
    skipped = [
        *_list(unreadable, "that cannot be read:"),
        *_list(short, f"shorter than min_duration={min_duration} s:"),
    ]
    for text in (*(f"skipped {text}" for text in skipped), *not_whole):
        # the caller of load_audio_folder, past the check of its parameters
        warnings.warn(text, UserWarning, stacklevel=4)


def _list(lines: list[str], what: str) -> list[str]:
    """Return a text with a line for each file, or none if there is no file."""
    return ["\n  ".join([f"{len(lines)} file(s) {what}", *lines])] if lines else []


def _get_only_rate(files: list[_File]) -> int:
    """Return the rate of all files; raise ValueError if they have several."""
    first: dict[int, str] = {}
    for file in files:
        first.setdefault(file.sampling_rate, file.name)
    if len(first) > 1:
        rates = ", ".join(f"{rate} Hz ({name})" for rate, name in sorted(first.items()))
        raise ValueError(
            f"sampling_rate must be given where files differ in it, and here they have {rates}: "
            f"sampling_rate={min(first)} resamples all to the lowest."
        )
    return files[0].sampling_rate


def _name_group(name: str) -> str:
    """Return the first folder in a file's name, or the name without extension if there is none."""
    parts = Path(name).parts
    return parts[0] if len(parts) > 1 else Path(name).stem


def _describe(folder: Path, files: list[_File], rate: float) -> str:
    """Return a description of what was read."""
    minutes = sum(file.seconds for file in files) / 60
    changed = sum(file.sampling_rate != rate for file in files)
    return (
        f"{len(files)} clips, {minutes:.1f} minutes, read from {folder} at {rate} Hz; "
        f"{changed} of them resampled by soxr (HQ)."
    )
