"""Answers of listeners: the files that the page saves, checked and joined with the key."""

import json
import os
import warnings
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np

from sklearn_audiosr.listening._page import KEY_FORMAT, KEY_VERSION
from sklearn_audiosr.listening._stimuli import REFERENCE

# Version 1 left simulated and device_rate out of its checksum: it is refused.
ANSWERS_FORMAT, ANSWERS_VERSION = "sklearn-audiosr listening answers", 2
TRANSDUCERS = ("headphones", "loudspeakers")

_KEY_FIELDS = {
    **{"test": str, "title": str, "sampling_rate": int},
    **{"systems": list, "trials": list},
}


_ORIGINS = {
    "key": "take the key.json that make_listening_test wrote",
    "answers": "take the file that the page saved",
}


def read_key(key):
    """Read the key of a test from its file, or from the folder that holds it."""
    path = Path(key) / "key.json" if Path(key).is_dir() else Path(key)
    where = f"key {path}"
    content = _load_json(path, "key")
    _check_format(content, where, "key", KEY_FORMAT, KEY_VERSION)
    for field, kind in _KEY_FIELDS.items():
        _field(content, field, kind, where)
    systems, trials = content["systems"], content["trials"]
    for trial in trials:
        stimuli = _field(trial, "stimuli", dict, where)
        need = f"{_field(trial, 'recording', str, where)!r} must have a stimulus for each system"
        _need(
            sorted(map(repr, stimuli.values())) == sorted(map(repr, systems)), where, need, stimuli
        )
    _need_distinct(systems, "systems", where)
    _need(REFERENCE in systems, where, f"systems must hold the {REFERENCE}", systems)
    _need_distinct([trial["recording"] for trial in trials], "recordings", where)
    _need_distinct([_field(trial, "id", str, where) for trial in trials], "ids of trials", where)
    return content


def read_panel(files, key):
    """Read the answers of all listeners, in the order of their ids: see `_read_answers`."""
    contents = [(path, _load_json(path, "answers")) for path in _find_files(files)]
    keys = [path for path, content in contents if _has_format(content, KEY_FORMAT)]
    answers = [_read_answers(path, content, key) for path, content in contents if path not in keys]
    if not answers:
        raise ValueError(
            "files must name at least 1 file of answers, got "
            f"{f'nothing but the key {keys[0]}' if keys else 'none'}: pass what the listeners' "
            "pages saved."
        )
    answers.sort(key=lambda answer: answer["listener"])
    for first, second in pairwise(answers):
        if first["listener"] == second["listener"]:
            raise ValueError(
                f"files must hold each listener once, got {first['listener']!r} in "
                f"{first['path']} and {second['path']}: leave one out, or give each listener an id "
                "of their own."
            )
    if len({answer["simulated"] for answer in answers}) > 1:
        raise ValueError(
            "files must be of real listeners or of simulated ones, got both: leave out those that "
            "simulate_answers made."
        )
    if len({answer["transducer"] for answer in answers}) > 1:
        warnings.warn(
            "Some listened with headphones, others with loudspeakers: the Recommendation (section "
            "8) wants the same for all. Analyse them apart, or say so in the report.",
            UserWarning,
            stacklevel=4,  # past analyze and validate_params
        )
    deaf = [a["listener"] for a in answers if a["device_rate"] < key["sampling_rate"]]
    if deaf:
        warnings.warn(
            f"The devices of {', '.join(deaf)} played at a lower rate than the recordings have, "
            f"{key['sampling_rate']} Hz, so that their highband was not heard: leave them out.",
            UserWarning,
            stacklevel=4,
        )
    return answers


def _find_files(files):
    """Return the files as paths, those of a folder by their names."""
    if not isinstance(files, (str, os.PathLike)):
        return [Path(path) for path in files]
    if not Path(files).is_dir():
        return [Path(files)]
    found = sorted(path for path in Path(files).iterdir() if _may_hold_answers(path))
    if not found:
        raise ValueError(
            f"files must name at least 1 file of answers, got the folder {files} without any .json "
            "file: pass the folder that holds what the listeners' pages saved."
        )
    return found


def _may_hold_answers(path):
    # a Mac puts a hidden "._name.json" beside every file on a USB stick
    return path.suffix.lower() == ".json" and not path.name.startswith(".") and path.is_file()


