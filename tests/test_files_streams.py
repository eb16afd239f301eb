"""Files of several streams: read whole, or refused with the reason."""

import io
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_files import HIGH, LOW, decode, encode, enter_folder, names, noise, read, spline

from sklearn_audiosr import upsample_file
from sklearn_audiosr._command_line import main
from sklearn_audiosr._files.ogg import find_links
from sklearn_audiosr._files.reader import SequentialReader
from sklearn_audiosr._files.reading import read_file, read_header, read_part
from sklearn_audiosr._files.sources import ReadingError
from sklearn_audiosr.datasets import load_audio_folder

folder = pytest.fixture(enter_folder)


@pytest.mark.parametrize(
    ("name", "file_format", "subtype"),
    [("a.mp3", "MP3", None), ("a.ogg", "OGG", "VORBIS"), ("a.opus", "OGG", "OPUS")],
)
def test_joined_files_are_read_whole(name, file_format, subtype, folder):
    first, second = (encode(x, file_format, subtype=subtype) for x in (LOW, HIGH))
    Path(name).write_bytes(first + second + first)
    expected = np.concatenate([decode(first), decode(second), decode(first)])
    assert len(expected) == 100000
    assert len(soundfile.read(name)[0]) == 40000  # what it is about
    frames, rate, fault = read_file(name)
    assert (rate, fault, read_header(name).frames) == (8000, "", 100000)
    np.testing.assert_allclose(frames, expected, atol=1e-5)
    (clip,) = load_audio_folder(folder).clips
    np.testing.assert_array_equal(clip, frames[:, 0])
    upsample_file(spline(), name, "wide.wav")
    np.testing.assert_allclose(read("wide.wav"), spline().predict([frames.T])[0], atol=2**-14)
    part, _ = read_part(name, 39000, 2000)  # over the end of the first
    np.testing.assert_allclose(part, expected[39000:41000], atol=1e-5)
    with SequentialReader(name) as reader:
        reader.read(70000)
        reader.seek(0)
        np.testing.assert_allclose(reader.read(100000, always_2d=True), expected, atol=1e-5)


@pytest.mark.parametrize("file_format", ["MP3", "OGG"])
def test_streams_of_several_rates_are_refused(file_format, folder):
    name = f"a.{file_format.lower()}"
    Path(name).write_bytes(encode(LOW, file_format) + encode(HIGH, file_format, 16000))
    with pytest.raises(ReadingError, match=rf"{name} holds streams of \d+ Hz .* and \d+ Hz"):
        read_file(name)
    with pytest.raises(ValueError, match="split it, or decode it to WAV"):
        upsample_file(spline(), name, "wide.wav")
    assert names(folder) == [name]
    with pytest.warns(UserWarning, match="holds streams of"), pytest.raises(ValueError):
        load_audio_folder(folder)


@pytest.mark.parametrize(
    "file_format",
    [
        "FLAC",
        "AU",
        "CAF",
        "W64",
        "RF64",
        "NIST",
        "WAV",
        "WAVEX",
        "AIFF",
        "SVX",
        "MAT4",
        "VOC",
        "WVE",
    ],
)
def test_joined_files_of_other_formats_are_refused(file_format, folder):
    content = encode(LOW, file_format) + encode(HIGH, file_format)
    Path("a").write_bytes(content)
    for source in ("a", io.BytesIO(content)):
        with pytest.raises(ReadingError, match="holds several files, one behind the other"):
            read_file(source)
    Path("b").write_bytes(encode(LOW, file_format))
    assert len(read_file("b")[0]) == 40000


def test_links_of_an_ogg_chain():
    first, second = encode(LOW, "OGG"), encode(HIGH, "OGG")
    links = find_links(first + second, len(first + second))
    assert [(link.start, link.end) for link in links] == [
        (0, len(first)),
        (len(first), len(first + second)),
    ]
    assert all(link.is_whole and link.n_audio == 1 for link in links)


def test_ogg_streams_at_the_same_time_are_refused(folder):
    first, second = encode(LOW, "OGG"), encode(HIGH, "OGG")
    first, second = (change_serial(content, i) for i, content in enumerate((first, second)))
    end = second.index(b"OggS", 4)
    Path("a.ogg").write_bytes(second[:end] + first)
    with pytest.raises((ReadingError, soundfile.LibsndfileError), match="several|format"):
        read_file("a.ogg")
    assert find_links(second[:end] + first, end + len(first))[0].n_audio == 2


def change_serial(content, number):
    return content.replace(content[14:18], struct.pack("<I", number))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_chain_from_a_pipe_is_read_whole(folder):
    os.mkfifo("pipe")
    content = encode(LOW, "OGG") + encode(HIGH, "OGG")
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(content))
    writer.start()
    upsample_file(spline(), "pipe", "wide.wav")
    writer.join()
    assert soundfile.info("wide.wav").frames == 120000
    assert names(folder) == ["pipe", "wide.wav"]


