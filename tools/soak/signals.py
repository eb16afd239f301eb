"""Signals that end ``upsample`` of the command line at random instants.

Each case is a process that writes a target, in half of the cases over an older one, and gets a
signal. The target must be the old one or the new one, and nothing but SIGKILL may leave a file
beside it. The next run must complete, and remove what SIGKILL left.
"""

import contextlib
import os
import signal
import tempfile
import time
from functools import cache
from pathlib import Path

import numpy as np
import soundfile

from sklearn_audiosr._command_line import main

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL)
_SUFFIXES = ("wav", "flac", "mp3")
_SECONDS = 60


def run(n_cases, seed):
    """End processes by signals.

    Parameters
    ----------
    n_cases : int
        Number of processes; they take turns among the signals.
    seed : int
        Seeds the instants.

    Returns
    -------
    figures : dict
        "cases"; "ended", processes that the signal ended; "complete", those that were done before
        it came; "left", part files that SIGKILL left; "faults", whatever else came of it.
    """
    figures = {"cases": n_cases, "ended": 0, "complete": 0, "left": 0, "faults": []}
    for case in range(n_cases):
        rng = np.random.default_rng([seed, case])
        number, turn = _SIGNALS[case % len(_SIGNALS)], case // len(_SIGNALS)
        suffix, is_old = _SUFFIXES[turn % len(_SUFFIXES)], turn % 2 == 0
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _write_source(folder)
            target = folder / f"wide.{suffix}"
            if is_old:
                soundfile.write(target, _OLD, 16000)
            status = _end(folder, target, number, rng.uniform(0, 1.1 * _measure(suffix)))
            faults = _judge(status, number, target, is_old)
            left = _list_others(folder, target)
            is_ended = status != 0
            figures["ended" if is_ended else "complete"] += 1
            figures["left"] += len(left)
            if left and number != signal.SIGKILL:
                faults.append(f"left {left}")
            if (status := _end(folder, target)) != 0 or _state(target) != "new":
                faults.append(f"the next run ended with {status} and a target that is not whole")
            if left := _list_others(folder, target):
                faults.append(f"the next run left {left}")
        where = f"case {case}, {number.name}, {suffix}"
        figures["faults"] += [f"{where}: {fault}" for fault in faults]
    return figures


_OLD = 0.5 * np.sin(0.05 * np.arange(1000))


def _write_source(folder):
    noise = 0.1 * np.random.default_rng(0).standard_normal(8000 * _SECONDS)
    soundfile.write(folder / "narrow.wav", noise, 8000)


@cache
def _measure(suffix):
    """Return the seconds that a run takes which nothing ends."""
    with tempfile.TemporaryDirectory() as name:
        _write_source(Path(name))
        begin = time.monotonic()
        _end(Path(name), Path(name, f"wide.{suffix}"))
        return time.monotonic() - begin


def _end(folder, target, number=None, seconds=0.0):
    """Run `upsample`, end it after so many seconds; return the status as `os.waitpid` does."""
    child = os.fork()
    if child == 0:
        _work(folder, target)
    if number is not None:
        time.sleep(seconds)
        os.kill(child, number)  # who has ended waits for his parent, and takes it
    return os.waitpid(child, 0)[1]


def _work(folder, target):
    """Run `upsample` as a program of its own would; do not return."""
    code = 1
    try:
        for number in _SIGNALS[:-1]:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(null, descriptor)
        files = ["upsample", str(folder / "narrow.wav"), str(target), "--force", "--quiet"]
        code = main([*files, "--model=spline", "--ratio=2"])
    except SystemExit as error:
        code = error.code
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    finally:
        with contextlib.suppress(BaseException):  # nothing of the parent's must run twice
            os._exit(code)
        os._exit(code)


def _judge(status, number, target, is_old):
    """Return the faults of a process that got a signal, and of its target."""
    faults, state = [], _state(target)
    # before the program has begun and after its end signals have their usual effect
    if status not in (0, number, (128 + number) << 8):
        faults.append(f"ended with the status {status}")
    if state not in ("new", "old" if is_old else "absent"):
        faults.append(f"the target is {state}")
    if status == 0 and state != "new":
        faults.append(f"ended well, and the target is {state}")
    return faults


def _state(target):
    """Return whether a target is absent, old, new, or something else."""
    if not target.exists():
        return "absent"
    try:
        n_frames = len(soundfile.read(target)[0])
    except soundfile.SoundFileError:
        return "damaged"
    lengths = {16000 * _SECONDS: "new", len(_OLD): "old"}
    return lengths.get(n_frames, f"of {n_frames} frames")


def _list_others(folder, target):
    return sorted(p.name for p in folder.iterdir() if p.name not in ("narrow.wav", target.name))
