"""Files of one model and its arrays: safetensors with JSON, read as data and checked whole.

A safetensors file [1]_ is the length of its header in 8 bytes, little-endian; the header, JSON
that names each array's type, shape and place; and the arrays. The header's ``__metadata__`` holds
texts: here one, ``"sklearn_audiosr"``, a JSON document with

- ``sha256``, first: of the file's bytes, with 64 zeros in place of these digits. safetensors has no
  checksum;
- ``format`` and ``package_version``, of what wrote it;
- ``model``, which `_estimators` makes.

References
----------
.. [1] https://huggingface.co/docs/safetensors
"""

import hashlib
import io
import json
import os
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from sklearn_audiosr._files.writing import complete_file
from sklearn_audiosr._persistence.errors import ProblemError
from sklearn_audiosr._persistence.strict_json import parse_json

# Of the document. A parameter or a class that is new needs no other number, as long as files
# without it mean what they meant.
FORMAT = 1

_KEY = "sklearn_audiosr"

# Bytes. The longest headers are those of long training curves: 100 000 epochs have 4 MB.
_MAX_HEADER = 2**23

_DTYPES = ("F16", "F32", "F64", "I64")

# How the document begins in the header, where it is a text within JSON, and what it begins with.
_DIGEST_MARK = rb'"{\"sha256\":\"'
_NO_DIGEST = "0" * 64

_FOREIGN = "Pass a file that save() of an estimator wrote."


def pack_model(model, arrays):
    """Give the bytes of a model file.

    Parameters
    ----------
    model : dict
        Of texts, finite numbers, None, lists and dicts.
    arrays : dict of str to ndarray
        C-contiguous, of type float16, float32, float64 or int64.

    Returns
    -------
    content : bytes
        The same for the same model.
    """
    from safetensors.numpy import save

    document = {
        "sha256": _NO_DIGEST,
        "format": FORMAT,
        "package_version": package_version(),
        "model": model,
    }
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    content = bytearray(save(arrays, metadata={_KEY: text}))
    place = _find_digest(content)
    content[place] = _hash(content, place)
    return bytes(content)


def unpack_model(content):
    """Give what `pack_model` was given, as it will be read, and what version wrote it.

    Raises `ProblemError` as `read_model` raises ModelFileError.
    """
    return _read(io.BytesIO(content), len(content))


def read_model(path):
    """Read a model file.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    model : object
        As `pack_model` was given it, or anything else that JSON can say, but NaN and infinity.
    arrays : dict of str to ndarray
        Read-only.
    writer : str
        Version of the package that wrote the file.

    Raises
    ------
    ProblemError
        If a byte is not as it was written, or it is another file.
    """
    if os.path.isdir(path):
        raise ProblemError("it is a folder", _FOREIGN)
    with open(path, "rb") as file:
        return _read(file, os.fstat(file.fileno()).st_size)


def write_file(path, content):
    """Write a file; until it is complete it bears another name beside it.

    Parameters
    ----------
    path : path-like
        The file, which is replaced if it exists, in a folder that exists.
    content : bytes
        What it is to hold.
    """
    with complete_file(path, "path") as temporary, open(temporary, "xb") as file:
        file.write(content)


@cache
def package_version():
    """Give the version of the package that is installed."""
    try:
        return version("sklearn-audiosr")
    except PackageNotFoundError:  # its folder is on the path, but it was never installed
        return "unknown"


def _read(file, size):
    """Give model, arrays and the writer's version of an open file of `size` bytes."""
    head = _read_head(file, size)
    header = _parse(head[8:])
    text, n_bytes = _check_header(header)
    document = _parse(text)
    _check_format(document)
    if size != len(head) + n_bytes:
        what = "is cut off" if size < len(head) + n_bytes else "goes on beyond its arrays"
        raise ProblemError(f"it {what}: {size} bytes instead of {len(head) + n_bytes}")
    content = head + file.read(n_bytes)
    place = _find_digest(content)
    if content[place] != _hash(content, place):
        raise ProblemError("its checksum is wrong: some byte is not as it was written")
    return document.get("model"), _unpack_arrays(content), document["package_version"]


def _parse(text):
    try:
        return parse_json(text)
    except ValueError as error:
        raise ProblemError(f"its header is no JSON that save() writes ({error})") from error


def _read_head(file, size):
    """Give length and header in bytes; nothing is read that the length does not allow."""
    head = file.read(8)
    length = int.from_bytes(head, "little")
    if size == 0:
        raise ProblemError("it is empty")
    if size < 8 or not 2 <= length <= _MAX_HEADER:
        if head.startswith((b"\x80", b"PK\x03\x04")):
            raise ProblemError(
                "it looks like a pickle, as pickle, joblib and torch write them",
                "A pickle can run any code: open it with what wrote it if you trust it, and save() "
                "the estimator.",
            )
        if _MAX_HEADER < length <= size:
            raise ProblemError(f"its header has {length} bytes, of which {_MAX_HEADER} are allowed")
        raise ProblemError("it is no safetensors file", _FOREIGN)
    if size < 8 + length:
        raise ProblemError(f"it is cut off: {size} bytes instead of {8 + length} or more")
    return head + file.read(length)


def _check_header(header):
    """Give the document's text and the number of bytes of the arrays."""
    metadata = header.pop("__metadata__", None) if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or not isinstance(metadata.get(_KEY), str):
        raise ProblemError("it holds no model of sklearn-audiosr", _FOREIGN)
    if len(metadata) > 1:
        raise ProblemError(f"its metadata must be {_KEY!r} alone, got {sorted(metadata)}")
    n_bytes = 0
    for name, entry in header.items():
        names = sorted(entry) if isinstance(entry, dict) else []
        if names != ["data_offsets", "dtype", "shape"] or entry["dtype"] not in _DTYPES:
            raise ProblemError(
                f"{name} must have a dtype among {', '.join(_DTYPES)}, a shape and data_offsets, "
                f"got {entry!r:.80}"
            )
        for key in ("shape", "data_offsets"):
            numbers = entry[key]
            if not isinstance(numbers, list) or any(type(n) is not int or n < 0 for n in numbers):
                raise ProblemError(f"{key} of {name} must be whole numbers, got {numbers!r:.80}")
        n_bytes = max([n_bytes, *entry["data_offsets"]])
    return metadata[_KEY], n_bytes


def _check_format(document):
    if not isinstance(document, dict) or not isinstance(document.get("package_version"), str):
        raise ProblemError("it says no format and no package_version")
    found, writer = document.get("format"), document["package_version"]
    if type(found) is not int or found != FORMAT:
        raise ProblemError(
            f"it has format {found!r:.80}, written by sklearn-audiosr {writer:.80}, but "
            f"sklearn-audiosr {package_version()} reads format {FORMAT}",
            f"Install sklearn-audiosr {writer:.80}, or save the estimator again with "
            f"{package_version()}.",
        )


def _find_digest(content):
    """Give the place of the checksum's digits."""
    start = content.find(_DIGEST_MARK)
    if start < 0:
        raise ProblemError("it has no checksum")
    start += len(_DIGEST_MARK)
    return slice(start, start + len(_NO_DIGEST))


def _hash(content, place):
    """Give the digits of the checksum, in bytes."""
    view = memoryview(content)
    digest = hashlib.sha256(view[: place.start])
    digest.update(_NO_DIGEST.encode())
    digest.update(view[place.stop :])
    return digest.hexdigest().encode()


def _unpack_arrays(content):
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(content)
    except SafetensorError as error:
        raise ProblemError(f"its arrays are not where its header says ({error})") from error
