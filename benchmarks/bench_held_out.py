"""Speech models on studio recordings that they have not heard, by how those came to their rate.

    python benchmarks/bench_held_out.py

scores the models that ship on VCTK, no recording of which they were trained on. Others, of
``--models FOLDER``, are scored on what ``train_pretrained.py --hold-out`` held out. A resampler
with a transition band empties the last twentieth of the band, one that lets it alias or has none
leaves it full: the recordings are the same, their log-spectral distance is not.
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
from bench_pretrained import read_models
from scipy.signal import resample_poly

from sklearn_audiosr import SplineUpsampler
from sklearn_audiosr.degradation import Decimator, trim_clips


def resample_by_scipy(clip, of_clip, rate):
    divisor = np.gcd(of_clip, rate)
    return resample_poly(clip, rate // divisor, of_clip // divisor)


# What paths of recordings begin with that no speech model is trained on: VCTK.
_STUDIO = "speech_fullband/vctk"

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


def find_held_out(name, est, root):
    """Give recordings that a model has not heard, at their own rates, and what they begin with."""
    held_out = est.card_["recipe"].get("held_out")
    prefix = held_out or _STUDIO
    recordings = read_recordings(root, (prefix,), "all", RECIPES[name].rate, bring_down=False)
    heard = set(recordings.sources).intersection(est.card_["training recordings"])
    if heard and not held_out:
        raise SystemExit(
            f"{name} must not have heard {prefix}, but its card tells of {', '.join(heard)}: train "
            f"it with --hold-out {prefix}."
        )
    return prefix, recordings


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    parser.add_argument("--models", type=Path, help="their folder (default: those that ship)")
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    models, held_out = {}, {}
    for name, est in read_models(args.models, None).items():
        if not name.startswith("speech"):
            continue
        held_out[name], recordings = find_held_out(name, est, args.recordings)
        models[name] = {
            resampler: measure(est, recordings, resample)
            for resampler, resample in RESAMPLERS.items()
        }
    record("held_out", format_rows(models), {"held out": held_out, "models": models})


if __name__ == "__main__":
    main()
