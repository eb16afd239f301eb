"""Sound files, read from one timepoint to another as if they had been read whole."""

import soundfile

# MP3 frames build on what others before them left: on no more than this many timepoints, at the
# lowest bit rates. A decoder that begins in their midst gives noise at first.
_N_MP3_BEFORE = 32 * 1152


class SequentialReader(soundfile.SoundFile):
    """A sound file that is read from its beginning to its end, and not sought in meanwhile.

    soundfile seeks to where it is before and after it reads a block. After that, the first 30 to 80
    milliseconds of an MP3 file's next block are wrong.

    Parameters
    ----------
    source : path-like or file-like
        Whatever soundfile reads.
    """

    def seekable(self):
        """Tell soundfile not to seek."""
        return False

    def can_rewind(self):
        """Tell whether the file may be read again, after ``seek(0)``."""
        return super().seekable()


def read_part(path, first, n_frames):
    """Read a part of a file.

    Parameters
    ----------
    path : path-like
        A sound file.
    first : int
        Its first frame.
    n_frames : int
        How many to read.

    Returns
    -------
    frames : ndarray of shape (n_frames, n_channels), dtype float32
        Fewer than asked for where the file ends.

    Raises
    ------
    OSError, soundfile.SoundFileError
        If the file can't be read.
    """
    with soundfile.SoundFile(path) as file:
        n_before = min(first, _N_MP3_BEFORE) if file.subtype.startswith("MPEG") else 0
        file.seek(first - n_before)
        frames = file.read(n_before + n_frames, dtype="float32", always_2d=True)
    return frames[n_before:]
