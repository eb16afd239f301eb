"""JSON from files that are not trusted."""

import json
import math
import re

# Brackets within brackets, far fewer than Python's parser can take.
_MAX_DEPTH = 32

# No 64-bit integer has more.
MAX_DIGITS = 20

# A string, which may hold brackets of its own, or a bracket.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def parse_json(text):
    """Parse JSON with unique names, finite numbers and little nesting.

    Parameters
    ----------
    text : str or bytes
        The JSON; bytes in UTF-8.

    Returns
    -------
    value : object
        The parsed value, of plain types.

    Raises
    ------
    ValueError
        If the text is anything else.
    """
    text = text if isinstance(text, str) else text.decode("utf-8")
    _check_depth(text)
    return json.loads(
        text,
        object_pairs_hook=_join_pairs,
        parse_constant=_refuse_constant,
        parse_float=_parse_float,
        parse_int=_parse_int,
    )


def _check_depth(text):
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token.group(), 0)
        if depth > _MAX_DEPTH:
            raise ValueError(f"more than {_MAX_DEPTH} brackets within each other")


def _join_pairs(pairs):
    joined = dict(pairs)
    if len(joined) < len(pairs):
        raise ValueError("a name comes twice")
    return joined


def _refuse_constant(name):
    raise ValueError(f"{name} is no number")


def _parse_float(digits):
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits:.80} is too large")
    return value


def _parse_int(digits):
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise ValueError(f"{digits:.80} has too many digits")
    return int(digits)
