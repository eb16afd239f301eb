"""fetch_beethoven_piano: 32 sonatas from a server on this machine, or put there by hand."""

import hashlib
import json
from urllib.parse import quote

import numpy as np
import pytest
import soundfile as sf
import soxr
from corpus_files import encode, write
from file_server import run_server
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_audiosr.datasets import _beethoven, fetch_beethoven_piano

server = pytest.fixture(run_server)
# the server on this machine speaks plain http
pytestmark = pytest.mark.filterwarnings("ignore:.*over plain http:UserWarning")


def make_ogg(n_frames=16000, rate=16000, seed=0):
    rng = np.random.default_rng(seed)
    waveform = 0.1 * rng.standard_normal((n_frames, 2))
    return encode(waveform, rate, format="OGG", subtype="VORBIS")


def serve_item(server, item, files):
    """Put an item of archive.org on the server: names and contents of its files."""
    entries = [{"name": "about.xml", "source": "metadata", "size": "9"}]
    for name, content in files.items():
        server.add(f"download/{item}/{quote(name)}", content)
        sha1 = hashlib.sha1(content).hexdigest()
        entries.append(
            {"name": name, "source": "original", "size": str(len(content)), "sha1": sha1}
        )
    server.add(f"metadata/{item}", json.dumps({"files": entries}).encode())


@pytest.fixture
def archive(server, monkeypatch):
    """Serve all 32 sonatas of one second each; the first has two movements, and an MP3 file too."""
    monkeypatch.setattr(_beethoven, "ARCHIVE", server.address)
    ogg = make_ogg()
    for number, item in _beethoven.ITEMS.items():
        serve_item(server, item, {f"Sonata {number} & more.ogg": ogg})
    first = {"1 - Allegro.ogg": ogg, "2 - Adagio.ogg": ogg, "1 - Allegro.mp3": b"not asked for"}
    serve_item(server, _beethoven.ITEMS[1], first)
    return server


def test_sonatas_are_downloaded_and_split_by_piece(archive, tmp_path):
    piano = fetch_beethoven_piano(data_home=tmp_path, clip_duration=0.3, delay=0)
    assert len(piano.clips) == 33 * 3 and piano.left_out == []
    assert [len(set(piano.groups[piano[fold]])) for fold in ("train", "validation", "test")] == [
        28,
        2,
        2,
    ]
    assert set(piano.groups[piano.validation]) == {"sonata_05", "sonata_26"}
    assert set(piano.groups[piano.test]) == {"sonata_10", "sonata_31"}
    assert piano.filenames[0] == "BeethovenPianoSonataNo.1/1 - Allegro.ogg"
    assert piano.clips[0].shape == (4800,)
    assert "numbers 5 and 26 to validate, 10 and 31 to test" in piano.DESCR
    n_requests = len(archive.requests)
    assert n_requests == 32 + 33
    fetch_beethoven_piano(data_home=tmp_path, clip_duration=0.3, delay=0)
    assert len(archive.requests) == n_requests


def test_sonata_that_was_changed_is_an_error(archive, tmp_path):
    fetch_beethoven_piano(data_home=tmp_path, clip_duration=0.3, delay=0)
    path = tmp_path / "beethoven_piano" / "BeethovenPianoSonata17" / "Sonata 17 & more.ogg"
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(OSError, match=r"Sonata 17 & more.ogg must have the hash sha1:"):
        fetch_beethoven_piano(data_home=tmp_path, clip_duration=0.3, delay=0)


def test_only_what_is_missing_is_downloaded(archive, tmp_path):
    fetch_beethoven_piano(data_home=tmp_path, clip_duration=0.3, delay=0)
    folder = tmp_path / "beethoven_piano" / "BeethovenPianoSonata17"
    (folder / "Sonata 17 & more.ogg").unlink()
    archive.requests.clear()
    fetch_beethoven_piano(data_home=tmp_path, clip_duration=0.3, delay=0)
    assert [path for path, _, _ in archive.requests] == [
        "download/BeethovenPianoSonata17/Sonata%2017%20%26%20more.ogg"
    ]


def test_one_sonata_that_is_gone_stops_no_other(archive, tmp_path):
    archive.resources["metadata/BeethovenPianoSonataNo.3"].body = b"{}"
    archive.resources["download/BeethovenPianoSonata13/Sonata%2013%20%26%20more.ogg"].body = b"?"
    message = r"2 of 32 sonatas could not.*download_if_missing=False.*No.3/item.json(.|\n)*no sound"
    with pytest.raises(ConnectionError, match=message):
        fetch_beethoven_piano(data_home=tmp_path, clip_duration=0.3, delay=0)
    with pytest.warns(UserWarning) as log:
        piano = fetch_beethoven_piano(
            data_home=tmp_path, clip_duration=0.3, download_if_missing=False
        )
    assert piano.left_out == ["sonata_03: not there", "sonata_13: not there"] and len(log) == 1
    assert str(log[0].message).startswith("2 sonata(s) of Beethoven's piano sonatas are left out:")
    assert len(set(piano.groups)) == 30


