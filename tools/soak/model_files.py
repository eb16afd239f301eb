"""Model files with right checksums and random content: `load` refuses them or predicts.

A case changes one to three parts of a file: numbers, texts, whole fields, bytes of the header, its
length, the arrays. Every number of every kind of file is also set to large values in turn.
"""

import copy
import hashlib
import json
import tempfile
import warnings
from pathlib import Path

import numpy as np

from sklearn_audiosr import ModelFileError, load
from tools.soak.estimators import PeakMemory, make_clips, make_fitted

_KEY = "sklearn_audiosr"
_MARK = rb'"{\"sha256\":\"'
_NO_DIGEST = "0" * 64

# What stands in place of a number, and of anything.
LARGE = (2**16, 2**20, 2.0**20, 2.0**21, 2**24, 2**31 - 1, 2**31, 2**40, 1e9, 1e18, 2**63, 1e300)
_VALUES = (
    *LARGE, *(-value for value in LARGE), 0, 1, 2, 3, 7, -1, 0.5, 1e-300, True, False, None, "",
    "auto", "inf", "nan", "gaussian", "TFiLM", "\0", "é" * 300, [], [1] * 5000, [[[]]], {}, 
    {"class": "AudioUNet", "parameters": {}}, {"tuple": [2**20] * 3},
)  # fmt: skip


def run(n_cases, seed):
    """Load changed files.

    Parameters
    ----------
    n_cases : int
        Number of random cases.
    seed : int
        Seeds them.

    Returns
    -------
    figures : dict of str to int
        "cases"; "refused" by `ModelFileError`; "loaded", which also predicted; and the largest
        growth of memory: "load_mb" in a call of `load`, "predict_mb" in one of `predict`.

    Raises
    ------
    Exception
        Whatever else `load` or `predict` raised.
    """
    rng = np.random.default_rng(seed)
    X = make_clips()[0][:1, :100]
    figures, memory = {"cases": 0, "refused": 0, "loaded": 0}, (PeakMemory(), PeakMemory())
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder, "model.safetensors")
        contents = [_save(est, path) for est in make_fitted()]
        for content in (contents[rng.integers(len(contents))] for _ in range(n_cases)):
            path.write_bytes(_change(content, rng))
            figures["cases"] += 1
            figures["loaded" if _try(path, X, *memory) else "refused"] += 1
    names = ("load_mb", "predict_mb")
    return {
        **figures,
        **{name: part.n_bytes // 2**20 for name, part in zip(names, memory, strict=True)},
    }


def sweep(contents, values, path):
    """Yield each number of files that is set to large values, and the memory that loading takes.

    Parameters
    ----------
    contents : iterable of bytes
        Files.
    values : sequence of int or float
        The values.
    path : Path
        Where the changed files are written.

    Yields
    ------
    place : tuple
        Names and indices that lead to the number.
    value : int or float
        What it was set to.
    n_bytes : int
        Growth of the process's memory.
    """
    for content in contents:
        document, header, data = take_apart(content)
        numbers = [p for p, v in _find_places(document) if type(v) in (int, float)]
        for place in numbers:
            for value in values:
                changed = copy.deepcopy(document)
                _put(changed, place, value)
                path.write_bytes(put_together(changed, header, data))
                memory = PeakMemory()
                memory.start()
                try:
                    load(path)
                except ModelFileError:
                    pass
                yield place, value, memory.stop()


def take_apart(content):
    """Return the document, the header without it and the arrays' bytes of a file."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    return json.loads(header.pop("__metadata__")[_KEY]), header, content[end:]


def put_together(document, header, data):
    """Return the bytes of a file with a right checksum."""
    text = json.dumps({**document, "sha256": _NO_DIGEST}, separators=(",", ":"))
    header = json.dumps({"__metadata__": {_KEY: text}, **header}).encode()
    return _sign(len(header).to_bytes(8, "little") + header + data)


def _save(est, path):
    est.save(path)
    return path.read_bytes()


def _try(path, X, loading, predicting):
    """Return whether a file loads; then it must predict, or say that the result is too large."""
    loading.start()
    try:
        est = load(path)
    except ModelFileError:
        return False
    finally:
        loading.stop()
    predicting.start()
    try:
        y = est.predict(X)
    except ValueError as error:
        if "whose result float32 can hold" not in str(error):
            raise
        return True
    finally:
        predicting.stop()
    if y.shape != (1, est.upsampling_ratio_ * X.shape[1]):
        raise AssertionError(f"{path}: {y.shape}")
    return True


def _change(content, rng):
    """Return a file with one to three changes and, mostly, a right checksum."""
    if rng.random() < 0.2:  # bytes anywhere, and a wrong length
        content = bytearray(content)
        for _ in range(rng.integers(1, 4)):
            content[rng.integers(len(content))] = rng.integers(256)
        content = content[: rng.integers(len(content))] if rng.random() < 0.2 else content
        return _sign(bytes(content))
    document, header, data = take_apart(content)
    for _ in range(rng.integers(1, 4)):
        part = header if rng.random() < 0.2 and header else document
        places = [place for place, _ in _find_places(part)]
        place = places[rng.integers(len(places))]
        _put(part, place, copy.deepcopy(_VALUES[rng.integers(len(_VALUES))]), rng.random() < 0.1)
        document.setdefault("package_version", "0")
    return put_together(document, header, data)


def _find_places(part, place=()):
    """Yield place and value of every part of a document."""
    for key, value in part.items() if isinstance(part, dict) else enumerate(part):
        yield (*place, key), value
        if isinstance(value, dict | list):
            yield from _find_places(value, (*place, key))


def _put(document, place, value, delete=False):
    for key in place[:-1]:
        document = document[key]
    if delete:
        del document[place[-1]]
    else:
        document[place[-1]] = value


def _sign(content):
    start = content.find(_MARK) + len(_MARK)
    unsigned = content[:start] + _NO_DIGEST.encode() + content[start + 64 :]
    digest = hashlib.sha256(unsigned).hexdigest().encode()
    return content[:start] + digest + content[start + 64 :]
