"""Measure a GPU in one process and under 8 minutes, and leave the rows in one JSON.

python -m benchmarks.gpu --clips speech.npy --output benchmarks/results/gpu.json

Needs numpy, scipy, scikit-learn, torch and this package; clips come from pack_clips.py, or are
noise.
"""

import argparse
import contextlib
import json
import platform
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.networks import PATCH_LENGTH, RATIO, PlainLoop, make_estimator
from benchmarks.pack_clips import read_clips
from sklearn_audiosr._signal.interpolation import upsample_cubic
from sklearn_audiosr._torch import BLOCKWISE_DEVICES, Workspace, tuned_kernels
from sklearn_audiosr._training.batches import BatchLoader
from sklearn_audiosr._training.compilation import Compilation
from sklearn_audiosr._training.objectives import OBJECTIVES
from sklearn_audiosr._training.patches import PatchSampler
from sklearn_audiosr._training.schedule import LearningRate, Schedule
from sklearn_audiosr._training.step import TrainingStep
from sklearn_audiosr.networks import AudioUNet
from tools.timing import (
    SAMPLING_RATE,
    count_operations,
    measure_matrix_rate,
    noise,
    plain_convolutions,
)

BATCH_SIZE = 16
# The paper's single-speaker experiment: epochs, and minutes of speech.
N_EPOCHS, N_MINUTES = 400, 30


