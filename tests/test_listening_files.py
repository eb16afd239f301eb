"""Folders of a test and of its export: what is in them, and that nothing else is touched."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from listening_helpers import RATE, SYSTEMS, make_pairs, make_two_trials, read_json, write_test

from sklearn_audiosr.listening import export_webmushra, make_listening_test, make_stimuli
from sklearn_audiosr.listening._page import paragraphs

pairs = pytest.fixture(scope="module")(make_pairs)
stimuli = pytest.fixture(scope="module")(make_two_trials)
folder_of_test = pytest.fixture(scope="module")(write_test)


def read_signals(path):
    """Return the trial and the encoded clips that a page plays, by the names that it knows."""
    trial, content = re.fullmatch(r'receiveSignals\("(\w+)", (.*)\);\n', path.read_text()).groups()
    signals = {name: base64.b64decode(text) for name, text in json.loads(content).items()}
    return trial, signals


def test_key_tells_what_the_page_plays(folder_of_test, stimuli):
    trials = {trial["id"]: trial for trial in read_json(folder_of_test / "key.json")["trials"]}
    paths = sorted((folder_of_test / "page" / "audio").iterdir())
    assert [path.stem for path in paths] == sorted(trials)
    for path in paths:
        trial, signals = read_signals(path)
        clips = stimuli.clips[trials[trial]["recording"]]
        names = trials[trial]["stimuli"]
        assert set(names.values()) == set(SYSTEMS)
        for name, system in {**names, "reference": "hidden reference"}.items():
            clip, rate = soundfile.read(io.BytesIO(signals[name]), always_2d=True)
            assert rate == 48000
            np.testing.assert_allclose(clip.T, clips[system], atol=2**-16 + 1e-9)


def test_page_knows_no_names(folder_of_test):
    """Neither a name nor an order on the page says which stimulus is which."""
    pages = list((folder_of_test / "page").rglob("*.*"))
    assert len(pages) == 10
    for path in pages:
        text = path.read_text() + str(path.relative_to(folder_of_test))
        for word in ("zebra", "yak", "aardvark", "bee", "anchor", "narrowband"):
            # base64 may hold short words
            assert not re.search(rf"\b{word}\b", text), (path, word)
    for path in (folder_of_test / "page" / "audio").iterdir():
        names = list(read_signals(path)[1])
        assert names == ["reference", *sorted(names[1:])]
        assert all(re.fullmatch("[0-9a-f]{8}", name) for name in names[1:])
    settings = (folder_of_test / "page" / "test.js").read_text()
    trials = json.loads(settings.partition(" = ")[2].rstrip(";\n"))["trials"]
    assert trials == sorted(trials, key=lambda trial: trial["id"])
    for trial in trials:
        assert trial["stimuli"] == sorted(trial["stimuli"])


def test_page_is_complete(folder_of_test):
    page = folder_of_test / "page"
    index = (page / "index.html").read_text()
    for name in re.findall(r'(?:src|href)="([\w.]+)"', index):
        assert (page / name).is_file()
    assert "http" not in "".join(p.read_text() for p in page.glob("*.[hcj][ts]*"))


def test_seed_draws_names(stimuli, tmp_path):
    ids = []
    for name, seed in [("a", 1), ("b", 1), ("c", 2)]:
        make_listening_test(stimuli, tmp_path / name, random_state=seed)
        key = read_json(tmp_path / name / "key.json")
        ids.append((key["test"], tuple(key["trials"][0]["stimuli"])))
    assert ids[0] == ids[1]
    assert ids[0][0] != ids[2][0]
    assert not set(ids[0][1]) & set(ids[2][1])


def test_other_texts_or_sounds_are_another_test(pairs, tmp_path):
    Y = pairs[1]
    quiet = make_stimuli({"zebra": Y}, Y, sampling_rate=RATE, loudness=-24)
    loud = make_stimuli({"zebra": Y}, Y, sampling_rate=RATE)
    tests = set()
    for i, (content, title) in enumerate([(quiet, "a"), (loud, "a"), (loud, "b")]):
        make_listening_test(content, tmp_path / str(i), title=title, random_state=0)
        tests.add(read_json(tmp_path / str(i) / "key.json")["test"])
    assert len(tests) == 3


def test_rate_may_be_a_number_of_an_array(pairs, tmp_path):
    stimuli = make_stimuli({"zebra": pairs[1]}, pairs[1], sampling_rate=np.int64(RATE))
    make_listening_test(stimuli, tmp_path / "test")
    assert read_json(tmp_path / "test" / "key.json")["sampling_rate"] == RATE


@pytest.mark.parametrize("gap", ["\n\n", "\r\n\r\n", "\n \t\n", "\n\n\n"])
def test_paragraphs_are_separated_by_empty_lines(gap):
    assert paragraphs(f"\n one\ntwo{gap}three ") == ["one two", "three"]


def make(stimuli, folder, **options):
    return make_listening_test(stimuli, folder, random_state=0, **options)


def export(stimuli, folder, **options):
    return export_webmushra(stimuli, folder, random_state=0, **options)


def files_of(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("write", [make, export])
def test_folder_of_a_test_is_replaced_on_demand_only(write, stimuli, tmp_path):
    folder = tmp_path / "test"
    folder.mkdir()
    write(stimuli, folder, title="first")  # an empty folder is as good as none
    before = files_of(folder)
    with pytest.raises(FileExistsError, match="new or empty.*overwrite=True"):
        write(stimuli, folder)
    assert files_of(folder) == before
    write(stimuli, folder, title="second", overwrite=True)
    assert files_of(folder).keys() == before.keys()
    assert files_of(folder) != before
    (folder / "answers").mkdir()
    with pytest.raises(FileExistsError, match="nothing but an earlier test.*answers"):
        write(stimuli, folder, overwrite=True)
    assert (folder / "answers").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["test"]


@pytest.mark.parametrize("write", [make, export])
def test_failure_leaves_nothing_behind(write, stimuli, tmp_path, monkeypatch):
    folder = tmp_path / "test"
    write(stimuli, folder)
    before, written = files_of(folder), []
    write_bytes = Path.write_bytes

    def fail_later(self, content):
        if len(written) == 3:
            raise OSError("disk full")
        written.append(self)
        return write_bytes(self, content)

    monkeypatch.setattr(Path, "write_bytes", fail_later)
    for target in (folder, tmp_path / "other"):
        written.clear()
        with pytest.raises(OSError, match="disk full"):
            write(stimuli, target, overwrite=True)
    assert files_of(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["test"]


@pytest.mark.parametrize("write", [make, export])
def test_places_that_cannot_be(write, stimuli, tmp_path):
    with pytest.raises(FileNotFoundError, match="make .*absent first"):
        write(stimuli, tmp_path / "absent" / "test")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="got the file"):
        write(stimuli, tmp_path / "file")
    with pytest.raises(ValueError, match="'stimuli' parameter"):
        write({"a": 1}, tmp_path / "test")


def test_answers_saved_beside_the_page_are_not_deleted(stimuli, tmp_path):
    folder = tmp_path / "test"
    make_listening_test(stimuli, folder)
    (folder / "page" / "my_answers.json").write_text("{}")
    with pytest.raises(FileExistsError, match="nothing but an earlier test.*page/my_answers.json"):
        make_listening_test(stimuli, folder, overwrite=True)
    assert (folder / "page" / "my_answers.json").read_text() == "{}"


def test_another_export_is_not_deleted(stimuli, tmp_path):
    export_webmushra(stimuli, tmp_path / "export", name="first")
    with pytest.raises(FileExistsError, match="configs/first.yaml"):
        export_webmushra(stimuli, tmp_path / "export", name="second", overwrite=True)
    assert export_webmushra(stimuli, tmp_path / "export", name="first", overwrite=True).is_file()
