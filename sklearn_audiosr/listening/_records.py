"""Read JSON files of a listening test, and say what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# What to do about a file that is damaged.
_ORIGINS = {
    "key": "take the key.json that make_listening_test wrote",
    "answers": "take the file that the page saved",
}


def load_json(path: Path, name: str) -> Any:
    """Return the content of a JSON file; `name` is what messages call it, "key" or "answers"."""
    if not path.is_file():
        raise FileNotFoundError(f"{name} must be a file, got {path}: check the path.")
    try:
        return json.loads(
            path.read_text(encoding="utf-8-sig")
        )  # an editor may add a byte order mark
    except ValueError as error:  # not JSON, or not UTF-8
        raise ValueError(
            f"{name} {path} must be a JSON file in UTF-8, got: {error}. If it was opened in an "
            f"editor, {_ORIGINS[name]}."
        ) from error


def has_format(content: Any, content_format: str) -> bool:
    """Return whether a file says that it has a format."""
    return isinstance(content, dict) and content.get("format") == content_format


def check_format(content: Any, where: str, name: str, content_format: str, version: int) -> None:
    """Raise ValueError if a file does not have a format and a version."""
    if not has_format(content, content_format):
        got = repr(content.get("format")) if isinstance(content, dict) else "another JSON file"
        raise ValueError(
            f"{where} must be a file of the format {content_format!r}, got {got}: {_ORIGINS[name]}."
        )
    if content.get("version") != version:
        raise ValueError(
            f"{where} must have version {version}, got {content.get('version')!r}: read it with "
            "the version of the package that wrote the test."
        )


def read_field(record: Any, name: str, kind: type | tuple[type, ...], where: str) -> Any:
    """Return a field of a record; raise ValueError if it is missing or of another type."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    value = record.get(name) if isinstance(record, dict) else None
    needed = f"{name} must be of the type {' or '.join(k.__name__ for k in kinds)}"
    # for Python, true is an int
    check_that(isinstance(value, kinds) and not isinstance(value, bool), where, needed, repr(value))
    return value


def check_that(condition: object, where: str, needed: str, got: object) -> None:
    """Raise ValueError that says where, what is needed and what is there, unless all is well."""
    if not condition:
        raise ValueError(f"{where}: {needed}, got {got}.")


def check_distinct(values: list[Any], name: str, where: str) -> None:
    """Raise ValueError unless values are strings, at least one, and all different."""
    legal = all(isinstance(value, str) for value in values) and len(set(values)) == len(values)
    check_that(
        values and legal, where, f"{name} must be texts, at least 1 and all different", values
    )


def collect_by_id(records: list[Any], name: str, where: str) -> dict[str, Any]:
    """Return records by their id in the field `name`; raise ValueError if an id occurs twice."""
    found: dict[str, Any] = {}
    for record in records:
        identity = read_field(record, name, str, where)
        needed = f"each {name} must be answered once"
        check_that(identity not in found, where, needed, f"{identity!r} twice")
        found[identity] = record
    return found


def check_ids(found: dict[str, Any], wanted: list[str], name: str, where: str) -> None:
    """Raise ValueError if ids are missing or unknown."""
    missing = sorted(set(wanted) - set(found))
    unknown = sorted(set(found) - set(wanted))
    needed = f"must hold the {len(wanted)} {name} of the test"
    check_that(not missing, where, needed, f"none for {', '.join(missing)}")
    check_that(not unknown, where, needed, f"unknown ones: {', '.join(unknown)}")
