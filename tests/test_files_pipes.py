"""Sound from pipes: headers without a length are read to the end; a broken pipe is an error."""

import errno
import os
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
from sklearn_audiosr._files import pipes

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


def test_a_pipe_that_breaks_is_no_end_of_file(folder, monkeypatch):
    content, read_bytes = write("WAV", "PCM_16", "LITTLE"), os.read

    class BreakingOs:
        def __getattr__(self, name):
            return getattr(os, name)

        def read(self, descriptor, n_bytes):
            block = read_bytes(descriptor, min(n_bytes, 100))
            if not block:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return block

    monkeypatch.setattr(pipes, "os", BreakingOs())
    with piped(content[:600], 10**6) as end, pytest.raises(OSError, match="Input/output error"):
        upsample_file(spline(), end, "wide.wav")
    assert not Path("wide.wav").exists()


@pytest.mark.parametrize(("file_format", "subtype", "endian"), HEADERS)
def test_a_second_file_in_a_pipe_is_refused(file_format, subtype, endian, folder):
    content = write(file_format, subtype, endian)
    with piped(content + content, 100) as end, pytest.raises(ValueError, match="several streams"):
        upsample_file(spline(), end, "wide.wav")
    assert not Path("wide.wav").exists()


def test_chunks_behind_the_data_are_no_second_file(folder):
    content = write("WAV", "PCM_16", "LITTLE") + b"LIST\x04\0\0\0INFO"
    with piped(content, 100) as end:
        upsample_file(spline(), end, "wide.wav")
    assert soundfile.info("wide.wav").frames == 800
