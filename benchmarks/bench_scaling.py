"""Time of predictions and fits over four decades: is it linear in length and in patches?

python -m benchmarks.bench_scaling
"""

import argparse

import numpy as np

from benchmarks.networks import make_estimator
from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr.networks import AudioUNet
from tools.tables import record, rst_table
from tools.timing import SAMPLING_RATE, noise, time_once

RATIO = 4
LENGTHS = [0.1, 1, 10, 100, 1000]  # seconds of one clip
PATCHES = [4, 40, 400, 4000, 40000]  # of 256 timepoints


def time_predictions():
    """Measure the seconds to predict clips of growing length."""
    est = make_estimator(AudioUNet(width=1 / 8))
    times = {}
    for seconds in LENGTHS:
        x = noise(seconds, RATIO)[:, ::RATIO].copy()
        est.predict(x)
        n_rounds = max(1, int(10 / seconds) if seconds >= 1 else 20)
        times[seconds] = np.median([time_once(lambda x=x: est.predict(x)) for _ in range(n_rounds)])
    return times


def time_fits():
    """Measure the seconds of one epoch on growing numbers of patches."""
    times = {}
    for n_patches in PATCHES:
        Y = noise(256 * n_patches / SAMPLING_RATE, RATIO)
        est = AudioSuperResolver(
            AudioUNet(n_blocks=2, width=1 / 16),
            patch_length=256,
            batch_size=4,
            max_epochs=1,
            validation_fraction=0,
            device="cpu",
            random_state=0,
        )
        n_rounds = 5 if n_patches < 4000 else 1
        times[n_patches] = np.median(
            [time_once(lambda Y=Y, est=est: est.fit(Y[:, ::RATIO], Y)) for _ in range(n_rounds)]
        )
    return times


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    predictions, fits = time_predictions(), time_fits()
    rows = [
        [f"{length:g} s", f"{1e3 * seconds:.3g} ms", f"{1e3 * seconds / length:.3g} ms"]
        for length, seconds in predictions.items()
    ]
    table = rst_table(["clip (width 1/8, r = 4)", "predict", "per second of audio"], rows)
    rows = [
        [f"{n}", f"{seconds:.3g} s", f"{1e3 * seconds / n:.3g} ms"] for n, seconds in fits.items()
    ]
    table += "\n\n" + rst_table(["patches (width 1/16, 2 blocks)", "fit", "per patch"], rows)
    results = {"predict_seconds": predictions, "fit_seconds": fits}
    record("scaling", table, results)


if __name__ == "__main__":
    main()
