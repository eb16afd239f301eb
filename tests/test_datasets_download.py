"""Downloads that break off, bring something else, or have no server."""

import gzip
import hashlib
import json
import shutil
import socket
import sys
import zipfile
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import tqdm
from file_server import run_server

from sklearn_audiosr.datasets import _resuming
from sklearn_audiosr.datasets._download import fetch_file, get_data_home
from sklearn_audiosr.datasets._resuming import Downloads, RemoteFile

BODY = np.random.default_rng(0).bytes(5000)
SHA256 = "sha256:" + hashlib.sha256(BODY).hexdigest()


server = pytest.fixture(run_server)
# the server on this machine speaks plain http
pytestmark = pytest.mark.filterwarnings("ignore:.*over plain http:UserWarning")


@pytest.fixture
def fetch(server, tmp_path, monkeypatch):
    """Fetch a file of the server in small blocks, without waiting between tries."""
    monkeypatch.setattr(_resuming, "BLOCK_BYTES", 50)

    def fetch(
        *urls, n_retries=2, download_if_missing=True, known_hash=SHA256, n_bytes=None, **options
    ):
        remote = RemoteFile("file.bin", urls, n_bytes, known_hash)
        downloads = Downloads(download_if_missing, n_retries, delay=0)
        return fetch_file(remote, tmp_path, downloads, **options)

    return fetch


def list_names(folder):
    return sorted(path.name for path in folder.iterdir())


def check_is_zip(path):
    if not zipfile.is_zipfile(path):
        raise ValueError("this is no zip archive")


# --- what arrives whole


def test_file_arrives_whole_and_alone(server, fetch, tmp_path):
    path = fetch(server.add("f", BODY))
    assert path == tmp_path / "file.bin" and path.read_bytes() == BODY
    assert list_names(tmp_path) == ["file.bin"]


def test_second_fetch_asks_no_server(server, fetch):
    url = server.add("f", BODY)
    fetch(url)
    fetch(url)
    assert len(server.requests) == 1


def test_file_may_lie_in_a_folder_of_its_own(server, tmp_path):
    remote = RemoteFile("a/b c/file.bin", (server.add("f", BODY),), None, SHA256)
    assert fetch_file(remote, tmp_path / "new", Downloads()).read_bytes() == BODY


def test_hash_of_the_first_download_is_kept_where_none_is_published(server, fetch, tmp_path):
    fetch(server.add("f", BODY), known_hash=None)
    assert json.loads((tmp_path / "checksums.json").read_text()) == {"file.bin": SHA256}


def test_empty_file_is_a_file(server, fetch):
    assert fetch(server.add("f", b""), known_hash=None).read_bytes() == b""


# --- what breaks off


def test_broken_connections_are_resumed_in_one_call(server, fetch):
    url = server.add("f", BODY, cuts=[1000, 700, 50, 50, 50, 99])  # more cuts than retries
    assert fetch(url).read_bytes() == BODY
    starts = (1000, 1700, 1750, 1800, 1850)
    assert server.ranges[:-1] == [None, *(f"bytes={n}-" for n in starts)]
    # a part of a block may be lost
    assert server.ranges[-1] in ("bytes=1900-", "bytes=1949-")
    assert {edition for _, _, edition in server.requests[1:]} == {'"1"'}


def test_broken_download_has_no_name_and_is_resumed_by_the_next_call(server, fetch, tmp_path):
    url = server.add("f", BODY, cuts=[1000, 700])
    with pytest.raises(ConnectionError, match="could not be downloaded"):
        fetch(url, n_retries=0)
    assert list_names(tmp_path) == ["file.bin.part", "file.bin.part.json"]
    assert (tmp_path / "file.bin.part").read_bytes() == BODY[:1000]
    with pytest.raises(ConnectionError):
        fetch(url, n_retries=0)
    assert fetch(url).read_bytes() == BODY
    assert server.ranges == [None, "bytes=1000-", "bytes=1700-"]
    assert list_names(tmp_path) == ["file.bin"]


