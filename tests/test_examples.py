"""The examples run, and what they state holds."""

import os
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "examples"


# A linear filter hardly predicts any highband: more SNR than the ideal lowband's is an error.
ABOVE_BOUND = 0.02  # dB


def check_first_upsampling(example):
    snr, lsd = example["snr"], example["lsd"]
    assert snr["linear filter"] > max(snr["spline"], snr["network"])
    assert snr["linear filter"] <= snr["ideal lowband"] + ABOVE_BOUND
    assert lsd["network"] < min(lsd["spline"], lsd["linear filter"]) - 0.3
    assert lsd["ideal lowband"] == max(lsd.values())
    players = example["Players"](example["clips"])._repr_html_()
    assert players.count("<audio controls src='data:audio/wav;base64,UklGR") == 5  # "RIFF"


def check_grid_search(example):
    names = example["names"]
    assert len(names) == len(set(names)) == 8
    assert names[example["best_snr"]].startswith("linear filter")
    assert names[example["best_lsd"]].startswith("network")
    assert example["search"].best_index_ == example["best_snr"]
    linear = [name.startswith("linear filter") for name in names]
    assert example["snr"][linear].max() <= example["bound_snr"] + ABOVE_BOUND
    assert example["lsd"].max() < example["bound_lsd"]


def check_cross_validation(example):
    assert example["bias"]["dense network"] < -0.03
    assert abs(example["bias"]["linear filter"]) < 0.03
    for how in ("split", "by speaker"):
        assert example["mean_snr"]["linear filter", how] <= example["bound_snr"] + ABOVE_BOUND


def check_linear_baseline(example):
    snr, lsd = example["snr"], example["lsd"]
    spline, linear, ideal = (
        np.array(snr[name]) for name in ("spline", "linear filter", "ideal lowband")
    )
    assert example["ratios"] == [2, 4, 6]
    assert (linear > spline + 0.4).all()
    assert (linear <= ideal + ABOVE_BOUND).all()
    assert (linear > ideal - [1.3, 0.1, 0.1]).all()
    assert min(lsd["linear filter"]) > 2


def check_fine_tuning(example):
    gain, further, snr = example["gain"], example["gain_further"], example["snr"]
    assert gain["ked"] > max(0.5, further["ked"] + 0.3)
    assert gain["ked"] > gain["rms"] > -0.1
    assert snr["ked", "fine-tuned"] > snr["ked", "ideal lowband"] + 0.3
    for name in ("ked", "rms"):
        assert snr[name, "linear filter"] <= snr[name, "ideal lowband"] + ABOVE_BOUND


def check_streaming(example):
    assert max([*example["differences"].values(), example["pipe_difference"]]) < 1e-5
    for _, lag in example["lags"].values():
        assert example["latency_ms"] - 3 < lag.max() <= example["latency_ms"]
    assert example["latencies"][4] == example["resolver"].latency_
    assert example["info"].frames == 4 * len(example["x"])


def check_other_time_series(example):
    snr = {key: values.mean() for key, (values, _) in example["scores"].items()}
    missed = {key: np.abs(errors).mean() for key, (_, errors) in example["scores"].items()}
    names = ["spline", "linear filter", "ideal lowband", "network", "noise bound"]
    rising = [snr["as recorded", name] for name in names]
    assert (np.diff(rising) > 1).all()
    assert example["gain"].min() > 0
    assert missed["as recorded", "network"] < missed["as recorded", "linear filter"] / 2
    # a linear filter scores a series and its negative alike
    swapped = snr["leads swapped", "linear filter"]
    assert abs(swapped - snr["as recorded", "linear filter"]) < 1e-4
    assert snr["leads swapped", "network"] < swapped - 0.5
    assert missed["leads swapped", "network"] > missed["leads swapped", "linear filter"]


def check_listening_test(example):
    loudness, overall = example["loudness"], example["result"].overall
    assert max(loudness) - min(loudness) < 0.02
    assert set(example["result"].excluded) == {"careless-001", "careless-002"}
    for name, score in example["planted"].items():
        assert overall[name]["low"] <= score <= overall[name]["high"]
    assert example["seen"][-1] > 0.9 > example["seen"][0] + 0.2
    mean, difference = example["widths"].values()
    assert all(d < m for d, m in zip(difference, mean, strict=True))


