"""Signals of a trial: brought to the rate of a device, low-pass filtered, matched in loudness."""

import numpy as np
from scipy import signal

from sklearn_audiosr.listening._loudness import integrated_loudness, true_peak

# BS.1534-3, sec. 5.1, gives a mask for the low anchor alone: 25 dB at 4 kHz and 50 dB at 4.5 kHz.
# This shape, with 60 dB from 8/7 of the cut-off on, keeps it and serves the mid anchor too.
_STOPBAND_START, _STOPBAND_DB = 8 / 7, 60.0

_MAX_PEAK = 10 ** (-1 / 20)  # -1 dB true peak: room for a browser's own resampling


def stretch(clip, n_timepoints):
    """Bring a clip to so many timepoints, in the same time."""
    import soxr

    if clip.shape[-1] == n_timepoints:
        return clip
    clip = soxr.resample(clip.T, clip.shape[-1], n_timepoints, quality="VHQ").T
    missing = n_timepoints - clip.shape[-1]  # soxr may round otherwise
    return np.pad(clip, ((0, 0), (0, max(missing, 0))))[:, :n_timepoints]


def low_pass(clip, cutoff, sampling_rate):
    """Pass a clip up to `cutoff` Hz within 0.1 dB, without delay."""
    width = (_STOPBAND_START - 1) * cutoff
    n_taps, beta = signal.kaiserord(_STOPBAND_DB, width / (sampling_rate / 2))
    taps = signal.firwin(
        n_taps // 2 * 2 + 1, cutoff + width / 2, window=("kaiser", beta), fs=sampling_rate
    )
    half = len(taps) // 2
    return signal.oaconvolve(clip, taps[None], axes=-1)[:, half : half + clip.shape[-1]]


def match_loudness(clips, recording, sampling_rate, loudness):
    """Bring the clips of a trial, the reference first, to one loudness."""
    # the unit of the recordings may be any, but the gates of the meter are absolute
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


def leave_headroom(trials):
    """Make all clips as much quieter as the one with the highest peak needs."""
    peak = max(true_peak(clip) for trial in trials.values() for clip in trial.values())
    gain = min(1.0, _MAX_PEAK / peak)
    scaled = {
        recording: {name: (gain * clip).astype(np.float32) for name, clip in trial.items()}
        for recording, trial in trials.items()
    }
    return scaled, gain
