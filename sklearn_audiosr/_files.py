"""Sound files of any length, super-resolved in bounded memory."""

import os
import shutil
import uuid
import warnings
from pathlib import Path

import numpy as np
from sklearn.utils.validation import check_is_fitted

# Timepoints of a file, over all channels, that are read at once.
_N_READ = 2**16

# A measured band may end so far beyond a Nyquist frequency: what a resampler leaves there.
_MEASURING_MARGIN = 1.05

# Share of the narrowband Nyquist frequency below which a band is not what estimators train on; the
# filters of Decimator(filter="random") leave 0.6.
_LEAST_SHARE = 0.5


def upsample_file(est, source, target, *, resample=False):
    """Super-resolve a sound file of any length.

    The file is read, streamed through the estimator and written block by block: memory does not
    grow with its length.

    Parameters
    ----------
    est : estimator
        A fitted estimator of this package.
    source : path-like or file-like
        Whatever soundfile reads: WAV, FLAC, Ogg, MP3 and others, with any number of channels up to
        64.
    target : path-like
        File to write; one that exists is replaced. Its suffix names the container. Until it is
        complete it bears another name in the same folder, so that no half of a file looks whole.
    resample : bool, default=False
        Bring a file of another rate to that of the narrowband clips, ``sampling_rate / r``. The
        filter of the resampler then takes the place of that in training: see Notes.

    Raises
    ------
    ValueError
        If the file's rate is not ``sampling_rate / r`` and `resample` is False, if `source` and
        `target` are the same file, if the file is empty, has more than 64 channels, or holds NaN
        or infinity, or if the target's container can't hold the result.
    FileNotFoundError, IsADirectoryError
        If there is no such `source` or folder, or `target` is a folder.
    TypeError
        If `est` is no estimator of this package: a Pipeline, for example.
    sklearn.exceptions.NotFittedError
        If `est` is not fitted.
    soundfile.LibsndfileError
        If `source` can't be read.

    Warns
    -----
    UserWarning
        If values beyond [-1, 1] had to be clipped.

    Notes
    -----
    An estimator undoes the filter that its training clips were made with. A file whose band ends
    in another way, or is resampled here, needs one that was trained on clips made that way:
    `LinearUpsampler` above all raises what `Decimator` attenuates, up to 80 times.

    Channels and sample format (16-bit, 24-bit, float, ...) are kept where the target's container
    has that format, and are the container's usual one where it doesn't. Integer formats can't hold
    values beyond [-1, 1]: these are clipped. Without a `sampling_rate` the estimator takes a file
    of any rate, and writes r times that rate.

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
    import soundfile

    if not hasattr(est, "stream"):
        raise TypeError(
            "est must be an estimator of this package, got "
            f"{type(est).__name__}: of a Pipeline, pass its last step, pipeline[-1]."
        )
    check_is_fitted(est)
    _check_paths(source, target)
    target = Path(os.path.realpath(target))  # of a link, the file that it leads to
    with soundfile.SoundFile(source) as reader:
        if reader.frames == 0:
            raise ValueError(f"source must have at least 1 timepoint, got an empty file: {source}.")
        narrow_rate, wide_rate = _find_rates(est, reader.samplerate, resample)
        temporary = target.with_name(f".{uuid.uuid4().hex}.part")
        try:
            with _open_writer(temporary, target, reader, wide_rate) as writer:
                blocks = _resample(_read_blocks(reader), reader, narrow_rate)
                _write_blocks(writer, _stream_blocks(est, blocks, reader.channels))
            if target.exists():
                shutil.copymode(target, temporary)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


def _check_paths(source, target):
    target = Path(target)
    if target.is_dir():
        raise IsADirectoryError(f"target must be a file, got the folder {target}: add a name.")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"target must lie in a folder that exists, got {target}: make {target.parent} first."
        )
    if not isinstance(source, (str, os.PathLike)):
        return
    if not os.path.exists(source):
        raise FileNotFoundError(
            f"source must be a sound file, got {source}, which does not exist: check the path."
        )
    if target.exists() and target.samefile(source):
        raise ValueError(
            f"target must be another file than source, got {target} for both: give it another name."
        )


def _find_rates(est, file_rate, resample):
    """Rates in Hz of the estimator's input and output for a file."""
    ratio, wide_rate = est.upsampling_ratio_, est.sampling_rate
    if wide_rate is None:
        if resample:
            raise ValueError(
                "resample=True needs the rate that the estimator was trained for, got "
                "sampling_rate=None: set it, est.set_params(sampling_rate=16000)."
            )
        return file_rate, file_rate * ratio
    if wide_rate != int(wide_rate):
        raise ValueError(
            f"sampling_rate must be a whole number of Hz to write files, got {wide_rate}."
        )
    narrow_rate = wide_rate / ratio
    if file_rate != narrow_rate and not resample:
        raise ValueError(
            f"source must have a rate of {narrow_rate:g} Hz (sampling_rate={wide_rate:g} over the "
            f"upsampling ratio {ratio}), got {file_rate} Hz: pass resample=True, or an estimator "
            "that was trained for this rate."
        )
    return narrow_rate, int(wide_rate)


def _read_blocks(reader):
    """Yield blocks of shape (n_channels, n_timepoints)."""
    n_timepoints = max(1, _N_READ // reader.channels)
    while len(block := reader.read(n_timepoints, dtype="float32", always_2d=True)):
        yield block.T


def _resample(blocks, reader, rate):
    """Bring blocks of a file to another rate."""
    if reader.samplerate == rate:
        yield from blocks
        return
    import soxr

    resampler = soxr.ResampleStream(
        reader.samplerate, rate, reader.channels, dtype="float32", quality="VHQ"
    )
    for block in blocks:
        yield resampler.resample_chunk(np.ascontiguousarray(block.T)).reshape(-1, len(block)).T
    rest = np.empty((0, reader.channels), dtype=np.float32)
    yield resampler.resample_chunk(rest, last=True).reshape(-1, reader.channels).T


def _stream_blocks(est, blocks, n_channels):
    stream, n_read = est.stream(n_channels), 0
    for block in blocks:
        if not np.isfinite(block).all():
            raise ValueError(
                "source must hold finite values, got NaN or infinity between timepoints "
                f"{n_read} and {n_read + block.shape[1]}: repair the file, or cut it there."
            )
        n_read += block.shape[1]
        yield stream.push(block)
    yield stream.flush()


def _write_blocks(writer, blocks):
    peak = 0.0
    for y in blocks:
        peak = max(peak, float(np.abs(y).max(initial=0)))
        writer.write(y.T if writer.subtype in _UNBOUNDED else np.clip(y.T, -1, 1))
    if peak > 1 and writer.subtype not in _UNBOUNDED:
        warnings.warn(
            f"The result reaches {peak:.3g} and was clipped at 1, since {writer.subtype} holds no "
            "more. A little is common for loud files; much of it says that the file was made "
            "narrowband in another way than the training clips.",
            UserWarning,
            stacklevel=3,
        )
