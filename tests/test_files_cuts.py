"""Files that were cut off, or lack their length: told, with both lengths where there are two."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_files import enter_folder, names, noise, spline

from sklearn_audiosr import upsample_file
from sklearn_audiosr._files.reading import read_file, read_header
from sklearn_audiosr.datasets import load_audio_folder
from sklearn_audiosr.datasets._lazy import open_file

folder = pytest.fixture(enter_folder)

# Formats, and suffixes under which a folder of recordings finds them.
CUT = [
    ("WAV", "PCM_16", "wav"),
    ("WAV", "ALAW", "wav"),
    ("WAV", "GSM610", "wav"),
    ("WAVEX", "FLOAT", "wav"),
    ("AU", "PCM_16", "au"),
    ("AIFF", "PCM_24", "aiff"),
    ("SVX", "PCM_16", "svx"),
    ("AVR", "PCM_16", "avr"),
    ("RF64", "PCM_16", "rf64"),
    ("W64", "PCM_16", "w64"),
    ("NIST", "PCM_16", "sph"),
    ("MAT4", "FLOAT", "snd"),  # folders leave .mat out, which may hold anything
    ("MAT5", "PCM_16", "snd"),
    ("MPC2K", "PCM_16", "mpc2k"),
    ("SDS", "PCM_16", "sds"),
    ("VOC", "PCM_16", "voc"),
    ("WVE", "ALAW", "wve"),
]


def write_part(name, file_format, subtype, share):
    """Write 5 s, and keep a share of the file."""
    soundfile.write(name, noise(40000), 8000, subtype, format=file_format)
    content = Path(name).read_bytes()
    Path(name).write_bytes(content[: round(share * len(content))])


@pytest.mark.parametrize(("file_format", "subtype", "suffix"), CUT)
def test_a_file_that_is_cut_off_is_told(file_format, subtype, suffix, folder):
    name = f"a.{suffix}"
    write_part(name, file_format, subtype, 0.5)
    message = r"ended after 2\.\d+ s of the 5\.0\d+ s that its header says: it may have been cut"
    with pytest.warns(UserWarning, match=f"source {message}"):
        upsample_file(spline(), name, "wide.wav")
    Path("wide.wav").unlink()
    with pytest.raises(ValueError, match=f"source {message}"):
        upsample_file(spline(), name, "wide.wav", strict=True)
    assert names(folder) == [name]
    with pytest.warns(UserWarning, match=f"not whole:\n  {name} {message}"):
        (clip,) = load_audio_folder(folder).clips
    assert 19000 < len(clip) <= 20160
    with pytest.raises(ValueError, match=f"{name} {message}"):
        load_audio_folder(folder, strict=True)
    with pytest.raises(ValueError, match=message):
        open_file(Path(name), 8000)
    write_part(name, file_format, subtype, 1)
    assert read_header(name).fault == ""


@pytest.mark.parametrize(("file_format", "subtype", "suffix"), CUT)
def test_a_cut_within_the_last_frame_is_told(file_format, subtype, suffix, folder):
    name = f"a.{suffix}"
    write_part(name, file_format, subtype, 1)
    n_bytes = len(Path(name).read_bytes()) - (2 if file_format in ("VOC", "WAV") else 1)
    with open(name, "r+b") as file:
        file.truncate(n_bytes)
    frames, _, fault = read_file(name)
    assert len(frames) >= 39960
    assert re.match(r"ended after (\d{5} of the 4\d{4} timepoints|4.99\d s of the 5.000 s)", fault)


def test_packets_that_are_missing_are_not_made_up(folder):
    """libsndfile reads 40000 timepoints of SDS files, whatever there is of them."""
    write_part("a.sds", "SDS", "PCM_16", 1)
    whole = read_file("a.sds")[0]
    write_part("a.sds", "SDS", "PCM_16", 0.5)
    assert soundfile.info("a.sds").frames == 40000
    np.testing.assert_array_equal(read_file("a.sds")[0], whole[: 499 * 40])


def test_xi_files_are_judged_where_their_header_has_a_length(folder):
    """libsndfile writes none. Their rate is 44100 Hz."""
    write_part("a.xi", "XI", "DPCM_16", 1)
    content = bytearray(Path("a.xi").read_bytes())
    assert read_file("a.xi")[2] == ""
    content[298:302] = (80000).to_bytes(4, "little")
    for n_bytes, length in ((None, 40000), (20338, 10000)):
        Path("a.xi").write_bytes(content[:n_bytes])
        frames, _, fault = read_file("a.xi")
        assert len(frames) == length
        assert fault[:36] == ("" if n_bytes is None else "ended after 0.227 s of the 0.907 s t")


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_file_without_its_end_is_told(subtype, folder):
    soundfile.write("a.ogg", noise(16000 * 10), 16000, subtype=subtype)
    content = Path("a.ogg").read_bytes()
    assert read_header("a.ogg").fault == ""
    Path("a.ogg").write_bytes(content[: 9 * len(content) // 10])
    frames, _, fault = read_file("a.ogg")
    expected = f"ended after {len(frames) / 16000:.3f} s without the mark of its end"
    assert fault.startswith(expected)
    with pytest.warns(UserWarning, match=f"source {expected}"):
        upsample_file(spline(sampling_rate=None), "a.ogg", "wide.wav")


def test_strict_of_a_file_whose_decoder_finds_less(folder):
    soundfile.write("a.mp3", noise(40000), 8000)
    content = Path("a.mp3").read_bytes()
    Path("a.mp3").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"source ended after 2.* s of the 5.000 s"):
        upsample_file(spline(), "a.mp3", "wide.wav", strict=True)
    assert names(folder) == ["a.mp3"]
    Path("b.wav").write_bytes(b"junk")
    with pytest.raises(ValueError, match=r"1 file\(s\) cannot be read:\n  b.wav: "):
        load_audio_folder(folder, strict=True)
    soundfile.write("c.wav", noise(4000), 8000)
    Path("c.wav").write_bytes(Path("c.wav").read_bytes()[:4000])
    Path("d.wav").write_bytes(b"junk")
    pattern = (
        r"^2 file\(s\) cannot be read:\n  b.wav: .*\n  d.wav: .*\n"
        r"2 file\(s\) that are not whole:\n  a.mp3 ended .*\n  c.wav ended .*\nReplace or"
    )
    with pytest.raises(ValueError, match=pattern):
        load_audio_folder(folder, strict=True)


def change_size(content, file_format, size):
    """Write another size of the data into a header."""
    content = bytearray(content)
    if file_format == "AU":
        content[8:12] = size.to_bytes(4, "big")
    elif file_format == "RF64":
        place = content.index(b"ds64") + 16
        content[place : place + 8] = (0).to_bytes(8, "little")
    else:
        place = content.index(b"data" if file_format == "WAV" else b"SSND") + 4
        order = "little" if file_format == "WAV" else "big"
        content[place : place + 4] = size.to_bytes(4, order)
    return bytes(content)


@pytest.mark.parametrize(
    ("file_format", "size"),
    [
        *[("WAV", size) for size in (0, 0x7FFFF000, 0x80000000, 0xFFFFFFFF)],
        ("AU", 0),
        ("AIFF", 0),
        ("RF64", 0),
    ],
)
def test_a_file_of_a_recorder_that_crashed_is_read_to_its_end(file_format, size, folder):
    soundfile.write("whole", noise(40000), 8000, "PCM_16", format=file_format)
    Path("a.wav").write_bytes(change_size(Path("whole").read_bytes(), file_format, size))
    frames, _, fault = read_file("a.wav")
    np.testing.assert_array_equal(frames, read_file("whole")[0])
    assert fault.startswith("has no length in its header")
    assert fault.endswith("5.000 s")
    with pytest.warns(UserWarning, match="source has no length in its header"):
        upsample_file(spline(), "a.wav", "wide.wav")
    assert soundfile.info("wide.wav").frames == 80000


def test_headers_that_may_lack_a_length(folder):
    soundfile.write("whole.au", noise(4000), 8000)
    Path("a.au").write_bytes(change_size(Path("whole.au").read_bytes(), "AU", 0xFFFFFFFF))
    assert read_header("a.au").fault == ""
    soundfile.write("a.wav", noise(0), 8000)  # empty, and chunks behind it
    content = Path("a.wav").read_bytes() + b"LIST\x04\0\0\0INFO"
    Path("a.wav").write_bytes(content)
    assert read_header("a.wav")[2:] == (0, 0.0, "WAV", "PCM_16", "")
