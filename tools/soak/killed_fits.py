"""Fits that SIGKILL ends at random instants, over and over, until one is complete.

    python -m tools.soak.killed_fits --cases 20

Each case is a fit of one network in a process of its own, which is killed at several instants: in
steps, in validation, while the checkpoint is written. The same program is run again each time. In
the end weights and curves must be those of a fit that nothing ended, to the last bit, and the
folder must be empty.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tools.soak.estimators import KINDS, make_clips, make_estimator

_MAX_EPOCHS = 30
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
    figures : dict of str to int
        "cases"; "kills", processes that were killed in training; "resumed", processes that found a
        checkpoint; "identical", fits with the end of one that nothing ended.
    """
    rng = np.random.default_rng(seed)
    figures = {"cases": n_cases, "kills": 0, "resumed": 0, "identical": 0}
    expected = {}
    for case in range(n_cases):
        kind = KINDS[case % len(KINDS)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "fit.checkpoint")
            if kind not in expected:
                end = fit(kind, None)
                begin = time.monotonic()
                fit(kind, path)
                expected[kind] = end, time.monotonic() - begin
            end, seconds = expected[kind]
            for _ in range(_N_KILLS):
                figures["kills"] += _kill(kind, path, rng.uniform(0, 0.25 * seconds))
                figures["resumed"] += path.exists()
            done = _start(kind, path)
            figures["identical"] += _read_end(done) == end and not any(Path(folder).iterdir())
    return figures


def fit(kind, path):
    """Fit a small estimator, and return a hash of its weights and curves.

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
    """Start a fit and kill it after so many seconds of training; return whether it still ran."""
    process = _start(kind, path)
    process.stdout.readline()  # it has begun
    time.sleep(seconds)
    running = process.poll() is None
    process.kill()
    process.communicate()
    return running


def _start(kind, path):
    command = [sys.executable, "-m", "tools.soak.killed_fits", "--fit", kind, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _read_end(process):
    return process.communicate()[0].split()[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fit", nargs=2, metavar=("KIND", "PATH"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.fit:
        make_estimator(args.fit[0]).fit(*make_clips())  # loads what a fit needs
        print("begin", flush=True)
        print(fit(*args.fit))
    else:
        print(json.dumps(run(args.cases, args.seed)))


if __name__ == "__main__":
    main()
