"""Scores of the speech models that ship behind other degradations than the paper's filter.

    python -m benchmarks.bench_robustness

scores each model beside the spline and a linear filter that was fitted on training clips behind the
same degradation. The model is told nothing. Noise in the room is added before the decimation, and
predictions are compared with clips that have the same noise: what the narrowband clip has of it,
the wideband clip has too. What a codec adds is no part of the clip.
"""

import argparse
import warnings

from benchmarks.bench_panel import read_models
from benchmarks.degradations import apply, make_degradations
from sklearn_audiosr import LinearUpsampler, SplineUpsampler, pretrained_names
from tools.panel import COLUMNS
from tools.recordings import add_argument, read_pack, skip_without_recordings
from tools.scores import (
    HIGHBAND,
    format_highband,
    format_score,
    format_worst,
    score,
    score_highband,
)
from tools.tables import record, rst_table


def measure_robustness(est, Y_train, Y, names):
    """Score the model, the spline and the linear filter behind each degradation."""
    rows = {}
    ratio, rate = est.upsampling_ratio_, int(est.sampling_rate)
    for name, (wideband_steps, narrowband_steps) in make_degradations(ratio, rate).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of clipping
            target, target_train = (apply(wideband_steps, clips) for clips in (Y, Y_train))
            try:
                X, X_train = (apply(narrowband_steps, clips) for clips in (target, target_train))
            except ValueError as error:  # a codec that takes no such rate
                print(f"{name}: left out, {error}")
                continue
        Y_pred = est.predict(X)
        baselines = {
            "spline": SplineUpsampler().fit(X, target),
            "linear": LinearUpsampler().fit(X_train, target_train),
        }
        rows[name] = {m: score(target, b.predict(X), names) for m, b in baselines.items()}
        rows[name]["model"] = {
            **score(target, Y_pred, names),
            "highband": score_highband(target, Y_pred, rate, ratio),
        }
        print(name, {m: format_score(row) for m, row in rows[name].items()}, flush=True)
    return rows


def format_robustness(rows):
    header = ["degradation", "spline", "linear", "model"]
    return rst_table(
        [*header, *(COLUMNS[name].title for name in HIGHBAND), "worst clip of the model"],
        [
            [
                name,
                *map(format_score, row.values()),
                *format_highband(row["model"]["highband"]),
                format_worst(row["model"]),
            ]
            for name, row in rows.items()
        ],
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    parser.add_argument("--only", nargs="+", help="models (default: those of speech)")
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    speech = [name for name in pretrained_names() if name.startswith("speech")]
    for name, est in read_models(args.only or speech).items():
        ratio = est.upsampling_ratio_
        Y_train, *_ = read_pack(args.recordings, "speech_multi", "train", ratio)
        Y, _, names, rate = read_pack(args.recordings, "speech_multi", "test", ratio)
        if rate != est.sampling_rate:
            raise SystemExit(f"{name} is for {est.sampling_rate} Hz, speech_multi has {rate} Hz")
        rows = measure_robustness(est, Y_train[::4], Y, names)
        record(f"robustness_{name}", format_robustness(rows), {"rows": rows})


if __name__ == "__main__":
    main()
