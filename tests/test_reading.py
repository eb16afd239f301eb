"""MP3 files read in blocks and in parts, which soundfile alone gives with false beginnings."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_files import spline

from sklearn_audiosr import _files, upsample_file
from sklearn_audiosr._reading import SequentialReader, read_part
from sklearn_audiosr.datasets import load_audio_folder
from sklearn_audiosr.datasets._lazy import cut_excerpt, open_file, read_excerpt

N_FRAMES = 60000

# Compression levels and modes: the usual one, and few bits, by which frames build on many others.
CODINGS = [{}, {"compression_level": 0.99, "bitrate_mode": "CONSTANT"}]


@pytest.fixture(params=CODINGS, ids=["usual", "small"])
def path(request, tmp_path):
    """Two tones, whose frames are small."""
    tones = 0.4 * np.sin(np.outer(np.arange(N_FRAMES), [0.05, 0.3]))
    soundfile.write(tmp_path / "tones.mp3", tones, 8000, **request.param)
    return tmp_path / "tones.mp3"


def read_whole(path):
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


def read_blocks(reader, n):
    blocks = []
    while len(block := reader.read(n, dtype="float32", always_2d=True)):
        blocks.append(block)
    return np.concatenate(blocks)


@pytest.mark.parametrize("n", [500, 4096, 32768])
def test_blocks_are_the_whole(path, n):
    with SequentialReader(path) as reader:
        np.testing.assert_allclose(read_blocks(reader, n), read_whole(path), atol=1e-6)


def test_what_may_be_read_again_is_the_same(path):
    with SequentialReader(path) as reader:
        assert reader.can_rewind()
        reader.read(20000)
        reader.seek(0)
        np.testing.assert_allclose(read_blocks(reader, 4096), read_whole(path), atol=1e-6)


@pytest.mark.parametrize("first", [0, 1, 999, 40000, N_FRAMES - 2000])
def test_parts_are_those_of_the_whole(path, first):
    part = read_part(path, first, 3000)
    np.testing.assert_allclose(part, read_whole(path)[first : first + 3000], atol=1e-6)


def test_lazy_clips_of_an_mp3_are_those_of_the_whole(path):
    excerpts = cut_excerpt(open_file(path, 8000), 9600)
    clips = np.concatenate([read_excerpt(excerpt, 8000) for excerpt in excerpts])
    np.testing.assert_allclose(clips, read_whole(path).mean(axis=1)[: len(clips)], atol=1e-6)


def test_an_mp3_of_many_blocks_is_upsampled_as_the_whole(path, tmp_path, monkeypatch):
    monkeypatch.setattr(_files, "_N_READ", 8192)
    upsample_file(spline(), path, tmp_path / "wide.wav", assume_bandwidth=3000)
    wide, whole = read_whole(tmp_path / "wide.wav"), spline().predict([read_whole(path).T])[0].T
    np.testing.assert_allclose(wide, whole, atol=2**-14)


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_parts_at_the_end_of_an_ogg_file_are_those_of_the_whole(rate, subtype, tmp_path):
    """Its last page ends earlier than others; a place in it is not found."""
    voice = np.random.default_rng(0).standard_normal(8 * rate).cumsum() % 1 - 0.5
    soundfile.write(tmp_path / "a.ogg", 0.2 * voice, rate, subtype=subtype)
    whole = read_whole(tmp_path / "a.ogg")
    for back in (20, 1000, 3000, 7000, 20000):
        part = read_part(tmp_path / "a.ogg", len(whole) - back, 1000)
        np.testing.assert_allclose(part, whole[len(whole) - back :][:1000], atol=1e-3)


def test_files_in_which_nothing_can_be_sought(tmp_path):
    """GSM, the format of voicemails: a whole folder of others must not fail with it."""
    soundfile.write(tmp_path / "a.wav", 0.1 * np.sin(0.1 * np.arange(9000)), 8000)
    soundfile.write(tmp_path / "z.wav", 0.1 * np.sin(0.1 * np.arange(9000)), 8000, "GSM610")
    whole = read_whole(tmp_path / "z.wav")
    np.testing.assert_array_equal(read_part(tmp_path / "z.wav", 3000, 2000), whole[3000:5000])
    recordings = load_audio_folder(tmp_path)
    assert recordings.filenames == ["a.wav", "z.wav"]
    np.testing.assert_array_equal(recordings.clips[1], whole[:, 0])


@pytest.mark.skipif(os.name != "posix", reason="names of files are Unicode on this system")
def test_names_that_are_no_utf_8(tmp_path):
    soundfile.write(tmp_path / "a.wav", 0.1 * np.sin(0.1 * np.arange(9000)), 8000)
    other = os.path.join(os.fsencode(tmp_path), b"caf\xe9.wav")
    try:
        shutil.copy(os.fsencode(tmp_path / "a.wav"), other)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    recordings = load_audio_folder(tmp_path)
    np.testing.assert_array_equal(recordings.clips[0], recordings.clips[1])
    target = Path(os.fsdecode(other)).with_suffix(".flac")
    upsample_file(spline(), os.fsdecode(other), target)
    assert target.exists()
