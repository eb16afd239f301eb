"""The program: usage, exit codes, errors as one line, which libraries are loaded."""

import io
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from commands import noise, read, run, spline, write
from tqdm import tqdm

import sklearn_audiosr
from sklearn_audiosr._command_line import console, main, models, program, progress

LIGHT_COMMANDS = """
import sys
from sklearn_audiosr._command_line import main

for arguments in (["compare", "a.wav", "a.wav"], ["models"], ["--help"]):
    try:
        assert main(arguments) == 0
    except SystemExit as error:
        assert error.code == 0
print("torch" in sys.modules, file=sys.stderr)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def python(*arguments):
    """Run another Python in the current folder."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=300)


def test_module_runs_as_a_program(folder):
    write("in.wav", noise(1, 800))
    done = python(
        *("-m", "sklearn_audiosr", "upsample", "in.wav", "out.wav", "--model=spline", "--ratio=2")
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("out.wav: 16000 Hz, 0.10 s, mono, FLOAT; by spline")
    np.testing.assert_allclose(read("out.wav"), spline().predict([read("in.wav")])[0], atol=1e-6)


def test_light_commands_load_no_torch(folder):
    write("a.wav", noise(4000))
    done = python("-c", LIGHT_COMMANDS)
    assert (done.returncode, done.stderr.split()) == (0, ["False"])


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_stream_that_python_lacks(closed, folder, monkeypatch, capsys):
    write("a.wav", noise(400))
    monkeypatch.setattr(sys, closed, None)  # as Python does where the shell has closed one
    assert run("upsample", "a.wav", "b.wav", "--model=spline", "--ratio=2") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.startswith("b.wav: ") == (closed == "stderr")
    assert names(folder) == ["a.wav", "b.wav"]


@pytest.mark.skipif(sys.platform == "win32", reason="no shell that closes streams")
def test_streams_that_the_shell_has_closed(folder):
    write("a.wav", noise(400))
    command = f"{sys.executable} -m sklearn_audiosr upsample a.wav b.wav --model=spline --ratio=2"
    done = subprocess.run(f"{command} >&- 2>&-", shell=True, check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert names(folder) == ["a.wav", "b.wav"]


def test_no_command_shows_the_help_and_is_wrong_usage(capsys):
    assert run() == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    for command in ("upsample", "compare", "evaluate", "models"):
        assert f"\n    {command} " in printed.err


def test_version(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out == f"sklearn-audiosr {sklearn_audiosr.__version__}\n"


def test_commands_of_the_guide_and_of_the_help_are_understood(capsys):
    run()
    guide = Path(__file__).parents[1] / "docs" / "user_guide" / "command_line.rst"
    lines = (guide.read_text(encoding="utf-8") + capsys.readouterr().err).splitlines()
    starts = "python -m sklearn_audiosr "
    commands = [line.strip() for line in lines if line.strip().startswith(starts)]
    assert len(commands) > 10
    for command in commands:
        arguments = shlex.split(command.partition("|")[0].removeprefix(starts))
        assert program.parse(program.make_parser(), arguments).command == arguments[0]


@pytest.mark.parametrize("command", ["upsample", "compare", "evaluate", "models"])
def test_help_of_commands(command, capsys):
    assert run(command, "--help") == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"usage: python -m sklearn_audiosr {command} ")
    assert "--json" in printed
    assert "--debug" in printed


def test_program_is_named_as_it_was_called(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [os.path.join("bin", "sklearn-audiosr"), "models", "--help"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out.startswith("usage: sklearn-audiosr models ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["restore"], "invalid choice: 'restore'"),
        (["compare"], "the following arguments are required: FILE"),
        (["compare", "a.wav", "--rato=2", "b.wav"], "unrecognized arguments: --rato=2 b.wav"),
        (["models", "a", "b"], "unrecognized arguments: b"),
    ],
)
def test_wrong_usage(arguments, message, capsys):
    assert run(*arguments) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("usage: ")
    assert message in printed.splitlines()[-1]


def test_failure_is_one_line_and_debug_shows_the_traceback(folder, capsys):
    assert run("compare", "a.wav", "b.wav") == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "python -m sklearn_audiosr compare: error: a.wav does not exist: check the path\n"
    )
    with pytest.raises(FileNotFoundError):
        run("compare", "a.wav", "b.wav", "--debug")
    with pytest.raises(console.InputError, match="a.wav"):
        run("upsample", "a.wav", "c.wav", "--debug")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("X must\n  be Y"), "X must be Y"),
        (
            ValueError("2 files:\n  a  b.wav: x\n  c.wav: y\n"),
            "2 files:\n  a  b.wav: x\n  c.wav: y",
        ),
        (MemoryError(), "MemoryError"),
        (PermissionError(13, "Permission denied", "a.wav"), "a.wav: Permission denied"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_errors_are_told_in_one_line(error, line, monkeypatch, capsys):
    def fail():
        raise error

    monkeypatch.setattr(models, "list_shipped", fail)
    assert run("models") == 1
    assert capsys.readouterr().err == f"python -m sklearn_audiosr models: error: {line}\n"


def test_fault_of_ours_shows_its_traceback(monkeypatch):
    monkeypatch.setattr(models, "list_shipped", lambda: {}["key"])
    with pytest.raises(KeyError):
        run("models")


def test_reader_that_has_seen_enough(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert run("models", "--json") == 1
        stdout.write("the rest")  # goes nowhere, instead of failing as the process ends


def test_names_that_a_terminal_can_not_show(capsys):
    console.print_message("b\udce9.wav")  # as Python spells a name that is no UTF-8
    assert capsys.readouterr().err == "b\\udce9.wav\n"


def test_json_has_no_number_beyond_json(capsys):
    console.print_json({"a": [float("nan"), float("inf"), 1.5], "b": "NaN", "c": 2})
    assert capsys.readouterr().out == '{"a": [null, null, 1.5], "b": "NaN", "c": 2}\n'


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def open_terminal(monkeypatch):
    """Replace stderr by a terminal; call it in the test, since pytest undoes it in a fixture."""
    monkeypatch.setattr(tqdm, "monitor_interval", 0)  # no thread that outlives the test
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


def test_bar_on_a_terminal_goes_when_it_is_done(monkeypatch):
    terminal = open_terminal(monkeypatch)
    with progress.open_bar("a.wav", 4, quiet=False) as bar:
        bar.mininterval = bar.miniters = 0
        for _ in range(4):
            bar.update(1)
        console.print_message("a warning")
    shown = terminal.getvalue()
    for part in ("\ra.wav   0%|", "a.wav  25%|", " 3 of 4 s [", "a.wav 100%|"):
        assert part in shown
    before, after = shown.split("a warning\n")
    assert before.rpartition("\r")[2].strip() == ""  # a line of its own
    assert after.rpartition("\r")[2].strip() == ""


def test_bar_does_not_wait_for_updates_as_fast_as_the_first(monkeypatch):
    terminal = open_terminal(monkeypatch)
    with progress.open_bar("a.wav", 100, quiet=False) as bar:
        bar.mininterval = 0.05
        time.sleep(0.06)
        bar.update(90)
        time.sleep(0.06)
        bar.update(1)
        assert "a.wav  91%|" in terminal.getvalue()


def test_no_bar_where_nobody_looks(monkeypatch):
    terminal = open_terminal(monkeypatch)
    with progress.open_bar("a.wav", 4, quiet=True) as bar:
        bar.update(4)
    assert terminal.getvalue() == ""
    monkeypatch.setattr(Terminal, "isatty", lambda self: False)
    with progress.open_bar("a.wav", 4, quiet=False) as bar:
        bar.update(4)
    assert terminal.getvalue() == ""
