"""`upsample` of the command line: what is written, by which model, the bar."""

import json

import numpy as np
import pytest
import soundfile
from commands import (
    SPLINE,
    bands_network,
    enter_folder,
    names,
    network,
    noise,
    read,
    refused,
    run,
    run_json,
    spline,
    write,
)

from sklearn_audiosr._command_line import upsample
from sklearn_audiosr._estimators.saving import save_estimator
from sklearn_audiosr._files import blocks, upsampling
from sklearn_audiosr.degradation import ideal_lowband

folder = pytest.fixture(enter_folder)


def test_prediction_is_written_and_told(folder, capsys):
    assert run("upsample", "in.wav", *SPLINE, "out.wav") == 0  # files on both sides of options
    printed = capsys.readouterr()
    assert printed.out.startswith("out.wav: 16000 Hz, 0.50 s, stereo, FLOAT; by spline, ")
    assert printed.out.endswith(" times real time\n")
    assert printed.err == ""
    expected = spline().predict([read("in.wav")])[0]
    np.testing.assert_allclose(read("out.wav"), expected, atol=1e-6)
    assert names(folder) == ["in.wav", "out.wav"]


def test_json_is_a_line_for_each_target(folder, capsys):
    write("b.wav", noise(1, 1000), 8000, "PCM_24")
    arguments = ("upsample", "in.wav", "b.wav", "--output-folder=out", "--suffix=.flac", *SPLINE)
    first, second = run_json(capsys, *arguments)
    assert second["elapsed_seconds"] >= 0
    assert second["times_real_time"] > 0
    known = {key: second[key] for key in second.keys() - {"elapsed_seconds", "times_real_time"}}
    assert known == {
        "source": "b.wav",
        "target": "out/b.flac",
        "model": "spline",
        "source_sampling_rate": 8000,
        "sampling_rate": 16000,
        "channels": 1,
        "format": "FLAC",
        "subtype": "PCM_24",
        "seconds": 0.125,
    }
    assert first["target"] == "out/in.flac"
    assert names(folder) == ["b.wav", "in.wav", "out/b.flac", "out/in.flac"]


def test_quiet_prints_nothing(folder, capsys):
    assert run("upsample", "in.wav", "out.wav", *SPLINE, "--quiet") == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("rate", "model"), [(8000, "speech-2x-16k"), (4000, "speech-4x-16k")])
def test_rate_chooses_the_model_of_speech(rate, model, folder, capsys):
    write("a.wav", noise(1, 600), rate)
    (report,) = run_json(capsys, "upsample", "a.wav", "out.wav")
    assert (report["model"], report["sampling_rate"]) == (model, 16000)


def test_rate_without_a_model_of_speech_lists_them(folder, capsys):
    write("a.wav", noise(600), 16000)
    (message,) = refused(folder, capsys, "in.wav", "a.wav", "--output-folder=out")
    assert message.startswith("a.wav has 16000 Hz, which does not choose one model of speech")
    assert "speech-2x-16k (8000 Hz), speech-4x-16k (4000 Hz)" in message


def test_two_models_of_speech_for_one_rate_are_no_choice(folder, capsys, tmp_path):
    save_estimator(spline(4, 32000), tmp_path / "shipped" / "speech-4x-32k.safetensors")
    (message,) = refused(folder, capsys, "in.wav", "out.wav")
    assert message.startswith("in.wav has 8000 Hz")
    assert run("upsample", "in.wav", "out.wav", "--model=speech-4x-32k") == 0
    assert soundfile.info("out.wav").samplerate == 32000


def test_model_of_ones_own(folder, capsys):
    save_estimator(spline(3, 24000), "mine.model")
    (report,) = run_json(capsys, "upsample", "in.wav", "out.wav", "--model=mine.model")
    assert (report["model"], report["sampling_rate"]) == ("mine.model", 24000)
    content = (folder / "mine.model").read_bytes()
    (folder / "mine.model").write_bytes(content[:-1] + b"?")
    (message,) = refused(folder, capsys, "in.wav", "b.wav", "--model=mine.model")
    assert message.startswith("'mine.model' can't be loaded")


def test_estimators_highband_gain(folder):
    x, est = read(write("narrow.wav", noise(1, 3000), 4000)), network()
    outputs = {}
    for gain in (0, 0.5):
        target = f"{gain}.wav"
        assert run("upsample", "narrow.wav", target, f"--highband-gain={gain}") == 0
        outputs[gain] = read(target)
        expected = est.predict([x], highband_gain=gain)[0]
        np.testing.assert_allclose(outputs[gain], expected, atol=1e-5 * np.abs(expected).max())
    assert np.abs(outputs[0] - outputs[0.5]).max() > 1e-3 * np.abs(outputs[0]).max()


