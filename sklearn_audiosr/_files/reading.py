"""Sound files, read whole, in parts and in blocks, with equal values."""

from typing import NamedTuple

import numpy as np
import soundfile

from sklearn_audiosr._files.formats import sample_format
from sklearn_audiosr._files.reader import SequentialReader

# Frames to decode and drop before a part of a file whose decoder needs earlier frames.
N_BEFORE = 2**17

# Values of a file, over all channels, that are read at a time where its header may lack their
# number.
N_BLOCK = 2**20


class Header(NamedTuple):
    """What is known of a file before it is read.

    Attributes
    ----------
    samplerate, channels, frames : int
        Rate in Hz, and numbers of channels and timepoints.
    duration : float
        In seconds.
    format, subtype : str
        File format and sample format, by the names of libsndfile.
    fault : str
        What the header says that is not so; empty for a whole file.
    """

    samplerate: int
    channels: int
    frames: int
    duration: float
    format: str
    subtype: str
    fault: str


def read_header(path):
    """Read the header of a file.

    Parameters
    ----------
    path : path-like
        A sound file.

    Returns
    -------
    header : Header
        Its rate, channels, length and format, and what is wrong with it.

    Raises
    ------
    OSError, ReadingError, soundfile.SoundFileError
        If the file can't be read.
    """
    with SequentialReader(path) as file:
        return Header(
            file.samplerate,
            file.channels,
            file.frames,
            file.frames / file.samplerate,
            file.format,
            file.subtype,
            file.find_fault(),
        )


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
        if file.can_seek():
            needs_history = sample_format(file.subtype).needs_history
            n_before = min(first, N_BEFORE) if needs_history else 0
            file.seek(first - n_before)
        frames = read_frames(file, n_before + n_frames)
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
    fault : str
        What is missing at its end; empty for a whole file.

    Raises
    ------
    OSError, ReadingError, soundfile.SoundFileError
        If the file can't be read.
    """
    with SequentialReader(path) as file:
        blocks = [read_frames(file, 0)]
        # block by block: a header that was written to a pipe has no length, or a limit in its place
        n_block = max(1, N_BLOCK // file.channels)
        while len(block := read_frames(file, min(file.frames, n_block))):
            blocks.append(block)
        frames = np.concatenate(blocks)
        return frames, file.samplerate, file.find_fault(len(frames))


def read_frames(file, n_frames):
    """Read the next frames of an opened file.

    Parameters
    ----------
    file : SequentialReader
        The file.
    n_frames : int
        How many.

    Returns
    -------
    frames : ndarray of shape (n_frames, n_channels), dtype float32
        Fewer at the end of the file.

    Raises
    ------
    soundfile.LibsndfileError
        With the name of the file, if it is damaged.
    """
    try:
        return file.read(n_frames, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:  # it names no file
        raise soundfile.LibsndfileError(error.code, f"Error reading {file.name!r}: ") from error
