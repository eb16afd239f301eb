"""Sound from pipes, where a header without a length is usual."""

import os
import struct
import threading

from sklearn_audiosr._files.headers import find_data

_N_BLOCK = 2**16

# Bytes of a header that are searched for the chunk of the data.
_N_HEADER = 2**20

# What libsndfile reads to the end of a pipe.
_UNKNOWN = b"\xff" * 4


class PumpedPipe:
    """A pipe with the bytes of another one, whose header has a length for libsndfile.

    A program that writes WAV or AU to a pipe may leave 0 as the length of the data. libsndfile
    then reads nothing, and a pipe can't be read twice. So a thread copies it.

    Parameters
    ----------
    source : int
        Descriptor of the pipe; it stays open.

    Attributes
    ----------
    descriptor : int
        Where to read.
    """

    def __init__(self, source):
        self.descriptor, self._target = os.pipe()
        self._source, self._error = os.dup(source), None
        threading.Thread(target=self._pump, daemon=True).start()

    def _pump(self):
        try:
            self._write(_mend_length(self._read_header()))
            while block := os.read(self._source, _N_BLOCK):
                self._write(block)
        except BrokenPipeError:  # the reader has closed its end
            pass
        except OSError as error:
            self._error = error
        finally:
            os.close(self._target)
            os.close(self._source)

    def _write(self, block):
        while block:
            block = block[os.write(self._target, block) :]

    def _read_header(self):
        """Return the first bytes, up to the length of the data where it has to be mended."""
        header = self._read(12)
        if header[:4] == b".snd":
            return header
        order = _find_order(header)
        while order and len(header) < _N_HEADER:
            chunk = self._read(8)
            header += chunk
            if len(chunk) < 8 or chunk[:4] == b"data":
                break
            (n_bytes,) = struct.unpack(order + "I", chunk[4:])
            header += self._read(min(n_bytes + n_bytes % 2, _N_HEADER))
        return header

    def _read(self, n_bytes):
        content = b""
        while len(content) < n_bytes:
            block = os.read(self._source, n_bytes - len(content))
            if not block:
                break
            content += block
        return content

    def read_rest(self):
        """Return bytes behind what was read, and raise the error that ended the source, if any."""
        rest = b""
        while len(rest) < _N_BLOCK and (block := os.read(self.descriptor, _N_BLOCK)):
            rest += block
        if self._error is not None:
            raise self._error
        return rest

    def close(self):
        """Close the end that is read; the thread ends at its next block."""
        os.close(self.descriptor)


def complete_header(path):
    """Write the length of a file into its header if it was copied from a pipe and has none.

    Parameters
    ----------
    path : path-like
        The copy.
    """
    with open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        header = file.read(12)
        kind = {b"FORM": "AIFF", b".snd": "AU"}.get(header[:4], "WAV")
        data = find_data(file, size, kind)
        if data is None or data.n_declared >= 0:
            return
        n_bytes, place, order = size - data.start, data.start - 4, _find_order(header)
        if kind == "AU":
            place, order = 8, ">"
        elif kind == "AIFF":
            n_bytes, place, order = n_bytes + 8, data.start - 12, ">"
        if order and n_bytes < 2**32 - 1:
            file.seek(place)
            file.write(struct.pack(order + "I", n_bytes))


def _find_order(header):
    """Return the byte order of a WAV header, "" for other files."""
    return {b"RIFF": "<", b"RIFX": ">"}.get(header[:4], "") if header[8:12] == b"WAVE" else ""


def _mend_length(header):
    """Return a header in which a length of 0 is an unknown one."""
    is_au = header[:4] == b".snd" and len(header) == 12
    is_wav = bool(_find_order(header)) and header[-8:-4] == b"data"
    return header[:-4] + _UNKNOWN if (is_au or is_wav) and header[-4:] == bytes(4) else header
