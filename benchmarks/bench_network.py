"""AudioUNet on a CPU: prediction and training steps against direct convolution, in one run.

python benchmarks/bench_network.py
"""

import argparse

import numpy as np
import torch
from _tables import record, rst_table
from _timing import (
    SAMPLING_RATE,
    count_operations,
    measure_matrix_rate,
    noise,
    plain_convolutions,
    time_once,
)
from torch import nn

from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr._batches import BatchLoader
from sklearn_audiosr._compilation import Compilation
from sklearn_audiosr._objectives import OBJECTIVES
from sklearn_audiosr._patches import PatchSampler
from sklearn_audiosr._training import _Step
from sklearn_audiosr.networks import AudioUNet
from sklearn_audiosr.networks._workspace import Workspace

RATIO, PATCH_LENGTH = 4, 8192
FULL = {"n_filters": [128, 384, 512, 512]}  # the published program's second version: 71 M weights
CPU = torch.device("cpu")


def make_lively(network):
    """Give an untrained network weights as after training: every layer counts."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv1d):
            nn.init.normal_(layer.bias, std=0.1)
    nn.init.normal_(network.last[0].weight, std=0.1)
    return network


def make_estimator(description):
    """An estimator as after a fit, without the training."""
    est = AudioSuperResolver(description, device="cpu")
    torch.manual_seed(0)
    est.network_ = make_lively(description.build()).eval()
    est.upsampling_ratio_, est.scale_ = RATIO, 1.0
    return est


def measure_prediction(description, seconds, n_rounds):
    """Predict a clip with this package, and with plain Conv1d."""
    est = make_estimator(description)
    x = noise(seconds)[:, ::RATIO].copy()
    outputs = {}

    def predict(name):
        outputs[name] = est.predict(x)

    times = []
    for _ in range(n_rounds):
        ours = time_once(lambda: predict("ours"))
        with plain_convolutions():
            plain = time_once(lambda: predict("plain"))
        times.append((ours, plain))
    ours, plain = np.median(times, axis=0)
    error = np.abs(outputs["ours"] - outputs["plain"]).max() / np.abs(outputs["plain"]).max()
    flops = count_operations(est.network_, SAMPLING_RATE) * seconds
    return {
        "seconds_of_audio": seconds,
        "ours_s": ours,
        "plain_conv1d_s": plain,
        "x_plain": plain / ours,
        "x_real_time": seconds / ours,
        "relative_difference": float(error),
        "direct_gflop": flops / 1e9,
        "plain_gflop_per_s": flops / plain / 1e9,
        "ours_equivalent_gflop_per_s": flops / ours / 1e9,
    }


class PlainLoop:
    """A textbook training step: eager float32, patches cut one by one, Adam as it comes."""

    def __init__(self, network, source, target, batch_size):
        self.network, self.batch_size = network, batch_size
        self.source, self.target = torch.from_numpy(source), torch.from_numpy(target)
        self.optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)

    def __call__(self):
        starts = torch.randint(len(self.source) - PATCH_LENGTH, (self.batch_size,)).tolist()
        sources, targets = (
            torch.stack([clip[start : start + PATCH_LENGTH] for start in starts]).unsqueeze(1)
            for clip in (self.source, self.target)
        )
        self.optimizer.zero_grad()
        error = ((self.network(sources) - targets) ** 2).mean(dim=(1, 2))
        loss = torch.sqrt(error + 1e-6).mean()
        loss.backward()
        self.optimizer.step()
        return loss.item()


def measure_training(description, batch_size, n_rounds):
    """One optimizer step of this package, and of the plain loop."""
    source = noise(60)[0]
    networks = [description.build().train() for _ in range(2)]
    sampler = PatchSampler([source[None]], [source[None]], PATCH_LENGTH, RATIO)
    loader = BatchLoader(sampler, CPU, np.random.default_rng(0))

    def loss(network, sources, targets, mask):
        return OBJECTIVES["rmse"](network(sources), targets, mask)

    step = _Step(networks[0], loss, loader, 1e-4, "float32", Compilation(networks[0], CPU, 1))
    plain_step = PlainLoop(networks[1], source, source, batch_size)
    times, workspace = [], Workspace()
    for i in range(n_rounds + 1):
        with workspace:
            ours = time_once(lambda: step(batch_size))
        with plain_convolutions():
            plain = time_once(plain_step)
        if i:  # the first round allocates
            times.append((ours, plain, time_once(lambda: loader.load(batch_size))))
    ours, plain, loading = np.median(times, axis=0)
    flops = 3 * count_operations(networks[0], PATCH_LENGTH) * batch_size
    return {
        "batch_size": batch_size,
        "ours_s": ours,
        "plain_loop_s": plain,
        "x_plain": plain / ours,
        "input_share": loading / ours,
        "direct_gflop": flops / 1e9,
        "ours_equivalent_gflop_per_s": flops / ours / 1e9,
    }


def describe_prediction(name, row, rate, must):
    return [
        f"{name}, prediction of {row['seconds_of_audio']:.0f} s",
        f"{row['x_plain']:.1f} x nn.Conv1d",
        f"{row['x_real_time']:.1f} x real time; difference {row['relative_difference']:.0e}",
        f"{row['ours_equivalent_gflop_per_s'] * 1e9 / rate:.1f}",
        must,
    ]


def describe_training(name, row, rate, must):
    return [
        f"{name}, training step of {row['batch_size']} patches",
        f"{row['x_plain']:.1f} x plain loop",
        f"{row['ours_s']:.2f} s; input side {100 * row['input_share']:.1f} %",
        f"{row['ours_equivalent_gflop_per_s'] * 1e9 / rate:.1f}",
        must,
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round, small widths only")
    args = parser.parse_args()
    rate = measure_matrix_rate()
    results, rows = {"matrix_product_gflop_per_s": rate / 1e9}, []
    full, small = AudioUNet(**FULL), AudioUNet(width=1 / 8)
    cases = [("width 1/8", small, 30, 3, 16, 5, "", ">= 1.3 x plain loop")]
    if not args.quick:
        cases += [
            (f"width {name}", AudioUNet(width=width), 10, 3, 16, 3, "", "never slower")
            for name, width in [("1/32", 1 / 32), ("1/16", 1 / 16), ("1/4", 1 / 4), ("1/2", 1 / 2)]
        ]
        cases.append(
            ("71 M weights", full, 30, 3, 8, 3, ">= 5 x, >= 2 x real time, <= 1e-4", ">= 3 x")
        )
    for name, network, seconds, n_predict, batch_size, n_train, must_predict, must_train in cases:
        row = results[f"{name}, prediction"] = measure_prediction(network, seconds, n_predict)
        rows.append(describe_prediction(name, row, rate, must_predict))
        row = results[f"{name}, training"] = measure_training(network, batch_size, n_train)
        rows.append(describe_training(name, row, rate, must_train))
        print(*rows[-2:], sep="\n", flush=True)
    header = ["AudioUNet", "ratio", "speed", "share of matrix rate (direct count)", "must"]
    caption = {"note": "share: operations of direct sums over time, over the matrix product's rate"}
    if not args.quick:
        record("network_cpu", rst_table(header, rows), {**caption, "rows": results})


if __name__ == "__main__":
    main()
