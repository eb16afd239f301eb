"""Check archives, in one piece or several, and unpack them whole or not at all."""

from __future__ import annotations

import io
import os
import shutil
import stat
import zipfile
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from sklearn_audiosr.datasets._disk import forget_checksums, require_space
from sklearn_audiosr.datasets._members import (
    BLOCK_BYTES,
    MEMBER_BYTES,
    Damaged,
    Limit,
    Member,
    StrictFile,
    reading,
)
from sklearn_audiosr.datasets._names import FolderNames, refuse, split_name
from sklearn_audiosr.datasets._tar import walk_tar

PARTIAL = ".partial"  # in the name of a folder until everything has been unpacked

# The corpora use these. A flipped bit may name another, whose errors are many.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def check_archive(path: Path) -> None:
    """Read a whole archive, and raise ValueError if it is damaged.

    Parameters
    ----------
    path : Path
        A zip archive, or a tar archive, plain or compressed by gzip.

    Raises
    ------
    ValueError
        If bytes are missing or do not have the checksums in the archive, or as for `unpack`.
    """
    try:
        with _open_archive([path]) as members:
            for member in members:
                for _ in member.read():
                    pass
    except Damaged as error:
        raise ValueError(f"no whole archive: {error}") from error


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
        If a member is a link, a device or sparse, has a path outside `target`, a name that not
        every file system takes or that is there twice, or if the archive unpacks to more than 100
        times its size: nothing is unpacked then.
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
    except Damaged as error:
        for part in parts:
            os.replace(part, part.with_name(part.name + ".damaged"))
        forget_checksums(parts)
        raise OSError(
            f"{', '.join(part.name for part in parts)} in {parts[0].parent} must be a whole "
            f"archive, but it is damaged ({error}) and was renamed *.damaged: call again to "
            "download it once more."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)  # after success there is no such folder


def _write_members(parts: list[Path], folder: Path, keep: Callable[[str], bool]) -> None:
    from tqdm import tqdm

    purpose = f"unpacking {parts[0].name}"
    names = FolderNames()
    with _open_archive(parts) as members:
        total: int | None = None
        if isinstance(members, list):
            members = [member for member in members if keep(member.name)]
            n_bytes = total = sum(member.n_bytes for member in members)
            n_bytes += MEMBER_BYTES * len(members)
        else:  # the sizes are spread over the archive; recordings compress to a half at best
            n_bytes = 2 * sum(part.stat().st_size for part in parts)
        require_space(folder, n_bytes, purpose)
        with tqdm(desc="unpacking", total=total, unit="B", unit_scale=True) as bar:
            for member in members:
                if keep(member.name):
                    path = folder.joinpath(*names.add(member.name))
                    if total is None:
                        require_space(folder, member.n_bytes, purpose)
                    _write_member(member, path, bar)


def _write_member(member: Member, path: Path, bar: Any) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            for block in member.read():
                file.write(block)
                bar.update(len(block))
    except (OSError, UnicodeEncodeError) as error:  # the latter with LC_ALL=C
        reason = getattr(error, "strerror", None) or str(error)
        raise OSError(
            getattr(error, "errno", None),
            f"{member.name!r} of the archive cannot be unpacked to {str(path)!r} ({reason}): "
            "nothing was unpacked. Make room, or give another folder as data_home.",
        ) from error


@contextmanager
def _open_archive(parts: list[Path]) -> Iterator[Iterable[Member]]:
    """Yield the members: a list from a zip archive's directory, an iterator over a tar archive."""
    limit = Limit(sum(part.stat().st_size for part in parts))
    with io.BufferedReader(_JoinedFile(parts), BLOCK_BYTES) as file:
        if ".zip" in parts[0].name:
            with reading():
                archive = zipfile.ZipFile(StrictFile(file))  # type: ignore[arg-type]
            yield list(_list_zip(archive, limit))
        else:
            yield walk_tar(file, limit)


def _list_zip(archive: zipfile.ZipFile, limit: Limit) -> Iterator[Member]:
    n_bytes = 0
    for info in archive.infolist():
        name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
        if name.endswith("/"):  # is_dir() fails without a name
            continue
        if kind not in (0, stat.S_IFREG):  # zero if it was made without Unix
            refuse(name, "is a link or a device")
        if info.flag_bits & 1 or info.compress_type not in _COMPRESSIONS:
            raise Damaged(f"{name!r} is encrypted or oddly compressed")
        split_name(name)
        n_bytes += info.file_size + MEMBER_BYTES
        limit.check(n_bytes, name)
        yield Member(name, info.file_size, partial(archive.open, info))


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
