"""Each experiment of the paper: its arithmetic, and its rows on the bundled clips."""

import re

import numpy as np
import pytest
from paper_runs import has_cuda, make_folders, rows_of, run_all_commands, shorten
from scipy import signal, stats
from scipy.interpolate import CubicSpline

from paper import diverse_music, noise_models, table_3
from paper.figure_3 import NOT_IN_PAPER, relative_l2
from paper.presets import PRESETS
from paper.scores import compare
from paper.table_2 import make_estimators
from sklearn_audiosr.datasets import load_speech

folders = pytest.fixture(scope="session")(make_folders)
written = pytest.fixture(scope="session")(run_all_commands)

# --- arithmetic


def test_relative_l2_is_the_geometric_mean():
    errors = np.array([0.1, 0.4, 0.025])
    mean_snr = np.mean(-20 * np.log10(errors))
    assert relative_l2([mean_snr])[0] == pytest.approx(stats.gmean(errors))


@pytest.mark.parametrize("name", ["gaussian", "laplace"])
def test_coverage_of_noise_that_is_as_the_model_says(name):
    rng = np.random.default_rng(0)
    std = rng.uniform(0.1, 2, 200_000)
    laplace = rng.laplace(0, np.sqrt(0.5), 200_000)
    errors = rng.standard_normal(200_000) if name == "gaussian" else laplace
    Y = list((errors * std).reshape(4, -1))
    found = noise_models.cover(Y, [np.zeros(50_000)] * 4, list(std.reshape(4, -1)), name)
    for level, covered in found["coverage"].items():
        assert covered == pytest.approx(float(level), abs=0.005)
    entropy = {"gaussian": 0.5 * np.log(2 * np.pi * np.e), "laplace": 1 + np.log(2 * 0.5**0.5)}
    assert found["nll"] == pytest.approx(entropy[name] + np.log(std).mean(), abs=0.01)


def test_checks_of_table_3_see_a_cure_that_fails():
    def row(trained_on, tested_on, snr, method="network"):
        clips = [{"name": str(i), "group": "a", "snr": snr + i / 10, "lsd": 1, "lsd_natural": 2}
                 for i in range(3)]  # fmt: skip
        scores = {"snr": snr, "clips": clips}
        return {"method": method, "trained_on": trained_on, "tested_on": tested_on,
                "scores": scores}  # fmt: skip

    def rows(random_snr):
        filters = table_3.FILTERS
        cells = [row(f, g, 30 if f == g else 12) for f in filters for g in filters if f != "fir"]
        cells += [row("fir", g, 30 if g == "fir" else 20.5) for g in filters]  # 9.5 dB lost
        return cells + [row("random", f, random_snr) for f in filters]

    text = table_3.format_checks(table_3.check(rows(29)))
    assert "none -1.00 [-1.00, -1.00]" in text
    assert "cell of the paper's filters: yes; in 3 of 3 cells" in text
    assert "21, won by 17.0 dB or more" in text
    assert "causal filter 4 mismatched" in text
    text = table_3.format_checks(table_3.check(rows(15)))
    assert "cell of the paper's filters: **no**; in 0 of 3 cells" in text
    assert text.count("**no**") == 2


@pytest.mark.parametrize(("name", "n_draws"), [("cpu", 6), ("paper", 6)])
def test_random_filters_take_twice_the_steps(name, n_draws):
    preset = PRESETS[name]
    estimator, decimators = table_3.prepare(preset.resolver(), "random", 2)
    assert len(decimators) == n_draws
    assert n_draws * estimator.max_epochs == pytest.approx(2 * preset.epochs, rel=0.01)
    clips = [np.random.default_rng(0).standard_normal(800)] * 8
    heard = [np.concatenate(decimator.fit_transform(clips)) for decimator in decimators]
    assert len({x.tobytes() for x in heard}) == len(decimators)


def test_paper_preset_is_the_papers():
    resolver = PRESETS["paper"].resolver()
    assert (resolver.max_epochs, resolver.learning_rate) == (400, 1e-4)
    assert (resolver.network.width, resolver.network.dropout) == (1, "auto")
    assert (resolver.patch_length, resolver.precision) == (8192, "auto")  # bfloat16 on CUDA
    assert PRESETS["paper"].dnn().hidden_layer_sizes == (2048, 2048, 2048)


