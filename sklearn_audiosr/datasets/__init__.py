"""Clips to learn from: bundled with the package, from your own folders, and the paper's corpora."""

from sklearn_audiosr.datasets._beethoven import fetch_beethoven_piano
from sklearn_audiosr.datasets._bundled import load_piano, load_speech
from sklearn_audiosr.datasets._folder import load_audio_folder
from sklearn_audiosr.datasets._magnatagatune import fetch_magnatagatune
from sklearn_audiosr.datasets._vctk import fetch_vctk

__all__ = [
    "fetch_beethoven_piano",
    "fetch_magnatagatune",
    "fetch_vctk",
    "load_audio_folder",
    "load_piano",
    "load_speech",
]
