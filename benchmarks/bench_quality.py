"""Scores of every estimator on real recordings, beside the bound.

    python -m benchmarks.bench_quality --pack speech_multi --ratio 4

trains on a pack's training split and scores its test split, of other speakers or pieces, behind the
order-8 Chebyshev filter with zero phase. ``--only`` names the rows to run.
"""

import argparse
import time

import numpy as np

from sklearn_audiosr import (
    AudioSuperResolver,
    DNNBandwidthExtender,
    LinearUpsampler,
    SplineUpsampler,
)
from sklearn_audiosr.degradation import Decimator, ideal_lowband
from sklearn_audiosr.metrics import log_spectral_distance, signal_to_noise_ratio
from sklearn_audiosr.networks import AudioUNet, SpectralNet
from tools.recordings import add_argument, read_pack, skip_without_recordings
from tools.tables import record, rst_table

CASES = [("speech_multi", 2), ("speech_multi", 4), ("speech_multi", 6), ("piano", 4)]


def make_estimators():
    """Return the estimators; the networks train for less than 15 minutes of one core."""
    training = {"patch_length": 2048, "validation_fraction": 0.04, "random_state": 0, "verbose": 1}
    return {
        "spline": SplineUpsampler(),
        "linear": LinearUpsampler(),
        "dnn": DNNBandwidthExtender(max_epochs=3, **{**training, "patch_length": 8192}),
        "network": AudioSuperResolver(
            AudioUNet(width=1 / 8, dropout=0.0), learning_rate=5e-4, max_epochs=3, **training
        ),
        "spectral": AudioSuperResolver(
            SpectralNet(frame_length=1024),
            learning_rate=3e-3,
            learning_rate_schedule="cosine",
            max_epochs=6,
            **{**training, "patch_length": 16384},
        ),
    }


def fit(estimator, X, Y, speakers):
    """Fit, with whole speakers held out for validation, and return the processor minutes."""
    begin = time.process_time()
    if isinstance(estimator, (AudioSuperResolver, DNNBandwidthExtender)):
        estimator.fit(X, Y, groups=speakers)
    else:
        estimator.fit(X, Y)
    return (time.process_time() - begin) / 60


def measure(Y, Y_pred, names):
    """Score a method on the test clips."""
    snr = signal_to_noise_ratio(Y, Y_pred, average=None)
    lsd = log_spectral_distance(Y, Y_pred, average=None)
    natural = log_spectral_distance(Y, Y_pred, convention="kuleshov2017")
    worst = int(np.nanargmin(snr))
    return {
        "snr": float(np.nanmean(snr)),
        "lsd": float(lsd.mean()),
        "lsd_natural": natural,
        "worst_clip": names[worst],
        "worst_snr": float(snr[worst]),
        "clips": {
            n: [round(float(s), 3), round(float(d), 4)]
            for n, s, d in zip(names, snr, lsd, strict=True)
        },
    }


def run(recordings, pack, ratio, only):
    Y, speakers, *_ = read_pack(recordings, pack, "train", ratio)
    Y_test, _, names, rate = read_pack(recordings, pack, "test", ratio)
    decimator = Decimator(ratio)
    X, X_test = decimator.fit_transform(Y), decimator.fit_transform(Y_test)
    seconds = sum(map(len, Y_test)) / rate
    results = {"ideal lowband": measure(Y_test, ideal_lowband(Y_test, ratio), names)}
    for name, estimator in make_estimators().items():
        if name not in only:
            continue
        try:
            minutes = fit(estimator, X, Y, speakers)
        except ValueError as error:  # the DNN takes powers of two only
            print(f"{name}: {error}")
            continue
        begin = time.perf_counter()
        Y_pred = estimator.predict(X_test)
        speed = seconds / (time.perf_counter() - begin)
        results[name] = {
            **measure(Y_test, Y_pred, names),
            "times_real_time": speed,
            "fit_cpu_minutes": minutes,
            "estimator": repr(estimator),
        }
        print(name, {k: v for k, v in results[name].items() if k != "clips"}, flush=True)
    return results


def format_table(results):
    header = ["method", "SNR (dB)", "LSD (log10)", "LSD (natural)", "worst clip (dB)",
              "fit (CPU min)", "x real time"]  # fmt: skip
    rows = [
        [
            name,
            f"{row['snr']:.2f}",
            f"{row['lsd']:.3f}",
            f"{row['lsd_natural']:.2f}",
            f"{row['worst_clip']} ({row['worst_snr']:.1f})",
            f"{row['fit_cpu_minutes']:.2f}" if "fit_cpu_minutes" in row else "",
            f"{row['times_real_time']:.0f}" if "times_real_time" in row else "",
        ]
        for name, row in results.items()
    ]
    return rst_table(header, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    parser.add_argument("--pack", help="with --ratio: one table (default: all of CASES)")
    parser.add_argument("--ratio", type=int, default=4)
    parser.add_argument("--only", nargs="+", default=list(make_estimators()))
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    for pack, ratio in [(args.pack, args.ratio)] if args.pack else CASES:
        results = run(args.recordings, pack, ratio, args.only)
        print(f"{pack}, r = {ratio}")
        record(f"quality_{pack}_r{ratio}", format_table(results), {"rows": results})


if __name__ == "__main__":
    main()
