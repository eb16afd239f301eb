"""Saving and loading: what comes back."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from model_files import KINDS, NOISY, X, Y, changed, fitted, save_kind
from resolvers import weights
from safetensors import safe_open
from sklearn.base import BaseEstimator, clone

import sklearn_audiosr
from sklearn_audiosr import ModelFileError, _estimators, load, networks
from sklearn_audiosr._estimators.saving import save_estimator
from sklearn_audiosr._persistence.weights import build_without_weights

every_kind = pytest.mark.parametrize("kind", KINDS)
CLIPS = [X[0], X[1, :1], X[2, 100:433]]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def is_estimator(value):
    return isinstance(value, type) and issubclass(value, BaseEstimator)


def spell(value):
    """Return a value, an object by its attributes, with lists as tuples."""
    if isinstance(value, torch.nn.Module):
        return {name: tensor.tolist() for name, tensor in value.state_dict().items()}
    if isinstance(value, np.ndarray):
        return value.dtype, value.tolist()
    if isinstance(value, list | tuple):
        return tuple(map(spell, value))
    if hasattr(value, "__dict__"):
        return type(value), {name: spell(part) for name, part in vars(value).items()}
    return value


@every_kind
def test_predictions_are_the_same_to_the_last_bit(kind, path):
    loaded = load(save_kind(kind, path))
    for y, expected in zip(loaded.predict(CLIPS), fitted(kind).predict(CLIPS), strict=True):
        np.testing.assert_array_equal(y, expected)


@every_kind
def test_all_that_was_set_and_learned_comes_back(kind, path):
    est, loaded = fitted(kind), load(save_kind(kind, path))
    assert type(loaded) is type(est)
    assert loaded.card_ is None
    learned = {name: spell(value) for name, value in vars(loaded).items() if name != "card_"}
    # every attribute: one that a later version learns must be saved too
    assert learned == {name: spell(value) for name, value in vars(est).items()}


@pytest.mark.parametrize("kind", NOISY)
def test_deviations_and_draws_are_the_same(kind, path):
    est, loaded = fitted(kind), load(save_kind(kind, path))
    for y, expected in zip(
        loaded.predict(X, return_std=True), est.predict(X, return_std=True), strict=True
    ):
        np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(loaded.sample_y(X, 2), est.sample_y(X, 2))


def test_limits_without_end_and_scores_without_end_come_back(path):
    est = changed("heteroscedastic")
    est.noise_model_.limits = (-3.5, float("inf"))
    est.validation_scores_ = [float("-inf")]
    save_estimator(est, path)
    assert load(path).noise_model_.limits == (-3.5, float("inf"))
    assert load(path).validation_scores_ == [float("-inf")]


@pytest.mark.parametrize("kind", ["spline", "linear", "dnn", "batch", "heteroscedastic"])
def test_a_clone_of_what_was_loaded_fits_the_same(kind, path):
    loaded = clone(load(save_kind(kind, path)))
    np.testing.assert_array_equal(loaded.fit(X, Y).predict(X), fitted(kind).predict(X))


@pytest.mark.parametrize("kind", ["dnn", "batch", "tfilm", "spectral", "harmonic", "laplace"])
def test_a_warm_start_goes_on(kind, path):
    loaded = load(save_kind(kind, path)).set_params(warm_start=True)
    est = changed(kind, warm_start=True)
    np.testing.assert_array_equal(loaded.fit(X, Y).predict(X), est.fit(X, Y).predict(X))
    assert loaded.loss_curve_ == est.loss_curve_


def test_a_warm_start_still_needs_the_network_of_the_fit(path):
    loaded = load(save_kind("unet", path)).set_params(warm_start=True, network__n_blocks=1)
    with pytest.raises(ValueError, match="warm_start=True needs the network of the first fit"):
        loaded.fit(X, Y)


def test_a_stream_runs(path):
    stream = load(save_kind("tfilm", path)).stream()
    y = np.concatenate([stream.push(X[0, :500]), stream.push(X[0, 500:]), stream.flush()])
    np.testing.assert_allclose(y, fitted("tfilm").predict([X[0]])[0], atol=1e-4)


def test_what_belongs_to_the_machine_stays_there(path, tmp_path):
    est = changed(
        "unet",
        device="cuda:1",
        checkpoint=tmp_path / "private",
        verbose=3,
        random_state=np.random.RandomState(0),
    )
    save_estimator(est, path)
    assert b"private" not in path.read_bytes()
    loaded = load(path)
    assert (loaded.device, loaded.checkpoint, loaded.verbose) == ("auto", None, 0)
    assert loaded.random_state is None


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")], ids=["name", "object"])
def test_a_device_that_is_everywhere_is_kept(device, path):
    save_estimator(changed("unet", device=device), path)
    assert load(path).device == "cpu"


def test_numbers_of_numpy_come_back_as_plain_ones(path):
    parameters = {"learning_rate": np.float32(0.5), "early_stopping": np.bool_(False)}
    save_estimator(changed("unet", max_epochs=np.int64(1), **parameters), path)
    values = [load(path).get_params()[n] for n in ("max_epochs", "learning_rate", "early_stopping")]
    assert [(v, type(v)) for v in values] == [(1, int), (0.5, float), (False, bool)]


@pytest.mark.parametrize("kind", ["dnn", "unet", "batch", "tfilm", "spectral", "harmonic"])
def test_float16_halves_the_weights_and_little_else(kind, path, tmp_path):
    est, whole = fitted(kind), save_kind(kind, tmp_path / "whole")
    loaded = load(save_kind(kind, path, dtype="float16"))
    n_halved = 0
    for (name, weight), own in zip(
        loaded.network_.named_parameters(), est.network_.parameters(), strict=True
    ):
        assert weight.dtype == torch.float32, name
        halved = own.ndim > 1
        n_halved += halved * own.numel()
        assert torch.equal(weight, own.half().float() if halved else own), name
    for buffer, own in zip(loaded.network_.buffers(), est.network_.buffers(), strict=True):
        assert torch.equal(buffer, own)
    saved = whole.stat().st_size - path.stat().st_size
    assert abs(saved - 2 * n_halved) < 1000
    y, expected = loaded.predict(X), est.predict(X)
    assert 0 < np.abs(y - expected).max() < 5e-3 * np.abs(expected).max()


def test_float16_changes_nothing_that_has_no_network(path):
    loaded = load(save_kind("linear", path, dtype="float16"))
    np.testing.assert_array_equal(loaded.coef_, fitted("linear").coef_)


def test_a_card_comes_back_in_plain_values(path):
    card = {
        "data": "speech, 34 min — CC BY 4.0",
        "metrics": {"lsd": np.float32(0.5), "worst": [1, 2.5]},
        "rates": (4000, np.int64(16000)),
        "shipped": False,
        "note": None,
    }
    loaded = load(save_kind("spline", path, card=card))
    assert loaded.card_ == {
        "data": "speech, 34 min — CC BY 4.0",
        "metrics": {"lsd": 0.5, "worst": [1, 2.5]},
        "rates": [4000, 16000],
        "shipped": False,
        "note": None,
    }
    assert type(loaded.card_["metrics"]["lsd"]) is float


def test_a_file_that_is_absent_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        load(tmp_path / "absent")


@every_kind
def test_the_same_model_gives_the_same_bytes(kind, path, tmp_path):
    assert save_kind(kind, path).read_bytes() == save_kind(kind, tmp_path / "two").read_bytes()
    save_estimator(load(path), tmp_path / "three")
    assert (tmp_path / "three").read_bytes() == path.read_bytes()


def test_other_programs_read_arrays_and_card(path):
    save_kind("unet", path, card={"licence": "CC BY 4.0"})
    with safe_open(path, framework="pt") as file:
        document = json.loads(file.metadata()["sklearn_audiosr"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    assert document["model"]["card"] == {"licence": "CC BY 4.0"}
    assert document["model"]["parameters"]["network"]["class"] == "AudioUNet"
    state = fitted("unet").network_.state_dict()
    assert {name.removeprefix("network_.") for name in tensors} == set(state)
    assert all(torch.equal(tensors[f"network_.{name}"], state[name]) for name in state)


@pytest.mark.parametrize(
    "kind", ["dnn", "unet", "batch", "transposed", "tfilm", "spectral", "harmonic"]
)
def test_loading_draws_no_numbers_and_leaves_nothing_unfilled(kind, path):
    save_kind(kind, path)
    before = torch.get_rng_state()
    with torch.inference_mode():  # of a caller
        loaded = load(path)
    assert torch.equal(torch.get_rng_state(), before)
    tensors = [*loaded.network_.parameters(), *loaded.network_.buffers()]
    assert not any(tensor.is_meta or tensor.is_inference() for tensor in tensors)
    assert not loaded.network_.training
    flags = [weight.requires_grad for weight in loaded.network_.parameters()]
    assert flags == [weight.requires_grad for weight in fitted(kind).network_.parameters()]
    buffers = zip(loaded.network_.buffers(), fitted(kind).network_.buffers(), strict=True)
    assert all(torch.equal(buffer, own) for buffer, own in buffers)


def test_other_default_types_and_devices_of_torch_change_nothing(path):
    save_kind("unet", path)
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    try:
        loaded = load(path)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    np.testing.assert_array_equal(loaded.predict(X), fitted("unet").predict(X))


def test_filters_can_be_written_to(path):
    loaded = load(save_kind("linear", path))
    loaded.coef_[4] = 0
    assert not np.array_equal(loaded.predict(X), fitted("linear").predict(X))


def test_two_that_were_loaded_share_no_weights(path):
    save_kind("unet", path)
    first, second = load(path), load(path)
    before = weights(second)
    with torch.no_grad():
        first.network_.down[0][0].weight.add_(1)
    assert torch.equal(weights(second), before)


@pytest.mark.parametrize(
    "kind", ["dnn", "unet", "batch", "transposed", "tfilm", "spectral", "harmonic"]
)
def test_weights_that_a_file_asks_for_take_no_memory(kind):
    """They are compared with the file's before there are any: a size costs nothing."""
    est = fitted(kind)
    network = build_without_weights(lambda: est._build_network(4))
    assert all(w.is_meta for w in network.parameters() if w.numel() > len(w))  # of many axes


