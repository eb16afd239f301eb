"""The panel of figures, its record, and the check that no recorded figure has worsened."""

import argparse
import copy
import csv

import numpy as np
import pytest
import soundfile

from benchmarks import bench_panel, check_panel
from benchmarks.bench_panel import INTERPOLATION, format_case, measure_case, merge, name_rows
from benchmarks.check_panel import compare, find_problems
from sklearn_audiosr import AudioSuperResolver, SplineUpsampler
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import ideal_lowband
from tools import panel
from tools.panel import COLUMNS, measure_panel, panel_header, summarise

RATE, RATIO, NAME = 16000, 4, "speech-4x-16k"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Two clips of two seconds to train on, four to test, and one that is too short."""
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "speech_multi").mkdir()
    rows = []
    for i, clip in enumerate(load_speech().clips[:7]):
        clip = clip[: RATE if i == 6 else 2 * RATE]
        path, split = f"speech_multi/{i}.wav", "train" if i < 2 else "test"
        soundfile.write(folder / path, clip, RATE)
        duration = len(clip) / RATE
        rows.append({"path": path, "pack": "speech_multi", "split": split, "duration_s": duration})
    with (folder / "MANIFEST.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


class Model(SplineUpsampler):
    """A spline that passes for a model, with images of any gain."""

    def __init__(self, gain=1.0, highband_gain=0.5):
        self.gain, self.highband_gain = gain, highband_gain
        self.sampling_rate, self.upsampling_ratio_ = RATE, RATIO

    def predict(self, X, highband_gain=0.5):
        Y = SplineUpsampler().fit([np.ones(2)], [np.ones(2 * RATIO)]).predict(X)
        below = ideal_lowband(Y, RATIO)
        gain = 200 * self.gain * highband_gain
        return [self.gain * low + gain * (y - low) for y, low in zip(Y, below, strict=True)]


@pytest.fixture(scope="module")
def args(recordings):
    return argparse.Namespace(
        recordings=recordings, perceptual="off",
        packs=["speech_multi"], filters=["chebyshev1"],
    )  # fmt: skip


@pytest.fixture(scope="module")
def case(recordings):
    scores = {"perceptual": [], "visqol_clips": 0}
    return measure_case(
        {NAME: Model()}, (RATIO, "speech_multi", "chebyshev1"), recordings, 24, scores
    )


# --- figures -----------------------------------------------------------------------------------


def test_errors_and_tolerances_of_known_values():
    """Differences from the other method are all 1 but one: the tolerance is smaller than the error.

    Of four values with squared deviations 4, 4, 4, 4 the standard error is sqrt(16 / 3 / 4).
    """
    values = {"snr_db": np.array([8.0, 12, 8, 12]), "pesq": np.array([2.0, np.nan, 2, 2])}
    figures = summarise(values, {"snr_db": np.array([7.0, 11, 7, 12])})
    assert figures["snr_db"]["value"] == 10
    assert figures["snr_db"]["error"] == pytest.approx((4 / 3) ** 0.5, abs=1e-4)
    assert figures["snr_db"]["tolerance"] == pytest.approx(0.25)
    assert figures["pesq"] == {"value": 2, "error": 0, "tolerance": COLUMNS["pesq"].least}
    assert summarise({"pauses_db": np.full(2, np.nan)}) == {}


def test_the_jackknife_of_a_mean_is_its_standard_error(monkeypatch):
    monkeypatch.setattr(panel, "_pool", lambda Y, *_: (np.mean(Y), 62.5, np.mean(Y) ** 0))
    Y = [1.0, 5.0, 3.0, 2.0, 7.0, 6.0]
    figures = panel.measure_together(Y, Y, RATE, RATIO)
    assert figures["line_db"]["value"] == 4
    assert figures["line_db"]["error"] == pytest.approx(np.std(Y, ddof=1) / 6**0.5, abs=1e-5)
    assert figures["line_hz"] == {"value": 62.5}
    assert figures["harmonics"] == {"value": 1, "error": 0}
    assert "error" not in panel.measure_together(Y, Y, RATE, RATIO, with_errors=False)["line_db"]


def test_a_buzz_stands_in_the_panel_and_an_empty_highband_has_none():
    Y = [clip[: 2 * RATE] for clip in load_speech().clips[:3]]
    buzz = 1 + 0.5 * np.cos(2 * np.pi * 62.5 * np.arange(2 * RATE) / RATE)
    low = ideal_lowband(Y, RATIO)
    buzzing = [b + buzz * (y - b) for y, b in zip(Y, low, strict=True)]
    figures = measure_panel(Y, buzzing, RATE, RATIO)
    assert figures["line_db"]["value"] > 8
    assert figures["line_hz"]["value"] == pytest.approx(62.5, abs=1)
    empty = measure_panel(Y, low, RATE, RATIO)
    assert empty["snr_db"]["value"] > 0
    assert not {"line_db", "line_hz", "harmonics"} & empty.keys()
    cells = dict(zip(panel_header(), panel.format_panel(empty), strict=True))
    assert cells["at (Hz)"] == cells["line (dB)"] == cells["PESQ"] == "-"
    assert "±" in cells["LSD"]


def test_clips_are_evenly_spaced():
    assert panel.choose_evenly(range(49), 24) == list(range(0, 48, 2))
    assert panel.choose_evenly(range(3), 24) == [0, 1, 2]


# --- tables ------------------------------------------------------------------------------------


def test_a_model_has_rows_at_its_gain_and_at_zero():
    assert name_rows(NAME, Model()) == {NAME: 0.5, f"{NAME}, highband_gain=0": 0}
    assert name_rows("spline", SplineUpsampler()) == {"spline": None}
    assert name_rows("zero", AudioSuperResolver(highband_gain=0.0)) == {"zero": 0}


def test_a_table_has_all_methods_on_the_clips_of_the_split(case):
    assert case["clips"] == [f"speech_multi/{i}.wav" for i in range(2, 6)]  # one is too short
    rows = [INTERPOLATION, "ideal lowband", "spline", "linear filter", *name_rows(NAME, Model())]
    assert list(case["rows"]) == rows
    assert case["rows"]["ideal lowband"]["lsd_log10"]["value"] > 2
    assert case["rows"][NAME]["bias_db"]["value"] > -20
    assert case["rows"][NAME].keys() >= {"line_db", "harmonics"}
    assert case["gains"] == name_rows(NAME, Model())
    text = format_case(case)
    assert text.startswith("**r = 4, 4 clips of test speakers of speech_multi, behind the paper's")
    assert all(f"\n{name}" in text for name in rows)


def test_a_table_that_is_measured_anew_takes_the_place_of_the_recorded_one(case):
    others = [{**case, "filter": "soxr"}, {**case, "ratio": 2}]
    anew = {**case, "clips": []}
    assert merge([case, *others], [anew]) == [others[1], anew, others[0]]


# --- the check ---------------------------------------------------------------------------------


def make_case(**figures):
    """Return a made-up table of one model, whose figures all have a tolerance of 0.1."""
    defaults = {"snr_db": 13.0, "lsd_log10": 1.0, "bias_db": -1.0, "line_db": 0.4, "harmonics": 0.7}
    rows = {k: {"value": v, "tolerance": 0.1} for k, v in {**defaults, **figures}.items() if v}
    return {"clips": ["a.wav", "b.wav"], "rows": {NAME: rows}}


@pytest.mark.parametrize(
    "figures",
    [
        {},
        {"snr_db": 12.95, "lsd_log10": 1.05, "bias_db": -1.05, "line_db": 1.05, "harmonics": 0.65},
        {"snr_db": 15.0, "lsd_log10": 0.5, "bias_db": 0.5, "line_db": -1.0, "harmonics": 1.2},
    ],
    ids=["the same", "within the tolerance", "better"],
)
def test_figures_that_are_no_worse_pass(figures):
    assert compare(make_case(), make_case(**figures), [NAME]) == []


@pytest.mark.parametrize(
    ("figures", "problem"),
    [
        ({"snr_db": 12.8}, "SNR (dB) is 12.80, it was 13.00: worse by 0.2, more than 0.1"),
        ({"lsd_log10": 1.2}, "LSD is 1.200, it was 1.000: worse by 0.2, more than 0.1"),
        ({"bias_db": 1.5}, "bias (dB) is 1.5, it was -1.0: worse by 0.5, more than 0.1"),
        ({"line_db": 3.0}, "line (dB) is 3.0, it was 0.4: worse by 2, more than 0.1"),
        ({"harmonics": 1.5}, "harmonics is 1.50, it was 0.70: worse by 0.2, more than 0.1"),
        ({"line_db": None}, "line (dB) has no value, it was 0.4"),
    ],
)
def test_a_figure_that_has_worsened_is_named(figures, problem):
    assert compare(make_case(), make_case(**figures), [NAME]) == [f"{NAME}: {problem}"]


def test_pauses_below_the_reference_are_as_good_as_any():
    recorded = make_case(pauses_db=-9.0)
    assert compare(recorded, make_case(pauses_db=0.05), [NAME]) == []
    (problem,) = compare(recorded, make_case(pauses_db=0.5), [NAME])
    assert "worse by 0.5" in problem


def test_a_missing_row_and_other_clips_are_problems():
    recorded, measured = make_case(), make_case()
    (problem,) = compare({**recorded, "rows": {}}, measured, [NAME])
    assert problem.startswith(f"{NAME}: no figures are recorded")
    (problem,) = compare({**recorded, "clips": ["a.wav"]}, measured, [NAME])
    assert "other clips" in problem


def test_levels_of_an_empty_highband_are_not_compared(case):
    full, empty = (case["rows"][row] for row in name_rows(NAME, Model()))
    for name in ("temporal_db2", "shape_db2", "bias_db", "pauses_db"):
        assert "tolerance" in full.get(name, {"tolerance": 1})  # there may be no pauses
        assert "tolerance" not in empty.get(name, {})
    assert "tolerance" in empty["snr_db"]


def test_perceptual_scores_count_where_they_are_measured():
    recorded = make_case(pesq=2.5)
    assert compare(recorded, make_case(), [NAME]) == []
    assert len(compare(recorded, make_case(pesq=2.0), [NAME])) == 1


def test_models_are_measured_again_and_compared(case, args, capsys):
    assert list(find_problems([case], {NAME: Model()}, args)) == []
    assert "no problems" in capsys.readouterr().out
    problems = list(find_problems([case], {NAME: Model(gain=0.5)}, args))
    assert any(f"{NAME}, highband_gain=0: SNR (dB)" in problem for problem in problems)
    assert any(f"{NAME}: bias (dB)" in problem for problem in problems)
    other = copy.deepcopy(case)
    other["ratio"] = 2
    (problem,) = find_problems([other], {NAME: Model()}, args)
    assert "are recorded" in problem


def test_the_command_fails_with_a_list(case, recordings, monkeypatch):
    monkeypatch.setattr(check_panel, "pretrained_names", lambda: (NAME,))
    monkeypatch.setattr(bench_panel, "load_pretrained", lambda name: Model(gain=0.5))
    monkeypatch.setattr(check_panel, "read_recorded", lambda: [case])
    options = "--packs speech_multi --filters chebyshev1 --perceptual off --recordings"
    monkeypatch.setattr("sys.argv", ["check_panel", *options.split(), str(recordings)])
    with pytest.raises(SystemExit, match=rf"{NAME}: LSD is .*, it was .*: worse by"):
        check_panel.main()


@pytest.mark.parametrize("command", [bench_panel, check_panel])
def test_without_recordings_the_commands_say_so(command, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["command", "--recordings", str(tmp_path)])
    command.main()
    assert capsys.readouterr().out.startswith("skipped: no MANIFEST.csv")
