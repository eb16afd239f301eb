"""Sound from pipes: as from files, also without a length; a broken pipe is an error."""

import os
import socket
import struct
import threading
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_files import enter_folder, noise, read, spline

from sklearn_audiosr import upsample_file
from sklearn_audiosr._files.reading import read_file, read_header
from sklearn_audiosr._files.sources import ReadingError

folder = pytest.fixture(enter_folder)

HEADERS = [
    ("WAV", "PCM_16", "LITTLE"),
    ("WAV", "PCM_24", "BIG"),
    ("WAVEX", "FLOAT", "LITTLE"),
    ("AU", "ULAW", "BIG"),
]


def write(file_format, subtype, endian):
    """Write a file, and return its bytes."""
    soundfile.write("whole", noise(400), 8000, subtype, endian, file_format)
    return Path("whole").read_bytes()


def with_size(content, size, endian):
    """Return a file with another size of the data in its header."""
    place = 8 if content[:4] == b".snd" else content.index(b"data") + 4
    number = struct.pack("<I" if endian == "LITTLE" else ">I", size)
    return content[:place] + number + content[place + 4 :]


@contextmanager
def piped(content, n_bytes):
    """Return the end of a pipe into which a thread writes so many bytes at a time."""
    end, begin = os.pipe()

    def write_all():
        with suppress(BrokenPipeError), open(begin, "wb", buffering=0) as pipe:
            for start in range(0, len(content), n_bytes):
                pipe.write(content[start : start + n_bytes])

    writer = threading.Thread(target=write_all)
    writer.start()
    try:
        yield end
    finally:
        os.close(end)
        writer.join()


@pytest.mark.parametrize("n_bytes", [1, 10**6])
@pytest.mark.parametrize("size", [None, 0, 0x7FFFF000, 0xFFFFFFFF])
@pytest.mark.parametrize(("file_format", "subtype", "endian"), HEADERS)
def test_a_pipe_need_not_tell_its_length(file_format, subtype, endian, size, n_bytes, folder):
    content = write(file_format, subtype, endian)
    if size is not None:
        content = with_size(content, size, endian)
    with warnings.catch_warnings(), piped(content, n_bytes) as end:
        warnings.simplefilter("error")
        upsample_file(spline(), end, "wide.wav")
    upsample_file(spline(), "whole", "of_file.wav")
    np.testing.assert_array_equal(read("wide.wav"), read("of_file.wav"))


def test_a_named_pipe_and_chunks_before_the_data(folder):
    content = write("WAV", "PCM_16", "LITTLE")
    content = content[:12] + b"junk\x03\0\0\0abc\0" + with_size(content, 0, "LITTLE")[12:]
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes on this system")
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(content))
    writer.start()
    upsample_file(spline(), "pipe", "wide.wav")
    writer.join()
    assert soundfile.info("wide.wav").frames == 800


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\xffabc", b"hello" * 100, b".snd"]
)
def test_other_bytes_are_no_sound(content, folder):
    with piped(content, 7) as end, pytest.raises(soundfile.LibsndfileError):
        upsample_file(spline(), end, "wide.wav")
    assert not Path("wide.wav").exists()


def test_a_pipe_that_breaks_is_no_end_of_file(folder):
    reading, writing = socket.socketpair()
    with reading:
        with writing:
            writing.sendall(write("WAV", "PCM_16", "LITTLE")[:600])
            reading.sendall(b"never read")
        with pytest.raises(ConnectionResetError):
            upsample_file(spline(), reading.fileno(), "wide.wav")
    assert not Path("wide.wav").exists()


@pytest.mark.parametrize(("file_format", "subtype", "endian"), HEADERS)
def test_a_second_file_in_a_pipe_is_refused(file_format, subtype, endian, folder):
    content = write(file_format, subtype, endian)
    with piped(content + content, 100) as end, pytest.raises(ValueError, match="several files"):
        upsample_file(spline(), end, "wide.wav")
    assert not Path("wide.wav").exists()


def test_chunks_behind_the_data_are_no_second_file(folder):
    content = write("WAV", "PCM_16", "LITTLE") + b"LIST\x04\0\0\0INFO"
    with piped(content, 100) as end:
        upsample_file(spline(), end, "wide.wav")
    assert soundfile.info("wide.wav").frames == 800


@pytest.mark.parametrize(
    ("file_format", "subtype"),
    [
        ("FLAC", "PCM_16"),
        ("FLAC", "PCM_24"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("MP3", None),
        ("AIFF", "PCM_16"),
        ("CAF", "FLOAT"),
        ("W64", "PCM_16"),
        ("MAT5", "PCM_16"),
    ],
)
def test_all_formats_are_read_from_a_pipe(file_format, subtype, folder):
    """libsndfile reads none of these from one."""
    soundfile.write("whole", noise(4000), 8000, subtype, format=file_format)
    content, expected = Path("whole").read_bytes(), read_file("whole")[0]
    for use in (read_file, lambda end: upsample_file(spline(), end, "wide.wav")):
        with warnings.catch_warnings(), piped(content, 1000) as end:
            warnings.simplefilter("error")
            result = use(end)
        if result is not None:
            np.testing.assert_array_equal(result[0], expected)
    upsample_file(spline(), "whole", "of_file.wav")
    np.testing.assert_array_equal(read("wide.wav"), read("of_file.wav"))
    with piped(content[: len(content) // 2], 1000) as end, suppress(soundfile.LibsndfileError):
        assert "cut off" in read_file(end)[2]


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no such devices on this system")
def test_devices_are_refused(folder):
    for use in (read_header, lambda path: upsample_file(spline(), path, "wide.wav")):
        with pytest.raises(ReadingError, match="/dev/zero is a terminal or a device: write its"):
            use("/dev/zero")
