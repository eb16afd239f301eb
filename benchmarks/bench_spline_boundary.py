"""Which continuation beyond the ends of a clip is best for the cubic spline?

    python -m benchmarks.bench_spline_boundary

low-passes speech and piano by the paper's filter, cuts short excerpts and measures the error near
both ends. "not-a-knot" is scipy's ``CubicSpline``, extrapolated.
"""

import argparse

import numpy as np
from scipy import signal
from scipy.interpolate import CubicSpline

from sklearn_audiosr._signal.interpolation import BOUNDARIES, upsample_cubic
from tools.recordings import add_argument, read_pack, skip_without_recordings
from tools.tables import record, rst_table

EXCERPT = 4800
RATIOS = (2, 4, 6)


def not_a_knot(x, ratio):
    return CubicSpline(np.arange(x.shape[-1]), x, axis=-1)(np.arange(x.shape[-1] * ratio) / ratio)


def methods():
    """Return the boundaries of the library, and scipy's."""
    ours = {
        name: lambda x, r, name=name: upsample_cubic(x, r, boundary=name) for name in BOUNDARIES
    }
    return {**ours, "not-a-knot": not_a_knot}


def cut_excerpts(clips, ratio):
    """Low-pass clips and cut them into excerpts with sound at their end, (n_excerpts, EXCERPT).

    They are low-passed first, so that the filter's own continuation does not matter.
    """
    sos = signal.cheby1(8, 0.05, 0.8 / ratio, output="sos")
    smooth = [signal.sosfiltfilt(sos, clip.astype(np.float64)) for clip in clips]
    excerpts = np.concatenate(
        [c[: len(c) // EXCERPT * EXCERPT].reshape(-1, EXCERPT) for c in smooth]
    )
    return excerpts[np.abs(excerpts[:, -64:]).max(axis=1) > 0.02]


def end_errors(Y, ratio):
    """Compute the signal-to-noise ratio in dB at the start, the end and beyond the last knot."""
    X = Y[:, ::ratio]
    near = 4 * ratio  # timepoints of four knots
    regions = {
        "start": slice(1, near),
        "end": slice(-near, None),
        "beyond": slice(-(ratio - 1), None),
    }
    scores = {}
    for name, upsample in methods().items():
        error = Y - upsample(X, ratio)
        scores[name] = {
            region: 10 * np.log10(np.sum(Y[:, part] ** 2) / np.sum(error[:, part] ** 2))
            for region, part in regions.items()
        }
    return scores


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    rows, results = [], {}
    for pack in ("speech_multi", "piano"):
        clips, *_ = read_pack(args.recordings, pack, "test", 1)
        for ratio in RATIOS:
            scores = end_errors(cut_excerpts(clips, ratio), ratio)
            results[f"{pack} r={ratio}"] = scores
            for method, score in scores.items():
                rows.append([pack, ratio, method, *(f"{score[k]:.2f}" for k in score)])
    header = ["pack", "r", "continuation", "first 4 knots (dB)", "last 4 knots (dB)",
              "beyond the last knot (dB)"]  # fmt: skip
    record("spline_boundary", rst_table(header, rows), {"rows": results})


if __name__ == "__main__":
    main()
