"""Check what a server answers, and read it in blocks."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

# Status codes of a server that is busy or restarting: the same request may succeed later.
_BUSY = {429, 500, 502, 503, 504}

_GZIP = {"gzip", "x-gzip"}
_EITHER_HEADER = zlib.MAX_WBITS | 32  # gzip's or zlib's


class BrokenOffError(Exception):
    """The server gave an incomplete or unfit answer; another try may succeed."""


def check_answer(response: Any) -> None:
    """Raise an error if an answer does not hold a file.

    Parameters
    ----------
    response : requests.Response
        An answer whose body has not been read.

    Raises
    ------
    BrokenOffError
        If the server is busy.
    requests.HTTPError
        If it answers with an error.
    ValueError
        If it sends a page, nothing, or the file in an encoding that nobody asked for.
    """
    if response.status_code in _BUSY:
        raise BrokenOffError(f"the server answers {response.status_code}")
    response.raise_for_status()
    if response.status_code not in (200, 206):
        raise ValueError(f"the server answers {response.status_code}, without the file")
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise ValueError("the server sent a page, not the file")
    encoding = _find_encoding(response)
    if encoding and encoding not in _GZIP:
        raise ValueError(f"the server sends the file encoded as {encoding!r}, which nobody asked")


def find_plain_http(response: Any) -> str | None:
    """Return the first address over plain http that led to an answer; None if there is none."""
    route = [*(step.url for step in response.history), response.url]
    return next((url for url in route if not url.lower().startswith("https:")), None)


def is_encoded(response: Any) -> bool:
    """Return whether positions in the answer are not positions in the file."""
    return bool(_find_encoding(response))


def _find_encoding(response: Any) -> str:
    encoding = str(response.headers.get("Content-Encoding", "")).strip().lower()
    return "" if encoding == "identity" else encoding


def find_total(response: Any) -> int | None:
    """Return the length of the whole file in bytes; None if the server does not say."""
    if is_encoded(response):
        return None  # the length is that of the encoded bytes
    length = response.headers.get("Content-Length")
    if response.status_code == 206:
        length = response.headers.get("Content-Range", "").rpartition("/")[2]
    known = length and length.isascii() and length.isdecimal() and len(length) < 20
    return int(length) if known else None


def read_blocks(response: Any, block_bytes: int) -> Iterator[bytes]:
    """Yield the file in an answer, block by block, in bounded memory.

    Parameters
    ----------
    response : requests.Response
        An answer whose body has not been read.
    block_bytes : int
        No block is longer.

    Yields
    ------
    block : bytes
        The next part of the file, decoded.

    Raises
    ------
    BrokenOffError
        If the connection breaks off, or what arrives cannot be decoded.
    """
    blocks = _read_sent(response, block_bytes)
    yield from _decompress(blocks, block_bytes) if is_encoded(response) else blocks


def _read_sent(response: Any, block_bytes: int) -> Iterator[bytes]:
    from urllib3.exceptions import HTTPError

    try:
        yield from response.raw.stream(block_bytes, decode_content=False)
    except HTTPError as error:
        raise BrokenOffError(str(error)) from error


def _decompress(blocks: Iterator[bytes], block_bytes: int) -> Iterator[bytes]:
    """Yield what was compressed by gzip, perhaps in several members, in blocks."""
    decoder = zlib.decompressobj(_EITHER_HEADER)
    ended = False  # the last member is complete
    for block in blocks:
        while block:
            if decoder.eof:
                decoder = zlib.decompressobj(_EITHER_HEADER)
            try:
                decoded = decoder.decompress(block, block_bytes)
            except zlib.error as error:
                raise BrokenOffError(f"the answer cannot be decoded: {error}") from error
            ended = decoder.eof
            block = decoder.unused_data or decoder.unconsumed_tail
            if decoded:
                yield decoded
    if not ended:
        raise BrokenOffError("the encoded answer ends too early")
