"""`evaluate` of the command line: scores are those of the library; what is skipped is named."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands import failure, noise, read, run, run_json, ship, spline, write

from sklearn_audiosr import LinearUpsampler, SplineUpsampler
from sklearn_audiosr._estimators.saving import save_estimator
from sklearn_audiosr.degradation import AddNoise, Codec, Decimator, Telephone, ideal_lowband
from sklearn_audiosr.metrics import (
    harmonicity_score,
    highband_level_errors,
    log_spectral_distance,
    modulation_line_error,
    signal_to_noise_ratio,
)

SPEECH = "--model=speech-2x-16k"  # a spline, so that its scores are known


@pytest.fixture
def folder(tmp_path, monkeypatch):
    ship(monkeypatch, tmp_path / "shipped")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def walks(*shape, seed):
    return noise(*shape, seed=seed).cumsum(axis=-1).astype(np.float32) / 20


@pytest.fixture
def recordings(folder):
    """Write four clips in three sub-folders, one in stereo; two have an odd length."""
    files = {"a/1.wav": (3101,), "a/2.wav": (2, 3000), "b/3.wav": (4103,), "c/4.wav": (2500,)}
    for seed, (name, shape) in enumerate(files.items()):
        path = folder / "rec" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, walks(*shape, seed=seed), 16000)
    return {name: read(folder / "rec" / name)[:, : shape[-1] // 2 * 2] for name, shape in
            files.items()}  # fmt: skip


def scores_of(Y, Y_pred):
    snr = signal_to_noise_ratio(Y, Y_pred, average=None)
    return {"snr_db": snr.tolist(), "lsd": log_spectral_distance(Y, Y_pred, average=None).tolist()}


def test_evaluate_gives_the_scores_of_the_library(recordings, capsys):
    (report,) = run_json(capsys, "evaluate", "rec", SPEECH)
    Y = list(recordings.values())
    X = Decimator(2).transform(Y)
    assert report["recordings"] == list(recordings)
    assert (report["narrowband_rate"], report["sampling_rate"]) == (8000, 16000)
    assert report["seconds"] == pytest.approx((3100 + 3000 + 4102 + 2500) / 16000)
    methods = report["methods"]
    expected = {
        "true lowband": ideal_lowband(Y, 2),
        "spline": spline().predict(X),
        "speech-2x-16k": spline().predict(X),
    }
    # a and its two clips, b and c are restored by what the others teach
    parts = [[0, 1], [0, 1], [2], [3]]
    expected["linear filter"] = [
        LinearUpsampler()
        .fit(*[[clips[j] for j in range(4) if j not in part] for clips in (X, Y)])
        .predict([X[i]])[0]
        for i, part in enumerate(parts)
    ]
    assert set(methods) == set(expected)
    for name, Y_pred in expected.items():
        scores = scores_of(Y, Y_pred)
        for key, worst in (("snr_db", np.argmin), ("lsd", np.argmax)):
            assert methods[name]["of_each"][key] == pytest.approx(scores[key], abs=1e-4)
            assert methods[name][key] == pytest.approx(np.mean(scores[key]), abs=1e-4)
            place = worst(scores[key])
            assert methods[name]["worst"][key]["recording"] == list(recordings)[place]
            assert methods[name]["worst"][key]["value"] == pytest.approx(
                scores[key][place], abs=1e-4
            )


def voices(n, rate=16000):
    """Pulses of a pitch beneath a little noise, loud and soft by turns."""
    clips = []
    for seed in range(n):
        time = np.arange(rate) / rate
        pulses = (np.arange(rate) % (120 + 10 * seed) == 0) + 0.02 * noise(rate, seed=seed)
        clips.append((0.5 * pulses * (1 + 0.8 * np.sin(2 * np.pi * 3 * time))).astype(np.float32))
    return clips


def test_evaluate_scores_the_highband(folder, capsys, monkeypatch):
    """A prediction that buzzes, with half of the highband: all values are the library's."""
    (folder / "rec").mkdir()
    Y = voices(3)
    for i, y in enumerate(Y):
        write(f"rec/{i}.wav", y, 16000)
    buzz = 1 + 0.5 * np.cos(2 * np.pi * 62.5 * np.arange(16000) / 16000)
    lowbands = ideal_lowband(Y, 2)
    Y_pred = [low + 0.5 * buzz * (y - low) for y, low in zip(Y, lowbands, strict=True)]
    queue = iter(Y_pred)
    monkeypatch.setattr(
        SplineUpsampler, "predict", lambda self, X: Y_pred if len(X) > 1 else [next(queue)]
    )
    (report,) = run_json(capsys, "evaluate", "rec", SPEECH)
    method = report["methods"]["speech-2x-16k"]
    rates = {"sampling_rate": 16000, "upsampling_ratio": 2}
    line = modulation_line_error(Y, Y_pred, return_frequency=True, **rates)
    assert (method["line_db"], method["line_hz"]) == pytest.approx(line, abs=1e-3)
    assert (line[0] > 5, line[1]) == (True, 62.5)
    expected = harmonicity_score(Y, Y_pred, **rates)
    assert method["harmonicity"] == pytest.approx(expected, abs=1e-3)
    levels = highband_level_errors(Y, Y_pred, average=None, **rates)
    for key, values in zip(("temporal_db2", "shape_db2", "bias_db"), levels[:3], strict=True):
        assert method["of_each"][f"level_{key}"] == pytest.approx(values, abs=1e-3)
        assert method[f"level_{key}"] == pytest.approx(values.mean(), abs=1e-3)
    assert method["level_pauses_db"] is None  # there are none
    empty = report["methods"]["true lowband"]
    assert empty["level_bias_db"] < -40
    assert [empty[key] for key in ("line_db", "line_hz", "harmonicity")] == [None] * 3


