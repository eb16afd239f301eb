"""Streams of MPEG audio that follow each other in one file, as after ``cat a.mp3 b.mp3``.

libmpg123 reads as many frames as the header of the first stream says, whatever there are. Without a
header it guesses the length from the first frame, and libsndfile stops there.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple

# Bit rates in kbit/s by the index in a frame's header: layers I, II, III of MPEG 1, then layer I
# and layers II and III of MPEG 2 (ISO 11172-3 and 13818-3).
_BIT_RATES = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44100, 48000, 32000)

# Where the next tag or frame may begin; one pattern after the other would read a file twice.
_NEXT = re.compile(rb"ID3[\x02-\x04]|\xff[\xe2-\xff]")

# Frames that must follow each other: bytes that look like one header are common.
_N_IN_A_ROW = 3

# Encoders miscount by up to so many frames.
_N_MISCOUNTED = 4


class Frame(NamedTuple):
    """What the header of a frame says."""

    n_bytes: int
    layer: int
    rate: int
    n_channels: int
    is_mpeg_1: bool


class Stream(NamedTuple):
    """A stream of frames.

    Attributes
    ----------
    start, end : int
        Place of its first byte, and the place behind the last.
    frame : Frame
        Its first frame.
    n_frames : int
        How many there are.
    has_header : bool
        True if its first frame says how many there are.
    is_whole : bool
        False if it says more than there are, as after a cut.
    is_counted : bool
        False if it says another number, although nothing was cut off.
    lacks_bytes : bool
        True if it says more frames and more bytes than there are: one number alone may be wrong.
    """

    start: int
    end: int
    frame: Frame
    n_frames: int
    has_header: bool
    is_whole: bool = True
    is_counted: bool = True
    lacks_bytes: bool = False


def find_streams(data: Any, size: int) -> list[Stream]:
    """Find the streams of a file.

    Parameters
    ----------
    data : bytes-like
        The file, as a memory map for example.
    size : int
        Its number of bytes.

    Returns
    -------
    streams : list of Stream
        In order; empty if there are no frames.
    """
    streams: list[Stream] = []
    place = 0
    while (start := _find_frame(data, size, place)) is not None:
        stream = _follow(data, size, start)
        if not streams or stream.has_header or stream.n_frames > _N_MISCOUNTED:
            streams.append(stream)
        place = stream.end
    return streams


def read_frame(data: Any, place: int) -> Frame | None:
    """Return what the header of the frame at a place says; None if there is none.

    Parameters
    ----------
    data : bytes-like
        The file.
    place : int
        Where the frame begins.

    Returns
    -------
    frame : Frame or None
        None also for frames of free format, whose length is not in the header.
    """
    return _parse(data[place : place + 4])


@lru_cache(maxsize=1024)  # the frames of a file have few different headers
def _parse(header: bytes) -> Frame | None:
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    bit_rate, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or rate == 3 or not 0 < bit_rate < 15:
        return None
    is_mpeg_1 = version == 3
    table = _BIT_RATES[(1, layer) if is_mpeg_1 else (2, min(layer, 2))]
    bits, hertz = table[bit_rate - 1] * 1000, _RATES[rate] >> (0, 1, 2)[(3, 2, 0).index(version)]
    if layer == 1:
        n_bytes = 4 * (12 * bits // hertz + padding)
    else:
        n_slots = 72 if layer == 3 and not is_mpeg_1 else 144
        n_bytes = n_slots * bits // hertz + padding
    return Frame(n_bytes, layer, hertz, 1 if header[3] >> 6 == 3 else 2, is_mpeg_1)


def begins_with_frames(file: BinaryIO) -> bool:
    """Return whether frames, or tags and then frames, stand where a file is read next.

    Parameters
    ----------
    file : file-like
        A binary file that can seek.

    Returns
    -------
    begins : bool
        False for other bytes before the frames.
    """
    while n_bytes := _measure_tag(tag := file.read(10)):
        file.seek(n_bytes - len(tag), 1)
    data = tag + file.read(_N_IN_A_ROW * 4096)  # more than any frame has
    return _count_row(data, len(data), 0)


def _measure_tag(tag: bytes) -> int:
    """Return the bytes of a tag of ID3, by its first ten; 0 for other bytes."""
    if tag[:3] != b"ID3" or len(tag) < 10:
        return 0
    n_bytes = tag[6] << 21 | tag[7] << 14 | tag[8] << 7 | tag[9]
    if max(tag[6:10]) > 127:  # of programs that take eight bits, not seven
        n_bytes = int.from_bytes(tag[6:10], "big")
    return 10 + n_bytes + (10 if tag[5] & 0x10 else 0)


def _find_frame(data: Any, size: int, place: int) -> int | None:
    """Return where the next frames begin, past tags and other bytes; None if there are none."""
    while place < size:
        if n_bytes := _measure_tag(data[place : place + 10]):
            place += n_bytes
            continue
        if _count_row(data, size, place):
            return place
        found = _NEXT.search(data, place + 1)
        if found is None:
            return None
        place = found.start()
    return None


def _count_row(data: Any, size: int, place: int) -> bool:
    """Return whether frames of one kind follow each other at a place, or end with the file."""
    first = None
    for _ in range(_N_IN_A_ROW):
        frame = read_frame(data, place)
        if frame is None or (first is not None and frame[1:3] != first[1:3]):
            return False
        first = first or frame
        place += frame.n_bytes
        if place >= size or data[place : place + 3] in (b"TAG", b"ID3", b"APE"):
            return place <= size
    return True


def _follow(data: Any, size: int, start: int) -> Stream:
    """Return the stream that begins at a place."""
    first = read_frame(data, start)
    assert first is not None
    n_told, n_bytes = _read_counts(data, start, first)
    end, n_frames, is_unbroken = start, 0, True
    # the header is a frame, too, and not counted
    while n_frames - 1 != n_told or _continues(data, end, first, start + n_bytes):
        place, frame = end, read_frame(data, end)
        if frame is None or frame[1:] != first[1:]:
            found = _find_frame(data, size, end)
            frame = None if found is None else read_frame(data, found)
            if found is None or frame is None or frame[1:] != first[1:]:
                break
            place = found
        if n_frames and _read_counts(data, place, frame)[0] is not None:
            break
        is_unbroken = is_unbroken and place == end
        end, n_frames = place + frame.n_bytes, n_frames + 1
    ends_as_told = is_unbroken and end <= size and abs(start + n_bytes - end) <= first.n_bytes
    n_missing = 0 if n_told is None else n_told - (n_frames - 1)
    is_whole = end <= size and (n_missing <= _N_MISCOUNTED + 1 or ends_as_told)
    is_counted = n_missing == 0 or (n_missing > 0 and not ends_as_told)
    # one frame less than it says is common: the header was counted
    lacks_bytes = start + n_bytes > size and (n_missing > 1 or end > size)
    kind = n_told is not None, is_whole, is_counted, lacks_bytes
    return Stream(start, min(end, size), first, n_frames, *kind)


def _continues(data: Any, place: int, first: Frame, end: int) -> bool:
    """Return whether a stream goes on behind the frames that its header counts.

    Another stream may stand there, and the header may be wrong. If its bytes end there, too, it is
    right. A frame that takes bits from those before it does not begin a stream.
    """
    frame = read_frame(data, place)
    if frame is None or frame[1:] != first[1:] or place == end:
        return False
    start = place + (4 if data[place + 1] & 1 else 6)  # behind the checksum
    n_bits_before = int.from_bytes(data[start : start + 2], "big") >> (7 if frame.is_mpeg_1 else 8)
    return place < end or n_bits_before > 0


def _read_counts(data: Any, place: int, frame: Frame) -> tuple[int | None, int]:
    """Return the frames and the bytes that a Xing or Info header says; None, 0 if it says none."""
    place += 4 + _n_side(frame)
    header = data[place : place + 16]
    if frame.layer != 3 or header[:4] not in (b"Xing", b"Info") or len(header) < 16:
        return None, 0
    flags = header[7]
    n_frames = int.from_bytes(header[8:12], "big") if flags & 1 else None
    return n_frames, int.from_bytes(header[12:16], "big") if flags & 3 == 3 else 0


def _n_side(frame: Frame) -> int:
    """Return the bytes of side information in a frame of layer III."""
    if frame.is_mpeg_1:
        return 17 if frame.n_channels == 1 else 32
    return 9 if frame.n_channels == 1 else 17


def correct_count(data: Any, stream: Stream) -> tuple[int, bytes]:
    """Return what the header of a stream should say of the number of frames.

    Parameters
    ----------
    data : bytes-like
        The file.
    stream : Stream
        A stream with a header.

    Returns
    -------
    place : int
        Where the number stands.
    number : bytes
        The right one.
    """
    place = stream.start + 4 + _n_side(stream.frame) + 8
    return place, (stream.n_frames - 1).to_bytes(4, "big")


def make_header(data: Any, stream: Stream) -> bytes:
    """Return a frame that says how many frames follow.

    Parameters
    ----------
    data : bytes-like
        The file.
    stream : Stream
        A stream of layer III.

    Returns
    -------
    frame : bytes
        A silent frame with a Xing header.
    """
    header = bytearray(data[stream.start : stream.start + 4])
    header[1] |= 1  # no checksum
    header[2] = header[2] & 0x0D | 0x80  # a bit rate that leaves room, no padding
    frame = read_frame(bytes(header), 0)
    assert frame is not None
    text = b"Xing" + (1).to_bytes(4, "big") + stream.n_frames.to_bytes(4, "big")
    return (bytes(header) + bytes(_n_side(frame)) + text).ljust(frame.n_bytes, b"\0")
