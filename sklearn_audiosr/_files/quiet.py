"""Sound files whose codecs print nothing to stderr."""

import os
import re
import sys
import tempfile
import threading
from typing import Any

import soundfile

# What libmpg123 and LAME print, although all is well or an error or a warning of ours follows.
_OF_CODECS = re.compile(
    rb"^\s*$|libmpg123|^(warning|note|error|lame|illegal|internal buffer|bit reservoir|big change"
    rb"|the maximum|this is a fatal|hip)\b",
    re.IGNORECASE,
)

# Formats whose codecs print.
_LOUD = {"MP3"}


class _Stderr:
    """Descriptor 2, which goes to a temporary file while codecs run.

    Other threads may print meanwhile: what no codec says is passed on at the end.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._n_users = 0
        self._kept: int | None = None  # a copy of the descriptor
        self._file: Any = None

    def __enter__(self):
        with self._lock:
            self._n_users += 1
            if self._n_users == 1:
                self._redirect()

    def __exit__(self, *exc_info):
        with self._lock:
            self._n_users -= 1
            if self._n_users == 0 and self._kept is not None:
                self._restore(self._kept)

    def _redirect(self):
        try:
            if sys.stderr is not None:
                sys.stderr.flush()
            self._kept = os.dup(2)
            self._file = tempfile.TemporaryFile()
            os.dup2(self._file.fileno(), 2)
        except (OSError, ValueError):  # there is no stderr, or no folder for temporary files
            if self._kept is not None:
                os.close(self._kept)
            self._kept = None

    def _restore(self, kept):
        os.dup2(kept, 2)
        os.close(kept)
        self._kept = None
        with self._file as file:
            file.seek(0)
            for line in file:
                if not _OF_CODECS.search(line):
                    os.write(2, line)


# Holds back what codecs print inside a `with`, in any number of threads.
STDERR = _Stderr()


class QuietSoundFile(soundfile.SoundFile):
    """A sound file whose codec prints nothing to stderr.

    libmpg123 and LAME print warnings of whole files, past Python. The parameters are those of
    ``soundfile.SoundFile``.
    """

    _is_loud = False

    def __init__(self, file, mode="r", *args, **options):
        with STDERR:  # the format of a file to read is not known before
            super().__init__(file, mode, *args, **options)
        self._is_loud = self.format in _LOUD

    def read(self, *args, **options):
        """Read frames, as ``soundfile.SoundFile.read`` does."""
        if not self._is_loud:
            return super().read(*args, **options)
        with STDERR:
            return super().read(*args, **options)

    def write(self, data):
        """Write frames, as ``soundfile.SoundFile.write`` does."""
        if not self._is_loud:
            super().write(data)
            return
        with STDERR:
            super().write(data)

    def seek(self, *args, **options):
        """Seek a frame, as ``soundfile.SoundFile.seek`` does."""
        if not self._is_loud:
            return super().seek(*args, **options)
        with STDERR:
            return super().seek(*args, **options)

    def close(self):
        """Close the file; its encoder writes what it kept back."""
        if not self._is_loud:
            super().close()
            return
        with STDERR:
            super().close()