def test_evaluate_at_rates_without_harmonics_to_compare(folder, capsys):
    """From 4 to 8 kHz there is a line but no harmonicity; no highband is heard from 25 kHz on."""
    (folder / "rec").mkdir()
    for i, y in enumerate(voices(2)):
        write(f"rec/{i}.wav", y, 100000)
    for rate, defined in ((8000, [True, False]), (100000, [False, False])):
        save_estimator(spline(2, rate), "mine.safetensors")
        (report,) = run_json(capsys, "evaluate", "rec", "--model=mine.safetensors")
        method = report["methods"]["mine.safetensors"]
        found = [method[key] is not None for key in ("level_temporal_db2", "harmonicity")]
        assert found == defined


def test_evaluate_prints_a_table(recordings, capsys):
    (report,) = run_json(capsys, "evaluate", "rec", SPEECH)
    assert run("evaluate", "rec", SPEECH) == 0
    printed = capsys.readouterr()
    first, _, header, *rows, _, second, r1, r2, r3, r4, _, last = printed.out.splitlines()
    assert first.startswith(
        "4 recordings, 0.0 minutes, from 8000 to 16000 Hz behind the filter chebyshev1; speech-2x"
    )
    assert header.split() == "method SNR (dB) LSD worst SNR (dB) worst LSD".split()
    names = ("true lowband", "spline", "linear filter", "speech-2x-16k")
    for row, name in zip(rows, names, strict=True):
        method = report["methods"][name]
        worst = method["worst"]
        assert row.removeprefix(name).split() == [
            f"{method['snr_db']:.2f}", f"{method['lsd']:.2f}",
            f"{worst['snr_db']['value']:.2f}", worst["snr_db"]["recording"],
            f"{worst['lsd']['value']:.2f}", worst["lsd"]["recording"],
        ]  # fmt: skip
    assert second.split() == (
        "highband over time (dB^2) bias (dB) line (dB) at (Hz) harmonics".split()
    )
    for row, name in zip((r1, r2, r3, r4), names, strict=True):
        method = report["methods"][name]
        bias = method["level_bias_db"]
        expected = [f"{method['level_temporal_db2']:.1f}", f"{bias:.1f}", "-", "-", "-"]
        assert row.removeprefix(name).split() == expected  # short walks, without a voice
    assert last == "The linear filter learned from the folder's other recordings."
    assert printed.err == ""


