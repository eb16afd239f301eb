"""Sources on the command line that are cut off, joined, headerless or of other suffixes."""

from pathlib import Path

import pytest
import soundfile
from commands import SPLINE, enter_folder, failure, names, noise, refused, run, write

folder = pytest.fixture(enter_folder)


def cut(name, share=0.5):
    content = Path(name).read_bytes()
    Path(f"cut_{name}").write_bytes(content[: round(share * len(content))])
    return f"cut_{name}"


@pytest.mark.parametrize("name", ["in.wav", "in.flac", "in.mp3"])
def test_strict_refuses_a_source_that_is_cut_off(name, folder, capsys):
    soundfile.write(name, noise(16000), 8000)
    cut(name)
    assert run("upsample", f"cut_{name}", "out.wav", *SPLINE, "--strict", "--quiet") == 1
    assert not Path("out.wav").exists()
    assert f"cut_{name}" in capsys.readouterr().err
    assert run("upsample", name, "out.wav", *SPLINE, "--strict", "--quiet") == 0
    assert capsys.readouterr().err == ""


def test_a_source_that_is_cut_off_is_found_before_any_work(folder, capsys):
    write("whole.wav", noise(8000))
    arguments = (cut("whole.wav"), "in.wav", "--output-folder", "out", *SPLINE)
    (message,) = refused(folder, capsys, *arguments, "--strict")
    assert message.startswith("cut_whole.wav ended after 0.499 s of the 1.000 s that its header")
    assert message.endswith("leave out --strict to take it")
    assert run("upsample", *arguments, "--quiet") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "cut_whole.wav: warning: source ended after 0.499 s of the 1.000 s" in line
    assert soundfile.info("out/cut_whole.wav").frames == 2 * soundfile.info("cut_whole.wav").frames


def test_compare_and_evaluate_tell_what_is_cut_off(folder, capsys):
    write("whole.wav", noise(8000))
    soundfile.write("short.wav", noise(8000)[: soundfile.info(cut("whole.wav")).frames], 8000)
    assert run("compare", "short.wav", "cut_whole.wav") == 0
    assert "warning: cut_whole.wav ended after 0.499 s of the 1.000 s" in capsys.readouterr().err
    message = failure(capsys, "compare", "short.wav", "cut_whole.wav", "--strict")
    assert message.startswith("cut_whole.wav ended after 0.499 s of the 1.000 s")
    Path("recordings").mkdir()
    Path("cut_whole.wav").rename("recordings/a.wav")
    for name in ("b.wav", "c.wav"):
        Path("recordings", name).write_text("no sound")
    assert run("evaluate", "recordings", "--model=speech-4x-16k", "--strict", "--quiet") == 1
    lines = capsys.readouterr().err.splitlines()
    starts = (
        "python -m sklearn_audiosr evaluate: error: 2 file(s) cannot be read:",
        "  b.wav: Format not recognised",
        "  c.wav: Format not recognised",
        "1 file(s) that are not whole:",
        "  a.wav ended after 0.499 s of the 1.000 s",
        "Replace or delete them, or leave out --strict.",
    )
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True))


def test_all_damaged_sources_are_named_each_on_its_own_line(folder, capsys):
    """Headers are read before any work; damage behind one ends that file only."""
    for name in ("a.wav", "b.flac"):
        Path(name).write_text("no sound")
    for name in ("nan.wav", "inf.wav"):
        write(name, [0.0] * 500 + [float(name[:3])])
    options = ("--output-folder=out", "--suffix=.wav", "--quiet", *SPLINE)
    messages = refused(folder, capsys, "a.wav", "in.wav", "b.flac", *options)
    starts = ("Error opening 'a.wav': ", "Error opening 'b.flac': ")
    assert all(map(str.startswith, messages, starts)) and len(messages) == 2
    assert run("upsample", "nan.wav", "in.wav", "inf.wav", *options) == 1
    lines = capsys.readouterr().err.splitlines()
    prefix = "python -m sklearn_audiosr upsample: "
    assert [line.startswith(prefix) for line in lines] == [True, True]
    assert [line.split(": ")[1] for line in lines] == ["nan.wav", "inf.wav"]
    assert names(folder / "out") == ["in.wav"]


def test_joined_sources_are_read_whole(folder):
    soundfile.write("one.mp3", noise(8000), 8000)
    Path("two.mp3").write_bytes(2 * Path("one.mp3").read_bytes())
    assert run("upsample", "two.mp3", "out.wav", *SPLINE, "--quiet") == 0
    assert soundfile.info("out.wav").frames == 32000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.raw", bytes(1000), "x.raw must have a header that says its rate"),
        ("x.mp3", b"", "x.mp3 is empty, it has 0 bytes"),
        ("x.au", b"hello" * 100, "x.au has lost its header"),
    ],
)
def test_sources_without_a_header(name, content, message, folder, capsys):
    Path(name).write_bytes(content)
    problems = refused(folder, capsys, name, "in.wav", "--output-folder", "out", *SPLINE)
    assert [problem.startswith(message) for problem in problems] == [True]
    assert failure(capsys, "compare", "in.wav", name).startswith(message)


def test_absurd_ratios_are_refused_before_any_work(folder, capsys):
    (message,) = refused(folder, capsys, "in.wav", "out.wav", "--model=spline", "--ratio=1000000")
    assert "for 8000000000 Hz, got out.wav, which holds 2147483647 Hz at most" in message
    assert message.endswith("take a lower ratio")


def test_sources_whose_suffix_no_target_can_have(folder, capsys):
    frame = b"\xff\xfd\x44\xc0".ljust(192, b"\0")  # MPEG layer II, 48 kHz
    Path("a.mp2").write_bytes(100 * frame)
    write("b.wav", noise(4000))
    Path("b.wav").rename("b")
    arguments = ("upsample", "a.mp2", "b", "--output-folder", "out", *SPLINE, "--quiet")
    assert run(*arguments) == 1
    messages = capsys.readouterr().err.splitlines()
    assert [message.rpartition(", ")[2] for message in messages] == 2 * ["or pass --suffix .wav"]
    assert run(*arguments, "--suffix=.wav") == 0
    assert names(folder / "out") == ["a.wav", "b.wav"]
    assert soundfile.info("out/a.wav").samplerate == 96000


@pytest.mark.parametrize(("suffix", "subtype"), [("sph", "PCM_16"), ("nist", "ULAW")])
def test_speech_corpora_keep_their_suffix(suffix, subtype, folder, capsys):
    soundfile.write(f"a.{suffix}", noise(4000), 8000, subtype=subtype, format="NIST")
    code = run("upsample", f"a.{suffix}", "--output-folder", "out", *SPLINE, "--quiet")
    assert (code, capsys.readouterr().err) == (0, "")
    assert soundfile.info(f"out/a.{suffix}").format == "NIST"


def test_codecs_print_nothing(folder, capfd):
    """libmpg123 prints a line while it reads this file."""
    soundfile.write("in.mp3", noise(40000), 16000, compression_level=0.99)
    assert run("upsample", "in.mp3", "out.mp3", *SPLINE, "--quiet") == 0
    assert capfd.readouterr() == ("", "")
