"""What Windows and macOS do otherwise, simulated here for the datasets.

Windows renames and removes no file that is open, has no SIGHUP, and has another encoding of texts.
Names that these systems refuse or confuse are in test_datasets_archives_limits.py.
"""

import errno
import os
import pathlib
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from file_server import run_server

from sklearn_audiosr.datasets import _resuming, load_audio_folder
from sklearn_audiosr.datasets._archives import unpack
from sklearn_audiosr.datasets._download import fetch_file
from sklearn_audiosr.datasets._resuming import Downloads, RemoteFile
from tools.soak.archive_parts import pack_tar, pack_zip

BODY = np.random.default_rng(0).bytes(5000)
ARCHIVES = [("x.zip", pack_zip), ("x.tar", pack_tar)]

server = pytest.fixture(run_server)
needs_proc = pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="asks Linux which files are open"
)


@pytest.fixture
def windows(monkeypatch):
    """Refuse to rename and remove what is open, and return how often it was tried."""
    calls = []

    def refuse_open(function):
        def checked(path, *others, **options):
            calls.append(path)
            for name in (path, *others):
                if isinstance(name, str | os.PathLike) and is_open(Path(name)):
                    raise PermissionError(errno.EACCES, "WinError 32: used by a process", str(name))
            return function(path, *others, **options)

        return checked

    def is_open(path):
        opened = [Path(os.path.realpath(link)) for link in Path("/proc/self/fd").iterdir()]
        return any(
            path.resolve() in (file, *file.parents) for file in opened if file != path.parent
        )

    for module, name in ((os, "replace"), (os, "remove"), (shutil, "rmtree"), (shutil, "move")):
        monkeypatch.setattr(module, name, refuse_open(getattr(module, name)))
    monkeypatch.setattr(pathlib.Path, "unlink", refuse_open(pathlib.Path.unlink))
    return calls


def list_names(folder):
    return sorted(path.name for path in folder.iterdir())


def fetch(url, folder, n_bytes=None):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*over plain http")
        return fetch_file(RemoteFile("file.bin", (url,), n_bytes), folder, Downloads(True, 0))


# --- Windows renames and removes no open file


@needs_proc
def test_the_simulation_refuses_what_windows_refuses(windows, tmp_path):
    with open(tmp_path / "a", "wb"), pytest.raises(PermissionError):
        os.replace(tmp_path / "a", tmp_path / "b")
    with open(tmp_path / "a", "wb"), pytest.raises(PermissionError):
        (tmp_path / "a").unlink()
    os.replace(tmp_path / "a", tmp_path / "b")


@needs_proc
@pytest.mark.parametrize(("name", "pack"), ARCHIVES)
def test_unpacking_renames_what_is_closed(windows, tmp_path, name, pack):
    (tmp_path / name).write_bytes(pack([("a/b.wav", BODY)]))
    unpack([tmp_path / name], tmp_path / "out", lambda name: True)
    assert (tmp_path / "out" / "a" / "b.wav").read_bytes() == BODY and windows


