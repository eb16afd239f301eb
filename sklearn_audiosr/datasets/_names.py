"""Names of a publisher's files: inside their folder, and the same on every file system."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath
from typing import NoReturn

from sklearn_audiosr._files.names import fold_name, has_dropped_end, is_device

_MOST_PART_BYTES = 255  # of a folder or a file, on most file systems
_MOST_NAME_BYTES = 900  # macOS allows 1024 with the folder in front


class RefusedError(ValueError):
    """A corpus has a file that must not be written."""


def refuse(name: str, why: str) -> NoReturn:
    """Raise RefusedError for a file of a corpus."""
    shown = name if len(name) <= 200 else name[:200] + "..."
    raise RefusedError(
        f"a corpus must hold files of its own folder, but {shown!r} {why}: nothing was unpacked. "
        "Get the corpus from its publisher."
    )


def split_name(name: str) -> tuple[str, ...]:
    """Return the parts of a publisher's file name; raise ValueError if it leaves its folder.

    Parameters
    ----------
    name : str
        Name of a file, with forward or backward slashes.

    Returns
    -------
    parts : tuple of str
        Folders and file.

    Raises
    ------
    ValueError
        If the name is empty or absolute, or goes up to a folder above.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    odd = not path.parts or ".." in path.parts or any(":" in part for part in path.parts)
    if odd or path.is_absolute() or "\0" in name:
        refuse(name, "leads out of the folder" if name else "has no name")
    return path.parts


class FolderNames:
    """The files that a folder is to hold.

    Windows and macOS ignore upper and lower case, and macOS how an accent is written. A name that
    one system would refuse or change is refused on all, so that a corpus is the same everywhere.
    """

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: dict[str, str] = {}  # as file systems compare it, and as it is spelled

    def add(self, name: str) -> tuple[str, ...]:
        """Return the parts of a file's name; raise ValueError if it cannot be one everywhere.

        Parameters
        ----------
        name : str
            Name of a file, with forward or backward slashes.

        Returns
        -------
        parts : tuple of str
            Folders and file.

        Raises
        ------
        ValueError
            If the name leads out of the folder, if a file system would refuse or change it, or if
            it is there already: exactly, in other letters, or as a folder.
        """
        parts = split_name(name)
        _check_length(name, parts)
        for part in parts:
            _check_part(name, part)
        for i in range(1, len(parts)):
            spelled = "/".join(parts[:i])
            folder = fold_name(spelled)
            if self._folders.setdefault(folder, spelled) != spelled or folder in self._files:
                refuse(name, f"lies in a folder that is there as {self._spell(folder)!r} too")
        file = fold_name("/".join(parts))
        if file in self._files or file in self._folders:
            refuse(name, "is there twice (file systems may ignore upper and lower case)")
        self._files.add(file)
        return parts

    def _spell(self, folder: str) -> str:
        return folder if folder in self._files else self._folders[folder]


def _check_length(name: str, parts: tuple[str, ...]) -> None:
    sizes = [len(part.encode("utf-8", "surrogatepass")) for part in parts]
    if max(sizes) > _MOST_PART_BYTES or sum(sizes) + len(sizes) > _MOST_NAME_BYTES:
        refuse(name, "is longer than file systems allow")


def _check_part(name: str, part: str) -> None:
    if is_device(part):
        refuse(name, "is the name of a device on Windows")
    if has_dropped_end(part):
        refuse(name, "ends in a dot or a space, which Windows drops")
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in part):
        refuse(name, "has letters that file systems refuse")
