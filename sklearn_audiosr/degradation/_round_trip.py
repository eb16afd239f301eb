"""One waveform through an encoder and its decoder, in memory, by soundfile."""

import inspect
import io
from dataclasses import dataclass

import numpy as np

_MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)

# libvorbis overflows its stack if it is given a long waveform at once.
_BLOCK_LENGTH = 16384

# libsndfile's Opus encoder may lose the last milliseconds of a file: let them be silence.
_TAIL_SECONDS = 0.1

# LAME's encoder delays by 576 timepoints, the decoder by 529 more. libsndfile cuts both off if
# the file has LAME's header; frames of a constant bit rate may be too short to hold it.
_MP3_DELAY = 1105

# Opus' speech modes come out up to 60 microseconds early or late, which depends on the bit rate
# and on the clip.
_OPUS_JITTER_SECONDS = 75e-6


@dataclass(frozen=True)
class Format:
    """A file format that soundfile writes, and the rates in Hz that it takes (None: any)."""

    major: str
    subtype: str
    rates: tuple[int, ...] | None


FORMATS = {
    "mp3": Format("MP3", "MPEG_LAYER_III", _MPEG_RATES),
    "vorbis": Format("OGG", "VORBIS", None),
    "opus": Format("OGG", "OPUS", _OPUS_RATES),
}


def check_formats(formats, options):
    """Raise if soundfile is missing, or too old for `options`, or lacks one of `formats`."""
    try:
        import soundfile
    except ImportError as error:
        raise ImportError("Codec needs soundfile: pip install soundfile") from error

    for name in formats:
        major, subtype = FORMATS[name].major, FORMATS[name].subtype
        known = soundfile.available_formats()
        if major not in known or subtype not in soundfile.available_subtypes(major):
            raise ValueError(
                f'format="{name}" needs a libsndfile that was built with it, got libsndfile '
                f"{soundfile.__libsndfile_version__} without: pip install -U soundfile brings "
                "one, or take another format."
            )
    known = inspect.signature(soundfile.SoundFile).parameters
    missing = [name for name, value in options.items() if value is not None and name not in known]
    if missing:
        raise ValueError(
            f"{' and '.join(missing)} must be None for soundfile {soundfile.__version__}, got "
            f"{', '.join(repr(options[name]) for name in missing)}: leave the default, or pip "
            "install -U soundfile (0.13 or newer)."
        )


def round_trip(waveform, rate, name, level=None, mode=None):
    """Encode and decode a waveform.

    Parameters
    ----------
    waveform : ndarray of shape (n_timepoints,), float32
        Timepoints in [-1, 1].
    rate : float
        Its sampling rate in Hz. If the format does not take it, the waveform is resampled to the
        next rate above (or the highest), and back.
    name : {"mp3", "vorbis", "opus"}
        The format.
    level : float, default=None
        libsndfile's compression level, from 0 (best) to 1 (smallest); None is its default.
    mode : {"constant", "average", "variable"}, default=None
        Bit rate mode, of MP3 only.

    Returns
    -------
    decoded : ndarray of shape (n_timepoints,), float32
        As long, and not delayed.
    """
    rates = FORMATS[name].rates or (round(rate),)
    coded_rate = next((r for r in rates if r >= rate), rates[-1])
    at_coded_rate = _resample(waveform, rate, coded_rate)
    decoded = _code(at_coded_rate, coded_rate, name, level, mode)
    return _fit_length(_resample(decoded, coded_rate, rate), len(waveform))


def _resample(waveform, rate, other_rate):
    if abs(rate - other_rate) < 1:  # Vorbis files have whole rates; a part of 1 Hz is nothing
        return waveform
    try:
        import soxr
    except ImportError as error:
        raise ImportError(
            f"coding at {rate:g} Hz needs a resampler to {other_rate} Hz: pip install soxr"
        ) from error
    return soxr.resample(waveform, rate, other_rate, quality="VHQ")


def _code(waveform, rate, name, level, mode):
    tail = int(_TAIL_SECONDS * rate)
    decoded = _read(encode(np.pad(waveform, (0, tail)), rate, name, level, mode))
    if name == "mp3" and len(decoded) > len(waveform) + tail:
        decoded = decoded[_MP3_DELAY:]
    if name == "opus":
        decoded = _align(decoded, waveform, int(np.ceil(_OPUS_JITTER_SECONDS * rate)))
    return _fit_length(decoded, len(waveform))


def encode(waveform, rate, name, level, mode):
    """Return the encoded file, in memory; arguments are those of `round_trip`."""
    import soundfile

    options = {}
    if level is not None:
        # LAME refuses its lowest quality, 10, but takes 9.999
        options["compression_level"] = min(level, 0.9999) if name == "mp3" else level
    if mode is not None and name == "mp3":
        options["bitrate_mode"] = mode.upper()
    form, memory = FORMATS[name], io.BytesIO()
    with soundfile.SoundFile(
        memory, "w", rate, 1, form.subtype, format=form.major, **options
    ) as file:
        for start in range(0, len(waveform), _BLOCK_LENGTH):
            file.write(waveform[start : start + _BLOCK_LENGTH])
    memory.seek(0)
    return memory


def _read(memory):
    import soundfile

    return soundfile.read(memory, dtype="float32")[0]


def _align(decoded, waveform, max_lag):
    """Shift `decoded` by what correlates best with `waveform`, at most `max_lag` timepoints."""
    length = len(waveform)
    around = np.pad(_fit_length(decoded, length + max_lag), (max_lag, 0))
    lags = sorted(range(-max_lag, max_lag + 1), key=abs)  # for silence argmax takes the first, 0
    shifted = [around[max_lag + lag : max_lag + lag + length] for lag in lags]
    return shifted[np.argmax([candidate @ waveform for candidate in shifted])]


def _fit_length(waveform, length):
    """Cut the end, or put silence there."""
    return np.pad(waveform[:length], (0, max(0, length - len(waveform))))
