"""The corpora of the paper, on small made-up trees and a server on this machine."""

import hashlib
import io
import json
import pickle
import tarfile
import warnings
import zipfile
from urllib.parse import quote

import numpy as np
import pytest
import soundfile as sf
import soxr
from file_server import FileServer
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline

from sklearn_audiosr import SplineUpsampler
from sklearn_audiosr.datasets import (
    _beethoven,
    _magnatagatune,
    _vctk,
    fetch_beethoven_piano,
    fetch_magnatagatune,
    fetch_vctk,
)
from sklearn_audiosr.degradation import Decimator

LAYOUTS = {
    "0.92": ("VCTK-Corpus-0.92/wav48_silence_trimmed", "_mic1.flac"),
    "0.80": ("VCTK-Corpus/wav48", ".wav"),
}
VERSIONS = pytest.mark.parametrize("version", LAYOUTS)
TEST_NUMBERS = (355, 356, 357, 358, 359, 363, 365, 366)
CODE_TEST = ["p347", "p351", "p360", "p361", "p362", "p363", "p364", "p374", "p376"]


@pytest.fixture
def server():
    server = FileServer()
    yield server
    server.close()


def encode(waveform, rate, **options):
    """Return a sound file as bytes."""
    file = io.BytesIO()
    sf.write(file, waveform, rate, **options)
    return file.getvalue()


def write(path, waveform, rate=48000):
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, waveform, rate)


def write_recording(root, speaker, number, version="0.92", n_frames=1500):
    """Write a recording whose level tells its number: 0.1 for 100."""
    ending = LAYOUTS[version][1]
    write(root / speaker / f"{speaker}_{number:03}{ending}", np.full(n_frames, number / 1000))


def read_number(clip):
    return round(1000 * np.median(clip))


