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
    """Measure the median time of each function; they run in turn, so that all see the same load."""
    times = []
    for i in range(n_rounds + warm_up):
        seconds = [time_once(function) for function in functions]
        if i >= warm_up:
            times.append(seconds)
    return np.median(times, axis=0)


def time_once(function):
    """Measure the seconds of one call."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def noise(seconds, ratio=1, n_clips=1):
    """Return clips of white noise, of shape (n_clips, n_timepoints)."""
    rng = np.random.default_rng(0)
    n_timepoints = int(seconds * SAMPLING_RATE) // ratio * ratio
    return rng.standard_normal((n_clips, n_timepoints)).astype(np.float32)


def measure_matrix_rate(dtype="float32", device="cpu", size=2048):
    """Measure the floating-point operations per second of a large matrix product."""
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
    """Count the floating-point operations of an AudioUNet's convolutions, summed directly.

    A multiplication with its addition counts as two.
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
def plain_convolutions(network):
    """Make networks with layers like this one's compute with plain torch.nn.Conv1d inside."""
    from torch import nn

    kinds = {type(layer) for layer in network.modules() if isinstance(layer, nn.Conv1d)}
    with contextlib.ExitStack() as stack:
        for kind in kinds:
            stack.enter_context(mock.patch.object(kind, "forward", nn.Conv1d.forward))
        yield


def peak_megabytes():
    """Return the peak resident memory of this process; Linux counts kilobytes, macOS bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def run_fresh(module, function, *args):
    """Call a function of a module in a fresh process, and return its result, which is JSON."""
    call = f"{module}.{function}({', '.join(map(repr, args))})"
    code = f"import json, {module}; print(json.dumps({call}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return json.loads(done.stdout.splitlines()[-1])
