"""Sound files to super-resolve, and an estimator that learns nothing to do it."""

import io

import numpy as np
import soundfile

from sklearn_audiosr import SplineUpsampler
from sklearn_audiosr._files import blocks

LOW, HIGH = 0.2 * np.sin(0.05 * np.arange(40000)), 0.4 * np.sin(0.3 * np.arange(20000))


def noise(*shape, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def spline(ratio=2, sampling_rate=16000):
    return SplineUpsampler(sampling_rate=sampling_rate).fit(noise(1, 9), noise(1, 9 * ratio))


def write(path, x, rate=8000, **options):
    """Write clip x of shape (n_channels, n_timepoints), and return it as the file has it."""
    soundfile.write(path, x.T, rate, **{"subtype": "FLOAT", **options})
    return read(path)


def read(path):
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


def enter_folder(tmp_path, monkeypatch):
    """Enter a folder to work in; blocks have 2048 values, those to be upsampled by 2 have 512."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(blocks, "N_READ", 2048)
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def encode(x, file_format, rate=8000, subtype=None, **options):
    memory = io.BytesIO()
    soundfile.write(memory, x, rate, subtype, format=file_format, **options)
    return memory.getvalue()


def decode(content):
    return soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)[0]
