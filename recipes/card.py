"""Write the card of a model: its training data, degradation and scores."""

import platform
from dataclasses import asdict

import numpy as np
import torch

_METRICS = (
    "SNR in dB; LSD log10, frames of 2048, hop 512, floor 1e-8; behind the order-8 Chebyshev "
    "filter, zero phase, mean over clips"
)
_HOURS = "training (processor hours, last run)"


def make_card(args, recipe, est, recordings, start, minutes, scores):
    """Write the card of a model.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command line: the model's name, and the seed of its first variation.
    recipe : Recipe
        Recipe of the training.
    est : AudioSuperResolver
        Fitted.
    recordings : Recordings
        Recordings of the training.
    start : AudioSuperResolver or None
        The model that it began with.
    minutes : float
        Processor time of the training.
    scores : dict
        Result of `recipes.scoring.measure`.

    Returns
    -------
    card : dict
    """
    begun = start.card_ if start else None
    sources = {*recordings.sources, *(begun["training recordings"] if begun else ())}
    lengths = [len(c) / r for c, r in zip(recordings.clips, recordings.rates, strict=True)]
    return {
        "name": args.name,
        "metrics": _METRICS,
        "scores": scores,
        "training recordings": sorted(sources),  # those of the start too
        "training audio (hours)": round(float(np.sum(lengths)) / 3600, 3),
        "degradation": _describe_degradation(recipe),
        "epochs": est.n_iter_,
        "seed": est.random_state,
        _HOURS: round(minutes / 60, 2),
        "hardware": _name_hardware(),
        "torch": torch.__version__,
        "objective": est.network_.default_objective,
        "recipe": asdict(recipe),
        "first copy": args.first_copy,
        "begun with": describe_history(begun) if begun else None,  # long, so it comes last
    }


def describe_history(card):
    """Return the parts of a card that the card of a model that begins with this one repeats."""
    return {
        "name": card["name"],
        "variations": card["recipe"]["n_copies"],
        "held out": card["recipe"].get("held_out"),
        **{name: card.get(name) for name in ("first copy", "epochs", _HOURS, "begun with")},
    }


def _describe_degradation(recipe):
    return (
        f"order-8 Chebyshev filter, zero phase; for {recipe.random_filter_share:.0%} of the "
        f"clips ({recipe.correction_filter_share:.0%} when the correction of the lowband was "
        "solved for) filters drawn at random and those of resamplers, half and half; of the "
        "coded and noisy ones a quarter random, half those of resamplers; phase turned; of "
        f"{recipe.varied_share:.0%}, and of all of a higher rate, speed, microphone, level "
        f"and noise varied, and of {recipe.warped_share:.0%} of them formants; "
        f"{recipe.edged_share:.0%} of them, and {recipe.fuller_edged_share:.0%} of those of a "
        "higher rate, without the last 6% of the band; "
        f"{recipe.damaged_share:.0%} of the narrowband clips coded, with noise or, at 8 kHz, "
        "sent over a telephone line (recipes/augmentation.py)"
    )


def _name_hardware():
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"