# --- rows


@pytest.mark.parametrize("ratio", [2, 4, 6])
def test_rows_of_table_2(written, ratio):
    rows = {row["method"]: row for row in rows_of(written, "table_2", ratio=ratio)}
    dnn = ["dnn"] if ratio != 6 else []  # powers of two only
    layout = ["network, layout paper"] if ratio == 4 else []
    assert list(rows) == ["ideal lowband", "spline", "linear", *dnn, "network", *layout]
    if layout:
        assert "layout='paper'" in rows[layout[0]]["estimator"]
        assert "layout" not in rows["network"]["estimator"]
    assert rows["network"]["network_minus_this"] is None
    for method in set(rows) - {"network"}:
        for metric, interval in rows[method]["network_minus_this"].items():
            means = [rows[m]["scores"][metric] for m in ("network", method)]
            assert interval["difference"] == pytest.approx(means[0] - means[1])
            assert interval["low"] <= interval["difference"] <= interval["high"]
            assert interval["n_units"] == 5


def test_differences_to_itself_are_nothing(written):
    (row,) = rows_of(written, "table_2", ratio=2, method="linear")
    interval = compare(row["scores"], row["scores"])["lsd"]
    assert (interval["difference"], interval["low"], interval["high"]) == (0, 0, 0)


def score_spline(y, ratio):
    """SNR and both LSDs of a clip, by scipy and by hand."""
    y = y.astype(float)
    x = signal.decimate(y, ratio, n=8, ftype="iir", zero_phase=True)
    y_pred = CubicSpline(np.arange(len(x)), x)(np.arange(len(y)) / ratio)
    snr = 10 * np.log10(np.sum(y**2) / np.sum((y - y_pred) ** 2))
    window, logs = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048), []
    for wave in (y, y_pred):
        padded = np.pad(wave, 1024, mode="reflect")
        starts = range(0, len(padded) - 2047, 512)
        frames = np.array([padded[s : s + 2048] * window for s in starts])
        logs.append(np.log(np.maximum(np.abs(np.fft.rfft(frames)) ** 2, 1e-8)))
    lsd = np.mean(np.sqrt(np.mean((logs[0] - logs[1]) ** 2, axis=1)))
    return snr, lsd / np.log(10), lsd


@pytest.mark.parametrize("ratio", [2, 4, 6])
def test_spline_rows_agree_with_an_independent_computation(written, ratio):
    (row,) = rows_of(written, "table_2", ratio=ratio, method="spline")
    speech = load_speech()
    clips = dict(zip(speech.filenames, speech.clips, strict=True))
    tested = [shorten(clips[clip["name"]]) for clip in row["scores"]["clips"]]
    expected = [score_spline(clip, ratio) for clip in tested]
    assert len(expected) == 5
    for metric, column in zip(("snr", "lsd", "lsd_natural"), np.transpose(expected), strict=True):
        found = [clip[metric] for clip in row["scores"]["clips"]]
        np.testing.assert_allclose(found, column, atol=0.1)


def test_figure_1_is_of_the_built_network(written):
    layers = written.results["figure_1"]["layers"]
    assert [layer["filters"] for layer in layers[:5]] == [4, 8, 16, 16, 16]
    assert [layer["kernel"] for layer in layers] == [65, 33, 17, 9, 9, 9, 17, 33, 65, 9]
    assert [layer["n_timepoints"] for layer in layers] == [
        4096, 2048, 1024, 512, 256, 512, 1024, 2048, 4096, 8192,
    ]  # fmt: skip
    assert layers[-1]["out_channels"] == 1
    assert [layer["in_channels"] for layer in layers[6:9]] == [32, 32, 16]  # with what was stacked


def test_figure_3_has_all_epochs_of_all_variants(written):
    rows = written.results["figure_3"]["rows"]
    assert all(len(row["validation_l2"]) == 6 for row in rows)  # three points an epoch
    full, no_residual, neither, no_skip = rows
    assert full["validation_l2"][-1] < no_residual["validation_l2"][-1]  # it starts at the spline
    assert no_skip["n_parameters"] == neither["n_parameters"] < full["n_parameters"]
    assert full["n_parameters"] == no_residual["n_parameters"]