@needs_proc
@pytest.mark.parametrize(("name", "pack"), ARCHIVES)
def test_damaged_archive_is_closed_before_it_is_set_aside(windows, tmp_path, name, pack):
    content = bytearray(pack([("a.wav", BODY), ("b.wav", BODY)]))
    content[len(content) // 2 :] = b""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(OSError, match="it is damaged"):
        unpack([tmp_path / name], tmp_path / "out", lambda name: True)
    assert list_names(tmp_path) == [name + ".damaged"]


@needs_proc
@pytest.mark.parametrize(("name", "pack"), ARCHIVES)
def test_refused_archive_leaves_nothing_open(windows, tmp_path, name, pack):
    (tmp_path / name).write_bytes(pack([("a.wav", BODY), ("A.wav", BODY)]))
    with pytest.raises(ValueError, match="is there twice"):
        unpack([tmp_path / name], tmp_path / "out", lambda name: True)
    assert list_names(tmp_path) == [name]


@needs_proc
def test_download_renames_and_removes_what_is_closed(windows, server, tmp_path, monkeypatch):
    monkeypatch.setattr(_resuming, "BLOCK_BYTES", 50)
    url = server.add("f", BODY)
    assert fetch(url, tmp_path).read_bytes() == BODY
    (tmp_path / "file.bin").unlink()
    server.resources["f"].length = False
    with pytest.raises(ConnectionError, match="the server sends more"):  # the part is removed
        fetch(url, tmp_path, n_bytes=4000)
    assert list_names(tmp_path) == ["checksums.json"]


# --- file systems that refuse what Linux takes


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG])
@pytest.mark.parametrize(("name", "pack"), ARCHIVES)
def test_name_that_the_file_system_refuses_is_told(tmp_path, monkeypatch, name, pack, code):
    """Windows refuses question marks; macOS refuses bytes that are no text."""
    (tmp_path / name).write_bytes(pack([("fine.wav", BODY), ("why?.wav", BODY)]))

    def refuse(path, mode):
        if "?" in str(path):
            raise OSError(code, os.strerror(code), str(path))
        return open(path, mode)

    monkeypatch.setattr("sklearn_audiosr.datasets._archives.open", refuse, raising=False)
    with pytest.raises(OSError, match=r"'why\?.wav' of the archive cannot be unpacked to") as info:
        unpack([tmp_path / name], tmp_path / "out", lambda name: True)
    assert info.value.errno == code
    assert list_names(tmp_path) == [name]


def test_folder_of_recordings_has_names_with_forward_slashes(tmp_path, monkeypatch):
    """Suffixes in upper case are found, and files that differ in case only are two, if they are."""
    import soundfile

    (tmp_path / "Set").mkdir()
    for name in ("Set/B.WAV", "Set/a.Wav"):
        soundfile.write(tmp_path / name, np.zeros(100), 8000, format="WAV")
    dataset = load_audio_folder(tmp_path)
    assert dataset.filenames == ["Set/B.WAV", "Set/a.Wav"]
    assert dataset.groups.tolist() == ["Set", "Set"]


@pytest.mark.parametrize(("name", "pack"), ARCHIVES)
def test_name_that_the_locale_cannot_write_is_told(tmp_path, monkeypatch, name, pack):
    (tmp_path / name).write_bytes(pack([("日.wav", BODY)]))

    def encode(path, mode):
        os.fspath(path).encode("ascii")
        return open(path, mode)

    monkeypatch.setattr("sklearn_audiosr.datasets._archives.open", encode, raising=False)
    with pytest.raises(OSError, match="'日.wav' of the archive cannot be unpacked .*ascii"):
        unpack([tmp_path / name], tmp_path / "out", lambda name: True)
    assert list_names(tmp_path) == [name]


# --- another Python

_SCRIPT = """
import signal, sys
for name in ("SIGHUP", "SIGQUIT", "SIGXCPU", "SIGUSR1", "SIGKILL"):
    delattr(signal, name)
for name in ("fcntl", "grp", "pwd", "termios"):
    sys.modules[name] = None
from pathlib import Path
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.datasets._archives import unpack
from sklearn_audiosr.datasets._disk import read_json, write_json
folder = Path(sys.argv[1])
unpack([folder / "x.zip"], folder / "out", lambda name: True)
write_json(folder / "note.json", {"url": "http://x/\\u65e5.wav"})
assert read_json(folder / "note.json") == {"url": "http://x/\\u65e5.wav"}
print((folder / "out" / "a.wav").read_bytes() == b"content")
"""


def test_datasets_need_no_unix_and_no_utf8(tmp_path):
    """Windows has neither SIGHUP nor fcntl, and its texts are not in UTF-8 unless asked."""
    (tmp_path / "x.zip").write_bytes(pack_zip([("a.wav", b"content")]))
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment["PYTHONWARNDEFAULTENCODING"] = "1"
    result = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path)],
        env=environment,
        capture_output=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr.decode(errors="replace")
    assert result.stdout == b"True\n"
    ours = [line for line in result.stderr.splitlines() if b"EncodingWarning" in line]
    assert not [line for line in ours if b"sklearn_audiosr" in line]
