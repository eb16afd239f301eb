"""fetch_magnatagatune: tags, tracks and split of six clips, and an archive in three pieces."""

import json

import numpy as np
import pytest
from corpus_files import encode, zip_members
from file_server import run_server
from numpy.testing import assert_array_equal

from sklearn_audiosr.datasets import _magnatagatune, fetch_magnatagatune

MP3S = ["0/ann-solo-01-one-0-29.mp3", "0/ann-solo-01-one-30-59.mp3", "b/bob-duo-02-two-0-29.mp3"]
MP3S += ["c/cy-trio-03-three-0-29.mp3", "d/di-x-04-four-88-117.mp3", "f/ed-y-05-five-0-29.mp3"]
TAGS = ["piano", "loud", "no piano"]

server = pytest.fixture(run_server)
# the server on this machine speaks plain http
pytestmark = pytest.mark.filterwarnings("ignore:.*over plain http:UserWarning")


def make_annotations(names=MP3S):
    """Return a table where each file has one tag, in turn; its rows are not sorted by name."""
    lines = ["\t".join(['"clip_id"', *(f'"{tag}"' for tag in TAGS), '"mp3_path"'])]
    for i, name in reversed(list(enumerate(names))):
        marks = [f'"{int(i % 3 == j)}"' for j in range(3)]
        lines.append("\t".join([f'"{i}"', *marks, f'"{name}"']))
    return "\n".join(lines).encode()


def make_mp3(i):
    time = np.arange(8000) / 16000
    return encode(0.3 * np.sin(2 * np.pi * 200 * (i + 1) * time), 16000, format="MP3")


@pytest.fixture
def mirg(server, monkeypatch):
    """Serve the annotations and the archive, cut into three, of six clips of half a second."""
    monkeypatch.setattr(_magnatagatune, "SERVERS", (f"{server.address}/",))
    body = zip_members({name: make_mp3(i) for i, name in enumerate(MP3S)})
    edges = [0, 1000, len(body) - 50, len(body)]
    for i in range(3):
        server.add(f"mp3.zip.00{i + 1}", body[edges[i] : edges[i + 1]])
    server.add("annotations_final.csv", make_annotations())
    return server


def test_magnatagatune_is_downloaded_with_tags_tracks_and_split(mirg, tmp_path):
    music = fetch_magnatagatune(data_home=tmp_path, delay=0)
    assert music.filenames == MP3S and music.left_out == []
    assert_array_equal(music.train, [0, 1, 2])
    assert_array_equal(music.validation, [3])
    assert_array_equal(music.test, [4, 5])
    assert music.groups[0] == music.groups[1] == "0/ann-solo-01-one"
    assert len(set(music.groups)) == 5
    assert music.target_names == TAGS and music.target.dtype == bool
    assert_array_equal(music.target, np.tile(np.eye(3, dtype=bool), (2, 1)))
    for i, clip in enumerate(music.clips):
        assert len(clip) % 240 == 0 and len(clip) >= 7920
        spectrum = np.abs(np.fft.rfft(clip[2000:6000]))
        assert np.argmax(spectrum) * 4 == 200 * (i + 1)
    n_requests = len(mirg.requests)
    fetch_magnatagatune(data_home=tmp_path, download_if_missing=False)
    assert len(mirg.requests) == n_requests == 4
    checksums = json.loads((tmp_path / "magnatagatune" / "checksums.json").read_text())
    assert sorted(checksums) == ["annotations_final.csv", *(f"mp3.zip.00{i}" for i in (1, 2, 3))]


def test_empty_and_missing_files_are_left_out_with_their_tags(tmp_path):
    folder = tmp_path / "magnatagatune"
    folder.mkdir()
    (folder / "annotations_final.csv").write_bytes(make_annotations())
    for i, name in enumerate(MP3S):
        path = folder / "mp3" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if i == 1 else make_mp3(i))
    (folder / "mp3" / MP3S[2]).unlink()
    with pytest.warns(UserWarning) as log:
        music = fetch_magnatagatune(data_home=tmp_path, download_if_missing=False)
    assert len(log) == 1
    assert music.filenames == [MP3S[i] for i in (0, 3, 4, 5)]
    assert [line.partition(":")[0] for line in music.left_out] == MP3S[1:3]
    assert_array_equal(music.target.argmax(axis=1), [0, 0, 1, 2])
    assert_array_equal(music.test, [2, 3])


