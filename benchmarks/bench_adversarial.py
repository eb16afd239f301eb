"""A second, adversarial phase: a model that ships is trained further without and with it.

    python -m benchmarks.bench_adversarial

Both trainings take the same new variations of the training speakers. They are scored on the test
speakers by both metrics and, if the packages are installed (``pip install
"sklearn-audiosr[metrics]"``), by PESQ and STOI, on which neither was trained.
"""

import argparse
import time
from dataclasses import replace
from functools import partial

from benchmarks.discriminators import AdversarialObjective
from recipes.pairs import make_pairs
from recipes.recipe import RECIPES
from recipes.start import begin_with
from sklearn_audiosr import SplineUpsampler, load_pretrained
from sklearn_audiosr.degradation import Decimator, trim_clips
from sklearn_audiosr.metrics import (
    log_spectral_distance,
    pesq_score,
    stoi_score,
)
from tools.recordings import add_argument, skip_without_recordings
from tools.scores import format_score, score
from tools.tables import record, rst_table

# Seeds of the new variations, beyond those of all recipes.
_FIRST_COPY = 500

# A quarter of the models' own.
_LEARNING_RATE = 5e-4


def measure(Y, Y_pred, names, ratio):
    """Compute both metrics, the distance in the highband, and metrics of no training."""
    row = score(Y, Y_pred, names)
    highband = log_spectral_distance(Y, Y_pred, band="highband", upsampling_ratio=ratio)
    row["highband_lsd_log10"] = round(float(highband), 3)
    perceptual = {
        "pesq": pesq_score,
        "stoi": stoi_score,
    }
    for name, metric in perceptual.items():
        try:
            row[name] = round(float(metric(Y, Y_pred, sampling_rate=16000)), 3)
        except ImportError as error:
            print(error)
    return row


def train_on(start, recipe, objective, X, Y, groups):
    """Train a model further; return it and the processor minutes."""
    est = recipe.estimator(objective=objective)
    begin_with(start, est, X, Y)
    begin = time.process_time()
    est.fit(X, Y, groups=groups)
    return est, (time.process_time() - begin) / 60


def format_rows(rows):
    keys = ["pesq", "stoi", "highband_lsd_log10", "minutes"]
    header = ["method", "SNR (dB) / LSD (log10)", "PESQ", "STOI", "highband LSD", "minutes"]
    return rst_table(
        header,
        [
            [name, format_score(row), *(row.get(key, "") for key in keys)]
            for name, row in rows.items()
        ],
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    parser.add_argument("--model", default="speech-4x-16k")
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--weights", type=float, nargs="+", default=[0.05])
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    recipe, start = RECIPES[args.model], load_pretrained(args.model)
    recipe = replace(recipe, learning_rate=_LEARNING_RATE)
    train, test = recipe.read(args.recordings)
    X, Y, groups = make_pairs(train, recipe, args.copies, _FIRST_COPY)
    Y_test = trim_clips(test.clips, recipe.ratio)
    X_test = Decimator(recipe.ratio).fit_transform(Y_test)
    score_on = partial(measure, Y_test, names=test.names, ratio=recipe.ratio)
    rows = {
        "spline": score_on(SplineUpsampler().fit(X_test, Y_test).predict(X_test)),
        "as shipped": score_on(start.predict(X_test)),
    }
    objectives = {
        "trained on": None,
        **{f"trained on, adversarial {w:g}": AdversarialObjective(w) for w in args.weights},
    }
    for name, objective in objectives.items():
        est, minutes = train_on(start, recipe, objective, X, Y, groups)
        rows[name] = {**score_on(est.predict(X_test)), "minutes": round(minutes, 1)}
        print(name, rows[name], flush=True)
    settings = {"model": args.model, "copies": args.copies, "learning_rate": _LEARNING_RATE}
    record("adversarial", format_rows(rows), {**settings, "rows": rows})


if __name__ == "__main__":
    main()