@pytest.mark.parametrize(
    ("options", "steps", "described"),
    [
        (["--filter=telephone"], [Telephone(2)], "a telephone line"),
        (
            ["--codec=mp3"],
            [Decimator(2), Codec("mp3", sampling_rate=8000)],
            "the filter chebyshev1, mp3",
        ),
        (
            ["--codec=mp3", "--compression=0.9"],
            [Decimator(2), Codec("mp3", sampling_rate=8000, compression_level=0.9)],
            "the filter chebyshev1, mp3 of compression 0.9",
        ),
        (
            ["--filter=fir", "--codec=vorbis", "--noise=20"],
            [
                Decimator(2, filter="fir"),
                Codec("vorbis", sampling_rate=8000),
                AddNoise(20.0, random_state=0),
            ],
            "the filter fir, vorbis, noise 20 dB below",
        ),
    ],
)
def test_evaluate_behind_lines_codecs_and_noise(options, steps, described, recordings, capsys):
    (report,) = run_json(capsys, "evaluate", "rec", SPEECH, *options)
    Y = X = list(recordings.values())
    for step in steps:
        X = step.fit_transform(X)
    expected = scores_of(Y, spline().predict(X))
    for key, values in expected.items():
        assert report["methods"]["speech-2x-16k"]["of_each"][key] == pytest.approx(values, abs=1e-3)
    assert run("evaluate", "rec", SPEECH, *options) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert f"Hz behind {described}; speech-2x-16k: " in first


def test_evaluate_skips_what_has_no_highband_and_resamples_the_rest(folder, capsys):
    (folder / "rec").mkdir()
    write("rec/low.wav", noise(8000), 8000)
    write("rec/silent.wav", np.zeros(8000), 16000)
    write("rec/tiny.wav", noise(3), 16000)
    write("rec/words.wav", noise(3000), 16000)
    (folder / "rec" / "notes.wav").write_text("no sound")
    write("rec/high.wav", noise(9600), 48000)
    arguments = ("evaluate", "rec", SPEECH, "--json")
    assert run(*arguments) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert report["recordings"] == ["high.wav", "words.wav"]
    assert report["seconds"] == pytest.approx(0.2 + 3000 / 16000)
    prefix = "python -m sklearn_audiosr evaluate: "
    lines = [line.removeprefix(prefix) for line in printed.err.splitlines()]
    assert len(lines) == 6
    for expected in (
        "skipped rec/low.wav: its rate is 8000 Hz, below the model's 16000 Hz",
        "skipped rec/silent.wav: it is silent",
        "warning: skipped 1 file(s) shorter than min_duration=0.00025 s:",
        "  tiny.wav: 0.000 s",
        "warning: skipped 1 file(s) that cannot be read:",
    ):
        assert expected in lines
    assert any(line.startswith("  notes.wav: Format not recognised") for line in lines)


def test_evaluate_without_another_recording_has_no_linear_filter(folder, capsys):
    (folder / "rec").mkdir()
    write("rec/one.wav", walks(3000, seed=0), 16000)
    (report,) = run_json(capsys, "evaluate", "rec", SPEECH)
    assert report["methods"]["linear filter"] is None
    assert run("evaluate", "rec", SPEECH) == 0
    out = capsys.readouterr().out
    assert out.startswith("1 recording, ")
    assert "\nlinear filter" not in out
    assert "No linear filter: it would learn from the folder's other recordings" in out


