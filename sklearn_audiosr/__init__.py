"""Audio super-resolution with scikit-learn's fit, predict and score."""

import os
import sys

from sklearn_audiosr import augmentation, datasets, degradation, listening, metrics, networks
from sklearn_audiosr._estimators.dnn import DNNBandwidthExtender
from sklearn_audiosr._estimators.linear import LinearUpsampler
from sklearn_audiosr._estimators.spline import SplineUpsampler
from sklearn_audiosr._estimators.super_resolver import AudioSuperResolver
from sklearn_audiosr._files.upsampling import upsample_file
from sklearn_audiosr._models.loading import load
from sklearn_audiosr._models.pretrained import load_pretrained, pretrained_names
from sklearn_audiosr._persistence.errors import ModelFileError
from sklearn_audiosr._prediction.stream import Stream
from sklearn_audiosr._signal.bandwidth import effective_bandwidth

__version__ = "0.1.0"

__all__ = [
    "AudioSuperResolver",
    "DNNBandwidthExtender",
    "LinearUpsampler",
    "ModelFileError",
    "SplineUpsampler",
    "Stream",
    "__version__",
    "augmentation",
    "datasets",
    "degradation",
    "effective_bandwidth",
    "listening",
    "load",
    "load_pretrained",
    "metrics",
    "networks",
    "pretrained_names",
    "upsample_file",
]


def _use_one_thread() -> None:
    """Make networks run in a process that was forked: PyTorch's threads don't survive a fork.

    Its first layer would wait for them for ever, whoever has started them.
    """
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "set_num_threads"):  # its import may not be complete
        torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_use_one_thread)
