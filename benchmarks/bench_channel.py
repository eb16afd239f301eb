"""How much of the speech models' distance is the channel: the level of a recording's highband.

    python -m benchmarks.bench_channel

scores the shipped speech models on unseen speakers: as they are, and without each clip's mean error
of the log spectrum, taken over all highband bins or bin by bin.
"""

import argparse

import numpy as np
from scipy import signal

from recipes.recipe import RECIPES
from recipes.splits import read_recordings
from sklearn_audiosr import load_pretrained, pretrained_names
from sklearn_audiosr.degradation import Decimator, trim_clips
from sklearn_audiosr.metrics import log_spectral_distance
from tools.recordings import add_argument, skip_without_recordings
from tools.tables import record, rst_table

FRAME, HOP, FLOOR = 2048, 512, 1e-8  # those of the metric


def log_power(y):
    """Compute the logarithm of the power in each bin and frame."""
    padded = np.pad(np.asarray(y, dtype=float), FRAME // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    spectra = np.fft.rfft(frames * signal.get_window("hann", FRAME)).T
    return np.log10(np.maximum(np.abs(spectra) ** 2, FLOOR))


def distance(error):
    return float(np.sqrt((error**2).mean(axis=0)).mean())


def measure_clip(y, y_pred, first_high):
    """Compute the distances of a clip, and the mean error of its highband in log10 of power."""
    error = log_power(y_pred) - log_power(y)
    by_bin = error.mean(axis=1, keepdims=True)
    level = np.zeros_like(by_bin)
    level[first_high:] = error[first_high:].mean()
    return distance(error), distance(error - level), distance(error - by_bin), level[-1, 0]


def measure_model(name, root):
    est, recipe = load_pretrained(name), RECIPES[name]
    test = read_recordings(root, recipe.test_packs, "test", recipe.rate)
    Y = trim_clips(test.clips, recipe.ratio)
    Y_pred = est.predict(Decimator(recipe.ratio).fit_transform(Y))
    first_high = FRAME // 2 // recipe.ratio
    values = np.array([measure_clip(*pair, first_high) for pair in zip(Y, Y_pred, strict=True)])
    expected = log_spectral_distance(Y, Y_pred)
    if abs(values[:, 0].mean() - expected) > 1e-3:
        raise RuntimeError(
            f"the distance here, {values[:, 0].mean()}, is not the metric {expected}"
        )
    groups = np.array(test.groups)
    errors = {g: float(values[groups == g, 3].mean()) for g in sorted(set(test.groups))}
    whole, level, by_bin = map(float, values[:, :3].mean(axis=0))
    return {"lsd": whole, "without level": level, "without bins": by_bin, "speakers": errors}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    models = {name: measure_model(name, args.recordings) for name in pretrained_names()}
    keys = ["lsd", "without level", "without bins"]
    cells = [
        [
            name,
            *(f"{row[key]:.3f}" for key in keys),
            f"{min(row['speakers'].values()):+.2f} to {max(row['speakers'].values()):+.2f}",
        ]
        for name, row in models.items()
    ]
    header = ["model", "LSD", "less the highband's level", "less each bin's", "level, by speaker"]
    record("channel", rst_table(header, cells), {"models": models})


if __name__ == "__main__":
    main()