def test_loading_loads_no_compiler(path):
    """To draw numbers for weights without memory, PyTorch would load its own, for seconds."""
    for kind in ("dnn", "unet", "batch", "tfilm", "spectral", "harmonic"):
        save_kind(kind, path.with_name(kind))
    code = (
        "import pathlib, sys\n"
        "from sklearn_audiosr import load\n"
        f"ests = [load(path) for path in sorted(pathlib.Path({str(path.parent)!r}).iterdir())]\n"
        "print(len(ests), 'torch._dynamo' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "6 False\n", done.stderr


def test_every_estimator_and_network_has_its_name():
    exported = {n for n in sklearn_audiosr.__all__ if is_estimator(getattr(sklearn_audiosr, n))}
    kinds = {type(est).__name__ for est in KINDS.values()}
    assert kinds == set(_estimators.__all__) == exported, "add one to KINDS"
    used = {type(est.network).__name__ for est in KINDS.values() if hasattr(est, "network")}
    assert used == set(networks.__all__), "add one to KINDS"


def test_the_error_of_a_file_can_be_pickled():
    error = ModelFileError("a.safetensors", "it is empty", "Save it again.")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.path, copy.problem, copy.remedy) == (error.path, error.problem, error.remedy)
    assert str(copy) == "'a.safetensors' can't be loaded: it is empty. Save it again."
