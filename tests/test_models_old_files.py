"""Model files of an earlier version, one of each kind, and what that version predicted of them.

They were written by version 0.1.0 before its modules were moved to rooms. A file that no longer
loads means that `model_file.FORMAT` must go up, and the file stays here to be refused.
"""

from pathlib import Path

import numpy as np
import pytest

from sklearn_audiosr import _estimators, load, networks

FOLDER = Path(__file__).parent / "data" / "models"
FILES = sorted(FOLDER.glob("*.safetensors"))
RECORDED = dict(np.load(FOLDER / "predictions.npz"))


def predict(est, **options):
    """Return the prediction of the clip that was predicted then."""
    if getattr(est, "phase", None) == "oracle":
        options["Y_oracle"] = [RECORDED["truth"]]
    return est.predict([RECORDED["x"]], **options)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_old_files_load_and_predict_the_same(path, tmp_path):
    est = load(path)
    est.save(tmp_path / "again")
    for loaded in (est, load(tmp_path / "again")):
        np.testing.assert_allclose(predict(loaded)[0], RECORDED[path.stem], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["gaussian", "laplace", "heteroscedastic"])
def test_deviations_are_the_same(name):
    _, deviations = predict(load(FOLDER / f"{name}.safetensors"), return_std=True)
    expected = RECORDED[f"{name}_std"]
    np.testing.assert_allclose(deviations[0], expected, rtol=0, atol=1e-6)
    assert expected.min() > 1e-3


def test_files_without_a_lowband_restore_it():
    est = load(FOLDER / "spectral.safetensors")
    assert est.lowband == "restore"
    assert '"lowband' not in (FOLDER / "spectral.safetensors").read_bytes().decode("latin-1")


def test_there_is_a_file_of_each_kind():
    ests = [load(path) for path in FILES]
    assert {type(est).__name__ for est in ests} == set(_estimators.__all__)
    used = {type(est.network).__name__ for est in ests if hasattr(est, "network")}
    assert used == set(networks.__all__) - {"HarmonicNoiseNet"}  # younger than these files
    assert all(np.abs(RECORDED[path.stem]).max() > 0.1 for path in FILES)
    assert sum(path.stat().st_size for path in FILES) < 600_000
