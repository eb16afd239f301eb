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
from tools.soak import audio_files

folder = pytest.fixture(enter_folder)


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
