"""Checkpoints: no other fit goes on from them, whatever makes it another."""

import os
import threading

import numpy as np
import pytest
from interruptions import (
    assert_same_fit,
    dnn,
    interrupt_after_one_epoch,
    keep_two_epochs,
    name_checkpoint,
    resolver,
    save_after_every_epoch,
    watch_losses,
)
from lively import Halving
from resolvers import make_pairs
from sklearn.base import BaseEstimator
from torch import nn

from sklearn_audiosr._training.noise_models import GaussianNoise
from sklearn_audiosr.networks import AudioUNet

pairs = pytest.fixture(scope="module")(make_pairs)
saved = pytest.fixture(autouse=True)(save_after_every_epoch)
path = pytest.fixture(name_checkpoint)
interruption = pytest.fixture(watch_losses)


@pytest.fixture(scope="module")
def kept_content(pairs, tmp_path_factory):
    return keep_two_epochs(tmp_path_factory.mktemp("kept") / "fit.ckpt", pairs)


@pytest.fixture
def kept(kept_content, path):
    """A checkpoint of two epochs."""
    path.write_bytes(kept_content)
    return path


def double(pairs):
    return pairs[0], np.float32(1.0001) * pairs[1]


def swap(pairs):
    return tuple(np.roll(clips, 1, axis=0) for clips in pairs)


@pytest.mark.parametrize(
    ("parameters", "change", "difference"),
    [
        ({"learning_rate": 1e-3}, None, "learning_rate 0.003, got 0.001"),
        ({"batch_size": 8}, None, "batch_size 16, got 8"),
        ({"patch_length": 256}, None, "patch_length 512, got 256"),
        ({"random_state": 1}, None, "random_state 0, got 1"),
        ({"objective": "mse"}, None, "objective None, got mse"),
        ({"noise_model": "gaussian"}, None, "noise_model None, got gaussian"),
        ({"precision": "bfloat16"}, None, "precision auto, got bfloat16"),
        ({"early_stopping": True}, None, "early_stopping False, got True"),
        ({"validation_fraction": 0.4}, None, "validation_fraction 0.1, got 0.4"),
        ({"network": AudioUNet(n_blocks=2, width=1 / 8)}, None, r"architecture AudioUNet\(.*got"),
        ({}, double, r"training clips 5 clips \(\w+\), got 5 clips \(\w+\)"),
        ({}, swap, "training clips"),
        ({}, lambda pairs: (pairs[0][:5], pairs[1][:5]), "training clips 5 clips .* got 4 clips"),
        ({}, lambda pairs: (pairs[0][:, ::2], pairs[1]), "upsampling_ratio_ 4, got 8"),
    ],
)
def test_another_fit_does_not_go_on(pairs, kept, parameters, change, difference):
    content = kept.read_bytes()
    est = resolver(checkpoint=kept, **parameters)
    with pytest.raises(
        ValueError,
        match=rf"checkpoint='.*fit.ckpt' was written by a fit with {difference}.*: name another",
    ):
        est.fit(*(change(pairs) if change else pairs))
    assert not hasattr(est, "network_")
    assert kept.read_bytes() == content


def test_clips_that_are_held_out_count_too(pairs, kept):
    X, Y = pairs
    different = []
    for i in range(6):
        changed = Y.copy()
        changed[i, 0] += 1
        with pytest.raises(ValueError, match=r"\w+ clips \d clips") as error:
            resolver(checkpoint=kept).fit(X, changed)
        different.append("validation clips 1 clips" in str(error.value))
    assert sum(different) == 1


def test_kind_of_estimator_counts(pairs, kept):
    with pytest.raises(ValueError, match=r"was written by a fit with \w+ .*: name another file"):
        dnn(checkpoint=kept).fit(*pairs)


def test_what_changes_no_training_may_differ(pairs, kept, interruption, capfd):
    moved = kept.rename(kept.with_name("moved"))
    free = {"checkpoint": str(moved), "device": "cpu", "sampling_rate": 16000, "verbose": 1}
    est = resolver(max_epochs=7, **free).fit(*pairs)
    assert interruption.n_calls == 3 * 5
    assert "7/7" in capfd.readouterr().err
    assert_same_fit(est, resolver(max_epochs=7).fit(*pairs))


