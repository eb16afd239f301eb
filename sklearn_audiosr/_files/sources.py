"""What sound files may be given as: paths, descriptors, pipes and opened files."""

import os
import stat
from contextlib import contextmanager

import soundfile

from sklearn_audiosr._files.pipes import copy_pipe

# What to do about a damaged file.
DAMAGED = "it may be damaged: copy or export it again"


class ReadingError(ValueError):
    """A file that can't be read as it is.

    Parameters
    ----------
    name : object
        The file.
    problem : str
        What is wrong with it, and the remedy.
    """

    def __init__(self, name, problem):
        super().__init__(f"{name} {problem}")
        self.error_string = problem  # as errors of soundfile have it


def openable(path):
    """Return a path as soundfile opens it, also one that is no UTF-8.

    Parameters
    ----------
    path : path-like or file-like
        The file to open.

    Returns
    -------
    path : path-like or file-like
        Bytes where soundfile can't encode it: a name in Latin-1 from an old archive, for example.
    """
    if isinstance(path, (str, os.PathLike)):
        name = os.fspath(path)
        if isinstance(name, str) and not name.isascii():
            try:
                name.encode()
            except UnicodeEncodeError:
                return os.fsencode(name)
    return path


def has_resource_fork(source):
    """Return whether a file has a companion that macOS writes to disks of other systems.

    For a file without a mark at its beginning, such as an MP3 file without tags, libsndfile reads
    the companion, ``._`` and the name, as the header of an SD2 file.

    Parameters
    ----------
    source : path-like or file-like
        The file.

    Returns
    -------
    has_fork : bool
        False for a source that is no path.
    """
    if not isinstance(source, (str, os.PathLike)):
        return False
    folder, name = os.path.split(os.fspath(source))
    return os.path.isfile(os.path.join(folder, "._" + name))


@contextmanager
def reasons(source):
    """Raise an error with the reason where that of soundfile has none.

    Parameters
    ----------
    source : path-like or file-like
        The file that soundfile opens in the block.
    """
    is_path = isinstance(source, (str, os.PathLike))
    name = os.fspath(source) if is_path else getattr(source, "name", "")
    if isinstance(name, str) and name.lower().endswith(".raw"):
        raise ReadingError(
            name,
            "must have a header that says its rate and its sample format, and files with the "
            "suffix .raw have none: convert it to WAV first",
        )
    try:
        yield
    except soundfile.LibsndfileError:
        if is_path and (os.path.isfile(source) or os.path.isdir(source)):  # a pipe would wait
            with open(source, "rb") as file:
                if not file.read(1):
                    raise ReadingError(name, f"is empty, it has 0 bytes: {DAMAGED}") from None
        raise


def open_bytes(source):
    """Open a source as a binary file that can seek.

    Parameters
    ----------
    source : path-like, int or file-like
        The source; a file-like is returned as it is.

    Returns
    -------
    file : file-like
        The file.
    """
    if isinstance(source, (str, bytes, os.PathLike)):
        return open(source, "rb")
    return open(os.dup(source), "rb") if isinstance(source, int) else source


def copy_if_pipe(source):
    """Return a copy of a pipe, and other sources as they are.

    Parameters
    ----------
    source : path-like, int or file-like
        The source.

    Returns
    -------
    source : path-like, int or file-like
        For a pipe, an opened temporary file.

    Raises
    ------
    ReadingError
        If it is a device: it may have no end.
    """
    if isinstance(source, int):
        mode = os.fstat(source).st_mode
    elif isinstance(source, (str, os.PathLike)) and os.path.exists(source):
        mode = os.stat(source).st_mode
    else:
        return source
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise ReadingError(source, "is a terminal or a device: write its sound to a file first")
    if not stat.S_ISFIFO(mode) and not stat.S_ISSOCK(mode):
        return source
    if isinstance(source, int):
        return copy_pipe(source)
    descriptor = os.open(source, os.O_RDONLY)
    try:
        return copy_pipe(descriptor)
    finally:
        os.close(descriptor)