def fetch_quietly(fetch, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return fetch(download_if_missing=False, **options)


# --- VCTK: one speaker


@VERSIONS
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


# --- VCTK: many speakers


@pytest.fixture(scope="module", params=LAYOUTS)
def speakers(request, tmp_path_factory):
    """Two recordings of each of 109 speakers and of s5, and what is not to be read."""
    home = tmp_path_factory.mktemp("vctk")
    root = home / LAYOUTS[request.param][0]
    for number, speaker in enumerate([*(f"p{n}" for n in _vctk._SPEAKERS.split()), "s5"]):
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
    numbers = _vctk._SPEAKERS.split()
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
    assert_array_equal(vctk.groups, ["p225", "p226", "p376"])
    assert_array_equal(vctk.test, [2])


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


# --- VCTK from a server


def make_vctk_members(version):
    """Name and content of an archive's members: two speakers, the second microphone, texts."""
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


def zip_members(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def serve_vctk(server, monkeypatch, version, body, known=True):
    """Put an archive where the fetcher looks for that of a version."""
    edition = _vctk._VERSIONS[version]
    remote = edition.archives[0]._replace(
        urls=(f"{server.address}/gone.zip", server.add("vctk.zip", body)),
        n_bytes=len(body) if known else None,
        known_hash=f"sha256:{hashlib.sha256(body).hexdigest()}" if known else None,
    )
    archives = (remote, *edition.archives[1:])
    monkeypatch.setitem(_vctk._VERSIONS, version, edition._replace(archives=archives))
    return remote


@VERSIONS
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
    (remote,) = _vctk._VERSIONS["0.92"].archives
    assert remote.n_bytes == 11747302977
    assert remote.known_hash.startswith("sha256:f96258be9fdc2cbf") and len(remote.known_hash) == 71
    assert [archive.known_hash for archive in _vctk._VERSIONS["0.80"].archives] == [None, None]


# --- lazy clips


@pytest.fixture
def lazy(tmp_path):
    """Clips of five recordings, of 480 to 2400 timepoints, and the folder of their files."""
    root = tmp_path / LAYOUTS["0.92"][0]
    for number in range(1, 6):
        write_recording(root, "p225", number, n_frames=1500 * number)
    with pytest.warns(UserWarning):
        return fetch_vctk(data_home=tmp_path, download_if_missing=False).clips, root / "p225"


def test_lazy_clips_are_indexed_like_an_array(lazy):
    clips, _ = lazy
    assert len(clips) == 5 and repr(clips) == "<LazyClips: 5 clips, 0.0 minutes>"
    assert read_number(clips[1]) == read_number(clips[-4]) == read_number(clips[np.int64(1)]) == 2
    for index in (slice(1, 4, 2), [1, 3], np.array([1, 3]), np.array([0, 1, 0, 1, 0], bool)):
        assert [read_number(clip) for clip in clips[index]] == [2, 4]
    with pytest.raises(IndexError):
        clips[5]
    assert [read_number(clip) for clip in pickle.loads(pickle.dumps(clips))] == [1, 2, 3, 4, 5]


def test_lengths_are_known_without_reading_and_multiples_of_240(lazy):
    clips, folder = lazy
    assert_array_equal(clips.n_timepoints, [480, 960, 1440, 1920, 2400])
    assert [len(clip) for clip in clips] == clips.n_timepoints.tolist()
    assert all(clip.dtype == np.float32 and clip.flags.c_contiguous for clip in clips)
    for path in folder.iterdir():
        path.unlink()
    assert_array_equal(clips[1:].n_timepoints, [960, 1440, 1920, 2400])


@pytest.mark.parametrize("harm", ["removed", "truncated", "shortened"])
def test_file_that_cannot_be_read_later_is_named(lazy, harm):
    clips, folder = lazy
    path = folder / "p225_003_mic1.flac"
    if harm == "removed":
        path.unlink()
    elif harm == "truncated":
        rng = np.random.default_rng(0)
        write(path, rng.uniform(-1, 1, 4500))
        path.write_bytes(path.read_bytes()[:4000])
    else:
        write(path, np.zeros(900))
    with pytest.raises(OSError, match=r"p225_003_mic1.flac cannot be read: .*Put a whole file"):
        clips[2]
    assert read_number(clips[3]) == 4


def test_files_are_folded_to_mono_and_resampled(tmp_path):
    root = tmp_path / LAYOUTS["0.92"][0] / "p225"
    time = np.arange(48000) / 48000
    left, right = 0.5 * np.sin(2 * np.pi * 1000 * time), 0.25 * np.sin(2 * np.pi * 11000 * time)
    write(root / "p225_001_mic1.flac", np.stack([left, right], axis=1))
    with pytest.warns(UserWarning):
        clip = fetch_vctk(data_home=tmp_path, download_if_missing=False).clips[0]
        whole = fetch_vctk(data_home=tmp_path, download_if_missing=False, sampling_rate=48000)
    assert clip.shape == (15840,)  # 16000 cut to a multiple of 240
    expected = 0.25 * np.sin(2 * np.pi * 1000 * np.arange(15840) / 16000)
    assert_allclose(clip[500:-500], expected[500:-500], atol=2e-4)  # 11 kHz is above Nyquist
    assert_allclose(whole.clips[0], (left + right) / 2, atol=1e-4)
    assert len(whole.clips[0]) == 48000


def test_rate_above_that_of_the_files_is_told(tmp_path):
    write_recording(tmp_path / LAYOUTS["0.92"][0], "p225", 1)
    with pytest.warns(UserWarning) as log:
        fetch_vctk(data_home=tmp_path, download_if_missing=False, sampling_rate=96000)
    assert "nothing above their own Nyquist frequency at 96000 Hz" in str(log[0].message)
    assert log[0].filename == __file__


def test_lazy_clips_go_through_cross_validation(tmp_path):
    rng = np.random.default_rng(0)
    for speaker in ("p225", "p226", "p376"):
        for i in range(3):
            path = tmp_path / LAYOUTS["0.92"][0] / speaker / f"{speaker}_{i}_mic1.flac"
            write(path, 0.1 * rng.standard_normal(7200).cumsum() / 50)
    with pytest.warns(UserWarning):
        vctk = fetch_vctk("multi_speaker", data_home=tmp_path, download_if_missing=False)
    pipe = make_pipeline(Decimator(upsampling_ratio=2), SplineUpsampler())
    official = GridSearchCV(pipe, {"decimator__filter": ["none"]}, cv=[(vctk.train, vctk.test)])
    official.fit(vctk.clips, vctk.clips)
    alone = pipe.set_params(decimator__filter="none")
    train, test = vctk.clips[vctk.train], vctk.clips[vctk.test]
    assert_allclose(official.best_score_, alone.fit(train, train).score(test, test), rtol=1e-6)
    folds = cross_validate(pipe, vctk.clips, vctk.clips, groups=vctk.groups, cv=GroupKFold(3))
    assert np.isfinite(folds["test_score"]).all()


# --- Beethoven


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
    """Serve all 32 sonatas: one second each, the first in two movements and an MP3 besides."""
    monkeypatch.setattr(_beethoven, "_ARCHIVE", server.address)
    ogg = make_ogg()
    for number, item in _beethoven._ITEMS.items():
        serve_item(server, item, {f"Sonata {number} & more.ogg": ogg})
    first = {"1 - Allegro.ogg": ogg, "2 - Adagio.ogg": ogg, "1 - Allegro.mp3": b"not asked for"}
    serve_item(server, _beethoven._ITEMS[1], first)
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
    assert len(set(piano.groups)) == 30


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


def test_originals_stand_in_where_there_is_no_ogg(archive, tmp_path):
    mp3 = encode(0.1 * np.random.default_rng(0).standard_normal(16000), 16000, format="MP3")
    serve_item(archive, "BeethovenPianoSonataNo.2", {"all.mp3": mp3})
    piano = fetch_beethoven_piano(data_home=tmp_path, clip_duration=0.3, delay=0)
    assert "BeethovenPianoSonataNo.2/all.mp3" in piano.filenames


def test_clips_joined_are_the_file_resampled(tmp_path):
    name = tmp_path / "beethoven_piano" / "Sonata No. 14 (Moonlight).ogg"
    name.parent.mkdir()
    name.write_bytes(make_ogg(60000, 44100))
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
        ("Sonata No. 33.ogg", None),
        ("Sonata 1812.ogg", None),
        ("Diabelli.ogg", None),
    ],
)
def test_sonata_is_known_by_folder_or_name(name, number):
    assert _beethoven._find_number(name) == number


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
    assert list(_beethoven._ITEMS) == list(range(1, 33))
    assert [_beethoven._ITEMS[n] for n in (1, 12, 13, 14, 17, 18, 21, 22, 23, 32)] == [
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


# --- MagnaTagATune

MP3S = ["0/ann-solo-01-one-0-29.mp3", "0/ann-solo-01-one-30-59.mp3", "b/bob-duo-02-two-0-29.mp3"]
MP3S += ["c/cy-trio-03-three-0-29.mp3", "d/di-x-04-four-88-117.mp3", "f/ed-y-05-five-0-29.mp3"]
TAGS = ["piano", "loud", "no piano"]


def make_annotations(names=MP3S):
    """Each file has one tag, in turn; the rows are in no order of the names."""
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
    monkeypatch.setattr(_magnatagatune, "_SERVERS", (f"{server.address}/",))
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


@pytest.mark.parametrize("body", [b"<html>", b"clip_id\tmp3_path\n", b"\xff\xfe", b"clip_id\t\0\n"])
def test_annotations_that_are_none_are_refused(mirg, tmp_path, body):
    mirg.resources["annotations_final.csv"].body = body
    with pytest.raises(ConnectionError, match=r"annotations_final.csv could not be downloaded"):
        fetch_magnatagatune(data_home=tmp_path, delay=0)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_offline_error_tells_what_to_put_where(server, tmp_path, monkeypatch):
    monkeypatch.setattr(_magnatagatune, "_SERVERS", (f"{server.address}/none/",))
    folder = tmp_path / "magnatagatune"
    folder.mkdir()
    (folder / "annotations_final.csv").write_bytes(make_annotations())
    with pytest.raises(ConnectionError) as error:
        fetch_magnatagatune(data_home=tmp_path, delay=0)
    for words in ("mp3.zip.001", str(folder), "or the unpacked folders 0 to f"):
        assert words in str(error.value)
