"""Companding of ITU-T G.711: the 8-bit code words of a telephone line.

A code word is a sign, a segment of 0 to 7 and a step of 0 to 15 within it. Each segment's steps
are twice as wide as those of the segment before; the A-law's first two are equal.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

LAWS = ("mulaw", "alaw")

# decision values of 128 magnitudes, and what these are decoded to
_Table: TypeAlias = tuple[NDArray[np.integer], NDArray[np.integer]]

# Decision values are integers, 8159 the largest of the mu-law and 4096 that of the A-law: units
# of 14 and 13 bits with their signs. These are theirs in full scale, as in libsndfile.
_UNITS = {"mulaw": 8192, "alaw": 4096}

_SEGMENT, _STEP = np.divmod(np.arange(128), 16)


def _tabulate_mulaw() -> _Table:
    # G.711 Table 2a: 33 lies before the first segment, so that all segments look alike
    lowest = ((2 * _STEP + 32) << _SEGMENT) - 33
    return np.maximum(lowest, 0), ((2 * _STEP + 33) << _SEGMENT) - 33


def _tabulate_alaw() -> _Table:
    # G.711 Table 1a: the first segment has the steps of the second and starts from 0
    shift, start = np.maximum(_SEGMENT - 1, 0), np.where(_SEGMENT == 0, 0, 32)
    return (2 * _STEP + start) << shift, (2 * _STEP + start + 1) << shift


# By law: the magnitude from which on each of the 128 words is sent, and what it is decoded to.
_TABLES = {"mulaw": _tabulate_mulaw(), "alaw": _tabulate_alaw()}


def encode(waveforms: NDArray[np.floating], law: str) -> NDArray[np.uint8]:
    """Encode waveforms as code words.

    Parameters
    ----------
    waveforms : ndarray of any shape
        Timepoints in [-1, 1]; values beyond have the last word.
    law : {"mulaw", "alaw"}
        Companding law.

    Returns
    -------
    words : ndarray of uint8
        Words of the same shape, as they are sent: the mu-law inverts all bits, the A-law every
        second.
    """
    lowest, _ = _TABLES[law]
    magnitudes = np.abs(waveforms) * _UNITS[law]
    words = np.searchsorted(lowest, magnitudes, side="right") - 1
    positive = np.greater_equal(waveforms, 0)
    if law == "mulaw":
        return (np.where(positive, 0xFF, 0x7F) - words).astype(np.uint8)
    return (np.where(positive, words | 0x80, words) ^ 0x55).astype(np.uint8)


def decode(words: NDArray[np.uint8], law: str) -> NDArray[np.float32]:
    """Decode code words to waveforms.

    Parameters
    ----------
    words : ndarray of uint8, of any shape
        The words as they are sent.
    law : {"mulaw", "alaw"}
        Companding law.

    Returns
    -------
    waveforms : ndarray of float32
        Timepoints in (-1, 1), of the same shape.
    """
    _, levels = _TABLES[law]
    inverted = words ^ (0xFF if law == "mulaw" else 0x55)
    # the mu-law's inversion has inverted the sign as well
    positive = (inverted & 0x80 != 0) == (law == "alaw")
    magnitudes = levels[inverted & 0x7F]
    # integers still: the mu-law has a negative zero too, which a float would keep
    return (np.where(positive, magnitudes, -magnitudes) / _UNITS[law]).astype(np.float32)
