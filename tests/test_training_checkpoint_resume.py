"""Checkpoints: a fit that broke off goes on as if it had never stopped."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from interruptions import (
    PowerCutError,
    assert_same_fit,
    complete_fit,
    dnn,
    interrupt,
    name_checkpoint,
    resolver,
    save_after_every_epoch,
    watch_losses,
)
from resolvers import make_pairs, small_resolver

from sklearn_audiosr._training import checkpoint, objectives
from sklearn_audiosr._training.noise_models import GaussianNoise
from sklearn_audiosr.networks import AudioUNet

TESTS = Path(__file__).parent


pairs = pytest.fixture(scope="module")(make_pairs)
saved = pytest.fixture(autouse=True)(save_after_every_epoch)
path = pytest.fixture(name_checkpoint)
interruption = pytest.fixture(watch_losses)


ESTIMATORS = {
    "paper": resolver,
    "code": lambda **kw: small_resolver(network=AudioUNet(2, width=1 / 16), max_epochs=5, **kw),
    "no validation": lambda **kw: resolver(validation_fraction=0, **kw),
    "dnn": dnn,
}


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_fit_goes_on_to_the_same_weights(pairs, path, interruption, estimator):
    make = ESTIMATORS[estimator]
    expected = make().fit(*pairs)
    interruption.plan(None)
    make().fit(*pairs)
    n_steps = interruption.n_calls // 5
    interrupt(make(checkpoint=path), pairs, interruption, at_call=2 * n_steps + 2)
    assert path.is_file()
    torch.rand(3)  # what the process did in between does not count
    est = make(checkpoint=path).fit(*pairs)
    assert interruption.n_calls == 3 * n_steps  # two of five epochs were kept
    assert_same_fit(est, expected)
    np.testing.assert_array_equal(est.predict(pairs[0]), expected.predict(pairs[0]))
    assert os.listdir(path.parent) == []


def test_fit_may_be_interrupted_again_and_again(pairs, path, interruption):
    expected = complete_fit()
    for at_call in (4, 3, 5, 7):  # in epochs 2, 2, 3, 5
        interrupt(resolver(checkpoint=path), pairs, interruption, at_call)
    assert_same_fit(resolver(checkpoint=path).fit(*pairs), expected)
    assert interruption.n_calls == 3


def test_long_epochs_are_kept_while_they_last(pairs, path, interruption, monkeypatch):
    """14 steps an epoch, and as if a minute went by in each: one step is lost at most."""
    monkeypatch.setattr(checkpoint, "SECONDS_WITHIN_EPOCH", 0.0)
    expected = resolver(batch_size=3, max_epochs=2).fit(*pairs)
    n_steps = interruption.n_calls
    assert n_steps == 2 * 14
    for at_call in (2, 3, 6, 16):
        est, again = (resolver(batch_size=3, max_epochs=2, checkpoint=path) for _ in range(2))
        interrupt(est, pairs, interruption, at_call)
        assert_same_fit(again.fit(*pairs), expected)
        assert interruption.n_calls == n_steps - at_call + 1


def test_checkpoint_changes_nothing_in_a_fit_that_is_not_interrupted(pairs, path):
    est = resolver(checkpoint=path).fit(*pairs)
    assert_same_fit(est, complete_fit())
    assert os.listdir(path.parent) == []
    assert_same_fit(est.fit(*pairs), est)  # from the beginning


def test_error_before_the_first_epoch_ends_leaves_no_file(pairs, path, interruption):
    interrupt(resolver(checkpoint=path), pairs, interruption, at_call=2)
    assert os.listdir(path.parent) == []


def test_early_stopping_counts_the_epochs_before(pairs, path, interruption):
    parameters = {"early_stopping": True, "n_iter_no_change": 3, "max_epochs": 30}
    parameters |= {"validation_fraction": 0.34}
    expected = resolver(**parameters).fit(*pairs)
    best = int(np.argmax(expected.validation_scores_)) + 1
    assert best > 3
    assert expected.n_iter_ == best + 3 < 30
    n_steps = 2  # 32 patches of 4 clips
    interrupt(resolver(checkpoint=path, **parameters), pairs, interruption, n_steps * best + 3)
    est = resolver(checkpoint=path, **parameters).fit(*pairs)
    assert interruption.n_calls == n_steps * 2
    assert_same_fit(est, expected)


class Fading(torch.nn.Module):
    """An objective with a state: each step weighs less than the last one."""

    def __init__(self):
        super().__init__()
        self.register_buffer("n_steps", torch.zeros(()))

    def forward(self, prediction, target, mask):
        self.n_steps += torch.is_grad_enabled()
        return objectives.OBJECTIVES["mse"](prediction, target, mask) / self.n_steps


@pytest.mark.parametrize("same_object", [True, False])
def test_state_of_the_objective_is_kept(pairs, path, interruption, same_object):
    expected = resolver(objective=Fading()).fit(*pairs)
    assert expected.objective.n_steps == 0  # a copy was trained
    est = resolver(objective=Fading(), checkpoint=path)
    interrupt(est, pairs, interruption)
    again = est if same_object else resolver(objective=Fading(), checkpoint=path)
    assert_same_fit(again.fit(*pairs), expected)
    assert interruption.n_calls == 9  # epochs 3 to 5


class Unlucky(GaussianNoise):
    """Fails after training, as often as a file says."""

    def calibrate(self, targets, outputs):
        if Path("fail").exists():
            raise PowerCutError
        super().calibrate(targets, outputs)


def test_fit_that_died_after_its_last_epoch_trains_no_more(pairs, path, monkeypatch):
    monkeypatch.chdir(path.parent)
    Path("fail").touch()
    parameters = {"noise_model": Unlucky(), "early_stopping": True, "n_iter_no_change": 2}
    parameters |= {"learning_rate": 0.02, "max_epochs": 30, "checkpoint": path}
    with pytest.raises(PowerCutError):
        resolver(**parameters).fit(*pairs)
    assert path.is_file()
    Path("fail").unlink()
    path.with_name("fit.ckpt.part").touch()  # of a process that was killed while it saved
    # an equal one, at another address
    parameters["noise_model"], unlucky = Unlucky(), parameters["noise_model"]
    assert repr(parameters["noise_model"]) != repr(unlucky)
    steps, step = [], torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: steps.append(step(self)))
    est = resolver(**parameters).fit(*pairs)
    assert steps == []
    assert os.listdir(path.parent) == []
    expected = resolver(**{**parameters, "checkpoint": None}).fit(*pairs)
    assert len(steps) == 3 * expected.n_iter_
    assert_same_fit(est, expected)
    assert est.noise_model_.scale == expected.noise_model_.scale


KILLED = """
import os, signal, sys
import torch
torch.set_num_threads({n_threads})
sys.path.insert(0, {tests!r})
from resolvers import make_pairs
from sklearn_audiosr._training import checkpoint
from interruptions import resolver

