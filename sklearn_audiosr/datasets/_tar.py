"""Walk through a tar archive, plain or compressed by gzip, in bounded memory."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterator
from functools import partial
from typing import Any

from sklearn_audiosr.datasets._members import (
    BLOCK_BYTES,
    MEMBER_BYTES,
    Damaged,
    Limit,
    Member,
    StrictFile,
    reading,
)
from sklearn_audiosr.datasets._names import refuse, split_name

_END = bytes(tarfile.BLOCKSIZE)  # marks the end of the archive


def walk_tar(file: Any, limit: Limit) -> Iterator[Member]:
    """Yield the files in a tar archive.

    Parameters
    ----------
    file : binary file
        The archive.
    limit : Limit
        How much it may unpack to.

    Yields
    ------
    member : Member
        A regular file; read it before the next.

    Raises
    ------
    Damaged
        If the archive is no tar archive or not whole.
    ValueError
        If a member is a link, a device or sparse, if its path leads out of the folder, or if it
        exceeds the limit.
    """
    with reading():
        compressed = file.peek(2)[:2] == b"\x1f\x8b"
        stream = StrictFile(gzip.GzipFile(fileobj=file) if compressed else file)
        stream.allow_header()  # of the first member
        archive = tarfile.open(fileobj=stream, mode="r:")  # type: ignore[call-overload]
    n_members = 0
    while info := _find_next(archive, stream):
        n_members += 1
        limit.check(archive.offset + MEMBER_BYTES * n_members, info.name)
        if info.isdir():
            continue
        if not info.isreg():
            refuse(info.name, "is a link or a device")
        if info.issparse():
            refuse(info.name, "is a sparse file")
        split_name(info.name)
        yield Member(info.name, info.size, partial(_open, archive, stream, info))
    _read_to_end(stream, limit)


def _find_next(archive: tarfile.TarFile, stream: StrictFile) -> tarfile.TarInfo | None:
    """Return the next header; raise Damaged if the archive ends without a mark."""
    stream.allow_header()
    with reading():
        info = archive.next()
        archive.members.clear()  # type: ignore[attr-defined] # a kilobyte for each
    if info is None and stream.last != _END:  # tarfile takes a damaged header for the end
        raise Damaged("a header is damaged, or the end is missing")
    if info is not None and archive.offset < info.offset_data:  # where the next header is
        raise Damaged(f"{info.name!r} has a negative length")
    return info


def _open(archive: tarfile.TarFile, stream: StrictFile, info: tarfile.TarInfo) -> Any:
    stream.allow_content()
    return archive.extractfile(info)


def _read_to_end(stream: StrictFile, limit: Limit) -> None:
    """Read what follows the last member: the checksum of the compression is there."""
    stream.allow_content()
    with reading():
        while stream.read(BLOCK_BYTES):
            limit.check(stream.tell(), "what follows the last file")
