"""Containers of clips: their types, their checks, and results in the caller's kind of container.

A container is a 2-D array ``(n_clips, n_timepoints)``, a 3-D array ``(n_clips, n_channels,
n_timepoints)``, or a sequence of clips of any lengths. Inside the library a clip is always
``(n_channels, n_timepoints)``; `Clips.collect` puts results into the caller's kind of container.
"""

from sklearn_audiosr._clips.arrays import is_array, open_tensor, to_array
from sklearn_audiosr._clips.checks import MAX_CHANNELS, all_finite, check_clip, overflow_error
from sklearn_audiosr._clips.containers import Clips
from sklearn_audiosr._clips.types import Clip, ClipSequence, ClipsLike, SupportsArray

__all__ = [
    "MAX_CHANNELS",
    "Clip",
    "ClipSequence",
    "Clips",
    "ClipsLike",
    "SupportsArray",
    "all_finite",
    "check_clip",
    "is_array",
    "open_tensor",
    "overflow_error",
    "to_array",
]
