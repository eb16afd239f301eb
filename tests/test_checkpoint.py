"""Checkpoints: an interrupted fit goes on as if it had never stopped; no other fit does."""

import io
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from resolvers import make_pairs, small_resolver, weights

from sklearn_audiosr import DNNBandwidthExtender, _checkpoint, _objectives
from sklearn_audiosr._checkpoint import Checkpoint
from sklearn_audiosr._noise_models import GaussianNoise
from sklearn_audiosr.networks import AudioUNet
from sklearn_audiosr.networks._dnn_module import HighbandDNN

TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def pairs():
    return make_pairs()


@pytest.fixture(autouse=True)
def saved_after_every_epoch(monkeypatch):
    monkeypatch.setattr(_checkpoint, "_SHARE", float("inf"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fit.ckpt"


class PowerCutError(Exception):
    """What ends a fit as a crash would."""


class Interruption:
    """The loss of training, which raises an error at one call and counts its calls."""

    def __init__(self, monkeypatch):
        self.n_calls, self.at_call, self.error = 0, None, PowerCutError
        rmse, dnn_loss = _objectives.rmse, HighbandDNN.loss
        monkeypatch.setitem(_objectives.OBJECTIVES, "rmse", self._watch(rmse))
        monkeypatch.setattr(HighbandDNN, "loss", self._watch(dnn_loss))

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


@pytest.fixture
def interruption(monkeypatch):
    return Interruption(monkeypatch)


# 5 clips of 4096 timepoints in patches of 512: 40 patches, 3 steps an epoch
IN_EPOCH_3 = 2 * 3 + 2


def resolver(**parameters):
    """With all that a training must find again: dropout, statistics, held-out clips."""
    network = AudioUNet(n_blocks=2, width=1 / 16, layout="paper", dropout=0.2)
    return small_resolver(**{"network": network, "max_epochs": 5, **parameters})


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
    expected = resolver().fit(*pairs)
    for at_call in (4, 3, 5, 7):  # in epochs 2, 2, 3, 5
        interrupt(resolver(checkpoint=path), pairs, interruption, at_call)
    assert_same_fit(resolver(checkpoint=path).fit(*pairs), expected)
    assert interruption.n_calls == 3


def test_checkpoint_changes_nothing_in_a_fit_that_is_not_interrupted(pairs, path):
    est = resolver(checkpoint=path).fit(*pairs)
    assert_same_fit(est, resolver().fit(*pairs))
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


def test_warm_start_goes_on_too(pairs, path, interruption):
    first = resolver(warm_start=True, max_epochs=2, learning_rate=1e-4).fit(*pairs)
    stored = pickle.dumps(first)
    expected = pickle.loads(stored).fit(*pairs)
    assert expected.n_iter_ == 4
    est = pickle.loads(stored).set_params(checkpoint=path)
    interrupt(est, pairs, interruption, at_call=5)
    assert torch.equal(weights(est), weights(first))  # the failed fit left it as it was
    est = pickle.loads(stored).set_params(checkpoint=path).fit(*pairs)
    assert interruption.n_calls == 3
    assert_same_fit(est, expected)


def test_warm_start_of_other_weights_is_another_fit(pairs, path, interruption):
    first, other = (
        resolver(warm_start=True, max_epochs=2, learning_rate=rate).fit(*pairs)
        for rate in (1e-4, 2e-4)
    )
    interrupt(first.set_params(checkpoint=path), pairs, interruption, at_call=5)
    other.set_params(checkpoint=path, learning_rate=1e-4)
    with pytest.raises(ValueError, match=r"earlier epochs 2 \(weights \w+\), got 2 \(weights \w+"):
        other.fit(*pairs)
    other.set_params(warm_start=False)
    with pytest.raises(ValueError, match="by a fit with warm_start True, got False"):
        other.fit(*pairs)


def test_best_weights_may_be_those_of_a_kept_epoch(pairs, path, interruption):
    """Also those that a warm start began with, before the first epoch."""
    first = resolver(warm_start=True, max_epochs=8).fit(*pairs)
    first.set_params(learning_rate=0.3, max_epochs=3, checkpoint=path)
    stored = pickle.dumps(first)
    interrupt(first, pairs, interruption, at_call=8)
    est = pickle.loads(stored).fit(*pairs)
    assert interruption.n_calls == 3
    assert max(est.validation_scores_[8:]) < max(est.validation_scores_[:8])
    assert torch.equal(weights(est), weights(first))


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
from sklearn_audiosr import _checkpoint
from test_checkpoint import resolver

_checkpoint._SHARE = float("inf")
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
    assert_same_fit(est, resolver().fit(*pairs))
    assert os.listdir(path.parent) == []


def test_half_written_file_counts_for_nothing(pairs, path):
    partial = path.with_name("fit.ckpt.part")
    partial.write_bytes(b"half")
    assert_same_fit(resolver(checkpoint=path).fit(*pairs), resolver().fit(*pairs))
    assert not partial.exists()


def test_ctrl_c_leaves_the_file_and_an_estimator(pairs, path, interruption):
    expected = resolver().fit(*pairs)
    est = resolver(checkpoint=path)
    interruption.plan(IN_EPOCH_3, KeyboardInterrupt)
    with pytest.warns(UserWarning, match="after 2 complete epochs.* goes on from the checkpoint"):
        est.fit(*pairs)
    assert est.loss_curve_ == expected.loss_curve_[:2]
    assert est.predict(pairs[0]).shape == pairs[1].shape
    assert path.is_file()
    interruption.plan(None)
    est.fit(*pairs)
    assert interruption.n_calls == 9
    assert_same_fit(est, expected)
    assert not path.exists()


def test_ctrl_c_without_a_checkpoint_names_the_other_way_on(pairs, interruption):
    interruption.plan(IN_EPOCH_3, KeyboardInterrupt)
    with pytest.warns(UserWarning, match="Set warm_start=True and fit again to go on"):
        resolver().fit(*pairs)


@pytest.mark.parametrize("kind", [str, Path, os.fspath])
def test_path_may_be_of_any_kind(pairs, path, kind, interruption):
    est = resolver(checkpoint=kind(path))
    interrupt(est, pairs, interruption)
    assert path.is_file()
    assert est.fit(*pairs).n_iter_ == 5
    assert not path.exists()


def test_relative_path(pairs, path, interruption, monkeypatch):
    monkeypatch.chdir(path.parent)
    interrupt(resolver(checkpoint="here"), pairs, interruption)
    assert os.listdir() == ["here"]


# What may differ, and what may not


@pytest.fixture(scope="module")
def kept_content(pairs, tmp_path_factory):
    path = tmp_path_factory.mktemp("kept") / "fit.ckpt"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(_checkpoint, "_SHARE", float("inf"))
        interrupt(resolver(checkpoint=path), pairs, Interruption(monkeypatch))
    return path.read_bytes()


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
    est = resolver(checkpoint=kept, max_epochs=1).fit(*pairs)
    assert interruption.n_calls == 0
    assert_same_fit(est, resolver(max_epochs=2).fit(*pairs))


def test_objects_are_told_apart_by_what_they_show(pairs, path, interruption):
    def first(prediction, target, mask):
        if interruption.n_calls == 0:
            interruption.n_calls = 1
            return prediction.abs().mean()
        raise PowerCutError

    def second(prediction, target, mask):
        return prediction.abs().mean()

    one_step = {"checkpoint": path, "batch_size": 64}
    with pytest.raises(PowerCutError):
        resolver(objective=first, **one_step).fit(*pairs)
    assert path.exists()
    with pytest.raises(ValueError, match=r"with objective \S+<locals>.first, got \S+.second"):
        resolver(objective=second, **one_step).fit(*pairs)


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_random_state_must_be_an_integer(pairs, path, random_state):
    with pytest.raises(ValueError, match=r"checkpoint needs an integer random_state, got .* Pass"):
        resolver(checkpoint=path, random_state=random_state).fit(*pairs)
    assert os.listdir(path.parent) == []


# Files that are no checkpoint


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def cut(content, folder):
    return content[: len(content) // 2]


def damage(content, folder):
    """One bit of one weight."""
    state = torch.load(io.BytesIO(content), weights_only=True)["state"]
    weight = max(state["network"].values(), key=torch.numel).numpy().tobytes()
    at = content.index(weight) + len(weight) // 2
    return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]


def pickled_bomb(content, folder):
    return pickle.dumps(Bomb(folder))


def torch_bomb(content, folder):
    file = Path(folder).with_name("made")
    torch.save({"format": 1, "fingerprint": {}, "state": Bomb(folder)}, file)
    return file.read_bytes()


def archive(content, folder):
    file = Path(folder).with_name("made.npz")
    np.savez(file, a=np.zeros(3))
    return file.read_bytes()


def other_torch_file(content, folder):
    file = Path(folder).with_name("made")
    torch.save(torch.nn.Linear(2, 2).state_dict(), file)
    return file.read_bytes()


@pytest.mark.parametrize(
    "make",
    [
        cut,
        damage,
        pickled_bomb,
        torch_bomb,
        archive,
        other_torch_file,
        lambda content, folder: b"",
        lambda content, folder: b"import numpy as np\n",
        lambda content, folder: b"RIFF\x24\x00\x00\x00WAVEfmt ",
    ],
)
def test_file_that_is_no_checkpoint(pairs, kept, tmp_path, make):
    folder = tmp_path / "exploded"
    content = make(kept.read_bytes(), str(folder))
    kept.write_bytes(content)
    est = resolver(checkpoint=kept)
    with pytest.raises(ValueError, match=r"fit.ckpt' must be a file that an interrupted .* delete"):
        est.fit(*pairs)
    assert not folder.exists()
    assert kept.read_bytes() == content


@pytest.mark.parametrize("name", [".", "missing/fit.ckpt"])
def test_folder_must_exist_and_be_none(pairs, tmp_path, name):
    with pytest.raises(ValueError, match=r"checkpoint must name a file in a folder .* make the"):
        resolver(checkpoint=tmp_path / name).fit(*pairs)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("checkpoint", [3, True, ["a"]])
def test_checkpoint_must_be_a_path(pairs, checkpoint):
    with pytest.raises(ValueError, match="'checkpoint' parameter of AudioSuperResolver must be"):
        resolver(checkpoint=checkpoint).fit(*pairs)


# When a state is kept


class Clock:
    """Time goes on only where a test lets it."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


def test_saving_takes_a_tenth_of_the_time_at_most(path, monkeypatch):
    monkeypatch.setattr(_checkpoint, "_SHARE", 0.1)
    clock = Clock()
    monkeypatch.setattr(_checkpoint, "time", SimpleNamespace(monotonic=clock.monotonic))
    checkpoint = Checkpoint(path, {})
    saved, seconds_to_save = [], {0: 2, 20: 5}

    def collect(epoch):
        saved.append(epoch)
        clock.now += seconds_to_save.get(epoch, 0)
        return {"epoch": epoch}

    for epoch in range(73):  # of one second each
        checkpoint.save(lambda epoch=epoch: collect(epoch))
        clock.now += 1
    assert saved == [0, 20, 70, 71, 72]  # 20 s after the 2, 50 after the 5
    assert checkpoint.load() == {"epoch": 72}


def test_first_epoch_is_always_kept(pairs, path, interruption, monkeypatch):
    monkeypatch.setattr(_checkpoint, "_SHARE", 1e-9)  # and no other
    expected = resolver().fit(*pairs)
    interrupt(resolver(checkpoint=path), pairs, interruption)
    assert_same_fit(resolver(checkpoint=path).fit(*pairs), expected)
    assert interruption.n_calls == 4 * 3


def test_state_comes_back_as_it_was(path):
    state = {"weights": {"a": torch.randn(3)}, "seed": {"state": 2**127 + 1}, "losses": [0.1, -1e9]}
    Checkpoint(path, {"learning_rate": "0.1"}).save(lambda: state)
    loaded = Checkpoint(path, {"learning_rate": "0.1"}).load()
    assert torch.equal(loaded["weights"].pop("a"), state["weights"].pop("a"))
    assert loaded == state
    with pytest.raises(ValueError, match="by a fit with momentum unknown, got 1"):
        Checkpoint(path, {"momentum": "1"}).load()
    assert Checkpoint(path.with_name("none"), {}).load() is None


def test_a_full_disk_does_not_cost_the_training(pairs, tmp_path, monkeypatch):
    path, complete = tmp_path / "fit.checkpoint", small_resolver(max_epochs=4).fit(*pairs)
    save, n_saves = torch.save, []

    def fill_the_disk(content, file):
        n_saves.append(file)
        if len(n_saves) == 3:
            Path(file).write_bytes(b"half a file")
            raise OSError(28, "No space left on device")
        save(content, file)

    monkeypatch.setattr(torch, "save", fill_the_disk)
    with pytest.warns(UserWarning, match="could not be written.*No space left"):
        est = small_resolver(max_epochs=4, checkpoint=path).fit(*pairs)
    assert len(n_saves) == 3
    assert est.loss_curve_ == complete.loss_curve_
    assert list(tmp_path.iterdir()) == []


def test_numbers_of_numpy_are_the_same_parameters():
    plain = _checkpoint.describe_parameters({"random_state": 0, "learning_rate": 1e-4})
    numpy = {"random_state": np.int64(0), "learning_rate": np.float64(1e-4)}
    assert _checkpoint.describe_parameters(numpy) == plain
