"""Speed: seconds to upsample a second of audio, in clips of 12 s, and to train on one."""

import warnings

import numpy as np

from sklearn_audiosr import LinearUpsampler, SplineUpsampler
from sklearn_audiosr.degradation import Decimator
from tools.tables import rst_table
from tools.timing import time_once

CORPORA = ("piano",)

# Sec. 4: 0.11 s for a second of audio on a Titan X.
PAPER = 0.11

_CLIP_SECONDS = 12
_N_ROUNDS = 3

# Training is timed on so much audio at most.
_TRAINING_MINUTES = 1.0


def run(bench):
    """Time each method on each device; fits are not taken from the work folder."""
    corpus = bench.open(bench.data[0], min(_TRAINING_MINUTES, bench.preset.minutes or np.inf))
    (ratio, *_) = bench.choose_ratios(4)
    decimator = Decimator(ratio)
    bench.note(corpus, [decimator])
    y = make_clip(corpus, ratio)
    pair = decimator.fit_transform([y]), [y]
    rows = []
    for device in ("cpu", "cuda"):
        for method, make in make_methods(bench.preset, device).items():
            row = {"method": method, "device": device, "predict": None, "train": None}
            if device == "cpu" or _has_cuda():
                row |= time_method(make(), corpus, decimator, pair, device)
            rows.append(row)
            print(row, flush=True)
    return {"corpus": corpus.name, "ratio": ratio, "clip_seconds": _CLIP_SECONDS, "rows": rows}


def make_methods(preset, device):
    """Return a function for each method that makes it; on a GPU only the learned methods.

    The network of the paper's width is among them unless the command line has another width.
    """
    methods = {
        "dnn": lambda: preset.dnn(device=device, max_epochs=1),
        f"network, width {preset.width:g}": lambda: preset.resolver(device=device, max_epochs=1),
    }
    if device == "cpu":
        closed = {"spline": SplineUpsampler, "linear": LinearUpsampler}
        methods = {**closed, **methods}
    if preset.has_own_width() and preset.width != 1:
        full = preset.network(width=1.0)
        methods["network, width 1"] = lambda: preset.resolver(full, device=device, max_epochs=1)
    return methods


def time_method(estimator, corpus, decimator, pair, device):
    """Measure the seconds for a second of audio, of `predict` and of one epoch of `fit`.

    Training of the full network is not timed on a CPU. It is fitted on a tenth of a second, since
    the speed of a prediction does not depend on the weights.
    """
    is_slow = device == "cpu" and getattr(getattr(estimator, "network", None), "width", 0) == 1
    ratio = decimator.upsampling_ratio
    Y = [pair[1][0][: 1600 // ratio * ratio]] if is_slow else corpus.trimmed(corpus.train, ratio)
    X = decimator.fit_transform(Y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it will be slow is known
        if device == "cuda":
            estimator.fit(X, Y)  # kernels are chosen in the first fit
        seconds = time_once(lambda: estimator.fit(X, Y))
    duration = sum(y.shape[-1] for y in Y) / corpus.sampling_rate
    n_rounds = 1 if is_slow else _N_ROUNDS
    estimator.predict([pair[0][0][: corpus.sampling_rate // ratio]])  # warm up
    predicting = min(time_once(lambda: estimator.predict(pair[0])) for _ in range(n_rounds))
    return {
        "predict": predicting / _CLIP_SECONDS,
        "train": None if is_slow else seconds / duration,
    }


def make_clip(corpus, ratio):
    """Return 12 s of test clips, repeated if they are shorter."""
    n_timepoints = round(_CLIP_SECONDS * corpus.sampling_rate) // ratio * ratio
    clips = corpus.trimmed(corpus.test, ratio)
    repeats = -(-n_timepoints // sum(clip.shape[-1] for clip in clips))
    return np.concatenate(clips * repeats)[:n_timepoints]


def format_table(results):
    """Lay out one row for each method and device."""
    header = ["method", "device", "predict (s per s)", "x real time", "train (s per s, an epoch)"]
    rows = [
        [
            row["method"],
            row["device"],
            *_format_prediction(row["predict"]),
            "not run" if row["train"] is None else f"{row['train']:.3g}",
        ]
        for row in results["rows"]
    ]
    text = (
        f"Clips of {results['clip_seconds']} s of {results['corpus']}, r = {results['ratio']}, the "
        f"best of {_N_ROUNDS} rounds. The paper has {PAPER} s for a second on a Titan X. "
        "Training is timed as one epoch, with all that a fit does besides."
    )
    return f"{text}\n\n{rst_table(header, rows)}"


def _format_prediction(seconds):
    return ["not run", ""] if seconds is None else [f"{seconds:.3g}", f"{1 / seconds:.0f}"]


def _has_cuda():
    import torch

    return torch.cuda.is_available()
