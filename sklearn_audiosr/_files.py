"""Sound files of any length, super-resolved in bounded memory."""

import math
import os
import shutil
import uuid
import warnings
from numbers import Real
from pathlib import Path

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_audiosr._bandwidth import BandwidthMeter
from sklearn_audiosr._formats import is_bounded, open_writer

# Timepoints of a file, over all channels, that are read at once.
_N_READ = 2**16

# A measured band may end so far beyond a Nyquist frequency: what a resampler leaves there.
_MEASURING_MARGIN = 1.05

# Share of a file's power that is worth a word where it is dropped: 60 dB below all.
_LEAST_LOST = 1e-6

# Share of the narrowband Nyquist frequency below which a band is not what estimators train on; the
# filters of Decimator(filter="random") leave 0.6.
_LEAST_SHARE = 0.5


def upsample_file(est, source, target, *, resample=False, assume_bandwidth=None):
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
        filter of the resampler then takes the place of that in training: see Notes. Where
        ``sampling_rate / r`` is no whole number, 2666.67 Hz for example, a file of the one below
        or the one above it, 2666 or 2667 Hz, is taken for one of that rate without this.
    assume_bandwidth : "auto" or float, default=None
        For a file of a higher rate than ``sampling_rate / r`` whose highband is empty: where its
        band ends, in Hz. "auto" reads the file once more, before, to measure that. A band that
        ends below the narrowband Nyquist frequency, ``sampling_rate / (2 * r)``, is brought to the
        rate of the narrowband clips, in place, and super-resolved; one that ends above is an error.

    Raises
    ------
    ValueError
        If the file's rate is not ``sampling_rate / r`` and neither `resample` nor
        `assume_bandwidth` says what to do, if the file's band ends above the narrowband Nyquist
        frequency or can't be measured, if `source` and `target` are the same file, if the file is
        empty, has more than 64 channels, or holds NaN or infinity, or if the target's container
        can't hold the result.
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
        If values beyond [-1, 1] had to be clipped, or if the band of what the estimator is given
        ends below half of the narrowband Nyquist frequency: training clips hold more; or if
        ``resample=True`` drops a part of the file's band; or if `source` ends before its header
        says so.

    Notes
    -----
    An estimator undoes the filter that its training clips were made with. A file whose band ends
    in another way, or is resampled here, needs one that was trained on clips made that way:
    `LinearUpsampler` above all raises what `Decimator` attenuates, up to 80 times.

    Channels are kept, and so is the sample format (16-bit, 24-bit, float, ...) where the target's
    container has it. Where it doesn't, and for a source of eight bits or a coded one (mu-law, GSM,
    MP3, ...), the format is the container's usual one: 16-bit for WAV and FLAC. Integer formats
    can't hold values beyond [-1, 1]: these are clipped. Without a `sampling_rate` the estimator
    takes a file of any rate, and writes r times that rate; with one it writes that, whatever the
    file's. A file that has it already, and an empty highband, keeps its length.

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
    from sklearn_audiosr._reading import SequentialReader

    if not hasattr(est, "stream"):
        raise TypeError(
            "est must be an estimator of this package, got "
            f"{type(est).__name__}: of a Pipeline, pass its last step, pipeline[-1]."
        )
    check_is_fitted(est)
    _check_assumption(assume_bandwidth)
    _check_paths(source, target)
    target = Path(os.path.realpath(target))  # of a link, the file that it leads to
    with SequentialReader(source) as reader:
        if reader.frames == 0:
            raise ValueError(f"source must have at least 1 timepoint, got an empty file: {source}.")
        narrow_rate, wide_rate = _find_rates(est, reader.samplerate, resample, assume_bandwidth)
        is_narrow = is_header_of(reader.samplerate, narrow_rate) and not resample
        file_rate = narrow_rate if is_narrow else reader.samplerate
        keeps_length = assume_bandwidth is not None and reader.samplerate == wide_rate
        temporary = target.with_name(f".{uuid.uuid4().hex}.part")
        try:
            with open_writer(temporary, target, reader, wide_rate) as writer:
                stream = est.stream(reader.channels)
                if assume_bandwidth is not None:
                    _check_band(reader, source, assume_bandwidth, narrow_rate)
                drops_band = resample and assume_bandwidth is None
                rates = file_rate, narrow_rate
                _upsample(reader, stream, writer, rates, keeps_length, drops_band)
            if target.exists():
                shutil.copymode(target, temporary)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


