"""Speed of the estimators without networks: ratios against peers, measured in turn in one run.

python -m benchmarks.bench_speed
"""

import argparse

import numpy as np
import soxr
from scipy.interpolate import CubicSpline, splev, splrep
from scipy.signal import resample_poly

from sklearn_audiosr import LinearUpsampler, SplineUpsampler
from tools.tables import record, rst_table
from tools.timing import median_seconds, noise, time_once


def spline_row(ratio, seconds=60):
    """Time SplineUpsampler.predict against scipy's splines and against resamplers."""
    Y = noise(seconds, ratio)
    X = np.ascontiguousarray(Y[:, ::ratio])
    est = SplineUpsampler().fit(X, Y)
    knots, instants = np.arange(X.shape[1]), np.arange(Y.shape[1]) / ratio
    times = median_seconds(
        lambda: est.predict(X),
        lambda: CubicSpline(knots, X[0])(instants),
        lambda: splev(instants, splrep(knots, X[0])),
        lambda: soxr.resample(X[0], 1, ratio, quality="HQ"),
        lambda: resample_poly(X[0], ratio, 1),
    )
    ours, cubic, fitpack, soxr_hq, poly = times
    return {
        "ours_ms": 1e3 * ours,
        "CubicSpline / ours": cubic / ours,
        "splev / ours": fitpack / ours,
        "ours / soxr": ours / soxr_hq,
        "ours / resample_poly": ours / poly,
    }


def linear_row(ratio):
    """Time a fit on one hour of audio, and the prediction of a minute."""
    Y = np.concatenate([noise(60, ratio)] * 60)
    X = np.ascontiguousarray(Y[:, ::ratio])
    est = LinearUpsampler()
    fit_seconds = time_once(lambda: est.fit(X, Y))
    (predict_seconds,) = median_seconds(lambda: est.predict(X[:1]))
    return {"fit_hour_s": fit_seconds, "x real time": 60 / predict_seconds}


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    results = {f"spline r={r}": spline_row(r) for r in (2, 4)}
    results |= {f"linear r={r}": linear_row(r) for r in (2, 4)}
    rows = []
    for r in (2, 4):
        row = results[f"spline r={r}"]
        rows.append(
            [
                f"SplineUpsampler.predict, 60 s, r = {r}",
                f"{row['CubicSpline / ours']:.1f} x CubicSpline, {row['splev / ours']:.1f} x splev;"
                f" {row['ours / soxr']:.2f} times soxr HQ's time, "
                f"{row['ours / resample_poly']:.2f} times resample_poly's",
                ">= 8 x CubicSpline, <= 3 x soxr HQ's time",
            ]
        )
    for r in (2, 4):
        row = results[f"linear r={r}"]
        rows.append(
            [
                f"LinearUpsampler, r = {r}",
                f"predicts {row['x real time']:.0f} x real time, fits one hour in "
                f"{row['fit_hour_s']:.1f} s",
                ">= 500 x real time, < 30 s",
            ]
        )
    record("speed", rst_table(["what", "measured", "must"], rows), {"rows": results})


if __name__ == "__main__":
    main()
