"""Downloads that bring too much, over other ways than asked, or to a disk that fills up."""

import errno
import gzip
import hashlib
import json
import shutil
import tracemalloc
import warnings
from collections import namedtuple

import numpy as np
import pytest
import requests
import tqdm
from file_server import run_server

from sklearn_audiosr.datasets import _resuming
from sklearn_audiosr.datasets._download import fetch_file
from sklearn_audiosr.datasets._resuming import Downloads, RemoteFile

BODY = np.random.default_rng(0).bytes(5000)
SHA256 = "sha256:" + hashlib.sha256(BODY).hexdigest()

server = pytest.fixture(run_server)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(_resuming, "BLOCK_BYTES", 50)


@pytest.fixture
def fetch(tmp_path):
    """Fetch a file without a published hash, and without more tries."""

    def fetch(*urls, n_bytes=None, known_hash=None, n_retries=0, **options):
        remote = RemoteFile("file.bin", urls, n_bytes, known_hash, **options)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*over plain http")
            return fetch_file(remote, tmp_path, Downloads(True, n_retries, delay=0))

    return fetch


def list_names(folder):
    return sorted(path.name for path in folder.iterdir())


def serve(server, body, length=None, **headers):
    """Put a body on the server, with another length or none announced."""
    if length is not None:
        headers["Content_Length"] = length
    url = server.add("f", body, **headers)
    server.resources["f"].length = False
    return url


# --- too much


def test_answer_longer_than_the_file_is_stopped_and_removed(server, fetch, tmp_path):
    url = serve(server, BODY * 10)
    with pytest.raises(ConnectionError, match="at most 5000 bytes, but the server sends more"):
        fetch(url, n_bytes=5000, known_hash=SHA256)
    assert list_names(tmp_path) == []


@pytest.mark.parametrize("length", [None, "50000"])
def test_file_of_unknown_length_has_a_limit(server, fetch, tmp_path, length):
    url = serve(server, BODY * 10, length)
    with pytest.raises(ConnectionError, match="at most 6000 bytes, but the server (sends|ann)"):
        fetch(url, most_bytes=6000)
    assert list_names(tmp_path) == []
    assert fetch(serve(server, BODY), most_bytes=5000).read_bytes() == BODY


def test_part_that_is_continued_counts(server, fetch, tmp_path):
    """The rest alone would fit."""
    url = server.add("f", BODY, cuts=[3000])
    with pytest.raises(ConnectionError):
        fetch(url)
    (tmp_path / "file.bin.part.json").write_text(
        json.dumps({"url": url, "edition": '"1"', "total": None})
    )
    with pytest.raises(ConnectionError, match="at most 4000 bytes"):
        fetch(url, most_bytes=4000)


def test_encoded_answer_is_stopped_in_bounded_memory(server, fetch, tmp_path):
    url = serve(server, gzip.compress(bytes(3 * 10**7)), Content_Encoding="gzip")
    fetch(server.add("g", BODY))  # so that everything is imported
    (tmp_path / "file.bin").unlink()
    (tmp_path / "checksums.json").unlink()
    tracemalloc.start()
    with pytest.raises(ConnectionError, match="at most 5000 bytes, but the server sends more"):
        fetch(url, n_bytes=5000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * 10**6 and list_names(tmp_path) == []


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "deflate, gzip"])
def test_encodings_that_nobody_asked_for_are_refused(server, fetch, tmp_path, encoding):
    url = serve(server, gzip.compress(gzip.compress(BODY)), Content_Encoding=encoding)
    with pytest.raises(ConnectionError, match=f"encoded as '{encoding}', which nobody asked"):
        fetch(url)
    assert list_names(tmp_path) == []


@pytest.mark.parametrize("encoding", ["gzip", "GZip", "x-gzip", "identity"])
def test_encoding_is_undone(server, fetch, encoding):
    """Also where gzip's data are in two members, as `cat` makes them."""
    body = gzip.compress(BODY[:999]) + gzip.compress(BODY[999:])
    url = serve(server, BODY if encoding == "identity" else body, Content_Encoding=encoding)
    assert fetch(url).read_bytes() == BODY


