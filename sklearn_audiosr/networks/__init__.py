"""Networks for `AudioSuperResolver`, each given as a config of its hyper-parameters.

A config is a scikit-learn ``BaseEstimator`` that only assigns. Its ``build`` makes the
``torch.nn.Module``, and PyTorch is loaded only then. ``__all__`` is the one list of networks; other
modules read it.
"""

from sklearn_audiosr.networks._harmonic_noise import HarmonicNoiseNet
from sklearn_audiosr.networks._spectral import SpectralNet
from sklearn_audiosr.networks._tfilm import TFiLM
from sklearn_audiosr.networks._unet import AudioUNet

__all__ = ["AudioUNet", "HarmonicNoiseNet", "SpectralNet", "TFiLM"]
