"""Checkpoints with right checksums and another content: every field is checked before use."""

import copy
import io
import zipfile
from functools import partial

import pytest
import torch
from interruptions import (
    assert_same_fit,
    complete_fit,
    interrupt,
    keep_two_epochs,
    name_checkpoint,
    resolver,
    save_after_every_epoch,
    watch_losses,
)
from resolvers import make_pairs, small_resolver
from torch import nn

from sklearn_audiosr.networks import SpectralNet

pairs = pytest.fixture(scope="module")(make_pairs)
saved = pytest.fixture(autouse=True)(save_after_every_epoch)
path = pytest.fixture(name_checkpoint)
interruption = pytest.fixture(watch_losses)


@pytest.fixture(scope="module")
def kept_content(pairs, tmp_path_factory):
    return keep_two_epochs(tmp_path_factory.mktemp("kept") / "fit.ckpt", pairs)


def read(content):
    return torch.load(io.BytesIO(content), weights_only=True)


def put(content, place, value):
    """Return a content with another value in a place."""
    content = copy.deepcopy(content)
    inside = content
    for key in place[:-1]:
        if isinstance(inside[key], tuple):
            inside[key] = list(inside[key])
        inside = inside[key]
    if value is MISSING:
        del inside[place[-1]]
    else:
        inside[place[-1]] = value(inside[place[-1]]) if callable(value) else value
    if isinstance((content.get("state") or {}).get("best"), list):
        content["state"]["best"] = tuple(content["state"]["best"])
    return content


MISSING = object()
STATE = ("state",)
WEIGHT = ("state", "network", "down.0.0.weight")
ADAM = ("state", "optimizer", "state", 0)
PCG = ("state", "generators", "numpy", "state")
STATISTIC = "down.0.1.running_mean"

