"""The command line in the tests: run it in this process, on small files and models."""

import json
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import soundfile
from model_files import changed

from sklearn_audiosr import SplineUpsampler
from sklearn_audiosr._command_line import main
from sklearn_audiosr._estimators.saving import save_estimator
from sklearn_audiosr._models import pretrained

# Options that need no trained model.
SPLINE = ("--model=spline", "--ratio=2")

CARD = {
    "training audio (hours)": 1.25,
    "scores": {"highband_gain=1": {"snr_db": 14.06, "lsd_log10": 0.978}},
}


def noise(*shape, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def write(path, clip, rate=8000, subtype="FLOAT"):
    """Write a clip of shape (n_timepoints,) or (n_channels, n_timepoints)."""
    soundfile.write(path, np.asarray(clip).T, rate, subtype=subtype)
    return path


def read(path):
    """Return the clip of a file, of shape (n_channels, n_timepoints)."""
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


def run(*arguments):
    """Run the command line; return the exit code."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as error:  # argparse's own
        return error.code


def run_json(capsys, *arguments):
    """Run a command that must succeed; return the values that it prints, one for each line."""
    assert run(*arguments, "--json") == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def failure(capsys, command, *arguments):
    """Run a command that must fail with one line; return its message."""
    assert run(command, *arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    prefix = f"python -m sklearn_audiosr {command}: error: "
    lines = [s.removeprefix(prefix) for s in printed.err.splitlines() if s.startswith(prefix)]
    assert len(lines) == 1
    return lines[0]


def spline(ratio=2, sampling_rate=16000):
    return SplineUpsampler(sampling_rate=sampling_rate).fit(noise(1, 9), noise(1, 9 * ratio))


def network():
    """Return a barely trained network with a separate highband, from 4 to 16 kHz."""
    return changed("spectral", sampling_rate=16000)


def bands_network():
    """Return a barely trained network with a separate lowband, from 4 to 16 kHz."""
    return changed("harmonic", sampling_rate=16000)


@cache
def _make_models():
    folder = Path(mkdtemp())
    save_estimator(spline(), folder / "speech-2x-16k.safetensors")
    save_estimator(network(), folder / "speech-4x-16k.safetensors", card=CARD)
    save_estimator(spline(4, 32000), folder / "piano-4x-32k.safetensors")
    return folder


def ship(monkeypatch, folder):
    """Let three small models ship: two for 8000 Hz, one of them for speech, and one for 4000 Hz."""
    monkeypatch.setattr(pretrained, "FOLDER", shutil.copytree(_make_models(), folder))


def enter_folder(tmp_path, monkeypatch):
    """Enter a folder with a file that a model for speech takes; three models ship."""
    ship(monkeypatch, tmp_path / "shipped")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    write("in.wav", noise(2, 4000))
    return tmp_path / "work"


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def last_line(capsys):
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.splitlines()[-1].partition("error: ")[2]


def refused(folder, capsys, *arguments):
    """Run an `upsample` that must fail and write nothing; return its messages."""
    before = {name: (folder / name).read_bytes() for name in names(folder)}
    assert run("upsample", *arguments) == 1
    assert {name: (folder / name).read_bytes() for name in names(folder)} == before
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert all(line.startswith("python -m sklearn_audiosr upsample: ") for line in lines)
    return [line.partition("error: ")[2] for line in lines]
