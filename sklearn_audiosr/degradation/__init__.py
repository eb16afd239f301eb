"""Degradations: the one source of narrowband audio, and of other damage to recordings.

A degradation is a scikit-learn transformer from clips to degraded clips. So a pipeline can degrade
and restore, and cross-validate on wideband recordings alone.
"""

# Beyond __all__: legal values, for the command line.
from sklearn_audiosr.degradation._codec import Codec
from sklearn_audiosr.degradation._decimator import Decimator
from sklearn_audiosr.degradation._filters import FAMILIES  # noqa: F401
from sklearn_audiosr.degradation._lowband import ideal_lowband, trim_clips
from sklearn_audiosr.degradation._noise import MAX_SNR, AddNoise  # noqa: F401
from sklearn_audiosr.degradation._telephone import Telephone

__all__ = ["AddNoise", "Codec", "Decimator", "Telephone", "ideal_lowband", "trim_clips"]
