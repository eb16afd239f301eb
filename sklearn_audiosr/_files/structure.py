"""How a sound file is built beyond what libsndfile looks at: parts, and whether it is whole."""

from __future__ import annotations

import mmap
from typing import Any, BinaryIO, NamedTuple

from sklearn_audiosr._files.headers import find_data
from sklearn_audiosr._files.mpeg import (
    Stream,
    begins_with_frames,
    correct_count,
    find_streams,
    make_header,
)
from sklearn_audiosr._files.ogg import find_links
from sklearn_audiosr._files.pieces import Pieces, replace_bytes

# How a FLAC file begins: its mark, and a first block of metadata of 34 bytes.
_FLAC = b"fLaC\x00\x00\x00\x22"

# Beginnings of files that are too long to stand among coded values by chance. A regular expression
# for more of them would take longer than all else.
_AMONG_CODED = (_FLAC, b"OggS\x00\x02", b"WAVEfmt ", b"AIFFCOMM")

# How files of common formats begin.
_MARKS = (b"RIFF", b"RIFX", b"RF64", b"FORM", b".snd", b"fLaC", b"OggS", b"caff")

_N_SEARCHED = 2**20

# Zeros that may stand between two files.
_N_ZEROS = 2**16

_SPLIT = "split it, or decode it to WAV with ffmpeg or sox"
_SEVERAL = f"holds several files, one behind the other: {_SPLIT}"


class Structure(NamedTuple):
    """How a file is built.

    Attributes
    ----------
    parts : tuple of Pieces
        Files to read one after the other; empty if libsndfile reads the file as it is.
    share : float
        The data that the header says over the data that there are: above 1 if it was cut off.
    has_length : bool
        False if the header has no length, as that of a crashed recorder.
    has_end : bool
        False if the last stream lacks the mark of its end.
    """

    parts: tuple[Pieces, ...] = ()
    share: float = 1.0
    has_length: bool = True
    has_end: bool = True


class StructureError(ValueError):
    """A file of several parts that can't be read one after the other."""


def find_structure(file: BinaryIO, name: str, file_format: str, n_frames: int) -> Structure:
    """Find how a file is built.

    Parameters
    ----------
    file : file-like
        A binary file that can seek.
    name : str
        Its name.
    file_format : str
        Its format, as libsndfile found it.
    n_frames : int
        How many frames libsndfile would read.

    Returns
    -------
    structure : Structure
        Without parts if libsndfile reads all of it.

    Raises
    ------
    StructureError
        If it has several parts that can't be read one after the other.
    """
    size = file.seek(0, 2)
    if file_format == "MP3":
        return _examine_mpeg(file, size, name, n_frames)
    if file_format == "OGG":
        return _examine_ogg(file, size, name)
    if file_format == "FLAC":
        return _examine_flac(file)
    return _examine_data(file, size, name, file_format)


def check_several(file: BinaryIO) -> None:
    """Raise StructureError for two files of RIFF or IFF chunks: libsndfile calls them damaged.

    Parameters
    ----------
    file : file-like
        A binary file that can seek, and that libsndfile can't open.
    """
    file.seek(0)
    header = file.read(8)
    order: Any = {b"RIFF": "little", b"RIFX": "big", b"FORM": "big"}.get(header[:4])
    if order and _begins_again(file, 8 + int.from_bytes(header[4:], order)):
        raise StructureError(_SEVERAL)


def _map(file: BinaryIO, size: int) -> Any:
    """Return the bytes of a file, which are not read before they are needed, if possible."""
    try:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (AttributeError, OSError, ValueError):  # it is in memory
        file.seek(0)
        return file.read()


def _find(file: BinaryIO, patterns: tuple[bytes, ...], first: int) -> int:
    """Return a place of bytes in a file, from one place on; -1 if they are not there."""
    file.seek(first)
    rest, place = b"", first
    while block := file.read(_N_SEARCHED):
        block = rest + block
        for pattern in patterns:
            if (found := block.find(pattern)) >= 0:
                return place + found
        rest = block[1 - max(map(len, patterns)) :]
        place += len(block) - len(rest)
    return -1


