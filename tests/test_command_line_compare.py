"""`compare` and `models` of the command line: numbers, tables, JSON, and what is refused."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from commands import CARD, failure, noise, run, run_json, ship, write

from sklearn_audiosr.degradation import ideal_lowband
from sklearn_audiosr.metrics import (
    BlockwiseScores,
    log_spectral_distance,
    scale_invariant_sdr,
    signal_to_noise_ratio,
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    ship(monkeypatch, tmp_path / "shipped")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def test_compare_gives_known_scores(folder, capsys):
    true = noise(2, 16000)
    write("true.wav", true, 16000)
    write("quiet.wav", 0.1 * true, 16000)
    write("same.wav", true, 16000)
    arguments = ("compare", "true.wav", "quiet.wav", "same.wav", "--ratio=2")
    (report,) = run_json(capsys, *arguments)
    assert (report["reference"], report["sampling_rate"]) == ("true.wav", 16000)
    quiet, same = report["files"]
    assert quiet.pop("si_sdr_db") > 100
    assert quiet.pop("file") == "quiet.wav"
    expected = {"snr_db": -20 * np.log10(0.9), "lsd": 2, "lowband_lsd": 2, "highband_lsd": 2}
    assert quiet == pytest.approx(expected, abs=1e-4)
    assert same["snr_db"] is None  # infinite
    assert same["lsd"] == 0
    assert report["worst"]["lsd"] == {"file": "quiet.wav", "value": pytest.approx(2, abs=1e-4)}
    assert report["worst"]["snr_db"]["file"] == "quiet.wav"
    assert report["worst"]["si_sdr_db"]["file"] == "quiet.wav"

    assert run(*arguments) == 0
    header, first, second, _, *worst = capsys.readouterr().out.splitlines()
    assert header.split("  ")[0] == "file"
    assert header.split() == (
        ["file", "SNR", "(dB)", "SI-SDR", "(dB)", "LSD", "lowband", "LSD", "highband", "LSD"]
    )
    assert first.split()[::3] == ["quiet.wav", "2.00"]
    assert second.split() == ["same.wav", "inf", "inf", "0.00", "0.00", "0.00"]
    assert len({len(line) for line in (header, first, second)}) == 1  # aligned
    assert worst[0] == "worst SNR (dB): 0.92, quiet.wav"
    assert worst[-1] == "worst highband LSD: 2.00, quiet.wav"


def test_compare_tells_the_bands_apart(folder, capsys):
    true = noise(16384)
    write("true.wav", true, 16000)
    write("low.wav", ideal_lowband([true], 2)[0], 16000)
    (report,) = run_json(capsys, "compare", "true.wav", "low.wav", "--ratio=2")
    (scores,) = report["files"]
    assert scores["lowband_lsd"] < 0.5 < 3 < scores["highband_lsd"]


def test_compare_of_one_file_has_no_worst_lines(folder, capsys):
    write("true.wav", noise(4000))
    write("other.wav", noise(4000, seed=1))
    assert run("compare", "true.wav", "other.wav") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_compare_cuts_the_rest_of_a_frame_and_says_so(folder, capsys):
    true = noise(8003)
    write("true.wav", true)
    write("other.wav", np.pad(0.9 * true, (0, 1)))
    assert run("compare", "true.wav", "other.wav") == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[1].split()[:2] == ["other.wav", "20.00"]
    assert "warning: other.wav is 1 timepoints longer than the reference; only" in printed.err
    assert "the first 8003 of both are compared" in printed.err


def test_compare_of_a_silent_reference_has_no_ratio(folder, capsys):
    write("true.wav", np.zeros(4000))
    write("other.wav", noise(4000))
    (report,) = run_json(capsys, "compare", "true.wav", "other.wav")
    assert report["files"][0]["snr_db"] is None
    assert report["worst"]["snr_db"] is None


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda path: write(path, noise(8000), 16000), "8000 Hz, got 16000: upsample it first"),
        (lambda path: Path(path).write_text("text", "utf-8"), "convert it to WAV, FLAC"),
        (lambda path: write(path, noise(2, 8000)), "must have the reference's 1 channels, got 2"),
        (lambda path: write(path, noise(8081)), "must be as long as the reference, 8000 timepoint"),
        (
            lambda path: write(path, [np.nan] * 8000),
            "other.wav holds NaN or infinity: repair the file",
        ),
        (lambda path: write(path, []), "other.wav holds no timepoint"),
        (lambda path: open(path, "w").close(), "other.wav"),
        (lambda path: None, "other.wav does not exist: check the path"),
        (
            lambda path: cut(path, noise(8000), "FLAC"),
            "Error reading 'other.wav': Error : flac decoder lost sync: it may be damaged: copy",
        ),
    ],
)
def test_compare_refuses(other, message, folder, capsys):
    write("true.wav", noise(8000))
    other("other.wav")
    assert message in failure(capsys, "compare", "true.wav", "other.wav")


def cut(path, clip, file_format):
    soundfile.write(path, clip, 8000, format=file_format)
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[: len(content) // 2])


def test_compare_names_every_damaged_file_and_scores_the_others(folder, capsys):
    write("true.wav", noise(8000))
    write("good.wav", 0.9 * noise(8000))
    write("nan.wav", [np.nan] * 8000)
    write("rate.wav", noise(8000), 16000)
    cut("cut.flac", noise(8000), "FLAC")
    assert run("compare", "true.wav", "nan.wav", "good.wav", "rate.wav", "cut.flac", "no.wav") == 1
    printed = capsys.readouterr()
    assert [line.split()[0] for line in printed.out.splitlines()] == ["file", "good.wav"]
    lines = printed.err.splitlines()
    named = [[name for name in ("nan", "rate", "cut", "no") if f"{name}." in x] for x in lines]
    assert named == [["nan"], ["rate"], ["cut"], ["no"]]


def test_a_damaged_reference_is_named_once(folder, capsys):
    cut("true.flac", noise(8000), "FLAC")
    write("a.wav", noise(8000))
    write("b.wav", noise(8000))
    assert "'true.flac'" in failure(capsys, "compare", "true.flac", "a.wav", "b.wav")


def test_compare_of_standard_input(folder, capsys):
    write("a.wav", noise(8000))
    for arguments in (["-", "a.wav"], ["a.wav", "-"]):
        assert "- is no file here: write standard input" in failure(capsys, "compare", *arguments)
    if hasattr(os, "mkfifo"):
        os.mkfifo("pipe")
        message = "pipe is a pipe, and the reference must be a file"
        assert message in failure(capsys, "compare", "pipe", "a.wav")


@pytest.mark.parametrize("ratio", [None, 3])
@pytest.mark.parametrize("n_timepoints", [1, 700, 1024, 1025, 3000, 150_000])
def test_scores_block_by_block_are_those_of_the_whole(n_timepoints, ratio):
    rng = np.random.default_rng(0)
    true = rng.standard_normal((2, n_timepoints))
    pred = 0.7 * true + 0.1 * rng.standard_normal(true.shape)
    ends = np.sort(rng.integers(0, n_timepoints + 1, 9))
    scores = BlockwiseScores(2, ratio)
    for blocks in zip(np.split(true, ends, axis=1), np.split(pred, ends, axis=1), strict=True):
        scores.update(*blocks)
    expected = {
        "snr_db": signal_to_noise_ratio([true], [pred]),
        "si_sdr_db": scale_invariant_sdr([true], [pred]),
        "lsd": log_spectral_distance([true], [pred]),
    }
    for band in ("lowband", "highband") if ratio else ():
        expected[f"{band}_lsd"] = log_spectral_distance(
            [true], [pred], band=band, upsampling_ratio=ratio
        )
    assert scores.result() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("make_pred", "snr", "si_sdr"),
    [
        (lambda true: true, np.inf, np.inf),
        (lambda true: 0 * true, 0.0, -np.inf),
        (lambda true: -true, -20 * np.log10(2), np.inf),
        (lambda true: true[::-1], -10 * np.log10(2), -np.inf),  # orthogonal
    ],
)
def test_limits_of_scores_block_by_block(make_pred, snr, si_sdr):
    true = np.array([[0.0, 1.0], [0.0, 0.0]])  # silent at first
    scores = BlockwiseScores(2)
    pred = make_pred(true)
    for i in range(2):
        scores.update(true[:, i : i + 1], pred[:, i : i + 1])
    result = scores.result()
    assert result["snr_db"] == pytest.approx(snr)
    assert result["si_sdr_db"] == si_sdr


def test_another_gain_has_no_error_but_rounding():
    true = np.random.default_rng(0).standard_normal((1, 100_000))
    scores = BlockwiseScores(1)
    for start in range(0, 100_000, 10_000):
        block = true[:, start : start + 10_000]
        scores.update(block, 0.3 * block)
    assert scores.result()["si_sdr_db"] > 280


def test_compare_holds_no_file_in_memory(folder, capsys):
    seconds = 60
    true = noise(2, seconds * 16000)
    write("true.wav", true, 16000)
    write("other.wav", 0.5 * true, 16000)
    tracemalloc.start()
    try:
        assert run("compare", "true.wav", "other.wav", "--ratio=2") == 0
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60e6  # read as a whole, the files alone take 15 MB, and their scores 250 MB


def test_compare_needs_two_files(folder, capsys):
    assert run("compare", "true.wav") == 2
    assert "there is nothing to compare with it" in capsys.readouterr().err


def test_models_are_listed(folder, capsys):
    assert run("models") == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == "model from (Hz) to (Hz) audio (h) SNR (dB) LSD size (MB)".split()
    assert [row.split()[:-1] for row in rows] == [
        ["piano-4x-32k", "8000", "32000", "-", "-", "-"],
        ["speech-2x-16k", "8000", "16000", "-", "-", "-"],
        ["speech-4x-16k", "4000", "16000", "1.2", "14.1", "0.98"],
    ]


def test_models_as_json_and_one_card(folder, capsys):
    (models,) = run_json(capsys, "models")
    assert [model["name"] for model in models] == [
        "piano-4x-32k", "speech-2x-16k", "speech-4x-16k"
    ]  # fmt: skip
    (only,) = run_json(capsys, "models", "speech-4x-16k")
    assert only == [models[2]]
    assert models[2]["card"] == CARD
    assert (models[2]["narrowband_rate"], models[2]["upsampling_ratio"]) == (4000, 4)
    size = (folder.parent / "shipped" / "speech-4x-16k.safetensors").stat().st_size
    assert models[2]["bytes"] == size
    assert run("models", "speech-9x") == 2
    assert "no such model: 'speech-9x'; there are: piano-4x-32k, " in capsys.readouterr().err


def test_models_where_none_ships(folder, capsys):
    for path in (folder.parent / "shipped").iterdir():
        path.unlink()
    assert run("models") == 0
    assert capsys.readouterr().out == "No models ship with this version.\n"


def test_damaged_model_is_named(folder, capsys):
    path = folder.parent / "shipped" / "piano-4x-32k.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    message = failure(capsys, "models")
    assert "piano-4x-32k.safetensors' can't be loaded" in message
    assert message.endswith("Install sklearn-audiosr again.")
