"""Messages of `upsample` that end in the command line to type: it works as it is printed."""

import shlex

import pytest
from commands import SPLINE, enter_folder, last_line, noise, read, refused, run, write

from sklearn_audiosr._command_line import program
from sklearn_audiosr._command_line.suggestion import suggest

folder = pytest.fixture(enter_folder)


def typed(message):
    """Return the arguments of the command line in a message."""
    words = shlex.split(message.partition(". Type: ")[2])
    assert words[:4] == ["python", "-m", "sklearn_audiosr", "upsample"]
    return words[3:]


@pytest.mark.parametrize(
    ("rate", "options"),
    [
        (44100, ["--model", "speech-2x-16k", "--resample"]),
        (6000, ["--model", "speech-2x-16k", "--resample"]),
        (1000, ["--model", "speech-4x-16k", "--resample"]),
    ],
)
def test_a_rate_that_chooses_no_model(rate, options, folder, capsys):
    write("it's a call.wav", noise(rate // 2), rate)
    arguments = ("it's a call.wav", "wide $1.wav", "--quiet")
    (message,) = refused(folder, capsys, *arguments)
    assert typed(message) == ["upsample", *options, *arguments]
    assert run(*typed(message)) == 0
    assert read("wide $1.wav").shape == (1, 8000)


def test_files_of_several_rates_have_a_line_for_each_model(folder, capsys):
    rates = {"a.wav": 44100, "b.wav": 48000, "c.wav": 2000, "d.wav": 8000}
    for name, rate in rates.items():
        write(name, noise(4000), rate)
    messages = refused(folder, capsys, *rates, "--output-folder=out", "--quiet")
    assert [message.partition(" has ")[0] for message in messages] == ["a.wav", "b.wav", "c.wav"]
    assert [". Type: " in message for message in messages] == [False, True, True]
    for message, names in zip(messages[1:], (["a.wav", "b.wav"], ["c.wav"]), strict=True):
        assert typed(message)[4:-2] == names
        assert run(*typed(message)) == 0
    assert run("upsample", "d.wav", "--output-folder=out", "--quiet") == 0
    assert sorted(path.name for path in (folder / "out").iterdir()) == list(rates)


def test_two_models_for_one_rate_need_no_resampling(folder, capsys, tmp_path):
    model = (tmp_path / "shipped" / "speech-2x-16k.safetensors").read_bytes()
    (tmp_path / "shipped" / "speech-new.safetensors").write_bytes(model)
    (message,) = refused(folder, capsys, "in.wav", "out.wav", "--quiet")
    assert typed(message)[1:] == ["--model", "speech-2x-16k", "in.wav", "out.wav", "--quiet"]
    assert run(*typed(message)) == 0


@pytest.mark.parametrize("wish", [[], ["--assume-bandwidth=300"], ["--assume", "300"]])
def test_a_rate_that_the_model_does_not_take(wish, folder, capsys):
    write("a.wav", noise(4000), 2000)
    arguments = ("--model=speech-4x-16k", "--", "a.wav", "b.wav")
    (message,) = refused(folder, capsys, *wish, *arguments)
    assert typed(message) == ["upsample", "--resample", *arguments]
    assert run(*typed(message)) == 0
    assert read("b.wav").shape == (1, 32000)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--resample"], ["--model", "speech-2x-16k", "--resample"]),
        (["--model=spline"], ["--ratio", "2", "--model=spline"]),
        (["--ratio=3"], ["--model", "spline", "--ratio=3"]),
        (["--model=speech-2x-16k", "--ratio", "2"], ["--model=speech-2x-16k"]),
        (["--resample", *SPLINE], list(SPLINE)),
        (["--assume-bandwidth", "auto", *SPLINE], list(SPLINE)),
    ],
)
def test_options_that_do_not_go_together(given, expected, folder, capsys):
    assert run("upsample", *given, "in.wav", "out.wav") == 2
    line = typed(last_line(capsys))
    assert line == ["upsample", *expected, "in.wav", "out.wav"]
    assert run(*line) == 0


def test_windows_has_other_quotes(monkeypatch):
    args = program.parse(program.make_parser(), ["upsample", "a b.wav", "c.wav"])
    monkeypatch.setattr("sklearn_audiosr._command_line.suggestion._ON_WINDOWS", True)
    assert suggest(args).endswith('upsample "a b.wav" c.wav')
