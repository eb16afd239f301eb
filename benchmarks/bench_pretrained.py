"""Scores of the models that ship; of speech models also at other gains and degradations.

    python -m benchmarks.bench_pretrained --dial --robustness

scores each model that ships on recordings that it has not heard, beside the spline and a linear
filter that was fitted on the training clips, behind the same degradation. ``--models FOLDER``
scores models that ``recipes.train_pretrained`` has saved in a folder instead, and that do not ship.
``--cards`` writes the scores into the cards of the models that ship, for use after a change of the
code. ``--other-sounds`` scores the speech models on piano and music.
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from recipes.recipe import RECIPES
from recipes.scoring import measure
from recipes.splits import read_recordings
from sklearn_audiosr import (
    LinearUpsampler,
    SplineUpsampler,
    load,
    load_pretrained,
    pretrained_names,
)
from sklearn_audiosr._models.pretrained import pretrained_path
from sklearn_audiosr.degradation import AddNoise, Codec, Decimator, Telephone, trim_clips
from tools.recordings import add_argument, skip_without_recordings
from tools.scores import format_score, format_worst, score
from tools.tables import RESULTS, record, rst_table

GAINS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)


def make_degradations(ratio, rate):
    """Return the steps that make narrowband clips, for each row of the table of robustness."""
    chebyshev, resampler, narrow = Decimator(ratio), PolyphaseResampler(ratio), rate // ratio
    codecs = {name: Codec(name, sampling_rate=narrow) for name in ("mp3", "vorbis", "opus")}
    rows = {
        "the paper's filter": [chebyshev],
        **{
            f"{name} filter": [Decimator(ratio, filter=name)]
            for name in ("butterworth", "elliptic", "bessel", "fir", "none")
        },
        "random filters": [Decimator(ratio, filter="random", random_state=0)],
        "white noise, 30 dB": [chebyshev, AddNoise(30.0, random_state=0)],
        "white noise, 20 dB": [chebyshev, AddNoise(20.0, random_state=0)],
        **{name: [chebyshev, codec] for name, codec in codecs.items()},
        # ordinary resamplers leave more at the end of the band than the paper's filter
        "scipy's resampler": [resampler],
        "scipy's resampler, mp3": [resampler, codecs["mp3"]],
        "scipy's resampler, mp3 of few bits": [
            resampler,
            Codec("mp3", sampling_rate=narrow, compression_level=0.7),
        ],
        "no filter, mp3": [Decimator(ratio, filter="none"), codecs["mp3"]],
    }
    if narrow == 8000:
        rows["telephone"] = [Telephone(ratio, sampling_rate=rate)]
        rows["telephone's band"] = [Telephone(ratio, sampling_rate=rate, law=None)]
    return rows


class PolyphaseResampler:
    """`scipy.signal.resample_poly` as a degradation; its passband ends at the Nyquist frequency."""

    def __init__(self, ratio):
        self.ratio = ratio

    def fit_transform(self, Y):
        return [resample_poly(y, 1, self.ratio).astype(np.float32) for y in Y]


def degrade(steps, Y):
    for step in steps:
        Y = step.fit_transform(Y)
    return Y


def measure_dial(est, Y, names):
    """Score a model at each gain of the highband, behind the paper's filter."""
    X = Decimator(est.upsampling_ratio_).fit_transform(Y)
    return {gain: score(Y, est.predict(X, highband_gain=gain), names) for gain in GAINS}


def measure_robustness(est, Y_train, Y, names):
    """Score the model, the spline and the linear filter behind each degradation."""
    rows = {}
    ratio, rate = est.upsampling_ratio_, int(est.sampling_rate)
    for name, steps in make_degradations(ratio, rate).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of clipping
            try:
                X, X_train = degrade(steps, Y), degrade(steps, Y_train)
            except ValueError as error:  # a codec that takes no such rate
                print(f"{name}: left out, {error}")
                continue
        methods = {
            "spline": SplineUpsampler().fit(X, Y),
            "linear": LinearUpsampler().fit(X_train, Y_train),
            "model": est,
        }
        rows[name] = {m: score(Y, method.predict(X), names) for m, method in methods.items()}
        print(name, {m: format_score(row) for m, row in rows[name].items()}, flush=True)
    return rows


