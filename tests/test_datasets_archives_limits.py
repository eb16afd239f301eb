"""Archives that claim what they don't have, unpack to too much, or have names that clash."""

import errno
import gzip
import io
import stat
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest

from sklearn_audiosr.datasets import _archives, _members
from sklearn_audiosr.datasets._archives import check_archive, unpack
from sklearn_audiosr.datasets._names import FolderNames
from tools.soak.archive_parts import (
    CLASHES,
    claim_in_zip,
    extended_header,
    make_bomb,
    pack_tar,
    pack_zip,
    pax_record,
    sparse_tar,
)
from tools.soak.archives import run

BODY = np.random.default_rng(0).bytes(2000)


def keep_all(name):
    return True


def list_names(folder):
    return sorted(path.name for path in folder.iterdir())


def write(folder, content, name):
    (folder / name).write_bytes(content)
    return folder / name


def refuse(archive, words, keep=keep_all):
    """Check that an archive is refused, not set aside as damaged, and that nothing is left."""
    with pytest.raises(ValueError, match=words):
        unpack([archive], archive.parent / "out", keep)
    assert list_names(archive.parent) == [archive.name]


def set_aside(archive, words):
    """Check that an archive is found damaged by the check and by unpacking."""
    with pytest.raises(ValueError, match=f"no whole archive: .*{words}"):
        check_archive(archive)
    with pytest.raises(OSError, match=f"it is damaged .*{words}.*call again"):
        unpack([archive], archive.parent / "out", keep_all)
    assert list_names(archive.parent) == [archive.name + ".damaged"]


def pad(content):
    return content + bytes(-len(content) % 512)


# --- lengths


@pytest.mark.parametrize("claim", [0, 1999, 2001, 10**5])
def test_member_of_zip_with_another_length_than_it_claims_is_damage(tmp_path, claim):
    set_aside(write(tmp_path, claim_in_zip(BODY, claim), "x.zip"), "a.wav|Bad CRC")


@pytest.mark.parametrize("compressed", [False, True])
def test_member_of_tar_with_another_length_than_it_claims_is_damage(tmp_path, compressed):
    info = tarfile.TarInfo("a.wav")
    info.size = 10**5
    content = info.tobuf() + pad(BODY) + bytes(1024)
    name = "x.tar.gz" if compressed else "x.tar"
    set_aside(write(tmp_path, gzip.compress(content) if compressed else content, name), "end")


def test_file_of_300_gb_in_2_kb_is_refused(tmp_path):
    """The format has holes, which take no place in the archive."""
    archive = write(tmp_path, sparse_tar(300 * 10**9), "x.tar")
    assert archive.stat().st_size == 2048
    refuse(archive, "'hole.wav' is a sparse file")


def test_sparse_file_in_an_extended_header_is_refused(tmp_path):
    records = [("major", "1"), ("minor", "0"), ("name", "hole.wav"), ("realsize", "9" * 12)]
    header = b"".join(pax_record(f"GNU.sparse.{k}".encode(), v.encode()) for k, v in records)
    content = extended_header(header) + pack_tar(
        [("a.wav", b"1\n0\n5\n".ljust(512, b"\0") + b"12345")]
    )
    refuse(write(tmp_path, content, "x.tar"), "'hole.wav' is a sparse file")


def test_claim_without_holes_is_refused_before_it_is_read(tmp_path):
    info = tarfile.TarInfo("a.wav")
    info.size = 300 * 10**9
    archive = write(tmp_path, info.tobuf(tarfile.GNU_FORMAT), "x.tar")
    refuse(archive, "'a.wav' makes 300.00 GB of an archive of 0.00 MB, more than 100 times")


# --- bombs


