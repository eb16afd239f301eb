"""Fetch the files of a corpus: check those that are there, download the others."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sklearn_audiosr.datasets._answers import BrokenOffError
from sklearn_audiosr.datasets._disk import CHECKSUMS, read_json, write_json
from sklearn_audiosr.datasets._resuming import (
    Downloads,
    RemoteFile,
    ResumingDownloader,
    import_pooch,
)

_Check = Callable[[Path], object]


def get_data_home(data_home: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of all corpora; it may not exist yet.

    Parameters
    ----------
    data_home : str, path-like or None, default=None
        The folder. None takes the environment variable ``SKLEARN_AUDIOSR_DATA``, or
        ``~/sklearn_audiosr_data`` if that is not set.

    Returns
    -------
    folder : Path
        The folder, with ``~`` replaced by the home folder.
    """
    default = os.environ.get("SKLEARN_AUDIOSR_DATA") or Path("~", "sklearn_audiosr_data")
    return Path(default if data_home is None else data_home).expanduser()


def fetch_file(
    remote: RemoteFile,
    folder: Path,
    downloads: Downloads,
    *,
    check: _Check | None = None,
    hint: str = "",
) -> Path:
    """Return the path of a file of a corpus, checked, and downloaded if need be.

    Parameters
    ----------
    remote : RemoteFile
        File to fetch.
    folder : Path
        Folder of the corpus; it is made if need be.
    downloads : Downloads
        Whether to download, and how patiently.
    check : callable or None, default=None
        Called with a path if no hash is published; raises ValueError if the file is damaged.
    hint : str, default=""
        What else the user may do by hand, for the error messages.

    Returns
    -------
    path : Path
        The file.

    Raises
    ------
    FileNotFoundError
        If the file is not there and is not to be downloaded.
    ConnectionError
        If no address gave the whole file.
    OSError
        If the disk is too full, or the file that is there is another one or damaged.
    ImportError
        If the file is to be downloaded and pooch is not installed.

    Warns
    -----
    UserWarning
        If the file came over plain http and no hash is published.
    """
    path = folder / remote.name
    by_hand = f"Or put the file by hand at {path}{hint and ', ' + hint}, and call again."
    if path.is_file():
        _check_present(path, remote, folder, check)
        return path
    if not downloads.if_missing:
        raise FileNotFoundError(
            f"{remote.name} is not in {folder}: call with download_if_missing=True to download it "
            f"from {remote.urls[0]}. {by_hand}"
        )
    if remote.known_hash:
        check = partial(_check_hash, remote.known_hash)
    problems, plain_http = _download(remote, folder, check, downloads)
    if problems:
        raise ConnectionError(
            f"{remote.name} could not be downloaded:\n  " + "\n  ".join(problems) + "\n"
            "Check the connection and call again: what has arrived is kept where it can be used. "
            + by_hand
        )
    if remote.known_hash is None:
        checksum = _note_checksum(folder, remote.name, path)
        if plain_http:
            _warn_of_plain_http(plain_http, path, checksum)
    return path


def _download(
    remote: RemoteFile, folder: Path, check: _Check | None, downloads: Downloads
) -> tuple[list[str], str | None]:
    """Try each address until one works.

    Return one problem for each, or an empty list if one works, and the address over plain http that
    the file came from, if any.
    """
    _, requests = import_pooch()
    (folder / remote.name).parent.mkdir(parents=True, exist_ok=True)
    problems = []
    for url in remote.urls:
        downloader = ResumingDownloader(folder / remote.name, remote, check, downloads)
        try:
            _retrieve(url, remote, folder, downloader)
            return [], downloader.plain_http
        except (requests.RequestException, BrokenOffError, ValueError) as error:
            problems.append(f"{url}: {error}")
    return problems, None


def _retrieve(url: str, remote: RemoteFile, folder: Path, downloader: ResumingDownloader) -> None:
    """Let pooch download one file; it gets its name after the downloader has checked it."""
    pooch, _ = import_pooch()
    cache = pooch.create(
        path=folder,
        base_url="",
        registry={remote.name: None},  # an interrupted check by pooch would delete the file
        urls={remote.name: url},
    )
    try:
        cache.fetch(remote.name, downloader=downloader)
    except ValueError:
        if not downloader.resumed:
            raise
        # the bytes that were there may be damaged, or of another file: download all of it
        cache.fetch(remote.name, downloader=downloader)


def _check_present(path: Path, remote: RemoteFile, folder: Path, check: _Check | None) -> None:
    """Raise OSError if a file that is already there is another one or damaged."""
    n_bytes = path.stat().st_size
    remedy = "delete it to have it downloaded again, or put a whole one in its place."
    if remote.n_bytes not in (None, n_bytes):
        raise OSError(f"{path} must have {remote.n_bytes} bytes, got {n_bytes}: {remedy}")
    expected = remote.known_hash or _read_checksum(folder, remote.name)
    if expected:
        found = _hash_file(path, expected.partition(":")[0])
        if found != expected:
            raise OSError(f"{path} must have the hash {expected}, got {found}: {remedy}")
        return
    if check is not None:
        try:
            check(path)
        except ValueError as error:
            raise OSError(f"{path} is damaged ({error}): {remedy}") from error
    _note_checksum(folder, remote.name, path)


def _check_hash(expected: str, path: Path) -> None:
    found = _hash_file(path, expected.partition(":")[0])
    if found != expected:
        raise ValueError(f"must have the hash {expected}, got {found}")


def _hash_file(path: Path, algorithm: str) -> str:
    with open(path, "rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def _note_checksum(folder: Path, name: str, path: Path) -> str:
    """Keep the hash of a file, to check it later; return it."""
    checksum = _hash_file(path, "sha256")
    write_json(folder / CHECKSUMS, {**read_json(folder / CHECKSUMS), name: checksum})
    return checksum


def _read_checksum(folder: Path, name: str) -> str | None:
    """Return the hash that was kept, None if there is none that can be compared."""
    checksum = read_json(folder / CHECKSUMS).get(name)
    return checksum if isinstance(checksum, str) and checksum.startswith("sha256:") else None


def _warn_of_plain_http(url: str, path: Path, checksum: str) -> None:
    warnings.warn(
        f"{path} came from {url} over plain http, where anyone on the way can change it, and no "
        f"hash of it is published. Its hash, {checksum}, is kept in {CHECKSUMS} and compared by "
        "later calls: compare it with that of another copy.",
        UserWarning,
        stacklevel=2,
    )
