"""Checkpoints as files: where they may be, what they hold, when they are written."""

import io
import os
import pickle
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from interruptions import (
    PowerCutError,
    interrupt,
    keep_two_epochs,
    name_checkpoint,
    resolver,
    save_after_every_epoch,
    watch_losses,
)
from resolvers import make_pairs, small_resolver

from sklearn_audiosr._training.checkpoint import Checkpoint
from sklearn_audiosr.networks import AudioUNet

DATA = Path(__file__).parent / "data"

pairs = pytest.fixture(scope="module")(make_pairs)
saved = pytest.fixture(autouse=True)(save_after_every_epoch)
path = pytest.fixture(name_checkpoint)
interruption = pytest.fixture(watch_losses)


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


@pytest.mark.parametrize("name", [".", "missing/fit.ckpt"])
def test_folder_must_exist_and_be_none(pairs, tmp_path, name):
    with pytest.raises(ValueError, match=r"checkpoint must name a file in a folder .* make the"):
        resolver(checkpoint=tmp_path / name).fit(*pairs)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["", ".", "..", "/"])
def test_what_has_no_name_is_no_file(pairs, path, name, monkeypatch):
    monkeypatch.chdir(path.parent)
    with pytest.raises(ValueError, match=rf"must name a file .* exists, got '{name}': make the"):
        resolver(checkpoint=name).fit(*pairs)


@pytest.mark.parametrize(
    "name",
    [
        "a" * 300,
        "a" * 253,  # as long as a file's name may be, until ".part" is appended
        "a\0b",
        pytest.param(
            "/proc/fit.ckpt",  # where not even root may write
            marks=pytest.mark.skipif(not os.path.isdir("/proc"), reason="there is no /proc"),
        ),
    ],
)
def test_what_cannot_be_written_is_found_before_training(pairs, path, name, interruption):
    interruption.plan(None)
    est = resolver(checkpoint=path.with_name("ok")).fit(*pairs)
    loss_curve, n_calls = list(est.loss_curve_), interruption.n_calls
    est.set_params(checkpoint=os.path.join(path.parent, name))
    with pytest.raises(ValueError, match=r"a folder that can be written to, got '.*' \(.*\): name"):
        est.fit(*pairs)
    assert interruption.n_calls == n_calls
    assert est.loss_curve_ == loss_curve
    assert os.listdir(path.parent) == []


def test_a_folder_of_another_s(pairs, path, monkeypatch):
    """Permissions are nothing to root, who may run the tests."""

    def refuse(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(ValueError, match=r"can be written to, got '.*' \(.*Permission denied"):
        resolver(checkpoint=path).fit(*pairs)


def test_a_fit_deletes_its_file_before_the_next_one_in_line_writes(pairs, path, monkeypatch):
    """Also if it takes its time."""
    save, remove, saved = Checkpoint.save, Checkpoint.remove, threading.Event()

    def save_and_stop(checkpoint, state):
        save(checkpoint, state)
        if threading.current_thread() is second:
            saved.set()
            raise PowerCutError

    def remove_slowly(checkpoint):
        second.start()
        saved.wait(timeout=1)
        remove(checkpoint)

    def be_interrupted():
        with pytest.raises(PowerCutError):
            resolver(checkpoint=path).fit(*pairs)

    second = threading.Thread(target=be_interrupted)
    monkeypatch.setattr(Checkpoint, "save", save_and_stop)
    monkeypatch.setattr(Checkpoint, "remove", remove_slowly)
    resolver(checkpoint=path, max_epochs=1).fit(*pairs)
    second.join()
    assert saved.is_set()
    assert os.listdir(path.parent) == ["fit.ckpt"]


@pytest.mark.parametrize("checkpoint", [3, True, ["a"]])
def test_checkpoint_must_be_a_path(pairs, checkpoint):
    with pytest.raises(ValueError, match="'checkpoint' parameter of AudioSuperResolver must be"):
        resolver(checkpoint=checkpoint).fit(*pairs)


# Files that are no checkpoint


@pytest.fixture(scope="module")
def kept_content(pairs, tmp_path_factory):
    return keep_two_epochs(tmp_path_factory.mktemp("kept") / "fit.ckpt", pairs)


@pytest.fixture
def kept(kept_content, path):
    """A checkpoint of two epochs."""
    path.write_bytes(kept_content)
    return path


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


def test_checkpoint_of_an_earlier_version(pairs, path):
    """One that a fit of format 2 left: its fingerprint says other things of the same fit."""
    shutil.copy(DATA / "format_2.ckpt", path)
    content = path.read_bytes()
    network = AudioUNet(n_blocks=1, width=1 / 64)
    est = small_resolver(network=network, checkpoint=path)
    with pytest.raises(
        ValueError, match=r"must have format 3, got 2, of another version .* delete"
    ):
        est.fit(*pairs)
    assert path.read_bytes() == content
    path.unlink()
    assert est.fit(*pairs).n_iter_ == 3


# When a state is kept


class Clock:
    """Time goes on only where a test lets it."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


def test_saving_takes_a_tenth_of_the_time_at_most(path, monkeypatch):
    monkeypatch.setattr("sklearn_audiosr._training.checkpoint.MAX_SHARE", 0.1)
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
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
