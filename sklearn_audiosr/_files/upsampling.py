"""`upsample_file`: read, resample, stream and write."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sklearn_audiosr._clips import MAX_CHANNELS
from sklearn_audiosr._files.bands import (
    check_assumption,
    check_band,
    warn_of_lost_band,
    warn_of_narrow_band,
)
from sklearn_audiosr._files.blocks import (
    FrameCount,
    cut_blocks,
    read_blocks,
    report_progress,
    resample_blocks,
    stream_blocks,
    watch_blocks,
    write_blocks,
)
from sklearn_audiosr._files.encoding import check_written, open_writer
from sklearn_audiosr._files.rates import find_rates, is_header_of
from sklearn_audiosr._files.writing import check_target, complete_file
from sklearn_audiosr._signal.bandwidth import BandwidthMeter

if TYPE_CHECKING:
    import soundfile

    from sklearn_audiosr._files.reader import SequentialReader

FilePath: TypeAlias = str | os.PathLike[str]


class _Stream(Protocol):
    def push(self, chunk: Any, /) -> NDArray[np.float32]: ...

    def flush(self) -> NDArray[np.float32]: ...


class Upsampler(Protocol):
    """A fitted estimator of this package."""

    def stream(self, n_channels: int = ..., /) -> _Stream: ...  # numpydoc ignore=GL08


def upsample_file(
    est: Upsampler,
    source: FilePath | bytes | int | BinaryIO,
    target: FilePath,
    *,
    resample: bool = False,
    assume_bandwidth: Literal["auto"] | float | None = None,
    strict: bool = False,
    progress: Callable[[float], object] | None = None,
) -> None:
    """Super-resolve a sound file of any length.

    The file is read, streamed through the estimator and written block by block, so memory does not
    grow with its length.

    Parameters
    ----------
    est : estimator
        A fitted estimator of this package.
    source : path-like or file-like
        Whatever soundfile reads: WAV, FLAC, Ogg, MP3 and others, with any number of channels up to
        64.
    target : path-like
        File to write; one that exists is replaced. Its suffix names the file format. Until it is
        complete it has another name in the same folder: half a file never looks whole.
    resample : bool, default=False
        Resample a file of another rate to that of the narrowband clips, ``sampling_rate / r``. The
        filter of the resampler then replaces the one in training: see Notes. Where
        ``sampling_rate / r`` is no whole number, 2666.67 Hz for example, files of the whole numbers
        below and above it, 2666 or 2667 Hz, need no resampling.
    assume_bandwidth : "auto" or float, default=None
        Where the band of the file ends, in Hz: for a file of a higher rate than
        ``sampling_rate / r`` whose highband is empty. "auto" measures it, and reads the file twice
        for that. If the band ends below the narrowband Nyquist frequency,
        ``sampling_rate / (2 * r)``, the file is resampled to the rate of the narrowband clips and
        super-resolved; if it ends above, that is an error.
    strict : bool, default=False
        Raise an error, instead of a warning, for a file that was cut off, or whose header does not
        say where it ends.
    progress : callable, default=None
        Called after each block with the seconds of the source that are done so far: a float, which
        never decreases. While the band is measured it is 0. A block makes at most two seconds of
        one channel at 16 kHz.

    Raises
    ------
    ValueError
        If the file's rate is not ``sampling_rate / r`` and `resample` is False, unless it is higher
        and `assume_bandwidth` is given; if the file's band ends above the narrowband Nyquist
        frequency or can't be measured, if `source` and `target` are the same file, if `target` is a
        pipe or a device, if the file is empty, has more than 64 channels, or holds NaN, infinity or
        levels so large that the result does, if its header is missing or damaged, if it holds
        streams of several rates or formats one behind the other, if it was cut off and `strict` is
        True, or if the target's format can't hold the result.
    FileNotFoundError, IsADirectoryError
        If there is no such `source` or folder, or one of both is a folder.
    OSError
        If `target` can't be written, or not whole: on a full disk, for example. A file of that name
        stays as it was then.
    TypeError
        If `est` is no estimator of this package, a Pipeline for example, or `target` is no path.
    sklearn.exceptions.NotFittedError
        If `est` is not fitted.
    soundfile.LibsndfileError
        If `source` can't be read.

    Warns
    -----
    UserWarning
        If values beyond [-1, 1] had to be clipped, or if the band of what the estimator is given
        ends below half of the narrowband Nyquist frequency: training clips hold more; or if
        ``resample=True`` drops a part of the file's band; or if `source` ends before its header
        says so, or has a header without a length, as after a crash of the recorder. A pipe may
        lack its length.

    Notes
    -----
    An estimator undoes the filter that its training clips were made with. A file whose band ends
    in another way, or is resampled here, needs one that was trained on clips made that way:
    `LinearUpsampler` above all raises what `Decimator` attenuates, up to 80 times.

    Channels are kept, and so is the sample format (16-bit, 24-bit, float, ...) where the target's
    file format has it. Where it doesn't, and for a source of eight bits or a coded one (mu-law,
    GSM, MP3, ...), it is the file format's usual one: 16-bit for WAV and FLAC. Values
    beyond [-1, 1] are clipped, but not in formats of floats. Title, artist, album, track number,
    date, genre, comment, copyright and license are kept where the target's file format has them:
    pictures and other tags are not.

    MP3 and Ogg files that were joined are read whole, as one file. A pipe is copied to a temporary
    file first, so that every format can be read from it.

    An estimator without a `sampling_rate` takes a file of any rate, and the result has r times that
    rate. With one, the result has this rate, whatever the file's. A file that already has this
    rate, and an empty highband, keeps its length.

    Bandwidths are those of `effective_bandwidth`, over all channels; a measured one may lie 5 %
    above the narrowband Nyquist frequency.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import soundfile
    >>> from sklearn_audiosr import SplineUpsampler, upsample_file
    >>> x = 0.5 * np.sin(0.1 * np.arange(16000))
    >>> est = SplineUpsampler(sampling_rate=16000).fit([x[::2]], [x])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source, target = Path(folder, "narrow.wav"), Path(folder, "wide.wav")
    ...     soundfile.write(source, x[::2], 8000, subtype="PCM_24")
    ...     upsample_file(est, source, target)
    ...     info = soundfile.info(target)
    >>> info.samplerate, info.frames, info.subtype
    (16000, 16000, 'PCM_24')
    """
    from sklearn_audiosr._files.reader import SequentialReader

    _check_arguments(est, resample, strict)
    check_assumption(assume_bandwidth)
    source = os.fsdecode(source) if isinstance(source, bytes) else source
    target = _check_paths(source, target)
    with SequentialReader(source) as reader:
        if reader.frames == 0:
            raise ValueError(
                f"source must have at least 1 timepoint, got none in {source}: it is empty, or it "
                "was cut off before its first sound."
            )
        if reader.channels > MAX_CHANNELS:
            raise ValueError(
                f"source must have at most {MAX_CHANNELS} channels, got {reader.channels} in "
                f"{source}: split it."
            )
        fault = reader.find_fault()
        _judge(fault, strict, stacklevel=3)
        narrow_rate, wide_rate = find_rates(est, reader.samplerate, resample, assume_bandwidth)
        is_narrow = is_header_of(reader.samplerate, narrow_rate) and not resample
        file_rate = narrow_rate if is_narrow else reader.samplerate
        keeps_length = assume_bandwidth is not None and reader.samplerate == wide_rate
        with complete_file(target, "target") as temporary:
            with open_writer(temporary, target, reader, wide_rate) as writer:
                reader.copy_tags(writer)
                stream = est.stream(reader.channels)
                if assume_bandwidth is not None:
                    check_band(reader, source, assume_bandwidth, narrow_rate, progress)
                drops_band = resample and assume_bandwidth is None
                rates = file_rate, narrow_rate
                n_read, n_written = _upsample(
                    reader, stream, writer, target, rates, keeps_length, drops_band, progress
                )
                if not fault:  # the decoder may find less than the header says
                    _judge(reader.find_fault(n_read), strict, stacklevel=3)
            check_written(temporary, target, n_written)


def _check_arguments(est: Any, resample: Any, strict: Any) -> None:
    if not hasattr(est, "stream"):
        raise TypeError(
            "est must be an estimator of this package, got "
            f"{type(est).__name__}: of a Pipeline, pass its last step, pipeline[-1]."
        )
    check_is_fitted(est)
    for name, value in (("resample", resample), ("strict", strict)):
        if not isinstance(value, bool | np.bool_):
            raise ValueError(f"{name} must be True or False, got {value!r}: pass one of them.")


def _judge(fault: str, strict: bool, stacklevel: int) -> None:
    """Warn of a file that is not whole, or raise ValueError."""
    if fault and strict:
        raise ValueError(f"source {fault}. Take a whole file, or pass strict=False.")
    if fault:
        warnings.warn(f"source {fault}.", UserWarning, stacklevel=stacklevel)


def _upsample(
    reader: SequentialReader,
    stream: _Stream,
    writer: soundfile.SoundFile,
    target: Path,
    rates: tuple[float, float],
    keeps_length: bool,
    drops_band: bool,
    progress: Callable[[float], object] | None,
) -> tuple[int, int]:
    """Resample a file to the narrowband rate, stream it and write the result.

    Returns how many frames were read and written.
    """
    file_rate, narrow_rate = rates
    meter, before = BandwidthMeter(narrow_rate), BandwidthMeter(file_rate)
    multiple = round(file_rate / narrow_rate) if keeps_length else 1
    count = FrameCount()
    # blocks of the result have two seconds at 16 kHz, so that progress is seen; shorter ones make
    # wide networks slower
    growth = max(1, narrow_rate / file_rate, 2 * writer.samplerate / file_rate)
    blocks = watch_blocks(read_blocks(reader, multiple, growth), count)
    if drops_band and file_rate > narrow_rate:
        blocks = watch_blocks(blocks, before)
    blocks = watch_blocks(resample_blocks(blocks, file_rate, narrow_rate, reader.channels), meter)
    blocks = stream_blocks(stream, blocks)
    blocks = cut_blocks(blocks, reader.frames) if keeps_length else blocks
    if progress is not None:
        blocks = report_progress(blocks, lambda: progress(count.n_frames / reader.samplerate))
    n_written = write_blocks(writer, blocks, target)
    warn_of_narrow_band(meter.bandwidth(), narrow_rate)
    warn_of_lost_band(before, narrow_rate)
    return count.n_frames, n_written


def _check_paths(source: Any, target: FilePath) -> Path:
    """Return the file to be written, or raise an error."""
    target = check_target(target, "target")
    if isinstance(source, (str, os.PathLike)):
        if not os.path.exists(source):
            raise FileNotFoundError(
                f"source must be a sound file, got {source}, which does not exist: check the path."
            )
        if os.path.isdir(source):
            raise IsADirectoryError(
                f"source must be a sound file, got the folder {source}: name a file in it."
            )
    if target.exists() and _is_same_file(source, target):
        raise ValueError(
            f"target must be another file than source, got {target} for both: give it another name."
        )
    return target


def _is_same_file(source: Any, target: Path) -> bool:
    """Return whether a source, a path or an opened file, is the file at a path."""
    if isinstance(source, (str, os.PathLike)):
        return target.samefile(source)
    try:
        number = source if isinstance(source, int) else source.fileno()
        return os.path.samestat(os.fstat(number), target.stat())
    except (AttributeError, OSError, ValueError):  # it is in memory, or closed
        return False
