"""Read the key of a test and the answers that its page saved, and check that they fit."""

from __future__ import annotations

import json
import os
import warnings
import zlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_audiosr.listening._page import KEY_FORMAT, KEY_VERSION
from sklearn_audiosr.listening._records import (
    check_distinct,
    check_format,
    check_ids,
    check_that,
    collect_by_id,
    has_format,
    load_json,
    read_field,
)
from sklearn_audiosr.listening._stimuli import REFERENCE

# Version 1 is refused: its checksum does not cover simulated and device_rate.
ANSWERS_FORMAT, ANSWERS_VERSION = "sklearn-audiosr listening answers", 2
TRANSDUCERS = ("headphones", "loudspeakers")

# Seconds of the reference and of each stimulus that the page waits for: MIN_LOOP of player.js.
MIN_HEARD = 0.5

_KEY_FIELDS = {"test": str, "title": str, "sampling_rate": int, "systems": list, "trials": list}


def read_key(key: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the key of a test from its file, or from the folder that holds it."""
    path = Path(key) / "key.json" if Path(key).is_dir() else Path(key)
    where = f"key {path}"
    content = load_json(path, "key")
    check_format(content, where, "key", KEY_FORMAT, KEY_VERSION)
    for name, kind in _KEY_FIELDS.items():
        read_field(content, name, kind, where)
    systems, trials = content["systems"], content["trials"]
    for trial in trials:
        stimuli = read_field(trial, "stimuli", dict, where)
        needed = (
            f"{read_field(trial, 'recording', str, where)!r} must have a stimulus for each system"
        )
        check_that(
            sorted(map(repr, stimuli.values())) == sorted(map(repr, systems)),
            where,
            needed,
            stimuli,
        )
    check_distinct(systems, "systems", where)
    check_that(REFERENCE in systems, where, f"systems must hold the {REFERENCE}", systems)
    check_distinct([trial["recording"] for trial in trials], "recordings", where)
    check_distinct(
        [read_field(trial, "id", str, where) for trial in trials], "ids of trials", where
    )
    checked: dict[str, Any] = content
    return checked


def read_panel(
    files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], key: dict[str, Any]
) -> list[dict[str, Any]]:
    """Read the answers of all listeners, sorted by their ids: see `_read_answers`."""
    contents = [(path, load_json(path, "answers")) for path in _find_files(files)]
    keys = [path for path, content in contents if has_format(content, KEY_FORMAT)]
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
    _warn_of_devices(answers, key)
    return answers


def _warn_of_devices(answers: list[dict[str, Any]], key: dict[str, Any]) -> None:
    """Warn if listeners used different kinds of devices, or devices of too low a rate."""
    if len({answer["transducer"] for answer in answers}) > 1:
        warnings.warn(
            "Some listened with headphones, others with loudspeakers: the Recommendation (section "
            "8) wants the same for all. Analyse them apart, or say so in the report.",
            UserWarning,
            stacklevel=5,  # the caller of analyze, past the check of its parameters
        )
    deaf = [a["listener"] for a in answers if a["device_rate"] < key["sampling_rate"]]
    if deaf:
        warnings.warn(
            f"The devices of {', '.join(deaf)} played at a lower rate than the recordings have, "
            f"{key['sampling_rate']} Hz, so that their highband was not heard: leave them out.",
            UserWarning,
            stacklevel=5,
        )


def _find_files(
    files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
) -> list[Path]:
    """Return the files as paths; those of a folder are sorted by name."""
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


def _may_hold_answers(path: Path) -> bool:
    # a Mac puts a hidden "._name.json" beside every file on a USB stick
    return path.suffix.lower() == ".json" and not path.name.startswith(".") and path.is_file()


def _read_answers(path: Path, content: Any, key: dict[str, Any]) -> dict[str, Any]:
    """Check one listener's answers and return them in the order of the key.

    Returns
    -------
    answers : dict
        "path", "listener", "transducer", "device_rate", "simulated", "scores" of shape
        (n_recordings, n_systems), "seconds" and "comments", one for each recording.
    """
    where = f"answers {path}"
    check_format(content, where, "answers", ANSWERS_FORMAT, ANSWERS_VERSION)
    if read_field(content, "test", str, where) != key["test"]:
        raise ValueError(
            f"{where} must be of the test {key['test']!r} ({key['title']!r}), got "
            f"{content['test']!r}: take the key of the same test, or leave the file out."
        )
    about = _read_listener(content, where)
    trials = collect_by_id(read_field(content, "trials", list, where), "trial", where)
    check_ids(trials, [trial["id"] for trial in key["trials"]], "trials", where)
    scores, seconds, comments = [], [], []
    for trial in key["trials"]:
        place = f"{where}, trial {trial['id']!r}"
        answered = trials[trial["id"]]
        stimuli = collect_by_id(read_field(answered, "stimuli", list, place), "stimulus", place)
        check_ids(stimuli, list(trial["stimuli"]), "stimuli", place)
        if not about["simulated"]:
            _check_heard(answered, stimuli, place)
        scores.append(_read_scores(stimuli, trial, key["systems"], place))
        seconds.append(_read_seconds(answered, place))
        comments.append(read_field(answered, "comment", str, place))
    _check_sum(content, where)
    return {
        "path": path,
        **about,
        "scores": np.array(scores, dtype=float),
        "seconds": seconds,
        "comments": comments,
    }


def _read_listener(content: Any, where: str) -> dict[str, Any]:
    """Return the listener's id, kind of device and its rate, and whether they are simulated."""
    listener = read_field(content, "listener", str, where).strip()
    check_that(listener, where, "listener must not be empty", "got blanks")
    transducer = read_field(content, "transducer", str, where)
    check_that(
        transducer in TRANSDUCERS, where, f"transducer must be one of {TRANSDUCERS}", transducer
    )
    device_rate = read_field(content, "device_rate", (int, float), where)
    needed = "device_rate must be above 0 and finite"
    check_that(0 < device_rate < float("inf"), where, needed, device_rate)
    simulated = content.get("simulated", False)
    check_that(
        isinstance(simulated, bool), where, "simulated must be true or false", repr(simulated)
    )
    return {
        "listener": listener,
        "transducer": transducer,
        "device_rate": device_rate,
        "simulated": simulated,
    }


def _check_heard(answered: Any, stimuli: dict[str, Any], where: str) -> None:
    """Raise ValueError unless the reference and all stimuli of a trial were heard."""
    sounds = {f"stimulus {name!r}": stimulus for name, stimulus in stimuli.items()}
    sounds["the reference"] = read_field(answered, "reference", dict, where)
    for name, sound in sounds.items():
        heard = read_field(sound, "heard", (int, float), f"{where}, {name}")
        if not MIN_HEARD <= heard < float("inf"):
            raise ValueError(
                f"{where}: {name} must have been heard for at least {MIN_HEARD} s, got {heard} s: "
                "the score of what nobody heard says nothing, leave the file out, or have the "
                "listener take the test on its page."
            )


def _read_scores(
    stimuli: dict[str, Any], trial: dict[str, Any], systems: list[str], where: str
) -> list[int]:
    """Return the scores of one trial in the order of the systems."""
    scores = {}
    for stimulus, system in trial["stimuli"].items():
        score = stimuli[stimulus].get("score")
        legal = isinstance(score, int) and not isinstance(score, bool) and 0 <= score <= 100
        needed = f"the score of stimulus {stimulus!r} must be an integer from 0 to 100"
        check_that(legal, where, needed, repr(score))
        scores[system] = score
    return [scores[system] for system in systems]


def _read_seconds(answered: Any, where: str) -> float:
    seconds = read_field(answered, "seconds", (int, float), where)
    check_that(0 <= seconds < float("inf"), where, "seconds must be at least 0 and finite", seconds)
    return float(seconds)


def checksum(answers: dict[str, Any]) -> int:
    """Return the CRC-32 of all fields but "checksum"; session.js computes the same.

    It is computed from canonical JSON (RFC 8785: fields sorted by name, no white space), so that
    neither the order of fields nor white space matters.
    """
    fields = _unify({name: value for name, value in answers.items() if name != "checksum"})
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # JavaScript escapes half of a surrogate pair, which a truncated comment may end with
    return zlib.crc32(text.encode(errors="backslashreplace"))


def _unify(value: Any) -> Any:
    """Return a value with whole numbers as int: JavaScript writes 12 where Python writes 12.0."""
    if isinstance(value, dict):
        return {name: _unify(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_unify(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_sum(content: dict[str, Any], where: str) -> None:
    check_that(
        content.get("checksum") == checksum(content),
        where,
        "must be as the page saved it",
        "another checksum: the file was edited or damaged, ask the listener for the original",
    )