def test_interrupted_download_has_no_name_and_is_resumed(server, fetch, tmp_path, monkeypatch):
    url = server.add("f", np.random.default_rng(1).bytes(250_000))
    update = tqdm.tqdm.update

    def interrupt(bar, n):
        update(bar, n)
        if bar.n > 100_000:
            raise KeyboardInterrupt

    monkeypatch.setattr(tqdm.tqdm, "update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(url, known_hash=None)
    assert list_names(tmp_path) == ["file.bin.part", "file.bin.part.json"]
    n_kept = (tmp_path / "file.bin.part").stat().st_size
    monkeypatch.setattr(tqdm.tqdm, "update", update)
    assert fetch(url, known_hash=None).read_bytes() == server.resources["f"].body
    assert n_kept > 0 and server.ranges == [None, f"bytes={n_kept}-"]


def test_download_killed_before_its_last_step_is_not_repeated(server, fetch, tmp_path):
    url = server.add("f", BODY)
    (tmp_path / "file.bin.part").write_bytes(BODY)
    note = {"url": url, "edition": '"1"', "total": 5000}
    (tmp_path / "file.bin.part.json").write_text(json.dumps(note))
    assert fetch(url).read_bytes() == BODY
    assert server.ranges == ["bytes=5000-"]


@pytest.mark.parametrize("ranges", [True, False])
def test_server_that_ignores_ranges_starts_over(server, fetch, ranges):
    url = server.add("f", BODY, cuts=[1000], ranges=ranges)
    assert fetch(url).read_bytes() == BODY
    assert server.ranges == [None, "bytes=1000-"]


def test_two_editions_are_never_stitched(server, fetch):
    url = server.add("f", b"\0" * 5000, etag='"0"', cuts=[1000])
    with pytest.raises(ConnectionError):
        fetch(url, n_retries=0, known_hash=None)
    server.add("f", BODY)
    assert fetch(url, known_hash=None).read_bytes() == BODY


def test_process_killed_before_it_writes_a_new_edition_keeps_no_old_bytes(
    server, fetch, monkeypatch
):
    url = server.add("f", b"\0" * 5000, etag='"0"', cuts=[1000])
    with pytest.raises(ConnectionError):
        fetch(url, n_retries=0, known_hash=None)
    server.add("f", BODY)

    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(tqdm, "tqdm", die)  # its bar is made before the file is opened
        fetch(url, known_hash=None)
    assert fetch(url, known_hash=None).read_bytes() == BODY


def test_without_etag_another_length_is_another_edition(server, fetch):
    url = server.add("f", b"\0" * 4999, etag=None, cuts=[1000])
    with pytest.raises(ConnectionError):
        fetch(url, n_retries=0, known_hash=None)
    server.add("f", BODY, etag=None)
    assert fetch(url, known_hash=None).read_bytes() == BODY
    assert server.requests[1:] == [("f", "bytes=1000-", None), ("f", None, None)]


@pytest.mark.parametrize("etag", ['W/"1"', None])
def test_last_modified_stands_in_for_a_weak_etag(server, fetch, etag):
    when = "Tue, 01 Sep 2026 00:00:00 GMT"
    url = server.add("f", BODY, etag=etag, cuts=[1000], Last_Modified=when, ranges=False)
    assert fetch(url).read_bytes() == BODY
    assert server.requests[1] == ("f", "bytes=1000-", when)


def test_part_of_another_address_is_not_continued(server, fetch):
    with pytest.raises(ConnectionError):
        fetch(server.add("f", b"\0" * 5000, cuts=[1000]), n_retries=0)
    assert fetch(server.add("g", BODY)).read_bytes() == BODY
    assert server.ranges == [None, None]


def test_too_long_a_part_is_dropped(server, fetch, tmp_path):
    url = server.add("f", BODY)
    (tmp_path / "file.bin.part").write_bytes(BODY + b"!")
    note = {"url": url, "edition": '"1"', "total": 5000}
    (tmp_path / "file.bin.part.json").write_text(json.dumps(note))
    assert fetch(url).read_bytes() == BODY
    assert server.ranges == ["bytes=5001-", None]


def test_damaged_part_is_downloaded_again(server, fetch, tmp_path):
    url = server.add("f", BODY, cuts=[1000])
    with pytest.raises(ConnectionError):
        fetch(url, n_retries=0)
    (tmp_path / "file.bin.part").write_bytes(b"\0" * 1000)
    assert fetch(url).read_bytes() == BODY
    assert server.ranges == [None, "bytes=1000-", None]


def test_damaged_part_of_full_length_is_downloaded_again(server, fetch, tmp_path):
    url = server.add("f", BODY)
    (tmp_path / "file.bin.part").write_bytes(bytes(5000))
    note = {"url": url, "edition": '"1"', "total": 5000}
    (tmp_path / "file.bin.part.json").write_text(json.dumps(note))
    assert fetch(url).read_bytes() == BODY
    assert server.ranges == ["bytes=5000-", None]


def test_server_that_never_gets_to_the_end_is_given_up(server, fetch, tmp_path):
    url = server.add("f", BODY, cuts=[1000] * 99, ranges=False)
    with pytest.raises(ConnectionError, match=r"1000 (of 5000 bytes|bytes read)") as error:
        fetch(url)
    assert url in str(error.value) and str(tmp_path / "file.bin") in str(error.value)
    assert len(server.requests) == 3 and not (tmp_path / "file.bin").exists()


def test_server_that_begins_anew_and_breaks_off_at_random_is_given_up(server, fetch):
    url = server.add("f", BODY, cuts=[700, 1000] * 30, ranges=False)
    with pytest.raises(ConnectionError):
        fetch(url)
    assert len(server.requests) < 9


def test_interrupted_check_of_the_hash_costs_no_download(server, fetch, tmp_path, monkeypatch):
    url = server.add("f", BODY)

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(hashlib, "file_digest", interrupt)
        fetch(url)
    assert list_names(tmp_path) == ["file.bin.part", "file.bin.part.json"]
    assert fetch(url).read_bytes() == BODY
    assert server.ranges == [None, "bytes=5000-"]


def test_encoded_answers_are_decoded_and_not_resumed(server, fetch):
    body = gzip.compress(BODY)
    url = server.add("f", body, Content_Encoding="gzip", cuts=[3000])
    assert fetch(url).read_bytes() == BODY
    assert server.ranges == [None, None]


def test_cut_is_seen_by_the_known_length_where_the_server_tells_none(server, fetch):
    url = server.add("f", BODY, cuts=[1000])
    server.resources["f"].length = False
    assert fetch(url, known_hash=None, n_bytes=5000).read_bytes() == BODY


# --- what is wrong


def test_wrong_hash_leaves_nothing_behind(server, fetch, tmp_path):
    url = server.add("f", BODY[::-1])
    with pytest.raises(ConnectionError, match=SHA256.partition(":")[2]):
        fetch(url)
    assert list_names(tmp_path) == []
    server.add("f", BODY)
    assert fetch(url).read_bytes() == BODY


def test_wrong_announced_length_is_refused_before_the_download(server, fetch, tmp_path):
    with pytest.raises(ConnectionError, match="must be 4999 bytes, but the server announces 5000"):
        fetch(server.add("f", BODY), n_bytes=4999)
    assert list_names(tmp_path) == [] and len(server.requests) == 1


def test_page_in_place_of_the_archive_is_refused(server, fetch, tmp_path):
    url = server.add("f", b"<html>Please log in</html>")
    with pytest.raises(ConnectionError, match="this is no zip archive"):
        fetch(url, known_hash=None, check=check_is_zip)
    assert list_names(tmp_path) == []


def test_page_at_another_address_costs_nothing_of_what_has_arrived(server, fetch, tmp_path):
    good = server.add("f", BODY, cuts=[3000])
    page = server.add("g", b"<html>Please log in</html>", Content_Type="text/html")
    server.resources["g"].length = False
    with pytest.raises(ConnectionError, match="the server sent a page, not the file"):
        fetch(good, page, n_retries=0)
    assert (tmp_path / "file.bin.part").read_bytes() == BODY[:3000]
    assert fetch(good).read_bytes() == BODY


def test_missing_page_is_asked_for_once_and_the_next_address_is_tried(server, fetch):
    fetch(f"{server.address}/gone", server.add("f", BODY))
    assert [path for path, _, _ in server.requests] == ["gone", "f"]


def test_busy_server_is_asked_again(server, fetch):
    path = fetch(server.add("f", BODY, statuses=[500, 503]))
    assert path.read_bytes() == BODY
    path.unlink()
    with pytest.raises(ConnectionError, match="the server answers 500"):
        fetch(server.add("f", BODY, statuses=[500] * 3))


def test_every_address_and_its_reason_is_named(server, fetch):
    missing, busy = f"{server.address}/gone", server.add("f", BODY, statuses=[500] * 9)
    with pytest.raises(ConnectionError) as error:
        fetch(missing, busy)
    lines = str(error.value).splitlines()
    assert lines[1].startswith(f"  {missing}: 404") and lines[2].startswith(f"  {busy}: the server")


def test_offline_error_names_address_and_place(fetch, tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, but nobody listens
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/f"
        with pytest.raises(ConnectionError) as error:
            fetch(url, n_retries=0, hint="or do this")
    message = str(error.value)
    for words in (url, f"put the file by hand at {tmp_path / 'file.bin'}, or do this", "again"):
        assert words in message
    assert not (tmp_path / "file.bin").exists()


def test_full_disk_is_seen_before_the_download(server, fetch, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2**30, 2**30 - 2**26, 2**26))
    with pytest.raises(OSError, match=r"downloading file.bin needs 0.00 GB in .*data_home"):
        fetch(server.add("f", BODY))
    assert list_names(tmp_path) == []


# --- what is there already, or may not be downloaded


def test_no_download_without_leave(fetch, tmp_path):
    with pytest.raises(FileNotFoundError, match="download_if_missing=True") as error:
        fetch("http://127.0.0.1:9/f", download_if_missing=False)
    assert str(tmp_path / "file.bin") in str(error.value)


def test_file_put_there_by_hand_is_checked_against_the_published_hash(fetch, tmp_path):
    (tmp_path / "file.bin").write_bytes(BODY)
    assert fetch().read_bytes() == BODY
    (tmp_path / "file.bin").write_bytes(BODY[::-1])
    with pytest.raises(OSError, match=f"must have the hash {SHA256}, got sha256:.*delete it"):
        fetch()


def test_file_of_another_length_is_an_error(fetch, tmp_path):
    (tmp_path / "file.bin").write_bytes(BODY)
    with pytest.raises(OSError, match="must have 9999 bytes, got 5000"):
        fetch(n_bytes=9999)


def test_file_must_stay_what_it_was_at_first(server, fetch, tmp_path):
    fetch(server.add("f", BODY), known_hash=None)
    (tmp_path / "file.bin").write_bytes(BODY[:-1] + b"!")
    with pytest.raises(OSError, match=f"must have the hash {SHA256}"):
        fetch(known_hash=None)
    assert len(server.requests) == 1


def test_file_put_there_by_hand_is_checked_and_its_hash_kept(fetch, tmp_path):
    (tmp_path / "file.bin").write_bytes(BODY)
    with pytest.raises(OSError, match=r"is damaged \(this is no zip archive\): delete it"):
        fetch(known_hash=None, check=check_is_zip)
    assert not (tmp_path / "checksums.json").exists()
    fetch(known_hash=None, check=lambda path: None)
    fetch(known_hash=None, check=check_is_zip)  # the hash is enough from now on


def test_missing_pooch_names_the_remedy(fetch, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match="pip install pooch requests"):
        fetch("http://127.0.0.1:9/f")


def test_data_home_follows_argument_variable_and_home(monkeypatch, tmp_path):
    monkeypatch.delenv("SKLEARN_AUDIOSR_DATA", raising=False)
    assert get_data_home() == Path.home() / "sklearn_audiosr_data"
    monkeypatch.setenv("SKLEARN_AUDIOSR_DATA", str(tmp_path))
    assert get_data_home() == tmp_path
    assert get_data_home("~/x") == Path.home() / "x"
