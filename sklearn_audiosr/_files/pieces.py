"""Parts of a file, and bytes that stand for others, as one file."""

import io
import os


class Pieces(io.RawIOBase):
    """Pieces one after the other, as a binary file to read.

    Parameters
    ----------
    file : file-like
        A binary file that can seek.
    pieces : list of bytes or tuple
        Bytes, or the first place of a part of `file` and the place behind it.
    name : object
        The file's name in messages.
    """

    def __init__(self, file, pieces, name):
        self._file, self.name = file, name
        self._pieces = [piece for piece in pieces if _count(piece)]
        self._size = sum(map(_count, self._pieces))
        self._place = 0

    def readable(self):
        """Return True."""
        return True

    def seekable(self):
        """Return True."""
        return True

    def tell(self):
        """Return the place where the next byte is read."""
        return self._place

    def seek(self, offset, whence=os.SEEK_SET):
        """Move to another place; return it."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = max(0, origin + offset)
        return self._place

    def readinto(self, buffer):
        """Fill a buffer; return the number of bytes."""
        view, n_read = memoryview(buffer).cast("B"), 0
        while n_read < len(view) and (block := self._read_some(len(view) - n_read)):
            view[n_read : n_read + len(block)] = block
            n_read += len(block)
            self._place += len(block)
        return n_read

    def _read_some(self, n_bytes):
        """Return bytes of the piece at the place, b"" at the end."""
        offset = self._place
        for piece in self._pieces:
            if offset < (count := _count(piece)):
                n_bytes = min(n_bytes, count - offset)
                if isinstance(piece, bytes):
                    return piece[offset : offset + n_bytes]
                self._file.seek(piece[0] + offset)
                return self._file.read(n_bytes)
            offset -= count
        return b""


def _count(piece):
    return len(piece) if isinstance(piece, bytes) else piece[1] - piece[0]


def replace_bytes(file, size, place, new, name):
    """Return a file with other bytes at one place.

    Parameters
    ----------
    file : file-like
        A binary file that can seek.
    size : int
        Its number of bytes.
    place : int
        Where the bytes stand.
    new : bytes
        What to read there instead.
    name : object
        The file's name in messages.

    Returns
    -------
    pieces : Pieces
        The file.
    """
    return Pieces(file, [(0, place), new, (place + len(new), size)], name)
