"""Draw archives: whole, crafted and damaged ones."""

import gzip
import io
import stat
import tarfile
import zipfile
from functools import cache
from typing import NamedTuple

from sklearn_audiosr.datasets._names import FolderNames
from tools.soak.archive_parts import (
    CLASHES,
    EVIL_NAMES,
    claim_in_zip,
    extended_header,
    make_bomb,
    pack_tar,
    pack_zip,
    pax_record,
    seal,
    sparse_tar,
)

_FIELDS = (b"size", b"path", b"GNU.sparse.size", b"GNU.sparse.map", b"GNU.sparse.major", b"mtime")
_FIELDS += (b"GNU.sparse.realsize", b"GNU.sparse.name", b"linkpath", b"hdrcharset", b"uid", b"\xff")
_VALUES = (b"-1", b"-512", b"0", b"1e30", b"99999999999999", b"nan", b"", b"../up", b"1", b"1,2,3")
_VALUES += (b"\xff", b"1,0,9999999999,5", b"BINARY", b"9" * 5000, b"a" * 70000)
_EXTREMES = (0, 1, 2**7, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)


class Case(NamedTuple):
    """An archive."""

    kind: str
    name: str
    content: bytes
    expected: str | None = None  # "unpacked", "refused" or "damaged", where it is known
    files: dict | None = None  # what it must unpack to, where it is known


def draw_case(rng):
    """Return one archive: whole, crafted, or either of them damaged."""
    makers = (_honest, _honest, _honest, _evil_name, _clash, _kinds, _pax, _claims, _bomb, _chain)
    case = makers[rng.integers(len(makers))](rng)
    if rng.random() < 0.6:
        content = case.content
        for _ in range(rng.integers(1, 4)):
            content = _damage(rng, content)
        case = Case(f"damaged {case.kind}", case.name, content)
    return case


def _draw_files(rng):
    names = (f"p{rng.integers(9)}/{i}.wav" for i in range(rng.integers(1, 6)))
    return {name: rng.bytes(int(rng.integers(0, 3000))) * int(rng.integers(1, 9)) for name in names}


def _honest(rng):
    members = _draw_files(rng)
    name, content = _pack(rng, list(members.items()))
    return Case("whole", name, content, "unpacked", members)


def _pack(rng, members):
    """Return the name and content of an archive of one of four formats."""
    kind = rng.integers(4)
    if kind < 2:
        return "x.zip", pack_zip(members, zipfile.ZIP_DEFLATED if kind else zipfile.ZIP_STORED)
    content = pack_tar(members)
    return ("x.tar.gz", gzip.compress(content, 1, mtime=0)) if kind == 3 else ("x.tar", content)


def _evil_name(rng):
    evil = EVIL_NAMES[rng.integers(len(EVIL_NAMES))]
    members = [*_draw_files(rng).items(), (evil, b"evil")]
    name, content = _pack(rng, [members[i] for i in rng.permutation(len(members))])
    if name == "x.zip":
        # zip writes no such letters, ends names at a zero, and "/" is a folder
        evil = evil.encode("utf-8", "replace").decode().partition("\0")[0]
    return Case(f"name {evil[:20]!r}", name, content, _expect(evil, name))


def _expect(evil, archive):
    if evil.endswith("/"):
        return None
    if archive != "x.zip" and "\0" in evil:
        return None  # a header of tar ends there
    try:
        FolderNames().add(evil)
    except ValueError:
        return "refused"
    return "unpacked"


def _clash(rng):
    clash = CLASHES[rng.integers(len(CLASHES))]
    name, content = _pack(rng, [(member, b"content") for member in clash])
    return Case(f"clash {clash}", name, content, "refused")


def _kinds(rng):
    """Return an archive with a link, a device, a FIFO or a sparse file."""
    if rng.integers(2):
        kind = [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK, stat.S_IFCHR][rng.integers(4)]
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            info = zipfile.ZipInfo("link")
            info.external_attr = (kind | 0o777) << 16
            archive.writestr(info, "/etc/passwd")
        return Case("link in zip", "x.zip", file.getvalue(), "refused")
    if rng.integers(2):
        return Case("sparse", "x.tar", sparse_tar(300 * 10**9), "refused")
    info = tarfile.TarInfo("link")
    info.type, info.linkname = [b"1", b"2", b"3", b"4", b"6"][rng.integers(5)], "../../up"
    return Case("link in tar", "x.tar", info.tobuf() + bytes(1024), "refused")


