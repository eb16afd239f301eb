"""The demo on a folder of a user's own recordings, and what the README shows."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import demo
from sklearn_audiosr import datasets

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path):
    """Three speakers' sub-folders of different rates, a clip that is too short, a broken file."""
    rng = np.random.default_rng(0)
    for speaker, rate in [("ann", 16000), ("bob", 44100), ("eve", 8000)]:
        (tmp_path / speaker).mkdir()
        for take in range(2):
            noise = rng.standard_normal(2 * rate).cumsum()
            soundfile.write(
                tmp_path / speaker / f"{take}.wav", 0.5 * noise / np.abs(noise).max(), rate
            )
    soundfile.write(tmp_path / "ann" / "short.wav", np.zeros(100), 16000)
    (tmp_path / "bob" / "broken.wav").write_bytes(b"no sound")
    return tmp_path


def run_demo(monkeypatch, *arguments):
    monkeypatch.setattr(demo, "SECONDS", {"dnn": 0, "network": 0})  # one epoch
    monkeypatch.setattr(sys, "argv", ["demo.py", *map(str, arguments)])
    demo.main()


def test_demo_on_a_folder(folder, tmp_path, monkeypatch, capsys):
    output = tmp_path / "result"
    with pytest.warns(UserWarning) as warnings:
        run_demo(monkeypatch, "--data", folder, "--output", output)
    messages = " ".join(str(w.message) for w in warnings)
    assert "broken.wav" in messages
    assert "short.wav" in messages
    shown = capsys.readouterr().out
    assert "6 clips, 0.2 minutes, 3 groups, 3 folds; 4000 Hz to 16000 Hz" in shown
    assert all(f"\n{name} " in shown for name in ("ideal lowband", "spline", "dnn", "network"))
    assert soundfile.info(output / "network.wav").frames == 32000
    assert soundfile.info(output / "narrowband.wav").samplerate == 4000
    assert (output / "spectrograms.png").stat().st_size > 10_000
    assert (output / "table.rst").read_text(encoding="utf-8") in shown + "\n"


def test_folder_with_one_recording_says_what_is_missing(folder, monkeypatch):
    for file in folder.rglob("*.wav"):
        if file.name != "0.wav" or file.parent.name != "ann":
            file.unlink()
    with pytest.raises(SystemExit, match="holds 1 usable recording"):
        run_demo(monkeypatch, "--data", folder)


def test_long_recordings_are_cut_to_the_time_of_the_demo(monkeypatch, capsys):
    monkeypatch.setattr(demo, "MAX_TOTAL_SECONDS", 10)
    long, short = np.arange(20 * 16000.0), np.arange(2 * 16000.0)
    excerpts = demo.shorten([long, short])
    assert [len(e) for e in excerpts] == [5 * 16000, 2 * 16000]
    assert excerpts[0][0] == 7.5 * 16000  # from the middle
    assert "more than the demo's time" in capsys.readouterr().out


def test_many_recordings_are_thinned_out_over_all_speakers(folder, monkeypatch, capsys):
    monkeypatch.setattr(demo, "MAX_CLIPS", 4)
    with pytest.warns(UserWarning):
        clips, groups, names = demo.read_clips(folder)
    assert len(clips) == len(groups) == len(names) == 4
    assert set(groups) == {"ann", "bob", "eve"}
    assert "6 clips are more than the demo's time: 4 of them" in capsys.readouterr().out


def read_block(number):
    """Return the code of one of the README's blocks of Python."""
    readme = (ROOT / "README.rst").read_text(encoding="utf-8")
    blocks = re.findall(r"\.\. code-block:: python\n\n((?:   .*\n|\n)+)", readme)
    return re.sub(r"(?m)^   ", "", blocks[number])


def test_readme_trained_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    exec(read_block(0), namespace)
    assert len(namespace["y"]) == 2 * len(namespace["x"])
    assert soundfile.info("restored.wav").samplerate == 16000
    assert soundfile.info("phone.wav").samplerate == 8000  # what the next block upsamples


def test_readme_quick_start(monkeypatch):
    """The code as printed, with one epoch instead of several, on the beginnings of the clips."""
    speech = datasets.load_speech()
    speech.clips = [clip[:24_000] for clip in speech.clips]
    monkeypatch.setattr(datasets, "load_speech", lambda: speech)
    code = read_block(1)
    assert len([line for line in code.splitlines() if line]) <= 18
    namespace = {}
    exec(re.sub(r"max_epochs=\d+", "max_epochs=1", code), namespace)
    scores = namespace["scores"]
    assert (scores["test_snr"] > 10).all()
    assert (scores["test_lsd"] > -4).all()


@pytest.mark.parametrize("name", ["quality_speech_multi_r4", "quality_piano_r4"])
def test_readme_shows_the_recorded_tables(name):
    readme = (ROOT / "README.rst").read_text(encoding="utf-8")
    table = (ROOT / "benchmarks" / "results" / f"{name}.rst").read_text(encoding="utf-8")
    assert table in readme
