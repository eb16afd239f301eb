"""Learned attributes as JSON, and back: one codec for each kind of value."""

import math
from collections.abc import Callable

import numpy as np

from sklearn_audiosr._persistence.errors import ProblemError

_MAX_RATIO = 2**16

# JSON has no such numbers; the score of a perfect prediction is infinite.
_NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def encode_curve(values):
    """Return numbers as JSON: a list, with text for infinity and NaN."""
    values = [float(value) for value in values]
    return [value if math.isfinite(value) else str(value) for value in values]


def decode_curve(name, values):
    """Return the list of float that `encode_curve` encoded."""
    if not isinstance(values, list):
        raise ProblemError(f"{name} must be a list of numbers, got {values!r:.80}")
    return [_decode_number(f"{name}[{i}]", value) for i, value in enumerate(values)]


def decode_scale(name, value):
    """Return a positive number of float32 as float."""
    least, most = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
    if type(value) not in (int, float) or not least <= value <= most:
        raise ProblemError(f"{name} must be a positive number of float32, got {value!r:.80}")
    return float(value)


def decode_ratio(name, value):
    """Return an upsampling ratio."""
    if type(value) is not int or not 2 <= value <= _MAX_RATIO:
        raise ProblemError(f"{name} must be an integer from 2 to {_MAX_RATIO}, got {value!r:.80}")
    return value


def _decode_number(name, value):
    if isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if type(value) not in (int, float):
        raise ProblemError(f"{name} must be a number, got {value!r:.80}")
    return float(value)


# For each kind a function that makes JSON of a value, and one that makes the value of a name and
# the JSON of a file; the second raises ProblemError for another type and for a value out of range.
CODECS: dict[str, tuple[Callable, Callable]] = {
    "ratio": (int, decode_ratio),
    "scale": (float, decode_scale),
    "curve": (encode_curve, decode_curve),
}
