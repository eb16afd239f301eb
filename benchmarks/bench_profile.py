"""Where the time of a fit goes: steps and their input side, validation, upsampling.

python -m benchmarks.bench_profile
"""

import argparse
import time
from collections import Counter
from unittest import mock

from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr._training.batches import BatchLoader
from sklearn_audiosr._training.loop import _Step
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.networks import AudioUNet
from tools.recordings import add_argument, read_pack, skip_without_recordings
from tools.tables import record, rst_table

RATIO = 4


class Clock:
    """Sums the time spent in functions."""

    def __init__(self):
        self.seconds = Counter()

    def watch(self, name, function):
        def timed(*args, **kwargs):
            begin = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[name] += time.perf_counter() - begin

        return timed


def profile_fit(Y, width):
    """Seconds of the parts of a fit of two epochs."""
    X = Decimator(RATIO).fit_transform(Y)
    clock = Clock()
    est = AudioSuperResolver(AudioUNet(width=width), max_epochs=2, device="cpu", random_state=0)
    validation = est._make_validation

    def make_validation(*args):
        return clock.watch("validation", validation(*args))

    patches = [
        mock.patch.object(BatchLoader, "load", clock.watch("input side", BatchLoader.load)),
        mock.patch.object(_Step, "__call__", clock.watch("steps", _Step.__call__)),
        mock.patch.object(est, "_make_pair", clock.watch("upsampling, once", est._make_pair)),
        mock.patch.object(est, "_make_validation", make_validation),
    ]
    begin = time.perf_counter()
    with patches[0], patches[1], patches[2], patches[3]:
        est.fit(X, Y)
    clock.seconds["fit"] = time.perf_counter() - begin
    return dict(clock.seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    Y = read_pack(args.recordings, "speech_multi", "train", RATIO)[0][:60]
    results, rows = {}, []
    for name, width in [("1/8", 1 / 8), ("1/32", 1 / 32)]:
        seconds = results[name] = profile_fit(Y, width)
        fit, steps = seconds["fit"], seconds["steps"]
        rows.append(
            [
                f"width {name}",
                f"{fit:.1f} s",
                f"{100 * steps / fit:.1f} %",
                f"{100 * seconds['input side'] / steps:.2f} % of a step",
                f"{100 * seconds['validation'] / fit:.1f} %",
                f"{100 * seconds['upsampling, once'] / fit:.2f} %",
            ]
        )
    header = ["AudioUNet", "fit", "steps", "input side", "validation", "upsampling, once"]
    record("profile", rst_table(header, rows), {"clips": len(Y), "rows": results})


if __name__ == "__main__":
    main()
