"""fetch_vctk on made-up trees and archives: its splits, what it leaves out, what it downloads."""

import hashlib
import io
import json
import tarfile
import warnings

import numpy as np
import pytest
from corpus_files import LAYOUTS, encode, read_number, write, write_recording, zip_members
from file_server import run_server
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_audiosr.datasets import _vctk, fetch_vctk

BOTH_VERSIONS = pytest.mark.parametrize("version", LAYOUTS)
TEST_NUMBERS = (355, 356, 357, 358, 359, 363, 365, 366)
CODE_TEST = ["p347", "p351", "p360", "p361", "p362", "p363", "p364", "p374", "p376"]

server = pytest.fixture(run_server)
# the server on this machine speaks plain http
pytestmark = pytest.mark.filterwarnings("ignore:.*over plain http:UserWarning")


def fetch_quietly(fetch, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return fetch(download_if_missing=False, **options)


# --- one speaker


@BOTH_VERSIONS
def test_single_speaker_has_the_official_split(tmp_path, version):
    root = tmp_path / LAYOUTS[version][0]
    for number in (*range(1, 224), *TEST_NUMBERS):
        write_recording(root, "p225", number, version)
    write_recording(root, "p226", 1, version)
    vctk = fetch_quietly(fetch_vctk, version=version, data_home=tmp_path)
    assert_array_equal(vctk.train, np.arange(223))
    assert_array_equal(vctk.test, np.arange(223, 231))
    assert vctk.validation.shape == (0,) and vctk.validation.dtype == int
    assert [read_number(vctk.clips[i]) for i in vctk.test] == list(TEST_NUMBERS)
    assert [read_number(vctk.clips[i]) for i in (0, 100, 222)] == [1, 101, 223]
    assert set(vctk.groups) == {"p225"} and len(vctk.groups) == 231
    assert vctk.filenames[-1] == f"p225/p225_366{LAYOUTS[version][1]}"
    assert vctk.sampling_rate == 16000 and vctk.left_out == []


@pytest.mark.parametrize("gone", [1, 100, 366])
def test_missing_recording_moves_no_other_into_the_test(tmp_path, gone):
    root = tmp_path / LAYOUTS["0.92"][0]
    for number in {*range(1, 224), *TEST_NUMBERS} - {gone}:
        write_recording(root, "p225", number)
    with pytest.warns(UserWarning, match=r"1 file\(s\) of VCTK are left out:\n  p225: 1 of") as log:
        vctk = fetch_vctk(data_home=tmp_path, download_if_missing=False)
    assert len(log) == 1 and log[0].filename == __file__
    assert {read_number(vctk.clips[i]) for i in vctk.test} == {*TEST_NUMBERS} - {gone}
    assert "p225: 1 of" in vctk.left_out[0] and vctk.left_out[0] in vctk.DESCR


# --- many speakers


@pytest.fixture(scope="module", params=LAYOUTS)
def speakers(request, tmp_path_factory):
    """Write two recordings of each of 109 speakers and of s5, and files that must not be read."""
    home = tmp_path_factory.mktemp("vctk")
    root = home / LAYOUTS[request.param][0]
    for number, speaker in enumerate([*(f"p{n}" for n in _vctk.SPEAKERS.split()), "s5"]):
        for take in (1, 2):
            write_recording(root, speaker, 10 * take + number % 10, request.param)
    write(root / "p225" / "p225_001_mic2.flac", np.zeros(1500))
    write(root / "p225" / "._p225_001.wav", np.zeros(1500))
    (root / "log.txt").write_text("not audio")
    return home, request.param


@pytest.mark.parametrize(
    ("split", "n_train", "n_test", "test"),
    [("paper", 99, 8, CODE_TEST[1:]), ("code", 100, 9, CODE_TEST)],
)
def test_multi_speaker_splits_speakers(speakers, split, n_train, n_test, test):
    home, version = speakers
    vctk = fetch_quietly(
        fetch_vctk, task="multi_speaker", version=version, split=split, data_home=home
    )
    assert len(set(vctk.groups[vctk.train])) == n_train and len(vctk.train) == 2 * n_train
    assert sorted(set(vctk.groups[vctk.test])) == test and len(vctk.test) == 2 * n_test
    assert "p345" in vctk.groups or split == "paper"
    assert not {"s5"} & set(vctk.groups)
    assert_array_equal(np.sort(np.r_[vctk.train, vctk.test]), np.arange(len(vctk.clips)))
    assert [name.partition("/")[0] for name in vctk.filenames] == vctk.groups.tolist()
    assert f"first {n_train} of 109 speakers" in vctk.DESCR


def test_first_speakers_are_in_the_authors_order():
    numbers = _vctk.SPEAKERS.split()
    assert len(numbers) == 109 == len(set(numbers)) and numbers == sorted(numbers)
    assert [f"p{number}" for number in numbers[-9:]] == CODE_TEST


def test_missing_speakers_are_named_once(tmp_path):
    root = tmp_path / LAYOUTS["0.92"][0]
    for speaker in ("p225", "p226", "p376"):
        write_recording(root, speaker, 7)
    (root / "p227").mkdir()
    with pytest.warns(UserWarning) as log:
        vctk = fetch_vctk("multi_speaker", data_home=tmp_path, download_if_missing=False)
    assert len(log) == 1
    assert len(vctk.left_out) == 104 and "p227: no recording is there" in vctk.left_out
    assert "and 84 more" in str(log[0].message) and "and 84 more" in vctk.DESCR
    assert str(log[0].message).startswith("104 speaker(s) of VCTK are left out:\n")
    assert_array_equal(vctk.groups, ["p225", "p226", "p376"])
    assert_array_equal(vctk.test, [2])


def test_missing_recordings_are_counted_one_by_one(tmp_path):
    root = tmp_path / LAYOUTS["0.92"][0]
    for number in (1, 2, 366):
        write_recording(root, "p225", number)
    (root / "p225" / f"p225_003{LAYOUTS['0.92'][1]}").write_text("no FLAC")
    with pytest.warns(UserWarning) as log:
        vctk = fetch_vctk(data_home=tmp_path, download_if_missing=False)
    # 220 of 223 to train, 7 of 8 to test, and one that cannot be read
    assert str(log[0].message).startswith("228 file(s) of VCTK are left out:\n")
    assert len(vctk.left_out) == 3


def test_unreadable_files_are_left_out_and_named(tmp_path):
    root = tmp_path / LAYOUTS["0.80"][0]
    for number in (1, 2, 3, 4, 5):
        write_recording(root, "p225", number, "0.80")
        write_recording(root, "p376", number, "0.80")
    (root / "p225" / "p225_001.wav").write_bytes(b"")
    (root / "p225" / "p225_003.wav").write_text("this is no RIFF")
    write_recording(root, "p376", 2, "0.80", n_frames=700)  # 233 timepoints at 16 kHz
    with pytest.warns(UserWarning) as log:
        vctk = fetch_vctk("multi_speaker", "0.80", data_home=tmp_path, download_if_missing=False)
    assert len(log) == 1
    text = "\n".join(vctk.left_out)
    for words in (
        "p225/p225_001.wav: ",
        "p225/p225_003.wav: Format not recognised",
        "p376/p376_002.wav: too short: 700 frames at 48000 Hz",
    ):
        assert words in text and words in str(log[0].message)
    assert [read_number(clip) for clip in vctk.clips[vctk.train]] == [2, 4, 5]
    assert [read_number(clip) for clip in vctk.clips[vctk.test]] == [1, 3, 4, 5]


# --- where the corpus lies


@pytest.mark.parametrize("deeper", [".", "VCTK-Corpus", "DS/VCTK-Corpus"])
def test_copy_put_there_by_hand_may_lie_deeper(tmp_path, deeper):
    folder, name = LAYOUTS["0.80"][0].split("/")
    write_recording(tmp_path / folder / deeper / name, "p225", 7, "0.80")
    with pytest.warns(UserWarning, match="recordings to train are not there"):
        vctk = fetch_vctk(version="0.80", data_home=tmp_path, download_if_missing=False)
    assert read_number(vctk.clips[0]) == 7


def test_data_home_may_be_the_corpus_itself(tmp_path, monkeypatch):
    write_recording(tmp_path / LAYOUTS["0.92"][0], "p225", 7)
    monkeypatch.setenv("SKLEARN_AUDIOSR_DATA", str(tmp_path / "VCTK-Corpus-0.92"))
    with pytest.warns(UserWarning):
        assert read_number(fetch_vctk(download_if_missing=False).clips[0]) == 7


def test_half_unpacked_corpus_is_passed_over(tmp_path):
    write_recording(
        tmp_path / "VCTK-Corpus" / "unpacked.partial" / "x" / "wav48", "p225", 1, "0.80"
    )
    with pytest.raises(FileNotFoundError, match=r"or the unpacked folder wav48 into .*VCTK-Corpus"):
        fetch_vctk(version="0.80", data_home=tmp_path, download_if_missing=False)


def test_folder_without_the_speaker_is_an_error(tmp_path):
    write_recording(tmp_path / LAYOUTS["0.92"][0], "p226", 1)
    with pytest.raises(OSError, match=r"none of its 0 files in .* move the folder away"):
        fetch_vctk(data_home=tmp_path, download_if_missing=False)


@pytest.mark.parametrize(
    "wrong",
    [{"task": "both"}, {"version": "0.91"}, {"split": "mine"}, {"sampling_rate": 0}, {"delay": -1}],
)
def test_illegal_parameters_are_named(tmp_path, wrong):
    with pytest.raises(ValueError, match=f"The '{next(iter(wrong))}' parameter of fetch_vctk"):
        fetch_vctk(data_home=tmp_path, **wrong)


# --- from a server


def make_vctk_members(version):
    """Return an archive's members: two speakers, the second microphone, texts."""
    top = "VCTK-Corpus/" if version == "0.80" else ""
    audio, ending = LAYOUTS[version][0].split("/")[1], LAYOUTS[version][1]
    sound = encode(np.full(1500, 0.25), 48000, format=ending.rpartition(".")[2].upper())
    members = {
        f"{top}{audio}/{who}/{who}_00{i}{ending}": sound for who in ("p225", "p376") for i in (1, 2)
    }
    members[f"{top}txt/p225/p225_001.txt"] = b"Please call Stella."
    members[f"{top}README"] = b"a corpus"
    if version == "0.92":
        members["wav48_silence_trimmed/p225/p225_001_mic2.flac"] = sound
    return members


def serve_vctk(server, monkeypatch, version, body, known=True):
    """Serve an archive at an address that the fetcher tries for a version."""
    edition = _vctk.VERSIONS[version]
    remote = edition.archives[0]._replace(
        urls=(f"{server.address}/gone.zip", server.add("vctk.zip", body)),
        n_bytes=len(body) if known else None,
        known_hash=f"sha256:{hashlib.sha256(body).hexdigest()}" if known else None,
    )
    archives = (remote, *edition.archives[1:])
    monkeypatch.setitem(_vctk.VERSIONS, version, edition._replace(archives=archives))
    return remote


@BOTH_VERSIONS
def test_vctk_is_downloaded_unpacked_and_then_left_in_peace(server, tmp_path, monkeypatch, version):
    body = zip_members(make_vctk_members(version))
    remote = serve_vctk(server, monkeypatch, version, body, known=version == "0.92")
    options = {"version": version, "data_home": tmp_path, "delay": 0}
    with pytest.warns(UserWarning):
        vctk = fetch_vctk("multi_speaker", **options)
    assert_array_equal(vctk.groups, ["p225", "p225", "p376", "p376"])
    assert_allclose(vctk.clips[3][100:-100], 0.25, atol=1e-4)
    folder = tmp_path / LAYOUTS[version][0].partition("/")[0]
    unpacked = [path.name for path in (folder / "unpacked").rglob("*") if path.is_file()]
    assert len(unpacked) == 5 and "README" in unpacked  # neither texts nor the second microphone
    (folder / remote.name).unlink()
    n_requests = len(server.requests)
    with pytest.warns(UserWarning):
        fetch_vctk("multi_speaker", **options)
    assert len(server.requests) == n_requests == 2


def test_archive_put_there_by_hand_is_unpacked(tmp_path):
    with tarfile.open(tmp_path / "VCTK-Corpus.tar.gz", "w:gz") as archive:
        for name, content in make_vctk_members("0.80").items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    with pytest.warns(UserWarning):
        vctk = fetch_vctk(version="0.80", data_home=tmp_path, download_if_missing=False)
    assert len(vctk.clips) == 2
    assert "VCTK-Corpus.tar.gz" in json.loads((tmp_path / "checksums.json").read_text())


def test_damaged_archive_is_no_corpus(server, tmp_path, monkeypatch):
    body = bytearray(zip_members(make_vctk_members("0.80")))
    body[200] ^= 1
    serve_vctk(server, monkeypatch, "0.80", bytes(body), known=False)
    with pytest.raises(ConnectionError, match="no whole archive: Bad CRC-32"):
        fetch_vctk(version="0.80", data_home=tmp_path, delay=0)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_archive_of_something_else_is_named(server, tmp_path, monkeypatch):
    serve_vctk(server, monkeypatch, "0.92", zip_members({"README.txt": b"other"}))
    with pytest.raises(OSError, match="must hold a folder wav48_silence_trimmed, but has none"):
        fetch_vctk(data_home=tmp_path, delay=0)


def test_published_checksum_is_the_one_that_torchaudio_prints():
    (remote,) = _vctk.VERSIONS["0.92"].archives
    assert remote.n_bytes == 11747302977
    assert remote.known_hash.startswith("sha256:f96258be9fdc2cbf") and len(remote.known_hash) == 71
    assert [archive.known_hash for archive in _vctk.VERSIONS["0.80"].archives] == [None, None]
