"""A sound file that is read from its beginning to its end, every part of it."""

import os
from contextlib import suppress

import numpy as np
import soundfile

from sklearn_audiosr._files.quiet import QuietSoundFile
from sklearn_audiosr._files.rates import MAX_FILE_RATE
from sklearn_audiosr._files.sources import (
    DAMAGED,
    ReadingError,
    copy_if_pipe,
    has_resource_fork,
    open_bytes,
    openable,
    reasons,
)
from sklearn_audiosr._files.structure import (
    Structure,
    StructureError,
    check_several,
    find_structure,
)

# From this number of frames on, a header has no length: FLAC sets all of its 36 bits, and
# libsndfile more where it does not know.
_N_UNKNOWN = 2**36 - 1

# Without a header libsndfile takes a file for one of these by its suffix. Others, named .au, have
# lost theirs.
_HEADERLESS = ("VOX_ADPCM", "GSM610")

# Texts that are kept; that of the program which wrote the source is not true of the target.
_TAGS = (
    "title", "artist", "album", "tracknumber", "date", "genre", "comment", "copyright", "license",
)  # fmt: skip

# Values that a byte of a file holds at most: the smallest codes have one bit. Decoders of GSM go on
# behind the end of a file, as long as its header says.
_MAX_VALUES_OF_BYTE = 16

# Formats whose silence takes less, and whose decoders end with the file.
_COMPRESSED = ("FLAC", "MP3", "OGG")


def tells_length(header):
    """Return whether a header has the number of frames.

    Parameters
    ----------
    header : SequentialReader or Header
        An opened file, or the result of `read_header`.

    Returns
    -------
    has_length : bool
        False for a file that an encoder wrote to a pipe, for example.
    """
    return header.frames < _N_UNKNOWN


