"""Compute the statistics of a test by Recommendation ITU-R BS.1534-3."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import combinations
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval

from sklearn_audiosr._validation import validated
from sklearn_audiosr.listening._answers import read_key, read_panel
from sklearn_audiosr.listening._screening import find_undegraded, screen
from sklearn_audiosr.listening._stimuli import ANCHORS, REFERENCE


@validated(
    {
        "files": [str, os.PathLike, "array-like"],
        "key": [str, os.PathLike],
        "post_screening": ["boolean"],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "n_bootstraps": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }
)
def analyze(
    files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    key: str | os.PathLike[str],
    *,
    post_screening: bool = True,
    confidence: float = 0.95,
    n_bootstraps: int = 10000,
    random_state: int | np.random.RandomState | None = 0,
) -> Bunch:
    """Read the answers of listeners and compute the statistics of a MUSHRA test [1]_.

    Parameters
    ----------
    files : path-like or list of path-like
        The files that listeners saved, or a folder of them: all of its ``.json`` files that are not
        hidden. A key among them is skipped.
    key : path-like
        ``key.json`` of the test, or the folder that holds it.
    post_screening : bool, default=True
        Leave out listeners by section 4.1.2: those who rate the hidden reference below 90 in more
        than 15 % of the recordings, and those who rate the mid anchor above 90 in more than 15 %.
        If more than 25 % of all listeners rate the mid anchor of a recording above 90, that
        recording does not count for the second rule.
    confidence : float, default=0.95
        Confidence level of the intervals.
    n_bootstraps : int, default=10000
        Number of resamplings of the listeners for the intervals of differences.
    random_state : int, RandomState instance or None, default=0
        Draws the resamplings.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes

        systems, recordings, listeners : list of str
            The axes of the scores; `listeners` are those who were not left out.
        scores : ndarray of shape (n_listeners, n_recordings, n_systems)
            From 0 to 100.
        overall : dict of str to dict
            For each system: "mean", "low" and "high" (confidence interval of the mean by Student's
            t, over the listeners' means over recordings), "median", "q1" and "q3" (of all scores,
            section 4.1.2) and "n", the number of listeners.
        by_recording : dict of str to dict of str to dict
            The same for each recording.
        differences : dict of (str, str) to dict
            For each pair of systems under test: "mean" of the first minus the second, and "low"
            and "high" by a bootstrap over listeners, paired [2]_.
        excluded : dict of str to str
            Listeners who were left out, with the reason.
        undegraded : list of str
            Recordings whose mid anchor more than 25 % of the listeners rate above 90.
        outliers : list of tuple of (str, str, str, float)
            Listener, recording, system and score of those beyond 1.5 interquartile ranges. They
            are kept: look into them.
        comments : list of tuple of (str, str, str)
            Listener, recording and what the listener wrote.
        seconds : ndarray of shape (n_listeners, n_recordings)
            Duration of each trial.
        title, test : str
            Title and identifier of the test.
        confidence : float
            Confidence level of the intervals.
        simulated : bool
            Whether `simulate_answers` made the answers.

    Raises
    ------
    ValueError
        If a file is damaged, edited, incomplete or of another test, if a listener has not heard the
        reference or a stimulus for half a second, if there are no answers, if a listener occurs
        twice, if simulated answers are mixed with real ones, or if all listeners are left out.
    FileNotFoundError
        If one of the files does not exist.

    Warns
    -----
    UserWarning
        If some listeners used headphones and others loudspeakers (section 8), or if a device,
        such as a wireless headset in a call, has a lower rate than the recordings.

    See Also
    --------
    plot_scores : The usual picture.
    score_table : The usual table.

    Notes
    -----
    With six recordings or fewer, one missed reference is already more than 15 %. The Recommendation
    asks for at least five recordings; about 20 listeners are often enough.

    The ratings of one listener are not independent. The intervals are therefore over listeners;
    they hold for these recordings and say nothing about others. With one listener they are nan.
    With fewer than about eight listeners the intervals of differences are too narrow, because a
    bootstrap cannot go beyond what was observed. They are not corrected for the number of pairs.

    References
    ----------
    .. [1] Recommendation ITU-R BS.1534-3, "Method for the subjective assessment of intermediate
       quality level of audio systems", 2015.
    .. [2] T. C. Hesterberg, "What Teachers Should Know About the Bootstrap", The American
       Statistician 69, 2015: the expanded percentile interval, for small panels.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_audiosr.datasets import load_speech
    >>> from sklearn_audiosr.degradation import ideal_lowband
    >>> from sklearn_audiosr.listening import (
    ...     analyze,
    ...     make_listening_test,
    ...     make_stimuli,
    ...     simulate_answers,
    ... )
    >>> Y = load_speech().clips[:1]
    >>> stimuli = make_stimuli({"4 kHz": ideal_lowband(Y, 2)}, Y, sampling_rate=16000)
    >>> means = {"4 kHz": 70, "low anchor": 30, "mid anchor": 60}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     test, answers = Path(folder, "test"), Path(folder, "answers")
    ...     _ = make_listening_test(stimuli, test)
    ...     _ = simulate_answers(test, means, answers, spread=0)
    ...     result = analyze(answers, test)
    >>> result.overall["4 kHz"]["mean"]
    70.0
    """
    content = read_key(key)
    answers = read_panel(files, content)
    axes = list(content["systems"]), [trial["recording"] for trial in content["trials"]]
    undegraded = find_undegraded(answers, axes[0])
    excluded = screen(answers, axes[0], undegraded) if post_screening else {}
    kept = [answer for answer in answers if answer["listener"] not in excluded]
    if not kept:
        raise ValueError(
            f"files must leave at least 1 listener after post-screening, got {len(answers)}, all "
            "excluded: see who misses the hidden reference with post_screening=False."
        )
    result = _describe_panel(kept, *axes)
    return Bunch(
        title=content["title"],
        test=content["test"],
        confidence=confidence,
        excluded=excluded,
        undegraded=[axes[1][i] for i in np.flatnonzero(undegraded)],
        overall=_summarize_systems(result.scores, axes[0], confidence),
        by_recording={
            recording: _summarize_systems(result.scores[:, [i]], axes[0], confidence)
            for i, recording in enumerate(axes[1])
        },
        differences=_compare(result.scores, axes[0], confidence, n_bootstraps, random_state),
        **result,
    )


def _describe_panel(
    answers: list[dict[str, Any]], systems: list[str], recordings: list[str]
) -> Bunch:
    """Return scores, outliers, comments and durations of the listeners."""
    listeners = [answer["listener"] for answer in answers]
    scores = np.array([answer["scores"] for answer in answers])
    return Bunch(
        systems=systems,
        recordings=recordings,
        listeners=listeners,
        scores=scores,
        outliers=_find_outliers(scores, listeners, recordings, systems),
        comments=[
            (answer["listener"], recording, comment)
            for answer in answers
            for recording, comment in zip(recordings, answer["comments"], strict=True)
            if comment.strip()
        ],
        seconds=np.array([answer["seconds"] for answer in answers], dtype=float),
        simulated=answers[0]["simulated"],
    )


def _summarize_systems(
    scores: NDArray[Any], systems: list[str], confidence: float
) -> dict[str, dict[str, float]]:
    """Return statistics for each system from scores of shape (n_listeners, any, n_systems)."""
    return {name: _summarize(scores[..., j], confidence) for j, name in enumerate(systems)}


def _summarize(scores: NDArray[Any], confidence: float) -> dict[str, float]:
    """Return statistics of one system's scores of shape (n_listeners, n_recordings)."""
    means = scores.mean(axis=1)
    n, mean = len(means), means.mean()
    half = np.nan
    if n > 1:
        half = stats.t.ppf((1 + confidence) / 2, n - 1) * means.std(ddof=1) / np.sqrt(n)
    q1, median, q3 = quartiles(scores)
    return {
        "n": n,
        "mean": float(mean),
        "low": float(mean - half),
        "high": float(mean + half),
        "median": median,
        "q1": q1,
        "q3": q3,
    }


