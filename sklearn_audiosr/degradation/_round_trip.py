"""One waveform through an encoder and its decoder, in memory, by soundfile."""

from __future__ import annotations

import inspect
import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_audiosr._files.encoding import encode
from sklearn_audiosr._files.formats import CODECS, sample_format

# libsndfile's Opus encoder may lose the last milliseconds of a file: let them be silence.
_TAIL_SECONDS = 0.1

# LAME's encoder delays by 576 timepoints, the decoder by 529 more. libsndfile cuts both off if
# the file has LAME's header; frames of a constant bit rate may be too short to hold it.
_MP3_DELAY = 1105

# Opus' speech modes come out up to 60 microseconds early or late, which depends on the bit rate
# and on the clip.
_OPUS_JITTER_SECONDS = 75e-6


def check_formats(formats: Iterable[str], options: dict[str, Any]) -> None:
    """Raise if soundfile is missing, or too old for `options`, or lacks one of `formats`."""
    try:
        import soundfile
    except ImportError as error:
        raise ImportError("Codec needs soundfile: pip install soundfile") from error

    for name in formats:
        file_format, subtype = CODECS[name]
        known = soundfile.available_formats()
        if file_format not in known or subtype not in soundfile.available_subtypes(file_format):
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


def round_trip(
    waveform: NDArray[np.float32],
    rate: float,
    name: str,
    level: float | None = None,
    mode: str | None = None,
) -> NDArray[np.float32]:
    """Encode and decode a waveform.

    Parameters
    ----------
    waveform : ndarray of shape (n_timepoints,), float32
        Timepoints in [-1, 1].
    rate : float
        Its sampling rate in Hz. If the codec does not take it, the waveform is resampled to the
        next rate above (or the highest), and back.
    name : {"mp3", "vorbis", "opus"}
        The codec.
    level : float, default=None
        libsndfile's compression level, from 0 (best) to 1 (smallest); None is its default.
    mode : {"constant", "average", "variable"}, default=None
        Bit rate mode, of MP3 only.

    Returns
    -------
    decoded : ndarray of shape (n_timepoints,), float32
        The waveform, of the same length and not delayed.
    """
    rates = sample_format(CODECS[name].subtype).rates or (round(rate),)
    coded_rate = next((r for r in rates if r >= rate), rates[-1])
    at_coded_rate = _resample(waveform, rate, coded_rate)
    decoded = _code(at_coded_rate, coded_rate, name, level, mode)
    return _fit_length(_resample(decoded, coded_rate, rate), len(waveform))


def _resample(waveform: NDArray[np.float32], rate: float, other_rate: float) -> NDArray[np.float32]:
    if abs(rate - other_rate) < 1:  # Vorbis files have whole rates; a part of 1 Hz is nothing
        return waveform
    try:
        import soxr
    except ImportError as error:
        raise ImportError(
            f"coding at {rate:g} Hz needs a resampler to {other_rate} Hz: pip install soxr"
        ) from error
    resampled: NDArray[np.float32] = soxr.resample(waveform, rate, other_rate, quality="VHQ")
    return resampled


def _code(
    waveform: NDArray[np.float32], rate: int, name: str, level: float | None, mode: str | None
) -> NDArray[np.float32]:
    tail = int(_TAIL_SECONDS * rate)
    decoded = _read(encode(np.pad(waveform, (0, tail)), rate, name, level, mode))
    if name == "mp3" and len(decoded) > len(waveform) + tail:
        decoded = decoded[_MP3_DELAY:]
    if name == "opus":
        decoded = _align(decoded, waveform, int(np.ceil(_OPUS_JITTER_SECONDS * rate)))
    return _fit_length(decoded, len(waveform))


def _read(memory: io.BytesIO) -> NDArray[np.float32]:
    import soundfile

    decoded: NDArray[np.float32] = soundfile.read(memory, dtype="float32")[0]
    return decoded


def _align(
    decoded: NDArray[np.float32], waveform: NDArray[np.float32], max_lag: int
) -> NDArray[np.float32]:
    """Shift `decoded` by what correlates best with `waveform`, at most `max_lag` timepoints."""
    length = len(waveform)
    around = np.pad(_fit_length(decoded, length + max_lag), (max_lag, 0))
    lags = sorted(range(-max_lag, max_lag + 1), key=abs)  # for silence argmax takes the first, 0
    shifted = [around[max_lag + lag : max_lag + lag + length] for lag in lags]
    return shifted[np.argmax([candidate @ waveform for candidate in shifted])]


def _fit_length(waveform: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Cut the end of a waveform, or pad it with zeros."""
    return np.pad(waveform[:length], (0, max(0, length - len(waveform))))
