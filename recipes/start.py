"""The network that a training begins with."""

import numpy as np
import torch

from sklearn_audiosr import load, load_pretrained
from sklearn_audiosr._estimators.fitting import adopt_network
from sklearn_audiosr._signal.interpolation import upsample_cubic
from sklearn_audiosr.degradation import Decimator, trim_clips


def find_start(recipe, folder):
    """Return the model that a recipe begins with, or None.

    Parameters
    ----------
    recipe : Recipe
        Names the model.
    folder : Path
        Where models that were trained before lie; otherwise the one that ships is taken.
    """
    if recipe.begin_with is None:
        return None
    trained = folder / f"{recipe.begin_with}.safetensors"
    return load(trained) if trained.exists() else load_pretrained(recipe.begin_with)


def begin(est, recipe, recordings, start):
    """Set up an estimator for a warm start with a new network, or with another model's.

    The linear filter is solved for behind the paper's filter alone. What other filters do to the
    end of the lowband the network learns: which share of that filter's change is right.

    Parameters
    ----------
    est : AudioSuperResolver
        Unfitted, with a `HarmonicNoiseNet`.
    recipe : Recipe
        Of the model.
    recordings : Recordings
        At the rate of the recipe.
    start : AudioSuperResolver or None
        Fitted, for this or another ratio; its network has the same sizes.
    """
    Y = trim_clips(recordings.clips, recipe.ratio)
    X = Decimator(recipe.ratio).fit_transform(Y)
    scale = np.float32(start.scale_ if start else root_mean_square(X))
    torch.manual_seed(est.random_state)
    network = est.network.build(upsampling_ratio=recipe.ratio)
    network.prepare(
        (upsample_cubic(x[None] / scale, recipe.ratio), y[None] / scale)
        for x, y in zip(X, Y, strict=True)
    )
    if start:
        network.copy_shared_weights(start.network_)
    adopt_network(est, network, recipe.ratio, float(scale))


def root_mean_square(clips):
    """Return that of all timepoints of clips."""
    energy = sum(np.square(clip, dtype=np.float64).sum() for clip in clips)
    return np.sqrt(energy / sum(map(len, clips)))
