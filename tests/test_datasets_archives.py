"""Archives that are damaged, malicious, in pieces or too large for the disk."""

import io
import os
import shutil
import stat
import tarfile
import zipfile
from collections import namedtuple

import numpy as np
import pytest
import tqdm

from sklearn_audiosr.datasets._archives import check_archive, unpack
from sklearn_audiosr.datasets._names import split_name

BODY = np.random.default_rng(0).bytes(5000)
FILES = {"top.txt": b"top", "a/one.wav": BODY, "a/b/two.wav": BODY * 300, "a/three.txt": b""}


def make_zip(path, files=FILES, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.mkdir("empty")
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def make_tar(path, files=FILES):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


MAKERS = pytest.mark.parametrize(
    ("name", "make"), [("x.zip", make_zip), ("x.tar.gz", make_tar)], ids=["zip", "tar"]
)


def read_all(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def list_names(folder):
    return sorted(path.name for path in folder.iterdir())


@MAKERS
def test_archive_is_unpacked_whole(tmp_path, name, make):
    archive = make(tmp_path / name)
    check_archive(archive)
    unpack([archive], tmp_path / "out", lambda name: True)
    assert read_all(tmp_path / "out") == FILES
    assert list_names(tmp_path) == ["out", name]


@MAKERS
def test_only_what_is_needed_is_unpacked(tmp_path, name, make):
    unpack([make(tmp_path / name)], tmp_path / "out", lambda name: name.endswith("one.wav"))
    assert read_all(tmp_path / "out") == {"a/one.wav": BODY}


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_archive_in_pieces_is_read_as_one(tmp_path, compression):
    content = make_zip(tmp_path / "x.zip", compression=compression).read_bytes()
    for cuts in ([1, 2], [1000, 1001], [len(content) - 30, len(content) - 1], [40, 2_000_000]):
        edges = [0, *cuts, len(content)]
        parts = [tmp_path / f"y.zip.00{i}" for i in (1, 2, 3)]
        for part, start, stop in zip(parts, edges, edges[1:], strict=False):
            part.write_bytes(content[start:stop])
        unpack(parts, tmp_path / "out", lambda name: True)
        assert read_all(tmp_path / "out") == FILES
        shutil.rmtree(tmp_path / "out")


def damage(archive, how):
    content = archive.read_bytes()
    if how == "truncated":
        archive.write_bytes(content[: len(content) // 2])
    elif how == "flipped":
        i = len(content) // 2
        archive.write_bytes(content[:i] + bytes([content[i] ^ 0x10]) + content[i + 1 :])
    elif how == "trailer":  # the checksum of gzip; the directory of zip
        archive.write_bytes(content[:-8] + bytes(8))
    else:
        archive.write_bytes(b"<html>no archive</html>")


@MAKERS
@pytest.mark.parametrize("how", ["truncated", "flipped", "trailer", "page"])
def test_damaged_archive_is_refused_and_set_aside(tmp_path, name, make, how):
    archive = make(tmp_path / name)
    damage(archive, how)
    with pytest.raises(ValueError, match="no whole archive: ."):
        check_archive(archive)
    with pytest.raises(OSError, match=r"it is damaged .* renamed \*.damaged: call again"):
        unpack([archive], tmp_path / "out", lambda name: True)
    assert list_names(tmp_path) == [name + ".damaged"]


# In an entry of the directory: bit 0 of byte 8 says "encrypted", byte 10 how it is compressed.
@pytest.mark.parametrize(("offset", "bit"), [(8, 0), *((10, bit) for bit in range(8))])
def test_flipped_bit_in_the_directory_of_a_zip_archive_is_damage(tmp_path, offset, bit):
    archive = make_zip(tmp_path / "x.zip", {"a.wav": BODY})
    content = bytearray(archive.read_bytes())
    content[content.rindex(b"PK\1\2") + offset] ^= 1 << bit
    archive.write_bytes(content)
    with pytest.raises(ValueError, match="no whole archive"):
        check_archive(archive)


@pytest.mark.parametrize("name", ["", ".", "a/C:evil"])
def test_names_that_name_nothing_or_a_drive_are_refused(name):
    with pytest.raises(ValueError, match="leads out of the folder" if name else "has no name"):
        split_name(name)


@MAKERS
@pytest.mark.parametrize(
    "evil", ["../evil", "a/../../evil", "/tmp/evil", "..\\evil", "C:/evil", "a/b/../../../evil"]
)
def test_members_outside_the_folder_are_refused(tmp_path, name, make, evil):
    folder = tmp_path / "deep" / "deeper"
    folder.mkdir(parents=True)
    archive = make(folder / name, {"good.txt": b"good", evil: b"evil"})
    with pytest.raises(ValueError, match="leads out of the folder: nothing was unpacked"):
        unpack([archive], folder / "out", lambda name: True)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [name]
    assert list_names(folder) == [name]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_archive_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(ValueError, match="'link' is a link or a device"):
        unpack([tmp_path / "x.tar"], tmp_path / "out", lambda name: True)
    assert list_names(tmp_path) == ["x.tar"]


def test_links_in_a_zip_archive_are_refused(tmp_path):
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ValueError, match="'link' is a link"):
        unpack([tmp_path / "x.zip"], tmp_path / "out", lambda name: True)


@MAKERS
def test_interrupted_unpacking_never_looks_complete(tmp_path, monkeypatch, name, make):
    archive = make(tmp_path / name)
    seen = []

    def interrupt(bar, n):
        seen.extend(read_all(tmp_path / "out.partial"))
        raise KeyboardInterrupt

    monkeypatch.setattr(tqdm.tqdm, "update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        unpack([archive], tmp_path / "out", lambda name: True)
    assert seen == ["top.txt"]
    assert list_names(tmp_path) == [name]


def test_what_a_killed_process_left_is_not_mixed_in(tmp_path):
    archive = make_zip(tmp_path / "x.zip")
    (tmp_path / "out.partial" / "a").mkdir(parents=True)
    (tmp_path / "out.partial" / "a" / "stale.wav").write_bytes(b"stale")
    unpack([archive], tmp_path / "out", lambda name: True)
    assert read_all(tmp_path / "out") == FILES


def test_a_folder_that_is_there_is_not_touched(tmp_path):
    archive = make_zip(tmp_path / "x.zip")
    (tmp_path / "out").mkdir()
    with pytest.raises(FileExistsError, match="move it away"):
        unpack([archive], tmp_path / "out", lambda name: True)
    assert os.listdir(tmp_path / "out") == []


@MAKERS
def test_full_disk_is_seen_before_unpacking(tmp_path, monkeypatch, name, make):
    archive = make(tmp_path / name)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2**30, 0, 2**26 + 9))
    with pytest.raises(OSError, match="unpacking x.* needs 0.0"):
        unpack([archive], tmp_path / "out", lambda name: True)
    assert list_names(tmp_path) == [name]