class Bench:
    """What all rows share: the device, the clips, and how long a row may take."""

    def __init__(self, args):
        self.device = torch.device(args.device)
        self.quick = args.quick
        self.seconds, self.batch_size = (0.1, 2) if args.quick else (5, BATCH_SIZE)
        clips = (
            [noise(1 if args.quick else 4)[0] for _ in range(4)]
            if args.clips is None
            else read_clips(args.clips)
        )
        clips = [clip[: len(clip) // RATIO * RATIO] for clip in clips]
        if clips[0].dtype == np.int16:
            clips = [clip.astype(np.float32) / 2**15 for clip in clips]
        self.targets = [clip[None] for clip in clips]
        self.sources = [upsample_cubic(clip[:, ::RATIO], RATIO) for clip in self.targets]

    def make_config(self, width=1):
        """Return the config of the paper's network, or of a tiny one."""
        return AudioUNet(n_blocks=2, width=1 / 32) if self.quick else AudioUNet(width=width)

    def synchronize(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def time_steps(self, step, seconds=None, n_warm=4):
        """Measure the median and mean seconds of a step, over groups without a wait inside."""
        for _ in range(0 if self.quick else n_warm):
            step()
        self.synchronize()
        groups, end = [], time.perf_counter() + (seconds or self.seconds)
        while not groups or time.perf_counter() < end:
            begin = time.perf_counter()
            for _ in range(1 if self.quick else 5):
                step()
            self.synchronize()
            groups.append((time.perf_counter() - begin) / (1 if self.quick else 5))
        return {"step_s": float(np.median(groups)), "mean_step_s": float(np.mean(groups))}


def rmse(network, sources, targets, mask):
    return OBJECTIVES["rmse"](network(sources), targets, mask)


@contextlib.contextmanager
def blockwise(bench, tf32):
    """Multiply long filters in the frequency domain on this device too, with or without TF32."""
    devices, before = set(BLOCKWISE_DEVICES), torch.backends.cuda.matmul.allow_tf32
    BLOCKWISE_DEVICES.add(bench.device.type)
    torch.backends.cuda.matmul.allow_tf32 = tf32
    try:
        yield
    finally:
        BLOCKWISE_DEVICES.intersection_update(devices)
        torch.backends.cuda.matmul.allow_tf32 = before


def make_step(bench, config, precision, batch_size, compiled=False):
    """Return a function that takes one training step of this package."""
    network = config.build().to(bench.device).train()
    pairs = zip(bench.sources, bench.targets, strict=True)
    shapes = [source.shape for source in bench.sources]
    sampler = PatchSampler(pairs, shapes, PATCH_LENGTH, RATIO)
    loader = BatchLoader(sampler, bench.device, np.random.default_rng(0))
    used = torch.compile(network, mode="reduce-overhead", dynamic=False) if compiled else network
    compilation = Compilation(used, torch.device("cpu"), 1)
    schedule = Schedule(1, batch_size, learning_rate=1e-4, precision=precision)
    rate = LearningRate(schedule.learning_rate, schedule.learning_rate_schedule, 1)
    step = TrainingStep(network, rmse, loader, rate, compilation, schedule)
    return lambda: step(batch_size)


def training_rows(bench, rate):
    """Steps of the paper's network and of a small one, in every way."""
    rows, n = {}, bench.batch_size
    for name, width in [("56.4 M weights", 1), ("width 1/8", 1 / 8)]:
        config = bench.make_config(width)
        flops = 3 * count_operations(config.build(), PATCH_LENGTH)
        ways = {
            "bfloat16": (contextlib.nullcontext, "bfloat16", n, False),
            "bfloat16, batch 64": (contextlib.nullcontext, "bfloat16", 4 * n, False),
            "bfloat16, compiled": (contextlib.nullcontext, "bfloat16", n, True),
            "float32": (contextlib.nullcontext, "float32", n, False),
            "float32, blockwise": (partial(blockwise, bench, False), "float32", n, False),
            "TF32, blockwise": (partial(blockwise, bench, True), "float32", n, False),
        }
        for way, how in ways.items():
            if bench.quick and way in ("bfloat16, compiled", "bfloat16, batch 64"):
                continue
            rows[f"{name}, {way}"] = try_row(partial(time_training, bench, config, *how))
        network = config.build().to(bench.device).train()
        with plain_convolutions(network):
            plain = bench.time_steps(PlainLoop(network, bench.sources, bench.targets, n))
        rows[f"{name}, plain float32 loop"] = {"batch_size": n, **plain}
        for way, row in rows.items():
            if way.startswith(name) and "step_s" in row:
                a_patch = row["step_s"] / row["batch_size"]
                row["x_plain"] = plain["step_s"] / n / a_patch
                row["share_of_bfloat16_rate"] = flops / a_patch / rate
    return rows


def time_training(bench, config, context, precision, batch_size, compiled):
    with context(), tuned_kernels(bench.device), Workspace():
        step = make_step(bench, config, precision, batch_size, compiled)
        return {"batch_size": batch_size, **bench.time_steps(step)}


def prediction_rows(bench):
    """Real-time factors of one long clip and of many short ones."""
    config = bench.make_config()
    est = make_estimator(config, device=str(bench.device))
    long = noise(2 if bench.quick else 600)[:, ::RATIO].copy()
    short = [clip[0, ::RATIO].copy() for clip in bench.targets]
    rows = {}
    for name, X in [("one clip of 10 min", long), ("the clips", short)]:
        seconds = sum(RATIO * len(x) for x in X) / SAMPLING_RATE
        for way, context, precision in [
            ("bfloat16", contextlib.nullcontext, "bfloat16"),
            ("float32", contextlib.nullcontext, "float32"),
            ("TF32, blockwise", partial(blockwise, bench, True), "float32"),
        ]:
            est.set_params(precision=precision)
            with context():
                timed = try_row(lambda X=X: bench.time_steps(lambda: est.predict(X), n_warm=1))
            if "step_s" in timed:
                timed["x_real_time"] = seconds / timed["step_s"]
            rows[f"prediction of {name}, {way}"] = timed
    return rows


def single_speaker_row(bench):
    """The paper's single-speaker experiment, from a minute of steady steps times their number."""
    n_patches = N_MINUTES * 60 * SAMPLING_RATE / PATCH_LENGTH
    n_steps = N_EPOCHS * -(-n_patches // BATCH_SIZE)
    config = bench.make_config()
    with tuned_kernels(bench.device), Workspace():
        step = make_step(bench, config, "bfloat16", bench.batch_size)
        timed = bench.time_steps(step, seconds=0.5 if bench.quick else 60)
    return {**timed, "n_steps": n_steps, "minutes": timed["mean_step_s"] * n_steps / 60}


def try_row(measure):
    """Measure a row, or return what failed, so that the other rows go on."""
    try:
        return measure()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:500]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, help="array of pack_clips.py (default: noise)")
    parser.add_argument("--output", type=Path, default=Path("gpu.json"))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run?")
    args = parser.parse_args()
    bench = Bench(args)
    begin = time.perf_counter()
    size = 512 if args.quick else 8192
    rates = {
        dtype: measure_matrix_rate(dtype, args.device, size) for dtype in ("bfloat16", "float32")
    }
    is_cuda = bench.device.type == "cuda"
    results = {
        "device": torch.cuda.get_device_name() if is_cuda else platform.processor(),
        "torch": torch.__version__,
        "cudnn": torch.backends.cudnn.version() if is_cuda else None,
        "matrix_product_flop_per_s": rates,
        "rows": {},
    }
    for measure in (
        lambda: training_rows(bench, rates["bfloat16"]),
        lambda: {"single speaker, 400 epochs": single_speaker_row(bench)},
        lambda: prediction_rows(bench),
    ):
        results["rows"] |= measure()
        results["seconds"] = time.perf_counter() - begin
        args.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    for name, row in results["rows"].items():
        print(f"{name:50}", json.dumps(row), flush=True)
    print(f"{results['seconds']:.0f} s; written to {args.output}")


if __name__ == "__main__":
    main()
