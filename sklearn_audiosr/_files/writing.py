"""Files that have their name only when they are complete."""

import os
import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path


def check_target(path, name):
    """Raise an error unless a file can be written there, or be replaced.

    Parameters
    ----------
    path : path-like
        The file.
    name : str
        What error messages call it.

    Returns
    -------
    target : Path
        The same; of a link, the file that it leads to.

    Raises
    ------
    IsADirectoryError, FileNotFoundError, ValueError, TypeError
        If it is a folder, or lies in none; if it is a pipe or a device; if it is no path.
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
    if target.exists() and not target.is_file():  # it would be gone, and who reads it would wait
        raise ValueError(
            f"{name} must be a file, got {path}, a pipe or a device: write to a file first."
        )
    return target


@contextmanager
def complete_file(path, name):
    """Give the path of a file beside another, which takes its place when the block ends.

    After an error all is as it was.

    Parameters
    ----------
    path : path-like
        The file; one that exists is replaced, and leaves its rights.
    name : str
        What error messages call it.

    Yields
    ------
    temporary : Path
        To be written to.
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
        if error.filename == os.fspath(temporary):  # which nobody has heard of
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)
