"""Metrics of super-resolution on clips, and their scorers.

Scorers bear the metrics' usual abbreviations: SNR, SI-SDR, LSD, PESQ, STOI, ViSQOL. A smaller
distance is better: its scorer negates it, and the scorer's name begins with ``neg_``.

Two metrics belong together. The signal-to-noise ratio (SNR) rewards a waveform that is close to
the truth: an empty highband does well. The log-spectral distance (LSD) rewards a plausible
spectrum: an invented highband does well. Report both, beside a baseline. The perceptual scores of
speech (PESQ, STOI, ViSQOL) need packages of their own, the extra ``metrics``.
"""

# Beyond __all__: the conventions, the ratio of one clip for the rooms above, and old names.
from sklearn_audiosr.metrics._log_spectral_distance import (  # noqa: F401
    LSD_CONVENTIONS,
    LSDConvention,
    log_spectral_distance,
)
from sklearn_audiosr.metrics._old_names import (  # noqa: F401
    perceptual_speech_quality_score,
    short_time_intelligibility_score,
    virtual_speech_quality_score,
)
from sklearn_audiosr.metrics._pesq import pesq_score
from sklearn_audiosr.metrics._scorers import (
    make_clip_scorer,
    neg_highband_lsd_scorer,
    neg_lowband_lsd_scorer,
    neg_lsd_scorer,
    pesq_scorer,
    si_sdr_scorer,
    snr_scorer,
    stoi_scorer,
    visqol_scorer,
)
from sklearn_audiosr.metrics._signal_to_noise import (  # noqa: F401
    scale_invariant_sdr,
    signal_to_noise_ratio,
    waveform_snr,
)
from sklearn_audiosr.metrics._stoi import stoi_score
from sklearn_audiosr.metrics._visqol import visqol_score

__all__ = [
    "log_spectral_distance",
    "make_clip_scorer",
    "neg_highband_lsd_scorer",
    "neg_lowband_lsd_scorer",
    "neg_lsd_scorer",
    "pesq_score",
    "pesq_scorer",
    "scale_invariant_sdr",
    "si_sdr_scorer",
    "signal_to_noise_ratio",
    "snr_scorer",
    "stoi_score",
    "stoi_scorer",
    "visqol_score",
    "visqol_scorer",
]
