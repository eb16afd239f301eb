"""Check archives, in one piece or several, and unpack them whole or not at all."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, NoReturn

from sklearn_audiosr.datasets._resuming import forget_checksums, require_space

PARTIAL = ".partial"  # in the name of a folder until everything has been unpacked

_BLOCK_BYTES = 2**20

# The errors of the standard library for a damaged archive, depending on where the damage is.
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # a flipped bit names an unknown compression
    UnicodeDecodeError,
)

# The corpora use these. A flipped bit may name another, whose errors are not among those above.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class _Member(NamedTuple):
    """A regular file in an archive."""

    name: str
    n_bytes: int
    open: Callable[[], Any]  # returns a file to read


def check_archive(path: Path) -> None:
    """Read a whole archive, and raise ValueError if it is damaged.

    Parameters
    ----------
    path : Path
        A zip archive, or a tar archive, compressed or not.

    Raises
    ------
    ValueError
        If bytes are missing, or do not have the checksums in the archive.
    """
    try:
        with _open_archive([path]) as members:
            for member in members:
                with member.open() as file:
                    while file.read(_BLOCK_BYTES):
                        pass
    except _DAMAGE as error:
        raise ValueError(f"no whole archive: {_say(error)}") from error


def unpack(parts: list[Path], target: Path, keep: Callable[[str], bool]) -> None:
    """Unpack an archive into a new folder.

    The folder has another name, ``<target>.partial``, until it is complete. If a process was killed
    while it unpacked, the next call removes what it left.

    Parameters
    ----------
    parts : list of Path
        The archive, or the pieces that it was cut into, in order.
    target : Path
        The folder to make.
    keep : callable
        Returns whether to unpack a member, given its name.

    Raises
    ------
    OSError
        If the archive is damaged (its files are renamed ``<name>.damaged``), if the disk is too
        full, or if `target` exists (FileExistsError).
    ValueError
        If a member is a link or has a path outside `target`: nothing is unpacked then.
    """
    if target.exists():
        raise FileExistsError(
            f"{target} must not be there before the archive is unpacked into it: move it away."
        )
    unfinished = target.with_name(target.name + PARTIAL)
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        _write_members(parts, unfinished, keep)
        os.replace(unfinished, target)
    except _DAMAGE as error:
        for part in parts:
            os.replace(part, part.with_name(part.name + ".damaged"))
        forget_checksums(parts)
        raise OSError(
            f"{', '.join(part.name for part in parts)} in {parts[0].parent} must be a whole "
            f"archive, but it is damaged ({_say(error)}) and was renamed *.damaged: call again to "
            "download it once more."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)  # after success there is no such folder


def _say(error: Exception) -> str:
    """Return the first line of an error; tarfile's list everything that it tried."""
    return (str(error) or type(error).__name__).splitlines()[0]


def _write_members(parts: list[Path], folder: Path, keep: Callable[[str], bool]) -> None:
    from tqdm import tqdm

    with _open_archive(parts) as members:
        total: int | None = None
        if isinstance(members, list):
            members = [member for member in members if keep(member.name)]
            n_bytes = total = sum(member.n_bytes for member in members)
        else:  # the sizes are spread over the archive; recordings compress to a half at best
            n_bytes = 2 * sum(part.stat().st_size for part in parts)
        require_space(folder, n_bytes, f"unpacking {parts[0].name}")
        with tqdm(desc="unpacking", total=total, unit="B", unit_scale=True) as bar:
            for member in members:
                if keep(member.name):
                    _write_member(member, folder, bar)


def _write_member(member: _Member, folder: Path, bar: Any) -> None:
    path = folder.joinpath(*split_name(member.name))
    path.parent.mkdir(parents=True, exist_ok=True)
    with member.open() as source, open(path, "wb") as file:
        while block := source.read(_BLOCK_BYTES):
            file.write(block)
            bar.update(len(block))


@contextmanager
def _open_archive(parts: list[Path]) -> Iterator[Iterable[_Member]]:
    """Yield the members: a list from a zip archive's directory, an iterator over a tar archive."""
    with io.BufferedReader(_JoinedFile(parts), _BLOCK_BYTES) as file:
        if ".zip" in parts[0].name:
            with zipfile.ZipFile(file) as archive:
                yield list(_list_zip(archive))
        else:
            with tarfile.open(fileobj=file, mode="r:*") as archive:
                yield _walk_tar(archive)


def _list_zip(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for info in archive.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)  # zero if it was made without Unix
        if info.is_dir():
            continue
        if kind not in (0, stat.S_IFREG):
            _refuse(info.filename, "is a link")
        if info.flag_bits & 1 or info.compress_type not in _COMPRESSIONS:
            raise zipfile.BadZipFile(f"{info.filename!r} is encrypted or oddly compressed")
        split_name(info.filename)
        yield _Member(info.filename, info.file_size, partial(archive.open, info))


def _walk_tar(archive: tarfile.TarFile) -> Iterator[_Member]:
    for info in archive:
        if info.isdir():
            continue
        if not info.isreg():
            _refuse(info.name, "is a link or a device")
        split_name(info.name)
        yield _Member(info.name, info.size, partial(archive.extractfile, info))
    file: Any = archive.fileobj
    while file.read(_BLOCK_BYTES):
        pass  # read to the end: the checksum of the compression is there


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
        If the name is absolute, or goes up to a folder above.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    odd = not path.parts or ".." in path.parts or any(":" in part for part in path.parts)
    if odd or path.is_absolute() or "\0" in name:
        _refuse(name, "leads out of the folder")
    return path.parts


def _refuse(name: str, why: str) -> NoReturn:
    raise ValueError(
        f"a corpus must hold files of its own folder, but {name!r} {why}: nothing was unpacked. "
        "Get the corpus from its publisher."
    )


class _JoinedFile(io.RawIOBase):
    """Several files read as one, so that an archive in parts needs no joined copy."""

    def __init__(self, paths: list[Path]) -> None:
        sizes = [path.stat().st_size for path in paths]
        self._starts = [0, *accumulate(sizes)]
        self._files = [open(path, "rb") for path in paths]
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._starts[-1]}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        index = bisect_right(self._starts, self._position) - 1
        if index >= len(self._files):
            return 0
        file = self._files[index]
        file.seek(self._position - self._starts[index])
        n_read = file.readinto(buffer)
        self._position += n_read
        return n_read

    def close(self) -> None:
        for file in self._files:
            file.close()
        super().close()
