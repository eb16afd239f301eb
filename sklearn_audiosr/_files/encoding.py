"""Sound files and codecs, as they are written by soundfile, and the check that all was written."""

from __future__ import annotations

import io
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sklearn_audiosr._files.formats import CODECS, file_format, find_format, sample_format

if TYPE_CHECKING:
    import soundfile

    from sklearn_audiosr._files.reading import Header

# PAF headers of 24-bit files round the number of frames up to a multiple of this.
_N_ROUNDED = 10

# Values that a resampler makes of full scale lie below this. Encoders abort the process, or write
# silence, for some that are larger by far.
_MAX_LEVEL = 16

# Frames that are read at a time.
_N_READ = 2**16

# libvorbis overflows its stack if it is given a long waveform at once.
_N_ENCODED = 16384


def open_writer(
    path: str | os.PathLike[str] | io.BytesIO,
    target: Path,
    reader: soundfile.SoundFile | Header,
    rate: int,
) -> soundfile.SoundFile:
    """Open a file to be written.

    Parameters
    ----------
    path : path-like or io.BytesIO
        The file to open.
    target : Path
        Its later path; the suffix names its file format.
    reader : soundfile.SoundFile or Header
        The source, which has the channels and the sample format to keep.
    rate : int
        Rate of the target in Hz.

    Returns
    -------
    writer : soundfile.SoundFile
        Opened.

    Raises
    ------
    ValueError
        If the file format can't hold the channels or the rate.
    OSError
        If the system refuses the file.
    """
    import soundfile

    from sklearn_audiosr._files.quiet import QuietSoundFile
    from sklearn_audiosr._files.sources import openable

    name, default = find_format(target, rate)
    kept = sample_format(reader.subtype).kept_as
    subtypes = [default]
    if kept is not None and kept in soundfile.available_subtypes(name):
        subtypes = [kept, default]
    found = file_format(name)
    if found.larger is not None and _count_bytes(reader, rate, subtypes) > found.max_bytes:
        name = found.larger
    options = (rate, reader.channels)
    for subtype in subtypes:
        try:
            return QuietSoundFile(openable(path), "w", *options, subtype, None, name)
        except soundfile.LibsndfileError as error:  # some that are listed are not written
            reason = error
    if reason.error_string.startswith("System error"):
        raise OSError(f"{target} can't be written: check its folder, rights and space") from reason
    rates = sample_format(subtype).rates or (rate,)
    why = reason.error_string
    if rate not in rates:
        why = f"which takes {', '.join(map(str, rates))} Hz"
    raise ValueError(
        f"target must have a file format for {reader.channels} channels at {rate} Hz, got "
        f"{target.name}, {name} with {subtype} ({why}): take .wav."
    ) from reason


def check_format(target: Path, header: Header, rate: int) -> None:
    """Raise an error unless the result of a file can be written in the target's format.

    Parameters
    ----------
    target : Path
        File to be written, whose suffix names its file format. It is left alone.
    header : Header
        Header of the source.
    rate : int
        Rate of the target in Hz.

    Raises
    ------
    ValueError
        If the file format can't hold the channels or the rate.
    """
    # headers of other lengths are taken alike: a list of files has few formats
    if not _can_open(target.suffix, header._replace(frames=0, duration=0.0, fault=""), rate):
        open_writer(io.BytesIO(), target, header, rate)


@lru_cache
def _can_open(suffix: str, header: Header, rate: int) -> bool:
    """Return whether the encoder of a file format begins: it takes the same files in memory."""
    try:
        open_writer(io.BytesIO(), Path(f"x{suffix}"), header, rate).close()
    except ValueError:
        return False
    return True


def _count_bytes(reader: soundfile.SoundFile | Header, rate: int, subtypes: list[str]) -> int:
    """Return the bytes of the result at most; 0 if the length of the source is not known."""
    from sklearn_audiosr._files.reader import tells_length

    if not tells_length(reader):
        return 0
    n_values = reader.frames * reader.channels * rate // reader.samplerate
    return max(sample_format(subtype).n_bytes for subtype in subtypes) * n_values


