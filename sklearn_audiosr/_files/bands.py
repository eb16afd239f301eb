"""Check where the band of a file ends before super-resolution; warn after it."""

import math
import os
import warnings
from numbers import Real

import numpy as np

from sklearn_audiosr._files.blocks import read_blocks, watch_blocks
from sklearn_audiosr._signal.bandwidth import LOWEST, BandwidthMeter

# A measured band may end 5 % above a Nyquist frequency: a resampler leaves that much.
_MEASURING_MARGIN = 1.05

# Warn if at least this share of a file's power is dropped: 60 dB below the whole.
_LEAST_LOST = 1e-6

# A band that ends below this share of the narrowband Nyquist frequency is unlike training clips:
# the filters of Decimator(filter="random") leave 0.6.
_LEAST_SHARE = 0.5

# Steps of files of a high rate are looked for from this frequency in Hz: below, voices end as
# steeply. From 667 Hz on, 3 of 231 recordings of 44.1 and 48 kHz would count as narrowband.
_LOWEST_STEP = 1000


def check_assumption(bandwidth):
    """Raise ValueError unless a bandwidth is a legal `assume_bandwidth`.

    Parameters
    ----------
    bandwidth : object
        What the user passed.

    Raises
    ------
    ValueError
        If it is neither None, "auto" nor a frequency.
    """
    legal = isinstance(bandwidth, Real) and not isinstance(bandwidth, bool)
    if bandwidth is None or bandwidth == "auto" or (legal and 0 < bandwidth < np.inf):
        return
    raise ValueError(
        f'assume_bandwidth must be None, "auto" or a frequency in Hz, got {bandwidth!r}: pass '
        "where the band of the file ends."
    )


def check_band(reader, source, assume_bandwidth, narrow_rate, progress=None):
    """Raise an error if the band of a file does not end below the narrowband Nyquist frequency.

    Parameters
    ----------
    reader : SequentialReader
        The file; it stays at its start.
    source : path-like or file-like
        Where it was opened.
    assume_bandwidth : "auto" or float
        The band in Hz; "auto" measures it.
    narrow_rate : float
        Rate of the narrowband clips in Hz.
    progress : callable, default=None
        Called with 0.0 after each block that is measured.

    Raises
    ------
    ValueError
        If the band ends above, or can't be measured.
    """
    nyquist, bandwidth, margin, origin = narrow_rate / 2, assume_bandwidth, 1.0, "as assumed"
    if assume_bandwidth == "auto":
        bandwidth = _measure_band(reader, source, narrow_rate, progress)
        margin, origin = _MEASURING_MARGIN, "as measured"
    if bandwidth > margin * math.ceil(narrow_rate) / 2:  # the highest rate that its header may have
        raise ValueError(
            f"source must have a band that ends below {nyquist:g} Hz, the Nyquist frequency of "
            f"narrowband clips, got one that ends at {bandwidth:.0f} Hz, {origin}: it is not "
            f"narrowband for this estimator. Take one whose narrowband rate is {2 * bandwidth:.0f} "
            "Hz or more, or drop what lies above with resample=True."
        )


def _measure_band(reader, source, narrow_rate, progress):
    """Measure the bandwidth of a file in Hz; the reader stays at its start."""
    lowest = min(_LEAST_SHARE * narrow_rate, 2 * _LOWEST_STEP) / reader.samplerate
    from sklearn_audiosr._files.reader import SequentialReader

    is_path = isinstance(source, (str, os.PathLike))
    if is_path and os.path.isfile(source):
        with SequentialReader(source) as other:
            bandwidth = _meter(other, lowest, progress)
    elif reader.can_rewind():
        bandwidth = _meter(reader, lowest, progress)
        reader.seek(0)
    else:
        raise ValueError(
            'source must be seekable for assume_bandwidth="auto", which reads it twice, got '
            f"{source}, which is not: pass where its band ends in Hz, or write it to a file first."
        )
    if np.isnan(bandwidth):
        raise ValueError(
            "source must hold at least 0.3 s (more at rates below 8 kHz) and some sound for "
            'assume_bandwidth="auto", got '
            f"{reader.frames / reader.samplerate:.2f} s in {source}: pass where its band ends in "
            "Hz."
        )
    return bandwidth


def _meter(reader, lowest, progress):
    """Measure the bandwidth in Hz; search lower when the narrowband rate is known."""
    meter = BandwidthMeter(reader.samplerate, min(lowest, LOWEST))
    for _ in watch_blocks(read_blocks(reader), meter):
        if progress is not None:
            progress(0.0)
    return meter.bandwidth()


def warn_of_narrow_band(bandwidth, narrow_rate):
    """Warn if a band, in Hz, ends far below the Nyquist frequency of narrowband clips.

    Parameters
    ----------
    bandwidth : float
        Where the band ends in Hz.
    narrow_rate : float
        Rate of the narrowband clips in Hz.

    Warns
    -----
    UserWarning
        If it ends below half of that frequency.
    """
    nyquist = narrow_rate / 2
    if bandwidth < _LEAST_SHARE * nyquist:  # never for nan: nothing to measure
        warnings.warn(
            f"source has a band that ends at {bandwidth:.0f} Hz, where narrowband clips of "
            f"{narrow_rate:g} Hz hold up to {nyquist:g} Hz: what is missing between is not "
            "restored, and the highband may be poor. Take an estimator whose narrowband rate is "
            f'about {2 * bandwidth:.0f} Hz, with assume_bandwidth="auto".',
            UserWarning,
            stacklevel=4,
        )


def warn_of_lost_band(meter, narrow_rate):
    """Warn if a meter measured a band that resampling to the narrowband rate dropped.

    Parameters
    ----------
    meter : BandwidthMeter
        It was shown the file before resampling.
    narrow_rate : float
        Rate of the narrowband clips in Hz.

    Warns
    -----
    UserWarning
        If the dropped band has a share of the file's power that counts.
    """
    nyquist, bandwidth = narrow_rate / 2, meter.bandwidth()
    highest = _MEASURING_MARGIN * nyquist
    # never for nan: nothing was resampled, or tones and silence, which have no band
    if bandwidth > highest and meter.share_above(highest) > _LEAST_LOST:
        warnings.warn(
            f"source has a band that ends at {bandwidth:.0f} Hz, of which resample=True dropped "
            f"what lies above {nyquist:g} Hz: the result has another highband. To keep it, take an "
            f"estimator whose narrowband rate is about {2 * bandwidth:.0f} Hz.",
            UserWarning,
            stacklevel=4,
        )
