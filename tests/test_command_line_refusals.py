"""`upsample` of the command line: what is refused before any work."""

import errno
import os
import tempfile
from pathlib import Path

import pytest
from commands import SPLINE, enter_folder, last_line, noise, read, refused, run, write

from sklearn_audiosr import SplineUpsampler
from sklearn_audiosr._command_line import problems, upsample
from sklearn_audiosr._estimators.saving import save_estimator
from sklearn_audiosr._files.names import find_key

folder = pytest.fixture(enter_folder)


def test_target_that_exists_is_refused_before_any_work(folder, capsys, monkeypatch):
    write("b.wav", noise(1, 100))
    (folder / "out").mkdir()
    (folder / "out" / "b.wav").write_text("precious")
    arguments = ("in.wav", "b.wav", "--output-folder=out", *SPLINE)
    with monkeypatch.context() as patch:
        patch.delattr(upsample, "open_estimator")
        (message,) = refused(folder, capsys, *arguments)
    assert message == "out/b.wav exists: pass --force to replace it"
    assert run("upsample", *arguments, "--force") == 0
    assert read("out/b.wav").shape == (1, 200)


def test_all_problems_are_told_at_once(folder, capsys):
    (folder / "words.wav").write_text("no sound")
    (folder / "sub").mkdir()
    messages = refused(
        folder, capsys, "in.wav", "gone.wav", "words.wav", "sub", "--output-folder=out"
    )
    assert messages[0] == "gone.wav does not exist: check the path"
    assert "words.wav" in messages[1]
    assert messages[2] == f"sub is a folder: name the files in it, as {Path('sub', '*.wav')} does"
    assert len(messages) == 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_pipe_is_refused_unread(folder, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe.wav")
    (message,) = refused(folder, capsys, tmp_path / "pipe.wav", "out.wav", *SPLINE)
    assert message.endswith("pipe.wav is a pipe or a device: write it to a file first")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("in.wav", "in.wav is the source: give the target another name"),
        (".", ". is a folder: add a name, or pass --output-folder ."),
        ("gone/out.wav", "target must lie in a folder that exists, got gone/out.wav"),
        ("out.sound", "target must have the suffix of a sound file that holds any rate, got 'out"),
    ],
)
def test_targets_that_can_not_be(target, message, folder, capsys):
    (printed,) = refused(folder, capsys, "in.wav", target, "--force", *SPLINE)
    assert printed.startswith(message)


def test_all_that_is_wrong_with_files_is_told_at_once(folder, capsys):
    write("many.wav", noise(65, 100))
    write("none.wav", noise(1, 0))
    Path("text.wav").write_text("no sound")
    sources = ("many.wav", "none.wav", "text.wav", "in.wav")
    messages = refused(folder, capsys, *sources, "--output-folder=out", *SPLINE)
    starts = ("many.wav has 65 channels", "none.wav has no timepoint", "Error opening 'text.wav'")
    assert len(messages) == 3
    assert all(map(str.startswith, messages, starts))
    messages = refused(folder, capsys, "in.wav", "--output-folder=out", "--suffix=.sound", *SPLINE)
    assert messages[0].startswith("target must have the suffix of a sound file")
    (message,) = refused(folder, capsys, "in.wav", "--output-folder=text.wav", *SPLINE)
    assert message == "text.wav is a file: name a folder for the targets"


def test_source_of_another_target_is_not_replaced(folder, capsys):
    write("a.wav", noise(1, 100))
    Path("out").mkdir()
    write("out/a.wav", noise(1, 200))
    os.link("out/a.wav", "b.wav")
    sources = ("a.wav", "b.wav")
    (message,) = refused(folder, capsys, *sources, "--output-folder=out", "--force", *SPLINE)
    assert message == "out/a.wav is the source b.wav: give the target of a.wav another name"


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_targets_that_are_one_by_a_link_do_not_replace_each_other(folder, capsys):
    (folder / "out").mkdir()
    os.symlink("b.wav", "out/a.wav")
    write("a.wav", noise(1, 100))
    write("b.wav", noise(1, 200))
    assert run("upsample", "a.wav", "b.wav", "--output-folder=out", *SPLINE) == 1
    assert "a.wav and b.wav would all become out/b.wav: upsample them" in capsys.readouterr().err
    assert not Path("out/b.wav").exists()


