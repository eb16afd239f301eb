"""Download a file, resume where an earlier download broke off, and mind the space on the disk."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

BLOCK_BYTES = 2**16  # a broken connection loses the bytes that do not fill a block
_TIMEOUT = (10, 60)  # seconds to connect, and seconds without a byte
_SPARE_BYTES = 2**26  # stay free on the disk

# Keeps the hash that a file without a published one had at first, to check it later.
CHECKSUMS = "checksums.json"

# Status codes of a server that is busy or restarting: the same request may succeed later.
_BUSY = {429, 500, 502, 503, 504}


class RemoteFile(NamedTuple):
    """A file on the internet and what is known about it."""

    name: str  # relative to the folder of its corpus
    urls: tuple[str, ...]  # addresses of the same file, tried in order
    n_bytes: int | None = None
    known_hash: str | None = None  # "algorithm:hexadecimal digits", as somebody published it


class Downloads(NamedTuple):
    """Whether to download, and how patiently: the parameters of the fetchers."""

    if_missing: bool = True
    n_retries: int = 3  # tries in a row without a new byte before an address is given up
    delay: float = 1.0  # seconds between two tries


class BrokenOffError(Exception):
    """The server gave an incomplete or unfit answer; another try may succeed."""


class ResumingDownloader:
    """A downloader for pooch that resumes where an earlier one stopped.

    The bytes that have arrived are kept in ``<name>.part``. A note beside it (``.part.json``) holds
    their address and edition, so that two files are never mixed.

    Parameters
    ----------
    path : Path
        Path of the complete file; ``.part`` and ``.part.json`` are added to its name.
    remote : RemoteFile
        What is known about the file.
    check : callable or None
        Called with the path of a file that has arrived; raises ValueError if it is damaged.
    downloads : Downloads
        How patiently to download.

    Attributes
    ----------
    resumed : bool
        Whether the last call kept bytes of an earlier one.
    """

    def __init__(
        self,
        path: Path,
        remote: RemoteFile,
        check: Callable[[Path], object] | None,
        downloads: Downloads,
    ) -> None:
        self.part = path.with_name(path.name + ".part")
        self.note = path.with_name(path.name + ".part.json")
        self.remote = remote
        self.check = check
        self.downloads = downloads
        self.resumed = False

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Download `url` to `output_file`; pooch calls this."""
        self.resumed = False
        self._receive_patiently(url)
        if self.check is not None:
            try:
                self.check(self.part)
            except ValueError:
                self._forget()
                raise
        os.replace(self.part, output_file)
        self._forget()

    def _receive_patiently(self, url: str) -> None:
        _, requests = import_pooch()
        passing = (
            BrokenOffError,
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
        )
        failures = most = 0
        while True:
            try:
                return self._receive(url)
            except passing:
                # count tries without progress: a connection that breaks at every gigabyte arrives
                # in the end, one that starts over each time never does
                received = self._n_received()
                failures = 1 if received > most else failures + 1
                most = max(most, received)
                if failures > self.downloads.n_retries:
                    raise
                time.sleep(self.downloads.delay)

    def _receive(self, url: str) -> None:
        """Request the missing bytes, or all of them, and write what arrives."""
        _, requests = import_pooch()
        note = self._read_note(url)
        start = self._n_received() if note else 0
        headers = {"Accept-Encoding": "identity", **_ask_for_rest(start, note)}
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
            if response.status_code == 416 and self._is_whole(response, start):
                self.resumed = True
                return
            if response.status_code in _BUSY:
                raise BrokenOffError(f"the server answers {response.status_code}")
            response.raise_for_status()
            # check this first: the bytes that are there must not be given up for a web page
            if response.headers.get("Content-Type", "").startswith("text/html"):
                raise ValueError("the server sent a page, not the file")
            if response.status_code == 206:
                self._check_continuation(response, start, note)
            else:
                start = 0  # the server does not know ranges, or has another edition now
            total = _find_total(response)
            self._check_total(total)
            self._keep(url, response, start, total)
        expected = self.remote.n_bytes if total is None else total
        if expected not in (None, self._n_received()):
            raise BrokenOffError(f"{self._n_received()} of {expected} bytes arrived")

    def _keep(self, url: str, response: Any, start: int, total: int | None) -> None:
        """Write the bytes of an answer, and before them the note about their edition."""
        if not start:
            self._forget()  # or the new note would stand beside bytes of an old edition
        require_space(self.part.parent, (total or 0) - start, f"downloading {self.part.stem}")
        self._write_note(url, response, total)
        self._write(response, start, total)

    def _is_whole(self, response: Any, start: int) -> bool:
        """Return True if all bytes are there; if not, forget them and raise BrokenOffError."""
        if response.headers.get("Content-Range") == f"bytes */{start}":
            return True
        self._forget()
        raise BrokenOffError(f"the server has no bytes from {start} on")

    def _check_continuation(self, response: Any, start: int, note: dict[str, Any]) -> None:
        """Forget the bytes that are there and raise BrokenOffError if others than the next come."""
        fits = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        if not (start and fits and note["total"] in (None, _find_total(response))):
            self._forget()
            raise BrokenOffError("the server sent another part of the file than was asked for")
        self.resumed = True

    def _check_total(self, total: int | None) -> None:
        expected = self.remote.n_bytes
        if None not in (total, expected) and total != expected:
            raise ValueError(f"must be {expected} bytes, but the server announces {total}")

    def _write(self, response: Any, start: int, total: int | None) -> None:
        from tqdm import tqdm

        bar = tqdm(
            desc=self.remote.name,
            total=total,
            initial=start,
            unit="B",
            unit_scale=True,
            unit_divisor=1000,
        )
        with bar, open(self.part, "ab" if start else "wb") as file:
            for block in response.iter_content(BLOCK_BYTES):
                file.write(block)
                bar.update(len(block))
            file.flush()
            os.fsync(file.fileno())

    def _n_received(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _read_note(self, url: str) -> dict[str, Any]:
        """Return the note about the bytes that are there; empty if they have another address."""
        note = read_json(self.note)
        return note if note.get("url") == url else {}

    def _write_note(self, url: str, response: Any, total: int | None) -> None:
        if _is_encoded(response):
            return  # a position in decoded bytes is not one on the server: no resuming
        etag = response.headers.get("ETag", "")
        # a weak ETag may stay the same while the bytes change: RFC 9110, section 13.1.5
        strong = etag if etag.startswith('"') else None
        edition = strong or response.headers.get("Last-Modified")
        write_json(self.note, {"url": url, "edition": edition, "total": total})

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def _ask_for_rest(start: int, note: dict[str, Any]) -> dict[str, str]:
    if not start:
        return {}
    edition = {"If-Range": note["edition"]} if note["edition"] else {}
    return {"Range": f"bytes={start}-", **edition}


def _is_encoded(response: Any) -> bool:
    return bool(response.headers.get("Content-Encoding", "identity") != "identity")


def _find_total(response: Any) -> int | None:
    """Return the length of the whole file in bytes; None if the server does not say."""
    if _is_encoded(response):
        return None  # the length is that of the encoded bytes
    length = response.headers.get("Content-Length")
    if response.status_code == 206:
        length = response.headers.get("Content-Range", "").rpartition("/")[2]
    return int(length) if length and length.isdigit() else None


def require_space(folder: Path, n_bytes: int, purpose: str) -> None:
    """Raise OSError if fewer than `n_bytes` are free on the disk of `folder`."""
    free = shutil.disk_usage(folder).free
    if free < n_bytes + _SPARE_BYTES:
        raise OSError(
            f"{purpose} needs {n_bytes / 1e9:.2f} GB in {folder}, where {free / 1e9:.2f} GB are "
            "free: make room, or give another folder as data_home."
        )


def import_pooch() -> tuple[Any, Any]:
    """Return pooch and requests; raise ImportError with the remedy if they are not installed."""
    try:
        import pooch
        import requests
    except ImportError as error:
        raise ImportError(
            "downloading a corpus needs pooch and requests: pip install pooch requests"
        ) from error
    return pooch, requests


def forget_checksums(paths: Iterable[Path]) -> None:
    """Drop the stored hashes of damaged files: whole ones have others."""
    for path in paths:
        note = path.parent / CHECKSUMS
        checksums = read_json(note)
        if checksums.pop(path.name, None) is not None:
            write_json(note, checksums)


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a note; an empty dict if it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a note whole or not at all."""
    whole = path.with_name(path.name + ".new")
    whole.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(whole, path)
