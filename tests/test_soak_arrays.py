"""The soak of arrays: a short run, and that it finds what it looks for."""

import json

import numpy as np
import pytest

from sklearn_audiosr.augmentation import ChangeLevel, ChangeSpeed
from sklearn_audiosr.degradation import ideal_lowband
from sklearn_audiosr.metrics import LSD_CONVENTIONS, log_spectral_distance
from tools.soak import __main__ as soak
from tools.soak import arrays

TOO_LOUD = np.full((1, 2500), 3.3e38, np.float32)


def test_things_passed_as_clips_end_in_results_or_documented_errors():
    figures = arrays.run(120, seed=5)
    assert figures["faults"] == []
    counts = [figures[name] for name in ("results", "value_errors", "type_errors")]
    assert sum(counts) == 120
    assert min(counts) > 10


@pytest.mark.parametrize(
    ("act", "fault"),
    [
        (lambda: [0.0][1], "IndexError: list index out of range"),
        (lambda: int("x"), "ValueError: invalid literal"),  # names no clip
        (lambda: [np.array([np.nan])], "a result is NaN without a warning"),
        (lambda: [np.array([1.0]), np.array([np.inf])], "a result is infinite"),
    ],
)
def test_faults_are_found(monkeypatch, act, fault):
    monkeypatch.setitem(arrays.USES, "decimate", lambda rng, clips: act())
    assert arrays.try_use("decimate", None, None).startswith(fault)


def test_figures_of_all_parts_are_recorded(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("tools.tables.RESULTS", tmp_path)
    monkeypatch.setattr(soak, "RESULTS", tmp_path)
    monkeypatch.setitem(soak.N_CASES, "arrays", 40)
    assert "arrays" in soak.list_modules()
    (tmp_path / "soak.json").write_text(json.dumps({"parts": {"archives": {"cases": 7}}}))
    assert soak.main(["--only", "arrays", "--share", "0.5"]) == 0
    parts = json.loads((tmp_path / "soak.json").read_text())["parts"]
    assert (parts["arrays"]["cases"], parts["archives"]["cases"]) == (20, 7)
    assert "arrays" in (tmp_path / "soak.rst").read_text()
    monkeypatch.setattr(arrays, "run", lambda n_cases, seed: {}["x"])
    assert soak.main(["--only", "arrays"]) == 1
    assert "arrays: KeyError: 'x'" in capsys.readouterr().out


# What the soak found


@pytest.mark.parametrize(
    "act",
    [
        ChangeLevel(6.0).fit_transform,
        lambda clips: ideal_lowband(np.where(np.arange(2500) % 5, clips, -clips), 2),
    ],
)
def test_results_beyond_float32_are_told(act):
    with pytest.raises(ValueError, match=r"^(Y|clips)\[0\] must have levels whose result float32"):
        act(TOO_LOUD)


@pytest.mark.parametrize("convention", LSD_CONVENTIONS)
@pytest.mark.parametrize("factor", [0.9, 1e-300])
def test_levels_whose_powers_overflow_are_told(convention, factor):
    y = np.full((2, 4000), 1.0) * [[1], [1e300]]
    message = r"^y_true\[1\] and y_pred\[1\] must have levels .*peaks of 1e\+300 and .*scale both"
    with pytest.raises(ValueError, match=message):
        log_spectral_distance(y, factor * y, convention=convention, sampling_rate=16000)


def test_a_memory_view_is_an_array():
    y = np.random.default_rng(0).standard_normal((2, 100))
    for view, clips in ((memoryview(y), y), ([memoryview(y[0])], [y[0]])):
        speeds = ChangeSpeed(random_state=0)
        for one, other in zip(speeds.transform(view), speeds.transform(clips), strict=True):
            np.testing.assert_array_equal(one, other)
