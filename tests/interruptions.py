"""Fits that are interrupted at a step, and small learned estimators to interrupt."""

import contextlib
import re
from functools import cache

import pytest
import torch
from resolvers import make_pairs, small_resolver, weights

from sklearn_audiosr import DNNBandwidthExtender
from sklearn_audiosr._estimators.dnn_network import HighbandDNN
from sklearn_audiosr._training import objectives
from sklearn_audiosr._training.checkpoint import Checkpoint
from sklearn_audiosr.networks import AudioUNet


def save_after_every_epoch(monkeypatch):
    """However long saving takes."""
    monkeypatch.setattr("sklearn_audiosr._training.checkpoint.MAX_SHARE", float("inf"))


def name_checkpoint(tmp_path):
    """Where fits keep their state."""
    return tmp_path / "fit.ckpt"


@contextlib.contextmanager
def stopped(note):
    """A fit that Ctrl-C ends inside; the note of its error matches."""
    with pytest.raises(KeyboardInterrupt) as caught:
        yield
    (text,) = caught.value.__notes__
    assert re.search(f"Training was interrupted.*{note}", text)


class PowerCutError(Exception):
    """What ends a fit as a crash would."""


class Interruption:
    """The loss of training, which raises an error at one call and counts its calls."""

    def __init__(self, monkeypatch):
        self.n_calls, self.at_call, self.error = 0, None, PowerCutError
        for name in ("rmse", "mse"):
            watched = self._watch(getattr(objectives, name))
            monkeypatch.setitem(objectives.OBJECTIVES, name, watched)
        monkeypatch.setattr(HighbandDNN, "loss", self._watch(HighbandDNN.loss))

    def _watch(self, loss):
        def watched(*args):
            if torch.is_grad_enabled():  # the dense network is validated by its loss
                self.n_calls += 1
                if self.n_calls == self.at_call:
                    raise self.error
            return loss(*args)

        return watched

    def plan(self, at_call, error=PowerCutError):
        """Count from here on."""
        self.n_calls, self.at_call, self.error = 0, at_call, error


def watch_losses(monkeypatch):
    """Watch the losses that the estimators train on."""
    return Interruption(monkeypatch)


# 5 clips of 4096 timepoints in patches of 512: 40 patches, 3 steps an epoch
IN_EPOCH_3 = 2 * 3 + 2


def resolver(**parameters):
    """With all that a training must find again: dropout, statistics, held-out clips."""
    network = AudioUNet(n_blocks=2, width=1 / 16, layout="paper", dropout=0.2)
    return small_resolver(**{"network": network, "max_epochs": 5, **parameters})


@cache
def complete_fit():
    """The one `resolver` that was fitted without an interruption: not to be changed."""
    return resolver().fit(*make_pairs())


def dnn(**parameters):
    defaults = {"max_epochs": 5, "patch_length": 512, "learning_rate": 1e-3, "random_state": 0}
    return DNNBandwidthExtender((16,), frame_length=64, **{**defaults, **parameters})


def assert_same_fit(est, expected):
    assert torch.equal(weights(est), weights(expected))
    assert est.loss_curve_ == expected.loss_curve_
    assert est.validation_scores_ == expected.validation_scores_
    assert est.n_iter_ == expected.n_iter_


def interrupt(est, pairs, interruption, at_call=IN_EPOCH_3):
    interruption.plan(at_call)
    with pytest.raises(PowerCutError):
        est.fit(*pairs)
    interruption.plan(None)


def press_ctrl_c(est, pairs, interruption, at_call=IN_EPOCH_3):
    interruption.plan(at_call, KeyboardInterrupt)
    with stopped("The same fit goes on from the checkpoint"):
        est.fit(*pairs)
    interruption.plan(None)


def interrupt_after_one_epoch(est, pairs):
    """Whatever its loss is."""
    save = Checkpoint.save

    def save_and_stop(checkpoint, state):
        save(checkpoint, state)
        raise PowerCutError

    with pytest.MonkeyPatch.context() as monkeypatch, pytest.raises(PowerCutError):
        monkeypatch.setattr(Checkpoint, "save", save_and_stop)
        est.fit(*pairs)


def keep_two_epochs(path, pairs):
    """Leave the checkpoint of a `resolver` there, and return its content."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        save_after_every_epoch(monkeypatch)
        interrupt(resolver(checkpoint=path), pairs, Interruption(monkeypatch))
    return path.read_bytes()
