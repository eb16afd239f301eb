"""What `save` refuses, and that a file is whole or not there."""

import errno
import os

import numpy as np
import pytest
import torch
from lively import Lopsided, ModuleConfig
from model_files import X, Y, changed, save_kind
from noisy import StudentNoise
from resolvers import small_resolver
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from sklearn_audiosr import LinearUpsampler, SplineUpsampler, load
from sklearn_audiosr._estimators.saving import save_estimator
from sklearn_audiosr._persistence import model_file
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.networks import AudioUNet


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def test_weights_beyond_float16_are_refused(path):
    est = changed("unet")
    with torch.no_grad():
        est.network_.down[0][0].weight[0, 0, 0] = 1e5
    with pytest.raises(ValueError, match=r"network_\.down\.0\.0\.weight is too large for dtype"):
        save_estimator(est, path, dtype="float16")
    assert not path.exists()
    save_estimator(est, path)
    assert load(path).network_.down[0][0].weight[0, 0, 0] == 1e5


def test_other_types_of_weights_are_refused(path):
    with pytest.raises(ValueError, match="dtype must be 'float32' or 'float16', got 'int8'"):
        save_kind("unet", path, dtype="int8")


@pytest.mark.parametrize(
    ("card", "named"),
    [
        ("text", "card must be a dict or None, got str"),
        ({"lsd": {"mean": np.array([1.0])}}, r"card\['lsd'\]\['mean'\] must be"),
        ({"lsd": [1.0, float("nan")]}, r"card\['lsd'\]\[1\] must be"),
        ({"of": {4: 1}}, r"card\['of'\] must be"),
    ],
)
def test_cards_that_json_cannot_say_are_refused(card, named, path):
    with pytest.raises(TypeError, match=named):
        save_kind("spline", path, card=card)
    assert not path.exists()


def test_cards_that_no_file_may_hold_are_refused(path):
    deep = {}
    for _ in range(100):
        deep = {"deeper": deep}
    with pytest.raises(ValueError, match="card must have at most 16 lists and dicts within each"):
        save_kind("spline", path, card=deep)
    with pytest.raises(ValueError, match="card must have at most 1048576 bytes in JSON, got 20000"):
        save_kind("spline", path, card={"long": "x" * 2_000_000})
    assert not path.exists()


def test_a_curve_that_no_file_may_hold_is_refused(path, monkeypatch):
    monkeypatch.setattr(model_file, "MAX_HEADER", 20_000)
    est = changed("dnn")
    est.loss_curve_ = [1 / 3] * 2000
    with pytest.raises(ValueError, match=r"can't be saved: its header has \d+ bytes, of which 200"):
        save_estimator(est, path)
    assert not path.exists()


class Own(SplineUpsampler):
    pass


@pytest.mark.parametrize(
    ("est", "named"),
    [
        (make_pipeline(Decimator(4), SplineUpsampler()), r"Pipeline: .*the step, pipeline\[1\]"),
        (Own(), "got Own: pickle it, with joblib.dump"),
        (type("SplineUpsampler", (Own,), {"__module__": "mine"})(), "got SplineUpsampler: pickle"),
        (Decimator(4), "got Decimator"),
    ],
    ids=["pipeline", "subclass", "namesake", "degradation"],
)  # fmt: skip
def test_only_estimators_of_the_package_are_saved(est, named, path):
    with pytest.raises(TypeError, match=named):
        save_estimator(est.fit(Y, Y[:, ::1].repeat(2, axis=1)), path)


def test_an_estimator_must_be_fitted(path):
    with pytest.raises(NotFittedError):
        save_estimator(LinearUpsampler(), path)


def cosh(prediction, target, mask):
    return torch.cosh(prediction - target).mean()


