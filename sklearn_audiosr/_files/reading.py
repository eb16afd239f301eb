"""Sound files, read whole, in parts and in blocks, with equal values."""

import os
from contextlib import contextmanager

import numpy as np
import soundfile

from sklearn_audiosr._files.formats import sample_format

# Frames to decode and drop before a part of a file whose decoder needs earlier frames.
N_BEFORE = 2**17

# Frames that are read at a time of a file whose header may lack their number.
N_BLOCK = 2**20

# From this number of frames on, a header has no length: FLAC sets all of its 36 bits, and
# libsndfile more where it does not know, as for pipes.
_N_UNKNOWN = 2**36 - 1


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


def read_header(path):
    """Read the header of a file.

    Parameters
    ----------
    path : path-like
        A sound file.

    Returns
    -------
    info : soundfile._SoundFileInfo
        Its rate, channels, length and format.

    Raises
    ------
    OSError, soundfile.SoundFileError
        If the file can't be read.
    """
    with _reasons_of_system(path):
        return soundfile.info(openable(path))


@contextmanager
def _reasons_of_system(path):
    """Raise the system's error where libsndfile can't open a file, since its own has no reason."""
    try:
        yield
    except soundfile.LibsndfileError:
        is_path = isinstance(path, (str, os.PathLike))
        if is_path and (os.path.isfile(path) or os.path.isdir(path)):  # a pipe would wait
            with open(path, "rb"):
                pass
        raise


def tells_length(header):
    """Return whether a header has the number of frames.

    Parameters
    ----------
    header : soundfile.SoundFile or soundfile._SoundFileInfo
        An opened file, or the result of `read_header`.

    Returns
    -------
    has_length : bool
        False for a file that an encoder wrote to a pipe, for example.
    """
    return header.frames < _N_UNKNOWN


class SequentialReader(soundfile.SoundFile):
    """A sound file that is read from its beginning to its end, without seeking.

    soundfile seeks to its own position before and after it reads a block. After that, the first 30
    to 80 milliseconds of an MP3 file's next block are wrong.

    Parameters
    ----------
    source : path-like or file-like
        Whatever soundfile reads.
    """

    def __init__(self, source):
        with _reasons_of_system(source):
            super().__init__(openable(source))

    def seekable(self):
        """Return False: soundfile does not seek then."""
        return False

    def can_rewind(self):
        """Return whether the file may be read again, after ``seek(0)``."""
        return super().seekable()


def read_part(path, first, n_frames):
    """Read a part of a file.

    Parameters
    ----------
    path : path-like
        A sound file.
    first : int
        Its first frame.
    n_frames : int
        How many to read.

    Returns
    -------
    frames : ndarray of shape (n_frames, n_channels), dtype float32
        Fewer than asked for where the file ends, none beyond its end.
    rate : int
        The file's rate in Hz.

    Raises
    ------
    OSError, soundfile.SoundFileError
        If the file can't be read.
    """
    with SequentialReader(path) as file:
        first = min(first, file.frames)
        n_before = first  # some formats, GSM for example, can't seek
        if file.can_rewind():
            needs_history = sample_format(file.subtype).needs_history
            n_before = min(first, N_BEFORE) if needs_history else 0
            file.seek(first - n_before)
        frames = _read(file, n_before + n_frames)
        return frames[n_before:], file.samplerate


def read_file(path):
    """Read the whole of a file.

    Parameters
    ----------
    path : path-like
        A sound file.

    Returns
    -------
    frames : ndarray of shape (n_frames, n_channels), dtype float32
        All frames of the file.
    rate : int
        Its rate in Hz.

    Raises
    ------
    OSError, soundfile.SoundFileError
        If the file can't be read.
    """
    with SequentialReader(path) as file:
        blocks = [_read(file, 0)]
        # block by block: a header that was written to a pipe has no length, or a limit in its place
        while len(block := _read(file, min(file.frames, N_BLOCK))):
            blocks.append(block)
        return np.concatenate(blocks), file.samplerate


def _read(file, n_frames):
    try:
        return file.read(n_frames, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:  # it names no file
        raise soundfile.LibsndfileError(error.code, f"Error reading {file.name!r}: ") from error
