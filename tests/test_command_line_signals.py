"""Signals that end the command line: its exit codes, and what it leaves behind."""

import contextlib
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from commands import noise, run, write

from sklearn_audiosr._command_line import upsample


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


INTERRUPTED = "python -m sklearn_audiosr upsample: interrupted\n"


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        (signal.SIGINT, 130, INTERRUPTED),
        (signal.SIGTERM, 143, ""),  # as "timeout" and batch systems stop a process
        *[
            (getattr(signal, name), code, "")  # the codes of Linux and macOS
            for name, code in (
                ("SIGHUP", 129),
                ("SIGQUIT", 131),
                ("SIGALRM", 142),
                ("SIGXCPU", 152),
            )
            if hasattr(signal, name)
        ],
    ],
)
def test_signals_leave_nothing_behind(number, code, message, folder, monkeypatch, capsys):
    assert threading.current_thread() is threading.main_thread()  # or SIGTERM would end the tests
    during = []

    class Bar:
        n = 0

        def update(self, seconds):
            during.extend(names(folder))
            signal.raise_signal(number)

    monkeypatch.setattr(upsample, "open_bar", lambda *_, **__: contextlib.nullcontext(Bar()))
    write("in.wav", noise(1, 800))
    assert run("upsample", "in.wav", "out.wav", "--model=spline", "--ratio=2") == code
    assert capsys.readouterr() == ("", message)
    assert names(folder) == ["in.wav"]
    assert len(during) == 2 and any(name.endswith(".part") for name in during)
    assert signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1"])
def test_signals_that_a_caller_ignores_or_handles_stay_so(name, folder, monkeypatch, capsys):
    """Under nohup SIGHUP is ignored."""
    if not hasattr(signal, name):
        pytest.skip("Windows has no such signal")
    number, seen = getattr(signal, name), []

    class Bar:
        n = 0

        def update(self, seconds):
            signal.raise_signal(number)

    monkeypatch.setattr(upsample, "open_bar", lambda *_, **__: contextlib.nullcontext(Bar()))
    write("in.wav", noise(1, 800))
    arguments = ("upsample", "in.wav", "out.wav", "--model=spline", "--ratio=2", "--force")
    for handler in (signal.SIG_IGN, lambda *_: seen.append(number)):
        before = signal.signal(number, handler)
        try:
            assert run(*arguments) == 0
            assert signal.getsignal(number) is handler
        finally:
            signal.signal(number, before)
    assert seen[0] == number
    assert names(folder) == ["in.wav", "out.wav"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals to send")
def test_ctrl_c_ends_the_process_with_its_code(folder):
    # an hour: on a busy machine ten minutes are done before this process looks again
    write("in.flac", np.zeros(8000 * 3600), subtype="PCM_16")
    arguments = ["upsample", "in.flac", "out.flac", "--model=spline", "--ratio=4"]
    process = subprocess.Popen(
        [sys.executable, "-m", "sklearn_audiosr", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # what a shell starts in the background ignores SIGINT, and hands that down
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 300
    while not any(name.endswith(".part") for name in names(folder)):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err) == (130, "", INTERRUPTED)
    assert names(folder) == ["in.flac"]
