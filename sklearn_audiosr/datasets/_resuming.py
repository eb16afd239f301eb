"""Download a file, and resume where an earlier download broke off."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sklearn_audiosr.datasets._answers import (
    BrokenOffError,
    check_answer,
    find_plain_http,
    find_total,
    is_encoded,
    read_blocks,
)
from sklearn_audiosr.datasets._disk import read_json, require_space, write_json

BLOCK_BYTES = 2**16  # the most that a broken connection loses
_TIMEOUT = (10, 60)  # seconds to connect, and seconds without a byte
_BYTES_BETWEEN_CHECKS = 2**26  # of the space on the disk

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class RemoteFile(NamedTuple):
    """A file on the internet and what is known about it."""

    name: str  # relative to the folder of its corpus
    urls: tuple[str, ...]  # addresses of the same file, tried in order
    n_bytes: int | None = None
    known_hash: str | None = None  # "algorithm:hexadecimal digits", as somebody published it
    most_bytes: int = 2**34  # no more are taken where the length is unknown


class Downloads(NamedTuple):
    """Whether to download, and how patiently: the parameters of the fetchers."""

    if_missing: bool = True
    n_retries: int = 3  # tries in a row without a new byte before an address is given up
    delay: float = 1.0  # seconds between two tries


class ResumingDownloader:
    """A downloader for pooch that resumes where an earlier one stopped.

    The bytes that have arrived are kept in ``<name>.part``. A note beside it (``.part.json``) holds
    their address and edition, so that two files are never mixed. Bytes that no later call could
    continue are removed.

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
    plain_http : str or None
        The address over plain http that the file came from or was redirected to, if any.
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
        self.plain_http: str | None = None

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Download `url` to `output_file`; pooch calls this."""
        self.resumed = False
        try:
            self._receive_patiently(url)
        except BaseException:
            if not self.note.is_file():  # nothing could continue these bytes
                self._forget()
            raise
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
            self._check_route(url, response)
            if response.status_code == 416 and self._is_whole(response, start):
                self.resumed = True
                return
            # check this first: the bytes that are there must not be given up for a web page
            check_answer(response)
            if response.status_code == 206:
                self._check_continuation(response, start, note)
            else:
                start = 0  # the server does not know ranges, or has another edition now
            total = find_total(response)
            self._check_total(total)
            self._keep(url, response, start, total)
        expected = self.remote.n_bytes if total is None else total
        if expected not in (None, self._n_received()):
            raise BrokenOffError(f"{self._n_received()} of {expected} bytes arrived")

    def _keep(self, url: str, response: Any, start: int, total: int | None) -> None:
        """Write the bytes of an answer, and before them the note about their edition."""
        if not start:
            self._forget()  # or the new note would stand beside bytes of an old edition
        missing = (total or self.remote.n_bytes or start) - start
        require_space(self.part.parent, missing, self._purpose)
        try:
            self._write_note(url, response, total)
            self._write(response, start, total)
        except ValueError:
            self._forget()
            raise
        except OSError as error:
            if total is None:
                self._forget()  # it may never end
            if error.errno in _FULL:
                raise self._explain_full(error) from error
            raise

    @property
    def _purpose(self) -> str:
        return f"downloading {self.part.stem}"

    def _explain_full(self, error: OSError) -> OSError:
        kept = "the next call continues" if self._n_received() else "nothing of it was kept"
        return OSError(
            error.errno,
            f"{self._purpose} needs more space than {self.part.parent} has ({error.strerror}): "
            f"make room, or give another folder as data_home; {kept}",
        )

    def _is_whole(self, response: Any, start: int) -> bool:
        """Return True if all bytes are there; if not, forget them and raise BrokenOffError."""
        fits = self.remote.n_bytes in (None, start)
        if fits and response.headers.get("Content-Range") == f"bytes */{start}":
            return True
        self._forget()
        raise BrokenOffError(f"the server has no bytes from {start} on")

    def _check_continuation(self, response: Any, start: int, note: dict[str, Any]) -> None:
        """Forget the bytes that are there and raise BrokenOffError if others than the next come."""
        fits = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        if not (start and fits and note["total"] in (None, find_total(response))):
            self._forget()
            raise BrokenOffError("the server sent another part of the file than was asked for")
        self.resumed = True

    def _check_route(self, url: str, response: Any) -> None:
        """Note whether the answer came over plain http; refuse it where https was asked for."""
        self.plain_http = find_plain_http(response)
        safe = self.remote.known_hash or not url.lower().startswith("https:")
        if self.plain_http and not safe:
            raise ValueError(
                f"the server redirects to {self.plain_http}: over plain http anyone on the way can "
                "change a file that has no published hash"
            )

    def _check_total(self, total: int | None) -> None:
        expected, most = self.remote.n_bytes, self.remote.most_bytes
        if total is None:
            return
        if expected is not None and total != expected:
            raise ValueError(f"must be {expected} bytes, but the server announces {total}")
        if expected is None and total > most:
            raise ValueError(f"must be at most {most} bytes, but the server announces {total}")

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
            for block in self._limit(read_blocks(response, BLOCK_BYTES), start, total):
                file.write(block)
                bar.update(len(block))
            file.flush()
            os.fsync(file.fileno())

    def _limit(self, blocks: Iterator[bytes], start: int, total: int | None) -> Iterator[bytes]:
        """Yield the blocks of a file; raise an error when they exceed its length or the disk."""
        known = self.remote.n_bytes if total is None else total
        most = self.remote.most_bytes if known is None else known
        received, checked = start, start
        for block in blocks:
            received += len(block)
            if received > most:
                raise ValueError(f"must be at most {most} bytes, but the server sends more")
            if received - checked >= _BYTES_BETWEEN_CHECKS:
                checked = received
                require_space(self.part.parent, 0, self._purpose)
            yield block

    def _n_received(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _read_note(self, url: str) -> dict[str, Any]:
        """Return the note about the bytes that are there; empty if they have another address."""
        note = read_json(self.note)
        edition, total = note.get("edition", 0), note.get("total", "")
        known = isinstance(edition, str | None) and isinstance(total, int | None)
        return note if known and note.get("url") == url else {}

    def _write_note(self, url: str, response: Any, total: int | None) -> None:
        if is_encoded(response):
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
