"""The notes beside downloaded files, and the space on the disk."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_SPARE_BYTES = 2**26  # stay free on the disk

# Keeps the hash that a file without a published one had at first, to check it later.
CHECKSUMS = "checksums.json"


def require_space(folder: Path, n_bytes: int, purpose: str) -> None:
    """Raise OSError if fewer than `n_bytes` are free on the disk of `folder`."""
    free = shutil.disk_usage(folder).free
    if free < n_bytes + _SPARE_BYTES:
        raise OSError(
            f"{purpose} needs {n_bytes / 1e9:.2f} GB in {folder}, where {free / 1e9:.2f} GB are "
            "free: make room, or give another folder as data_home."
        )


def forget_checksums(paths: Iterable[Path]) -> None:
    """Drop the stored hashes of damaged files: whole ones have others."""
    for path in paths:
        note = path.parent / CHECKSUMS
        checksums = read_json(note)
        if checksums.pop(path.name, None) is not None:
            write_json(note, checksums)


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a note; an empty dict if it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a note whole or not at all."""
    whole = path.with_name(path.name + ".new")
    whole.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(whole, path)
