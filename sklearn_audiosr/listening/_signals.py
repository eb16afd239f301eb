"""Prepare the signals of a trial: resample, filter, match the loudness, leave headroom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from sklearn_audiosr.listening._loudness import integrated_loudness, true_peak

# BS.1534-3, sec. 5.1, gives a mask for the low anchor alone: 25 dB at 4 kHz and 50 dB at 4.5 kHz.
# This filter has 60 dB from 8/7 of the cut-off on: it meets the mask. The mid anchor has it
# too.
_STOPBAND_START, _STOPBAND_DB = 8 / 7, 60.0

Waveform = NDArray[np.floating]  # of shape (n_channels, n_timepoints)

_MAX_PEAK = 10 ** (-1 / 20)  # -1 dB true peak: room for a browser's own resampling


def stretch(clip: Waveform, n_timepoints: int) -> Waveform:
    """Resample a clip to a number of timepoints; its duration stays the same."""
    import soxr

    if clip.shape[-1] == n_timepoints:
        return clip
    clip = soxr.resample(clip.T, clip.shape[-1], n_timepoints, quality="VHQ").T
    missing = n_timepoints - clip.shape[-1]  # soxr may round the length otherwise
    return np.pad(clip, ((0, 0), (0, max(missing, 0))))[:, :n_timepoints]


def low_pass(clip: Waveform, cutoff: float, sampling_rate: float) -> Waveform:
    """Filter a clip without delay; up to `cutoff` Hz it changes by less than 0.1 dB."""
    width = (_STOPBAND_START - 1) * cutoff
    n_taps, beta = signal.kaiserord(_STOPBAND_DB, width / (sampling_rate / 2))
    taps = signal.firwin(
        n_taps // 2 * 2 + 1, cutoff + width / 2, window=("kaiser", beta), fs=sampling_rate
    )
    half = len(taps) // 2
    filtered: Waveform = signal.oaconvolve(clip, taps[None], axes=-1)
    return filtered[:, half : half + clip.shape[-1]]


def match_loudness(
    clips: dict[str, Waveform], recording: str, sampling_rate: float, loudness: float
) -> dict[str, Waveform]:
    """Return the clips of a trial, the reference first, at one loudness.

    Raises ValueError if a clip is silent.
    """
    # recordings may have any unit, but the gates of the meter are absolute
    unit = np.abs(next(iter(clips.values()))).max()
    matched = {}
    for name, clip in clips.items():
        measured = integrated_loudness(clip / unit, sampling_rate)
        if measured == -np.inf:
            raise ValueError(
                f"{name!r} must be audible to be matched in loudness, got silence for "
                f"{recording!r}: leave out the system or the recording."
            )
        matched[name] = clip / unit * 10 ** ((loudness - measured) / 20)
    return matched


def leave_headroom(
    trials: dict[str, dict[str, Waveform]],
) -> tuple[dict[str, dict[str, NDArray[np.float32]]], float]:
    """Return all clips with one gain, at most 1, that keeps every true peak below -1 dB."""
    peak = max(true_peak(clip) for trial in trials.values() for clip in trial.values())
    gain = min(1.0, _MAX_PEAK / peak)
    scaled = {
        recording: {name: (gain * clip).astype(np.float32) for name, clip in trial.items()}
        for recording, trial in trials.items()
    }
    return scaled, gain
