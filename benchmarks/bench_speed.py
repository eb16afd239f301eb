"""Speed and memory: ratios against peers, measured in turn in one run.

python benchmarks/bench_speed.py
"""

import argparse
import resource
import subprocess
import sys
import time

import numpy as np
import soxr
from _tables import record, rst_table
from scipy.interpolate import CubicSpline

from sklearn_audiosr import AudioSuperResolver, LinearUpsampler, SplineUpsampler
from sklearn_audiosr.networks import AudioUNet

SAMPLING_RATE = 16000
N_ROUNDS = 15


def median_seconds(*functions):
    """Median time of each function, run in turn so that all see the same machine."""
    for function in functions:
        function()
    times = []
    for _ in range(N_ROUNDS):
        times.append([])
        for function in functions:
            begin = time.perf_counter()
            function()
            times[-1].append(time.perf_counter() - begin)
    return np.median(times, axis=0)


def noise(seconds, ratio=1):
    rng = np.random.default_rng(0)
    n_timepoints = seconds * SAMPLING_RATE // ratio * ratio
    return rng.standard_normal((1, n_timepoints)).astype(np.float32)


def spline_row(ratio, seconds=60):
    """SplineUpsampler.predict against scipy's CubicSpline (both from array to array) and soxr."""
    Y = noise(seconds, ratio)
    X = np.ascontiguousarray(Y[:, ::ratio])
    est = SplineUpsampler().fit(X, Y)
    knots, instants = np.arange(X.shape[1]), np.arange(Y.shape[1]) / ratio
    ours, scipys, soxrs = median_seconds(
        lambda: est.predict(X),
        lambda: CubicSpline(knots, X[0])(instants),
        lambda: soxr.resample(X[0], 1, ratio, quality="HQ"),
    )
    return {"ours_ms": 1e3 * ours, "CubicSpline / ours": scipys / ours, "ours / soxr": ours / soxrs}


def linear_row(ratio):
    """Fit on one hour of audio; predict a minute."""
    Y = np.concatenate([noise(60, ratio)] * 60)
    X = np.ascontiguousarray(Y[:, ::ratio])
    begin = time.perf_counter()
    est = LinearUpsampler().fit(X, Y)
    fit_seconds = time.perf_counter() - begin
    (predict_seconds,) = median_seconds(lambda: est.predict(X[:1]))
    return {"fit_hour_s": fit_seconds, "x real time": 60 / predict_seconds}


def peak_megabytes():
    """Peak resident memory of this process; Linux counts kilobytes, macOS bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def predict_hour():
    """Print the memory that predicting one hour takes beyond the process after imports, in MB."""
    network = AudioUNet(width=1 / 8)
    Y = noise(2, 4)
    X = np.zeros((1, 3600 * SAMPLING_RATE // 4), dtype=np.float32)
    # the peak before is that after imports: training these two seconds counts as ours
    before = peak_megabytes()
    est = AudioSuperResolver(network, max_epochs=1, batch_size=1).fit(Y[:, ::4], Y)
    begin = time.perf_counter()
    Y_pred = est.predict(X)
    seconds = time.perf_counter() - begin
    print(peak_megabytes() - before, Y_pred.size / SAMPLING_RATE / seconds)


def hour_row():
    code = "import torch, sklearn_audiosr._inference, bench_speed; bench_speed.predict_hour()"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=sys.path[0]
    )
    megabytes, speed = map(float, run.stdout.split())
    return {"megabytes": megabytes, "x real time": speed}


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    results = {f"spline r={r}": spline_row(r) for r in (2, 4)}
    results |= {f"linear r={r}": linear_row(r) for r in (2, 4)}
    results["network, one hour"] = hour = hour_row()
    rows = [
        [
            f"SplineUpsampler.predict, 60 s, r = {r}",
            f"{results[f'spline r={r}']['CubicSpline / ours']:.1f} x CubicSpline, "
            f"{results[f'spline r={r}']['ours / soxr']:.2f} times soxr HQ's time",
            ">= 8 x CubicSpline",
        ]
        for r in (2, 4)
    ]
    rows += [
        [
            f"LinearUpsampler, r = {r}",
            f"fits one hour in {results[f'linear r={r}']['fit_hour_s']:.1f} s, predicts "
            f"{results[f'linear r={r}']['x real time']:.0f} x real time",
            "< 30 s",
        ]
        for r in (2, 4)
    ]
    rows.append(
        [
            "AudioUNet(width=1/8), one hour at r = 4",
            f"{hour['megabytes']:.0f} MB beyond imports, output included; "
            f"{hour['x real time']:.0f} x real time",
            "< 1000 MB",
        ]
    )
    record("speed", rst_table(["what", "measured", "must"], rows), {"rows": results})


if __name__ == "__main__":
    main()
