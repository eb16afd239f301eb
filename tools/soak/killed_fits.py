"""Fits that SIGKILL ends at random instants, over and over, until one is complete.

Each case is a fit of one network in a process of its own, which is killed at several instants: in
steps, in validation, while the checkpoint is written. The same fit is made again each time. In
the end weights and curves must be those of a fit that nothing ended, to the last bit, and the
folder must be empty.
"""

import hashlib
import os
import signal
import tempfile
import time
from pathlib import Path

import numpy as np

from tools.soak.estimators import KINDS, make_clips, make_estimator

_MAX_EPOCHS = 12
_N_KILLS = 5


def run(n_cases, seed):
    """Kill fits.

    Parameters
    ----------
    n_cases : int
        Number of fits; they take turns among the networks.
    seed : int
        Seeds the instants.

    Returns
    -------
    figures : dict
        "cases"; "kills", processes that were killed in training; "resumed", processes that found a
        checkpoint; "identical", fits with the end of one that nothing ended; "faults", the others.
    """
    rng = np.random.default_rng(seed)
    figures = {"cases": n_cases, "kills": 0, "resumed": 0, "identical": 0, "faults": []}
    expected = {}
    for case in range(n_cases):
        kind = KINDS[case % len(KINDS)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "fit.checkpoint")
            if kind not in expected:
                end = _complete(kind, None)
                begin = time.monotonic()
                _complete(kind, path)
                expected[kind] = end, time.monotonic() - begin
            end, seconds = expected[kind]
            for _ in range(_N_KILLS):
                figures["kills"] += _kill(kind, path, rng.uniform(0, 0.25 * seconds))
                figures["resumed"] += path.exists()
            is_same = _complete(kind, path) == end
            litter = sorted(left.name for left in Path(folder).iterdir())
            figures["identical"] += is_same and not litter
            if not is_same:
                figures["faults"].append(f"case {case}, {kind}: another end")
            if litter:
                figures["faults"].append(f"case {case}, {kind}: left {litter}")
    return figures


def fit(kind, path):
    """Fit a small estimator, and return a hash of its weights and curves.

    It changes when this process writes checkpoints.

    Parameters
    ----------
    kind : str
        As for `make_estimator`.
    path : path-like or None
        The checkpoint.
    """
    from sklearn_audiosr._training import checkpoint

    checkpoint.MAX_SHARE = float("inf")  # these epochs are shorter than saving
    checkpoint.SECONDS_WITHIN_EPOCH = 0.0
    X, Y = make_clips()
    est = make_estimator(kind, max_epochs=_MAX_EPOCHS, checkpoint=path)
    est.fit(X, Y)
    digest = hashlib.sha256(repr((est.loss_curve_, est.validation_scores_)).encode())
    for name, weight in est.network_.state_dict().items():
        digest.update(name.encode() + weight.numpy().tobytes())
    return digest.hexdigest()


def _kill(kind, path, seconds):
    """Start a fit and kill it after so many seconds; return whether it still ran."""
    child, end = _start(kind, path)
    time.sleep(seconds)
    running = os.waitpid(child, os.WNOHANG)[0] == 0
    if running:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    end.close()
    return running


def _complete(kind, path):
    """Run a fit in a process of its own, and return its hash."""
    child, end = _start(kind, path)
    with end:
        digest = end.read()
    os.waitpid(child, 0)
    return digest


def _start(kind, path):
    """Start a fit; return its process and a file from which its hash can be read."""
    end, begin = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(begin, fit(kind, path).encode())
        finally:
            os._exit(0)  # nothing of the parent's must run twice
    os.close(begin)
    return child, open(end)