def test_pieces_that_make_no_archive_are_set_aside(mirg, tmp_path):
    mirg.resources["mp3.zip.002"].body = mirg.resources["mp3.zip.002"].body[:-100]
    with pytest.raises(OSError, match="it is damaged"):
        fetch_magnatagatune(data_home=tmp_path, delay=0)
    folder = tmp_path / "magnatagatune"
    assert sorted(path.name for path in folder.glob("mp3*")) == [
        f"mp3.zip.00{i}.damaged" for i in (1, 2, 3)
    ]


def test_whole_pieces_may_be_put_in_the_place_of_damaged_ones(mirg, tmp_path):
    folder = tmp_path / "magnatagatune"
    folder.mkdir()
    (folder / "annotations_final.csv").write_bytes(make_annotations())
    bodies = {f"mp3.zip.00{i}": mirg.resources[f"mp3.zip.00{i}"].body for i in (1, 2, 3)}
    options = {"data_home": tmp_path, "download_if_missing": False}
    for name, body in bodies.items():
        (folder / name).write_bytes(body[:-20])
    with pytest.raises(OSError, match="it is damaged"):
        fetch_magnatagatune(**options)
    for name, body in bodies.items():
        (folder / name).write_bytes(body)
    assert fetch_magnatagatune(**options).filenames == MP3S


def test_blank_lines_in_the_annotations_are_passed_over(mirg, tmp_path):
    mirg.resources["annotations_final.csv"].body = make_annotations() + b"\n\n"
    assert fetch_magnatagatune(data_home=tmp_path, delay=0).filenames == MP3S


@pytest.mark.parametrize("body", [b"<html>", b"clip_id\tmp3_path\n", b"\xff\xfe", b"clip_id\t\0\n"])
def test_annotations_that_are_none_are_refused(mirg, tmp_path, body):
    mirg.resources["annotations_final.csv"].body = body
    with pytest.raises(ConnectionError, match=r"annotations_final.csv could not be downloaded"):
        fetch_magnatagatune(data_home=tmp_path, delay=0)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('"1"\t"1"\t"0"\t"0"\t""', "has no name"),
        ('"1"\t"1"\t"0"\t"0"\t"../../up.mp3"', "leads out of the folder"),
        ('"1"\t"1"\t"0"\t"0"\t"/tmp/up.mp3"', "leads out of the folder"),
        ('"1"\t"1"\t"0"\t"x.mp3"', "a row must have 5 columns, got 4"),
        (f'"1"\t"1"\t"0"\t"{"9" * 30}"\t"x.mp3"', "a tag must be 0 or 1"),
    ],
)
def test_rows_that_name_no_clip_are_refused(mirg, tmp_path, row, words):
    mirg.resources["annotations_final.csv"].body = make_annotations() + f"\n{row}".encode()
    with pytest.raises(ConnectionError, match=words):
        fetch_magnatagatune(data_home=tmp_path, delay=0)


def test_plain_http_of_the_former_server_is_told(mirg, tmp_path):
    """Its address begins with http; no hash of the corpus is published."""
    with pytest.warns(UserWarning) as log:
        fetch_magnatagatune(data_home=tmp_path, delay=0)
    checksums = json.loads((tmp_path / "magnatagatune" / "checksums.json").read_text())
    assert len(log) == len(checksums) == 4
    for warning, checksum in zip(log, checksums.values(), strict=True):
        assert checksum in str(warning.message)


def test_offline_error_tells_what_to_put_where(server, tmp_path, monkeypatch):
    monkeypatch.setattr(_magnatagatune, "SERVERS", (f"{server.address}/none/",))
    folder = tmp_path / "magnatagatune"
    folder.mkdir()
    (folder / "annotations_final.csv").write_bytes(make_annotations())
    with pytest.raises(ConnectionError) as error:
        fetch_magnatagatune(data_home=tmp_path, delay=0)
    for words in ("mp3.zip.001", str(folder), "or the unpacked folders 0 to f"):
        assert words in str(error.value)