def quartiles(scores: NDArray[Any]) -> tuple[float, float, float]:
    """Return q1, median and q3 by section 4.1.2: q1 and q3 are medians of halves."""
    ordered = np.sort(scores, axis=None)
    half = (len(ordered) + 1) // 2  # both halves hold the middle of an odd number
    q1, median, q3 = map(np.median, (ordered[:half], ordered, ordered[-half:]))
    return float(q1), float(median), float(q3)


def _compare(
    scores: NDArray[Any],
    systems: list[str],
    confidence: float,
    n_bootstraps: int,
    random_state: int | np.random.RandomState | None,
) -> dict[tuple[str, str], dict[str, float]]:
    """Return the differences of systems, with intervals by a bootstrap over listeners."""
    tested = [name for name in systems if name not in (REFERENCE, *ANCHORS)]
    pairs = list(combinations(tested, 2))
    means = scores.mean(axis=1)  # (n_listeners, n_systems)
    columns = [[systems.index(name) for name in pair] for pair in pairs]
    differences = np.array([means[:, a] - means[:, b] for a, b in columns])
    n_listeners = len(means)
    rng = check_random_state(random_state)
    drawn = rng.randint(n_listeners, size=(n_bootstraps, n_listeners))
    tails = _expand_tails(confidence, n_listeners)
    result = {}
    for (first, second), difference in zip(pairs, differences, strict=True):
        interval = np.array([np.nan, np.nan])
        if n_listeners > 1:
            interval = np.quantile(difference[drawn].mean(axis=1), tails)
        low, high = (float(end) for end in interval)
        result[first, second] = {"mean": float(difference.mean()), "low": low, "high": high}
    return result


def _expand_tails(confidence: float, n: int) -> Any:
    """Return the quantiles for an interval of bootstrapped means, expanded for few listeners."""
    if n < 2:
        return [0.0, 1.0]
    z = np.sqrt(n / (n - 1)) * stats.t.ppf((1 + confidence) / 2, n - 1)
    return stats.norm.cdf([-z, z])


def _find_outliers(
    scores: NDArray[Any], listeners: list[str], recordings: list[str], systems: list[str]
) -> list[tuple[str, str, str, float]]:
    """Return the scores beyond 1.5 interquartile ranges of their recording and system."""
    found = []
    for i, recording in enumerate(recordings):
        for j, system in enumerate(systems):
            q1, _, q3 = quartiles(scores[:, i, j])
            margin = 1.5 * (q3 - q1)
            for listener, score in zip(listeners, scores[:, i, j], strict=True):
                if not q1 - margin <= score <= q3 + margin:
                    found.append((listener, recording, system, float(score)))
    return found
