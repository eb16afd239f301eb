"""The recipe of the models that ship: the command from end to end, interrupted and resumed."""

import contextlib
import dataclasses
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from recipe_helpers import write_recordings

from recipes import recipe as recipe_module
from recipes import start, train_pretrained
from recipes.card import hash_weights
from recipes.recipe import RECIPES, Stage
from sklearn_audiosr import load
from sklearn_audiosr._training import checkpoint
from sklearn_audiosr.networks import HarmonicNoiseNet

# Discriminators learn in the second stage: a training that resumes needs them, too.
STAGES = (Stage(1, 3e-3), Stage(1, 2e-3, "cosine", 0.1))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    return write_recordings(tmp_path_factory.mktemp("recordings"))


@contextlib.contextmanager
def small(name="speech-4x-16k", **changes):
    """Inside, a recipe is small, and each step of a training is kept."""
    changes = {
        "packs": ("speech_multi",), "held_out": ("speech_multi/3",), "stages": STAGES,
        "patch_length": 4000, "batch_size": 3, **changes,
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setitem(RECIPES, name, dataclasses.replace(RECIPES[name], **changes))
        monkeypatch.setattr(
            recipe_module,
            "HarmonicNoiseNet",
            lambda **kw: HarmonicNoiseNet(1, n_slow_blocks=1, width=1 / 16, n_taps=9, **kw),
        )
        monkeypatch.setattr(checkpoint, "SECONDS_WITHIN_EPOCH", 0.0)
        monkeypatch.setattr(checkpoint, "MAX_SHARE", float("inf"))
        yield monkeypatch


def run(monkeypatch, recordings, folder):
    """Run the command, with its model and its work in a folder."""
    arguments = ["--recordings", recordings, "--work", folder / "work", "--out", folder]
    monkeypatch.setattr("sys.argv", ["train_pretrained", "speech-4x-16k", *map(str, arguments)])
    train_pretrained.main()


def watch_steps(monkeypatch, at=None, error=None):
    """Return a list that counts the steps that are kept; the one of number `at` raises an error."""
    steps, save = [], checkpoint.Checkpoint.save_within_epoch

    def watched(self, state):
        save(self, state)
        steps.append(len(steps))
        if len(steps) == at:
            raise error

    monkeypatch.setattr(checkpoint.Checkpoint, "save_within_epoch", watched)
    return steps


@pytest.fixture(scope="module")
def made(recordings, tmp_path_factory):
    """A model that the command has trained without interruption."""
    folder = tmp_path_factory.mktemp("made")
    printed = []
    with small() as monkeypatch:
        steps = watch_steps(monkeypatch)
        monkeypatch.setattr("builtins.print", lambda text, **options: printed.append(text))
        run(monkeypatch, recordings, folder)
    est = load(folder / "speech-4x-16k.safetensors")
    return SimpleNamespace(est=est, folder=folder, n_steps=len(steps), printed=printed)


def test_the_model_has_a_card_with_sources_and_scores(made):
    card = made.est.card_
    assert [json.loads(text) for text in made.printed] == [card]
    # of three recordings, each of a second: the fourth, of "held/out", is held out
    assert card["training recordings"] == ["else/where: CC0", "some/where: CC0"]
    assert card["training audio (hours)"] == round(3 / 3600, 3)
    assert card["recipe"]["stages"] == [dataclasses.asdict(stage) for stage in STAGES]
    assert card["objective"] == "levels"
    methods = ["ideal lowband", "spline", "linear", "highband_gain=0", "highband_gain=1"]
    assert list(card["scores"]) == methods
    assert list(card["panel"]) == methods[1:]
    assert card["panel"]["spline"]["lsd_log10"] == pytest.approx(
        card["scores"]["spline"]["lsd_log10"], abs=1e-4
    )
    assert card["weights (sha256)"] == hash_weights(made.est.network_)
    assert re.fullmatch("[0-9a-f]{40}|unknown", card["recipe's commit"])
    assert card["seeds"] == "stages 1 to 2, variations 0 to 1"
    # scored on the test recordings alone
    assert card["scores"]["spline"]["worst_snr_db"][0] in (
        "speech_multi/4.wav",
        "speech_multi/5.wav",
    )
    assert not list((made.folder / "work").iterdir())


def test_the_model_is_ready_for_use(made):
    assert made.est.upsampling_ratio_ == 4
    assert made.est.sampling_rate == 16000
    assert made.est.warm_start is False
    assert made.est.checkpoint is None
    assert made.est.predict([np.zeros(100)])[0].shape == (400,)


class PowerCutError(Exception):
    pass


def test_an_interrupted_training_goes_on_to_the_same_model(made, recordings, tmp_path):
    stage, kept = (tmp_path / "work" / f"speech-4x-16k.{end}" for end in ("stage1", "checkpoint"))
    n_steps = 0
    with small() as monkeypatch, pytest.raises(PowerCutError):  # between stages
        steps = watch_steps(monkeypatch)
        monkeypatch.setattr(train_pretrained, "adopt_network", raise_power_cut)
        run(monkeypatch, recordings, tmp_path)
    n_steps += len(steps)
    assert stage.exists()
    assert not kept.exists()
    with small(patch_length=2000) as monkeypatch, pytest.raises(SystemExit, match="other settings"):
        run(monkeypatch, recordings, tmp_path)
    with small() as monkeypatch, pytest.raises(PowerCutError):  # inside a stage
        monkeypatch.setattr(train_pretrained, "begin", raise_power_cut)  # stage 1 is kept
        n_steps += len(watch_steps(monkeypatch, 1, PowerCutError()) or "1")
        run(monkeypatch, recordings, tmp_path)
    with small() as monkeypatch, pytest.raises(SystemExit) as stopped:
        n_steps += len(watch_steps(monkeypatch, 1, KeyboardInterrupt()) or "1")
        run(monkeypatch, recordings, tmp_path)
    assert stopped.value.code == 130
    assert kept.exists()
    assert not (tmp_path / "speech-4x-16k.safetensors").exists()
    with small() as monkeypatch:
        steps = watch_steps(monkeypatch)
        run(monkeypatch, recordings, tmp_path)
    assert n_steps + len(steps) == made.n_steps
    est = load(tmp_path / "speech-4x-16k.safetensors")
    assert est.card_["scores"] == made.est.card_["scores"]
    for name, weight in made.est.network_.state_dict().items():
        assert torch.equal(weight, est.network_.state_dict()[name]), name


def raise_power_cut(*_):
    raise PowerCutError


def test_a_model_begins_with_one_of_another_ratio(made, recordings, tmp_path):
    arguments = ["speech-6x-16k", "--recordings", recordings, "--work", tmp_path]
    with small("speech-6x-16k", begin_with="speech-4x-16k"):
        args = train_pretrained.make_parser().parse_args(
            [*map(str, arguments), "--out", str(made.folder)]
        )
        est = train_pretrained.begin_stage(args, RECIPES["speech-6x-16k"], 1, None)
    assert est.upsampling_ratio_ == 6
    assert est.scale_ == made.est.scale_
    assert est.warm_start is True
    assert est.predict([np.zeros(100)])[0].shape == (600,)
    for part in ("blocks", "slow_blocks", "last_blocks"):
        own, given = (getattr(e.network_, part).state_dict() for e in (est, made.est))
        assert all(torch.equal(own[name], given[name]) for name in given)
    # and knows more than one that begins anew
    with small("speech-6x-16k", begin_with=None):
        fresh = train_pretrained.begin_stage(args, RECIPES["speech-6x-16k"], 1, None)
    torch.testing.assert_close(fresh.network_.linear.filters, est.network_.linear.filters)
    assert not torch.equal(fresh.network_.last.weight, est.network_.last.weight)


def test_a_start_is_the_model_in_the_folder_or_else_the_one_that_ships(made, tmp_path, monkeypatch):
    monkeypatch.setattr(start, "load_pretrained", lambda name: f"shipped {name}")
    recipe = dataclasses.replace(RECIPES["speech-6x-16k"], begin_with="speech-4x-16k")
    assert start.find_start(recipe, made.folder).card_ == made.est.card_
    assert start.find_start(recipe, tmp_path) == "shipped speech-4x-16k"
    assert start.find_start(dataclasses.replace(recipe, begin_with=None), made.folder) is None