@pytest.mark.parametrize(
    "body", [gzip.compress(BODY)[:-3], BODY, b""], ids=["cut", "plain", "empty"]
)
def test_encoded_answer_that_ends_early_or_is_not_encoded_leaves_nothing(
    server, fetch, tmp_path, body
):
    with pytest.raises(ConnectionError, match="ends too early|cannot be decoded"):
        fetch(serve(server, body, Content_Encoding="gzip"))
    assert list_names(tmp_path) == []


def test_interrupted_encoded_answer_leaves_nothing(server, fetch, tmp_path, monkeypatch):
    """No later call could continue it."""
    monkeypatch.setattr(tqdm.tqdm, "update", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        fetch(serve(server, gzip.compress(BODY), Content_Encoding="gzip"))
    assert list_names(tmp_path) == []


# --- another length than announced


@pytest.mark.parametrize("length", ["4999", "5001", "9" * 40])
def test_wrong_length_is_an_error(server, fetch, tmp_path, length):
    with pytest.raises(ConnectionError, match="could not be downloaded"):
        fetch(serve(server, BODY, length), known_hash=SHA256)
    assert not (tmp_path / "file.bin").exists()


@pytest.mark.parametrize("length", ["-5", "many", "5e3", "\xb2", ""])
def test_length_that_is_no_number_is_passed_over(server, fetch, length):
    assert fetch(serve(server, BODY, length), known_hash=SHA256).read_bytes() == BODY


def test_range_that_was_not_asked_for_is_refused(server, fetch, tmp_path):
    url = server.add("f", BODY, Content_Range="bytes 0-4999/5000")
    server.resources["f"].status = 206
    with pytest.raises(ConnectionError, match="another part of the file"):
        fetch(url)
    assert list_names(tmp_path) == []


@pytest.mark.parametrize("status", [201, 204, 304])
def test_answer_without_the_file_is_refused(server, fetch, tmp_path, status):
    url = server.add("f", b"")
    server.resources["f"].status = status
    with pytest.raises(ConnectionError, match=f"the server answers {status}, without the file"):
        fetch(url)
    assert list_names(tmp_path) == []


# --- over plain http


@pytest.fixture
def https(server, monkeypatch):
    """Let the addresses that begin with https lead to the server."""
    get = requests.get

    def pretend(url, **options):
        response = get(url.replace("https:", "http:"), **options)
        first = response.history[0] if response.history else response
        first.url = url
        return response

    monkeypatch.setattr(requests, "get", pretend)
    return server.address.replace("http:", "https:")


def fetch_strictly(folder, url, known_hash=None):
    return fetch_file(RemoteFile("file.bin", (url,), None, known_hash), folder, Downloads(True, 0))


@pytest.mark.parametrize("redirected", [False, True])
def test_plain_http_without_a_published_hash_is_told(server, tmp_path, redirected):
    url = server.add("f", BODY)
    url = server.redirect("g", url) if redirected else url
    with pytest.warns(UserWarning, match=f"from {url} over plain http.*Its hash, {SHA256}, is kep"):
        fetch_strictly(tmp_path, url)
    assert json.loads((tmp_path / "checksums.json").read_text()) == {"file.bin": SHA256}


@pytest.mark.filterwarnings("error")
def test_published_hash_makes_plain_http_safe(server, https, tmp_path):
    server.redirect("g", server.add("f", BODY))
    assert fetch_strictly(tmp_path, f"{https}/g", SHA256).read_bytes() == BODY
    (tmp_path / "file.bin").unlink()
    fetch_strictly(tmp_path, f"{server.address}/f", SHA256)


@pytest.mark.filterwarnings("error")
def test_https_needs_no_word(server, https, tmp_path):
    server.add("f", BODY)
    assert fetch_strictly(tmp_path, f"{https}/f").read_bytes() == BODY


def test_way_from_https_to_http_is_refused(server, https, tmp_path):
    url = server.add("f", BODY)
    server.redirect("g", url)
    with pytest.raises(ConnectionError, match=f"redirects to {url}: over plain http anyone"):
        fetch_strictly(tmp_path, f"{https}/g")
    assert list_names(tmp_path) == []


def test_endless_redirects_are_an_error(server, fetch, tmp_path):
    with pytest.raises(ConnectionError, match="redirects"):
        fetch(server.redirect("f", f"{server.address}/f"))
    assert list_names(tmp_path) == []


# --- a disk that fills up


class FullDisk:
    """Opens files on a disk with room for so many bytes."""

    def __init__(self, room):
        self.room = room

    def __call__(self, path, mode):
        file, write = open(path, mode), None
        write = file.write

        class File:
            def __enter__(self):
                return self

            def __exit__(self, *_):
                file.close()

            def write(_, data):  # noqa: N805
                self.room -= len(data)
                if self.room < 0:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return write(data)

            def __getattr__(self, name):
                return getattr(file, name)

        return File()


@pytest.mark.parametrize("known", [True, False])
def test_full_disk_is_told_and_kept_only_what_can_be_continued(
    server, fetch, tmp_path, monkeypatch, known
):
    url = server.add("f", BODY) if known else serve(server, BODY)
    kept = "the next call continues" if known else "nothing of it was kept"
    with monkeypatch.context() as patch:
        patch.setattr(_resuming, "open", FullDisk(1020), raising=False)
        with pytest.raises(OSError, match=f"downloading file.bin needs more space.*{kept}") as info:
            fetch(url)
    assert info.value.errno == errno.ENOSPC
    assert list_names(tmp_path) == (["file.bin.part", "file.bin.part.json"] if known else [])
    assert fetch(url).read_bytes() == BODY
    assert server.ranges == [None, "bytes=1000-" if known else None]


@pytest.mark.parametrize("known", [True, False])
def test_space_is_watched_while_the_file_arrives(server, fetch, tmp_path, monkeypatch, known):
    usage = namedtuple("usage", "total used free")
    free = iter([2**30, 2**30, 2**25])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2**30, 0, next(free)))
    monkeypatch.setattr(_resuming, "_BYTES_BETWEEN_CHECKS", 1000)
    with pytest.raises(OSError, match=r"downloading file.bin needs 0.00 GB in .*, where 0.03 GB"):
        fetch(server.add("f", BODY) if known else serve(server, BODY))
    assert list_names(tmp_path) == (["file.bin.part", "file.bin.part.json"] if known else [])


