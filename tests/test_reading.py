"""MP3 files read in blocks and in parts, which soundfile alone gives with false beginnings."""

import numpy as np
import pytest
import soundfile
from sound_files import spline

from sklearn_audiosr import _files, upsample_file
from sklearn_audiosr._reading import SequentialReader, read_part
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
