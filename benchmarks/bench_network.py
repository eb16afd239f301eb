"""AudioUNet on a CPU: prediction and training steps against direct convolution, in one run.

python -m benchmarks.bench_network
"""

import argparse
import json

import numpy as np
import torch

from benchmarks.networks import FULL, PATCH_LENGTH, RATIO, PlainLoop, make_estimator
from sklearn_audiosr._torch import Workspace
from sklearn_audiosr._training.batches import BatchLoader
from sklearn_audiosr._training.compilation import Compilation
from sklearn_audiosr._training.objectives import OBJECTIVES
from sklearn_audiosr._training.patches import PatchSampler
from sklearn_audiosr._training.schedule import LearningRate, Schedule
from sklearn_audiosr._training.step import TrainingStep
from sklearn_audiosr.networks import AudioUNet
from tools.tables import RESULTS, record, rst_table
from tools.timing import (
    SAMPLING_RATE,
    count_operations,
    measure_matrix_rate,
    noise,
    plain_convolutions,
    time_once,
)

NAME = "network_cpu"
MATRIX_RATE = "matrix_product_gflop_per_s"
CPU = torch.device("cpu")

# Bounds that the project has set for itself.
MUST = {
    "width 1/8, training": ">= 1.3 x plain loop",
    "width 1/32, training": "never slower",
    "width 1/16, training": "never slower",
    "width 1/4, training": "never slower",
    "width 1/2, training": "never slower",
    "71 M weights, prediction": ">= 5 x, >= 2 x real time, <= 1e-4",
    "71 M weights, training": ">= 3 x",
}


def measure_prediction(config, seconds, n_rounds):
    """Time and compare predictions of a clip by this package and by plain Conv1d."""
    est = make_estimator(config)
    x = noise(seconds)[:, ::RATIO].copy()
    outputs = {}

    def predict(name):
        outputs[name] = est.predict(x)

    times = []
    for _ in range(n_rounds):
        ours = time_once(lambda: predict("ours"))
        with plain_convolutions(est.network_):
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


def measure_training(config, batch_size, n_rounds):
    """Time an optimizer step of this package and one of the plain loop."""
    source = noise(60)[0]
    networks = [config.build().train() for _ in range(2)]
    waveform = source[None]
    sampler = PatchSampler([(waveform, waveform)], [waveform.shape], PATCH_LENGTH, RATIO)
    loader = BatchLoader(sampler, CPU, np.random.default_rng(0))

    def loss(network, sources, targets, mask):
        return OBJECTIVES["rmse"](network(sources), targets, mask)

    schedule = Schedule(1, batch_size, learning_rate=1e-4, precision="float32")
    rate = LearningRate(schedule.learning_rate, schedule.learning_rate_schedule, 1)
    step = TrainingStep(networks[0], loss, loader, rate, Compilation(networks[0], CPU, 1), schedule)
    plain_step = PlainLoop(networks[1], [source[None]], [source[None]], batch_size)
    times, workspace = [], Workspace()
    for i in range(n_rounds + 1):
        with workspace:
            ours = time_once(lambda: step(batch_size))
        with plain_convolutions(networks[1]):
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


def describe(name, row, rate):
    """Return the cells of a row."""
    if name.endswith("prediction"):
        cells = describe_prediction(name, row)
    else:
        cells = describe_training(name, row)
    return [*cells, f"{row['ours_equivalent_gflop_per_s'] / rate:.1f}", MUST.get(name, "")]


def describe_prediction(name, row):
    return [
        f"{name} of {row['seconds_of_audio']:.0f} s",
        f"{row['direct_gflop'] / row['seconds_of_audio']:.3g} GFLOP for a second of audio",
        f"{row['x_plain']:.1f} x nn.Conv1d",
        f"{row['x_real_time']:.1f} x real time; difference {row['relative_difference']:.0e}",
    ]


def describe_training(name, row):
    return [
        f"{name} step of {row['batch_size']} patches",
        f"{row['direct_gflop']:.0f} GFLOP for a step",
        f"{row['x_plain']:.1f} x plain loop",
        f"{row['ours_s']:.2f} s; input side {100 * row['input_share']:.1f} %",
    ]


def format_table(results):
    """Lay out the entry "rows" of the record as reStructuredText."""
    rate = results[MATRIX_RATE]
    rows = [describe(name, row, rate) for name, row in results.items() if name != MATRIX_RATE]
    share = f"share of matrix rate ({rate:.0f} GFLOP/s)"
    header = ["AudioUNet", "operations (direct sums)", "ratio", "speed", share, "must"]
    return rst_table(header, rows)


def list_cases(quick):
    """Return name, config, seconds and rounds of predictions, batch size and rounds of training."""
    cases = [("width 1/8", AudioUNet(width=1 / 8), 30, 3, 16, 5)]
    if quick:
        return cases
    for name, width in [("1/32", 1 / 32), ("1/16", 1 / 16), ("1/4", 1 / 4), ("1/2", 1 / 2)]:
        cases.append((f"width {name}", AudioUNet(width=width), 10, 3, 16, 3))
    return [*cases, ("71 M weights", AudioUNet(**FULL), 30, 3, 8, 3)]


def measure_all(quick):
    results = {MATRIX_RATE: measure_matrix_rate() / 1e9}
    for name, network, seconds, n_predict, batch_size, n_train in list_cases(quick):
        measured = {
            f"{name}, prediction": measure_prediction(network, seconds, n_predict),
            f"{name}, training": measure_training(network, batch_size, n_train),
        }
        for row_name, row in measured.items():
            print(describe(row_name, row, results[MATRIX_RATE]), flush=True)
        results |= measured
    return results


def redraw():
    """Lay the record out again, without measuring."""
    recorded = json.loads((RESULTS / f"{NAME}.json").read_text(encoding="utf-8"))
    table = format_table(recorded["rows"])
    (RESULTS / f"{NAME}.rst").write_text(table + "\n", encoding="utf-8")
    print(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_true", help="width 1/8 only; record nothing")
    how.add_argument("--from-results", action="store_true", help="only lay the record out again")
    args = parser.parse_args()
    if args.from_results:
        redraw()
        return
    results = measure_all(args.quick)
    table = format_table(results)
    if args.quick:
        print(table)
    else:
        note = "share: operations of direct sums over time, over the matrix product's rate"
        record(NAME, table, {"note": note, "rows": results})


if __name__ == "__main__":
    main()