FIELDS = [
    (("format",), 3.0, "must be a file that an interrupted"),
    (("format",), MISSING, "must be a file that an interrupted"),
    (("more",), 1, "must be a file that an interrupted"),
    (("fingerprint",), ["a"], "must be a file that an interrupted"),
    (("fingerprint",), {"a": 1}, "must be a file that an interrupted"),
    (("fingerprint", "momentum"), "1", "by a fit with momentum 1, got unknown"),
    (("fingerprint", "batch_size"), MISSING, "with batch_size unknown, got"),
    (STATE, None, "must be a file that an interrupted"),
    ((*STATE, "losses"), MISSING, "in state the fields network"),
    ((*STATE, "more"), 1, "in state the fields network"),
    ((*STATE, "network"), [1], "in network weights by name, got list"),
    (WEIGHT, MISSING, r"float32 for down.0.0.weight, got none in network"),
    (WEIGHT, lambda w: w[:1], r"for down.0.0.weight, got shape \(1, "),
    (WEIGHT, lambda w: w.long(), "of float32 for down.0.0.weight, got shape .* of int64"),
    (WEIGHT, lambda w: w.double(), "of float32 for down.0.0.weight, got shape .* of float64"),
    (WEIGHT, lambda w: w.to_sparse(), "got shape .* and torch.sparse_coo"),
    (WEIGHT, 1.0, "got float in network"),
    (WEIGHT, lambda w: w / 0, "in network finite weights for down.0.0.weight, got NaN"),
    ((*STATE, "optimizer"), {}, "in optimizer what"),
    ((*STATE, "optimizer"), None, "in optimizer what"),
    ((*STATE, "optimizer", "param_groups"), [], "in optimizer what"),
    ((*STATE, "optimizer", "param_groups", 0, "params"), [0], "optimizer .* the same weights"),
    ((*STATE, "optimizer", "param_groups", 0, "betas"), (2.0, 2.0), r"optimizer .*betas=\(0.9"),
    ((*STATE, "optimizer", "state"), {}, "in optimizer .* a state of down.0.0.weight, which has"),
    (ADAM, MISSING, "in optimizer .* a state of down.0.0.weight, which has been trained"),
    ((*STATE, "optimizer", "state", 10**6), {}, "in optimizer .* states of weights"),
    ((*ADAM, "exp_avg"), MISSING, "in optimizer .* exp_avg, exp_avg_sq, step of each weight"),
    ((*ADAM, "exp_avg"), torch.ones(1), r"in optimizer .* exp_avg of shape"),
    (
        (*ADAM, "exp_avg"),
        lambda w: w.int(),
        "optimizer .* exp_avg of shape .* and type torch.float32",
    ),
    ((*ADAM, "exp_avg_sq"), lambda w: w - 1, "in optimizer .* exp_avg_sq of at least 0"),
    ((*ADAM, "step"), 3, "in optimizer .* step of shape"),
    ((*ADAM, "step"), lambda n: n * 0, "in optimizer .* steps that were counted"),
    ((*ADAM, "step"), lambda n: n + 0.5, "in optimizer .* steps that were counted"),
    ((*STATE, "epoch_losses"), [torch.ones(())], "in optimizer .* 7 steps, as many as there are"),
    ((*ADAM, "step"), lambda n: n + 9, "in optimizer .* counted, from 1 to 6"),
    ((*ADAM, "exp_avg"), lambda w: w * float("inf"), "in optimizer .* finite numbers in exp_avg"),
    ((*STATE, "best"), [1], "in best what"),
    ((*STATE, "best", 0), float("nan"), "in best .* a score that is a number"),
    ((*STATE, "best", 0), torch.ones(3), "in best .* score, epoch and weights"),
    ((*STATE, "best", 1), 3, "in best .* an epoch from 0 to 2"),
    ((*STATE, "best", 1), -1, "in best .* an epoch from 0 to 2"),
    ((*STATE, "best", 2), None, "in best weights by name"),
    ((*STATE, "best", 2, WEIGHT[-1]), lambda w: w.long(), "got shape .* of int64 in best"),
    ((*STATE, "best", 2, WEIGHT[-1]), lambda w: w * float("nan"), "best finite .* got NaN"),
    ((*STATE, "best", 0), float("inf"), "in best .* the score of epoch"),
    ((*STATE, "best", 0), lambda score: score + 1, "in best .* the score of epoch"),
    ((*STATE, "best", 1), 0, "in best .*needs epoch [12]"),
    ((*STATE, "best", 2, STATISTIC), lambda w: w / 0, f"best finite weights for {STATISTIC}, got"),
    ((*STATE, "network", STATISTIC), lambda w: w / 0, f"finite weights for {STATISTIC}, got NaN"),
    ((*STATE, "losses"), [1.0] * 6, "in losses at most max_epochs=5 losses, got 6"),
    ((*STATE, "losses"), 1.0, "in losses .* finite numbers"),
    ((*STATE, "losses"), [1, 2], "in losses .* finite numbers"),
    ((*STATE, "losses", 0), float("inf"), "in losses .* finite numbers"),
    ((*STATE, "validation_scores"), [1.0], "in validation_scores .* 2 scores"),
    ((*STATE, "validation_scores"), [], "in validation_scores .* 2 scores"),
    ((*STATE, "epoch_losses"), [torch.ones(())] * 3, "in epoch_losses .* fewer than 3"),
    ((*STATE, "epoch_losses"), [torch.ones(2)], "in epoch_losses .* of one float32"),
    ((*STATE, "epoch_losses"), [1.0], "in epoch_losses .* of one float32"),
    (
        (*STATE, "epoch_losses"),
        [torch.ones((), dtype=torch.float64)],
        "in epoch_losses .* of one float32",
    ),
    ((*STATE, "generators"), {}, "in generators .* numpy, cpu and cuda"),
    ((*STATE, "generators", "numpy"), 1, "in generators what"),
    ((*STATE, "generators", "numpy", "state"), {"state": 1}, "in generators what"),
    ((*STATE, "generators", "numpy", "bit_generator"), "MT19937", "in generators what"),
    ((*PCG, "inc"), 0, "in generators .* numpy's own increment"),
    ((*PCG, "inc"), lambda inc: inc + 2, "in generators .* numpy's own increment"),
    ((*PCG, "state"), -1, "in generators what"),
    ((*PCG, "state"), float, "in generators .* state of numpy"),
    ((*PCG[:-1], "has_uint32"), 2, "in generators .* state of numpy"),
    ((*STATE, "generators", "cpu"), torch.zeros(3, dtype=torch.uint8), "in generators what"),
    ((*STATE, "generators", "cpu"), lambda g: g * 0, "in generators what"),
    ((*STATE, "generators", "cpu"), lambda g: g.float(), "in generators .* bytes of cpu"),
]


@pytest.mark.parametrize(("place", "value", "named"), FIELDS)
def test_every_field_is_checked(pairs, path, kept_content, place, value, named):
    torch.save(put(read(kept_content), place, value), path)
    content, est = path.read_bytes(), resolver(checkpoint=path)
    with pytest.raises(ValueError, match=rf"checkpoint='.*fit.ckpt' .*{named}.* delete this one"):
        est.fit(*pairs)
    assert not hasattr(est, "network_")
    assert path.read_bytes() == content