def _examine_flac(file: BinaryIO) -> Structure:
    """Search other files behind the metadata, which may hold a picture or the header of a WAV."""
    place = _find(file, (_FLAC,), 0)  # tags may stand before it
    if place < 0:
        return Structure()
    place, is_last = place + 4, False
    while not is_last:
        file.seek(place)
        header = file.read(4)
        is_last = len(header) < 4 or header[0] >= 128
        place += 4 + int.from_bytes(header[1:], "big")
    if _find(file, _AMONG_CODED, place) >= 0:
        raise StructureError(_SEVERAL)
    return Structure()


def _examine_data(file: BinaryIO, size: int, name: str, file_format: str) -> Structure:
    """Compare the data that a header says with those that there are."""
    data = find_data(file, size, file_format)
    if data is None or data.is_usual:
        return Structure()
    parts = () if data.patch is None else (replace_bytes(file, size, *data.patch, name),)
    if data.n_declared < 0:
        return Structure(parts, has_length=False)
    end = data.start + data.n_declared
    if end < size and _begins_again(file, end + data.n_behind):
        raise StructureError(_SEVERAL)
    n_present = min(size, end) - data.start
    return Structure(parts, data.n_declared / n_present if n_present else 1.0)


def _begins_again(file: BinaryIO, place: int, is_mpeg: bool = False) -> bool:
    """Return whether a file begins at a place, at the next one, or behind zeros.

    Frames behind those of MPEG audio are of another stream, and no reason to refuse.
    """
    if place >= file.seek(0, 2):
        return False
    file.seek(0)
    first = file.read(8)
    marks = (*_MARKS, first if first.startswith(bytes(4)) else first[:4])  # MAT4 begins with zeros
    file.seek(place)
    then = file.read(_N_ZEROS)
    starts = (then, then[1:], then.lstrip(b"\0"))
    if any(start.startswith(marks) for start in starts):
        return True
    file.seek(place + len(then) - len(starts[-1]))
    return not is_mpeg and begins_with_frames(file)


def _examine_ogg(file: BinaryIO, size: int, name: str) -> Structure:
    data = _map(file, size)
    links = find_links(data, size)
    if any(link.n_audio > 1 for link in links):
        raise StructureError(f"holds several streams at the same time: {_SPLIT}")
    ends = [link.end for link in links if data[link.end : link.end + 4] != b"OggS"]
    if any(_begins_again(file, end) for end in ends):
        raise StructureError(_SEVERAL)
    parts = [Pieces(file, [(link.start, link.end)], name) for link in links]
    has_end = all(link.is_whole for link in links)
    return Structure(tuple(parts) if len(parts) > 1 else (), has_end=has_end)


def _is_read_whole(stream: Stream, n_frames: int) -> bool:
    """Return whether libsndfile reads a stream to its end: its guess of the length was right."""
    if stream.has_header or stream.frame.layer != 3:
        return stream.is_counted
    n_values = 1152 if stream.frame.is_mpeg_1 else 576
    return abs(stream.n_frames * n_values - n_frames) <= n_values


def _examine_mpeg(file: BinaryIO, size: int, name: str, n_frames: int) -> Structure:
    data = _map(file, size)
    streams = find_streams(data, size)
    if not streams:
        return Structure()
    if _begins_again(file, streams[-1].end, is_mpeg=True):
        raise StructureError(_SEVERAL)
    rates = {(stream.frame.rate, stream.frame.n_channels) for stream in streams}
    if len(rates) > 1:
        kinds = " and ".join(f"{rate} Hz with {n} channel(s)" for rate, n in sorted(rates))
        raise StructureError(f"holds streams of {kinds}, one behind the other: {_SPLIT}")
    if len(streams) == 1 and _is_read_whole(streams[0], n_frames):
        return Structure(has_end=not streams[0].lacks_bytes)
    parts, has_tags = [], data[:3] == b"ID3"
    for i, stream in enumerate(streams):
        keeps_tags = i == 0 and has_tags  # other bytes before the first frame are none of its own
        start = 0 if keeps_tags and stream.has_header else stream.start
        pieces: list[bytes | tuple[int, int]] = [(start, stream.end)]
        if not stream.is_counted:
            place, number = correct_count(data, stream)
            pieces = [(start, place), number, (place + len(number), stream.end)]
        elif not stream.has_header and stream.frame.layer == 3:
            tags = [(0, stream.start)] if keeps_tags else []
            pieces = [*tags, make_header(data, stream), *pieces]
        parts.append(Pieces(file, pieces, name))
    return Structure(tuple(parts), has_end=all(stream.is_whole for stream in streams))