def test_sources_of_one_name_do_not_replace_each_other(folder, capsys):
    (folder / "a").mkdir()
    write("a/in.wav", noise(1, 100))
    (message,) = refused(folder, capsys, "in.wav", "a/in.wav", "--output-folder=out", *SPLINE)
    assert message.startswith("in.wav and a/in.wav would all become out/in.wav")


@pytest.mark.parametrize("names", [("a.wav", "A.WAV"), ("caf\u00e9.wav", "cafe\u0301.WAV")])
def test_targets_that_other_file_systems_take_for_one(names, folder, capsys):
    (folder / "q").mkdir()
    write(names[0], noise(1, 100))
    write(f"q/{names[1]}", noise(1, 200))
    sources = (names[0], f"q/{names[1]}")
    (message,) = refused(folder, capsys, *sources, "--output-folder=out", *SPLINE)
    assert message.startswith(
        f"{names[0]} and q/{names[1]} would become out/{names[0]} and out/{names[1]}, which differ"
    )
    assert message.endswith("upsample them into folders of their own")


def test_suffixes_can_make_names_one(folder, capsys):
    write("a.wav", noise(1, 100))
    write("A.flac", noise(1, 100), subtype="PCM_16")
    arguments = ("a.wav", "A.flac", "--output-folder=out", "--suffix=.ogg", *SPLINE)
    (message,) = refused(folder, capsys, *arguments)
    assert message.startswith("a.wav and A.flac would become out/a.ogg and out/A.ogg, which differ")


def test_folders_that_differ_keep_their_files(folder):
    """Where both folders exist, the file system has told that they are two."""
    for name in ("q", "Q"):
        (folder / name).mkdir()
    if os.path.samefile("q", "Q"):
        pytest.skip("this file system ignores upper and lower case")
    write("q/a.wav", noise(1, 100))
    assert run("upsample", "q/a.wav", "--output-folder=Q", *SPLINE) == 0
    assert read("Q/a.wav").shape == (1, 200)


@pytest.mark.parametrize(
    "arguments", [("in.wav", "IN.wav"), ("in.wav", "--output-folder=.", "--suffix=.WAV")]
)
def test_target_that_is_the_source_in_other_letters(arguments, folder, capsys):
    (message,) = refused(folder, capsys, *arguments, *SPLINE)
    assert "may replace the source in.wav, which differ in upper and lower case" in message


@pytest.mark.parametrize("name", ["aux.wav", "COM1.take.wav", "nul .wav"])
def test_names_of_devices_are_refused_on_windows(name, folder, capsys, monkeypatch):
    write(name, noise(1, 100))
    if os.name != "nt":  # elsewhere they are names as others
        assert run("upsample", name, "--output-folder=out", "--quiet", *SPLINE) == 0
        assert read(f"out/{name}").shape == (1, 200)
        monkeypatch.setattr(problems, "_ON_WINDOWS", True)
    (message,) = refused(folder, capsys, name, "--output-folder=two", *SPLINE)
    assert message == f"two/{name} is no name of a file on Windows: give the target another name"


def test_ends_that_windows_drops():
    assert find_key("out/a.wav. ") == find_key("out/A.WAV")
    assert find_key("out/a.wav") != find_key("out/b.wav")


