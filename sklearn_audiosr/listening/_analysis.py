"""From answers to statistics, by Recommendation ITU-R BS.1534-3."""

import os
from itertools import combinations
from numbers import Integral, Real

import numpy as np
from scipy import stats
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval, validate_params

from sklearn_audiosr.listening._answers import read_key, read_panel
from sklearn_audiosr.listening._screening import find_undegraded, screen
from sklearn_audiosr.listening._stimuli import ANCHORS, REFERENCE


@validate_params(
    {
        "files": [str, os.PathLike, "array-like"],
        "key": [str, os.PathLike],
        "post_screening": ["boolean"],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "n_bootstraps": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def analyze(
    files, key, *, post_screening=True, confidence=0.95, n_bootstraps=10000, random_state=0
):
    """Read the answers of listeners and compute the statistics of a MUSHRA test [1]_.

    Parameters
    ----------
    files : path-like or list of path-like
        The files that listeners saved, or a folder of them: all of its ``.json`` files that are not
        hidden. Keys among them are passed over.
    key : path-like
        ``key.json`` of the test, or the folder that holds it.
    post_screening : bool, default=True
        Leave out listeners by section 4.1.2: whose hidden reference is below 90 in more than 15 %
        of the recordings, or whose mid anchor is above 90 in more than 15 %. A recording whose mid
        anchor more than 25 % of all listeners rate above 90 does not count for the second rule.
    confidence : float, default=0.95
        Of the intervals.
    n_bootstraps : int, default=10000
        Number of resamplings of the listeners for differences.
    random_state : int, RandomState instance or None, default=0
        Draws them.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes

        systems, recordings, listeners : list of str
            The axes of the scores; `listeners` are those who are left.
        scores : ndarray of shape (n_listeners, n_recordings, n_systems)
            From 0 to 100.
        overall : dict of str to dict
            By system: "mean", "low" and "high" (confidence interval of the mean by Student's t;
            each listener counts once, with the mean over recordings), "median", "q1" and "q3" (of
            all scores, section 4.1.2) and "n", the number of listeners.
        by_recording : dict of str to dict of str to dict
            The same for each recording.
        differences : dict of (str, str) to dict
            For each pair of systems under test: "mean" of the first minus the second, and "low"
            and "high" by a bootstrap over listeners, paired [2]_.
        excluded : dict of str to str
            Who was left out and why.
        undegraded : list of str
            Recordings whose mid anchor too many rate above 90.
        outliers : list of tuple of (str, str, str, float)
            Listener, recording, system and score beyond 1.5 interquartile ranges, to be looked
            into: they stay in.
        comments : list of tuple of (str, str, str)
            Listener, recording and what the listener wrote.
        seconds : ndarray of shape (n_listeners, n_recordings)
            Time that each trial took.
        title, test, confidence, simulated
            Of the test; `simulated` tells that `simulate_answers` made the answers.

    Raises
    ------
    ValueError
        If a file is damaged, edited, of another test, or incomplete, if there are no answers, if a
        listener comes twice, if simulated answers are mixed with real ones, or if nobody is left.
    FileNotFoundError
        If there is no such file.

    Warns
    -----
    UserWarning
        If some listen with headphones and others with loudspeakers (section 8), or with a device,
        such as a wireless headset in a call, whose rate is below that of the recordings.

    See Also
    --------
    plot_scores : The usual picture.
    score_table : The usual table.

    Notes
    -----
    With six recordings or fewer, one reference that was missed is more than 15 %. The
    Recommendation asks for at least five recordings, and finds about 20 listeners often enough.

    Ratings of one listener are not independent, so intervals are over listeners, and hold for these
    recordings: they say nothing about others. With one listener they are nan, and those of
    differences are too narrow with fewer than about eight: no bootstrap leaves what was observed.
    Intervals of several differences are not corrected for their number.

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
    key = read_key(key)
    answers = read_panel(files, key)
    axes = list(key["systems"]), [trial["recording"] for trial in key["trials"]]
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
        title=key["title"],
        test=key["test"],
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


def _describe_panel(answers, systems, recordings):
    """Collect what the listeners gave."""
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


def _summarize_systems(scores, systems, confidence):
    """Statistics of each system's scores, from scores of shape (n_listeners, any, n_systems)."""
    return {name: _summarize(scores[..., j], confidence) for j, name in enumerate(systems)}


def _summarize(scores, confidence):
    """Statistics of one system's scores of shape (n_listeners, n_recordings)."""
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


def quartiles(scores):
    """Return q1, median and q3 as section 4.1.2 has them: medians of halves with the middle."""
    ordered = np.sort(scores, axis=None)
    half = (len(ordered) + 1) // 2
    parts = ordered[:half], ordered, ordered[-half:]
    return tuple(float(np.median(part)) for part in parts)


def _compare(scores, systems, confidence, n_bootstraps, random_state):
    """Differences of the systems under test, with intervals by a bootstrap over listeners."""
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
    for pair, difference in zip(pairs, differences, strict=True):
        interval = [np.nan, np.nan]
        if n_listeners > 1:
            interval = np.quantile(difference[drawn].mean(axis=1), tails)
        low, high = (float(end) for end in interval)
        result[pair] = {"mean": float(difference.mean()), "low": low, "high": high}
    return result


def _expand_tails(confidence, n):
    """Return quantiles of bootstrapped means; plain ones are too narrow for few listeners."""
    if n < 2:
        return [0.0, 1.0]
    reach = np.sqrt(n / (n - 1)) * stats.t.ppf((1 + confidence) / 2, n - 1)
    return stats.norm.cdf([-reach, reach])


def _find_outliers(scores, listeners, recordings, systems):
    """Scores beyond 1.5 interquartile ranges of their recording and system."""
    found = []
    for i, recording in enumerate(recordings):
        for j, system in enumerate(systems):
            q1, _, q3 = quartiles(scores[:, i, j])
            reach = 1.5 * (q3 - q1)
            for listener, score in zip(listeners, scores[:, i, j], strict=True):
                if not q1 - reach <= score <= q3 + reach:
                    found.append((listener, recording, system, float(score)))
    return found
