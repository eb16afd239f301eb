"""Files of MPEG audio: frames are counted, whatever a header says; cuts and joins are seen."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_files import HIGH, LOW, decode, encode, enter_folder, noise, spline

from sklearn_audiosr import upsample_file
from sklearn_audiosr._files.mpeg import find_streams, read_frame
from sklearn_audiosr._files.reading import read_file, read_header
from sklearn_audiosr.datasets import load_audio_folder

folder = pytest.fixture(enter_folder)


def strip_header(content):
    """Return an MP3 file without the frame that says how long it is."""
    return content[read_frame(content, 0).n_bytes :]


def test_mp3_of_a_variable_bit_rate_without_a_length_is_read_to_its_end(folder):
    """libmpg123 guesses a length by the first frame, which is small here."""
    loud = np.concatenate([np.zeros(20000), np.random.default_rng(0).uniform(-0.5, 0.5, 60000)])
    content = strip_header(encode(loud, "MP3", 16000))
    Path("a.mp3").write_bytes(content)
    assert soundfile.info("a.mp3").frames < 70000 or soundfile.info("a.mp3").frames > 90000
    frames, _, fault = read_file("a.mp3")
    assert fault == ""
    assert 80000 <= len(frames) <= 80000 + 4 * 576
    assert np.sqrt(np.mean(frames[30000:79000] ** 2)) > 0.1


def test_mp3_joined_without_a_header_in_one_of_them(folder):
    first, second = encode(LOW, "MP3"), encode(HIGH, "MP3")
    tag = b"TAG" + bytes(125)
    for content in (first + strip_header(second), first + tag + b"ID3\3\0\0\0\0\0\x0a" + bytes(10)):
        Path("a.mp3").write_bytes(content)
        n_more = 20000 if len(content) > len(first) + 200 else 0
        assert 0 <= read_header("a.mp3").frames - 40000 - n_more < 3 * 576


def test_frames_of_mpeg_audio():
    """Layer II of 64 kbit/s at 48 kHz: 144 * 64000 / 48000 bytes, 192."""
    frame = b"\xff\xfd\x44\xc0".ljust(192, b"\0")
    assert read_frame(frame, 0) == (192, 2, 48000, 1, True)
    (stream,) = find_streams(b"junk" + 5 * frame, 4 + 5 * 192)
    assert (stream.start, stream.end, stream.n_frames, stream.has_header) == (4, 964, 5, False)
    assert find_streams(b"\xff\xfd\xff\xe3" * 100, 400) == []


def test_mp2_files_are_read(folder):
    frame = b"\xff\xfd\x44\xc0".ljust(192, b"\0")
    Path("a.mp2").write_bytes(100 * frame)
    recordings = load_audio_folder(folder)
    assert recordings.filenames == ["a.mp2"]
    assert recordings.clips[0].shape == (100 * 1152,)


def test_an_mp3_file_that_begins_within_a_frame(folder):
    whole = encode(LOW, "MP3")
    Path("a.mp3").write_bytes(whole[1235:])
    frames, _, _ = read_file("a.mp3")
    assert 35000 < len(frames) < 40000
    loudness = frames[5000:-5000].std()  # a sine of 0.2, wherever it begins
    assert loudness == pytest.approx(0.2 / np.sqrt(2), rel=0.02)


def test_a_cut_mp3_file_before_another_is_told(folder):
    first, second = encode(LOW, "MP3"), encode(HIGH, "MP3")
    Path("a.mp3").write_bytes(first[: len(first) // 2] + second)
    frames, _, fault = read_file("a.mp3")
    assert 35000 < len(frames) < 45000
    assert "it may have been cut off" in fault
    with pytest.raises(ValueError, match="cut off"):
        load_audio_folder(folder, strict=True)


def with_count(content, share):
    """Return an MP3 file whose header has a share of its number of frames."""
    place = content.index(b"Xing") + 8
    n_frames = round(share * int.from_bytes(content[place : place + 4], "big"))
    return content[:place] + n_frames.to_bytes(4, "big") + content[place + 4 :]


@pytest.mark.parametrize("share", [0, 0.5, 0.97, 1.1, 2])
def test_frames_of_an_mp3_file_count_and_not_their_number_in_its_header(share, folder):
    first, second = encode(noise(40000), "MP3"), encode(HIGH, "MP3")
    before, behind = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10), b"TAG" + bytes(125)
    wrong = with_count(first, share)
    for content in (wrong, before + wrong + behind):
        Path("a.mp3").write_bytes(content)
        assert soundfile.info("a.mp3").frames != 40000  # what it is about
        frames, _, fault = read_file("a.mp3")
        np.testing.assert_allclose(frames, decode(first), atol=1e-6)
        assert (fault, read_header("a.mp3").frames) == ("", 40000)
    joined = before + wrong + behind + before + second + behind
    Path("a.mp3").write_bytes(joined)
    frames, _, fault = read_file("a.mp3")
    np.testing.assert_allclose(frames, np.concatenate([decode(first), decode(second)]), atol=1e-6)
    assert fault == ""
    (stream, last) = find_streams(joined, len(joined))
    assert (stream.start, stream.end) == (20, 20 + len(first))
    assert last.start == 20 + len(first) + 128 + 20


@pytest.mark.parametrize("share", [0.8, 0.9, 0.95])
def test_a_cut_at_the_end_of_an_mp3_file_is_told(share, folder):
    content = encode(noise(120000), "MP3", 16000)
    Path("a.mp3").write_bytes(content)
    assert read_file("a.mp3")[2] == ""
    Path("a.mp3").write_bytes(content[: round(share * len(content))])
    assert "of the 7.500 s that its header says" in read_file("a.mp3")[2]


@pytest.mark.parametrize("n_bytes", [1, 60, 100, 200, 300])
def test_a_cut_of_a_few_frames_is_told_where_the_header_has_the_bytes(n_bytes, folder):
    content = encode(noise(120000), "MP3", 16000)
    Path("a.mp3").write_bytes(content[:-n_bytes])
    frames, _, fault = read_file("a.mp3")
    assert 117500 < len(frames) < 120600
    assert fault.startswith(f"ended after {len(frames) / 16000:.3f} s without the mark of its end")
    upsample = {"est": spline(2, 32000), "source": "a.mp3", "target": "wide.wav"}
    with pytest.warns(UserWarning, match="source ended after .* cut off"):
        upsample_file(**upsample)
    with pytest.raises(ValueError, match="source ended after .* cut off"):
        upsample_file(**upsample, strict=True)