def test_folders_that_can_not_be_written_into(folder, capsys, monkeypatch):
    (folder / "full").write_text("a file")
    (message,) = refused(folder, capsys, "in.wav", "--output-folder=full/sub", *SPLINE)
    assert message.startswith(f"{folder / 'full'} can't be written into (Not a directory)")

    temporary_file = tempfile.TemporaryFile

    def fail(dir=None):
        if dir is not None:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), dir)
        return temporary_file()

    write("b.wav", noise(1, 100))
    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    sources = ("in.wav", "b.wav")
    (message,) = refused(folder, capsys, *sources, "--output-folder=new/sub", *SPLINE)
    assert message == f"{folder} can't be written into (Read-only file system): take another folder"
    assert not Path("new").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.wav", *SPLINE], "the target is missing"),
        (["a.wav", "b.wav", "c.wav", *SPLINE], "several sources need --output-folder FOLDER"),
        (["a.wav", "b.wav", "--suffix=.wav", *SPLINE], "--suffix is for --output-folder"),
        (["a.wav", "--output-folder=o", "--suffix=wav", *SPLINE], "must begin with a dot"),
        (["a.wav", "b.wav", "--model=spline"], "--model spline needs --ratio"),
        (["a.wav", "b.wav", "--ratio=2"], "--model spline needs --ratio"),
        (["a.wav", "b.wav", "--resample", *SPLINE], "leave --resample"),
        (["a.wav", "b.wav", "--resample"], "need --model"),
        (["a.wav", "b.wav", "--assume-bandwidth=auto"], "need --model"),
        (
            ["a.wav", "b.wav", "--resample", "--assume-bandwidth=auto"],
            "not allowed with argument --resample",
        ),
        (
            ["a.wav", "b.wav", "--assume-bandwidth=half"],
            "must be auto, or 1 Hz or more, got 'half'",
        ),
        (["a.wav", "b.wav", "--highband-gain=-1"], "must be a number from 0 to 1000, got '-1'"),
        (["a.wav", "b.wav", "--highband-gain=nan"], "must be a number from 0 to 1000, got 'nan'"),
        (["a.wav", "b.wav", "--highband-gain=1e9"], "must be a number from 0 to 1000, got '1e9'"),
        (["a.wav", "b.wav", "--lowband=lower"], "invalid choice: 'lower'"),
        (["a.wav", "b.wav", "--model=spline", "--ratio=1.5"], "must be an integer of 2 or more"),
        (["a.wav", "b.wav", "--model=spline", f"--ratio={10**400}"], "must be an integer of 2 or"),
        (["a.wav", "b.wav", "--model=speech-4x-16"], "did you mean speech-4x-16k?"),
        (["a.wav", "b.wav", "--model=zzz"], "the names are spline, piano-4x-32k, speech-2x-16k"),
    ],
)
def test_wrong_usage(arguments, message, folder, capsys):
    assert run("upsample", *arguments) == 2
    assert message in last_line(capsys)


@pytest.mark.parametrize(
    ("name", "ratio", "n_channels", "message"),
    [
        ("a.opus", 2, 1, "22050 Hz, got a.opus, OGG with OPUS (which takes 8000, 12000, 16000, "),
        ("a.mp3", 2, 3, "3 channels at 22050 Hz, got a.mp3, MP3 with MPEG_LAYER_III"),
        ("a.mp3", 3, 1, "33075 Hz, got a.mp3, MP3 with MPEG_LAYER_III (which takes 8000, "),
        ("a.flac", 2, 9, "9 channels at 22050 Hz, got a.flac, FLAC with PCM_16"),
        ("a.ogg", 20, 1, "220500 Hz, got a.ogg, which holds 192000 Hz at most"),
    ],
)
def test_formats_that_can_not_hold_the_result(name, ratio, n_channels, message, folder, capsys):
    write("a.wav", noise(n_channels, 100), 11025)
    options = ("--output-folder=out", f"--suffix={Path(name).suffix}", "--model=spline")
    (printed,) = refused(folder, capsys, "in.wav", "a.wav", *options, f"--ratio={ratio}")
    assert message in printed
    assert not Path("out").exists()


def test_options_that_no_file_fits_are_refused_before_any_work(folder, capsys):
    save_estimator(SplineUpsampler().fit(noise(1, 9), noise(1, 18)), "own.safetensors")
    sources = ("in.wav", "--output-folder=out", "--model=own.safetensors")
    (message,) = refused(folder, capsys, *sources, "--resample")
    assert message.startswith(
        "in.wav: --resample needs the rate that the estimator was trained for"
    )
    options = ("--model=speech-4x-16k", "--assume-bandwidth=3000")
    (message,) = refused(folder, capsys, "in.wav", "out.wav", *options)
    assert "ends below 2000 Hz" in message and "got one that ends at 3000 Hz, as assumed" in message
