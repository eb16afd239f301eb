"""Exclude listeners by the post-screening of Recommendation ITU-R BS.1534-3, section 4.1.2."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_audiosr.listening._stimuli import MID_ANCHOR, REFERENCE

_SCORE, _SHARE_OF_ITEMS, _SHARE_OF_LISTENERS = 90, 0.15, 0.25


def find_undegraded(answers: list[dict[str, Any]], systems: list[str]) -> NDArray[np.bool_]:
    """Return for each recording whether too many listeners rate its mid anchor above 90."""
    scores = np.array([answer["scores"] for answer in answers])
    if MID_ANCHOR not in systems:
        return np.zeros(scores.shape[1], dtype=bool)
    shares = (scores[..., systems.index(MID_ANCHOR)] > _SCORE).mean(axis=0)
    return np.asarray(shares > _SHARE_OF_LISTENERS)


def screen(
    answers: list[dict[str, Any]], systems: list[str], undegraded: NDArray[np.bool_]
) -> dict[str, str]:
    """Return the listeners to exclude, each with the reason."""
    excluded = {}
    for answer in answers:
        missed = answer["scores"][:, systems.index(REFERENCE)] < _SCORE
        reasons = [(missed, "hidden reference", "below")]
        if MID_ANCHOR in systems and not undegraded.all():
            fooled = answer["scores"][~undegraded, systems.index(MID_ANCHOR)] > _SCORE
            reasons.append((fooled, "mid anchor", "above"))
        failed = [
            f"{name} {side} {_SCORE} in {wrong.sum()} of {wrong.size} recordings"
            for wrong, name, side in reasons
            if wrong.mean() > _SHARE_OF_ITEMS
        ]
        if failed:
            excluded[answer["listener"]] = "; ".join(failed)
    return excluded