def measure_memory(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_zip_bomb_is_refused_by_its_directory(tmp_path):
    archive = write(tmp_path, make_bomb(), "x.zip")
    assert archive.stat().st_size < 10**6
    refuse(archive, "'1.wav' makes 0.08 GB of an archive of 0..* MB, more than 100 times as much")
    with pytest.raises(ValueError, match="more than 100 times as much"):
        check_archive(archive)


def test_members_that_are_not_needed_count(tmp_path):
    archive = write(tmp_path, make_bomb(), "x.zip")
    refuse(archive, "more than 100 times", keep=lambda name: name == "0.wav")


@pytest.mark.parametrize("where", ["file", "end", "header"])
def test_bomb_in_a_tar_archive_is_stopped_in_bounded_memory(tmp_path, where):
    n_bytes = 8 * 10**7
    info = tarfile.TarInfo("a.wav")
    info.size = n_bytes
    begin = {
        "file": info.tobuf(),
        "end": pack_tar([("a.wav", BODY)]),
        "header": extended_header(b"", n_bytes=n_bytes),
    }[where]
    content = gzip.compress(begin) + 10 * gzip.compress(bytes(n_bytes // 10))
    archive = write(tmp_path, content, "x.tar.gz")
    words = "bytes are no header" if where == "header" else "more than 100 times as much"
    error = OSError if where == "header" else ValueError

    def attempt():
        with pytest.raises(error, match=words):
            unpack([archive], tmp_path / "out", keep_all)

    assert measure_memory(attempt) < 10**7
    assert not (tmp_path / "out").exists()


def test_many_small_files_count_by_what_they_take_on_the_disk(tmp_path, monkeypatch):
    header = tarfile.TarInfo("a" * 30).tobuf(tarfile.GNU_FORMAT)
    archive = write(tmp_path, gzip.compress(header * 5000, 6), "x.tar.gz")
    monkeypatch.setattr(_members, "_MOST_EXTRA_BYTES", 2**23)
    with pytest.raises(ValueError, match="'aaa.*' makes 0.0. GB of an archive"):
        check_archive(archive)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_headers_about_headers_are_damage(tmp_path, kind):
    content = extended_header(pax_record(b"path", b"x"), kind) * 2000 + pack_tar([])
    set_aside(write(tmp_path, gzip.compress(content), "x.tar.gz"), ".")


def test_honest_silence_is_unpacked(tmp_path):
    """A file of zeros compresses to a thousandth, and is no bomb among others."""
    content = pack_zip([("silence.wav", bytes(10**7)), ("a.wav", BODY)])
    unpack([write(tmp_path, content, "x.zip")], tmp_path / "out", keep_all)
    assert (tmp_path / "out" / "silence.wav").read_bytes() == bytes(10**7)


# --- archives that are cut where tarfile doesn't notice


def test_tar_archive_that_ends_between_two_files_is_damage(tmp_path):
    content = pack_tar([("a.wav", BODY), ("b.wav", BODY)])
    set_aside(write(tmp_path, content[: 512 + 2048], "x.tar"), "the end is missing")


def test_damaged_header_is_not_taken_for_the_end(tmp_path):
    content = bytearray(pack_tar([("a.wav", BODY), ("b.wav", BODY)]))
    content[512 + 2048 + 3] ^= 1
    set_aside(write(tmp_path, content, "x.tar"), "a header is damaged")


@pytest.mark.parametrize("value", [b"-1", b"-4096", b"x", b"9" * 5000], ids=len)
def test_odd_lengths_in_extended_headers_are_damage(tmp_path, value):
    content = extended_header(pax_record(b"size", value)) + pack_tar([("a.wav", BODY)])
    set_aside(write(tmp_path, content, "x.tar"), ".")


# --- names


@pytest.mark.parametrize(("name", "pack"), [("x.zip", pack_zip), ("x.tar", pack_tar)])
def test_member_without_a_name_is_refused(tmp_path, name, pack):
    archive = write(tmp_path, pack([("a.wav", BODY), ("", b"evil")]), name)
    with pytest.raises(ValueError, match="'' has no name: nothing was unpacked"):
        check_archive(archive)
    refuse(archive, "'' has no name: nothing was unpacked")


@pytest.mark.parametrize(("name", "pack"), [("x.zip", pack_zip), ("x.tar", pack_tar)])
@pytest.mark.parametrize("clash", CLASHES)
def test_names_that_are_one_file_on_some_system_are_refused(tmp_path, clash, name, pack):
    archive = write(tmp_path, pack([(member, b"content") for member in clash]), name)
    refuse(archive, "is there twice|is there as")
    if len(set(clash)) == 2:  # what isn't needed may clash
        unpack([archive], tmp_path / "out", lambda name: name == clash[0])
        files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
        assert len(files) == 1


REFUSED = {
    "is the name of a device on Windows": ["nul", "AUX.wav", "a/Com1.tar.gz", "lpt³", "con .x/a"],
    "ends in a dot or a space": ["a.", "a /x", "a./x", "a/b "],
    "has letters that file systems refuse": ["a\nb", "a\x7f", "\udcff.wav", "\x1b[2J"],
    "is longer than file systems allow": ["a" * 256, "é" * 128, "b/" * 500 + "c"],
    "leads out of the folder": ["a:b", "..", "a/../b", "/a", "\\\\host\\a", "C:a"],
}


@pytest.mark.parametrize(
    ("why", "name"), [(why, name) for why, names in REFUSED.items() for name in names]
)
def test_names_that_some_system_refuses_are_refused(tmp_path, why, name):
    with pytest.raises(ValueError, match=why):
        FolderNames().add(name)
    if why != "leads out of the folder":  # harmless where it isn't written
        content = pack_tar([(name, b""), ("a.wav", BODY)])
        archive = write(tmp_path, content, "x.tar")
        unpack([archive], tmp_path / "out", lambda name: name == "a.wav")


def test_ordinary_names_are_taken():
    names = FolderNames()
    ordinary = [
        "console.wav",
        "com10.wav",
        "aux_in/nul_1.wav",
        ".hidden",
        "a.b.c",
        "...a",
        "é/ß.wav",
    ]
    ordinary += [
        "Sonata 8 (\u201cPath\u00e9tique\u201d).ogg",
        "p225/p225_001_mic1.flac",
        "p225/x.wav",
    ]
    ordinary += ["a" * 255, "日本語.wav", "~"]
    assert [names.add(name) for name in ordinary] == [tuple(name.split("/")) for name in ordinary]


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFBLK, stat.S_IFCHR, stat.S_IFSOCK])
def test_devices_in_a_zip_archive_are_refused(tmp_path, kind):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo("device")
        info.external_attr = (kind | 0o777) << 16
        archive.writestr(info, b"")
    refuse(write(tmp_path, file.getvalue(), "x.zip"), "'device' is a link or a device")


# --- a disk that fills up


@pytest.mark.parametrize(("name", "pack"), [("x.zip", pack_zip), ("x.tar", pack_tar)])
def test_full_disk_while_unpacking_names_the_file_and_leaves_nothing(
    tmp_path, monkeypatch, name, pack
):
    archive = write(tmp_path, pack([("a.wav", BODY), ("b/c.wav", BODY)]), name)

    class Full(io.FileIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    def open_full(path, mode):
        return Full(path, mode) if path.name == "c.wav" else open(path, mode)

    monkeypatch.setattr(_archives, "open", open_full, raising=False)
    with pytest.raises(
        OSError, match=r"'b/c.wav' of the archive .*No space left.*Make room"
    ) as info:
        unpack([archive], tmp_path / "out", keep_all)
    assert info.value.errno == errno.ENOSPC
    assert list_names(tmp_path) == [name]


# --- at random


def test_random_archives_end_in_documented_errors():
    figures = run(24, seed=0)
    assert figures["faults"] == []
    assert figures["unpacked"] and figures["refused"] and figures["damaged"]
    assert figures["unpacked"] + figures["refused"] + figures["damaged"] == 24
