"""The commands of paper/: what they leave, run again, interrupted, and wrongly called."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import matplotlib.image
import numpy as np
import pytest
import soundfile
from paper_runs import TINY_NAME, has_cuda, make_corpus, make_folders, run, run_all_commands

import sklearn_audiosr
from paper.command import RESULTS, main, make_parser, name_files
from paper.experiment import IRRELEVANT, Bench, code_version
from paper.presets import PRESETS
from paper.report import write_atomically, write_report
from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr._training.step import TrainingStep
from sklearn_audiosr.degradation import Decimator

folders = pytest.fixture(scope="session")(make_folders)
written = pytest.fixture(scope="session")(run_all_commands)


# --- files


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


@pytest.mark.parametrize("name", RESULTS)
def test_files_of_a_command(written, name):
    stem = written.stems[name]
    table = (written.folder / f"{stem}.rst").read_text()
    card = (written.folder / f"{stem}_card.rst").read_text()
    assert re.search(r"^=+  =+", table, re.MULTILINE)
    assert f"python -m paper {name}" in card
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


@pytest.mark.parametrize(
    ("options", "stem"),
    [
        ([], "table_2"),
        (["--width", "0.5"], "table_2_width_0.5"),
        (["--ratios", "3"], "table_2_ratios_3"),
        (["--ratios", "2", "4", "--epochs", "5"], "table_2_ratios_2_4_epochs_5"),
        (["--width", "0.125", "--seed", "0", "--minutes", "10"], "table_2"),  # the preset's own
        (["--preset", "paper", "--width", "0.125"], "table_2_paper_width_0.125"),
        (["--preset", "paper", "--width", "1"], "table_2_paper"),
        (["--device", "cuda:0"], "table_2_device_cuda-0"),
        (["--recordings", "here/packs"], "table_2_recordings_packs"),
        (["--data", "piano"], "table_2_piano"),
        (["--data", "here/piano"], "table_2_folder-piano"),
        (["--data", "here/mine", "--ratios", "3"], "table_2_mine_ratios_3"),
    ],
)
def test_files_are_named_by_all_that_is_no_default(options, stem):
    args = make_parser().parse_args(["table_2", *options])
    assert name_files("table_2", args.data, args) == stem


# --- again, and after an interruption ----------------------------------------------------------


def test_a_second_run_fits_nothing(written, folders, tmp_path, monkeypatch):
    monkeypatch.setattr(AudioSuperResolver, "fit", lambda *args, **kwargs: pytest.fail("fitted"))
    place = SimpleNamespace(out=tmp_path, work=folders.work)
    run(place, "objectives", "--data", "bundled-speech")
    again = json.loads((tmp_path / f"objectives_bundled-speech_{TINY_NAME}.json").read_text())
    assert again["rows"] == written.results["objectives"]["rows"]
    assert again["card"]["reused_fits"]["n_fits"] == 3
    assert again["card"]["reused_fits"]["cpu_minutes"] > 0


def test_a_row_interrupted_in_its_second_epoch_goes_on(written, tmp_path, monkeypatch, capsys):
    """Ctrl-C in the second epoch of a fit; the same command then needs that epoch only."""
    steps, step = [], TrainingStep.__call__

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
    monkeypatch.setattr(TrainingStep, "__call__", count)
    fit_alone(tmp_path / "other")
    n_all, n_first = len(steps), len(steps) // 2 + 1
    steps.clear()
    monkeypatch.setattr(TrainingStep, "__call__", interrupt)
    with pytest.raises(SystemExit) as stopped:
        run(place, *command)
    assert stopped.value.code == 130
    assert "the same command goes on" in capsys.readouterr().out
    assert not place.out.exists()
    assert len(list(place.work.rglob("*.checkpoint"))) == 1
    steps.clear()
    monkeypatch.setattr(TrainingStep, "__call__", count)
    run(place, *command)
    assert len(steps) == n_all // 2
    assert not list(place.work.rglob("*.checkpoint"))
    assert not list(place.work.rglob("*.clock.json"))
    resumed = json.loads((place.out / f"figure_2_bundled-speech_{TINY_NAME}.json").read_text())
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


def test_what_no_score_depends_on_is_there():
    package = Path(sklearn_audiosr.__file__).parent
    assert [name for name in IRRELEVANT if not (package / name).exists()] == []


# --- wrong command lines -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["table_9"], "table_9"),
        (["table_2", "--data", "nowhere"], "got 'nowhere'"),
        (["table_1", "--data", "bundled-speech", "--ratios", "2"], "r = 4"),
        (["figure_2", "--data", "a/mine", "b/mine"], "got mine twice: rename one"),
        (["figure_2", "--data", "bundled-speech", "bundled-speech"], "got bundled-speech twice"),
    ],
)
def test_wrong_arguments_leave_nothing(tmp_path, arguments, match):
    with pytest.raises(SystemExit, match=match):
        main([*arguments, "--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")])
    assert not (tmp_path / "out").exists()


def test_folder_without_sound(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "notes.txt").write_text("no sound")
    with pytest.raises(SystemExit, match=r"--data .*texts cannot be opened: path must hold audio"):
        main(["figure_2", "--data", str(tmp_path / "texts"), "--work", str(tmp_path / "work")])


def test_full_disk_ends_in_one_line(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("paper.command.write_report", fail)
    with pytest.raises(SystemExit, match=r"figure_1 stopped: .*No space left.*what is done is"):
        main(["figure_1", "--width", "0.03125", "--work", str(tmp_path / "work")])


@pytest.mark.parametrize("arguments", [["--ratios", "1"], ["--epochs", "0"], ["--minutes", "inf"]])
def test_wrong_numbers(arguments, capsys):
    with pytest.raises(SystemExit):
        main(["table_2", *arguments])
    assert "must be" in capsys.readouterr().err


@pytest.mark.skipif(has_cuda(), reason="there is a GPU")
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
    card = json.loads((place.out / f"figure_2_mine_{TINY_NAME}.json").read_text())["card"]
    assert "--data mine " in card["command"]
    assert card["corpora"][0]["name"] == "mine"