def test_list_that_is_none_is_an_error_of_its_sonata(archive, tmp_path):
    lists = ["x", ["x"], [{"title": "x"}], [{"name": None}], [{"name": "a.ogg", "size": "much"}]]
    for number, files in enumerate(lists, start=3):
        resource = archive.resources[f"metadata/BeethovenPianoSonataNo.{number}"]
        resource.body = json.dumps({"files": files}).encode()
    with pytest.raises(ConnectionError, match=r"5 of 32 sonatas could not(.|\n)*No.3/item.json"):
        fetch_beethoven_piano(data_home=tmp_path, clip_duration=0.3, delay=0)
    folder = tmp_path / "beethoven_piano"
    assert len(list(folder.glob("*/item.json"))) == 27  # a list that is refused is not kept
    assert not [path for n in range(3, 8) for path in folder.glob(f"*No.{n}/*")]


def test_patience_is_spent_once_where_the_server_is_down(archive, tmp_path):
    for resource in archive.resources.values():
        resource.statuses = [503] * 99
    with pytest.raises(ConnectionError, match="32 of 32 sonatas"):
        fetch_beethoven_piano(data_home=tmp_path, n_retries=3, delay=0)
    assert len(archive.requests) == 4 + 31


def test_names_that_lead_out_of_the_folder_are_refused(archive, tmp_path):
    serve_item(archive, "BeethovenPianoSonataNo.2", {"../../evil.ogg": b"evil"})
    with pytest.raises(ConnectionError, match="leads out of the folder"):
        fetch_beethoven_piano(data_home=tmp_path / "deep", delay=0)
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize(
    "names", [["a.ogg", "A.OGG"], ["a.ogg", "a.ogg"], ["a.ogg", "a.ogg/b.ogg"], ["nul.ogg"]]
)
def test_names_that_are_one_file_on_some_system_are_refused(archive, tmp_path, names):
    files = [{"name": name, "source": "original"} for name in names]
    resource = archive.resources["metadata/BeethovenPianoSonataNo.2"]
    resource.body = json.dumps({"files": files}).encode()
    with pytest.raises(
        ConnectionError, match=r"1 of 32(.|\n)*(twice|is there as|device on Windows)"
    ):
        fetch_beethoven_piano(data_home=tmp_path, clip_duration=0.3, delay=0)


@pytest.mark.parametrize(
    "body",
    [
        b'{"files": [{"name": "a.ogg", "size": 1e999}]}',
        b'{"files": ' + b"[" * 10**5,
        b'{"files": [{"name": ".ogg", "size": "\xff"}]}',
        b'{"files": [{"name": "\\ud800.ogg"}]}',
        b'{"files": [{"name": "a.ogg"}], "x": "' + b"x" * 2**24 + b'"}',
    ],
    ids=["size", "nested", "bytes", "surrogate", "long"],
)
def test_lists_that_cannot_be_read_are_errors_of_their_sonata(archive, tmp_path, body):
    archive.resources["metadata/BeethovenPianoSonataNo.2"].body = body
    with pytest.raises(ConnectionError, match="1 of 32 sonatas could not be downloaded"):
        fetch_beethoven_piano(data_home=tmp_path, clip_duration=0.3, delay=0)
    assert not list(tmp_path.glob("*/*No.2/*"))


def test_originals_stand_in_where_there_is_no_ogg(archive, tmp_path):
    mp3 = encode(0.1 * np.random.default_rng(0).standard_normal(16000), 16000, format="MP3")
    serve_item(archive, "BeethovenPianoSonataNo.2", {"all.mp3": mp3})
    piano = fetch_beethoven_piano(data_home=tmp_path, clip_duration=0.3, delay=0)
    assert "BeethovenPianoSonataNo.2/all.mp3" in piano.filenames


