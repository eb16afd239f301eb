"""Write the card of a model: its training data, degradation, figures and known failures."""

import hashlib
import platform
import subprocess
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

_METRICS = (
    "SNR in dB; LSD log10, frames of 2048, hop 512, floor 1e-8; behind the order-8 Chebyshev "
    "filter, zero phase, mean over clips"
)


# Seen and heard on recordings that the models have not heard.
KNOWN_FAILURES = (
    "formants and harmonics of the highband are smoother than those of the recording",
    "a voice whose highband is stronger or weaker than its lowband tells gets a usual one",
    "music and effects get a voice's highband",
    "what a codec of few bits took from the end of the lowband is filled in part only",
)


def make_card(args, recipe, est, minutes, figures):
    """Write the card of a model.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command line.
    recipe : Recipe
        Recipe of the training.
    est : AudioSuperResolver
        Fitted.
    minutes : float
        Processor time of the training.
    figures : dict
        Result of `recipes.scoring.measure`.

    Returns
    -------
    card : dict
    """
    recordings, _ = recipe.read(args.recordings, bring_down=False)
    lengths = [len(c) / r for c, r in zip(recordings.clips, recordings.rates, strict=True)]
    return {
        "name": args.name,
        "metrics": _METRICS,
        **figures,
        "known failures": list(KNOWN_FAILURES),
        "weights (sha256)": hash_weights(est.network_),
        "training recordings": sorted(set(recordings.sources)),
        "training audio (hours)": round(float(np.sum(lengths)) / 3600, 3),
        "degradation": _describe_degradation(recipe.shares),
        "training (processor hours)": round(minutes / 60, 2),
        "hardware": _name_hardware(),
        "torch": torch.__version__,
        "objective": est.network_.default_objective,
        "recipe": asdict(recipe),
        "recipe's commit": find_commit(),
        "seeds": describe_seeds(recipe),
    }


def hash_weights(network):
    """Return the SHA-256 of all weights, as half-precision bytes in the order of their names."""
    digest = hashlib.sha256()
    for _, weight in sorted(network.state_dict().items()):
        digest.update(weight.detach().cpu().numpy().astype("<f2").tobytes())
    return digest.hexdigest()


def find_commit():
    """Return the commit of this repository, or "unknown" outside one."""
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def describe_seeds(recipe):
    n_copies = sum(stage.n_copies for stage in recipe.stages)
    return f"stages 1 to {len(recipe.stages)}, variations 0 to {n_copies - 1}"


def _describe_degradation(shares):
    return (
        f"order-8 Chebyshev filter, zero phase; for {shares['random_filter_share']:.0%} of the "
        "clips filters drawn at random and those of resamplers, half and half; of the coded ones a "
        "quarter random, half those of resamplers; phase turned; of "
        f"{shares['varied_share']:.0%}, and of all of a higher rate, speed, microphone, level "
        f"and noise floor varied, and of {shares['warped_share']:.0%} of them formants; "
        f"{shares['edged_share']:.0%} of them, and {shares['fuller_edged_share']:.0%} of those of "
        f"a higher rate, without the last 6% of the band; {shares['noisy_share']:.0%} with noise, "
        f"before the filter; {shares['damaged_share']:.0%} of the narrowband clips coded or, at "
        "8 kHz, sent over a telephone line (recipes/augmentation.py)"
    )


def _name_hardware():
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"
