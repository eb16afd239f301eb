"""Speed of a model that ships: times real time, and ratios against AudioUNet in the same run.

python -m benchmarks.bench_pretrained_speed
"""

import argparse

import numpy as np
import torch

from benchmarks.networks import FULL, make_estimator
from sklearn_audiosr import load_pretrained, pretrained_names
from sklearn_audiosr.networks import AudioUNet
from tools.tables import record, rst_table
from tools.timing import median_seconds, noise

# Seconds of audio; a quarter of them for the full network, which takes as long for each.
SECONDS = 32


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="of all methods in turn")
    args = parser.parse_args()
    methods = {name: load_pretrained(name) for name in pretrained_names() if "16k" in name}
    methods["AudioUNet, width 1/8, r = 4"] = make_estimator(AudioUNet(width=1 / 8))
    methods["AudioUNet, 71 M weights, r = 4"] = make_estimator(AudioUNet(**FULL))
    shares = {name: 4 if "71 M" in name else 1 for name in methods}

    def predict(name):
        ratio = methods[name].upsampling_ratio_
        x = np.ascontiguousarray(noise(SECONDS / shares[name], ratio)[:, ::ratio])
        return lambda: methods[name].set_params(device="cpu", precision="float32").predict(x)

    seconds = median_seconds(*map(predict, methods), n_rounds=args.rounds)
    speeds = {name: SECONDS / shares[name] / s for name, s in zip(methods, seconds, strict=True)}
    small, full = list(speeds.values())[-2:]
    rows = [
        [name, f"{speed:.0f}", f"{speed / small:.2f}", f"{speed / full:.1f}"]
        for name, speed in speeds.items()
    ]
    header = ["model", "x real time", "against width 1/8", "against 71 M"]
    threads = torch.get_num_threads()
    record("pretrained_speed", rst_table(header, rows), {"x real time": speeds, "threads": threads})


if __name__ == "__main__":
    main()
