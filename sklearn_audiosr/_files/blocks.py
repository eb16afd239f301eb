"""A sound file as blocks: read, measured, resampled, streamed, cut and written one by one."""

import warnings

import numpy as np

from sklearn_audiosr._files.encoding import write_block
from sklearn_audiosr._files.formats import sample_format

# Values of a file, over all channels, that are read at once.
N_READ = 2**16


def read_blocks(reader, multiple=1, growth=1):
    """Yield blocks of shape (n_channels, n_timepoints), padded with zeros to a multiple.

    Parameters
    ----------
    reader : SequentialReader
        The file.
    multiple : int, default=1
        The number of timepoints is padded to a multiple of this one.
    growth : float, default=1
        The factor by which blocks become longer later on.

    Yields
    ------
    block : ndarray of shape (n_channels, n_timepoints), float32
        About 65536 values over `growth`.

    Raises
    ------
    ValueError
        If the file is empty, or holds NaN or infinity.
    """
    n_timepoints, n_read = max(1, int(N_READ / reader.channels / growth)), 0
    while len(block := reader.read(n_timepoints, dtype="float32", always_2d=True)):
        if not np.isfinite(block).all():
            raise ValueError(
                "source must hold finite values, got NaN or infinity between timepoints "
                f"{n_read} and {n_read + len(block)}: repair the file, or cut it there."
            )
        n_read += len(block)
        yield block.T
    if n_read == 0:
        raise ValueError(
            f"source must have at least 1 timepoint, got none from {reader.name}: it is "
            "empty, or it was cut off before its first sound."
        )
    if n_read % multiple:
        yield np.zeros((reader.channels, -n_read % multiple), dtype=np.float32)


def watch_blocks(blocks, meter):
    """Yield blocks unchanged, after a call of ``meter.push`` with each.

    Parameters
    ----------
    blocks : iterable of ndarray of shape (n_channels, n_timepoints), float32
        The file, in order.
    meter : object
        `FrameCount` or `BandwidthMeter`.

    Yields
    ------
    block : ndarray of shape (n_channels, n_timepoints), float32
        The same block.
    """
    for block in blocks:
        meter.push(block)
        yield block


class FrameCount:
    """A count of the frames that were pushed."""

    def __init__(self):
        self.n_frames = 0

    def push(self, block):
        """Add the frames of a block.

        Parameters
        ----------
        block : ndarray of shape (n_channels, n_timepoints)
            A block of the file.
        """
        self.n_frames += block.shape[1]


def resample_blocks(blocks, file_rate, rate, n_channels):
    """Yield blocks of a file, resampled to another rate.

    Parameters
    ----------
    blocks : iterable of ndarray of shape (n_channels, n_timepoints), float32
        The file, in order.
    file_rate, rate : float
        Rates in Hz before and after.
    n_channels : int
        Channels of the blocks.

    Yields
    ------
    block : ndarray of shape (n_channels, n_timepoints), float32
        Of any length.
    """
    if file_rate == rate:
        yield from blocks
        return
    import soxr

    resampler = soxr.ResampleStream(file_rate, rate, n_channels, dtype="float32", quality="VHQ")
    for block in blocks:
        yield resampler.resample_chunk(np.ascontiguousarray(block.T)).reshape(-1, len(block)).T
    rest = np.empty((0, n_channels), dtype=np.float32)
    yield resampler.resample_chunk(rest, last=True).reshape(-1, n_channels).T


def stream_blocks(stream, blocks):
    """Yield the output of a stream for blocks, and the rest after the last.

    Parameters
    ----------
    stream : Stream
        Of an estimator.
    blocks : iterable of ndarray of shape (n_channels, n_timepoints), float32
        The file, in order.

    Yields
    ------
    block : ndarray of shape (n_channels, n_timepoints), float32
        What the stream returns, which may be empty.
    """
    for block in blocks:
        yield stream.push(block)
    yield stream.flush()


def report_progress(blocks, report):
    """Pass blocks on, and call a function after each, once it has been used."""
    for block in blocks:
        yield block
        report()


def cut_blocks(blocks, n_timepoints):
    """Yield blocks up to a number of timepoints, and drop the rest.

    Parameters
    ----------
    blocks : iterable of ndarray of shape (n_channels, n_timepoints), float32
        The file, in order.
    n_timepoints : int
        Timepoints to keep.

    Yields
    ------
    block : ndarray of shape (n_channels, n_timepoints), float32
        Empty at the end.
    """
    for block in blocks:
        yield block[:, :n_timepoints]
        n_timepoints -= min(n_timepoints, block.shape[1])


def write_blocks(writer, blocks, target):
    """Write blocks, warn if some had to be clipped, and return their number of timepoints.

    Parameters
    ----------
    writer : soundfile.SoundFile
        Opened by `open_writer`.
    blocks : iterable of ndarray of shape (n_channels, n_timepoints), float32
        The file, in order.
    target : Path
        Its later path, in messages.

    Returns
    -------
    n_written : int
        Timepoints of the blocks.

    Raises
    ------
    ValueError
        If a block holds NaN or infinity: it is not written.

    Warns
    -----
    UserWarning
        If values were clipped.
    """
    peak, n_written = 0.0, 0
    is_bounded = sample_format(writer.subtype).is_bounded
    for y in blocks:
        if not np.isfinite(y).all():  # encoders abort the process
            raise ValueError(
                f"{target.name} must hold finite values, got NaN or infinity between timepoints "
                f"{n_written} and {n_written + y.shape[1]}: scale the source to [-1, 1], or check "
                "the estimator."
            )
        peak = max(peak, float(np.abs(y).max(initial=0)))
        write_block(writer, np.clip(y.T, -1, 1) if is_bounded else y.T)
        n_written += y.shape[1]
    if peak > 1 and is_bounded:
        warnings.warn(
            f"{target.name} reaches {peak:.3g} and was clipped at 1, since {writer.subtype} holds "
            "no more. A little is common for loud files; much of it means that the file was made "
            "narrowband in another way than the training clips.",
            UserWarning,
            stacklevel=4,
        )
    return n_written