def test_known_length_is_asked_of_the_disk_where_none_is_announced(
    server, fetch, tmp_path, monkeypatch
):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2**30, 0, 2**26 + 4999))
    with pytest.raises(OSError, match="downloading file.bin needs 0.00 GB"):
        fetch(serve(server, BODY), n_bytes=5000)
    assert list_names(tmp_path) == []


# --- notes that somebody else wrote


@pytest.mark.parametrize(
    "change",
    [{"edition": 1}, {"edition": ["a"]}, {"total": "5000"}, {"total": 1.5}, {"url": None}, None],
)
def test_odd_note_means_a_new_download(server, fetch, tmp_path, change):
    url = server.add("f", BODY)
    (tmp_path / "file.bin.part").write_bytes(BODY[:1000])
    note = {"url": url, "edition": '"1"', "total": 5000} | (change or {})
    note = {"url": url} if change is None else note
    (tmp_path / "file.bin.part.json").write_text(json.dumps(note))
    assert fetch(url).read_bytes() == BODY
    assert server.ranges == [None]


@pytest.mark.parametrize("content", ['{"file.bin": 5}', '{"file.bin": "abc"}', "[" * 100000, "\0"])
def test_odd_checksums_are_passed_over(fetch, tmp_path, content):
    (tmp_path / "file.bin").write_bytes(BODY)
    (tmp_path / "checksums.json").write_text(content)
    assert fetch("http://127.0.0.1:9/f").read_bytes() == BODY
    assert json.loads((tmp_path / "checksums.json").read_text()) == {"file.bin": SHA256}
