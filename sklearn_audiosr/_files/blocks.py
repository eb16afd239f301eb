"""A sound file as blocks: read, watched, resampled, streamed, cut and written one by one."""

import warnings

import numpy as np

from sklearn_audiosr._files.formats import is_bounded, write_block

# Timepoints of a file, over all channels, that are read at once.
_N_READ = 2**16


def read_blocks(reader, multiple=1):
    """Yield blocks of shape (n_channels, n_timepoints), with zeros up to a multiple of them."""
    n_timepoints, n_read = max(1, _N_READ // reader.channels), 0
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
            f"source must have at least 1 timepoint, got none from {reader.name}: of a pipe, some "
            "containers can't be read; write it to a file first."
        )
    if n_read % multiple:
        yield np.zeros((reader.channels, -n_read % multiple), dtype=np.float32)


def watch_blocks(blocks, meter):
    """Pass blocks on, and show them to whatever has a method `push`."""
    for block in blocks:
        meter.push(block)
        yield block


class FrameCount:
    """How many frames went by."""

    def __init__(self):
        self.n_frames = 0

    def push(self, block):
        """Count a block.

        Parameters
        ----------
        block : ndarray of shape (n_channels, n_timepoints)
            Of the file.
        """
        self.n_frames += block.shape[1]


def resample_blocks(blocks, file_rate, rate, n_channels):
    """Bring blocks of a file to another rate."""
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
    """Give what a stream makes of blocks."""
    for block in blocks:
        yield stream.push(block)
    yield stream.flush()


def report_progress(blocks, report):
    """Pass blocks on, and call a function after each, once it has been used."""
    for block in blocks:
        yield block
        report()


def cut_blocks(blocks, n_timepoints):
    """Pass on so many timepoints of blocks."""
    for block in blocks:
        yield block[:, :n_timepoints]
        n_timepoints -= min(n_timepoints, block.shape[1])


def write_blocks(writer, blocks):
    """Write blocks, and warn if some had to be clipped; give how many timepoints they had."""
    peak, n_written = 0.0, 0
    for y in blocks:
        peak = max(peak, float(np.abs(y).max(initial=0)))
        write_block(writer, np.clip(y.T, -1, 1) if is_bounded(writer.subtype) else y.T)
        n_written += y.shape[1]
    if peak > 1 and is_bounded(writer.subtype):
        warnings.warn(
            f"The result reaches {peak:.3g} and was clipped at 1, since {writer.subtype} holds no "
            "more. A little is common for loud files; much of it says that the file was made "
            "narrowband in another way than the training clips.",
            UserWarning,
            stacklevel=4,
        )
    return n_written
