"""Augmentation: vary wideband clips to make a model robust to other voices and equipment.

An augmentation is a scikit-learn transformer from clips to varied clips. It changes the target, so
it comes before the degradation that makes narrowband clips of it.
"""

from sklearn_audiosr.augmentation._band_edge import CutBandEdge
from sklearn_audiosr.augmentation._formants import ShiftFormants
from sklearn_audiosr.augmentation._level import ChangeLevel
from sklearn_audiosr.augmentation._microphone import ChangeMicrophone
from sklearn_audiosr.augmentation._noise_floor import AddNoiseFloor
from sklearn_audiosr.augmentation._phase import RotatePhase
from sklearn_audiosr.augmentation._speed import ChangeSpeed

__all__ = [
    "AddNoiseFloor",
    "ChangeLevel",
    "ChangeMicrophone",
    "ChangeSpeed",
    "CutBandEdge",
    "RotatePhase",
    "ShiftFormants",
]
