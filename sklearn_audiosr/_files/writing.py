"""Files that get their name only when they are complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sklearn_audiosr._files.descriptors import find_descriptor
from sklearn_audiosr._files.parts import PartFile, remove_abandoned


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
        If it is a pipe, a device, or a link that leads to itself.
    TypeError
        If it is no path.
    """
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        raise TypeError(f"{name} must be the path of a file, got {path!r:.80}: name one.")
    if os.path.isdir(path):
        raise IsADirectoryError(f"{name} must be a file, got the folder {path}: add a name.")
    is_other = os.path.exists(path) and not os.path.isfile(path)
    if is_other or find_descriptor(path) is not None:  # its readers would wait, or read nothing
        raise ValueError(
            f"{name} must be a file, got {path}, a pipe or a device: write to a file first."
        )
    target = Path(os.path.realpath(path))
    if target.is_symlink():  # or it would be replaced, link and all
        raise ValueError(f"{name} must be a file, got {path}, a link to itself: remove the link.")
    if not target.parent.is_dir():
        parent = target.parent if os.path.islink(path) else Path(path).parent
        raise FileNotFoundError(
            f"{name} must lie in a folder that exists, got {path}: make {parent} first."
        )
    return target


@contextmanager
def complete_file(path: str | os.PathLike[str], name: str) -> Iterator[Path]:
    """Yield the path of a temporary file, which replaces a file when the block ends.

    After an error the file is as it was before. What is left of a process that was killed here is
    removed before.

    Parameters
    ----------
    path : path-like
        The file. One that exists is replaced; its access rights are kept.
    name : str
        Name of the parameter in error messages.

    Yields
    ------
    temporary : Path
        The file to write to, in the same folder: it exists, and is empty.
    """
    target = check_target(path, name)
    remove_abandoned(target)
    part = PartFile(target)
    try:
        part.open()
        yield part.path
        if target.exists():
            shutil.copymode(target, part.path)
        part.replace()
    except OSError as error:
        if error.filename == os.fspath(part.path):  # a name that the user has not seen
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error
        raise
    finally:
        try:
            part.remove()
        finally:  # a terminal that closes may send two signals
            part.remove()