class SequentialReader(QuietSoundFile):
    """A sound file that is read from its beginning to its end, without seeking.

    soundfile seeks to its own position before and after it reads a block. After that, the first 30
    to 80 milliseconds of an MP3 file's next block are wrong.

    Streams that follow each other in a file, as in a chain of Ogg streams, are read as one. A pipe
    is copied to a file before.

    Parameters
    ----------
    source : path-like or file-like
        Whatever soundfile reads.
    """

    def __init__(self, source):
        self._source, self._opened, self._n_read = source, None, 0
        self._bytes, self._structure, self._counts, self._i_part = None, Structure(), [], 0
        opened = copy_if_pipe(source)
        is_pipe = opened is not source
        self._opened = opened if is_pipe else None
        try:
            with reasons(source):
                self._open_source(opened)
            self._examine(opened)
            if is_pipe:  # which may lack its length
                self._structure = self._structure._replace(has_length=True)
        except BaseException:
            self.close()
            raise

    def _open_source(self, source):
        try:
            super().__init__(openable(source))
        except soundfile.LibsndfileError:
            if not has_resource_fork(source):
                self._check_several(source)
                raise
            self._opened = open(source, "rb")  # which has no name for libsndfile
            super().__init__(self._opened)

    def _check_several(self, source):
        """Raise an error if a file can't be opened since another one follows in it."""
        if isinstance(source, (str, bytes, os.PathLike)) and not os.path.isfile(source):
            return
        file = open_bytes(source)
        try:
            check_several(file)
        except StructureError as error:
            raise ReadingError(self.name, str(error)) from error
        finally:
            if file is not source:
                file.close()

    def _examine(self, source):
        """Find the parts of the file, and raise an error if they can't be read."""
        if self.format == "RAW" and self.subtype not in _HEADERLESS:
            raise ReadingError(self.name, f"has lost its header: {DAMAGED}")
        if self.samplerate > MAX_FILE_RATE:
            raise ReadingError(
                self.name,
                f"must have a rate of at most {MAX_FILE_RATE} Hz, got {self.samplerate} Hz in its "
                f"header: {DAMAGED}",
            )
        file = open_bytes(source)
        place = file.tell()
        try:
            self._check_length(file.seek(0, os.SEEK_END))
            self._structure = find_structure(file, self.name, self.format, self.frames)
        except StructureError as error:
            raise ReadingError(self.name, str(error)) from error
        finally:
            file.seek(place)
            if file is not source and self._structure.parts:
                self._bytes = file
            elif file is not source:
                file.close()
        if self._structure.parts:
            self._measure_parts()

    def _check_length(self, n_bytes):
        """Raise an error if the header says more frames than the file can hold."""
        n_values = self.frames * self.channels
        is_compressed = self.format in _COMPRESSED or self.subtype.startswith("ALAC")
        if not is_compressed and n_values > _MAX_VALUES_OF_BYTE * n_bytes:
            raise ReadingError(
                self.name,
                f"has {self.frames} timepoints by its header, more than its {n_bytes} bytes can "
                f"hold: {DAMAGED}",
            )

    def _measure_parts(self):
        """Count the frames of each part, and stay at the start of the first."""
        kinds: dict[str, None] = {}
        for part in reversed(self._structure.parts):
            self._open_part(part)
            self._counts.insert(0, self._info.frames)
            kinds[f"{self.samplerate} Hz with {self.channels} channel(s)"] = None
        if len(kinds) > 1:
            raise ReadingError(
                self.name,
                f"holds streams of {' and '.join(kinds)}, one behind the other: split it, or "
                "decode it to WAV with ffmpeg or sox",
            )

    def _open_part(self, part):
        super().close()
        part.seek(0)
        super().__init__(part)

    @property
    def name(self):
        """The source, also while a part of it is read."""
        return os.fspath(self._source) if isinstance(self._source, os.PathLike) else self._source

    @property
    def frames(self):
        """Number of frames of all parts."""
        return sum(self._counts) if self._counts else self._info.frames

    def read(self, frames=-1, dtype="float64", always_2d=False):
        """Read frames, over the end of a part, too."""
        n_wanted = frames
        if frames >= 0 and self.format == "FLAC" and tells_length(self):
            # what stands behind the last frame are tags, or another file
            n_wanted = max(0, min(frames, self._info.frames - self._n_read))
        block = super().read(n_wanted, dtype, always_2d)
        self._n_read += len(block)
        while len(block) < frames and self._i_part + 1 < len(self._structure.parts):
            self._i_part += 1
            self._open_part(self._structure.parts[self._i_part])
            block = np.concatenate([block, super().read(frames - len(block), dtype, always_2d)])
        return block

    def seek(self, frames, whence=os.SEEK_SET):
        """Move to a frame; with several parts, to the first one only."""
        if self._i_part:
            self._i_part = 0
            self._open_part(self._structure.parts[0])
        self._n_read = super().seek(frames, whence)
        return self._n_read

    def close(self):
        """Close the file."""
        super().close()
        if self._bytes is not None:
            self._bytes.close()
        if self._opened is not None:
            self._opened.close()

    def seekable(self):
        """Return False: soundfile does not seek then."""
        return False

    def can_rewind(self):
        """Return whether the file may be read again, after ``seek(0)``."""
        return super().seekable()

    def can_seek(self):
        """Return whether ``seek`` finds every frame."""
        return self.can_rewind() and len(self._counts) < 2

    def copy_tags(self, writer):
        """Copy title, artist and the like to another file, where its format can hold them.

        Parameters
        ----------
        writer : soundfile.SoundFile
            Opened, and still empty.
        """
        texts = self.copy_metadata()
        for name in _TAGS:
            if name in texts:
                with suppress(soundfile.LibsndfileError):  # the format has no texts
                    setattr(writer, name, texts[name])

    def find_fault(self, n_read=None):
        """Return what is missing at the end of the file.

        Parameters
        ----------
        n_read : int, default=None
            How many frames were read up to the end; None if the file has not been read.

        Returns
        -------
        fault : str
            What is wrong, with both lengths if the header says one; empty for a whole file.
        """
        structure, rate = self._structure, self.samplerate
        n_frames = self.frames if n_read is None else n_read
        has_length = tells_length(self)
        n_told = self._count_told() if has_length else n_frames
        ended = f"ended after {n_frames / rate:.3f} s"
        cut = "it may have been cut off"
        if not structure.has_length:
            return (
                "has no length in its header, as after a crash of the recorder: it was read to its "
                f"end after {n_frames / rate:.3f} s"
            )
        if has_length and n_told == self.frames and n_read is not None:
            # headers of whole MP3 files may be wrong by a few of their frames
            tolerated = 4 * (1152 if rate >= 32000 else 576)
            n_told = n_told if n_told - n_read > tolerated else n_read
        if not has_length and n_read is None:
            return ""  # it is known at the end
        if n_told - n_frames > rate / 1000:
            return f"{ended} of the {n_told / rate:.3f} s that its header says: {cut}"
        if n_told > n_frames:
            return f"ended after {n_frames} of the {n_told} timepoints that its header says: {cut}"
        if n_read is None and self.format == "MP3" and not self._counts:
            return ""  # how much is missing is known at the end
        return "" if structure.has_end else f"{ended} without the mark of its end: {cut}"

    def _count_told(self):
        """Return how many frames the header says."""
        share, n_frames = self._structure.share, self.frames
        # the last frame may lack a few of its bytes
        return max(round(share * n_frames), n_frames + 1) if share > 1 else n_frames
