"""Degradations: the one source of narrowband audio, and of what else befalls a recording.

A degradation is a scikit-learn transformer from clips to degraded clips, so that a pipeline can
degrade and restore, and cross-validate on wideband recordings alone.
"""

from sklearn_audiosr.degradation._codec import Codec
from sklearn_audiosr.degradation._decimator import Decimator
from sklearn_audiosr.degradation._lowband import ideal_lowband, trim_clips
from sklearn_audiosr.degradation._noise import AddNoise
from sklearn_audiosr.degradation._round_trip import encode as encode
from sklearn_audiosr.degradation._telephone import Telephone

__all__ = ["AddNoise", "Codec", "Decimator", "Telephone", "ideal_lowband", "trim_clips"]