def test_fewer_epochs_than_were_kept(pairs, kept, interruption):
    """An uninterrupted fit would have one epoch: the error says how to have the two."""
    with pytest.raises(ValueError, match=r"in losses at most max_epochs=1 .*got 2 \(max_epochs=2 "):
        resolver(checkpoint=kept, max_epochs=1).fit(*pairs)
    est = resolver(checkpoint=kept, max_epochs=2).fit(*pairs)
    assert interruption.n_calls == 0
    assert_same_fit(est, resolver(max_epochs=2).fit(*pairs))


def scaled(factor):
    """Return objectives that have one name and one code."""

    def objective(prediction, target, mask):
        return factor * ((prediction - target) * mask).square().mean()

    return objective


class ScaledNoise(GaussianNoise):
    def __init__(self, scale):
        self.scale = scale


def no_noise(y, output):
    return -(y - output).abs()


def noise(y, output):
    return -2 * (y - output).abs()


noise.__qualname__ = no_noise.__qualname__


def steep(slope):
    return lambda x: (slope * x).relu()


class Activated(BaseEstimator):
    """Config of a network with an activation of the user's."""

    def __init__(self, activation):
        self.activation = activation

    def build(self):
        network = ActivatedHalving()
        network.activation = self.activation
        return network


class ActivatedHalving(Halving):
    def forward(self, x):
        return self.activation(super().forward(x))


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        ({"objective": scaled(1)}, {"objective": scaled(2)}, r"objective scaled\S+objective"),
        ({"noise_model": no_noise}, {"noise_model": noise}, "noise_model no_noise"),
        (
            {"noise_model": ScaledNoise(1.0)},
            {"noise_model": ScaledNoise(2.0)},
            "noise_model ScaledNoise",
        ),
        (
            {"network": Activated(steep(1))},
            {"network": Activated(steep(2))},
            "network Activated",
        ),
    ],
)
def test_functions_and_objects_are_more_than_their_names(pairs, path, first, second, name):
    interrupt_after_one_epoch(resolver(checkpoint=path, **first), pairs)
    with pytest.raises(ValueError, match=rf"by a fit with {name} \(\w+\), got \S+ \(\w+\): name"):
        resolver(checkpoint=path, **second).fit(*pairs)
    expected = resolver(**first).fit(*pairs)
    assert_same_fit(resolver(checkpoint=path, **first).fit(*pairs), expected)


def test_what_cannot_be_compared_is_refused_before_training(pairs, path):
    est = resolver(checkpoint=path, objective=scaled(threading.Lock()))
    with pytest.raises(
        ValueError, match=r"checkpoint needs .*, got objective=scaled\S+ \(.*lock.*\): leave out"
    ):
        est.fit(*pairs)
    assert not hasattr(est, "network_")
    assert os.listdir(path.parent) == []


N_FILTERS = {"last": 4}


class Rewritten:
    """Config of a network whose code can be changed."""

    def build(self):
        network = Halving()
        network.down = nn.Conv1d(1, N_FILTERS["last"], 5, stride=2, padding=2)
        network.last = nn.Conv1d(N_FILTERS["last"], 1, 3, padding=1)
        return network


def test_weights_that_do_not_fit_the_network(pairs, path, monkeypatch):
    interrupt_after_one_epoch(resolver(checkpoint=path, network=Rewritten()), pairs)
    monkeypatch.setitem(N_FILTERS, "last", 5)
    with pytest.raises(
        ValueError,
        match=r"checkpoint='.*fit.ckpt' must keep .* build\(\) makes, shape \(5, 1, 5\) of "
        r"float32 for down.weight, got shape \(4, 1, 5\) of float32 in network: .* name "
        r"another file, or delete this one",
    ):
        resolver(checkpoint=path, network=Rewritten()).fit(*pairs)


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_random_state_must_be_an_integer(pairs, path, random_state):
    with pytest.raises(ValueError, match=r"checkpoint needs an integer random_state, got .* Pass"):
        resolver(checkpoint=path, random_state=random_state).fit(*pairs)
    assert os.listdir(path.parent) == []
