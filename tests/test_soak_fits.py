"""The soak runs of model files, checkpoints and killed fits, each for a moment."""

import pytest

from tools.soak import checkpoints, killed_fits, model_files


def test_changed_model_files_are_refused_or_predict():
    figures = model_files.run(40, seed=3)
    assert figures["refused"] + figures["loaded"] == figures["cases"] == 40
    assert figures["refused"] > 20
    assert figures["load_mb"] < 64


def test_changed_checkpoints_are_refused_or_resumed():
    figures = checkpoints.run(20, seed=3)
    assert figures["refused"] + figures["resumed"] == figures["cases"] == 20
    assert figures["refused"] > 10
    assert figures["peak_mb"] < 64


@pytest.mark.slow
def test_killed_fits_end_as_if_they_were_not(monkeypatch):
    monkeypatch.setattr(killed_fits, "_N_KILLS", 1)
    assert killed_fits.run(1, seed=3)["identical"] == 1
