"""The speech models that ship on studio recordings that no training has heard, by resampler.

    python -m benchmarks.bench_held_out

scores the models on the VCTK recordings that their recipes hold out. A resampler with a transition
band empties the last twentieth of the band; one without, or one that aliases, leaves it full. The
recordings are the same, but their log-spectral distance is not.
"""

import argparse
from functools import partial

import numpy as np
import soxr
from scipy.signal import firwin, resample_poly

from recipes.augmentation import store
from recipes.recipe import RECIPES
from recipes.splits import read_recordings
from sklearn_audiosr import SplineUpsampler, load_pretrained, pretrained_names
from sklearn_audiosr.augmentation import ChangeSpeed
from sklearn_audiosr.degradation import Decimator, trim_clips
from tools.recordings import add_argument, skip_without_recordings
from tools.scores import format_score, format_worst, score
from tools.tables import record, rst_table

# The low-pass "kaiser_best" of resampy, for years librosa's: zero crossings on each side, cut-off
# relative to the lower Nyquist frequency, and shape of the window.
_N_ZEROS, _ROLLOFF, _BETA = 64, 0.9475937, 14.7697


def resample_by_scipy(clip, clip_rate, rate, make_window=lambda ratio: ("kaiser", 5.0)):
    divisor = np.gcd(clip_rate, rate)
    up, down = rate // divisor, clip_rate // divisor
    return resample_poly(clip, up, down, window=make_window(max(up, down)))


def make_long_window(ratio):
    return firwin(2 * _N_ZEROS * ratio + 1, _ROLLOFF / ratio, window=("kaiser", _BETA))


def resample_by_spectrum(clip, clip_rate, rate):
    return ChangeSpeed(1.0, sampling_rate=clip_rate, target_rate=rate).fit_transform([clip])[0]


RESAMPLERS = {
    "none: bins of the spectrum": resample_by_spectrum,
    "scipy.signal.resample_poly": resample_by_scipy,
    "a sinc as long as resampy's": partial(resample_by_scipy, make_window=make_long_window),
    "soxr, VHQ": partial(soxr.resample, quality="VHQ"),
}


def measure(est, recordings, resample):
    """Score a model and the spline on recordings resampled to its rate, and rounded to 16 bits."""
    rate, ratio = int(est.sampling_rate), est.upsampling_ratio_
    pairs = zip(recordings.clips, recordings.rates, strict=True)
    clips = [store(resample(clip, clip_rate, rate)) for clip, clip_rate in pairs]
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
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    models, scored_on = {}, {}
    for name in pretrained_names():
        est, folders = load_pretrained(name), RECIPES[name].held_out
        recordings = read_recordings(
            args.recordings, folders, "all", int(est.sampling_rate), bring_down=False
        )
        scored_on[name] = recordings.names
        models[name] = {
            resampler: measure(est, recordings, resample)
            for resampler, resample in RESAMPLERS.items()
        }
    record("not_heard", format_rows(models), {"scored on": scored_on, "models": models})


if __name__ == "__main__":
    main()
