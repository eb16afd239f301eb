"""Sound files, read from one timepoint to another as if they had been read whole."""

import os
from contextlib import contextmanager

import numpy as np
import soundfile

from sklearn_audiosr._files.formats import sample_format

# Frames that are decoded and dropped before a part of a file whose decoder needs those before.
_N_BEFORE = 2**17

# Frames that are read at a time of a file whose header may not tell how many there are.
_N_BLOCK = 2**20

# Frames from which on a header tells no length: all 36 bits that FLAC has for it, and more where
# libsndfile does not know, of pipes for example.
_N_UNKNOWN = 2**36 - 1


def openable(path):
    """Give a path as soundfile opens it, also one that is no UTF-8.

    Parameters
    ----------
    path : path-like or file-like
        What is to be opened.

    Returns
    -------
    path : path-like or file-like
        As bytes where soundfile can't encode it: an old archive's name in Latin-1, for example.
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
    """Read what a file tells of itself.

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
    """Let the system say why a file can't be opened: of that libsndfile says next to nothing."""
    try:
        yield
    except soundfile.LibsndfileError:
        is_path = isinstance(path, (str, os.PathLike))
        if is_path and (os.path.isfile(path) or os.path.isdir(path)):  # a pipe would wait
            with open(path, "rb"):
                pass
        raise


def tells_length(header):
    """Tell whether a header says how many frames there are.

    Parameters
    ----------
    header : soundfile.SoundFile or soundfile._SoundFileInfo
        Of a file that was opened, or as `read_header` gives it.

    Returns
    -------
    told : bool
        False for what an encoder wrote to a pipe, for example.
    """
    return header.frames < _N_UNKNOWN


class SequentialReader(soundfile.SoundFile):
    """A sound file that is read from its beginning to its end, and not sought in meanwhile.

    soundfile seeks to where it is before and after it reads a block. After that, the first 30 to 80
    milliseconds of an MP3 file's next block are wrong.

    Parameters
    ----------
    source : path-like or file-like
        Whatever soundfile reads.
    """

    def __init__(self, source):
        with _reasons_of_system(source):
            super().__init__(openable(source))

    def seekable(self):
        """Tell soundfile not to seek."""
        return False

    def can_rewind(self):
        """Tell whether the file may be read again, after ``seek(0)``."""
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
            n_before = min(first, _N_BEFORE) if needs_history else 0
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
        All there is.
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
        while len(block := _read(file, min(file.frames, _N_BLOCK))):
            blocks.append(block)
        return np.concatenate(blocks), file.samplerate


def _read(file, n_frames):
    try:
        return file.read(n_frames, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:  # it names no file
        raise soundfile.LibsndfileError(error.code, f"Error reading {file.name!r}: ") from error
