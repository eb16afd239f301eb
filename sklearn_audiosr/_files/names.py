"""Names of files as other file systems see them: equal in other letters, devices, dropped ends."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import TypeAlias

# Windows takes these for devices, with any extension: what is written there is lost.
_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$"}
_DEVICES |= {kind + number for kind in ("com", "lpt") for number in "0123456789¹²³"}

FileKey: TypeAlias = tuple[str | tuple[int, int], str]


def is_device(name: str) -> bool:
    """Return whether Windows takes the name of a file or folder for a device."""
    return name.partition(".")[0].rstrip(" ").casefold() in _DEVICES


def has_dropped_end(name: str) -> bool:
    """Return whether Windows drops the end of a name: dots and spaces."""
    return name[-1:] in (".", " ")


def fold_name(name: str) -> str:
    """Return a name as a file system compares it that ignores case and how accents are written.

    Parameters
    ----------
    name : str
        Name of a file, or a path.

    Returns
    -------
    folded : str
        Equal for names that Windows or macOS takes for one.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def find_key(path: str | os.PathLike[str]) -> FileKey:
    """Return a key that is equal for paths which are one file on some file system.

    Parameters
    ----------
    path : path-like
        Any path; links are followed.

    Returns
    -------
    key : tuple
        The folder, by its number where it exists, and the folded name without the end that Windows
        drops.
    """
    target = Path(os.path.realpath(path))
    try:
        status = target.parent.stat()
        folder: str | tuple[int, int] = status.st_dev, status.st_ino
    except OSError:  # it is made later
        folder = fold_name(os.fspath(target.parent))
    return folder, fold_name(target.name.rstrip(". "))
