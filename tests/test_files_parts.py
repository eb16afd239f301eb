"""Part files: killed writers leave one, the next removes it, and never that of a living writer."""

import errno
import os
import signal
from pathlib import Path

import pytest
from sound_files import enter_folder, names, noise, read, spline, write

from sklearn_audiosr import load, upsample_file
from sklearn_audiosr._files import parts
from sklearn_audiosr._files.writing import complete_file

folder = pytest.fixture(enter_folder)

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")


def kill_a_writer(target):
    """Let a process of its own be killed while it writes."""
    child = os.fork()
    if child == 0:
        with complete_file(target, "target") as temporary:
            temporary.write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


@needs_fork
@pytest.mark.parametrize("target", ["wide.wav", "a.b.part", "\u00e9" * 120 + ".wav", "-.wav"])
def test_what_a_killed_writer_left_is_removed_by_the_next(target, folder):
    Path(target).write_text("old")
    kill_a_writer(target)
    kill_a_writer(target)
    left = [name for name in names(folder) if name != target]
    assert len(left) == 1  # the second writer removed what the first left
    assert all(name.startswith(f".{target[:8]}") and name.endswith(".part") for name in left)
    assert Path(target).read_text() == "old"
    with complete_file(target, "target") as temporary:
        assert names(folder) == sorted([temporary.name, target])
        temporary.write_text("new")
    assert names(folder) == [target]
    assert Path(target).read_text() == "new"


@needs_fork
def test_upsampling_and_saving_remove_what_was_left(folder):
    write("narrow.wav", noise(1, 100))
    for target in ("wide.wav", "a.safetensors"):
        kill_a_writer(target)
    upsample_file(spline(), "narrow.wav", "wide.wav")
    spline().save("a.safetensors")
    assert names(folder) == ["a.safetensors", "narrow.wav", "wide.wav"]
    assert read("wide.wav").shape == (1, 200)
    assert load("a.safetensors").upsampling_ratio_ == 2


@needs_fork
def test_what_was_left_of_another_target_or_machine_stays(folder, monkeypatch):
    kill_a_writer("wide.flac")
    with monkeypatch.context() as patch:
        patch.setattr(parts.platform, "node", lambda: "another")
        kill_a_writer("wide.wav")
    left = names(folder)
    assert len(left) == 2
    with complete_file("wide.wav", "target") as temporary:
        temporary.touch()
    assert names(folder) == sorted([*left, "wide.wav"])


def test_writers_of_one_target_leave_each_other_alone(folder):
    with complete_file("a", "target") as first:
        with complete_file("a", "target") as second:
            assert names(folder) == sorted([first.name, second.name])
            second.write_text("2")
        assert Path("a").read_text() == "2"
        first.write_text("1")
    assert Path("a").read_text() == "1"
    assert names(folder) == ["a"]


def test_spellings_of_one_name_have_one_mark(folder):
    """On file systems that ignore case or normalise letters they are one file."""
    target = parts.PartFile(folder / "\u00e9A.wav").path.name.split(".")[-3]
    assert parts.PartFile(folder / "e\u0301a.WAV").path.name.split(".")[-3] == target
    assert parts.PartFile(folder / "ea.wav").path.name.split(".")[-3] != target


@pytest.mark.skipif(parts.fcntl is None, reason="Windows needs no lock")
@pytest.mark.parametrize("missing", ["locks", "writing beside a lock"])
def test_without_locks_that_help_a_part_file_has_no_mark(missing, folder, monkeypatch):
    """Some network file systems have no locks; those of SMB stop other descriptors."""

    def fail(*_):
        raise OSError(95, "Operation not supported")

    def open_unlocked(path, mode):
        return fail() if mode == "r+b" else open(path, mode)

    with monkeypatch.context() as patch:
        if missing == "locks":
            patch.setattr(parts.fcntl, "flock", fail)
        else:
            patch.setattr(parts, "open", open_unlocked, raising=False)
        with complete_file("a", "target") as first:
            first.write_text("1")
            assert names(folder) == [first.name]
            with complete_file("a", "target") as second:
                second.write_text("2")
                assert names(folder) == sorted([first.name, second.name])
            patch.undo()
            with complete_file("a", "target") as third:
                third.write_text("3")
                assert names(folder) == sorted(["a", first.name, third.name])
    assert Path("a").read_text() == "1"
    assert names(folder) == ["a"]


def test_on_windows_files_that_are_open_are_not_renamed_or_removed(folder, monkeypatch):
    """By simulation: without locks, and with the refusals of Windows."""
    monkeypatch.setattr(parts, "fcntl", None)
    unlink, replace, opened = Path.unlink, os.replace, []

    class Watched(parts.PartFile):
        def open(self):
            super().open()
            opened.append(self)

    def check(path):
        if any(part.path == path and not part._file.closed for part in opened):
            raise PermissionError(13, "used by another process", str(path))

    monkeypatch.setattr("sklearn_audiosr._files.writing.PartFile", Watched)
    monkeypatch.setattr(Path, "unlink", lambda path, **kw: check(path) or unlink(path, **kw))
    monkeypatch.setattr(os, "replace", lambda old, new: check(old) or replace(old, new))
    dead = parts.PartFile(folder / "a").path
    dead.write_text("half")
    with complete_file("a", "target") as first:
        assert names(folder) == [first.name]
        first.write_text("1")
        with complete_file("a", "target") as second:
            second.write_text("2")
        assert names(folder) == sorted(["a", first.name])
    assert Path("a").read_text() == "1"
    with pytest.raises(ZeroDivisionError), complete_file("a", "target"):
        raise ZeroDivisionError
    assert names(folder) == ["a"]


def test_a_second_signal_does_not_stop_the_removal(folder, monkeypatch):
    remove, n_calls = parts.PartFile.remove, []

    def interrupted(part):
        n_calls.append(part)
        if len(n_calls) == 1:
            raise KeyboardInterrupt
        remove(part)

    monkeypatch.setattr(parts.PartFile, "remove", interrupted)
    with pytest.raises(KeyboardInterrupt), complete_file("a", "target") as temporary:
        temporary.write_text("half")
        raise SystemExit(129)
    assert names(folder) == []


def test_a_read_only_disk_names_the_target(folder, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), os.fspath(self))

    monkeypatch.setattr(parts.PartFile, "open", lambda self: refuse(self.path))
    monkeypatch.setattr(Path, "unlink", refuse)  # as Linux does, also where there is nothing
    with pytest.raises(OSError, match="Read-only") as caught, complete_file("a.wav", "target"):
        pass
    assert caught.value.filename == "a.wav"
