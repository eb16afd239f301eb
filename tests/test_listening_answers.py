"""Files of answers and of the key: what is read, what is refused, what is warned of."""

import codecs
import json
import re
import zlib
from importlib.resources import files

import pytest
from listening_helpers import make_key, mutate, read_json, scores_of, write_panel

from sklearn_audiosr.listening import analyze
from sklearn_audiosr.listening._answers import MIN_HEARD, checksum

panel = pytest.fixture(write_panel)


SCORE = ("trials", 0, "stimuli", 0, "score")
HEARD = ("trials", 1, "stimuli", 2, "heard")
REFERENCE_HEARD = ("trials", 0, "reference", "heard")


MUTATIONS = {
    "format": (("format",), "something", "of the format 'sklearn-audiosr listening answers'"),
    "earlier version": (("version",), 1, "version 2, got 1"),
    "test": (("test",), "ffff", "of the test '0123456789ab'.*got 'ffff'"),
    "listener": (("listener",), "  ", "listener must not be empty"),
    "listener's type": (("listener",), 7, "listener must be of the type str, got 7"),
    "transducer": (("transducer",), "bone", "transducer must be one of"),
    "device": (("device_rate",), None, "device_rate must be of the type int or float"),
    "device at 0 Hz": (("device_rate",), 0, "device_rate must be above 0 and finite, got 0"),
    "device at NaN": (("device_rate",), float("nan"), "device_rate must be above 0.*got nan"),
    "device is true": (("device_rate",), True, "device_rate must be of the type.*got True"),
    "simulated": (("simulated",), "yes", "simulated must be true or false, got 'yes'"),
    "trials": (("trials",), {}, "trials must be of the type list"),
    "no trials": (("trials",), [], "the 2 trials of the test, got none for t0, t1"),
    "trial": (("trials", 0, "trial"), "t7", "got none for t0"),
    "trial twice": (("trials", 0, "trial"), "t1", "each trial must be answered once, got 't1'"),
    "stimulus": (("trials", 0, "stimuli", 0, "stimulus"), "s11", "none for s00"),
    "stimuli": (("trials", 0, "stimuli"), 5, "trial 't0': stimuli must be of the type list"),
    "high score": (SCORE, 101, "score of stimulus 's00' must be an integer.*got 101"),
    "low score": (SCORE, -1, "got -1"),
    "no score": (SCORE, None, "got None"),
    "text": (SCORE, "50", "got '50'"),
    "fraction": (SCORE, 50.5, "got 50.5"),
    "truth": (SCORE, True, "got True"),
    "seconds": (("trials", 0, "seconds"), -1, "seconds must be at least 0"),
    "NaN": (("trials", 0, "seconds"), float("nan"), "seconds must be at least 0 and finite"),
    "comment": (("trials", 0, "comment"), None, "comment must be of the type str"),
    "unheard": (HEARD, 0, "trial 't1': stimulus 's12' must have been heard for at least 0.5 s"),
    "hardly heard": (HEARD, 0.49, "heard for at least 0.5 s, got 0.49 s.*leave the file out"),
    "heard of NaN": (HEARD, float("nan"), "heard for at least 0.5 s, got nan s"),
    "no word of hearing": (HEARD, None, "stimulus 's12': heard must be of the type int or float"),
    "reference unheard": (REFERENCE_HEARD, 0, "trial 't0': the reference must have been heard"),
    "no reference": (("trials", 0, "reference"), None, "reference must be of the type dict"),
}


@pytest.mark.parametrize("case", MUTATIONS)
def test_wrong_answers(case, panel, tmp_path):
    panel(scores_of(2, 2))
    keys, value, message = MUTATIONS[case]
    mutate(tmp_path / "answers" / "1.json", *keys, value=value)
    with pytest.raises(ValueError, match=r"1\.json.*" + message):
        analyze(tmp_path / "answers", tmp_path)


def test_the_page_waits_as_long_as_analyze_needs():
    player = files("sklearn_audiosr.listening").joinpath("page", "player.js").read_text()
    assert float(re.search(r"MIN_LOOP = ([\d.]+);", player).group(1)) == MIN_HEARD


def test_simulated_listeners_need_not_hear(panel, tmp_path):
    panel(scores_of(1, 2))
    path = tmp_path / "answers" / "0.json"
    mutate(path, "simulated", value=True)
    mutate(path, "trials", 0, "stimuli", 0, "heard", value=0)
    assert analyze(path, tmp_path).scores.shape == (1, 2, 5)


