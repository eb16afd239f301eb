"""Small estimators and clips for the tests of AudioSuperResolver and of training."""

import numpy as np
import torch

from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.networks import AudioUNet

RATIO = 4


def make_clips(n_clips=6, n_timepoints=4096, seed=0):
    """Noise shaped by a fixed filter: its highband can be partly told from its lowband."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_clips, n_timepoints)).cumsum(axis=1).astype(np.float32)


def make_pairs():
    """Narrowband and wideband clips."""
    Y = make_clips()
    return Decimator(RATIO).fit_transform(Y), Y


def small_resolver(**parameters):
    """An estimator that trains in a fraction of a second."""
    defaults = {
        "network": AudioUNet(n_blocks=2, width=1 / 16, dropout=0.0),
        "max_epochs": 3,
        "patch_length": 512,
        "learning_rate": 3e-3,
        "random_state": 0,
    }
    return AudioSuperResolver(**{**defaults, **parameters})


def weights(est):
    """All weights of a fitted estimator in one tensor."""
    return torch.cat([p.detach().ravel() for p in est.network_.parameters()])
