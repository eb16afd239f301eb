"""Metrics of super-resolution on clips, and their scorers.

Scorers bear the metrics' usual abbreviations: SNR, SI-SDR, LSD, PESQ, STOI, ViSQOL. A smaller
distance is better: its scorer negates it, and the scorer's name begins with ``neg_``.

Two metrics belong together. The signal-to-noise ratio (SNR) rewards a waveform that is close to
the truth: an empty highband does well. The log-spectral distance (LSD) rewards a plausible
spectrum: an invented highband does well. Report both, beside a baseline. Neither hears a highband
that is wrong in time, buzzes or has no harmonics: ``highband_level_errors``,
``modulation_line_error`` and ``harmonicity_score`` do. The perceptual scores of speech (PESQ, STOI,
ViSQOL) need packages of their own, the extra ``metrics``.
"""

# Beyond __all__: the conventions, scores block by block and the ratio of one clip for the rooms
# above, and old names.
from sklearn_audiosr.metrics._blockwise import BlockwiseScores  # noqa: F401
from sklearn_audiosr.metrics._frame_distances import LSD_CONVENTIONS, LSDConvention  # noqa: F401
from sklearn_audiosr.metrics._harmonicity import harmonicity_score
from sklearn_audiosr.metrics._highband_levels import (
    HighbandLevelErrors,
    highband_level_errors,
    temporal_level_error,
)
from sklearn_audiosr.metrics._log_spectral_distance import log_spectral_distance
from sklearn_audiosr.metrics._modulation_line import modulation_line_error
from sklearn_audiosr.metrics._old_names import (  # noqa: F401
    perceptual_speech_quality_score,
    short_time_intelligibility_score,
    virtual_speech_quality_score,
)
from sklearn_audiosr.metrics._pesq import pesq_score
from sklearn_audiosr.metrics._scorers import (
    harmonicity_scorer,
    make_clip_scorer,
    neg_highband_lsd_scorer,
    neg_lowband_lsd_scorer,
    neg_lsd_scorer,
    neg_modulation_line_error_scorer,
    neg_temporal_level_error_scorer,
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
    "HighbandLevelErrors",
    "harmonicity_score",
    "harmonicity_scorer",
    "highband_level_errors",
    "log_spectral_distance",
    "make_clip_scorer",
    "modulation_line_error",
    "neg_highband_lsd_scorer",
    "neg_lowband_lsd_scorer",
    "neg_lsd_scorer",
    "neg_modulation_line_error_scorer",
    "neg_temporal_level_error_scorer",
    "pesq_score",
    "pesq_scorer",
    "scale_invariant_sdr",
    "si_sdr_scorer",
    "signal_to_noise_ratio",
    "snr_scorer",
    "stoi_score",
    "stoi_scorer",
    "temporal_level_error",
    "visqol_score",
    "visqol_scorer",
]
