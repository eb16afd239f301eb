"""Plain values and cards as JSON, and the checks that all fields of a file share."""

import json
import math
from contextlib import contextmanager

import numpy as np

from sklearn_audiosr._persistence.errors import ProblemError
from sklearn_audiosr._persistence.strict_json import MAX_DIGITS

# Limits of a card: lists and dicts within each other, and its size as JSON.
_MAX_CARD_DEPTH = 16
_MAX_CARD_BYTES = 2**20

NOT_PLAIN = object()


def to_plain(value):
    """Return None, a boolean, a finite number or a text as JSON; `NOT_PLAIN` for other values."""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or isinstance(value, bool | int | str):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else NOT_PLAIN


def encode_card(card):
    """Return a copy of a card, or None, of values that JSON can hold.

    Parameters
    ----------
    card : dict or None
        The user's notes about the model.

    Returns
    -------
    card : dict or None
        The copy, with plain numbers, and lists in place of tuples.
    """
    if card is None:
        return None
    if not isinstance(card, dict):
        raise TypeError(f"card must be a dict or None, got {type(card).__name__}: pass a dict.")
    encoded = _encode_card_part(card, "card", _MAX_CARD_DEPTH)
    n_bytes = len(json.dumps(encoded))
    if n_bytes > _MAX_CARD_BYTES:
        raise ValueError(
            f"card must have at most {_MAX_CARD_BYTES} bytes in JSON, got {n_bytes}: shorten it."
        )
    return encoded


def check_names(given, needed, what):
    """Raise `ProblemError` unless `given` is a dict with the keys `needed` and no others."""
    if not isinstance(given, dict):
        raise ProblemError(f"{what} must be a dict, got {given!r:.80}")
    missing, unknown = set(needed) - set(given), set(given) - set(needed)
    if missing:
        raise ProblemError(f"{what} must have {join_names(needed)}, got no {join_names(missing)}")
    if unknown:
        raise ProblemError(
            f"{what} must have {join_names(needed) or 'none'}, got {join_names(unknown)} too"
        )


@contextmanager
def problem_of(what):
    """Turn any error in the context into a `ProblemError`: "`what` (the error)"."""
    try:
        yield
    except ProblemError:
        raise
    except Exception as error:  # nonsense from a file fails in a dozen ways
        raise ProblemError(f"{what} ({error})") from error


def join_names(names):
    """Return the first five names in order, and how many more there are, as text."""
    names = sorted(names)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _encode_card_part(value, name, depth):
    plain = to_plain(value)
    if isinstance(plain, int) and abs(plain) >= 10**MAX_DIGITS:
        raise ValueError(
            f"{name} must have at most {MAX_DIGITS} digits, got an integer beyond: make it a text."
        )
    if plain is not NOT_PLAIN:
        return plain
    if depth == 0:
        raise ValueError(
            f"card must have at most {_MAX_CARD_DEPTH} lists and dicts within each other, got "
            f"{name:.80}...: flatten it."
        )
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        parts = {key: (part, f"{name}[{key!r}]") for key, part in value.items()}
        return {key: _encode_card_part(*part, depth - 1) for key, part in parts.items()}
    if isinstance(value, list | tuple):
        return [_encode_card_part(part, f"{name}[{i}]", depth - 1) for i, part in enumerate(value)]
    raise TypeError(
        f"{name} must be a text, a finite number, None, a list, or a dict with texts for its keys, "
        f"got {value!r:.80}: convert it first."
    )
