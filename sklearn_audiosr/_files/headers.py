"""What headers say of the bytes of audio data, where libsndfile does not report it.

libsndfile reads the data that are there, whatever the header says.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

# Sizes that programs write into the header of a file to which they can't go back: 2 GiB less a
# page (sox), less a byte, 2 GiB (arecord), and all ones.
PLACEHOLDERS = (0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

# That of sox for AIFF, less the rest of a frame.
_OF_SOX = 0x7F000008

# More than any file has: numbers in a text may have hundreds of digits.
_MAX_BYTES = 2**62

# Bytes of a value in a MATLAB file of version 4, by a digit of its kind.
_MAT4_BYTES = (8, 4, 4, 2, 2, 1)

# Chunks of a file that are looked at.
_MAX_CHUNKS = 1000


class DataSize(NamedTuple):
    """Where the audio data of a file lie.

    Attributes
    ----------
    start : int
        Place of the first byte.
    n_declared : int
        Bytes that the header says; -1 if it says none, as that of a crashed recorder.
    is_usual : bool
        True if the format allows a header without a size.
    patch : tuple of int and bytes, or None
        A place and what to read there instead: without it libsndfile reads nothing, or makes
        sound up.
    n_behind : int
        Bytes behind the data that belong to the file, where they are known.
    """

    start: int
    n_declared: int
    is_usual: bool = False
    patch: tuple[int, bytes] | None = None
    n_behind: int = 0


def find_data(file: BinaryIO, size: int, name: str) -> DataSize | None:
    """Find the size that a header has for its audio data.

    Parameters
    ----------
    file : file-like
        The file.
    size : int
        Its number of bytes.
    name : str
        Its format, as libsndfile found it.

    Returns
    -------
    data : DataSize or None
        None for a format without such a size, and for a header that can't be read.
    """
    find = _FINDERS.get(name)
    try:
        data = find(file, size) if find else None
    except (struct.error, ValueError, LookupError, OSError):
        return None  # too short, damaged, or with an absurd place: libsndfile judges it
    if data is None or data.start > size:
        return None
    return data._replace(n_declared=min(data.n_declared, _MAX_BYTES))


def _read(file: BinaryIO, place: int, n_bytes: int) -> bytes:
    file.seek(place)
    return file.read(n_bytes)


def _unpack(file: BinaryIO, place: int, layout: str) -> tuple:
    return struct.unpack(layout, _read(file, place, struct.calcsize(layout)))


def _walk(file: BinaryIO, size: int, place: int, layout: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield identifier, place and number of bytes of each chunk."""
    n_header = struct.calcsize(layout)
    for _ in range(_MAX_CHUNKS):
        if place + n_header > size:
            return
        identifier, n_bytes = _unpack(file, place, layout)
        yield identifier, place + n_header, n_bytes
        place += n_header + n_bytes + n_bytes % 2


def _find_riff(file: BinaryIO, size: int) -> DataSize | None:
    order = ">" if _read(file, 0, 4) == b"RIFX" else "<"
    large = None  # where ds64 has the size of the data
    for identifier, start, n_bytes in _walk(file, size, 12, order + "4sI"):
        if identifier == b"ds64":
            large = start + 8
        if identifier != b"data":
            continue
        if large is not None and n_bytes == 0xFFFFFFFF:
            (n_bytes,) = _unpack(file, large, "<Q")
            if n_bytes in (0, 2**64 - 1) and start < size:
                return DataSize(start, -1, patch=(large, struct.pack("<Q", size - start)))
            return DataSize(start, n_bytes)
        if n_bytes == 0 and start < size and not _is_chunk_list(file, size, start, order):
            return DataSize(start, -1, patch=(start - 4, b"\xff" * 4))
        if n_bytes in PLACEHOLDERS and start + n_bytes > size:
            return DataSize(start, -1)
        return DataSize(start, n_bytes)
    return None


def _is_chunk_list(file: BinaryIO, size: int, place: int, order: str) -> bool:
    """Return whether chunks fill a file from one place to its end: then its data are empty."""
    end = place
    for identifier, start, n_bytes in _walk(file, size, place, order + "4sI"):
        if not identifier.isascii() or not identifier.decode().isprintable():
            return False
        end = start + n_bytes
    return size <= end + 1 and end <= size


def _find_w64(file: BinaryIO, size: int) -> DataSize | None:
    place = 40
    for _ in range(_MAX_CHUNKS):
        identifier, n_bytes = _unpack(file, place, "<16sQ")
        start = place + 24
        if identifier[:4] == b"data":
            is_open = n_bytes in (0, 2**64 - 1) and start < size
            return DataSize(start, -1 if is_open else max(0, n_bytes - 24))
        place += max(24, n_bytes + -n_bytes % 8)
    return None


def _find_iff(file: BinaryIO, size: int) -> DataSize | None:
    for identifier, start, n_bytes in _walk(file, size, 12, ">4sI"):
        if identifier in (b"SSND", b"BODY"):
            first = start + (8 if identifier == b"SSND" else 0)
            n_missing = start + n_bytes - size
            is_stand_in = n_bytes in PLACEHOLDERS or 0 <= _OF_SOX - n_bytes < 1024
            is_open = (n_bytes == 0 or (is_stand_in and n_missing > 0)) and first < size
            return DataSize(first, -1 if is_open else max(0, start + n_bytes - first))
    return None


