"""MP3 files read in blocks and in parts, which soundfile alone gives with false beginnings."""

import os
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_files import spline

from sklearn_audiosr import upsample_file
from sklearn_audiosr._command_line import main
from sklearn_audiosr._files import blocks, reading
from sklearn_audiosr._files.reading import SequentialReader, read_file, read_part
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


def test_a_file_of_many_blocks_is_read_whole(path, monkeypatch):
    monkeypatch.setattr(reading, "N_BLOCK", 7000)
    frames, rate, _ = read_file(path)
    assert rate == 8000
    np.testing.assert_allclose(frames, read_whole(path), atol=1e-6)


def test_what_may_be_read_again_is_the_same(path):
    with SequentialReader(path) as reader:
        assert reader.can_rewind()
        reader.read(20000)
        reader.seek(0)
        np.testing.assert_allclose(read_blocks(reader, 4096), read_whole(path), atol=1e-6)


@pytest.mark.parametrize("first", [0, 1, 999, 40000, N_FRAMES - 2000])
def test_parts_are_those_of_the_whole(path, first, monkeypatch):
    monkeypatch.setattr(reading, "N_BEFORE", 2**14)  # most begin in the midst of the file
    part, rate = read_part(path, first, 3000)
    assert rate == 8000
    np.testing.assert_allclose(part, read_whole(path)[first : first + 3000], atol=1e-6)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "gsm.wav"])
def test_beyond_the_end_there_is_nothing(name, tmp_path):
    subtype = "GSM610" if name.startswith("gsm") else None
    soundfile.write(tmp_path / name, 0.1 * np.sin(0.1 * np.arange(9000)), 8000, subtype)
    n = len(read_whole(tmp_path / name))
    for first in (n, n + 1, n + 10**6):
        assert read_part(tmp_path / name, first, 100)[0].shape == (0, 1)


def tell_length(path, n_frames):
    """Write a number of frames into the header of a FLAC file, where it has 36 bits."""
    content = bytearray(path.read_bytes())
    content[21] = content[21] & 0xF0 | n_frames >> 32
    content[22:26] = (n_frames & 0xFFFFFFFF).to_bytes(4, "big")
    path.write_bytes(content)


@pytest.mark.parametrize("told", [0, 2**36 - 1])
def test_a_flac_file_that_does_not_tell_its_length(told, tmp_path, capsys):
    """As an encoder leaves it that writes to a pipe."""
    tone = 0.1 * np.sin(0.1 * np.arange(48000))
    for name in ("a.flac", "b.flac"):
        soundfile.write(tmp_path / name, tone, 16000)
    tell_length(tmp_path / "b.flac", told)
    assert soundfile.info(tmp_path / "b.flac").frames > 10**10
    np.testing.assert_array_equal(
        read_file(tmp_path / "b.flac")[0], read_whole(tmp_path / "a.flac")
    )
    assert [len(clip) for clip in load_audio_folder(tmp_path).clips] == [48000] * 2
    assert main(["compare", str(tmp_path / "a.flac"), str(tmp_path / "b.flac")]) == 0
    assert "inf" in capsys.readouterr().out
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "source ended")  # it has not been cut off
        upsample_file(spline(sampling_rate=None), tmp_path / "b.flac", tmp_path / "wide.wav")
    assert soundfile.info(tmp_path / "wide.wav").format == "WAV"  # and needs no sizes of 64 bits


@pytest.mark.parametrize("told", [0, 2**36 - 1])
def test_of_a_flac_file_that_does_not_tell_its_length_no_lazy_clips_are_cut(told, tmp_path):
    soundfile.write(tmp_path / "a.flac", 0.1 * np.sin(0.1 * np.arange(48000)), 16000)
    tell_length(tmp_path / "a.flac", told)
    with pytest.raises(ValueError, match="its header has no length: decode it"):
        open_file(tmp_path / "a.flac", 16000)


def test_a_lazy_clip_whose_file_has_another_rate_now(tmp_path):
    tone = 0.1 * np.sin(0.1 * np.arange(48000))
    soundfile.write(tmp_path / "a.wav", tone, 16000)
    excerpt = open_file(tmp_path / "a.wav", 16000)
    soundfile.write(tmp_path / "a.wav", tone, 44100)
    with pytest.raises(OSError, match="its rate is 44100 Hz, and was 16000 Hz. Put a whole"):
        read_excerpt(excerpt, 16000)
    soundfile.write(tmp_path / "a.wav", tone[:100], 16000)
    with pytest.raises(OSError, match="it ends after 0 of 9600 frames"):
        read_excerpt(excerpt._replace(start=9600, n_timepoints=9600), 16000)


def test_lazy_clips_of_an_mp3_are_those_of_the_whole(path):
    excerpts = cut_excerpt(open_file(path, 8000), 9600)
    clips = np.concatenate([read_excerpt(excerpt, 8000) for excerpt in excerpts])
    np.testing.assert_allclose(clips, read_whole(path).mean(axis=1)[: len(clips)], atol=1e-6)


def test_an_mp3_of_many_blocks_is_upsampled_as_the_whole(path, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "N_READ", 8192)
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
        part, _ = read_part(tmp_path / "a.ogg", len(whole) - back, 1000)
        np.testing.assert_allclose(part, whole[len(whole) - back :][:1000], atol=1e-3)


def test_files_in_which_nothing_can_be_sought(tmp_path):
    """GSM, the format of voicemails: a whole folder of others must not fail with it."""
    soundfile.write(tmp_path / "a.wav", 0.1 * np.sin(0.1 * np.arange(9000)), 8000)
    soundfile.write(tmp_path / "z.wav", 0.1 * np.sin(0.1 * np.arange(9000)), 8000, "GSM610")
    whole = read_whole(tmp_path / "z.wav")
    np.testing.assert_array_equal(read_part(tmp_path / "z.wav", 3000, 2000)[0], whole[3000:5000])
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
    lazy_clip = read_excerpt(open_file(Path(os.fsdecode(other)), 8000), 8000)
    np.testing.assert_array_equal(lazy_clip, recordings.clips[0][: len(lazy_clip)])
    target = Path(os.fsdecode(other)).with_suffix(".flac")
    upsample_file(spline(), os.fsdecode(other), target)
    assert target.exists()


@pytest.mark.skipif(os.name != "posix", reason="names of files are Unicode on this system")
def test_commands_take_names_that_are_no_utf_8(tmp_path, capsys):
    voice = 0.1 * np.random.default_rng(0).standard_normal(16000)
    soundfile.write(tmp_path / "a.wav", voice, 16000)
    soundfile.write(tmp_path / "narrow.wav", voice[::2], 8000)
    for name in ("a", "narrow"):
        other = os.path.join(os.fsencode(tmp_path), name.encode() + b"\xe9.wav")
        try:
            shutil.copy(os.fsencode(tmp_path / f"{name}.wav"), other)
        except OSError:
            pytest.skip("this file system takes UTF-8 only")
    wide, narrow, target = (
        os.fsdecode(os.path.join(os.fsencode(tmp_path), name))
        for name in (b"a\xe9.wav", b"narrow\xe9.wav", b"wide\xe9.wav")
    )
    spline_of_two = ["--model", "spline", "--ratio", "2"]
    assert main(["upsample", narrow, target, *spline_of_two]) == 0
    assert main(["compare", wide, target]) == 0
    assert main(["evaluate", str(tmp_path), "--model", "speech-2x-16k", "--quiet"]) == 0
    assert "error" not in capsys.readouterr().err
