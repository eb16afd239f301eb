"""Scores of predictions, clip by clip, and their differences between methods."""

import math

import numpy as np

from paper.statistics import choose_units, paired_bootstrap
from sklearn_audiosr.metrics import log_spectral_distance, signal_to_noise_ratio

# Column of a table, and the convention behind it (docs/user_guide/metrics.rst).
LSD = {"lsd": "log10", "lsd_natural": "kuleshov2017"}
METRICS = ("snr", *LSD)


def measure(Y, Y_pred, names, groups):
    """Score one method on the test clips.

    Parameters
    ----------
    Y, Y_pred : list of ndarray
        Wideband clips and their predictions.
    names, groups : sequence of str
        Name and speaker or piece of each clip.

    Returns
    -------
    scores : dict
        The mean of each of `METRICS`, "worst_clip" with its SNR, and "clips" with all of them.
    """
    values = {"snr": signal_to_noise_ratio(Y, Y_pred, average=None)}
    for metric, convention in LSD.items():
        values[metric] = log_spectral_distance(Y, Y_pred, convention=convention, average=None)
    means = {metric: _mean(column) for metric, column in values.items()}
    clips = [
        {"name": str(name), "group": str(group), **{m: _plain(values[m][i]) for m in METRICS}}
        for i, (name, group) in enumerate(zip(names, groups, strict=True))
    ]
    heard = [clip for clip in clips if clip["snr"] is not None]
    worst = min(heard, key=lambda clip: clip["snr"], default=None)
    worst = worst and {"name": worst["name"], "snr": worst["snr"]}
    return {**means, "worst_clip": worst, "clips": clips}


def compare(scores, reference):
    """Compute the interval of each metric's difference between two results of `measure`."""
    units = choose_units([clip["group"] for clip in scores["clips"]])
    return {
        metric: paired_bootstrap(_column(scores, metric), _column(reference, metric), units)
        for metric in METRICS
    }


def column_of_groups(scores):
    """Return what `compare` resamples, for a caption."""
    groups = [clip["group"] for clip in scores["clips"]]
    return "clips" if choose_units(groups) is None else "groups"


def format_interval(interval, digits):
    """Lay out a difference as ``+0.71 [+0.50, +0.93]``."""
    if interval["difference"] is None:
        return ""
    text = f"{interval['difference']:+.{digits}f}"
    if interval["low"] is None:
        return text
    return f"{text} [{interval['low']:+.{digits}f}, {interval['high']:+.{digits}f}]"


def format_score(value, digits):
    """Lay out a score, empty if there is none."""
    return "" if value is None else f"{value:.{digits}f}"


def format_worst(scores):
    """Lay out the name of the worst clip and its SNR."""
    worst = scores["worst_clip"]
    return "" if worst is None else f"{worst['name']} ({worst['snr']:.1f})"


def is_beyond_zero(interval):
    """Return whether an interval excludes zero, so that the sign of the difference is known."""
    return interval["low"] is not None and (interval["low"] > 0 or interval["high"] < 0)


def _column(scores, metric):
    return [np.nan if clip[metric] is None else clip[metric] for clip in scores["clips"]]


def _plain(value):
    """Return a number as JSON has it, where there is no NaN."""
    return float(value) if math.isfinite(value) else None


def _mean(values):
    values = values[np.isfinite(values)]  # a silent clip has no SNR, a perfect one no finite
    return float(values.mean()) if len(values) else None