def _find_caf(file: BinaryIO, size: int) -> DataSize | None:
    place, found = 8, None
    for _ in range(_MAX_CHUNKS):
        if place + 12 > size:
            break
        identifier, n_bytes = _unpack(file, place, ">4sq")
        if identifier in (b"caff", bytes(4)):  # the next file, or zeros before it
            break
        if identifier == b"data":
            found = DataSize(place + 12, max(0, n_bytes))
        place += 12 + max(0, n_bytes)
    return found and found._replace(n_behind=place - found.start - found.n_declared)


def _find_au(file: BinaryIO, size: int) -> DataSize:
    order = "<" if _read(file, 0, 4) == b"dns." else ">"
    start, n_bytes = _unpack(file, 4, order + "II")
    if n_bytes == 0 and start < size:
        return DataSize(start, -1, patch=(8, b"\xff" * 4))
    if n_bytes == 0xFFFFFFFF:
        return DataSize(start, -1, is_usual=True)
    if n_bytes in PLACEHOLDERS and start + n_bytes > size:
        return DataSize(start, -1)
    return DataSize(start, n_bytes)


def _find_nist(file: BinaryIO, size: int) -> DataSize:
    text = _read(file, 0, 1024)
    start = int(text[8:16])
    fields = dict(re.findall(rb"^(\w+) -\w+ ([^\n]*)", text, re.MULTILINE))
    n_values = int(fields[b"sample_count"]) * int(fields[b"channel_count"])
    return DataSize(start, n_values * int(fields[b"sample_n_bytes"]))


def _find_avr(file: BinaryIO, size: int) -> DataSize:
    n_channels, n_bits = _unpack(file, 12, ">HH")
    (n_frames,) = _unpack(file, 26, ">I")
    return DataSize(128, n_frames * (2 if n_channels else 1) * ((n_bits + 7) // 8))


def _find_mat(file: BinaryIO, size: int) -> DataSize:
    """Find the second of the two matrices of a MATLAB file."""
    head = _read(file, 0, 1024)
    place = head.index(b"wavedata")
    if head.startswith(b"MATLAB"):  # version 5
        order = "<" if head[126:128] == b"IM" else ">"
        return DataSize(place + 16, *_unpack(file, place + 12, order + "I"))
    order = ">" if (head[0] == 0 and head[3] != 0) or head[2:4] != bytes(2) else "<"
    kind, n_rows, n_columns = _unpack(file, place - 20, order + "III")
    return DataSize(place + 9, n_rows * n_columns * _MAT4_BYTES[kind // 10 % 10])


def _find_voc(file: BinaryIO, size: int) -> DataSize | None:
    kind, *n_bytes = _read(file, 26, 4)
    if kind != 9:  # libsndfile looks at the size of others
        return None
    return DataSize(42, max(0, int.from_bytes(n_bytes, "little") - 12))


def _find_wve(file: BinaryIO, size: int) -> DataSize:
    return DataSize(32, *_unpack(file, 18, ">I"))


def _find_xi(file: BinaryIO, size: int) -> DataSize:
    (n_bytes,) = _unpack(file, 298, "<I")
    return DataSize(338, n_bytes, is_usual=n_bytes == 0)  # as libsndfile writes it


def _find_mpc2k(file: BinaryIO, size: int) -> DataSize:
    is_stereo, _, _, n_frames = _unpack(file, 21, "<BIII")
    return DataSize(42, 2 * n_frames * (2 if is_stereo else 1))


def _find_sds(file: BinaryIO, size: int) -> DataSize:
    """Find packets of 127 bytes; without a patch, libsndfile makes up those that are not there."""
    n_bits, _, _, _, *digits = _read(file, 6, 7)
    n_in_packet = 120 // -(-n_bits // 7)
    n_frames = sum(digit << 7 * i for i, digit in enumerate(digits))
    n_present = (size - 21) // 127 * n_in_packet
    if n_present >= n_frames:
        return DataSize(21, -(-n_frames // n_in_packet) * 127)
    patch = 10, bytes(n_present >> 7 * i & 127 for i in range(3))
    return DataSize(21, round(n_frames / max(1, n_present) * (size - 21)), patch=patch)


_FINDERS: dict[str, Callable[[BinaryIO, int], DataSize | None]] = {
    "WAV": _find_riff,
    "WAVEX": _find_riff,
    "RF64": _find_riff,
    "W64": _find_w64,
    "AIFF": _find_iff,
    "SVX": _find_iff,
    "CAF": _find_caf,
    "AU": _find_au,
    "NIST": _find_nist,
    "AVR": _find_avr,
    "MAT4": _find_mat,
    "MAT5": _find_mat,
    "VOC": _find_voc,
    "WVE": _find_wve,
    "XI": _find_xi,
    "MPC2K": _find_mpc2k,
    "SDS": _find_sds,
}
