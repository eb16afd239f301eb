"""Pages of Ogg files: where one stream ends and the next begins (RFC 3533)."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

_CONTINUED, _FIRST, _LAST = 1, 2, 4

# How the first packet of an audio stream begins.
_AUDIO = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ")


class Link(NamedTuple):
    """A part of a file that could stand alone.

    Attributes
    ----------
    start, end : int
        Place of its first byte, and the place behind its last page.
    n_audio : int
        How many streams of audio it has at the same time.
    is_whole : bool
        True if the last page says that it is the last, and no page was cut off.
    """

    start: int
    end: int
    n_audio: int
    is_whole: bool


def find_links(data: Any, size: int) -> list[Link]:
    """Find the links of a chain: a file that was joined has several.

    Parameters
    ----------
    data : bytes-like
        The file, as a memory map for example.
    size : int
        Its number of bytes.

    Returns
    -------
    links : list of Link
        In order.
    """
    links: list[Link] = []
    start, open_streams, n_audio, was_first = 0, set[int](), 0, True
    last_end, is_cut = 0, False
    for place, end, flags, serial in _pages(data, size):
        is_cut = is_cut or last_end > place
        if flags & _FIRST and not was_first:  # first pages stand before all others of a link
            links.append(
                Link(start, min(last_end, place), n_audio, not open_streams and not is_cut)
            )
            start, open_streams, n_audio, is_cut = place, set(), 0, False
        was_first = bool(flags & _FIRST)
        body = place + 27 + data[place + 26]
        if was_first and data[body : body + 8].startswith(_AUDIO):
            n_audio += 1
            open_streams.add(serial)
        if flags & _LAST:
            open_streams.discard(serial)
        last_end = end
    is_cut = is_cut or last_end > size
    last = Link(start, min(last_end, size), n_audio, not open_streams and not is_cut)
    return [*links, last]


def _pages(data: Any, size: int):
    """Yield place, end, flags and serial number of each page."""
    place = data.find(b"OggS", 0)
    while 0 <= place and place + 27 <= size:
        version, flags, _, serial = struct.unpack("<BBqI", data[place + 4 : place + 18])
        n_segments = data[place + 26]
        n_bytes = 27 + n_segments + sum(data[place + 27 : place + 27 + n_segments])
        end = place + n_bytes
        if version == 0:
            yield place, end, flags, serial
        # a page that was cut off says more bytes than it has: the next one lies inside
        is_whole = version == 0 and (end == size or data[end : end + 4] == b"OggS")
        place = data.find(b"OggS", end if is_whole else place + 4)