def measure_other_sounds(est, root):
    """Score a speech model and the spline on piano and music."""
    ratio, rate = est.upsampling_ratio_, int(est.sampling_rate)
    degradations = make_degradations(ratio, rate)
    rows = {}
    for pack in ("piano", "music"):
        test = read_recordings(root, (pack,), "test", rate)
        Y = trim_clips(test.clips, ratio)
        for name in ("the paper's filter", "scipy's resampler"):
            X = degrade(degradations[name], Y)
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


def recall_models(table, names):
    """Read the recorded scores of models, which stay when only some are measured anew."""
    recorded = json.loads((RESULTS / f"{table}.json").read_text(encoding="utf-8"))["models"]
    return {name: recorded[name] for name in names if name in recorded}


def read_models(folder, names):
    """Load the models of a folder, or those that ship, by name."""
    if folder is None:
        return {name: load_pretrained(name) for name in names or pretrained_names()}
    found = names or sorted(path.stem for path in folder.glob("*.safetensors"))
    return {name: load(folder / f"{name}.safetensors") for name in found}


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


def format_robustness(rows):
    header = ["degradation", "spline", "linear", "model", "worst clip of the model"]
    return rst_table(
        header,
        [
            [name, *map(format_score, row.values()), format_worst(row["model"])]
            for name, row in rows.items()
        ],
    )


def format_other_sounds(rows_of_models):
    cells = [
        [name, sound, *map(format_score, row.values()), format_worst(row["model"])]
        for name, rows in rows_of_models.items()
        for sound, row in rows.items()
    ]
    return rst_table(["model", "sounds", "spline", "model's score", "its worst clip"], cells)


def record_speech(name, est, args):
    """Record the tables of a speech model that the command line asks for."""
    rate, ratio = int(est.sampling_rate), est.upsampling_ratio_
    train, test = (
        read_recordings(args.recordings, ("speech_multi",), split, rate)
        for split in ("train", "test")
    )
    Y_train, Y = trim_clips(train.clips, ratio), trim_clips(test.clips, ratio)
    if args.dial:
        rows = measure_dial(est, Y, test.names)
        record(f"dial_{name}", format_dial(rows), {"rows": rows})
    if args.robustness:
        rows = measure_robustness(est, Y_train[::4], Y, test.names)
        record(f"robustness_{name}", format_robustness(rows), {"rows": rows})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    parser.add_argument("--only", nargs="+", help="models (default: all)")
    parser.add_argument("--models", type=Path, help="their folder (default: those that ship)")
    parser.add_argument("--dial", action="store_true", help="speech: settings of the dial")
    parser.add_argument("--robustness", action="store_true", help="speech: other degradations")
    parser.add_argument("--other-sounds", action="store_true", help="speech: on piano and music")
    parser.add_argument("--cards", action="store_true", help="write the scores into the cards")
    args = parser.parse_args()
    if args.models and (args.cards or args.other_sounds):
        parser.error("--cards and --other-sounds are for the models that ship: leave out --models")
    if skip_without_recordings(args):
        return
    models = read_models(args.models, args.only)
    scores = measure_models(models, args.recordings)
    if args.models is not None:
        scores = {**recall_models("not_shipped", RECIPES), **scores}
        scores = {name: scores[name] for name in RECIPES if name in scores}
        record("not_shipped", format_models(scores), {"models": scores})
        return
    scores = {**recall_models("pretrained", pretrained_names()), **scores}
    record("pretrained", format_models(scores), {"models": scores})
    if args.cards:
        renew_cards(models, scores)
    if args.other_sounds:
        rows = {name: measure_other_sounds(est, args.recordings) for name, est in models.items()}
        record("other_sounds", format_other_sounds(rows), {"models": rows})
    for name, est in models.items():
        if name.startswith("speech"):
            record_speech(name, est, args)


if __name__ == "__main__":
    main()
