"""Files from the internet: resumed where they broke off, checked before they bear their name."""

import hashlib
import os
from functools import partial
from pathlib import Path

from sklearn_audiosr.datasets._resuming import (
    CHECKSUMS,
    BrokenOffError,
    ResumingDownloader,
    import_pooch,
    read_json,
    write_json,
)


def get_data_home(data_home=None):
    """Return the folder that holds the corpora; it may not exist yet.

    Parameters
    ----------
    data_home : str, path-like or None, default=None
        The folder. None takes the environment variable ``SKLEARN_AUDIOSR_DATA``, or where that is
        not set ``~/sklearn_audiosr_data``.

    Returns
    -------
    folder : Path
        With ``~`` replaced by the home folder.
    """
    default = os.environ.get("SKLEARN_AUDIOSR_DATA") or Path("~", "sklearn_audiosr_data")
    return Path(default if data_home is None else data_home).expanduser()


def fetch_file(
    remote, folder, *, check=None, download_if_missing=True, n_retries=3, delay=1.0, hint=""
):
    """Return a file of a corpus, downloaded if need be, that is known to be whole.

    Parameters
    ----------
    remote : RemoteFile
        What to fetch.
    folder : Path
        The folder of the corpus; made if need be.
    check : callable or None, default=None
        Called with a path; raises ValueError if the file there is damaged. Used where no hash is
        known.
    download_if_missing : bool, default=True
        Whether to download a file that is not there.
    n_retries : int, default=3
        Tries in a row without a new byte before an address is given up.
    delay : float, default=1.0
        Seconds between two tries.
    hint : str, default=""
        What else the user may do by hand, for the messages.

    Returns
    -------
    path : Path
        The file.

    Raises
    ------
    FileNotFoundError
        If the file is not there and shall not be downloaded.
    ConnectionError
        If no address gave the whole file.
    OSError
        If the disk is too full, or the file that is there is not the one expected.
    """
    path = folder / remote.name
    by_hand = f"Or put the file by hand at {path}{hint and ', ' + hint}, and call again."
    if path.is_file():
        _check_present(path, remote, folder, check)
        return path
    if not download_if_missing:
        raise FileNotFoundError(
            f"{remote.name} is not in {folder}: call with download_if_missing=True to download it "
            f"from {remote.urls[0]}. {by_hand}"
        )
    if remote.known_hash:
        check = partial(_check_hash, remote.known_hash)
    problems = _download(remote, folder, check, n_retries, delay)
    if problems:
        raise ConnectionError(
            f"{remote.name} could not be downloaded:\n  " + "\n  ".join(problems) + "\n"
            "Check the connection and call again: what has arrived is kept where it can be used. "
            + by_hand
        )
    if remote.known_hash is None:
        _note_checksum(folder, remote.name, path)
    return path


def _download(remote, folder, check, n_retries, delay):
    """Try each address; return what went wrong with all of them, nothing if one did."""
    _, requests = import_pooch()
    (folder / remote.name).parent.mkdir(parents=True, exist_ok=True)
    problems = []
    for url in remote.urls:
        downloader = ResumingDownloader(folder / remote.name, remote, check, n_retries, delay)
        try:
            _retrieve(url, remote, folder, downloader)
            return []
        except (requests.RequestException, BrokenOffError, ValueError) as error:
            problems.append(f"{url}: {error}")
    return problems


def _retrieve(url, remote, folder, downloader):
    """Let pooch download one file; what the downloader has checked gets its name."""
    pooch, _ = import_pooch()
    cache = pooch.create(
        path=folder,
        base_url="",
        registry={remote.name: None},  # pooch would throw away what it is interrupted at checking
        urls={remote.name: url},
    )
    try:
        cache.fetch(remote.name, downloader=downloader)
    except ValueError:
        if not downloader.resumed:
            raise
        # What lay there may have been damaged, or of another file: once more, from the start.
        cache.fetch(remote.name, downloader=downloader)


def _check_present(path, remote, folder, check):
    """Raise OSError if a file that is there already is not the one it should be."""
    n_bytes = path.stat().st_size
    remedy = "delete it to have it downloaded again, or put a whole one in its place."
    if remote.n_bytes not in (None, n_bytes):
        raise OSError(f"{path} must have {remote.n_bytes} bytes, got {n_bytes}: {remedy}")
    expected = remote.known_hash or read_json(folder / CHECKSUMS).get(remote.name)
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


def _check_hash(expected, path):
    found = _hash_file(path, expected.partition(":")[0])
    if found != expected:
        raise ValueError(f"must have the hash {expected}, got {found}")


def _hash_file(path, algorithm):
    with open(path, "rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def _note_checksum(folder, name, path):
    checksums = read_json(folder / CHECKSUMS)
    write_json(folder / CHECKSUMS, {**checksums, name: _hash_file(path, "sha256")})
