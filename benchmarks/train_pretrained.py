"""Train the models that ship: one resumable command for each.

    python benchmarks/train_pretrained.py speech-4x-16k --work DIR --out DIR

trains on the training splits of the packs that the recipe names, varied in speed, level, noise and
filter, and scores the model on recordings that it has not seen. If it is stopped, the same command
goes on after the last epoch. ``--epochs`` and ``--minutes-of-audio`` make it shorter.
"""

import argparse
import json
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from _augmentation import augment
from _recordings import add_argument, skip_without_recordings
from _splits import read_recordings

from sklearn_audiosr import AudioSuperResolver, LinearUpsampler, SplineUpsampler
from sklearn_audiosr.degradation import Decimator, ideal_lowband, trim_clips
from sklearn_audiosr.metrics import log_spectral_distance, signal_to_noise_ratio
from sklearn_audiosr.networks import SpectralNet


# Of all audio, below which a source's recordings are repeated.
_RARE_SHARE = 0.05


@dataclass(frozen=True)
class Recipe:
    """What a model is made of.

    Attributes
    ----------
    rate, ratio : int
        Wideband rate in Hz, and upsampling ratio.
    packs, test_packs : tuple of str
        Packs to train on, and to score on.
    n_copies : int
        Variations of the recordings, themselves among them.
    epochs : int
        Passes over all of them.
    frame_length : int
        Of the network.
    patch_length : int
        Wideband timepoints.
    n_repeats : int
        How often recordings of a rare source come in each copy, varied anew.
    """

    rate: int
    ratio: int
    packs: tuple
    test_packs: tuple
    n_copies: int = 4
    epochs: int = 4
    frame_length: int = 1024
    patch_length: int = 16384
    n_repeats: int = 1

    def estimator(self, **changes):
        """Give the model, unfitted."""
        training = {
            "patch_length": self.patch_length,
            "batch_size": 16,
            "learning_rate": 3e-3,
            "learning_rate_schedule": "cosine",
            "max_epochs": self.epochs,
            "validation_fraction": 0.01,
            "sampling_rate": self.rate,
            "random_state": 0,
            "verbose": 1,
        }
        # 2.8: at r = 2 a file of half precision must stay below 8 MB
        network = SpectralNet(expansion=2.8, frame_length=self.frame_length)
        return AudioSuperResolver(network, **{**training, **changes})


_SPEECH = {
    "packs": ("speech_multi", "speech_single", "speech_fullband"),
    "test_packs": ("speech_multi",),
    "n_repeats": 8,  # a minute of studio recordings among an hour of others
}
_PIANO = {"packs": ("piano",), "test_packs": ("piano",)}

RECIPES = {
    "speech-2x-16k": Recipe(16000, 2, **_SPEECH),
    "speech-3x-16k": Recipe(16000, 3, **_SPEECH),
    "speech-4x-16k": Recipe(16000, 4, **_SPEECH),
    "speech-6x-16k": Recipe(16000, 6, **_SPEECH),
    "speech-8x-16k": Recipe(16000, 8, **_SPEECH),
    "piano-2x-16k": Recipe(16000, 2, **_PIANO),
    "piano-4x-16k": Recipe(16000, 4, **_PIANO),
    "music-2x-44k": Recipe(
        44100, 2, ("music",), ("music",), n_copies=8, frame_length=1764, patch_length=44100
    ),
    "music-4x-44k": Recipe(
        44100, 4, ("music",), ("music",), n_copies=8, frame_length=1764, patch_length=44100
    ),
}


def make_pairs(recordings, recipe, n_copies):
    """Vary the recordings, and degrade them: X, Y and the group of each clip."""
    X, Y, groups = [], [], []
    rare = find_rare(recordings)
    for seed in range(n_copies * recipe.n_repeats):
        chosen = range(len(rare)) if seed < n_copies else np.flatnonzero(rare)
        x, y = augment([recordings.clips[i] for i in chosen], recipe.rate, recipe.ratio, seed)
        X += x
        Y += y
        groups += [recordings.groups[i] for i in chosen]
    return X, Y, groups


