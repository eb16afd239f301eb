"""Models on studio recordings that they have not heard, by how those came to their rate.

    python benchmarks/train_pretrained.py speech-4x-16k --copies 16 \\
        --hold-out speech_fullband/vctk --work DIR --out FOLDER
    python benchmarks/bench_held_out.py --models FOLDER

scores them on what was held out. A resampler with a transition band empties the last twentieth of
the band, one that lets it alias or has none leaves it full: the recordings are the same, their
log-spectral distance is not.
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np
from _augmentation import change_speed, store
from _recipes import RECIPES
from _recordings import add_argument, skip_without_recordings
from _scores import format_score, format_worst, score
from _splits import read_recordings
from _tables import record, rst_table
from scipy.signal import resample_poly

from sklearn_audiosr import SplineUpsampler, load
from sklearn_audiosr.degradation import Decimator, trim_clips


def resample_by_scipy(clip, of_clip, rate):
    divisor = np.gcd(of_clip, rate)
    return resample_poly(clip, rate // divisor, of_clip // divisor)


RESAMPLERS = {
    "none: bins of the spectrum": partial(change_speed, speed=1.0, edged=False),
    "scipy.signal.resample_poly": resample_by_scipy,
    "soxr, VHQ": partial(change_speed, speed=1.0, edged=True),
}


def measure(est, recordings, resample):
    """Score a model and the spline on recordings brought to its rate, and rounded as files are."""
    rate, ratio = int(est.sampling_rate), est.upsampling_ratio_
    pairs = zip(recordings.clips, recordings.rates, strict=True)
    clips = [store(resample(clip, of_clip, rate)) for clip, of_clip in pairs]
    Y = trim_clips(clips, ratio)
    X = Decimator(ratio).fit_transform(Y)
    predictions = {
        "spline": SplineUpsampler().fit(X, Y).predict(X),
        **{f"highband_gain={gain:g}": est.predict(X, highband_gain=gain) for gain in (0.0, 1.0)},
    }
    return {name: score(Y, Y_pred, recordings.names) for name, Y_pred in predictions.items()}


def format_rows(models):
    methods = list(next(iter(next(iter(models.values())).values())))
    cells = [
        [
            model,
            resampler,
            *(format_score(rows[method]) for method in methods),
            format_worst(rows[methods[-1]]),
        ]
        for model, by_resampler in models.items()
        for resampler, rows in by_resampler.items()
    ]
    return rst_table(["model", "resampler", *methods, "worst clip of the last"], cells)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    parser.add_argument("--models", type=Path, help="their folder (default: none are scored)")
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    paths = sorted(args.models.glob("*.safetensors")) if args.models else []
    if not paths:
        print("skipped: --models names a folder of what train_pretrained.py --hold-out has made")
        return
    models, held_out = {}, {}
    for path in paths:
        est, name = load(path), path.stem
        held_out[name] = est.card_["recipe"].get("held_out")
        if held_out[name] is None:
            raise SystemExit(f"{path} has heard all recordings: train it with --hold-out.")
        recordings = read_recordings(
            args.recordings, (held_out[name],), "all", RECIPES[name].rate, bring_down=False
        )
        models[name] = {
            resampler: measure(est, recordings, resample)
            for resampler, resample in RESAMPLERS.items()
        }
    record("held_out", format_rows(models), {"held out": held_out, "models": models})


if __name__ == "__main__":
    main()