@pytest.mark.parametrize("kind", ["OGG", "MP3", "FLAC"])
def test_clips_joined_are_the_file_resampled(tmp_path, kind):
    name = tmp_path / "beethoven_piano" / f"Sonata No. 14 (Moonlight).{kind.lower()}"
    name.parent.mkdir()
    waveform = 0.1 * np.random.default_rng(0).standard_normal((60000, 2))
    name.write_bytes(encode(waveform, 44100, format=kind))
    with pytest.warns(UserWarning):
        piano = fetch_beethoven_piano(
            data_home=tmp_path, clip_duration=0.31, download_if_missing=False
        )
    waveform, rate = sf.read(name, dtype="float32")
    whole = soxr.resample(waveform.mean(axis=1), rate, 16000, quality="HQ")
    assert [len(clip) for clip in piano.clips] == [4800] * 4  # 4960 cut to a multiple of 240
    assert_allclose(np.concatenate(list(piano.clips)), whole[:19200], atol=1e-6)
    assert set(piano.groups) == {"sonata_14"}


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("BeethovenPianoSonataNo.21Waldstein/x.ogg", 21),
        ("BeethovenPianoSonata13/01 Sonata 5.ogg", 13),
        ("BeethovenPianoSonataNo.1.ogg", 1),
        ("04Beethoven_PianoSonata14InCSharp.mp3", 14),
        ("disc 3/sonata_08 - 2.wav", 8),
        ("Sonatas 1-10/Sonata 8.ogg", 8),
        ("mine/BeethovenPianoSonata13/01 Sonata 5.ogg", 13),
        ("Sonata No. 33.ogg", None),
        ("Sonata 1812.ogg", None),
        ("Diabelli.ogg", None),
    ],
)
def test_sonata_is_known_by_folder_or_name(name, number):
    assert _beethoven.find_number(name) == number


def test_what_cannot_be_used_is_named(tmp_path):
    folder = tmp_path / "beethoven_piano"
    folder.mkdir()
    for name in ("Sonata 1.ogg", "Diabelli.ogg"):
        (folder / name).write_bytes(make_ogg())
    (folder / "Sonata 2.ogg").write_bytes(make_ogg(1000))
    (folder / "Sonata 3.ogg").write_bytes(b"OggS")
    with pytest.warns(UserWarning) as log:
        piano = fetch_beethoven_piano(
            data_home=tmp_path, clip_duration=0.5, download_if_missing=False
        )
    assert len(log) == 1 and set(piano.groups) == {"sonata_01"}
    text = "\n".join(piano.left_out)
    for words in (
        "Sonata 2.ogg: shorter than a clip: 960 timepoints",
        "Sonata 3.ogg: ",
        "Diabelli.ogg: neither folder nor name tells which sonata",
        "sonata_32: not there",
    ):
        assert words in text
    # three files that are there, and the sonatas 4 to 32
    assert str(log[0].message).startswith("3 file(s), 29 sonata(s) of ")


def test_rate_of_each_file_is_looked_at_though_names_repeat(tmp_path):
    for number, rate in ((1, 8000), (2, 44100)):
        folder = tmp_path / "beethoven_piano" / f"BeethovenPianoSonataNo.{number}"
        write(folder / "01.wav", np.full(rate, 0.1), rate)
    with pytest.warns(UserWarning) as log:
        fetch_beethoven_piano(data_home=tmp_path, clip_duration=0.3, download_if_missing=False)
    assert "01.wav: 8000 Hz" in str(log[0].message)


def test_duration_is_rounded_down_as_a_decimal(tmp_path):
    write(tmp_path / "beethoven_piano" / "Sonata 1.wav", np.full(33000, 0.1), 16000)
    assert 2.01 * 16000 < 32160
    with pytest.warns(UserWarning):
        piano = fetch_beethoven_piano(
            data_home=tmp_path, clip_duration=2.01, download_if_missing=False
        )
    assert_array_equal(piano.clips.n_timepoints, [32160])


def test_shuffled_split_has_the_shares_and_repeats(archive, tmp_path):
    options = {"data_home": tmp_path, "clip_duration": 0.3, "split": "shuffled", "delay": 0}
    piano, again = fetch_beethoven_piano(**options), fetch_beethoven_piano(**options)
    assert [len(piano[fold]) for fold in ("train", "validation", "test")] == [87, 6, 6]
    joined = np.concatenate([piano.train, piano.validation, piano.test])
    assert_array_equal(np.sort(joined), np.arange(99))
    assert_array_equal(piano.test, again.test)
    assert len(set(piano.groups[piano.test])) > 2


def test_clip_without_a_timepoint_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"at least 240 timepoints, 0.015 s at .*, got 0.01 s"):
        fetch_beethoven_piano(data_home=tmp_path, clip_duration=0.01)


def test_the_items_are_those_of_samplernn():
    assert list(_beethoven.ITEMS) == list(range(1, 33))
    assert [_beethoven.ITEMS[n] for n in (1, 12, 13, 14, 17, 18, 21, 22, 23, 32)] == [
        "BeethovenPianoSonataNo.1",
        "BeethovenPianoSonataNo.12",
        "BeethovenPianoSonata13",
        "BeethovenPianoSonataNo.14moonlight",
        "BeethovenPianoSonata17",
        "BeethovenPianoSonataNo.18",
        "BeethovenPianoSonataNo.21Waldstein",
        "BeethovenPianoSonata22",
        "BeethovenPianoSonataNo.23",
        "BeethovenPianoSonataNo.32",
    ]
