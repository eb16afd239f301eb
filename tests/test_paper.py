"""The experiments of the paper: statistics, corpora, and every command on the bundled clips."""

import json
import os
import re
import time
from pathlib import Path
from types import SimpleNamespace

import matplotlib.image
import numpy as np
import pytest
import soundfile
from paper import corpora, noise_models, table_3
from paper.command import RESULTS, main
from paper.corpora import Corpus, Part, open_corpus, split_groups
from paper.experiment import Bench, code_version
from paper.figure_3 import relative_l2
from paper.presets import PRESETS
from paper.report import write_atomically, write_report
from paper.scores import compare, measure
from paper.statistics import paired_bootstrap
from scipy import signal, stats
from scipy.interpolate import CubicSpline
from sklearn.utils import Bunch

from sklearn_audiosr import AudioSuperResolver, _training
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import Decimator

# The dense network has no option of the command line.
SMALL = PRESETS["cpu"].change(hidden_layer_sizes=(48, 48))
TINY = ["--epochs", "2", "--minutes", "0.3", "--width", "0.03125", "--seed", "3"]

# --- statistics --------------------------------------------------------------------------------


def test_percentiles_are_scipys():
    rng = np.random.default_rng(0)
    a, b = rng.normal(3, 1, 40), rng.normal(2, 1, 40)
    ours = paired_bootstrap(a, b, expand=False, n_resamples=20_000)
    theirs = stats.bootstrap(
        (a - b,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert ours["difference"] == pytest.approx(np.mean(a - b))
    assert ours["low"] == pytest.approx(theirs.low, abs=0.02)
    assert ours["high"] == pytest.approx(theirs.high, abs=0.02)
    assert ours["n_units"] == 40


@pytest.mark.parametrize(("expand", "low", "high"), [(True, 0.93, 0.98), (False, 0.82, 0.91)])
def test_intervals_of_eight_clips_cover(expand, low, high):
    """Plain percentiles of 8 clips cover too little, which the expansion makes good."""
    rng, n_trials = np.random.default_rng(0), 1500
    covered = 0
    for i in range(n_trials):
        found = paired_bootstrap(
            rng.normal(1.0, 2.0, 8), np.zeros(8), expand=expand, n_resamples=1000, seed=i
        )
        covered += found["low"] <= 1.0 <= found["high"]
    assert low < covered / n_trials < high


def test_clips_of_one_speaker_are_no_new_witnesses():
    rng = np.random.default_rng(0)
    speakers = rng.normal(1, 1, 10)
    many = np.repeat(speakers, 20)
    by_clip = paired_bootstrap(speakers, np.zeros(10))
    by_speaker = paired_bootstrap(many, np.zeros(200), np.repeat(np.arange(10), 20))
    assert by_speaker["n_units"] == 10
    assert by_speaker["low"] == pytest.approx(by_clip["low"], abs=0.03)
    assert by_speaker["high"] == pytest.approx(by_clip["high"], abs=0.03)
    naive = paired_bootstrap(many, np.zeros(200))
    assert naive["high"] - naive["low"] < 0.4 * (by_speaker["high"] - by_speaker["low"])


def test_speakers_of_unequal_numbers_weigh_by_their_clips():
    scores, groups = [0, 0, 0, 0, 0, 6.0], list("aaaaab")
    found = paired_bootstrap(scores, np.zeros(6), groups)
    assert found["difference"] == 1
    assert (found["low"], found["high"]) == (0, 6)  # one speaker may be drawn twice


def test_undefined_scores_are_left_out_in_pairs():
    found = paired_bootstrap([1, np.nan, 3, 5], [0, 0, np.nan, 0])
    assert (found["difference"], found["n_units"]) == (3, 2)
    lone = paired_bootstrap([1, np.nan], [0, 0])
    assert lone == {"difference": 1, "low": None, "high": None, "n_units": 1}
    assert paired_bootstrap([np.nan], [0])["difference"] is None


# --- corpora -----------------------------------------------------------------------------------


def make_corpus(n_groups=6, n_clips=4, seconds=2.0, rate=1000):
    rng = np.random.default_rng(0)
    groups = np.repeat([f"s{i}" for i in range(n_groups)], n_clips)
    clips = [rng.standard_normal(round(seconds * rate)).astype(np.float32) for _ in groups]
    part = Part(clips, groups, [f"{g}_{i}" for i, g in enumerate(groups)])
    return Corpus("noise", part, part, "speaker", "none", "none", rate)


def test_split_keeps_groups_whole_and_depends_on_names_alone():
    groups = np.repeat([f"g{i}" for i in range(20)], 3)
    train, test = split_groups(groups, list(map(str, range(60))))
    assert len(test) == 12
    assert not set(groups[train]) & set(groups[test])
    shuffled = np.random.default_rng(0).permutation(60)
    assert set(groups[shuffled][split_groups(groups[shuffled], None)[1]]) == set(groups[test])
    one = split_groups(np.array(["a"] * 10), [str(i) for i in range(10)])
    assert (len(one[0]), len(one[1])) == (8, 2)
    with pytest.raises(SystemExit, match="at least 2 clips"):
        split_groups(np.array(["a"]), ["x"])


def test_limit_takes_groups_in_turn_and_meets_the_minutes():
    corpus = make_corpus()
    limited = corpus.limit(9 / 60)
    assert limited.train.count_timepoints() == 9000
    assert [len(clip) for clip in limited.train.clips] == [2000] * 4 + [1000]
    assert len(set(limited.train.groups)) == 5
    assert limited.test is corpus.test
    assert corpus.limit(9 / 60).train.names == limited.train.names
    assert corpus.limit(9 / 60, seed=1).train.names != limited.train.names
    assert corpus.limit(100).train.count_timepoints() == corpus.train.count_timepoints()


def test_fingerprint_hears_one_timepoint():
    a, b = make_corpus(), make_corpus()
    assert a.identify(a.train) == b.identify(b.train)
    b.train.clips[3][7] += 0.5
    assert a.identify(a.train) != b.identify(b.train)


def test_pack(tmp_path):
    rows = ["path,pack,speaker,split,licence"]
    for name, split in [("a_0", "train"), ("a_1", "valid"), ("b_0", "test")]:
        soundfile.write(tmp_path / f"{name}.flac", np.zeros(32000), 32000)
        rows.append(f"{name}.flac,piano,steinway,{split},CC0")
    (tmp_path / "MANIFEST.csv").write_text("\n".join(rows))
    corpus = open_corpus("piano", tmp_path)
    assert corpus.train.names == ["a_0", "a_1"]  # an estimator holds out its own
    assert corpus.test.groups.tolist() == ["b"]
    assert corpus.licence == "CC0"
    assert len(corpus.test.clips[0]) == 16000
    with pytest.raises(SystemExit, match="lists no clips of music"):
        open_corpus("music", tmp_path)


def test_music_that_repeats_stays_on_one_side():
    rows = [{"pack": "music", "speaker": "flactest", "path": f"flactest_0{i}.flac"} for i in (3, 4)]
    assert {corpora._name_piece(row) for row in rows} == {"flactest"}
    row = {"pack": "music", "speaker": "sonicpi", "path": "sonicpi_ride_via.flac"}
    assert corpora._name_piece(row) == "sonicpi_ride_via"


def test_fetched_corpus_is_read_when_asked_for(monkeypatch, tmp_path):
    class Lazy:
        n_timepoints = np.array([16000] * 5)

        def __init__(self, indices=range(5)):
            self.indices = list(indices)

        def __len__(self):
            return len(self.indices)

        def __getitem__(self, i):
            return Lazy(i) if isinstance(i, np.ndarray) else np.full(16000, self.indices[i], "f")

    bunch = Bunch(
        clips=Lazy(), groups=np.array(list("aabbc")), filenames=list("vwxyz"), licence="ODC",
        sampling_rate=16000, train=np.array([0, 1]), validation=np.array([2]),
        test=np.array([4]),
    )  # fmt: skip
    monkeypatch.setattr(corpora.datasets, "fetch_vctk", {"multi_speaker": bunch}.get, raising=False)
    corpus = open_corpus("vctk-multi", tmp_path)
    assert isinstance(corpus.train.clips, Lazy)
    assert corpus.train.names == ["v", "w", "x"]
    assert corpus.test.clips[0][0] == 4


def test_wrong_corpora_are_named(tmp_path):
    with pytest.raises(SystemExit, match="bundled-speech.*got 'nothing'"):
        open_corpus("nothing", tmp_path)
    with pytest.raises(SystemExit, match="--recordings"):
        open_corpus("piano", tmp_path)


# --- what is left behind -----------------------------------------------------------------------


def test_report_is_all_or_nothing(tmp_path):
    card = {"command": "", "corpora": [], "degradations": [], "preset": {}, "metrics": "",
            "intervals": "", "seed": 0, "versions": {}, "commit": "", "cpu_minutes": 0,
            "machine": {"gpu": None, "processor": "", "cores": 1, "threads": 1},
            "wall_minutes": 0, "reused_fits": {"n_fits": 0, "cpu_minutes": 0}}  # fmt: skip
    folder = tmp_path / "out"

    def draw(path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_report(folder, "x", {"card": card}, "table", draw)
    with pytest.raises(ValueError, match="JSON"):
        write_report(folder, "x", {"card": card, "snr": float("nan")}, "table")
    assert not list(folder.iterdir())
    paths = write_report(folder, "x", {"card": card}, "table")
    assert [path.name for path in paths][-1] == "x.json"
    assert {path.name for path in folder.iterdir()} == {"x.rst", "x_card.rst", "x.json"}


def test_write_atomically_keeps_the_old_file(tmp_path):
    write_atomically(tmp_path / "a", b"old")
    with pytest.raises(TypeError):
        write_atomically(tmp_path / "a", "no bytes")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_scores_of_silence_and_perfection_are_json():
    y = np.sin(np.arange(4000) / 5).astype(np.float32)
    clips = [np.zeros(4000, "f"), y, y]
    with pytest.warns(match="silent"):
        scores = measure(clips, [y, y, 0.9 * y], list("abc"), list("xyz"))
    assert [clip["snr"] is None for clip in scores["clips"]] == [True, True, False]
    assert scores["snr"] == pytest.approx(20, abs=1e-4)
    assert scores["worst_clip"]["name"] == "c"
    assert scores["lsd_natural"] == pytest.approx(np.log(10) * scores["lsd"])
    json.dumps(scores, allow_nan=False)


# --- single pieces -----------------------------------------------------------------------------


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


# --- the commands ------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Where the commands leave their files: one place for all of pytest's processes."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "paper"
    root.mkdir(exist_ok=True)
    return SimpleNamespace(root=root, out=root / "out", work=root / "work")


def run(folders, *arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "cpu", SMALL)
        main([*arguments, *TINY, "--out", str(folders.out), "--work", str(folders.work)])


@pytest.fixture(scope="session")
def written(folders):
    """All commands but Table 3's on the bundled speech; that on both bundled corpora."""
    single = [name for name in RESULTS if name != "table_3"]

    def run_all():
        run(folders, *single, "--data", "bundled-speech")
        run(folders, "table_3", "--data", "bundled-piano", "bundled-speech")

    once(folders.root, run_all)
    stems = {name: f"{name}_bundled-speech" for name in single}
    stems |= {"figure_1": "figure_1", "table_3": "table_3_bundled-piano_bundled-speech"}
    read = {n: json.loads((folders.out / f"{s}.json").read_text()) for n, s in stems.items()}
    return SimpleNamespace(stems=stems, results=read, folder=folders.out)


def once(root, make):
    """Call a function in the first of pytest's processes that comes; the others wait for it."""
    try:
        (root / "claimed").mkdir()
    except FileExistsError:
        deadline = time.monotonic() + 600
        while not (root / "done").exists() and time.monotonic() < deadline:
            time.sleep(0.2)
        return
    try:
        make()
    finally:
        (root / "done").touch()


@pytest.mark.parametrize("name", RESULTS)
def test_files_of_a_command(written, name):
    stem = written.stems[name]
    table = (written.folder / f"{stem}.rst").read_text()
    card = (written.folder / f"{stem}_card.rst").read_text()
    assert re.search(r"^=+  =+", table, re.MULTILINE)
    assert f"python benchmarks/paper {name}" in card
    everything = table + card + (written.folder / f"{stem}.json").read_text()
    for place in (str(written.folder.parent), str(Path.home()), str(Path(__file__).parents[1])):
        assert place not in everything


@pytest.mark.parametrize("name", RESULTS)
def test_tables_can_be_read_by_docutils(written, name):
    core = pytest.importorskip("docutils.core")
    for stem in (written.stems[name], f"{written.stems[name]}_card"):
        text = (written.folder / f"{stem}.rst").read_text()
        settings = {"halt_level": 2, "report_level": 2}
        html = core.publish_string(text, writer="html5", settings_overrides=settings)
        assert b"<table" in html


@pytest.mark.parametrize("name", RESULTS)
def test_card(written, name):
    card = written.results[name]["card"]
    assert card["command"].endswith("--minutes 0.3 --epochs 2 --width 0.03125 --seed 3")
    assert card["seed"] == card["preset"]["seed"] == 3
    assert {"python", "numpy", "scipy", "scikit-learn", "torch"} < set(card["versions"])
    assert card["machine"]["processor"]
    assert 0 < card["cpu_minutes"] < 5
    assert 0 < card["wall_minutes"]
    if name != "figure_1":
        assert card["corpora"][0]["training"]["n_clips"] > 0
        assert 0 < card["corpora"][0]["training_minutes"] <= 2.5
        assert len(card["corpora"][0]["test"]["sha256_of_names"]) == 16
        assert any("Decimator" in text for text in card["degradations"])


@pytest.mark.parametrize("name", ["figure_1", "figure_2", "figure_3", "scaling"])
def test_pictures_show_something(written, name):
    picture = matplotlib.image.imread(written.folder / f"{written.stems[name]}.png")
    assert min(picture.shape[:2]) > 250
    assert picture[..., :3].std() > 0.05


def all_scores(value):
    """Find every result of `measure` in what a command has written."""
    if isinstance(value, dict):
        if "clips" in value and "worst_clip" in value:
            yield value
        for inner in value.values():
            yield from all_scores(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from all_scores(inner)


@pytest.mark.parametrize("name", [n for n in RESULTS if n not in ("figure_1", "speed")])
def test_means_are_those_of_the_clips(written, name):
    found = list(all_scores(written.results[name]))
    assert len(found) >= 2
    for scores in found:
        for metric in ("snr", "lsd", "lsd_natural"):
            clips = [clip[metric] for clip in scores["clips"]]
            assert scores[metric] == pytest.approx(np.mean(clips))
        worst = min(scores["clips"], key=lambda clip: clip["snr"])
        assert scores["worst_clip"] == {"name": worst["name"], "snr": worst["snr"]}


def rows_of(written, name, **conditions):
    rows = written.results[name]["rows"]
    return [row for row in rows if all(row[k] == v for k, v in conditions.items())]


@pytest.mark.parametrize("ratio", [2, 4, 6])
def test_rows_of_table_2(written, ratio):
    rows = {row["method"]: row for row in rows_of(written, "table_2", ratio=ratio)}
    dnn = ["dnn"] if ratio != 6 else []  # powers of two only
    assert list(rows) == ["ideal lowband", "spline", "linear", *dnn, "network"]
    assert rows["network"]["network_minus_this"] is None
    for method in set(rows) - {"network"}:
        for metric, interval in rows[method]["network_minus_this"].items():
            means = [rows[m]["scores"][metric] for m in ("network", method)]
            assert interval["difference"] == pytest.approx(means[0] - means[1])
            assert interval["low"] <= interval["difference"] <= interval["high"]
            assert interval["n_units"] == 5


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
    expected = [score_spline(clips[clip["name"]], ratio) for clip in row["scores"]["clips"]]
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
    assert len(rows) == 3
    assert all(len(row["validation_l2"]) == 6 for row in rows)  # three points an epoch
    full, no_residual, no_skip = rows
    assert full["validation_l2"][-1] < no_residual["validation_l2"][-1]  # it starts at the spline
    assert no_skip["n_parameters"] < full["n_parameters"]


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
    table = (written.folder / "table_1_bundled-speech.rst").read_text()
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
    if not _has_cuda():
        table = (written.folder / f"{written.stems['speed']}.rst").read_text()
        assert table.count("not run") == 4


def _has_cuda():
    import torch

    return torch.cuda.is_available()


# --- again, and after an interruption ----------------------------------------------------------


def test_a_second_run_fits_nothing(written, folders, tmp_path, monkeypatch):
    monkeypatch.setattr(AudioSuperResolver, "fit", lambda *args, **kwargs: pytest.fail("fitted"))
    place = SimpleNamespace(out=tmp_path, work=folders.work)
    run(place, "objectives", "--data", "bundled-speech")
    again = json.loads((tmp_path / "objectives_bundled-speech.json").read_text())
    assert again["rows"] == written.results["objectives"]["rows"]
    assert again["card"]["reused_fits"]["n_fits"] == 3
    assert again["card"]["reused_fits"]["cpu_minutes"] > 0


def test_a_row_interrupted_in_its_second_epoch_goes_on(written, tmp_path, monkeypatch, capsys):
    """Ctrl-C in the second epoch of a fit; the same command then needs that epoch only."""
    steps, step = [], _training._Step.__call__

    def count(self, n_patches):
        steps.append(n_patches)
        return step(self, n_patches)

    def interrupt(self, n_patches):
        if len(steps) == n_first:
            raise KeyboardInterrupt
        return count(self, n_patches)

    place = SimpleNamespace(out=tmp_path / "out", work=tmp_path / "work")
    command = ("figure_2", "--data", "bundled-speech")
    (reference,) = [r for r in written.results["figure_2"]["rows"] if r["method"] == "network"]
    monkeypatch.setattr(_training._Step, "__call__", count)
    fit_alone(tmp_path / "other")
    n_all, n_first = len(steps), len(steps) // 2 + 1
    steps.clear()
    monkeypatch.setattr(_training._Step, "__call__", interrupt)
    with pytest.warns(UserWarning, match="interrupted"), pytest.raises(SystemExit) as stopped:
        run(place, *command)
    assert stopped.value.code == 130
    assert "the same command goes on" in capsys.readouterr().out
    assert not place.out.exists()
    assert len(list(place.work.rglob("*.checkpoint"))) == 1
    steps.clear()
    monkeypatch.setattr(_training._Step, "__call__", count)
    run(place, *command)
    assert len(steps) == n_all // 2
    assert not list(place.work.rglob("*.checkpoint"))
    assert not list(place.work.rglob("*.clock.json"))
    resumed = json.loads((place.out / "figure_2_bundled-speech.json").read_text())
    (row,) = [r for r in resumed["rows"] if r["method"] == "network"]
    assert row["scores"]["snr"] == pytest.approx(reference["scores"]["snr"], abs=1e-4)
    assert row["scores"]["lsd"] == pytest.approx(reference["scores"]["lsd"], abs=1e-3)


def fit_alone(work):
    """Fit the network of figure 2 without an interruption."""
    preset = PRESETS["cpu"].change(minutes=0.3, epochs=2, width=1 / 32, seed=3)
    bench = Bench(preset, ["bundled-speech"], work, work)
    return bench.fit(preset.resolver(), bench.open("bundled-speech"), Decimator(4))


def test_fits_are_kept_by_all_that_they_depend_on(tmp_path):
    bench = Bench(PRESETS["cpu"], [], tmp_path, tmp_path)
    corpus, other = make_corpus(), make_corpus()
    other.train.clips[0][0] += 1
    preset = PRESETS["cpu"].change(width=1 / 32, epochs=1)

    def key(estimator=None, corpus=corpus, decimator=None):
        estimator = estimator or preset.resolver(validation_fraction=0)
        return bench.fit(estimator, corpus, decimator or Decimator(2)).key

    keys = {
        key(),
        key(corpus=other),
        key(decimator=Decimator(2, cutoff=0.7)),
        key(preset.resolver(validation_fraction=0, learning_rate=1e-4)),
        key(preset.resolver(preset.network(skip_connections=False), validation_fraction=0)),
    }
    assert len(keys) == 5
    assert key() in keys
    assert bench.reused["n_fits"] == 1
    assert len(code_version()) == 16


def test_differences_to_itself_are_nothing(written):
    (row,) = rows_of(written, "table_2", ratio=2, method="linear")
    interval = compare(row["scores"], row["scores"])["lsd"]
    assert (interval["difference"], interval["low"], interval["high"]) == (0, 0, 0)


# --- wrong command lines -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["table_9"], "table_9"),
        (["table_2", "--data", "nowhere"], "got 'nowhere'"),
        (["table_1", "--data", "bundled-speech", "--ratios", "2"], "r = 4"),
    ],
)
def test_wrong_arguments_leave_nothing(tmp_path, arguments, match):
    with pytest.raises(SystemExit, match=match):
        main([*arguments, "--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [["--ratios", "1"], ["--epochs", "0"], ["--minutes", "inf"]])
def test_wrong_numbers(arguments, capsys):
    with pytest.raises(SystemExit):
        main(["table_2", *arguments])
    assert "must be" in capsys.readouterr().err


@pytest.mark.skipif(_has_cuda(), reason="there is a GPU")
def test_paper_preset_asks_for_a_gpu():
    with pytest.raises(SystemExit, match="--device cpu"):
        main(["table_2", "--preset", "paper"])


def test_a_folder_is_named_by_its_last_part(tmp_path):
    folder = tmp_path / "mine"
    rng = np.random.default_rng(0)
    for i in range(4):
        (folder / f"take{i}").mkdir(parents=True)
        noise = 0.1 * rng.standard_normal(16000)
        soundfile.write(folder / f"take{i}" / "a.wav", noise, 16000)
    place = SimpleNamespace(out=tmp_path / "out", work=tmp_path / "work")
    run(place, "figure_2", "--data", str(folder))
    card = json.loads((place.out / "figure_2_mine.json").read_text())["card"]
    assert "--data mine " in card["command"]
    assert card["corpora"][0]["name"] == "mine"