def _pax(rng):
    """Return a tar archive with odd extended headers."""
    records = b""
    for _ in range(rng.integers(1, 4)):
        field, value = _FIELDS[rng.integers(len(_FIELDS))], _VALUES[rng.integers(len(_VALUES))]
        records += pax_record(field, value)
    if not rng.integers(4):
        records = records[: rng.integers(len(records))] + b"7 a=\n"
    content = extended_header(records) + pack_tar([("a.wav", rng.bytes(700))])
    return Case("extended header", "x.tar", content)


def _claims(rng):
    """Return an archive whose member claims another length than it has."""
    body = rng.bytes(2000)
    claim = [0, 1, 1999, 2001, 10**5, 2**31, 2**32 - 2][rng.integers(7)]
    if rng.integers(2):
        return Case("claim in zip", "x.zip", claim_in_zip(body, claim))
    info = tarfile.TarInfo("a.wav")
    info.size = claim
    content = info.tobuf(tarfile.GNU_FORMAT) + body + bytes(-len(body) % 512 + 1024)
    if rng.integers(2):
        return Case("claim in tar.gz", "x.tar.gz", gzip.compress(content, 1, mtime=0))
    return Case("claim in tar", "x.tar", content)


def _bomb(rng):
    kind = rng.integers(3)
    if kind == 0:
        return Case("bomb in zip", "x.zip", make_bomb(), "refused")
    if kind == 1:
        return Case("bomb in tar.gz", "x.tar.gz", _compress_zeros("file"), "refused")
    return Case("bomb in a header", "x.tar.gz", _compress_zeros("header"), "damaged")


@cache
def _compress_zeros(where):
    """Return a tar archive compressed by gzip with 80 MB of zeros in a file or in a header."""
    n_bytes = 8 * 10**7
    if where == "file":
        info = tarfile.TarInfo("a.wav")
        info.size = n_bytes
        header = info.tobuf(tarfile.GNU_FORMAT)
    else:
        header = extended_header(b"", n_bytes=n_bytes)
    zeros = gzip.compress(bytes(n_bytes // 10), 9, mtime=0)
    return gzip.compress(header, mtime=0) + 10 * zeros


def _chain(rng):
    """Return a tar archive of headers about headers, or of very many empty files."""
    if rng.integers(10):
        kind = [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE][rng.integers(3)]
        n = int(rng.integers(2, 3000))
        content = extended_header(pax_record(b"path", b"x"), kind) * n
        return Case("chain", "x.tar.gz", gzip.compress(content + pack_tar([]), 1, mtime=0))
    return Case("many", "x.tar.gz", _many(), "refused")


@cache
def _many():
    header = tarfile.TarInfo("a" * 30).tobuf(tarfile.GNU_FORMAT)
    return gzip.compress(header * 40000, 6, mtime=0)


def _damage(rng, content):
    """Return an archive with bits, bytes, numbers or parts changed."""
    data = bytearray(content)
    if not data:
        return content
    kind, i = rng.integers(7), int(rng.integers(len(data)))
    if kind == 0:
        for _ in range(rng.integers(1, 20)):
            data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        del data[i:]
    elif kind == 2:
        data[i:i] = rng.bytes(int(rng.integers(1, 600)))
    elif kind == 3:
        del data[i : i + int(rng.integers(1, 600))]
    elif kind == 4:
        _overwrite_number(rng, data, i)
    elif kind == 5:
        _overwrite_header(rng, data)
    else:
        data[i:] = data[int(rng.integers(len(data))) :]
    return bytes(data)


def _overwrite_number(rng, data, i):
    """Overwrite a number, mostly in a header of zip."""
    mark = [b"PK\1\2", b"PK\3\4", b"PK\5\6", b""][rng.integers(4)]
    place = data.find(mark) if mark else i
    place = max(0, place) + (int(rng.integers(48)) if mark else 0)
    n = int(rng.choice([1, 2, 4, 8]))
    number = _EXTREMES[rng.integers(len(_EXTREMES))] % 256**n
    data[place : place + n] = number.to_bytes(n, "little")


def _overwrite_header(rng, data):
    """Overwrite a part of a header of tar, and make its checksum right."""
    if len(data) < 512:
        return
    place = 512 * int(rng.integers(min(20, len(data) // 512)))
    field = [(0, 100), (100, 8), (124, 12), (156, 1), (157, 100), (257, 8), (345, 155)]
    start, n = field[rng.integers(len(field))]
    values = [
        rng.bytes(n),
        bytes(n),
        b"\xff" * n,
        b"-" + b"1" * n,
        b"\x80" + rng.bytes(n),
        b"7" * n,
    ]
    header = bytearray(data[place : place + 512])
    header[start : start + n] = values[rng.integers(len(values))][:n].ljust(n, b"\0")
    data[place : place + 512] = seal(header)
