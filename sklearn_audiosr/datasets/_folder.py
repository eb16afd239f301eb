"""Clips from a folder of audio files."""

import os
import warnings
from numbers import Integral, Real
from pathlib import Path
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, validate_params

from sklearn_audiosr._files.formats import list_suffixes
from sklearn_audiosr.datasets._bundled import _import_soundfile


@validate_params(
    {
        "path": [str, os.PathLike],
        "sampling_rate": [Interval(Real, 0, None, closed="neither"), None],
        "mono": ["boolean"],
        "min_duration": [Interval(Real, 0, None, closed="left")],
        "n_jobs": [Integral, None],
    },
    prefer_skip_nested_validation=True,
)
def load_audio_folder(path, *, sampling_rate=None, mono=False, min_duration=0.0, n_jobs=None):
    """Load every audio file of a folder and its sub-folders as clips of one sampling rate.

    Parameters
    ----------
    path : str or path-like
        The folder. Files are found by their extensions, in capitals or not: all that libsndfile
        reads, such as wav, flac, mp3, ogg, opus and aiff. Names that begin with a dot are passed
        over.
    sampling_rate : float or None, default=None
        Rate of the clips in Hz: files of another rate are resampled by soxr (quality HQ). None
        takes the files' rate, which must then be one.
    mono : bool, default=False
        Whether to fold the channels of each file into their mean.
    min_duration : float, default=0.0
        Files shorter than this many seconds are skipped, with a warning that names them.
    n_jobs : int or None, default=None
        Number of threads that read and resample; None is one (unless in a
        ``joblib.parallel_config``), -1 is one for each core.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes

        clips : list of ndarray, dtype float32
            Each of shape (n_timepoints,) from a file of one channel or with ``mono``, and
            (n_channels, n_timepoints) otherwise; 1.0 is full scale.
        groups : ndarray of shape (n_clips,), dtype str
            For ``GroupKFold`` and the like: the sub-folder of `path` that the file lies in, at
            any depth; of a file right in `path` its name without extension.
        filenames : list of str
            The file of each clip relative to `path`, with forward slashes, in sorted order.
        sampling_rate : float or int
            Rate of all clips in Hz.
        DESCR : str
            How many clips of which rates were read from where.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`.
    NotADirectoryError
        If `path` is a file.
    ValueError
        If no file can be used, or if the files differ in rate and `sampling_rate` is None.
    ImportError
        If soundfile is not installed, or soxr is not and a file must be resampled.

    Warns
    -----
    UserWarning
        One warning names all files that cannot be read, each with the reason, and one all that
        are shorter than `min_duration`; both kinds are left out. Another names the files of a
        lower rate than `sampling_rate`, which are kept: they have no highband to learn from.

    See Also
    --------
    load_speech : Speech that ships with the package.
    load_piano : Piano music that ships with the package.

    Notes
    -----
    All clips are held in memory: an hour at 16 kHz takes 230 MB. A resampled clip has the length
    that soxr gives it; :func:`sklearn_audiosr.degradation.trim_clips` cuts clips to a multiple of
    an upsampling ratio. A file that was upsampled once has no highband to learn from.

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
    _warn_of_skipped(files, min_duration)
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
    """What came of one file: a clip, or one of the two reasons why there is none."""

    name: str
    clip: np.ndarray | None = None
    sampling_rate: int = 0  # of the file
    seconds: float = 0.0
    problem: str = ""


def _warn_of_upsampled(files, rate):
    """Name the files whose highband must be empty, in one warning."""
    low = [f"{file.name} ({file.sampling_rate} Hz)" for file in files if file.sampling_rate < rate]
    if low:
        warnings.warn(
            f"{len(low)} files have a lower rate than sampling_rate={rate} and nothing above their "
            f"own Nyquist frequency: leave them out of training and of scores. {', '.join(low)}",
            UserWarning,
            stacklevel=3,
        )


def _find_audio_files(folder):
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


def _read_file(folder, name, sampling_rate, mono, min_duration):
    """Read one file and bring it to the rate asked for, or say why not."""
    soundfile = _import_soundfile()
    from sklearn_audiosr._files.reading import read_file

    try:
        clip, rate = read_file(folder / name)  # (n_timepoints, n_channels)
    except (soundfile.SoundFileError, OSError) as error:
        # libsndfile's own words, without the path that soundfile puts before them
        return _File(name, problem=getattr(error, "error_string", str(error)))
    seconds = len(clip) / rate
    if not len(clip):
        return _File(name, problem="it holds no timepoint")
    if not np.isfinite(clip).all():
        return _File(name, problem="it holds NaN or infinity")
    if seconds < min_duration:
        return _File(name, seconds=seconds)
    if mono:
        clip = clip.mean(axis=1, keepdims=True)
    clip = np.ascontiguousarray(_resample(clip, rate, sampling_rate).T)
    if not clip.size:
        return _File(name, problem=f"no timepoint is left of it at {sampling_rate} Hz")
    return _File(name, clip if len(clip) > 1 else clip[0], rate, seconds)


def _resample(clip, rate, sampling_rate):
    """Resample a clip of shape (n_timepoints, n_channels) if its rate is not the one asked for."""
    if sampling_rate is None or rate == sampling_rate:
        return clip
    try:
        import soxr
    except ImportError as error:
        raise ImportError(
            f"resampling from {rate} Hz to {sampling_rate} Hz needs soxr: pip install soxr"
        ) from error
    return soxr.resample(clip, rate, sampling_rate, quality="HQ")


def _warn_of_skipped(files, min_duration):
    """Warn once of all files that cannot be read and once of all that are too short."""
    unreadable = [f"{file.name}: {file.problem}" for file in files if file.problem]
    short = [
        f"{file.name}: {file.seconds:.3f} s"
        for file in files
        if file.clip is None and not file.problem
    ]
    needs = f"shorter than min_duration={min_duration} s"
    for lines, why in ((unreadable, "that cannot be read"), (short, needs)):
        if lines:
            text = "\n  ".join([f"skipped {len(lines)} file(s) {why}:", *lines])
            # two frames up stands the caller, behind scikit-learn's check of the parameters
            warnings.warn(text, UserWarning, stacklevel=4)


def _get_only_rate(files):
    """Return the rate that all files share."""
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


def _name_group(name):
    """Return the sub-folder that a file lies in, or its own name without extension."""
    parts = Path(name).parts
    return parts[0] if len(parts) > 1 else Path(name).stem


def _describe(folder, files, rate):
    """Say what was read."""
    minutes = sum(file.seconds for file in files) / 60
    changed = sum(file.sampling_rate != rate for file in files)
    return (
        f"{len(files)} clips, {minutes:.1f} minutes, read from {folder} at {rate} Hz; "
        f"{changed} of them resampled by soxr (HQ)."
    )
