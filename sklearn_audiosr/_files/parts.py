"""Part files and temporary folders: those of living processes, and what killed ones left."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sklearn_audiosr._files.names import fold_name

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# How the names of temporary folders begin.
_PREFIX = "sklearn-audiosr-"

# Bytes of the target's name in that of its part file: some file systems take 143 bytes at most.
_N_SHOWN = 40


class PartFile:
    """A new file beside a target, which shows that its writer lives.

    The sign of life is a lock (``flock``) on the file while it is open: the kernel releases it
    whatever ends the process, knows the processes of other containers, and can't take a new
    process for an old one of the same number. Its name has a mark of the target and of this
    machine, since file systems on a network may keep locks to each machine. Windows has no such
    lock and needs none: a file that is open there can't be removed.

    Parameters
    ----------
    target : Path
        The file to be.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._file: IO[bytes] | None = None
        self.path = self._name(f"{_mark(target)}.")

    def _name(self, mark: str) -> Path:
        shown = self._target.name
        while len(os.fsencode(shown)) > _N_SHOWN:
            shown = shown[:-1]
        return self._target.with_name(f".{shown}.{mark}{secrets.token_hex(8)}.part")

    def open(self) -> None:
        """Create the file."""
        self._file = open(self.path, "xb")
        if not self._lock(self._file):
            self.remove()
            self.path = self._name("")  # without a mark nobody looks for the lock
            self._file = open(self.path, "xb")

    def _lock(self, file: IO[bytes]) -> bool:
        """Lock the file; return whether others see the lock, and can write nevertheless."""
        if fcntl is None:
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # on a mount of SMB the lock stops the encoder, too; and the file may have been taken
            # for one of a killed process before it was locked
            with open(self.path, "r+b") as other:
                other.write(b"\0")
                other.truncate(0)
        except OSError:
            return False
        return True

    def replace(self) -> None:
        """Put the file in the target's place."""
        if self._file is not None:
            os.fsync(self._file.fileno())  # or a power cut could leave the name without the bytes
            if fcntl is None:
                self._file.close()  # Windows renames no file that is open
        os.replace(self.path, self._target)

    def remove(self) -> None:
        """Remove the file if it still exists."""
        if self._file is not None:
            self._file.close()
        if os.path.lexists(self.path):  # a read-only disk refuses to remove even what is not there
            self.path.unlink(missing_ok=True)


def remove_abandoned(target: Path) -> None:
    """Remove the part files that killed processes of this machine left of a target.

    Parameters
    ----------
    target : Path
        The file to be.
    """
    mark = _mark(target)
    with contextlib.suppress(OSError):  # the folder can't be listed
        for name in os.listdir(target.parent):
            if name.endswith(".part") and name.split(".")[-3:-2] == [mark]:
                with contextlib.suppress(OSError):  # its writer lives, or it is not ours
                    _remove_unlocked(target.with_name(name))


def _remove_unlocked(path: Path) -> None:
    """Remove a part file, or raise OSError if its writer lives."""
    if fcntl is None:
        path.unlink()
        return
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a temporary folder; those that killed processes of this machine left are removed.

    The sign of life is a lock on the folder, as on part files. On Windows, and where there are no
    locks, nothing is removed of others.

    Yields
    ------
    folder : Path
        Empty; it is removed when the block ends.
    """
    marked = f"{_PREFIX}{_mark(Path(_PREFIX))}-"
    _remove_abandoned_folders(Path(tempfile.gettempdir()), marked)
    folder, descriptor = Path(tempfile.mkdtemp(prefix=_PREFIX)), None
    try:
        if fcntl is not None:
            descriptor = os.open(folder, os.O_RDONLY)
            with contextlib.suppress(OSError):  # there are no locks
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # without the mark nobody looks for a lock
                new = folder.with_name(f"{marked}{secrets.token_hex(8)}")
                folder = folder.rename(new)
        yield folder
    finally:
        try:
            shutil.rmtree(folder, ignore_errors=True)
        finally:  # a terminal that closes may send two signals
            shutil.rmtree(folder, ignore_errors=True)
            if descriptor is not None:
                os.close(descriptor)


def _remove_abandoned_folders(parent: Path, marked: str) -> None:
    """Remove the folders whose names begin with a mark, and whose processes no longer run."""
    if fcntl is None:
        return
    with contextlib.suppress(OSError):  # the parent can't be listed
        for path in parent.iterdir():
            if path.name.startswith(marked):
                with contextlib.suppress(OSError):  # its process lives, or it is not ours
                    _remove_unlocked_folder(path)


def _remove_unlocked_folder(path: Path) -> None:
    """Remove a temporary folder, or raise OSError if its process lives."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path)
    finally:
        os.close(descriptor)


def _mark(target: Path) -> str:
    """Return a mark of a target, under any spelling of its name, and of this machine."""
    name = fold_name(target.name)
    text = f"{platform.node()}\0{name}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:12]
