"""Files of one model and its arrays: safetensors with JSON, read as data and checked as a whole.

A safetensors file [1]_ has three parts: the length of its header in 8 bytes, little-endian; the
header, JSON with the type, shape and place of each array; and the arrays. The header's
``__metadata__`` holds strings: here one, ``"sklearn_audiosr"``, a JSON document with

- ``sha256``, the first field: the checksum of the file's bytes with 64 zeros in place of these
  digits, as safetensors has none;
- ``format`` and ``package_version`` of the writer;
- ``model``, which `_estimators.saving` makes.

References
----------
.. [1] https://huggingface.co/docs/safetensors
"""

import hashlib
import io
import json
import os
import stat
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from sklearn_audiosr._files.writing import complete_file
from sklearn_audiosr._persistence.errors import ProblemError
from sklearn_audiosr._persistence.strict_json import parse_json

# Number of the document's format. It stays when a parameter or a class is added, as long as older
# files mean what they meant.
FORMAT = 1

_KEY = "sklearn_audiosr"

# In bytes. Long training curves make the longest headers: 100 000 epochs take 4 MB.
MAX_HEADER = 2**23

_DTYPES = ("F16", "F32", "F64", "I64")

# The document's beginning as it stands in the header, a string within JSON; and the checksum before
# it is known.
_DIGEST_MARK = rb'"{\"sha256\":\"'
_NO_DIGEST = "0" * 64

_FOREIGN = "Pass a file that save() of an estimator wrote."


def pack_model(model, arrays):
    """Return the bytes of a model file.

    Parameters
    ----------
    model : dict
        Model of strings, finite numbers, None, lists and dicts.
    arrays : dict of str to ndarray
        C-contiguous arrays of type float16, float32, float64 or int64.

    Returns
    -------
    content : bytes
        The file's content, the same for the same model.
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
    """Return model, arrays and writer from the bytes of a file, as `read_model` does."""
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
        The model as passed to `pack_model`; in a foreign file any JSON but NaN and infinity.
    arrays : dict of str to ndarray
        The arrays, read-only.
    writer : str
        Version of the package that wrote the file.

    Raises
    ------
    ProblemError
        If the file is damaged, or no model file.
    """
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise ProblemError("it is a folder", _FOREIGN)
    if not stat.S_ISREG(mode):  # a pipe would wait for a writer
        raise ProblemError("it is a pipe or a device", _FOREIGN)
    with open(path, "rb") as file:
        return _read(file, os.fstat(file.fileno()).st_size)


def write_file(path, content):
    """Write a file under another name beside it, and rename it when it is complete.

    Parameters
    ----------
    path : path-like
        The file, in a folder that exists; a file that exists is replaced.
    content : bytes
        The file's content.
    """
    with complete_file(path, "path") as temporary, open(temporary, "wb") as file:
        file.write(content)


@cache
def package_version():
    """Return the version of the package that is installed."""
    try:
        return version("sklearn-audiosr")
    except PackageNotFoundError:  # its folder is on the path, but it was never installed
        return "unknown"


def _read(file, size):
    """Return model, arrays and writer of an open file of `size` bytes."""
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
    """Return length and header in bytes; read no more than the file's size and the limit allow."""
    head = file.read(8)
    length = int.from_bytes(head, "little")
    if size == 0:
        raise ProblemError("it is empty")
    if size < 8 or not 2 <= length <= MAX_HEADER:
        # a pickle of protocol 2 to 5; one byte alone may begin a header's length, too
        if head.startswith((*(bytes([0x80, n]) for n in range(2, 6)), b"PK\x03\x04")):
            raise ProblemError(
                "it looks like a pickle, as pickle, joblib and torch write them",
                "A pickle can run any code: open it with what wrote it if you trust it, and save() "
                "the estimator.",
            )
        if MAX_HEADER < length <= size:
            raise ProblemError(f"its header has {length} bytes, of which {MAX_HEADER} are allowed")
        raise ProblemError("it is no safetensors file", _FOREIGN)
    if size < 8 + length:
        raise ProblemError(f"it is cut off: {size} bytes instead of {8 + length} or more")
    return head + file.read(length)


def _check_header(header):
    """Return the document's text and the number of bytes of the arrays."""
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
    """Return the slice of the checksum's digits."""
    start = content.find(_DIGEST_MARK)
    if start < 0:
        raise ProblemError("it has no checksum")
    start += len(_DIGEST_MARK)
    return slice(start, start + len(_NO_DIGEST))


def _hash(content, place):
    """Return the checksum's digits as bytes."""
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
