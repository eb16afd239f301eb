"""The soak of signals: a short run, and that it finds what it looks for."""

import os
import signal

import pytest

from tools.soak import signals

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")


@pytest.fixture(autouse=True)
def short_files(monkeypatch):
    monkeypatch.setattr(signals, "_SECONDS", 20)
    signals._measure.cache_clear()


def test_signals_leave_whole_targets_and_no_litter():
    figures = signals.run(5, seed=3)
    assert figures["faults"] == []
    assert figures["ended"] + figures["complete"] == figures["cases"] == 5


@pytest.mark.parametrize("fault", ["half a target", "litter"])
def test_faults_are_found(fault, monkeypatch):
    def work(folder, target):
        (target if fault == "half a target" else folder / ".a.part").write_bytes(b"RIFF")
        os._exit(128 + signal.SIGTERM)

    monkeypatch.setattr(signals, "_work", work)
    monkeypatch.setattr(os, "kill", lambda *_: None)  # or it may come before the fault
    (first, *_) = signals.run(1, seed=3)["faults"]
    assert ("the target is damaged" if fault == "half a target" else "left ['.a.part']") in first
