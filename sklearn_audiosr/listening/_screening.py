"""Post-screening of listeners: Recommendation ITU-R BS.1534-3, section 4.1.2."""

import numpy as np

from sklearn_audiosr.listening._stimuli import MID_ANCHOR, REFERENCE

_SCORE, _SHARE_OF_ITEMS, _SHARE_OF_LISTENERS = 90, 0.15, 0.25


def find_undegraded(answers, systems):
    """Tell for each recording whether too many rate its mid anchor as nearly perfect."""
    scores = np.array([answer["scores"] for answer in answers])
    if MID_ANCHOR not in systems:
        return np.zeros(scores.shape[1], dtype=bool)
    return (scores[..., systems.index(MID_ANCHOR)] > _SCORE).mean(axis=0) > _SHARE_OF_LISTENERS


def screen(answers, systems, undegraded):
    """Return who is excluded, and why."""
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