def test_unknown_trial(panel, tmp_path):
    panel(scores_of(1, 2))
    path = tmp_path / "answers" / "0.json"
    content = read_json(path)
    content["trials"].append({**content["trials"][0], "trial": "t9"})
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"0\.json.*unknown ones: t9"):
        analyze(path, tmp_path)


# What someone may be tempted to change, and what no one would think of.
EDITS = {
    "score": (("trials", 0, "stimuli", 1, "score"), 61),
    "simulated": (("simulated",), True),
    "device": (("device_rate",), 44100),
    "seconds": (("trials", 1, "seconds"), 12.25),
    "comment": (("trials", 0, "comment"), "clicks"),
    "listener": (("listener",), "Z"),
    "transducer": (("transducer",), "loudspeakers"),
    "another field": (("finished",), "2026-01-01"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_edits_are_noticed(edit, panel, tmp_path):
    panel(scores_of(1, 2))
    keys, value = EDITS[edit]
    mutate(tmp_path / "answers" / "0.json", *keys, value=value, mend=False)
    with pytest.raises(ValueError, match=r"0\.json.*another checksum.*edited or damaged"):
        analyze(tmp_path / "answers", tmp_path)


def test_checksum_is_that_of_canonical_json():
    answers = {
        "simulated": True,
        "rate": 48000.0,
        "checksum": 7,
        "listener": 'Zoë \u2028\t"',
        "trials": [{"seconds": 12.5, "heard": 1.0, "comment": "cut \ud83d"}, None],
    }
    canonical = (
        b'{"listener":"Zo\xc3\xab \xe2\x80\xa8\\t\\"","rate":48000,"simulated":true,'
        b'"trials":[{"comment":"cut \\ud83d","heard":1,"seconds":12.5},null]}'
    )
    assert checksum(answers) == zlib.crc32(canonical)


def test_order_of_fields_and_blanks_do_not_matter(panel, tmp_path):
    """Mail programs, editors and tools may write the same JSON in other ways."""
    expected = panel(scores_of(1, 2)).scores
    path = tmp_path / "answers" / "0.json"
    path.write_text(json.dumps(read_json(path), indent=4, sort_keys=True).replace("\n", "\r\n"))
    assert (analyze(path, tmp_path).scores == expected).all()


def test_half_a_character_in_a_comment_is_kept(panel, tmp_path):
    """A comment that was cut at the maximum length may end with one."""
    panel(scores_of(1, 2))
    path = tmp_path / "answers" / "0.json"
    mutate(path, "trials", 0, "comment", value="so good \ud83d")
    assert analyze(path, tmp_path).comments == [("A", "r0", "so good \ud83d")]


@pytest.mark.parametrize("name", ["key.json", "answers/0.json"])
def test_byte_order_mark_of_an_editor_is_passed_over(name, panel, tmp_path):
    expected = panel(scores_of(1, 2)).scores
    path = tmp_path / name
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    assert (analyze(tmp_path / "answers", tmp_path).scores == expected).all()


@pytest.mark.parametrize("content", ["", "{", "[1]", '"text"', "\xff\xfe", "null"])
def test_files_that_are_no_answers(content, panel, tmp_path):
    panel(scores_of(1, 2))
    path = tmp_path / "other.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match=r"answers .*other\.json must be a"):
        analyze([path], tmp_path)
    with pytest.raises(ValueError, match=r"key .*other\.json must be a"):
        analyze(tmp_path / "answers", path)


def test_files_that_are_not_there(panel, tmp_path):
    panel(scores_of(1, 2))
    with pytest.raises(FileNotFoundError, match="answers must be a file, got.*absent"):
        analyze([tmp_path / "absent"], tmp_path)
    with pytest.raises(FileNotFoundError, match="key must be a file"):
        analyze(tmp_path / "answers", tmp_path / "absent")
    with pytest.raises(ValueError, match=r"at least 1 file of answers, got none"):
        analyze([], tmp_path)


def test_answers_beside_the_key(panel, tmp_path):
    """A key is skipped, whatever its name and its test."""
    panel(scores_of(2, 2))
    folder = tmp_path / "answers"
    (tmp_path / "key.json").rename(folder / "key.json")
    other = {**read_json(folder / "key.json"), "test": "another"}
    (folder / "1 key of another test.json").write_text(json.dumps(other))
    assert analyze(folder, folder).listeners == ["A", "B"]
    assert analyze(sorted(folder.glob("*.json")), folder).listeners == ["A", "B"]


def test_folders_without_answers(panel, tmp_path):
    panel(scores_of(1, 2))
    with pytest.raises(ValueError, match=r"got nothing but the key .*key\.json: pass what"):
        analyze(tmp_path, tmp_path)
    with pytest.raises(ValueError, match=r"got nothing but the key .*key\.json: pass what"):
        analyze(tmp_path / "key.json", tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "answers.txt").write_text("{}")
    with pytest.raises(ValueError, match=r"at least 1 file.*empty without any \.json file: pass"):
        analyze(tmp_path / "empty", tmp_path)


def test_only_visible_json_files_of_a_folder_are_read(panel, tmp_path):
    panel(scores_of(2, 2))
    folder = tmp_path / "answers"
    (folder / "1.json").rename(folder / "1.JSON")
    (folder / "._1.json").write_bytes(b"\x00\x05\x16\x07")  # a Mac's, on a USB stick
    (folder / "notes.txt").write_text("no answers")
    (folder / "old.json").mkdir()
    assert analyze(folder, tmp_path).listeners == ["A", "B"]
    (folder / "2.json").write_text('{"of": "something else"}')
    with pytest.raises(ValueError, match=r"2\.json must be a file of the format.*got None: take"):
        analyze(folder, tmp_path)


def twice(key):
    key["trials"][1]["recording"] = "r0"


WRONG_KEYS = {
    "another system": (
        lambda key: key["trials"][1]["stimuli"].update(s10="z"),
        "'r1' must have a stimulus for each system, got",
    ),
    "systems of several kinds": (
        lambda key: key["trials"][1]["stimuli"].update(s10=5),
        "'r1' must have a stimulus for each system, got",
    ),
    "no trials": (lambda key: key["trials"].clear(), "recordings must be texts, at least 1.*got"),
    "a recording twice": (twice, r"recordings must be.*all different, got \['r0', 'r0'\]"),
    "a trial twice": (
        lambda key: key["trials"][1].update(id="t0"),
        r"ids of trials must be.*all different, got \['t0', 't0'\]",
    ),
    "no reference": (
        lambda key: key.update(make_key(["a", "low anchor"], ["r0"])),
        "systems must hold the hidden reference, got",
    ),
    "a system twice": (
        lambda key: key.update(make_key(["hidden reference", "a", "a"], ["r0"])),
        "systems must be texts, at least 1 and all different",
    ),
    "a rate that is true": (
        lambda key: key.update(sampling_rate=True),
        "of the type int, got True",
    ),
}


@pytest.mark.parametrize("case", WRONG_KEYS)
def test_key_that_is_no_key(case, panel, tmp_path):
    panel(scores_of(1, 2))
    change, message = WRONG_KEYS[case]
    key = read_json(tmp_path / "key.json")
    change(key)
    (tmp_path / "key.json").write_text(json.dumps(key))
    with pytest.raises(ValueError, match=r"key .*key\.json: .*" + message):
        analyze(tmp_path / "answers", tmp_path)


def test_listener_who_comes_twice(panel, tmp_path):
    panel(scores_of(2, 2))
    mutate(tmp_path / "answers" / "1.json", "listener", value="A")
    with pytest.raises(ValueError, match=r"each listener once, got 'A' in .*0\.json and .*1\.json"):
        analyze(tmp_path / "answers", tmp_path)


def test_real_and_simulated_listeners_are_not_mixed(panel, tmp_path):
    panel(scores_of(2, 2))
    mutate(tmp_path / "answers" / "1.json", "simulated", value=True)
    with pytest.raises(ValueError, match="real listeners or of simulated ones"):
        analyze(tmp_path / "answers", tmp_path)


def test_headphones_and_loudspeakers_are_warned_of(panel, tmp_path):
    panel(scores_of(2, 2))
    mutate(tmp_path / "answers" / "1.json", "transducer", value="loudspeakers")
    with pytest.warns(UserWarning, match="headphones, others with loudspeakers") as caught:
        analyze(tmp_path / "answers", tmp_path)
    assert caught[0].filename == __file__


def test_devices_without_highband_are_warned_of(panel, tmp_path):
    panel(scores_of(3, 2))
    mutate(tmp_path / "answers" / "0.json", "device_rate", value=16000)
    mutate(tmp_path / "answers" / "1.json", "device_rate", value=8000)
    with pytest.warns(UserWarning, match="devices of B played at a lower rate.*16000 Hz") as caught:
        analyze(tmp_path / "answers", tmp_path)
    assert caught[0].filename == __file__
