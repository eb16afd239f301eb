"""The files in an archive, and limits that keep a small archive from filling memory or disk."""

from __future__ import annotations

import gzip
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sklearn_audiosr.datasets._names import RefusedError, refuse

BLOCK_BYTES = 2**20

# Recordings compress to a half at best, and texts to a tenth. zlib reaches 1000, so that 10 MB
# would unpack to 10 GB.
_MOST_PER_BYTE = 100
_MOST_EXTRA_BYTES = 2**26

MEMBER_BYTES = 2**12  # on the disk, whatever it holds

# The directory of VCTK's archive, the longest of a corpus, takes a third of this.
_MOST_AT_ONCE = 2**25
_MOST_HEADER_BYTES = 2**18

# The errors of the standard library for a damaged archive, depending on where the damage is.
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,  # a negative position, a number or a text that is none
    LookupError,
    OverflowError,
    AttributeError,
    TypeError,
    NotImplementedError,  # a flipped bit names an unknown compression
    RecursionError,  # a header about a header about a header
)


class Damaged(Exception):  # noqa: N818 - a state of an archive
    """An archive is not whole."""


@contextmanager
def reading() -> Iterator[None]:
    """Raise Damaged in place of the many errors of the standard library for a damaged archive."""
    try:
        yield
    except RefusedError:
        raise
    except _DAMAGE as error:
        # the first line: those of tarfile list everything that it tried
        raise Damaged((str(error) or type(error).__name__).splitlines()[0]) from error


class Member(NamedTuple):
    """A regular file in an archive."""

    name: str
    n_bytes: int
    open: Callable[[], Any]  # returns a file to read

    def read(self) -> Iterator[bytes]:
        """Yield the content in blocks; raise Damaged if it is not as long as announced."""
        n_read = 0
        with reading(), self.open() as file:
            while block := file.read(BLOCK_BYTES):
                n_read += len(block)
                yield block
        if n_read != self.n_bytes:
            raise Damaged(f"{self.name!r} must have {self.n_bytes} bytes, but has {n_read}")


class Limit:
    """The number of bytes that an archive may unpack to.

    Parameters
    ----------
    n_bytes : int
        Length of the archive.
    """

    def __init__(self, n_bytes: int) -> None:
        self.n_bytes = n_bytes
        self.most = _MOST_PER_BYTE * n_bytes + _MOST_EXTRA_BYTES

    def check(self, n_bytes: int, name: str) -> None:
        """Raise ValueError if an archive unpacks to more than recordings ever do.

        Parameters
        ----------
        n_bytes : int
            What it unpacks to, up to this member.
        name : str
            Name of the member, for the message.
        """
        if n_bytes > self.most:
            refuse(
                name,
                f"makes {n_bytes / 1e9:.2f} GB of an archive of {self.n_bytes / 1e6:.2f} MB, more "
                f"than {_MOST_PER_BYTE} times as much",
            )


class StrictFile:
    """A file that refuses to read more than an honest archive asks for at once or for a header.

    Parameters
    ----------
    file : binary file
        The archive, decompressed.

    Attributes
    ----------
    last : bytes
        What the last call of `read` returned.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left: int | None = None
        self.last = b""
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    def allow_header(self) -> None:
        """Allow as many bytes as the header of one member may have, from now on."""
        self._left = _MOST_HEADER_BYTES

    def allow_content(self) -> None:
        """Allow any number of bytes, from now on."""
        self._left = None

    def seekable(self) -> bool:
        """Return True: positions are needed to skip members."""
        return True

    def read(self, n_bytes: int = -1) -> bytes:
        """Return the next bytes, all that remain if `n_bytes` is negative."""
        most = _MOST_AT_ONCE if self._left is None else self._left
        if n_bytes > most:
            raise Damaged(f"{n_bytes} bytes are no header or directory")
        data: bytes = self._file.read(n_bytes if n_bytes >= 0 else most + 1)
        if len(data) > most:
            raise Damaged(f"more than {most} bytes are no header or directory")
        if self._left is not None:
            self._left -= len(data)
        self.last = data
        return data