def log_prob(y, output):
    return -(y - output).abs()


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"objective": cosh}, r"objective must be .* set_params\(objective=None\) first"),
        ({"noise_model": log_prob}, "noise_model must be .* joblib.dump"),
        ({"noise_model": StudentNoise()}, "noise_model must be .*StudentNoise"),
        ({"network": ModuleConfig(Lopsided)}, "network must be .*ModuleConfig"),
        ({"sampling_rate": float("inf")}, "sampling_rate must be .*, got inf"),
        ({"network": AudioUNet(2, n_filters=[[8], [8]])}, "network__n_filters must be"),
    ],
    ids=["objective", "log_prob", "noise_model", "network", "infinity", "nested"],
)
def test_parameters_that_are_code_are_named(parameters, named, path):
    with pytest.raises(TypeError, match=named):
        save_estimator(changed("unet", **parameters), path)


def test_an_objective_of_ones_own_may_be_taken_out(path):
    est = small_resolver(objective=cosh, max_epochs=1).fit(X, Y)
    save_estimator(est.set_params(objective=None), path)
    np.testing.assert_array_equal(load(path).predict(X), est.predict(X))


@pytest.mark.parametrize(
    ("kind", "parameters", "named"),
    [
        (
            "unet",
            {"network__n_blocks": 1},
            "Resolver must have the parameters of its fit",
        ),
        ("unet", {"noise_model": "gaussian"}, "noise_model_=None, got noise_model_=GaussianNoise"),
        ("gaussian", {"noise_model": "laplace"}, "_=GaussianNoise, got noise_model_=LaplaceNoise"),
        ("gaussian", {"noise_model": "heteroscedastic"}, "must have the parameters of its fit"),
        ("dnn", {"phase": "imaged"}, "DNNBandwidthExtender must have the parameters of its fit"),
        ("linear", {"n_taps": 11}, "parameters of its fit to be saved, n_taps=9, got n_taps=11"),
        ("unet", {"batch_size": 0}, "can't be saved: its parameters don't fit .*batch_size"),
        ("tfilm", {"patch_length": 8}, "can't be saved: .*patch_length must be at least 64"),
    ],
)
def test_parameters_of_another_fit_are_named(kind, parameters, named, path):
    with pytest.raises(ValueError, match=named):
        save_estimator(changed(kind, **parameters), path)
    assert not path.exists()


def test_weights_that_are_not_finite_are_refused(path):
    est = changed("linear")
    est.coef_[3, 1] = np.nan
    with pytest.raises(ValueError, match="can't be saved: coef_ must be finite"):
        save_estimator(est, path)


def test_a_file_is_replaced_whole(path):
    path.write_text("something longer than nothing")
    path.chmod(0o640)
    loaded = load(save_kind("linear", path))
    assert loaded.n_taps == 9
    assert path.stat().st_mode & 0o777 == 0o640
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_disk_that_is_full_costs_no_file(path, monkeypatch):
    save_kind("spline", path)
    before = path.read_bytes()

    def fail(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        save_kind("linear", path)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_link_leads_to_the_new_file(path, tmp_path):
    link = tmp_path / "latest"
    link.symlink_to(path)
    save_kind("spline", link)
    assert link.is_symlink()
    assert load(path).upsampling_ratio_ == 4


def test_paths_that_cannot_be_written_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="path must lie in a folder that exists.*absent"):
        save_kind("spline", tmp_path / "absent" / "model.safetensors")
    with pytest.raises(IsADirectoryError, match="path must be a file, got the folder"):
        save_kind("spline", tmp_path)


def test_another_fit_forgets_the_card_of_the_file(tmp_path):
    for est in (SplineUpsampler(), LinearUpsampler(), small_resolver(max_epochs=1)):
        est.fit(X, Y).save(tmp_path / "model", card={"data": "some"})
        loaded = load(tmp_path / "model")
        assert loaded.card_ == {"data": "some"}
        loaded.fit(X, Y)
        assert not hasattr(loaded, "card_")


def test_card_of_a_number_that_no_file_may_hold(tmp_path):
    for number in (10**20, -(10**20)):
        with pytest.raises(ValueError, match=r"card\['a'\]\[0\] must have at most 20 digits, got"):
            SplineUpsampler().fit(X, Y).save(tmp_path / "model", card={"a": [number]})
    SplineUpsampler().fit(X, Y).save(tmp_path / "model", card={"a": [1 - 10**20, True]})
    assert load(tmp_path / "model").card_ == {"a": [1 - 10**20, True]}
