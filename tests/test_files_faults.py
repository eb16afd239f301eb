"""Files that are cut off, or whose header is damaged or absurd: told, and never read in silence."""

import io
import os
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_files import enter_folder, names, noise, read, spline, write

from sklearn_audiosr import upsample_file
from sklearn_audiosr._files.blocks import read_blocks
from sklearn_audiosr._files.formats import find_format
from sklearn_audiosr._files.quiet import STDERR, QuietSoundFile
from sklearn_audiosr._files.reader import SequentialReader
from sklearn_audiosr._files.reading import read_file, read_header
from sklearn_audiosr._files.sources import ReadingError
from sklearn_audiosr.datasets import load_audio_folder
from sklearn_audiosr.datasets._lazy import open_file
from tools.soak import audio_files

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


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.raw", bytes(1000), "a.raw must have a header .* convert it to WAV first"),
        ("a.mp3", b"", "a.mp3 is empty, it has 0 bytes"),
        ("a.wav", b"", "a.wav is empty, it has 0 bytes"),
        ("a.au", b"hello" * 100, "a.au has lost its header"),
    ],
)
def test_files_without_a_header(name, content, message, folder):
    Path(name).write_bytes(content)
    for use in (read_file, read_header, lambda path: upsample_file(spline(), path, "wide.wav")):
        with pytest.raises(ReadingError, match=message):
            use(name)
    assert names(folder) == [name]
    soundfile.write("good.wav", noise(100), 8000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert load_audio_folder(folder).filenames == ["good.wav"]


def write_rate(name, x, rate):
    """Write a WAV file with any number for its rate."""
    soundfile.write(name, x, 8000, subtype="PCM_16")
    content = bytearray(Path(name).read_bytes())
    content[24:28] = struct.pack("<I", rate)
    Path(name).write_bytes(content)


def test_absurd_rates_are_refused(folder):
    write_rate("a.wav", noise(100), 2**31 - 1)
    with pytest.raises(ReadingError, match="at most 10000000 Hz, got 2147483647 Hz in its header"):
        read_header("a.wav")
    write_rate("b.wav", noise(100), 10**7)
    with pytest.raises(ValueError, match="got wide.wav, which holds 2147483647 Hz at most: take a"):
        upsample_file(spline(300, sampling_rate=None), "b.wav", "wide.wav")
    assert names(folder) == ["a.wav", "b.wav"]
    assert find_format(Path("a.wav"), 2**31 - 1)[0] == "WAV"
    Path("b.wav").unlink()
    write_rate("a.wav", noise(100), 8)
    with (
        pytest.warns(UserWarning, match="a.wav: its header has 8 Hz"),
        pytest.raises(ValueError, match="none can be used"),
    ):
        load_audio_folder(folder, sampling_rate=16000)


def test_more_timepoints_than_the_bytes_can_hold(folder):
    """libsndfile decodes GSM behind the end of a file, as long as its header says."""
    soundfile.write("a.w64", noise(3000), 16000, "GSM610")
    content = bytearray(Path("a.w64").read_bytes())
    content[content.index(b"data") + 23] = 0xCD  # the highest byte of the size
    Path("a.w64").write_bytes(content)
    assert soundfile.info("a.w64").frames > 10**9
    with pytest.raises(ReadingError, match="a.w64 has .* more than its 794 bytes can hold"):
        read_file("a.w64")


def test_blocks_of_a_low_rate_are_small_after_resampling(folder, monkeypatch):
    """At 8 Hz, 512 values would become half a million."""
    write_rate("a.wav", noise(700), 8)
    longest = []
    est = spline()
    stream = est.stream

    def watch(n_channels):
        inner = stream(n_channels)
        push = inner.push

        def record(chunk):
            longest.append(chunk.shape[1])
            return push(chunk)

        inner.push = record
        return inner

    monkeypatch.setattr(est, "stream", watch)
    upsample_file(est, "a.wav", "wide.wav", resample=True)
    assert soundfile.info("wide.wav").frames == 700 * 2000
    assert max(longest[:-1]) < 20000  # and not 512000


def test_blocks_of_a_large_ratio_are_small(folder):
    with SequentialReader(io.BytesIO(_wav(noise(700)))) as reader:
        assert [block.shape for block in read_blocks(reader, growth=16)][:2] == [(1, 128)] * 2


def _wav(x):
    memory = io.BytesIO()
    soundfile.write(memory, x, 8000, format="WAV")
    return memory.getvalue()


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_a_narrow_band_in_a_file_of_any_rate_is_measured(rate, folder):
    """Speech of 1.5 kHz: of 44.1 kHz files, steps were looked for from 1837 Hz on."""
    from sklearn_audiosr.datasets import load_speech

    x = load_speech().clips[0][: 16000 * 3].astype(float)
    spectrum = np.fft.rfft(x)
    spectrum[4500:] = 0
    import soxr

    narrow = soxr.resample(np.fft.irfft(spectrum), 16000, rate, quality="VHQ")
    write("a.wav", narrow[None], rate, subtype="PCM_16")
    with pytest.warns(UserWarning, match=r"band that ends at 1[45]\d\d Hz"):
        upsample_file(spline(), "a.wav", "wide.wav", assume_bandwidth="auto")
    assert soundfile.info("wide.wav").samplerate == 16000


def test_codecs_print_nothing(folder, capfd):
    """libmpg123 prints of whole files and of cut ones; what others print is passed on."""
    soundfile.write("a.mp3", noise(40000), 16000, compression_level=0.99)
    content = Path("a.mp3").read_bytes()
    Path("b.mp3").write_bytes(content[: len(content) // 2] + b"\xff\xfb\x10" * 500 + content[5000:])
    for name in ("a.mp3", "b.mp3"):
        read_file(name)
    assert capfd.readouterr() == ("", "")
    with STDERR, STDERR:
        os.write(2, b"a traceback of another thread\nWarning: Xing stream size off\n")
    os.write(2, b"done\n")
    assert capfd.readouterr().err == "a traceback of another thread\ndone\n"
    soundfile.read("b.mp3")
    assert capfd.readouterr().err  # what it is about


def test_quiet_files_are_those_of_soundfile(folder):
    with QuietSoundFile("a.mp3", "w", 16000, 1) as file:
        file.write(noise(4000))
    with QuietSoundFile("a.mp3") as file:
        file.seek(1000)
        assert len(file.read(100)) == 100
    assert read("a.mp3").shape == (1, 4000)


def test_damaged_files_end_in_documented_errors(folder):
    figures = audio_files.run(100, seed=0)
    assert figures["undocumented"] == []
    assert figures["growth of memory (MiB)"] <= audio_files.MAX_GROWTH
    assert sum(figures["outcomes"].values()) == 100
    assert len(figures["outcomes"]) > 1  # some are read, some are refused
    assert names(folder) == []


def test_absurd_places_and_numbers_in_headers_are_no_reason_to_stop(folder):
    soundfile.write("a.caf", noise(4000), 8000, "PCM_16")
    content = Path("a.caf").read_bytes()
    Path("a.caf").write_bytes(content + b"TAG" + b"\x7f" * 125)
    assert read_file("a.caf")[0].shape == (4000, 1)
    soundfile.write("a.sph", noise(4000), 8000, format="NIST")
    content = Path("a.sph").read_bytes()
    line = b"sample_count -i 4000\n"
    assert line in content
    header = content[:1024].replace(line, b"sample_count -i " + b"9" * 400 + b"\n")[:1024]
    Path("a.sph").write_bytes(header + content[1024:])
    frames, _, fault = read_file("a.sph")
    assert frames.shape == (4000, 1)
    assert "ended after 0.500 s of the" in fault
