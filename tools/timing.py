"""Time functions in turn, count operations, measure memory."""

import contextlib
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import numpy as np

SAMPLING_RATE = 16000

ROOT = Path(__file__).parents[1]


def median_seconds(*functions, n_rounds=15, warm_up=True):
    """Median time of each function, run in turn so that all see the same machine."""
    times = []
    for i in range(n_rounds + warm_up):
        seconds = [time_once(function) for function in functions]
        if i >= warm_up:
            times.append(seconds)
    return np.median(times, axis=0)


def time_once(function):
    """Seconds of one call."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def noise(seconds, ratio=1, n_clips=1):
    """Clips of white noise, of shape (n_clips, n_timepoints)."""
    rng = np.random.default_rng(0)
    n_timepoints = int(seconds * SAMPLING_RATE) // ratio * ratio
    return rng.standard_normal((n_clips, n_timepoints)).astype(np.float32)


def measure_matrix_rate(dtype="float32", device="cpu", size=2048):
    """Floating-point operations a second of a large matrix product."""
    import torch

    a = torch.randn(size, size, dtype=getattr(torch, dtype), device=device)
    synchronize = torch.cuda.synchronize if device != "cpu" else lambda: None

    def multiply():
        for _ in range(1 if device == "cpu" else 50):
            a @ a
        synchronize()

    seconds = min(time_once(multiply) for _ in range(8))
    return 2 * size**3 * (1 if device == "cpu" else 50) / seconds


def count_operations(network, n_timepoints):
    """Floating-point operations of the convolutions of an AudioUNet, each output summed directly.

    A multiplication with its addition counts two.
    """
    import torch
    from torch import nn

    total = 0

    def count(layer, inputs, output):
        nonlocal total
        n_outputs = inputs[0].shape[0] * -(-inputs[0].shape[2] // layer.stride[0])
        total += 2 * n_outputs * layer.weight.numel()

    hooks = [
        layer.register_forward_hook(count)
        for layer in network.modules()
        if isinstance(layer, nn.Conv1d)
    ]
    with torch.inference_mode():
        network(torch.zeros(1, 1, n_timepoints))
    for hook in hooks:
        hook.remove()
    return total


@contextlib.contextmanager
def plain_convolutions():
    """Inside, networks compute with torch.nn.Conv1d as it is."""
    from torch import nn

    from sklearn_audiosr.networks._layers import Conv1d

    with mock.patch.object(Conv1d, "forward", nn.Conv1d.forward):
        yield


def peak_megabytes():
    """Peak resident memory of this process; Linux counts kilobytes, macOS bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def run_fresh(module, function, *args):
    """Call a function of a benchmark in a fresh process, and give its (JSON) result."""
    call = f"{module}.{function}({', '.join(map(repr, args))})"
    code = f"import json, {module}; print(json.dumps({call}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return json.loads(done.stdout.splitlines()[-1])