def _upsample(reader, stream, writer, rates, keeps_length, drops_band):
    """Write what a stream makes of a file of the first rate that is brought to the second."""
    file_rate, narrow_rate = rates
    meter, before = BandwidthMeter(narrow_rate), BandwidthMeter(file_rate)
    multiple = round(file_rate / narrow_rate) if keeps_length else 1
    count = _FrameCount()
    blocks = _watch_blocks(_read_blocks(reader, multiple), count)
    if drops_band and file_rate > narrow_rate:
        blocks = _watch_blocks(blocks, before)
    blocks = _watch_blocks(_resample(blocks, file_rate, narrow_rate, reader.channels), meter)
    blocks = _stream_blocks(stream, blocks)
    _write_blocks(writer, _cut(blocks, reader.frames) if keeps_length else blocks)
    _warn_of_cut(count.n_frames, reader)
    _warn_of_narrow_band(meter.bandwidth(), narrow_rate)
    _warn_of_lost_band(before, narrow_rate)


def is_header_of(file_rate, rate):
    """Tell whether the whole number of Hz in a file's header stands for a rate.

    A sixth of 16 kHz is none: headers hold the one below it, 2666, or the one above, 2667.

    Parameters
    ----------
    file_rate : int
        Of the header, in Hz.
    rate : float
        In Hz.

    Returns
    -------
    stands : bool
        True for the rate itself, or for the whole numbers below and above it if it is none.
    """
    return math.floor(rate) <= file_rate <= math.ceil(rate)


def describe_rate(rate):
    """Tell a rate, and what headers have in its place if it is no whole number.

    Parameters
    ----------
    rate : float
        In Hz.

    Returns
    -------
    text : str
        "8000 Hz", or "2666.67 Hz (2666 or 2667 in a header)".
    """
    below, above = math.floor(rate), math.ceil(rate)
    return f"{rate:g} Hz" + (f" ({below} or {above} in a header)" if below < above else "")


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


def _check_assumption(bandwidth):
    legal = isinstance(bandwidth, Real) and not isinstance(bandwidth, bool)
    if bandwidth is None or bandwidth == "auto" or (legal and 0 < bandwidth < np.inf):
        return
    raise ValueError(
        f'assume_bandwidth must be None, "auto" or a frequency in Hz, got {bandwidth!r}: pass '
        "where the band of the file ends."
    )


def _find_rates(est, file_rate, resample, assume_bandwidth):
    """Rates in Hz of the estimator's input and output for a file."""
    ratio, wide_rate = est.upsampling_ratio_, est.sampling_rate
    if wide_rate is None:
        if resample or assume_bandwidth is not None:
            wish = "resample=True" if resample else f"assume_bandwidth={assume_bandwidth!r}"
            raise ValueError(
                f"{wish} needs the rate that the estimator was trained for, got "
                "sampling_rate=None: set it, est.set_params(sampling_rate=16000)."
            )
        return file_rate, file_rate * ratio
    if wide_rate != int(wide_rate):
        raise ValueError(
            f"sampling_rate must be a whole number of Hz to write files, got {wide_rate}."
        )
    narrow_rate = wide_rate / ratio
    may_resample = resample or (assume_bandwidth is not None and file_rate > narrow_rate)
    if not is_header_of(file_rate, narrow_rate) and not may_resample:
        remedy = "pass resample=True"
        if file_rate > narrow_rate:
            remedy += ', or assume_bandwidth="auto" for a file whose highband is empty'
        raise ValueError(
            f"source must have a rate of {describe_rate(narrow_rate)}, sampling_rate="
            f"{wide_rate:g} over the upsampling ratio {ratio}, got {file_rate} Hz: {remedy}, or an "
            "estimator that was trained for this rate."
        )
    return narrow_rate, int(wide_rate)


def _check_band(reader, source, assume_bandwidth, narrow_rate):
    """Raise an error if the band of a file does not end below the narrowband Nyquist frequency."""
    nyquist, bandwidth, margin, origin = narrow_rate / 2, assume_bandwidth, 1.0, "as assumed"
    if assume_bandwidth == "auto":
        bandwidth = _measure_band(reader, source)
        margin, origin = _MEASURING_MARGIN, "as measured"
    if bandwidth > margin * math.ceil(narrow_rate) / 2:  # half of what a header may say
        raise ValueError(
            f"source must have a band that ends below {nyquist:g} Hz, the Nyquist frequency of "
            f"narrowband clips, got one that ends at {bandwidth:.0f} Hz, {origin}: it is not "
            f"narrowband for this estimator. Take one whose narrowband rate is {2 * bandwidth:.0f} "
            "Hz or more, or drop what lies above with resample=True."
        )


