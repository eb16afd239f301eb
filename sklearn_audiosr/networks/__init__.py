"""Networks for `AudioSuperResolver`, described by their hyper-parameters.

A description is a scikit-learn ``BaseEstimator`` that only assigns; its ``build`` makes the
``torch.nn.Module``. PyTorch is loaded then, not before.
"""

from sklearn_audiosr.networks._spectral import SpectralNet
from sklearn_audiosr.networks._tfilm import TFiLM
from sklearn_audiosr.networks._unet import AudioUNet

__all__ = ["AudioUNet", "SpectralNet", "TFiLM"]