def test_highband_gain_needs_a_highband(folder, capsys):
    (message,) = refused(folder, capsys, "in.wav", "out.wav", "--highband-gain=0")
    assert message.startswith("--highband-gain needs a model that generates a highband, got speech")


def test_lowband_is_kept_or_restored(folder):
    est = bands_network().set_params(lowband="keep")
    for layer in (est.network_.linear.filters, est.network_.last.bias.data):
        layer += 0.3  # it restores, and has a highband
    save_estimator(est, "mine.model")
    x, outputs = read(write("narrow.wav", noise(1, 3000), 4000)), {}
    for lowband in ("restore", "keep", None):
        option = [] if lowband is None else [f"--lowband={lowband}"]
        arguments = ("narrow.wav", f"{lowband}.wav", "--model=mine.model", *option)
        assert run("upsample", *arguments) == 0
        outputs[lowband] = read(f"{lowband}.wav")
        expected = est.predict([x], lowband=lowband)[0]
        np.testing.assert_allclose(outputs[lowband], expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_array_equal(outputs[None], outputs["keep"])
    assert np.abs(outputs["keep"] - outputs["restore"]).max() > 1e-3 * np.abs(outputs["keep"]).max()


@pytest.mark.parametrize(
    ("model", "rate", "name"),
    [("speech-2x-16k", 8000, "SplineUpsampler"), ("speech-4x-16k", 4000, "AudioSuperResolver")],
)
def test_lowband_keep_needs_a_model_that_can(model, rate, name, folder, capsys):
    write("narrow.wav", noise(1, 300), rate)
    arguments = ("narrow.wav", "out.wav", f"--model={model}")
    (message,) = refused(folder, capsys, *arguments, "--lowband=keep")
    assert message.startswith("--lowband keep needs a model that keeps the lowband apart from what")
    assert message.endswith(f"got {model} ({name}): leave it out.")
    assert run("upsample", *arguments, "--lowband=restore") == 0  # nothing to keep


def test_torch_device(folder, capsys):
    write("narrow.wav", noise(1, 300), 4000)
    (message,) = refused(folder, capsys, "narrow.wav", "out.wav", "--device=abacus")
    assert "got 'abacus'" in message
    assert run("upsample", "narrow.wav", "out.wav", "--device=cpu") == 0
    assert run("upsample", "in.wav", "b.wav", "--device=cpu") == 0  # nothing to move


def test_other_rate_is_refused_or_resampled(folder, capsys):
    model = "--model=speech-4x-16k"
    (message,) = refused(folder, capsys, "in.wav", "out.wav", model)
    assert message == (
        "in.wav must have 4000 Hz for speech-4x-16k, got 8000 Hz: pass --resample, or "
        "--assume-bandwidth auto if its band ends far below 4000 Hz, or another --model. "
        "Type: python -m sklearn_audiosr upsample --resample in.wav out.wav --model=speech-4x-16k"
    )
    (report,) = run_json(capsys, "upsample", "in.wav", "out.wav", model, "--resample")
    assert (report["sampling_rate"], report["seconds"]) == (16000, 0.5)


def test_lower_rate_can_only_be_resampled(folder, capsys):
    write("narrow.wav", noise(1, 300), 4000)
    (message,) = refused(folder, capsys, "narrow.wav", "out.wav", "--model=speech-2x-16k")
    assert "got 4000 Hz: pass --resample, or another --model. Type: " in message


def test_lower_rate_is_found_before_any_work_whatever_the_bandwidth(folder, capsys):
    write("empty.wav", ideal_lowband(noise(1, 32000), 4), 16000)
    write("narrow.wav", noise(1, 300), 2000)
    arguments = ("--output-folder=out", "--model=speech-4x-16k", "--assume-bandwidth=auto")
    (message,) = refused(folder, capsys, "empty.wav", "narrow.wav", *arguments)
    assert message == (
        "narrow.wav must have 4000 Hz for speech-4x-16k, got 2000 Hz: pass --resample instead of "
        "--assume-bandwidth, or another --model. Type: python -m sklearn_audiosr upsample "
        "--resample narrow.wav --output-folder=out --model=speech-4x-16k"
    )


def test_header_that_cannot_hold_a_sixth_of_16_khz(folder, capsys, tmp_path):
    save_estimator(spline(6, 16000), tmp_path / "shipped" / "speech-6x-16k.safetensors")
    write("narrow.wav", noise(1, 300), 2667)
    (report,) = run_json(capsys, "upsample", "narrow.wav", "out.wav")
    assert (report["model"], report["sampling_rate"]) == ("speech-6x-16k", 16000)
    assert soundfile.info("out.wav").frames == 1800


def test_file_with_an_empty_highband(folder, capsys):
    x = noise(1, 32000)
    write("wide.wav", x, 16000)
    write("empty.wav", ideal_lowband(x, 4), 16000)
    arguments = ("out.wav", "--model=speech-4x-16k", "--assume-bandwidth=auto")
    (message,) = refused(folder, capsys, "wide.wav", *arguments)
    assert "got one that ends at 8000 Hz" in message
    assert message.endswith("or drop what lies above with --resample.")
    (report,) = run_json(capsys, "upsample", "empty.wav", *arguments)
    assert (report["sampling_rate"], report["seconds"]) == (16000, 2)


@pytest.mark.parametrize(("text", "value"), [("auto", "auto"), ("1900", 1900.0)])
def test_bandwidth_is_handed_on(text, value, folder, monkeypatch):
    calls = []

    def upsample_file(est, source, target, *, progress, **options):
        calls.append((est.sampling_rate, str(source), str(target), options))
        write(target, noise(1, 100))

    monkeypatch.setattr(upsample, "upsample_file", upsample_file)
    arguments = ("--model=speech-4x-16k", f"--assume-bandwidth={text}")
    assert run("upsample", "in.wav", "out.wav", *arguments) == 0
    assert calls == [(16000, "in.wav", "out.wav", {"assume_bandwidth": value})]


@pytest.mark.parametrize("suffix", ["aifc", "snd"])
def test_other_suffixes_of_formats(suffix, folder):
    write("in.wav", noise(1, 100))
    assert run("upsample", "in.wav", f"out.{suffix}", *SPLINE) == 0
    assert read(f"out.{suffix}").shape == (1, 200)


def test_one_bad_file_does_not_stop_the_others(folder, capsys):
    write("a.wav", [0.0, np.nan, 0.0])
    arguments = ("upsample", "a.wav", "in.wav", "--output-folder=out", *SPLINE)
    assert run(*arguments) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("out/in.wav: 16000 Hz")
    assert printed.err.startswith("python -m sklearn_audiosr upsample: a.wav: error: source must")
    assert printed.err.count("\n") == 1
    assert names(folder) == ["a.wav", "in.wav", "out/in.wav"]
    with pytest.raises(ValueError, match="NaN"):
        run(*arguments, "--debug", "--force")


def test_warning_is_one_line_that_names_the_file(folder, capsys):
    loud = 0.99 * np.sign(noise(2000))
    for name in ("a.wav", "b.wav"):
        write(name, loud, subtype="PCM_16")
    assert run("upsample", "a.wav", "b.wav", "--output-folder=out", *SPLINE, "--quiet") == 0
    lines = capsys.readouterr().err.splitlines()
    prefix = "python -m sklearn_audiosr upsample: "
    assert [line.partition("reaches")[0] for line in lines] == [
        f"{prefix}a.wav: warning: a.wav ",
        f"{prefix}b.wav: warning: b.wav ",
    ]


def test_ctrl_c_in_the_second_file_keeps_the_first(folder, capsys, monkeypatch):
    write("b.wav", noise(1, 100))
    read_blocks = blocks.read_blocks

    def interrupted(reader, *rest):
        yield from read_blocks(reader, *rest)
        if reader.channels == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(upsampling, "read_blocks", interrupted)
    assert run("upsample", "in.wav", "b.wav", "--output-folder=out", *SPLINE) == 130
    printed = capsys.readouterr()
    assert printed.err == "python -m sklearn_audiosr upsample: interrupted\n"
    assert names(folder) == ["b.wav", "in.wav", "out/in.wav"]


def test_bar_moves_by_the_seconds_that_are_done(folder, monkeypatch):
    bars = []

    class Bar(list):
        n = 0

        def __init__(self, label, seconds, *, quiet):
            bars.append((label, seconds, quiet, self))

        def update(self, seconds):
            self.n += seconds
            self.append(self.n)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

    monkeypatch.setattr(upsample, "open_bar", Bar)
    monkeypatch.setattr(blocks, "N_READ", 16000)
    write("narrow.wav", noise(1, 14000), 4000)
    assert run("upsample", "narrow.wav", "a.wav", "--model=speech-4x-16k") == 0
    assert run("upsample", "in.wav", "b.wav", *SPLINE, "--quiet") == 0
    assert bars == [
        (
            "narrow.wav",
            3.5,
            False,
            [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 3.5],
        ),  # the last when the stream is flushed
        ("in.wav", 0.5, True, [0.25, 0.5, 0.5]),
    ]


def test_json_stays_json_where_a_file_fails(folder, capsys):
    write("a.wav", [np.inf])
    assert run("upsample", "a.wav", "in.wav", "--output-folder=out", *SPLINE, "--json") == 1
    assert [json.loads(s)["source"] for s in capsys.readouterr().out.splitlines()] == ["in.wav"]
