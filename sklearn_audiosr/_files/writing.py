"""Files that get their name only when they are complete."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def check_target(path: str | os.PathLike[str], name: str) -> Path:
    """Raise an error unless a file can be written at a path, or be replaced.

    Parameters
    ----------
    path : path-like
        The file.
    name : str
        Name of the parameter in error messages.

    Returns
    -------
    target : Path
        The path; for a link, the file that it leads to.

    Raises
    ------
    IsADirectoryError
        If it is a folder.
    FileNotFoundError
        If its folder does not exist.
    ValueError
        If it is a pipe or a device.
    TypeError
        If it is no path.
    """
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        raise TypeError(f"{name} must be the path of a file, got {path!r:.80}: name one.")
    if os.path.isdir(path):
        raise IsADirectoryError(f"{name} must be a file, got the folder {path}: add a name.")
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        parent = target.parent if os.path.islink(path) else Path(path).parent
        raise FileNotFoundError(
            f"{name} must lie in a folder that exists, got {path}: make {parent} first."
        )
    if target.exists() and not target.is_file():  # replacing it would leave its readers waiting
        raise ValueError(
            f"{name} must be a file, got {path}, a pipe or a device: write to a file first."
        )
    return target


@contextmanager
def complete_file(path: str | os.PathLike[str], name: str) -> Iterator[Path]:
    """Yield the path of a temporary file, which replaces a file when the block ends.

    After an error the file is as it was before.

    Parameters
    ----------
    path : path-like
        The file. One that exists is replaced; its access rights are kept.
    name : str
        Name of the parameter in error messages.

    Yields
    ------
    temporary : Path
        The file to write to, in the same folder.
    """
    target = check_target(path, name)
    temporary = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        yield temporary
        with open(temporary, "r+b") as file:
            os.fsync(file.fileno())  # or a power cut could leave the name without the bytes
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except OSError as error:
        if error.filename == os.fspath(temporary):  # a name that the user has not seen
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)