def test_what_is_put_together_anew_is_resumed(pairs, path, kept_content):
    torch.save(read(kept_content), path)
    assert_same_fit(resolver(checkpoint=path).fit(*pairs), complete_fit())


def test_states_that_share_memory_are_taken_apart(pairs, path, kept_content):
    """An update in place would fail, or write beyond the memory."""
    fits = []
    for share in (False, True):
        content = read(kept_content)
        for values in content["state"]["optimizer"]["state"].values():
            zeros = torch.zeros(()).expand(values["exp_avg"].shape)
            values["exp_avg"] = zeros if share else zeros.clone()
        torch.save(content, path)
        fits.append(resolver(checkpoint=path).fit(*pairs))
    assert_same_fit(*fits)


class Idle(nn.Module):
    """A network with a weight that no output depends on: the optimizer keeps nothing of it."""

    stride, look_back, look_ahead = 1, 1, 1

    def __init__(self):
        super().__init__()
        self.idle, self.layer = nn.Linear(3, 3), nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x):
        return x + self.layer(x)


class IdleConfig:
    def build(self):
        return Idle()


def test_a_weight_that_is_never_trained_needs_no_state(pairs, path, interruption):
    idle = partial(small_resolver, network=IdleConfig())
    interruption.plan(None)
    expected = idle().fit(*pairs)
    interrupt(idle(checkpoint=path), pairs, interruption)
    assert len(torch.load(path, weights_only=True)["state"]["optimizer"]["state"]) == 2
    assert_same_fit(idle(checkpoint=path).fit(*pairs), expected)


@pytest.mark.parametrize("name", ["momentum", "exp_avg"])
def test_both_optimizers_of_a_pair_are_checked(pairs, path, interruption, name):
    """Muon and Adam of SpectralNet: also the fit that resumes is the same."""

    def spectral(**parameters):
        network = SpectralNet(n_blocks=1, width=1 / 32, frame_length=64)
        return small_resolver(network=network, **parameters)

    interruption.plan(None)
    expected, calls = spectral().fit(*pairs), []

    def stop(est, measured):
        calls.append(measured["epoch"])
        if len(calls) == 2:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        spectral(checkpoint=path, callbacks=[stop]).fit(*pairs)
    content = torch.load(path, weights_only=True)
    for part in content["state"]["optimizer"]["optimizers"]:
        for values in part["state"].values():
            if name in values:
                values[name] = values[name].long()
    changed = path.with_name("changed")
    torch.save(content, changed)
    with pytest.raises(ValueError, match=f"in optimizer .*{name} of shape"):
        spectral(checkpoint=changed).fit(*pairs)
    assert_same_fit(spectral(checkpoint=path).fit(*pairs), expected)


class Momentum:
    """An objective with a state of its own."""

    def __init__(self):
        self.mean = torch.zeros(())

    def __call__(self, prediction, target, mask):
        loss = ((prediction - target).square() * mask).mean()
        self.mean = 0.9 * self.mean + 0.1 * loss.detach()
        return loss + self.mean

    def state_dict(self):
        return {"mean": self.mean}

    def load_state_dict(self, state):
        self.mean = state["mean"] + 0.0


@pytest.mark.parametrize(
    ("value", "named"),
    [({}, "in objective .*'mean'"), (MISSING, "in state the fields .*objective")],
)
def test_so_is_the_state_of_an_objective(pairs, path, value, named):
    def stop(est, measured):
        raise ConnectionError

    with pytest.raises(ConnectionError):
        resolver(objective=Momentum(), max_epochs=2, checkpoint=path, callbacks=[stop]).fit(*pairs)
    torch.save(put(torch.load(path, weights_only=True), ("state", "objective"), value), path)
    with pytest.raises(ValueError, match=named):
        resolver(objective=Momentum(), max_epochs=2, checkpoint=path).fit(*pairs)


def test_entries_that_unpack_to_more_than_the_file_are_not_unpacked(pairs, path, kept_content):
    """A gigabyte of zeros takes a megabyte of a zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in zipfile.ZipFile(io.BytesIO(kept_content)).infolist():
            archive.writestr(entry.filename, bytes(10**6))
    with pytest.raises(ValueError, match="must be a file that an interrupted"):
        resolver(checkpoint=path).fit(*pairs)
