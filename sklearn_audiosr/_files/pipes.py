"""Sound from pipes, which is copied to files: libsndfile reads few formats without seeking."""

import os
import shutil
import struct
from tempfile import TemporaryFile

from sklearn_audiosr._files.headers import find_data


def copy_pipe(source):
    """Copy what a pipe holds, up to its end.

    Parameters
    ----------
    source : int
        Descriptor of the pipe; it stays open.

    Returns
    -------
    copy : file-like
        A temporary file at its beginning. It has no name, so that nothing is left of it after
        SIGKILL.
    """
    copy = TemporaryFile()
    try:
        with open(os.dup(source), "rb") as pipe:
            shutil.copyfileobj(pipe, copy)
    except BaseException:
        copy.close()
        raise
    copy.seek(0)
    return copy


def complete_header(file):
    """Write the length of a file into its header if it was copied from a pipe and has none.

    Parameters
    ----------
    file : file-like
        The copy, opened to read and to write.
    """
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