def check_uncertainty(example):
    coverage, score = example["coverage"], example["score"]
    assert 0.85 < coverage["heteroscedastic"]["all"] < 0.95
    assert score["heteroscedastic"] < 0.9 * min(score["gaussian"], score["laplace"])
    for noise_model in ("gaussian", "laplace"):  # one width for all
        assert coverage[noise_model]["weak half"] > 0.99
        assert coverage[noise_model]["strong tenth"] < 0.7
    assert coverage["heteroscedastic"]["weak half"] < 0.985
    snr, lsd, draw = example["snr"], example["lsd"], "heteroscedastic, a draw"
    assert snr["gaussian"] > snr["heteroscedastic"] > snr[draw] + 1
    assert lsd[draw] < lsd["heteroscedastic"] - 0.5
    voice, hiss = (slice(example[i] - 320, example[i] + 320) for i in ("voice", "hiss"))
    errors, band = np.abs(example["errors"]), 1.645 * example["y_std"]
    for part, least in [(voice, 0.2), (example["time"], 0.3)]:  # machines train other weights
        assert np.corrcoef(np.log(errors[part] + 1e-4), np.log(band[part]))[0, 1] > least
    assert (errors <= band)[voice].mean() > 0.55
    assert (errors <= band)[hiss].mean() < 0.7
    assert np.ptp(example["coverage_by_clip"]["test clips"]) > 0.03


def check_fidelity_and_plausibility(example):
    snr, lsd = example["snr"], example["lsd"]
    assert (np.diff(snr) < 0).all()
    assert example["best_snr"] == 0
    assert example["best_lsd"] >= 1
    quarter = list(example["gains"]).index(0.25)
    assert lsd[0] - lsd[quarter] > 0.75 * (lsd[0] - lsd.min())
    assert snr[0] - snr[quarter] < 0.05
    assert snr[-3] > example["spline_snr"]  # 0.75


def check_augmentation(example):
    snr, lsd, cost = example["snr"], example["lsd"], example["cost"]
    plain, augmented = example["networks"]
    assert cost[plain] > 0.2
    assert cost[augmented] < cost[plain] / 2
    assert abs(cost["linear filter"]) < 1e-3
    assert example["gain"]["inverted"] > 0.2
    assert np.mean([*example["gain"].values()]) > 0.1
    assert np.mean([lsd[c, augmented] - lsd[c, plain] for c in example["chains"]]) > -0.1
    for chain in example["chains"]:
        linear = snr[chain, "linear filter"]
        assert linear <= snr[chain, "ideal lowband"] + ABOVE_BOUND
        assert max(snr[chain, plain], snr[chain, augmented]) < linear


def check_one_distance(example):
    columns = {name: list(row.values()) for name, row in example["table"].items()}
    lsd, over_time, line, harmonics = (
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    )
    assert example["by_lsd"] == "long frames"
    assert over_time["long frames"] > 3 * max(over_time[n] for n in over_time if n != "long frames")
    assert abs(lsd["buzz"] - lsd["noise"]) < 0.02
    assert line["buzz"] > 10
    assert max(line[name] for name in line if name != "buzz") < 2
    assert harmonics["harmonics"] > 0.8 > 0.4 > harmonics["noise"] > harmonics["buzz"]
    spectra = example["spectra"]  # 62.5 Hz is the 32nd
    assert spectra["buzz"][32] > spectra["noise"][32] + 10


CHECKS = {
    "plot_01_first_upsampling.py": check_first_upsampling,
    "plot_02_grid_search.py": check_grid_search,
    "plot_03_cross_validation_by_speaker.py": check_cross_validation,
    "plot_04_linear_baseline.py": check_linear_baseline,
    "plot_05_fine_tuning.py": check_fine_tuning,
    "plot_06_streaming.py": check_streaming,
    "plot_07_other_time_series.py": check_other_time_series,
    "plot_08_uncertainty.py": check_uncertainty,
    "plot_09_listening_test.py": check_listening_test,
    "plot_10_fidelity_and_plausibility.py": check_fidelity_and_plausibility,
    "plot_11_augmentation.py": check_augmentation,
    "plot_12_one_distance_is_not_enough.py": check_one_distance,
}


def test_every_example_has_a_check():
    assert {path.name for path in FOLDER.glob("*.py")} == set(CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize("name", CHECKS)
def test_example(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = set(plt.get_fignums())
    with plt.rc_context({"backend": "Agg"}):
        example = runpy.run_path(str(FOLDER / name))
    assert set(plt.get_fignums()) - before, "an example shows a figure"
    plt.close("all")
    assert os.listdir(tmp_path) == [], "an example leaves no file behind"
    CHECKS[name](example)
