"""Answers of listeners: the files that the page saves, checked and joined with the key."""

import json
import os
import warnings
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np

from sklearn_audiosr.listening._page import KEY_FORMAT, KEY_VERSION

ANSWERS_FORMAT, ANSWERS_VERSION = "sklearn-audiosr listening answers", 1
TRANSDUCERS = ("headphones", "loudspeakers")

_KEY_FIELDS = {
    **{"test": str, "title": str, "sampling_rate": int},
    **{"systems": list, "trials": list},
}


def read_key(key):
    """Read the key of a test from its file, or from the folder that holds it."""
    path = Path(key) / "key.json" if Path(key).is_dir() else Path(key)
    content = _read_json(path, "key", KEY_FORMAT, KEY_VERSION)
    where = f"key {path}"
    for field, kind in _KEY_FIELDS.items():
        _field(content, field, kind, where)
    for trial in content["trials"]:
        _field(trial, "id", str, where)
        _field(trial, "recording", str, where)
        stimuli = _field(trial, "stimuli", dict, where)
        need = f"{trial['recording']!r} must have a stimulus for each of the systems"
        _need(sorted(stimuli.values()) == sorted(content["systems"]), where, need, stimuli)
    return content


def read_panel(files, key):
    """Read the answers of all listeners, in the order of their ids: see `_read_answers`."""
    answers = [_read_answers(path, key) for path in _find_files(files)]
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
    """Return the files of answers as paths, those of a folder by their names."""
    if isinstance(files, (str, os.PathLike)):
        path = Path(files)
        paths = sorted(path.glob("*.json")) if path.is_dir() else [path]
    else:
        paths = [Path(path) for path in files]
    if not paths:
        raise ValueError(
            f"files must name at least 1 file of answers, got none: {files} holds no .json file."
        )
    return paths


def _read_answers(path, key):
    """Read one listener's answers.

    Returns
    -------
    answers : dict
        Of the listener: "path", "listener", "transducer", "simulated", "scores" of shape
        (n_recordings, n_systems) in the key's order, "seconds" and "comments", one a recording.
    """
    where = f"answers {path}"
    content = _read_json(path, "answers", ANSWERS_FORMAT, ANSWERS_VERSION)
    if _field(content, "test", str, where) != key["test"]:
        raise ValueError(
            f"{where} must be of the test {key['test']!r} ({key['title']!r}), got "
            f"{content['test']!r}: take the key of the same test, or leave the file out."
        )
    listener = _field(content, "listener", str, where).strip()
    _need(listener, where, "listener must not be empty", "got blanks")
    transducer = _field(content, "transducer", str, where)
    _need(transducer in TRANSDUCERS, where, f"transducer must be one of {TRANSDUCERS}", transducer)
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
        "device_rate": _field(content, "device_rate", (int, float), where),
        "simulated": content.get("simulated") is True,
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
    """Return the CRC-32 of all that the analysis uses; session.js computes the same."""
    scores = [
        f"{trial['trial']}/{stimulus['stimulus']}={stimulus['score']}"
        for trial in answers["trials"]
        for stimulus in trial["stimuli"]
    ]
    text = "\n".join([answers["test"], answers["listener"], answers["transducer"], *scores])
    return zlib.crc32(text.encode())


def _check_sum(content, where):
    _need(
        content.get("checksum") == checksum(content),
        where,
        "must be as the page saved it",
        "another checksum: the file was edited or damaged, ask the listener for the original",
    )


def _read_json(path, name, content_format, version):
    if not Path(path).is_file():
        raise FileNotFoundError(f"{name} must be a file, got {path}: check the path.")
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # no JSON, or no UTF-8
        raise ValueError(f"{name} {path} must be a JSON file, got: {error}.") from error
    if not isinstance(content, dict) or content.get("format") != content_format:
        raise ValueError(f"{name} {path} must be a file of the format {content_format!r}.")
    if content.get("version") != version:
        raise ValueError(
            f"{name} {path} must have version {version}, got {content.get('version')!r}: read it "
            "with the version of the package that wrote it."
        )
    return content


def _field(record, name, kind, where):
    kinds = kind if isinstance(kind, tuple) else (kind,)
    value = record.get(name) if isinstance(record, dict) else None
    need = f"{name} must be of the type {' or '.join(k.__name__ for k in kinds)}"
    _need(isinstance(value, kinds), where, need, repr(value))
    return value


def _need(condition, where, need, got):
    if not condition:
        raise ValueError(f"{where}: {need}, got {got}.")


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
