"""`upsample` of the command line from standard input and to standard output."""

import io
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from commands import SPLINE, enter_folder, names, noise, read, run, spline, write

from sklearn_audiosr import upsample_file
from sklearn_audiosr._command_line import program
from sklearn_audiosr._files import parts
from sklearn_audiosr._files.descriptors import find_descriptor

folder = pytest.fixture(enter_folder)

on_unix = pytest.mark.skipif(os.name == "nt", reason="Windows has no /dev")


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    """Put temporary files into a folder, and look there in the end."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    yield tmp_path / "scratch"
    assert list((tmp_path / "scratch").glob("sklearn-audiosr-*")) == []


@pytest.fixture
def feed():
    """Return a function that puts bytes, or an open file, on standard input."""
    kept = os.dup(0)
    threads = []

    def start(content):
        reading, writing = os.pipe()
        os.dup2(reading, 0)
        os.close(reading)
        threads.append(threading.Thread(target=_write, args=(writing, content)))
        threads[-1].start()

    yield start
    os.dup2(kept, 0)
    os.close(kept)
    for thread in threads:
        thread.join()


def _write(descriptor, content):
    with open(descriptor, "wb") as file:
        file.write(content)


def decode(content):
    clip, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    return clip.T, rate


@pytest.mark.parametrize(
    "target", ["-", *[pytest.param(f"/dev/{name}", marks=on_unix) for name in ("stdout", "fd/1")]]
)
def test_sound_goes_to_standard_output_alone(target, folder, capfdbinary):
    assert run("upsample", "in.wav", target, *SPLINE) == 0
    printed = capfdbinary.readouterr()
    clip, rate = decode(printed.out)
    assert rate == 16000
    np.testing.assert_allclose(clip, spline().predict([read("in.wav")])[0], atol=1e-6)
    shown = "standard output" if target == "-" else target
    assert printed.err.decode().startswith(f"{shown}: 16000 Hz, 0.50 s, stereo, FLOAT; by spline")
    assert names(folder) == ["in.wav"]


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3"])
@pytest.mark.parametrize(
    "source", ["-", *[pytest.param(f"/dev/{name}", marks=on_unix) for name in ("stdin", "fd/0")]]
)
def test_sound_comes_from_standard_input(source, suffix, folder, feed, capfd):
    soundfile.write(f"narrow.{suffix}", noise(4000), 8000)
    feed(Path(f"narrow.{suffix}").read_bytes())
    assert run("upsample", source, "out.wav", *SPLINE, "--json") == 0
    shown = "standard input" if source == "-" else source
    assert json.loads(capfd.readouterr().out)["source"] == shown
    expected = spline().predict([read(f"narrow.{suffix}")])[0]
    np.testing.assert_allclose(read("out.wav"), expected, atol=2**-14)


@pytest.mark.parametrize(
    ("file_format", "size"),
    [
        *[("WAV", size) for size in (0, 0x7FFFF000, 0x80000000, 0xFFFFFFFF)],
        *[("AU", size) for size in (0, 0xFFFFFFFF)],
        *[("AIFF", size) for size in (0, 0x7F000008)],
    ],
)
def test_standard_input_need_not_have_a_length(file_format, size, folder, feed, capfd):
    """As ffmpeg and sox write it; a file of that kind would be a crashed recorder's."""
    soundfile.write("narrow", noise(4000), 8000, format=file_format)
    content = Path("narrow").read_bytes()
    mark = {"WAV": b"data", "AU": b".snd", "AIFF": b"SSND"}[file_format]
    place = content.index(mark) + (8 if file_format == "AU" else 4)
    number = struct.pack("<I" if file_format == "WAV" else ">I", size)
    feed(content[:place] + number + content[place + 4 :])
    assert run("upsample", "-", "out.wav", *SPLINE, "--strict", "--quiet") == 0
    assert capfd.readouterr().err == ""
    assert soundfile.info("out.wav").frames == 8000


def test_both_in_one_pipe_and_in_another_format(folder, feed, capfdbinary):
    feed(Path("in.wav").read_bytes())
    assert run("upsample", "-", *SPLINE, "--suffix=.flac", "--quiet", "-") == 0
    printed = capfdbinary.readouterr()
    assert (printed.out[:4], printed.err) == (b"fLaC", b"")
    clip, _ = decode(printed.out)
    np.testing.assert_allclose(clip, spline().predict([read("in.wav")])[0], atol=2**-14)


@on_unix
def test_output_that_was_redirected_into_a_file_is_appended_to(folder, capfd):
    """Another file of that name in its place would leave the shell's without sound."""
    with open("out.wav", "wb") as file:
        assert run("upsample", "in.wav", f"/dev/fd/{file.fileno()}", *SPLINE) == 0
        assert os.fstat(file.fileno()).st_ino == os.stat("out.wav").st_ino
    assert read("out.wav").shape == (2, 8000)


