"""SpectralNet trained from scratch in eleven minutes of a core, with its learning curve.

    python -m benchmarks.bench_from_scratch

trains on the training speakers of ``speech_multi`` at r = 4, without variations. It scores the
model beside the spline and the linear filter on the test speakers, and on studio recordings of
VCTK, of which it has heard none.
"""

import argparse
import time

import numpy as np
import torch

from recipes.splits import read_recordings
from sklearn_audiosr import AudioSuperResolver, LinearUpsampler, SplineUpsampler
from sklearn_audiosr.degradation import Decimator, trim_clips
from sklearn_audiosr.networks import SpectralNet
from tools.recordings import add_argument, read_pack, skip_without_recordings
from tools.scores import format_score, format_worst, score
from tools.tables import record, rst_table

RATIO = 4

_METRICS = "SNR (dB) / LSD (log10)"


def format_scores(tests):
    header = ["method", *(f"{c}, {title}" for title in tests for c in (_METRICS, "worst clip"))]
    cells = [
        [name, *(cell for rows in tests.values() for cell in _cells(rows[name]))]
        for name in next(iter(tests.values()))
    ]
    return rst_table(header, cells)


def _cells(row):
    return format_score(row), format_worst(row)


def format_curve(est, minutes):
    """Lay out the curve, by processor minutes: the machine may be shared."""
    rows = [
        [i + 1, f"{(i + 1) * minutes / est.n_iter_:.1f}", f"{loss:.3f}", f"{-score:.3f}"]
        for i, (loss, score) in enumerate(zip(est.loss_curve_, est.validation_scores_, strict=True))
    ]
    return rst_table(["epoch", "processor minutes", "training loss", "validation LSD"], rows)


def read_tests(root):
    """Read the recordings to score on: wideband clips and their names, by title."""
    Y, _, names, rate = read_pack(root, "speech_multi", "test", RATIO)
    studio = read_recordings(root, ("speech_fullband/vctk",), "all", rate)
    return {"speech_multi": (Y, names), "VCTK": (trim_clips(studio.clips, RATIO), studio.names)}


def score_methods(est, linear, decimator, Y, names):
    X = decimator.transform(Y)
    predictions = {
        "spline": SplineUpsampler().fit(X, Y).predict(X),
        "linear filter": linear.predict(X),
        **{
            f"SpectralNet, highband_gain={gain:g}": est.predict(X, highband_gain=gain)
            for gain in (0.0, 1.0)
        },
    }
    return {name: score(Y, Y_pred, names) for name, Y_pred in predictions.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    parser.add_argument("--epochs", type=int, default=6)
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    decimator = Decimator(RATIO)
    Y_train, speakers, _, rate = read_pack(args.recordings, "speech_multi", "train", RATIO)
    X_train = decimator.fit_transform(Y_train)
    est = AudioSuperResolver(
        SpectralNet(frame_length=1024),
        patch_length=16384,
        learning_rate=3e-3,
        learning_rate_schedule="cosine",
        max_epochs=args.epochs,
        validation_fraction=0.05,
        sampling_rate=rate,
        device="cpu",
        random_state=0,
    )
    wall, processor = time.perf_counter(), time.process_time()
    est.fit(X_train, Y_train, groups=np.asarray(speakers))
    minutes, processor = (
        (t() - b) / 60 for t, b in [(time.perf_counter, wall), (time.process_time, processor)]
    )
    linear = LinearUpsampler().fit(X_train, Y_train)
    tests = {
        title: score_methods(est, linear, decimator, Y, names)
        for title, (Y, names) in read_tests(args.recordings).items()
    }
    threads = torch.get_num_threads()
    print(f"{minutes:.1f} minutes, {processor:.1f} of processors, {threads} threads")
    results = {"minutes": minutes, "processor minutes": processor, "threads": threads}
    record("from_scratch", format_scores(tests), {**results, "tests": tests})
    curve = {"loss": est.loss_curve_, "minus validation LSD": est.validation_scores_}
    record("from_scratch_curve", format_curve(est, processor), {**results, **curve})


if __name__ == "__main__":
    main()