def test_evaluate_in_one_sub_folder_holds_out_files(folder, capsys):
    (folder / "rec" / "a").mkdir(parents=True)
    Y = [walks(3000, seed=seed) for seed in range(2)]
    for i, y in enumerate(Y):
        write(folder / "rec" / "a" / f"{i}.wav", y, 16000)
    (report,) = run_json(capsys, "evaluate", "rec", SPEECH)
    X = Decimator(2).transform(Y)
    Y_pred = [LinearUpsampler().fit([X[1 - i]], [Y[1 - i]]).predict([X[i]])[0] for i in range(2)]
    expected = scores_of(Y, Y_pred)["snr_db"]
    found = report["methods"]["linear filter"]["of_each"]["snr_db"]
    assert found == pytest.approx(expected, abs=1e-4)


def test_evaluate_with_another_filter(recordings, capsys):
    (report,) = run_json(capsys, "evaluate", "rec", SPEECH, "--filter=none")
    Y = list(recordings.values())
    X = [y[:, ::2] for y in Y]
    expected = scores_of(Y, spline().predict(X))["snr_db"]
    assert report["methods"]["spline"]["of_each"]["snr_db"] == pytest.approx(expected, abs=1e-4)
    assert report["filter"] == "none"


def test_evaluate_hands_the_dial_on(recordings, capsys):
    scores = {}
    for gain in (0, 1):
        arguments = ("evaluate", "rec", "--model=speech-4x-16k", f"--highband-gain={gain}")
        (report,) = run_json(capsys, *arguments)
        assert (report["highband_gain"], report["lowband"]) == (gain, "restore")
        scores[gain] = report["methods"]["speech-4x-16k"]["lsd"]
    assert abs(scores[0] - scores[1]) > 1e-3


@pytest.mark.parametrize(
    ("folder_name", "model", "message"),
    [
        ("gone", "speech-2x-16k", "gone must be a folder of recordings"),
        ("low", "speech-2x-16k", "low must hold recordings of 16000 Hz or more, got none"),
        ("empty", "speech-2x-16k", "path must hold audio files to load, but of 0 found in empty"),
        ("low", "mine.model", "mine.model must say its sampling rate, got None"),
    ],
)
def test_evaluate_refuses(folder_name, model, message, folder, capsys):
    for name in ("low", "empty"):
        (folder / name).mkdir()
    write("low/a.wav", noise(800))
    save_estimator(spline(2, None), "mine.model")
    assert message in failure(capsys, "evaluate", folder_name, f"--model={model}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: --model"),
        (["--model=spline"], "the spline is in every table; name a model"),
        (["--model=none"], "no such name and no such file: 'none'"),
        ([SPEECH, "--filter=brick"], "invalid choice: 'brick'"),
        ([SPEECH, "--codec=gsm"], "invalid choice: 'gsm'"),
        ([SPEECH, "--compression=0.9"], "argument --compression: of which --codec? name one"),
        ([SPEECH, "--codec=mp3", "--compression=2"], "must be a number from 0 to 1, 0.5 for "),
        (
            [SPEECH, "--noise=loud"],
            "must be a number of dB from -200 to 200, 30 for example, got 'l",
        ),
        (
            [SPEECH, "--noise=201"],
            "must be a number of dB from -200 to 200, 30 for example, got '2",
        ),
        (
            [SPEECH, "--noise=-201"],
            "must be a number of dB from -200 to 200, 30 for example, got '-2",
        ),
        (
            [SPEECH, "--noise=nan"],
            "must be a number of dB from -200 to 200, 30 for example, got 'n",
        ),
    ],
)
def test_evaluate_wrong_usage(arguments, message, recordings, capsys):
    assert run("evaluate", "rec", *arguments) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_telephone_line_is_for_models_of_its_rate(recordings, capsys):
    save_estimator(spline(4), "four.safetensors")
    message = failure(capsys, "evaluate", "rec", "--model=four.safetensors", "--filter=telephone")
    assert message.startswith("--filter telephone needs a model whose narrowband rate is 8000 Hz")
    assert message.endswith("got four.safetensors, of 4000 Hz: take another filter.")
    Path("rec").rename("other")
    Path("rec").mkdir()  # it is told before a folder is read
    assert message == failure(
        capsys, "evaluate", "rec", "--model=four.safetensors", "--filter=telephone"
    )
