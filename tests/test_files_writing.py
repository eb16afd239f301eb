"""What is replaced, and when: the files that the library writes, whatever goes wrong."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sound_files import enter_folder, names, noise, read, spline, write

from sklearn_audiosr import upsample_file
from sklearn_audiosr._files.writing import complete_file

folder = pytest.fixture(enter_folder)

SUFFIXES = ["wav", "flac", "ogg", "opus", "mp3"]

# A disk that is full so many bytes before the end of a file that is there already.
FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from sklearn_audiosr import load, upsample_file

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
est = load("spline.safetensors")
for target in map(Path, sys.argv[1:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    upsample_file(est, "narrow.wav", target)
    content = target.read_bytes()
    for missing in (1, 500, 4000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) - missing, resource.RLIM_INFINITY))
        try:
            upsample_file(est, "narrow.wav", target)
        except OSError as error:
            print(target, error, target.read_bytes() == content)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit of file sizes to set")
def test_full_disk_leaves_the_file_that_was_there(folder):
    write("narrow.wav", noise(1, 8000))
    spline().save("spline.safetensors")
    targets = sorted(f"wide.{suffix}" for suffix in SUFFIXES)
    command = [sys.executable, "-c", FULL_DISK, *targets]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [name for name in targets for _ in range(3)]
    for line in lines:
        assert "can't be written" in line
        assert "check the space on its disk" in line
        assert line.endswith(" True")
    assert names(folder) == ["narrow.wav", "spline.safetensors", *targets]


def test_source_that_was_opened_is_not_overwritten(folder):
    x = write("narrow.wav", noise(1, 100))
    message = "target must be another file than source"
    with open("narrow.wav", "rb") as source:
        with pytest.raises(ValueError, match=message):
            upsample_file(spline(), source, "narrow.wav")
        with pytest.raises(ValueError, match=message):
            upsample_file(spline(), source.fileno(), "narrow.wav")
        with pytest.raises(ValueError, match=message):
            upsample_file(spline(), b"narrow.wav", "narrow.wav")
        upsample_file(spline(), source, "wide.wav")
    np.testing.assert_array_equal(read("narrow.wav"), x)
    assert read("wide.wav").shape == (1, 200)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes that have names")
def test_pipes_are_not_replaced(folder):
    write("narrow.wav", noise(1, 100))
    os.mkfifo("pipe.wav")
    with pytest.raises(ValueError, match=r"target must be a file, got pipe.wav, a pipe or a"):
        upsample_file(spline(), "narrow.wav", "pipe.wav")
    with pytest.raises(ValueError, match=r"path must be a file, got pipe.wav, a pipe or a device"):
        spline().save("pipe.wav")
    assert Path("pipe.wav").is_fifo()


@pytest.mark.parametrize("target", [None, "", 7, np.ones(3)])
def test_what_is_no_path_is_told(target, folder):
    write("narrow.wav", noise(1, 100))
    with pytest.raises(TypeError, match="target must be the path of a file, got .*: name one"):
        upsample_file(spline(), "narrow.wav", target)
    with pytest.raises(TypeError, match="path must be the path of a file, got .*: name one"):
        spline().save(target)


def test_errors_name_the_file_and_not_the_one_beside_it(folder, monkeypatch):
    with pytest.raises(PermissionError) as caught, complete_file("a.wav", "target") as temporary:
        raise PermissionError(13, "Permission denied", os.fspath(temporary))
    assert (caught.value.filename, caught.value.strerror) == ("a.wav", "Permission denied")
    assert names(folder) == []


def test_rights_of_the_file_that_was_there_stay(folder):
    Path("a").write_text("old")
    Path("a").chmod(0o640)
    with complete_file("a", "target") as temporary:
        temporary.write_text("new")
        assert Path("a").read_text() == "old"
    assert (Path("a").read_text(), Path("a").stat().st_mode & 0o777) == ("new", 0o640)
    assert names(folder) == ["a"]


def test_a_link_to_itself_is_not_replaced(folder):
    write("narrow.wav", noise(1, 100))
    try:
        for link, end in (("self.wav", "self.wav"), ("a.wav", "b.wav"), ("b.wav", "a.wav")):
            os.symlink(end, link)
    except OSError:
        pytest.skip("Windows without the right to make links")
    for target in ("self.wav", "a.wav"):
        with pytest.raises(ValueError, match=f"target must be a file, got {target}, a link to its"):
            upsample_file(spline(), "narrow.wav", target)
        assert os.path.islink(target)
    os.symlink("wide.wav", "link.wav")  # to what does not exist yet
    upsample_file(spline(), "narrow.wav", "link.wav")
    assert names(folder) == ["a.wav", "b.wav", "link.wav", "narrow.wav", "self.wav", "wide.wav"]
    assert os.path.islink("link.wav")
    assert read("wide.wav").shape == (1, 200)