def find_rare(recordings):
    """Tell which recordings are of a source that has little of all audio."""
    lengths = np.array([len(clip) for clip in recordings.clips])
    sources = np.array(recordings.sources)
    shares = {s: lengths[sources == s].sum() / lengths.sum() for s in set(recordings.sources)}
    return np.array([shares[source] < _RARE_SHARE for source in recordings.sources])


def score(Y, Y_pred, names):
    """Both metrics, and the worst clip of each."""
    snr = signal_to_noise_ratio(Y, Y_pred, average=None)
    lsd = log_spectral_distance(Y, Y_pred, average=None)
    return {
        "snr_db": round(float(np.nanmean(snr)), 3),
        "lsd_log10": round(float(np.mean(lsd)), 4),
        "worst_snr_db": [names[int(np.nanargmin(snr))], round(float(np.nanmin(snr)), 2)],
        "worst_lsd_log10": [names[int(np.argmax(lsd))], round(float(np.max(lsd)), 3)],
    }


def measure(est, recipe, root):
    """Score on the test split, behind the paper's filter: the model at both ends of its dial."""
    train = read_recordings(root, recipe.packs, "train", recipe.rate)
    test = read_recordings(root, recipe.test_packs, "test", recipe.rate)
    decimator = Decimator(recipe.ratio)
    Y_train, Y = (trim_clips(r.clips, recipe.ratio) for r in (train, test))
    X_train, X = decimator.fit_transform(Y_train), decimator.transform(Y)
    rows = {"ideal lowband": ideal_lowband(Y, recipe.ratio)}
    for name, baseline in [("spline", SplineUpsampler()), ("linear", LinearUpsampler())]:
        rows[name] = baseline.fit(X_train, Y_train).predict(X)
    for gain in (0.0, 1.0):
        rows[f"highband_gain={gain:g}"] = est.predict(X, highband_gain=gain)
    return {name: score(Y, Y_pred, test.names) for name, Y_pred in rows.items()}


def make_card(name, recipe, est, recordings, minutes, scores):
    """Tell what a model is and what it learned from."""
    return {
        "name": name,
        "recipe": asdict(recipe),
        "training recordings": sorted(set(recordings.sources)),
        "training audio (hours)": round(sum(map(len, recordings.clips)) / recipe.rate / 3600, 3),
        "degradation": (
            "order-8 Chebyshev filter, zero phase, for six clips in ten; filters drawn at random "
            "for the others; speed, level and noise varied (benchmarks/_augmentation.py)"
        ),
        "metrics": "SNR in dB; LSD log10, frames of 2048, hop 512, floor 1e-8; behind the "
        "order-8 Chebyshev filter, zero phase, mean over clips",
        "scores": scores,
        "epochs": est.n_iter_,
        "seed": est.random_state,
        "training (processor hours, last run)": round(minutes / 60, 2),
        "hardware": _name_hardware(),
        "torch": torch.__version__,
    }


def _name_hardware():
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--work", type=Path, required=True, help="folder for the checkpoint")
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument("--epochs", type=int, help="passes (default: the recipe's)")
    parser.add_argument("--copies", type=int, help="variations (default: the recipe's)")
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    recipe = RECIPES[args.name]
    args.work.mkdir(parents=True, exist_ok=True)
    recordings = read_recordings(args.recordings, recipe.packs, "train", recipe.rate)
    X, Y, groups = make_pairs(recordings, recipe, args.copies or recipe.n_copies)
    est = recipe.estimator(
        checkpoint=str(args.work / f"{args.name}.checkpoint"),
        max_epochs=args.epochs or recipe.epochs,
    )
    begin = time.process_time()
    est.fit(X, Y, groups=groups)
    minutes = (time.process_time() - begin) / 60
    est.set_params(checkpoint=None, verbose=0)
    scores = measure(est, recipe, args.recordings)
    card = make_card(args.name, recipe, est, recordings, minutes, scores)
    print(json.dumps(card, indent=2), flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    est.save(args.out / f"{args.name}.safetensors", card=card, dtype="float16")


if __name__ == "__main__":
    main()
