"""Where the time of a fit goes: steps and their input side, validation, upsampling.

python -m benchmarks.bench_profile
"""

import argparse
import time
from collections import Counter
from unittest import mock

from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr._estimators import fitting, learned
from sklearn_audiosr._estimators.network_input import NetworkInput
from sklearn_audiosr._training.batches import BatchLoader
from sklearn_audiosr._training.step import TrainingStep
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
        """Return the function, timed."""

        def timed(*args, **kwargs):
            begin = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[name] += time.perf_counter() - begin

        return timed

    def watching(self, name, kind, method):
        """Watch a method of a class inside a context."""
        return mock.patch.object(kind, method, self.watch(name, getattr(kind, method)))


def profile_fit(Y, width):
    """Measure the seconds of the parts of a fit of two epochs."""
    X = Decimator(RATIO).fit_transform(Y)
    clock = Clock()
    est = AudioSuperResolver(AudioUNet(width=width), max_epochs=2, device="cpu", random_state=0)

    def make_validation(*args):
        return clock.watch("validation", fitting.make_validation(*args))

    with (
        clock.watching("input side", BatchLoader, "load"),
        clock.watching("steps", TrainingStep, "__call__"),
        clock.watching("upsampling, once", NetworkInput, "make_pair"),
        mock.patch.object(learned, "make_validation", make_validation),
    ):
        begin = time.perf_counter()
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
