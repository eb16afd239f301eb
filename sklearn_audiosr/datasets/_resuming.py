"""A download that goes on where it broke off, in the room that a disk has."""

import json
import os
import shutil
import time
from typing import NamedTuple

_N_READ = 2**16  # what a broken connection can cost: bytes that did not fill a block are lost
_TIMEOUT = (10, 60)  # seconds to connect, and without a byte
_SPARE_BYTES = 2**26  # that stay free on the disk

# What the first download of a file without a published hash had, for every later look at it.
CHECKSUMS = "checksums.json"

# A server that is busy or restarting; the same request may do later.
_BUSY = {429, 500, 502, 503, 504}


class RemoteFile(NamedTuple):
    """A file on the internet and what is known of it."""

    name: str  # relative to the folder of its corpus
    urls: tuple[str, ...]  # the same file everywhere, tried in order
    n_bytes: int | None = None
    known_hash: str | None = None  # "algorithm:hexadecimal digits", only as read somewhere


class BrokenOffError(Exception):
    """An answer that is worth another try."""


class ResumingDownloader:
    """A downloader for pooch that goes on where an earlier one stopped.

    What arrives is kept in ``<name>.part``. A note beside it (``.part.json``) says where it is
    from and which edition it is, so that two files are never stitched into one.

    Parameters
    ----------
    path : Path
        Where the file will lie; ``.part`` and ``.part.json`` are added to this name.
    remote : RemoteFile
        What is known of the file.
    check : callable or None
        Called with the path of a file that has arrived; raises ValueError if it is damaged.
    n_retries : int
        How often a request is repeated in a row without a new byte before an address is given up.
    delay : float
        Seconds between two tries.

    Attributes
    ----------
    resumed : bool
        Whether bytes of an earlier try were kept in the last call.
    """

    def __init__(self, path, remote, check, n_retries, delay):
        self.part = path.with_name(path.name + ".part")
        self.note = path.with_name(path.name + ".part.json")
        self.remote = remote
        self.check = check
        self.n_retries = n_retries
        self.delay = delay
        self.resumed = False

    def __call__(self, url, output_file, pooch):
        """Download `url` to `output_file`, as pooch asks for."""
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

    def _receive_patiently(self, url):
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
                # a connection that breaks every gigabyte gets there all the same; one that begins
                # anew each time gets nowhere
                received = self._n_received()
                failures = 1 if received > most else failures + 1
                most = max(most, received)
                if failures > self.n_retries:
                    raise
                time.sleep(self.delay)

    def _receive(self, url):
        """Ask for what is missing, or for all of it, and write it until the answer ends."""
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
            # before what has arrived is given up for it
            if response.headers.get("Content-Type", "").startswith("text/html"):
                raise ValueError("the server sent a page, not the file")
            if response.status_code == 206:
                self._check_continuation(response, start, note)
            else:
                start = 0  # the server knows no ranges, or has another edition by now
            total = _find_total(response)
            self._check_total(total)
            if not start:
                self._forget()  # first: a note on this edition beside bytes of another would lie
            require_space(self.part.parent, (total or 0) - start, f"downloading {self.part.stem}")
            self._write_note(url, response, total)
            self._write(response, start, total)
        expected = self.remote.n_bytes if total is None else total
        if expected not in (None, self._n_received()):
            raise BrokenOffError(f"{self._n_received()} of {expected} bytes arrived")

    def _is_whole(self, response, start):
        """Tell whether nothing was left to ask for; else begin anew."""
        if response.headers.get("Content-Range") == f"bytes */{start}":
            return True
        self._forget()
        raise BrokenOffError(f"the server has no bytes from {start} on")

    def _check_continuation(self, response, start, note):
        """Begin anew if the bytes to come are not those that follow what is there."""
        fits = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        if not (start and fits and note["total"] in (None, _find_total(response))):
            self._forget()
            raise BrokenOffError("the server sent another part of the file than was asked for")
        self.resumed = True

    def _check_total(self, total):
        expected = self.remote.n_bytes
        if None not in (total, expected) and total != expected:
            raise ValueError(f"must be {expected} bytes, but the server announces {total}")

    def _write(self, response, start, total):
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
            for block in response.iter_content(_N_READ):
                file.write(block)
                bar.update(len(block))
            file.flush()
            os.fsync(file.fileno())

    def _n_received(self):
        return self.part.stat().st_size if self.part.is_file() else 0

    def _read_note(self, url):
        """Return what is known of the bytes that are there, nothing if they are from elsewhere."""
        note = read_json(self.note)
        return note if note.get("url") == url else {}

    def _write_note(self, url, response, total):
        if _is_encoded(response):
            return  # a place among decoded bytes is none on the server
        etag = response.headers.get("ETag", "")
        # a weak ETag may stay the same while bytes change: RFC 9110, section 13.1.5
        strong = etag if etag.startswith('"') else None
        edition = strong or response.headers.get("Last-Modified")
        write_json(self.note, {"url": url, "edition": edition, "total": total})

    def _forget(self):
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def _ask_for_rest(start, note):
    if not start:
        return {}
    edition = {"If-Range": note["edition"]} if note["edition"] else {}
    return {"Range": f"bytes={start}-", **edition}


def _is_encoded(response):
    return response.headers.get("Content-Encoding", "identity") != "identity"


def _find_total(response):
    """Return how long the whole file is in bytes, None where the server does not say."""
    if _is_encoded(response):
        return None  # the length is that of the encoded bytes
    length = response.headers.get("Content-Length")
    if response.status_code == 206:
        length = response.headers.get("Content-Range", "").rpartition("/")[2]
    return int(length) if length and length.isdigit() else None


def require_space(folder, n_bytes, purpose):
    """Raise OSError if fewer than `n_bytes` are free on the disk of `folder`."""
    free = shutil.disk_usage(folder).free
    if free < n_bytes + _SPARE_BYTES:
        raise OSError(
            f"{purpose} needs {n_bytes / 1e9:.2f} GB in {folder}, where {free / 1e9:.2f} GB are "
            "free: make room, or give another folder as data_home."
        )


def import_pooch():
    """Return pooch and requests; ImportError with the remedy where they are not installed."""
    try:
        import pooch
        import requests
    except ImportError as error:
        raise ImportError(
            "downloading a corpus needs pooch and requests: pip install pooch requests"
        ) from error
    return pooch, requests


def forget_checksums(paths):
    """Drop the notes on damaged files: whole ones in their place have other hashes."""
    for path in paths:
        note = path.parent / CHECKSUMS
        checksums = read_json(note)
        if checksums.pop(path.name, None) is not None:
            write_json(note, checksums)


def read_json(path):
    """Return what a note says; one that cannot be read says nothing."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(path, content):
    """Write a note that is whole or not there."""
    whole = path.with_name(path.name + ".new")
    whole.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(whole, path)