def write_block(writer: soundfile.SoundFile, block: NDArray[np.float32]) -> None:
    """Write frames, an array (n_frames, n_channels), or raise OSError.

    Parameters
    ----------
    writer : soundfile.SoundFile
        Opened by `open_writer`.
    block : ndarray of shape (n_frames, n_channels), float32
        Frames to write.

    Raises
    ------
    OSError
        If fewer frames were written than there are.
    """
    import soundfile

    try:
        writer.write(block)
    except (soundfile.LibsndfileError, AssertionError) as error:  # fewer than there are
        raise OSError("target can't be written to the end: check the space on its disk") from error


def check_written(path: str | os.PathLike[str], target: Path, n_frames: int) -> None:
    """Raise OSError unless the file at `path` holds `n_frames`, to the last.

    When a file is closed, its encoder writes what it kept back. If the disk is full then, no error
    is raised.

    Parameters
    ----------
    path : path-like
        The file, which is closed.
    target : Path
        Its name in the error message.
    n_frames : int
        Frames that were written.

    Raises
    ------
    OSError
        If the file has fewer.
    """
    import soundfile

    from sklearn_audiosr._files.reader import SequentialReader

    try:
        with SequentialReader(path) as file:
            is_whole = n_frames <= file.frames < n_frames + _N_ROUNDED and (
                _has_frame(file, n_frames - 1) or _count_frames(path) >= n_frames
            )
    except soundfile.LibsndfileError:
        is_whole = False
    if not is_whole:
        raise OSError(f"{target} can't be written whole: check the space on its disk, or take .wav")


def _has_frame(file: soundfile.SoundFile, index: int) -> bool:
    """Return whether a frame can be sought and read; some formats can't seek."""
    import soundfile

    try:
        file.seek(index)
        return len(file.read(1)) == 1
    except soundfile.LibsndfileError:
        return False


def _count_frames(path: str | os.PathLike[str]) -> int:
    """Return how many frames of a file can be read one after the other."""
    from sklearn_audiosr._files.reader import SequentialReader

    n_frames = 0
    with SequentialReader(path) as file:
        while n_read := len(file.read(_N_READ)):
            n_frames += n_read
    return n_frames


def encode(
    waveform: NDArray[np.float32],
    rate: int,
    codec: str,
    level: float | None = None,
    mode: str | None = None,
) -> io.BytesIO:
    """Encode a waveform in memory.

    Parameters
    ----------
    waveform : ndarray of shape (n_timepoints,), float32
        Timepoints in [-1, 1], or a little beyond, as a resampler makes them.
    rate : int
        Sampling rate in Hz, one that the codec takes.
    codec : {"mp3", "vorbis", "opus"}
        One of `CODECS`.
    level : float, default=None
        libsndfile's compression level, from 0 (best) to 1 (smallest); None is its default.
    mode : {"constant", "average", "variable"}, default=None
        Bit rate mode, of MP3 only.

    Returns
    -------
    memory : io.BytesIO
        The file, at its start.

    Raises
    ------
    ValueError
        If the waveform holds NaN, or values far beyond [-1, 1].
    """
    from sklearn_audiosr._files.quiet import QuietSoundFile

    peak = np.abs(waveform).max(initial=0)
    if not peak < _MAX_LEVEL:
        raise ValueError(
            f"waveform must lie in [-1, 1] to be coded as {codec}, got a peak of {peak:.3g}: clip "
            "it, or scale it down."
        )
    options: dict[str, Any] = {}
    if level is not None:
        # LAME refuses its lowest quality, 10, but takes 9.999
        options["compression_level"] = min(level, 0.9999) if codec == "mp3" else level
    if mode is not None and codec == "mp3":
        options["bitrate_mode"] = mode.upper()
    name, subtype = CODECS[codec]
    memory = io.BytesIO()
    with QuietSoundFile(memory, "w", rate, 1, subtype, format=name, **options) as file:
        for start in range(0, len(waveform), _N_ENCODED):
            file.write(waveform[start : start + _N_ENCODED])
    memory.seek(0)
    return memory