def test_figure_3_removes_the_connections_as_the_paper_does(written):
    """The paper removes the residual, then the skip connections as well; the fourth is ours."""
    rows = {row["variant"]: row["estimator"] for row in written.results["figure_3"]["rows"]}
    removed = {
        variant: {name for name in ("additive_residual", "skip_connections")
                  if f"{name}=False" in estimator}
        for variant, estimator in rows.items()
    }  # fmt: skip
    assert removed == {
        "full": set(),
        "no additive residual": {"additive_residual"},
        "neither residual nor skips": {"additive_residual", "skip_connections"},
        "no skip connections": {"skip_connections"},
    }
    assert NOT_IN_PAPER == ("no skip connections",)


def test_diverse_music_has_the_dense_network(written):
    rows = {row["method"]: row for row in written.results["diverse_music"]["rows"]}
    assert list(rows) == ["spline", "linear", "dnn", "network", "wider network"]
    assert rows["dnn"]["estimator"].startswith("DNNBandwidthExtender(")
    summary = diverse_music.summarize(written.results["diverse_music"])
    assert summary.count("gains") == 2  # of the two networks


def test_diverse_music_at_a_ratio_that_the_dense_network_lacks():
    assert list(make_estimators(PRESETS["cpu"], 6)) == ["spline", "linear", "network"]


def test_scaling_takes_as_many_steps(written):
    rows = rows_of(written, "scaling", axis="audio", method="network")
    minutes = [row["minutes"] for row in rows]
    epochs = [int(re.search(r"max_epochs=(\d+)", row["estimator"]).group(1)) for row in rows]
    assert minutes[:2] == pytest.approx([0.06, 0.3], abs=0.01)
    assert minutes[2] > 1.5
    assert epochs == [10, 2, 1]  # an epoch at least
    for method in ("linear", "dnn", "network"):
        sizes = [r["n_parameters"] for r in rows_of(written, "scaling", axis="size", method=method)]
        assert sizes == sorted(set(sizes))
        assert len(sizes) == 3


def test_table_3_has_every_cell(written):
    results = written.results["table_3"]
    cells = {(r["method"], r["trained_on"], r["tested_on"]) for r in results["rows"]}
    assert len(cells) == (7 + 7 + 1) * 6
    delay = [r for r in results["rows"] if (r["method"], r["tested_on"]) ==
             ("spline", "chebyshev, causal")]  # fmt: skip
    (straight,) = rows_of(written, "table_3", method="spline", tested_on="chebyshev")
    assert delay[0]["scores"]["snr"] < straight["scores"]["snr"] - 10
    assert list(results["checks"]["random_minus_matched"]) == table_3.ZERO_PHASE
    assert {(r["trained_on"], r["tested_on"]) for r in results["transfer"]} > {
        ("bundled-piano", "bundled-speech"), ("bundled-speech", "bundled-piano"),
    }  # fmt: skip


def test_table_1_leaves_a_test_for_listeners(written, folders):
    results = written.results["table_1"]
    folder = folders.work / results["folder"]
    assert (folder / "key.json").is_file()
    assert (folder / "page" / "index.html").is_file()
    assert len(results["recordings"]) == 4
    assert [row["method"] for row in results["rows"]] == ["spline", "dnn", "network"]
    table = (written.folder / f"{written.stems['table_1']}.rst").read_text()
    assert "No listeners have been asked" in table


def test_noise_models_report_coverage(written):
    rows = written.results["noise_models"]["rows"]
    assert [row["noise_model"] for row in rows] == [None, "gaussian", "laplace", "heteroscedastic"]
    for row in rows[1:]:
        coverage = list(row["uncertainty"]["coverage"].values())
        assert 0 < coverage[0] < coverage[1] < coverage[2] < coverage[3] <= 1
        assert np.isfinite(row["uncertainty"]["nll"])


def test_speed_says_what_was_not_run(written):
    rows = written.results["speed"]["rows"]
    on_cpu = {row["method"]: row for row in rows if row["device"] == "cpu"}
    assert set(on_cpu) == {"spline", "linear", "dnn", "network, width 0.03125"}
    assert on_cpu["spline"]["predict"] < on_cpu["network, width 0.03125"]["predict"]
    if not has_cuda():
        table = (written.folder / f"{written.stems['speed']}.rst").read_text()
        assert table.count("not run") == 4
