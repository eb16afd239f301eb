"""Build archives byte by byte, also those that no program would write."""

import io
import stat
import struct
import tarfile
import zipfile
from functools import cache
from warnings import catch_warnings, simplefilter

# What an attacker or another system may have written.
EVIL_NAMES = (
    *("", ". .", "space ", "a /x", "line\nbreak", "bell\7", "x\0y", "\udcff.wav", "\u202e"),
    *("a" * 300, "b/" * 600 + "c", "é" * 200),
    *r". .. / ../up a/../../up /tmp/up //host/up ..\up C:up C:\up a:stream \ ~".split(),
    *"nul AUX.wav a/Com1.txt lpt¹ dot. a./x".split(),
)

# Pairs that some or all systems take for the same, or for a file and a folder.
CLASHES = (
    *(("a.wav", "a.wav"), ("a.wav", "A.WAV"), ("a/x", "A/y"), ("é.wav", "e\u0301.wav")),
    *(("a", "a/b"), ("a/b", "a"), ("A/b", "a"), ("ß", "SS"), ("a//b", "a/b"), ("./a", "a")),
)


def pack_zip(members, compression=zipfile.ZIP_DEFLATED):
    """Return a zip archive of names and contents, whatever the names are."""
    file = io.BytesIO()
    with catch_warnings(), zipfile.ZipFile(file, "w", compression, compresslevel=1) as archive:
        simplefilter("ignore")  # a name may be there twice
        for name, content in members:
            info = zipfile.ZipInfo("x")
            info.filename, info.compress_type = name, compression
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            try:
                with archive.open(info, "w") as member:
                    member.write(content)
            except UnicodeEncodeError:  # zip has no way to write this name
                info.filename = name.encode("ascii", "replace").decode()
                archive.writestr(info, content)
    return file.getvalue()


def pack_tar(members):
    """Return a plain tar archive of names and contents, or of headers as bytes."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def sparse_tar(n_bytes):
    """Return a tar archive of 2 kB with a file of GNU's old sparse format, one hole of a length."""
    header = bytearray(tarfile.TarInfo("hole.wav").tobuf(tarfile.GNU_FORMAT))
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[386:482] = bytes(96)
    header[386:398], header[398:410] = _number(n_bytes), _number(0)
    header[483:495] = _number(n_bytes)
    return seal(header) + bytes(1536)


def _number(value):
    """Return a number as GNU tar writes it where octal digits do not suffice."""
    return b"\x80" + value.to_bytes(11, "big")


def seal(header):
    """Return a header of tar with the right checksum."""
    header = bytearray(header)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    return bytes(header)


def pax_record(field, value):
    """Return one line of an extended header; it begins with its own length."""
    rest = b" " + field + b"=" + value + b"\n"
    n = len(rest) + 1
    while len(str(n)) + len(rest) != n:
        n += 1
    return str(n).encode() + rest


def extended_header(records, kind=tarfile.XHDTYPE, n_bytes=None):
    """Return an extended header of tar that claims a length."""
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = kind, len(records) if n_bytes is None else n_bytes
    return info.tobuf(tarfile.GNU_FORMAT) + records + bytes(-len(records) % 512)


def claim_in_zip(body, claim):
    """Return a zip archive with one member that claims a length in both of its headers."""
    content = bytearray(pack_zip([("a.wav", body)]))
    for mark, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<I", content, content.rindex(mark) + offset, claim)
    return bytes(content)


@cache
def make_bomb():
    """Return a zip archive of some 80 kB with two files of 40 MB of zeros each."""
    return pack_zip([(f"{i}.wav", bytes(40 * 10**6)) for i in range(2)])
