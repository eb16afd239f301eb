"""Draw things that a user may pass as clips: good ones, bad ones and some that are no clips."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse
import torch

LEVELS = (0.0, 1e-320, 1e-200, 1e-30, 1e-7, 0.1, 1.0, 3e4, 1e12, 1e25, 3e38, 1e60, 1e160, 1e308)
DTYPES = (
    *("f2", "f4", ">f4", "f8", "f8", "f8", "longdouble", "i1", "i2", ">i2", "i4", "i8", "u1", "u2"),
    *("u4", "u8", "bool", "complex64", "object", "M8[s]", "U3", "V4"),
)
COMMON = ("f4", "f8", "i2")
_FOLDER = tempfile.TemporaryDirectory()


class Lazy:
    """A sequence that is neither a list nor a tuple."""

    def __init__(self, clips):
        self.clips = clips

    def __len__(self):
        return len(self.clips)

    def __getitem__(self, index):
        return self.clips[index]


def draw_container(rng):
    """Draw what may be passed as clips.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws it.

    Returns
    -------
    container : object
        Often a container of clips.
    words : str
        What it is.
    """
    kind = str(rng.choice([*CONTAINERS] if rng.random() < 0.7 else ["list", "array"]))
    n_clips = int(rng.choice([0, 1, 1, 1, 2, 2, 3]))
    container, words = CONTAINERS[kind](rng, n_clips)
    return container, f"{kind} of {words}"


def draw_clip(rng):
    """Draw what may be passed as one clip.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws it.

    Returns
    -------
    clip : object
        Often an array of one or two dimensions.
    words : str
        What it is.
    """
    array, words = draw_array(rng, draw_shape(rng))
    if rng.random() < 0.7:
        return array, words
    kind = str(rng.choice([*WRAPPERS]))
    try:
        return WRAPPERS[kind](array), f"{kind}({words})"
    except (TypeError, ValueError, RuntimeError, ArithmeticError, LookupError):  # no such tensor
        return array, words


def draw_shape(rng):
    """Return the shape of a clip: mostly mono or stereo, of few timepoints."""
    n = int(rng.choice([1, 2, 3, 17, 100, 1000, 2500]))
    if rng.random() < 0.08:
        return ((), (0,), (2, 0), (0, 3), (65, n), (1, 1, n), (n, 2))[rng.integers(7)]
    return (n,) if rng.random() < 0.6 else (int(rng.integers(1, 4)), n)


def draw_array(rng, shape):
    """Return an array of any level and type, perhaps with NaN or infinity, and its description."""
    level = LEVELS[rng.integers(len(LEVELS))] if rng.random() < 0.6 else 0.1
    dtype = str(rng.choice(DTYPES if rng.random() < 0.25 else COMMON))
    words = f"{dtype} {shape} {level:g}"
    with np.errstate(all="ignore"):
        values = level * rng.uniform(-1, 1, shape) if level < 1e308 else np.full(shape, 1.7e308)
        values = np.asarray(values)
        if values.size and rng.random() < 0.05:
            bad = rng.choice([np.nan, np.inf, -np.inf])
            values.reshape(-1)[rng.integers(values.size)] = bad
            words += f" {bad}"
        kind = np.dtype(dtype).kind
        if kind in "iub":
            limits = (0, 1) if kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
            values = np.clip(np.nan_to_num(values) * limits[1], *limits)
        elif kind == "M":
            values = np.clip(np.nan_to_num(values), 0, 1e6)
        elif kind == "V":
            return np.zeros(shape, dtype), words
        return values.astype(dtype), words


def _map(array, name):
    if array.size == 0 or array.dtype.hasobject:
        return array
    path = Path(_FOLDER.name, name)
    mapped = np.memmap(path, array.dtype, "w+", shape=array.shape or (1,))
    mapped[...] = array
    return mapped


def _masked(array):
    return np.ma.masked_array(array, np.zeros(array.shape, bool))


def _native(array):
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))


WRAPPERS = {
    "tensor": lambda x: torch.tensor(_native(x)),
    "leaf": lambda x: torch.tensor(_native(x), requires_grad=True),
    "bfloat16": lambda x: torch.tensor(_native(x)).to(torch.bfloat16),
    "meta": lambda x: torch.tensor(_native(x)).to("meta"),
    "list": lambda x: x.tolist(),
    "items": list,
    "tuple": tuple,
    "series": lambda x: pd.Series(list(x) if x.ndim == 2 else x),
    "nullable": lambda x: pd.array(x, "Float64"),
    "masked": _masked,
    "mapped": lambda x: _map(x, "clip"),
    "objects": lambda x: x.astype(object),
    "reversed": lambda x: x[..., ::-1],
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "matrix": np.asmatrix,
    "with_rate": lambda x: (x, 16000),
    "rate_with": lambda x: (44100, x),
    "dict": lambda x: {"array": x, "sampling_rate": 16000},
    "path": lambda x: Path("clip.wav"),
    "text": lambda x: "clip.wav",
    "bytes": lambda x: x.tobytes(),
    "bytearray": lambda x: bytearray(x.tobytes()),
    "memoryview": memoryview,
    "none": lambda x: None,
    "number": lambda x: 0.5,
    "class": lambda x: type(x),
    "ragged": lambda x: [[0.5], [0.5, 1.0]],
    "deep": lambda x: [[[[0.5]]]],
    "huge": lambda x: [10**400],
}


def _clips_in(make):
    def draw(rng, n_clips):
        drawn = [draw_clip(rng) for _ in range(n_clips)]
        return make([clip for clip, _ in drawn]), str([words for _, words in drawn])

    return draw


def _array(wrap, dimensions):
    def draw(rng, n_clips):
        shape = (n_clips, 2, 100)[3 - dimensions :] if dimensions < 3 else (n_clips, 2, 100)
        array, words = draw_array(rng, (n_clips, *shape[1:]))
        try:
            return wrap(array), words
        except (TypeError, ValueError, RuntimeError):
            return array, words

    return draw


def _objects(clips):
    array = np.empty(len(clips), object)
    for i, clip in enumerate(clips):
        array[i] = clip
    return array


def _other(make):
    return lambda rng, n_clips: (make(draw_clip(rng)[0]), "one")


CONTAINERS = {
    "list": _clips_in(list),
    "tuple": _clips_in(tuple),
    "lazy": _clips_in(Lazy),
    "objects": _clips_in(_objects),
    "series": _clips_in(lambda clips: pd.Series(_objects(clips))),
    "array": _array(lambda x: x, 2),
    "array_3d": _array(lambda x: x, 3),
    "frame": _array(pd.DataFrame, 2),
    "tensor": _array(lambda x: torch.tensor(_native(x), requires_grad=x.dtype.kind == "f"), 2),
    "mapped": _array(lambda x: _map(x, "clips"), 2),
    "masked": _array(_masked, 2),
    "clip": _other(lambda clip: clip),
    "set": _other(lambda clip: {0.5}),
    "generator": _other(lambda clip: (c for c in [clip])),
    "sparse": _other(lambda clip: scipy.sparse.csr_array(np.eye(3))),
    "none": _other(lambda clip: None),
}