checkpoint.MAX_SHARE = float("inf")
replace, n_saved = os.replace, 0

def replace_twice(source, target):
    global n_saved
    n_saved += 1
    if n_saved == 3:
        os.truncate(source, 1000)
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)

os.replace = replace_twice
resolver(checkpoint={path!r}).fit(*make_pairs())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on Windows")
def test_process_that_was_killed_while_it_saved(pairs, path, interruption):
    script = KILLED.format(n_threads=torch.get_num_threads(), tests=str(TESTS), path=str(path))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=300)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert sorted(os.listdir(path.parent)) == ["fit.ckpt", "fit.ckpt.part"]
    interruption.plan(None)
    est = resolver(checkpoint=path).fit(*pairs)
    assert interruption.n_calls == 9  # epochs 3 to 5
    assert_same_fit(est, complete_fit())
    assert os.listdir(path.parent) == []


def test_half_written_file_counts_for_nothing(pairs, path):
    partial = path.with_name("fit.ckpt.part")
    partial.write_bytes(b"half")
    assert_same_fit(resolver(checkpoint=path).fit(*pairs), complete_fit())
    assert not partial.exists()


def test_first_epoch_is_always_kept(pairs, path, interruption, monkeypatch):
    monkeypatch.setattr(checkpoint, "MAX_SHARE", 1e-9)  # and no other
    expected = complete_fit()
    interrupt(resolver(checkpoint=path), pairs, interruption)
    assert_same_fit(resolver(checkpoint=path).fit(*pairs), expected)
    assert interruption.n_calls == 4 * 3
