"""Scores of the models that ship, also at other gains.

    python -m benchmarks.bench_pretrained --dial

scores each model that ships on recordings that it has not heard, beside the spline and a linear
filter that was fitted on the training clips, behind the same degradation. ``--cards`` writes the
scores into the cards of the models, for use after a change of the code. ``--other-sounds`` scores
the models on piano and music.
"""

import argparse
import json

from benchmarks.degradations import apply, make_degradations
from recipes.recipe import RECIPES
from recipes.scoring import measure
from recipes.splits import read_recordings
from sklearn_audiosr import SplineUpsampler, load_pretrained, pretrained_names
from sklearn_audiosr._models.pretrained import pretrained_path
from sklearn_audiosr.degradation import Decimator, trim_clips
from tools.recordings import add_argument, skip_without_recordings
from tools.scores import format_score, format_worst, score
from tools.tables import RESULTS, record, rst_table

GAINS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)


def measure_dial(est, Y, names):
    """Score a model at each gain of the highband, behind the paper's filter."""
    X = Decimator(est.upsampling_ratio_).fit_transform(Y)
    return {gain: score(Y, est.predict(X, highband_gain=gain), names) for gain in GAINS}


def measure_other_sounds(est, root):
    """Score a model and the spline on piano and music."""
    ratio, rate = est.upsampling_ratio_, int(est.sampling_rate)
    degradations = make_degradations(ratio, rate)
    rows = {}
    for pack in ("piano", "music"):
        test = read_recordings(root, (pack,), "test", rate)
        Y = trim_clips(test.clips, ratio)
        for name in ("the paper's filter", "scipy's resampler"):
            _, steps = degradations[name]
            X = apply(steps, Y)
            methods = {"spline": SplineUpsampler().fit(X, Y), "model": est}
            rows[f"{pack}, {name}"] = {
                method: score(Y, upsampler.predict(X), test.names)
                for method, upsampler in methods.items()
            }
    return rows


def renew_cards(models, scores):
    """Save the models that ship with new scores in their cards; their weights stay."""
    for name, est in models.items():
        card = {key: est.card_[key] for key in ("name", "metrics")} | {"scores": scores[name]}
        card = {**card, **{key: value for key, value in est.card_.items() if key not in card}}
        est.save(pretrained_path(name), card=card, dtype="float16")


def measure_models(models, root):
    """Score all models on the test recordings of their recipes."""
    return {name: measure(est, RECIPES[name], root) for name, est in models.items()}


def recall_models(names):
    """Read the recorded scores of models, which stay when only some are measured anew."""
    recorded = json.loads((RESULTS / "pretrained.json").read_text(encoding="utf-8"))["models"]
    return {name: recorded[name] for name in names if name in recorded}


def format_models(models):
    methods = ["ideal lowband", "spline", "linear", "highband_gain=0", "highband_gain=1"]
    cells = [
        [
            name,
            *(format_score(rows[method]) for method in methods),
            format_worst(rows[methods[-1]]),
        ]
        for name, rows in models.items()
    ]
    return rst_table(["model", *methods, "worst clip of the last"], cells)


def format_dial(rows):
    header = ["highband_gain", "SNR (dB)", "LSD (log10)", "worst SNR", "worst LSD"]
    return rst_table(header, [[f"{gain:g}", *_cells(row)] for gain, row in rows.items()])


def _cells(row):
    worst = (row["worst_snr_db"], row["worst_lsd_log10"])
    names = [name.rsplit("/")[-1] for name, _ in worst]
    return [
        f"{row['snr_db']:.2f}",
        f"{row['lsd_log10']:.3f}",
        f"{worst[0][1]:.1f} ({names[0]})",
        f"{worst[1][1]:.2f} ({names[1]})",
    ]


def format_other_sounds(rows_of_models):
    cells = [
        [name, sound, *map(format_score, row.values()), format_worst(row["model"])]
        for name, rows in rows_of_models.items()
        for sound, row in rows.items()
    ]
    return rst_table(["model", "sounds", "spline", "model's score", "its worst clip"], cells)


def record_dial(name, est, args):
    """Record the scores of a model at each gain."""
    test = read_recordings(args.recordings, ("speech_multi",), "test", int(est.sampling_rate))
    rows = measure_dial(est, trim_clips(test.clips, est.upsampling_ratio_), test.names)
    record(f"dial_{name}", format_dial(rows), {"rows": rows})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    parser.add_argument("--only", nargs="+", help="models (default: all)")
    parser.add_argument("--dial", action="store_true", help="settings of the dial")
    parser.add_argument("--other-sounds", action="store_true", help="piano and music")
    parser.add_argument("--cards", action="store_true", help="write the scores into the cards")
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    models = {name: load_pretrained(name) for name in args.only or pretrained_names()}
    scores = measure_models(models, args.recordings)
    scores = {**recall_models(pretrained_names()), **scores}
    record("pretrained", format_models(scores), {"models": scores})
    if args.cards:
        renew_cards(models, scores)
    if args.other_sounds:
        rows = {name: measure_other_sounds(est, args.recordings) for name, est in models.items()}
        record("other_sounds", format_other_sounds(rows), {"models": rows})
    for name, est in models.items() if args.dial else ():
        record_dial(name, est, args)


if __name__ == "__main__":
    main()
