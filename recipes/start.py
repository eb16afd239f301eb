"""The model that a training begins with."""

import numpy as np
import torch

from recipes.highband_level import levels_of, shift_levels
from sklearn_audiosr import load, load_pretrained
from sklearn_audiosr._estimators.fitting import adopt_network
from sklearn_audiosr._signal.interpolation import upsample_cubic

# Parameters of a network that must be equal where one begins with another.
_SIZES = ("n_blocks", "width", "kernel_size", "expansion", "frame_length")


def find_start(recipe, args):
    """Load the model that a training begins with.

    Parameters
    ----------
    recipe : Recipe
        Names the model.
    args : argparse.Namespace
        Arguments of the command line; a file in `begin_with` takes precedence.

    Returns
    -------
    start : AudioSuperResolver or None
        A model that was trained before into ``args.out``, or else the one that ships. A model that
        begins with its own last version begins with the one that ships, so that the command may be
        run again. None if the recipe names no model.
    """
    if recipe.begin_with is None:
        return None
    if args.begin_with:
        return load(args.begin_with)
    trained = args.out / f"{recipe.begin_with}.safetensors"
    if recipe.begin_with != args.name and trained.exists():
        return load(trained)
    return load_pretrained(recipe.begin_with)


def undo_shift(start):
    """Shift the levels of a model back to those that it has learned."""
    shift_levels(start.network_, **{key: -db for key, db in levels_of(start.card_).items()})


def check_start(start, recipe, path):
    """Exit unless a file to begin with fits the recipe and has not heard what is held out."""
    card = start.card_ or {}
    sizes, needed = (
        getattr(getattr(est, "network", None), "get_params", dict)()
        for est in (start, recipe.estimator())
    )
    if "recipe" not in card or any(sizes.get(name) != needed[name] for name in _SIZES):
        raise SystemExit(
            f"{path} must be a model that this command has made, with a network of "
            f"{', '.join(f'{name}={needed[name]}' for name in _SIZES)}: choose one of these."
        )
    held_out = card["recipe"].get("held_out")
    if recipe.held_out and (held_out is None or not recipe.held_out.startswith(held_out)):
        raise SystemExit(
            f"{path} must not have heard {recipe.held_out}, but what was held out for "
            f"it is {held_out}: begin with one that was trained with --hold-out {recipe.held_out}."
        )


def check_share(start, recipe):
    """Exit if weights of the start are to be kept, but there is none or its ratio differs."""
    ratio = start and start.upsampling_ratio_
    if recipe.start_share and ratio != recipe.ratio:
        raise SystemExit(
            f"--start-share must be 0, got {recipe.start_share:g}: the model to begin with is "
            f"{f'of ratio {ratio}' if ratio else 'none'}, not of ratio {recipe.ratio}. Leave it "
            "out, or give such a model with --begin-with."
        )


def begin_with(start, est, X, Y):
    """Set up an estimator for a warm start from another model.

    Parameters
    ----------
    start : AudioSuperResolver
        Fitted, for this or another ratio; its network has the same sizes.
    est : AudioSuperResolver
        Unfitted, with a `SpectralNet`.
    X, Y : list of ndarray of shape (n_timepoints,)
        Training pairs, for which the linear filter is solved anew.

    Returns
    -------
    est : AudioSuperResolver
        The same.
    """
    ratio, scale = len(Y[0]) // len(X[0]), start.scale_
    torch.manual_seed(est.random_state)
    network = est.network.build(upsampling_ratio=ratio)
    network.copy_shared_weights(start.network_)
    network.prepare(
        (upsample_cubic(x[None] / np.float32(scale), ratio), y[None] / np.float32(scale))
        for x, y in zip(X, Y, strict=True)
    )
    adopt_network(est, network, ratio, scale)
    return est.set_params(warm_start=True)


@torch.no_grad()
def mix_with_start(network, start, share):
    """Move the weights of a network towards those that it began with.

    Parameters
    ----------
    network, start : SpectralNetwork
        The first is changed in place; it keeps its own linear filter.
    share : float
        0 changes nothing, 1 restores the start.
    """
    kept = start.state_dict()
    for name, weight in network.state_dict().items():
        if not name.startswith("linear"):
            weight.lerp_(kept[name], share)