def test_a_file_in_memory_is_read_whole(folder):
    upsample_file(spline(), io.BytesIO(encode(LOW, "MP3") + encode(HIGH, "MP3")), "wide.wav")
    assert soundfile.info("wide.wav").frames == 120000


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("a.flac", "b.flac"),
        ("a.flac", "b.opus"),
        ("a.wav", "b.mp3"),
        ("a.wav", "b.aiff"),
        ("a.ogg", "b.wav"),
        ("a.mp3", "b.ogg"),
    ],
)
def test_tags_are_kept(source, target, folder):
    kept = {"title": "Für Elise", "artist": "Someone", "comment": "a take"}
    with soundfile.SoundFile(source, "w", 8000, 1) as file:
        for key, text in {**kept, "software": "an editor"}.items():
            setattr(file, key, text)
        file.write(LOW[:4000])
    upsample_file(spline(), source, target)
    with soundfile.SoundFile(target) as file:
        texts = file.copy_metadata()
    assert {key: texts[key] for key in kept} == kept
    assert "an editor" not in texts.get("software", "")
    upsample_file(spline(), source, "b.au")  # holds no texts
    assert soundfile.info("b.au").frames >= 8000


def test_what_macos_writes_beside_a_file_is_not_its_header(folder):
    soundfile.write("a.mp3", noise(16000), 8000)
    whole = read("a.mp3")
    Path("._a.mp3").write_bytes(bytes.fromhex("0005160700020000") + bytes(4000))  # AppleDouble
    np.testing.assert_allclose(read_file("a.mp3")[0].T, whole, atol=1e-6)
    assert load_audio_folder(".").filenames == ["a.mp3"]
    upsample_file(spline(), Path("a.mp3").absolute(), "wide.wav")
    assert soundfile.info("wide.wav").frames == 2 * whole.shape[1]
    Path("._no.mp3").touch()
    Path("no.mp3").write_bytes(b"no sound" * 100)
    with pytest.raises(soundfile.LibsndfileError):
        read_file("no.mp3")


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_stream_behind_one_that_was_cut_off_is_read(subtype, folder):
    first, second = (encode(x, "OGG", subtype=subtype) for x in (noise(80000), HIGH))
    Path("a.ogg").write_bytes(first[: len(first) // 2] + second)
    frames, _, fault = read_file("a.ogg")
    assert 20000 + 20000 < len(frames) < 80000
    np.testing.assert_allclose(frames[-20000:], decode(second), atol=1e-5)
    assert "without the mark of its end" in fault


def test_flac_files_between_tags_of_other_formats(folder):
    flac = encode(LOW, "FLAC")
    before, behind = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10), b"TAG" + bytes(125)
    for content in (before + flac, flac + behind, flac + bytes(5000)):
        Path("a.flac").write_bytes(content)
        np.testing.assert_array_equal(read_file("a.flac")[0], decode(flac))
        upsample_file(spline(), "a.flac", "wide.wav")
        assert soundfile.info("wide.wav").frames == 80000
        assert main(["compare", "a.flac", "a.flac"]) == 0
    block = b"\2\0\0\x10riff" + encode(LOW, "WAV")[:12]  # what flac keeps of a WAV file
    Path("a.flac").write_bytes(flac[:42] + block + flac[42:])
    np.testing.assert_array_equal(read_file("a.flac")[0], decode(flac))
    Path("a.flac").write_bytes(before + flac + flac)
    with pytest.raises(ReadingError, match="holds several files"):
        read_file("a.flac")


@pytest.mark.parametrize(
    ("kinds", "n_zeros"),
    [
        (("WAV", "WAV"), 512),
        (("CAF", "CAF"), 512),
        (("WAV", "AIFF"), 0),
        (("AU", "FLAC"), 1),
        (("MP3", "WAV"), 0),
        (("MP3", "OGG"), 100),
        (("WAV", "MP3"), 0),
        (("CAF", "MP3"), 100),
        (("FLAC", "WAV"), 0),
        (("FLAC", "OGG"), 100),
        (("FLAC", "AIFF"), 1),
        (("OGG", "WAV"), 0),
        (("OGG", "FLAC"), 0),
        (("OGG", "MP3"), 0),
        (("OGG", "AU"), 100),
    ],
)
def test_files_of_two_kinds_or_with_zeros_between_are_refused(kinds, n_zeros, folder):
    first, second = (encode(x, kind) for x, kind in zip((LOW, HIGH), kinds, strict=True))
    Path("a.sound").write_bytes(first + bytes(n_zeros) + second)
    with pytest.raises(ReadingError, match="a.sound holds several files, one behind the other"):
        read_file("a.sound")
    Path("a.sound").write_bytes(first + bytes(n_zeros) + b"any other bytes")
    assert 40000 <= len(read_file("a.sound")[0]) < 42000


@pytest.mark.parametrize("other", ["WAV", "MP3"])
def test_a_file_between_links_of_a_chain_is_refused(other, folder):
    links = [encode(x, "OGG") for x in (LOW, HIGH)]
    Path("a.ogg").write_bytes(encode(HIGH, other).join(links))
    with pytest.raises(ReadingError, match="a.ogg holds several files, one behind the other"):
        read_file("a.ogg")
    Path("a.ogg").write_bytes(b"any other bytes".join(links))
    assert len(read_file("a.ogg")[0]) == 60000


def test_a_file_behind_tags_of_any_length_is_refused(folder):
    for size in (b"\0\0\x01\x10", b"\0\0\0\x90"):  # of seven bits in a byte, and of eight
        tag = b"ID3\x04\0\0" + size + bytes(144)
        Path("a.ogg").write_bytes(encode(LOW, "OGG") + tag + encode(HIGH, "MP3"))
        with pytest.raises(ReadingError, match="holds several files"):
            read_file("a.ogg")
        Path("a.ogg").write_bytes(encode(LOW, "OGG") + tag)
        assert len(read_file("a.ogg")[0]) == 40000