def _read_answers(path, content, key):
    """Check one listener's answers.

    Returns
    -------
    answers : dict
        Of the listener: "path", "listener", "transducer", "device_rate", "simulated", "scores" of
        shape (n_recordings, n_systems) in the key's order, "seconds" and "comments", one a
        recording.
    """
    where = f"answers {path}"
    _check_format(content, where, "answers", ANSWERS_FORMAT, ANSWERS_VERSION)
    if _field(content, "test", str, where) != key["test"]:
        raise ValueError(
            f"{where} must be of the test {key['test']!r} ({key['title']!r}), got "
            f"{content['test']!r}: take the key of the same test, or leave the file out."
        )
    listener = _field(content, "listener", str, where).strip()
    _need(listener, where, "listener must not be empty", "got blanks")
    transducer = _field(content, "transducer", str, where)
    _need(transducer in TRANSDUCERS, where, f"transducer must be one of {TRANSDUCERS}", transducer)
    device_rate = _field(content, "device_rate", (int, float), where)
    need = "device_rate must be above 0 and finite"
    _need(0 < device_rate < float("inf"), where, need, device_rate)
    simulated = content.get("simulated", False)
    _need(isinstance(simulated, bool), where, "simulated must be true or false", repr(simulated))
    trials = _by_id(_field(content, "trials", list, where), "trial", where)
    _same_ids(trials, [trial["id"] for trial in key["trials"]], "trials", where)
    scores, seconds, comments = [], [], []
    for trial in key["trials"]:
        place = f"{where}, trial {trial['id']!r}"
        answered = trials[trial["id"]]
        scores.append(_read_scores(answered, trial, key["systems"], place))
        seconds.append(_read_seconds(answered, place))
        comments.append(_field(answered, "comment", str, place))
    _check_sum(content, where)
    return {
        "path": path,
        "listener": listener,
        "transducer": transducer,
        "device_rate": device_rate,
        "simulated": simulated,
        "scores": np.array(scores, dtype=float),
        "seconds": seconds,
        "comments": comments,
    }


def _read_scores(answered, trial, systems, where):
    """Scores of one trial in the order of the systems."""
    stimuli = _by_id(_field(answered, "stimuli", list, where), "stimulus", where)
    _same_ids(stimuli, list(trial["stimuli"]), "stimuli", where)
    scores = {}
    for stimulus, system in trial["stimuli"].items():
        score = stimuli[stimulus].get("score")
        legal = isinstance(score, int) and not isinstance(score, bool) and 0 <= score <= 100
        need = f"the score of stimulus {stimulus!r} must be an integer from 0 to 100"
        _need(legal, where, need, repr(score))
        scores[system] = score
    return [scores[system] for system in systems]


def _read_seconds(answered, where):
    seconds = _field(answered, "seconds", (int, float), where)
    _need(0 <= seconds < float("inf"), where, "seconds must be at least 0 and finite", seconds)
    return seconds


def checksum(answers):
    """Return the CRC-32 of every field but "checksum"; session.js computes the same.

    It is taken of their canonical JSON (RFC 8785: fields by their names, no blanks), so that
    neither the order of fields nor white space matters.
    """
    fields = _unify({name: value for name, value in answers.items() if name != "checksum"})
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # half of a surrogate pair, which a comment that was cut off may hold, is escaped in JavaScript
    return zlib.crc32(text.encode(errors="backslashreplace"))


def _unify(value):
    """Give whole numbers as int: JavaScript writes 12, where Python writes 12.0."""
    if isinstance(value, dict):
        return {name: _unify(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_unify(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_sum(content, where):
    _need(
        content.get("checksum") == checksum(content),
        where,
        "must be as the page saved it",
        "another checksum: the file was edited or damaged, ask the listener for the original",
    )


def _load_json(path, name):
    if not path.is_file():
        raise FileNotFoundError(f"{name} must be a file, got {path}: check the path.")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))  # editors may add a mark
    except ValueError as error:  # no JSON, or no UTF-8
        raise ValueError(
            f"{name} {path} must be a JSON file in UTF-8, got: {error}. If it was opened in an "
            f"editor, {_ORIGINS[name]}."
        ) from error


def _has_format(content, content_format):
    return isinstance(content, dict) and content.get("format") == content_format


def _check_format(content, where, name, content_format, version):
    if not _has_format(content, content_format):
        got = repr(content.get("format")) if isinstance(content, dict) else "another JSON file"
        raise ValueError(
            f"{where} must be a file of the format {content_format!r}, got {got}: {_ORIGINS[name]}."
        )
    if content.get("version") != version:
        raise ValueError(
            f"{where} must have version {version}, got {content.get('version')!r}: read it with "
            "the version of the package that wrote the test."
        )


def _field(record, name, kind, where):
    kinds = kind if isinstance(kind, tuple) else (kind,)
    value = record.get(name) if isinstance(record, dict) else None
    need = f"{name} must be of the type {' or '.join(k.__name__ for k in kinds)}"
    # to Python, true is an int
    _need(isinstance(value, kinds) and not isinstance(value, bool), where, need, repr(value))
    return value


def _need(condition, where, need, got):
    if not condition:
        raise ValueError(f"{where}: {need}, got {got}.")


def _need_distinct(values, name, where):
    legal = all(isinstance(value, str) for value in values) and len(set(values)) == len(values)
    _need(values and legal, where, f"{name} must be texts, at least 1 and all different", values)


def _by_id(records, name, where):
    """Return records by their id in the field `name`, each of which may come once."""
    found: dict[str, dict] = {}
    for record in records:
        identity = _field(record, name, str, where)
        need = f"each {name} must be answered once"
        _need(identity not in found, where, need, f"{identity!r} twice")
        found[identity] = record
    return found


def _same_ids(found, wanted, name, where):
    missing = sorted(set(wanted) - set(found))
    unknown = sorted(set(found) - set(wanted))
    need = f"must hold the {len(wanted)} {name} of the test"
    _need(not missing, where, need, f"none for {', '.join(missing)}")
    _need(not unknown, where, need, f"unknown ones: {', '.join(unknown)}")
