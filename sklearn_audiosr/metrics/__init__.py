"""Metrics of super-resolution on containers of clips, and their scorers.

Two metrics belong together: the signal-to-noise ratio rewards a waveform that is close to the
truth (an empty highband does well), the log-spectral distance rewards a plausible spectrum (an
invented highband does well). Report both, beside a baseline. The perceptual scores of speech come
from packages of their own, the extra ``metrics``.
"""

# Beyond __all__: the conventions, and the ratio of one clip for the rooms above.
from sklearn_audiosr.metrics._log_spectral_distance import (  # noqa: F401
    LSD_CONVENTIONS,
    LSDConvention,
    lsd_distance,
)
from sklearn_audiosr.metrics._perceptual import (
    pesq_score,
    stoi_score,
    visqol_score,
)
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
    si_sdr_score,
    snr_score,
    waveform_snr,
)

__all__ = [
    "lsd_distance",
    "make_clip_scorer",
    "neg_highband_lsd_scorer",
    "neg_lowband_lsd_scorer",
    "neg_lsd_scorer",
    "pesq_score",
    "pesq_scorer",
    "si_sdr_score",
    "si_sdr_scorer",
    "snr_score",
    "snr_scorer",
    "stoi_score",
    "stoi_scorer",
    "visqol_score",
    "visqol_scorer",
]
