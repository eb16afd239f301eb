"""Archives: joined from their parts, checked, and unpacked whole or not at all."""

import gzip
import io
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from bisect import bisect_right
from contextlib import contextmanager
from itertools import accumulate
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from sklearn_audiosr.datasets._resuming import forget_checksums, require_space

_N_READ = 2**20

# What the standard library raises on a damaged archive, each where it meets the damage.
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # a way of compression that a flipped bit made up
    UnicodeDecodeError,
)


# Of the corpora; a flipped bit makes up others, whose errors are not zipfile's.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class _Member(NamedTuple):
    """A regular file in an archive."""

    name: str
    n_bytes: int
    open: Any  # called without arguments, gives a file to read


def check_archive(path):
    """Read all of an archive.

    Parameters
    ----------
    path : Path
        A zip archive, or a tar archive, compressed or not.

    Raises
    ------
    ValueError
        If bytes are missing, or are not those that the archive's own checksums tell of.
    """
    try:
        with _open_archive([path]) as members:
            for member in members:
                with member.open() as file:
                    while file.read(_N_READ):
                        pass
    except _DAMAGE as error:
        raise ValueError(f"no whole archive: {_say(error)}") from error


def unpack(parts, target, keep):
    """Unpack an archive into a new folder.

    The folder bears another name, ``<target>.partial``, until all of it is there; what a killed
    process left of it is removed by the next call.

    Parameters
    ----------
    parts : list of Path
        The archive, or the pieces that it was cut into, in order.
    target : Path
        The folder to make.
    keep : callable
        Tells of a member's name whether to unpack it.

    Raises
    ------
    OSError
        If the archive is damaged, when its files are renamed ``<name>.damaged``; or if the disk
        is too full, or `target` is there already (FileExistsError).
    ValueError
        If a member is a link or would lie outside `target`: nothing is unpacked then.
    """
    if target.exists():
        raise FileExistsError(
            f"{target} must not be there before the archive is unpacked into it: move it away."
        )
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _write_members(parts, partial, keep)
        os.replace(partial, target)
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
        shutil.rmtree(partial, ignore_errors=True)  # where all went well it has its name by now


def _say(error):
    """Return the first line of an error: tarfile lists all that it tried."""
    return (str(error) or type(error).__name__).splitlines()[0]


def _write_members(parts, folder, keep):
    from tqdm import tqdm

    with _open_archive(parts) as members:
        if isinstance(members, list):
            members = [member for member in members if keep(member.name)]
            n_bytes = total = sum(member.n_bytes for member in members)
        else:  # the sizes are strewn over the archive; recordings shrink to half at the best
            n_bytes, total = 2 * sum(part.stat().st_size for part in parts), None
        require_space(folder, n_bytes, f"unpacking {parts[0].name}")
        with tqdm(desc="unpacking", total=total, unit="B", unit_scale=True) as bar:
            for member in members:
                if keep(member.name):
                    _write_member(member, folder, bar)


def _write_member(member, folder, bar):
    path = folder.joinpath(*split_name(member.name))
    path.parent.mkdir(parents=True, exist_ok=True)
    with member.open() as source, open(path, "wb") as file:
        while block := source.read(_N_READ):
            file.write(block)
            bar.update(len(block))


@contextmanager
def _open_archive(parts):
    """Give the members: a list where a directory tells them, else an iterator in their order."""
    with io.BufferedReader(_JoinedFile(parts), _N_READ) as file:
        if ".zip" in parts[0].name:
            with zipfile.ZipFile(file) as archive:
                yield list(_list_zip(archive))
        else:
            with tarfile.open(fileobj=file, mode="r:*") as archive:
                yield _walk_tar(archive)


def _list_zip(archive):
    for info in archive.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)  # zero where made without Unix
        if info.is_dir():
            continue
        if kind not in (0, stat.S_IFREG):
            _refuse(info.filename, "is a link")
        if info.flag_bits & 1 or info.compress_type not in _COMPRESSIONS:
            raise zipfile.BadZipFile(f"{info.filename!r} is encrypted or oddly compressed")
        split_name(info.filename)
        yield _Member(info.filename, info.file_size, lambda info=info: archive.open(info))


def _walk_tar(archive):
    for info in archive:
        if info.isdir():
            continue
        if not info.isreg():
            _refuse(info.name, "is a link or a device")
        split_name(info.name)
        yield _Member(info.name, info.size, lambda info=info: archive.extractfile(info))
    while archive.fileobj.read(_N_READ):
        pass  # to the end, where the checksum of the compression stands


def split_name(name):
    """Return the parts of a name that a publisher gave; refuse one that leads out of a folder.

    Parameters
    ----------
    name : str
        Of a file, with forward or backward slashes.

    Returns
    -------
    parts : tuple of str
        Folders and file.

    Raises
    ------
    ValueError
        If the name is absolute, or climbs.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    odd = not path.parts or ".." in path.parts or any(":" in part for part in path.parts)
    if odd or path.is_absolute() or "\0" in name:
        _refuse(name, "leads out of the folder")
    return path.parts


def _refuse(name, why):
    raise ValueError(
        f"a corpus must hold files of its own folder, but {name!r} {why}: nothing was unpacked. "
        "Get the corpus from its publisher."
    )


class _JoinedFile(io.RawIOBase):
    """Files one after the other as one: an archive cut into parts needs no second copy."""

    def __init__(self, paths):
        sizes = [path.stat().st_size for path in paths]
        self._starts = [0, *accumulate(sizes)]
        self._files = [open(path, "rb") for path in paths]
        self._position = 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self._position

    def seek(self, offset, whence=io.SEEK_SET):
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._starts[-1]}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer):
        index = bisect_right(self._starts, self._position) - 1
        if index >= len(self._files):
            return 0
        file = self._files[index]
        file.seek(self._position - self._starts[index])
        n_read = file.readinto(buffer)
        self._position += n_read
        return n_read

    def close(self):
        for file in self._files:
            file.close()
        super().close()
