"""Small estimators of every kind, clips to fit them on, and the memory that a call takes."""

import resource
import sys
from pathlib import Path

import numpy as np

from sklearn_audiosr import (
    AudioSuperResolver,
    DNNBandwidthExtender,
    LinearUpsampler,
    SplineUpsampler,
)
from sklearn_audiosr.networks import AudioUNet, HarmonicNoiseNet, SpectralNet, TFiLM

RATIO = 4

NETWORKS = {
    "AudioUNet": AudioUNet(n_blocks=2, width=1 / 32, layout="paper", dropout=0.2),
    "TFiLM": TFiLM(n_blocks=1, width=1 / 32, block_length=32),
    "SpectralNet": SpectralNet(n_blocks=1, width=1 / 32, frame_length=64),
    "HarmonicNoiseNet": HarmonicNoiseNet(1, n_slow_blocks=1, width=1 / 32, frame_length=64),
}

KINDS = (*NETWORKS, "DNN")


def make_clips():
    """Return narrowband and wideband clips, six of each."""
    Y = np.random.default_rng(0).standard_normal((6, 4096)).cumsum(axis=1).astype(np.float32)
    return Y[:, ::RATIO].copy(), Y


def make_estimator(kind, **parameters):
    """Return a small estimator that learns: of a network's name, or "DNN"."""
    parameters = {"max_epochs": 1, "patch_length": 512, "random_state": 0, **parameters}
    if kind == "DNN":
        return DNNBandwidthExtender((16,), frame_length=64, **parameters)
    return AudioSuperResolver(NETWORKS[kind], **parameters)


def make_fitted():
    """Yield fitted estimators of every kind that a model file may hold."""
    clips = make_clips()
    yield SplineUpsampler(sampling_rate=16000).fit(*clips)
    yield LinearUpsampler(n_taps=9).fit(*clips)
    for kind in KINDS:
        yield make_estimator(kind).fit(*clips)
    yield make_estimator("AudioUNet", noise_model="heteroscedastic").fit(*clips)


class PeakMemory:
    """Memory that the process takes at most, above what it had.

    Attributes
    ----------
    n_bytes : int
        The largest growth of all calls of `measure`.
    """

    def __init__(self):
        self.n_bytes = 0
        self._reset = Path("/proc/self/clear_refs")

    def start(self):
        """Measure from here on."""
        if self._reset.exists():
            self._reset.write_text("5")  # the peak begins anew (Linux)
        self._begin = self._read()

    def stop(self):
        """Measure up to here; return the growth in bytes."""
        growth = self._read() - self._begin
        self.n_bytes = max(self.n_bytes, growth)
        return growth

    def _read(self):
        status = Path("/proc/self/status")
        if status.exists():
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
            return 1024 * int(lines["VmHWM"].split()[0])
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
