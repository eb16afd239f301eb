"""Clips to learn from: what ships with the package, and folders of your own recordings."""

from sklearn_audiosr.datasets._bundled import load_piano, load_speech
from sklearn_audiosr.datasets._folder import load_audio_folder

__all__ = ["load_audio_folder", "load_piano", "load_speech"]