def _measure_band(reader, source):
    """Bandwidth of a file in Hz; the reader is at its start then as before."""
    from sklearn_audiosr._reading import SequentialReader

    is_path = isinstance(source, (str, os.PathLike))
    if is_path and os.path.isfile(source):
        with SequentialReader(source) as other:
            bandwidth = _meter(other)
    elif not is_path and reader.can_rewind():  # of a pipe, libsndfile says so of some containers
        bandwidth = _meter(reader)
        reader.seek(0)
    else:
        raise ValueError(
            'source must be seekable for assume_bandwidth="auto", which reads it twice, got '
            f"{source}, which is not: pass where its band ends in Hz, or write it to a file first."
        )
    if np.isnan(bandwidth):
        raise ValueError(
            'source must hold at least 0.3 s and some sound for assume_bandwidth="auto", got '
            f"{reader.frames / reader.samplerate:.2f} s in {source}: pass where its band ends in "
            "Hz."
        )
    return bandwidth


def _meter(reader):
    meter = BandwidthMeter(reader.samplerate)
    for _ in _watch_blocks(_read_blocks(reader), meter):
        pass
    return meter.bandwidth()


def _watch_blocks(blocks, meter):
    for block in blocks:
        meter.push(block)
        yield block


def _warn_of_narrow_band(bandwidth, narrow_rate):
    nyquist = narrow_rate / 2
    if bandwidth < _LEAST_SHARE * nyquist:  # not for nan: nothing to measure
        warnings.warn(
            f"source has a band that ends at {bandwidth:.0f} Hz, where narrowband clips of "
            f"{narrow_rate:g} Hz hold up to {nyquist:g} Hz: what is missing between is not "
            "restored, and the highband may be poor. Take an estimator whose narrowband rate is "
            f'about {2 * bandwidth:.0f} Hz, with assume_bandwidth="auto".',
            UserWarning,
            stacklevel=4,
        )


def _warn_of_lost_band(meter, narrow_rate):
    nyquist, bandwidth = narrow_rate / 2, meter.bandwidth()
    highest = _MEASURING_MARGIN * nyquist
    # not for nan: nothing was resampled; tones and silence have no band that would end
    if bandwidth > highest and meter.share_above(highest) > _LEAST_LOST:
        warnings.warn(
            f"source has a band that ends at {bandwidth:.0f} Hz, of which resample=True dropped "
            f"what lies above {nyquist:g} Hz: the result has another highband. To keep it, take an "
            f"estimator whose narrowband rate is about {2 * bandwidth:.0f} Hz.",
            UserWarning,
            stacklevel=4,
        )


def _read_blocks(reader, multiple=1):
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


class _FrameCount:
    """How many frames went by."""

    def __init__(self):
        self.n_frames = 0

    def push(self, block):
        self.n_frames += block.shape[1]


def _warn_of_cut(n_read, reader):
    from sklearn_audiosr._reading import tells_length

    n_missing = reader.frames - n_read
    # headers of whole MP3 files may be off by a little
    tolerated = max(0.5 * reader.samplerate, 0.01 * reader.frames)
    if n_missing > tolerated and tells_length(reader):
        warnings.warn(
            f"source ended after {n_read / reader.samplerate:.2f} s of the "
            f"{reader.frames / reader.samplerate:.2f} s that its header tells: it may have been "
            "cut off, and so is the result.",
            UserWarning,
            stacklevel=4,
        )


def _resample(blocks, file_rate, rate, n_channels):
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


def _stream_blocks(stream, blocks):
    for block in blocks:
        yield stream.push(block)
    yield stream.flush()


def _cut(blocks, n_timepoints):
    for block in blocks:
        yield block[:, :n_timepoints]
        n_timepoints -= min(n_timepoints, block.shape[1])


def _write_blocks(writer, blocks):
    peak = 0.0
    for y in blocks:
        peak = max(peak, float(np.abs(y).max(initial=0)))
        writer.write(np.clip(y.T, -1, 1) if is_bounded(writer.subtype) else y.T)
    if peak > 1 and is_bounded(writer.subtype):
        warnings.warn(
            f"The result reaches {peak:.3g} and was clipped at 1, since {writer.subtype} holds no "
            "more. A little is common for loud files; much of it says that the file was made "
            "narrowband in another way than the training clips.",
            UserWarning,
            stacklevel=4,
        )
