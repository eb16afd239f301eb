"""Read sound files: soundfile where it is needed, and clips at the rate that is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def import_soundfile() -> Any:
    """Return soundfile; raise ImportError with the remedy if it or libsndfile is missing."""
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: soundfile is installed, libsndfile is not
        raise ImportError(
            "reading audio files needs soundfile and its libsndfile: pip install soundfile"
        ) from error
    return soundfile


def describe_sound_error(error: Exception) -> str:
    """Return libsndfile's message, without the path that soundfile puts before it."""
    return str(getattr(error, "error_string", error))


def resample(
    clip: NDArray[np.float32], rate: float, sampling_rate: float | None
) -> NDArray[np.float32]:
    """Return a clip at the rate that is asked for.

    Parameters
    ----------
    clip : ndarray of shape (n_timepoints,) or (n_timepoints, n_channels)
        The clip.
    rate : float
        Its rate in Hz.
    sampling_rate : float or None
        Rate in Hz that is asked for; None leaves the clip as it is.

    Returns
    -------
    clip : ndarray
        Resampled by soxr (quality HQ); the same clip if it has the rate.

    Raises
    ------
    ImportError
        If soxr is needed and not installed.
    """
    if sampling_rate is None or rate == sampling_rate:
        return clip
    try:
        import soxr
    except ImportError as error:
        raise ImportError(
            f"resampling from {rate} Hz to {sampling_rate} Hz needs soxr: pip install soxr"
        ) from error
    resampled: NDArray[np.float32] = soxr.resample(clip, rate, sampling_rate, quality="HQ")
    return resampled