def test_what_is_wrong_with_a_source_is_told_with_its_name(folder, feed, capfd):
    feed(b"no sound, but words")
    assert run("upsample", "-", "-", *SPLINE) == 1
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "Error opening 'standard input'" in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-", "--output-folder=out"], "- has no name for a target in a folder: pass SOURCE TAR"),
        pytest.param(
            ["in.wav", "/dev/stderr"], "/dev/stderr has the messages of the program", marks=on_unix
        ),
        pytest.param(
            ["in.wav", "/dev/fd/987"], "/dev/fd/987 can't be written to (Bad file", marks=on_unix
        ),
        pytest.param(["/dev/fd/987", "-"], "/dev/fd/987 is closed: pipe a sound", marks=on_unix),
        pytest.param(
            ["in.wav", "/dev/null"], "must be a file, got /dev/null, a pipe or a device",
            marks=on_unix,
        ),
    ],
)  # fmt: skip
def test_descriptors_that_can_not_be_are_refused_before_work(arguments, message, folder, capfd):
    assert run("upsample", *arguments, *SPLINE) == 1
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert message in printed.err


@on_unix
def test_terminals_neither_give_nor_take_sound(folder, capfd):
    controller, terminal = os.openpty()
    try:
        assert run("upsample", "in.wav", f"/dev/fd/{terminal}", *SPLINE) == 1
        assert (
            f"/dev/fd/{terminal} is a terminal: redirect it into a file" in capfd.readouterr().err
        )
        assert run("upsample", f"/dev/fd/{terminal}", "out.wav", *SPLINE) == 1
        assert "is a terminal or a device: pipe a sound file into it" in capfd.readouterr().err
    finally:
        os.close(controller)
        os.close(terminal)


def test_reader_of_the_sound_that_has_gone(folder, capfd, monkeypatch):
    monkeypatch.setattr(program, "_silence_stdout", lambda: None)  # pytest needs its own
    reading, writing = os.pipe()
    os.close(reading)
    kept = os.dup(1)
    os.dup2(writing, 1)
    try:
        assert run("upsample", "in.wav", "-", *SPLINE, "--quiet") == 1
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(writing)
    assert capfd.readouterr().err == ""


def test_a_failure_passes_nothing_on(folder, capfdbinary):
    write("nan.wav", np.full((1, 9), np.nan))
    assert run("upsample", "nan.wav", "-", *SPLINE) == 1
    printed = capfdbinary.readouterr()
    assert printed.out == b""
    assert b"must hold finite values" in printed.err


@on_unix
@pytest.mark.parametrize("target", ["/dev/stdout", "/dev/fd/1", "link.wav"])
def test_python_functions_refuse_what_would_be_half_a_file(target, folder):
    os.symlink("/dev/stdout", "link.wav")
    with pytest.raises(
        ValueError, match=f"target must be a file, got {target}, a pipe or a device"
    ):
        upsample_file(spline(), "in.wav", target)


@on_unix
def test_paths_that_name_descriptors(folder):
    os.symlink("/dev/stdin", "a")
    os.symlink("a", "b")
    os.symlink("loop", "loop")
    paths = ["/dev/stdout", "/dev/fd/7", f"/proc/{os.getpid()}/fd/3", "b", "loop", "in.wav", "/dev"]
    assert [find_descriptor(path) for path in paths] == [1, 7, 3, 0, None, None, None]
    assert find_descriptor("/dev/fd/../fd/1") == 1
    assert find_descriptor("-") is None


@pytest.mark.skipif(parts.fcntl is None, reason="Windows has no such locks, and no SIGKILL")
def test_what_a_killed_process_left_is_removed_by_the_next(folder, scratch, feed, capfdbinary):
    content = Path("in.wav").read_bytes()
    process = subprocess.Popen(
        [sys.executable, "-m", "sklearn_audiosr", "upsample", "-", "-", *SPLINE],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    process.stdin.write(content)
    process.stdin.flush()
    deadline = time.monotonic() + 300
    while not list(scratch.glob("sklearn-audiosr-*/input")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (left,) = scratch.iterdir()
    feed(content)
    assert run("upsample", "-", "-", *SPLINE) == 0  # the other process lives
    assert list(scratch.iterdir()) == [left]
    process.kill()
    process.wait()
    process.stdin.close()
    (scratch / "sklearn-audiosr-of-another").mkdir()
    with parts.temporary_folder() as living:
        assert names_in(scratch) == sorted([living.name, "sklearn-audiosr-of-another"])
        left.mkdir()
        feed(content)
        assert run("upsample", "-", "-", *SPLINE) == 0
        assert names_in(scratch) == sorted([living.name, "sklearn-audiosr-of-another"])
    (scratch / "sklearn-audiosr-of-another").rmdir()


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("missing", ["locks of this system", "locks of the file system"])
def test_without_locks_no_folder_is_removed(missing, folder, scratch, monkeypatch):
    def fail(*_):
        raise OSError(95, "Operation not supported")

    with monkeypatch.context() as patch:
        if missing == "locks of this system" or parts.fcntl is None:
            patch.setattr(parts, "fcntl", None)
        else:
            patch.setattr(parts.fcntl, "flock", fail)
        with parts.temporary_folder() as first, parts.temporary_folder() as second:
            patch.undo()
            with parts.temporary_folder() as third:
                assert names_in(scratch) == sorted([first.name, second.name, third.name])
    assert names_in(scratch) == []
