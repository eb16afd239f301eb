"""Metrics of super-resolution on clips, and their scorers.

Names follow one rule. Of ``xyz_score`` more is better, and its scorer is ``xyz_scorer``. Of
``xyz_distance`` less is better, and its scorer, which negates it, is ``neg_xyz_scorer``.

Two metrics belong together. The signal-to-noise ratio (SNR) rewards a waveform that is close to
the truth: an empty highband does well. The log-spectral distance (LSD) rewards a plausible
spectrum: an invented highband does well. Report both, beside a baseline. The perceptual scores of
speech (PESQ, STOI, ViSQOL) need packages of their own, the extra ``metrics``.
"""

# Beyond __all__: the conventions, the ratio of one clip for the rooms above, and old names.
from sklearn_audiosr.metrics._log_spectral_distance import (  # noqa: F401
    LSD_CONVENTIONS,
    LSDConvention,
    lsd_distance,
)
from sklearn_audiosr.metrics._old_names import (  # noqa: F401
    log_spectral_distance,
    perceptual_speech_quality_score,
    scale_invariant_sdr,
    short_time_intelligibility_score,
    signal_to_noise_ratio,
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
    si_sdr_score,
    snr_score,
    waveform_snr,
)
from sklearn_audiosr.metrics._stoi import stoi_score
from sklearn_audiosr.metrics._visqol import visqol_score

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
