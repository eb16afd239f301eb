"""Plot the scores of a listening test, and format them as a table."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions

from sklearn_audiosr._validation import validated
from sklearn_audiosr.listening._analysis import quartiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELS = ("Bad", "Poor", "Fair", "Good", "Excellent")
_SIMULATED = "simulated listeners"


@validated(
    {
        "result": [Bunch],
        "statistic": [StrOptions({"mean", "median"})],
        "systems": ["array-like", None],
    }
)
def score_table(
    result: Bunch,
    *,
    statistic: Literal["mean", "median"] = "mean",
    systems: Sequence[str] | None = None,
) -> str:
    """Format the scores as a text table: systems by recordings, and the average.

    Parameters
    ----------
    result : :class:`~sklearn.utils.Bunch`
        The result of `analyze`.
    statistic : {"mean", "median"}, default="mean"
        Statistic over the listeners.
    systems : array-like of str, default=None
        Rows of the table, in order; None takes all systems.

    Returns
    -------
    table : str
        Lines of text. The column "average" is over recordings too. After it stand the confidence
        interval of a mean, or the quartiles of a median.

    Raises
    ------
    ValueError
        If a system is not in the test.

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
    ...     score_table,
    ...     simulate_answers,
    ... )
    >>> Y = load_speech().clips[:2]
    >>> stimuli = make_stimuli({"4 kHz": ideal_lowband(Y, 2)}, Y, sampling_rate=16000)
    >>> means = {"4 kHz": [70, 60], "low anchor": 30, "mid anchor": 60}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     test, answers = Path(folder, "test"), Path(folder, "answers")
    ...     _ = make_listening_test(stimuli, test)
    ...     _ = simulate_answers(test, means, answers, spread=0)
    ...     result = analyze(answers, test)
    >>> print(score_table(result, systems=["4 kHz"]))
    mean score, 10 simulated listeners
           recording 1  recording 2  average
    4 kHz         70.0         60.0     65.0  [65.0, 65.0]
    """
    rows = _choose_systems(result, systems)
    columns = [*result.recordings, "average"]
    ends = ("low", "high") if statistic == "mean" else ("q1", "q3")
    width = max(_n_columns(name) for name in rows)
    head = " " * width + "".join(" " * max(2, 9 - _n_columns(name)) + name for name in columns)
    lines = [f"{statistic} score, {_describe_panel(result)}", head]
    for system in rows:
        values = [result.by_recording[name][system][statistic] for name in result.recordings]
        values.append(result.overall[system][statistic])
        cells = [
            f"  {value:>{max(7, _n_columns(name))}.1f}"
            for value, name in zip(values, columns, strict=True)
        ]
        low, high = (result.overall[system][end] for end in ends)
        label = system + " " * (width - _n_columns(system))
        lines.append(f"{label}{''.join(cells)}  [{low:.1f}, {high:.1f}]")
    return "\n".join(lines)


def _n_columns(text: str) -> int:
    """Return the width of a text in a terminal: accents take no column, Chinese characters two."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    nothing = sum(unicodedata.category(character) in ("Mn", "Me", "Cf") for character in text)
    return len(text) + wide - nothing


def _choose_systems(result: Bunch, systems: Sequence[str] | None) -> list[str]:
    if systems is None:
        return list(result.systems)
    systems = [str(name) for name in systems]
    unknown = sorted(set(systems) - set(result.systems))
    if unknown or not systems:
        raise ValueError(
            f"systems must be of the test's, {', '.join(result.systems)}, got "
            f"{', '.join(unknown) or 'none'}."
        )
    return systems


def _describe_panel(result: Bunch) -> str:
    n = len(result.listeners)
    kind = _SIMULATED if result.simulated else "listeners"
    return f"{n} {kind if n > 1 else kind[:-1]}"


@validated(
    {
        "result": [Bunch],
        "recording": [str, None],
        "systems": ["array-like", None],
        "ax": "no_validation",
    }
)
def plot_scores(
    result: Bunch,
    *,
    recording: str | None = None,
    systems: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot the scores of a listening test: boxes, means with intervals, and each score.

    Parameters
    ----------
    result : :class:`~sklearn.utils.Bunch`
        The result of `analyze`.
    recording : str, default=None
        The recording to plot; None takes all.
    systems : array-like of str, default=None
        Systems from left to right; None takes all.
    ax : matplotlib.axes.Axes, default=None
        Axes to draw on; None makes a figure.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes: a box from q1 to q3 with the median, whiskers to the farthest scores within 1.5
        interquartile ranges, and a dot with a bar for the mean and its confidence interval.

    Raises
    ------
    ValueError
        If a system or the recording is not in the test.
    ImportError
        If matplotlib is not installed.

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
    ...     plot_scores,
    ...     simulate_answers,
    ... )
    >>> Y = load_speech().clips[:1]
    >>> stimuli = make_stimuli({"4 kHz": ideal_lowband(Y, 2)}, Y, sampling_rate=16000)
    >>> means = {"4 kHz": 70, "low anchor": 30, "mid anchor": 60}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     test, answers = Path(folder, "test"), Path(folder, "answers")
    ...     _ = make_listening_test(stimuli, test)
    ...     _ = simulate_answers(test, means, answers, spread=2, random_state=0)
    ...     ax = plot_scores(analyze(answers, test))
    >>> ax.get_title()
    'Listening test: 10 simulated listeners'
    """
    import matplotlib.pyplot as plt

    chosen_systems = _choose_systems(result, systems)
    if recording is not None and recording not in result.recordings:
        raise ValueError(
            f"recording must be one of {', '.join(result.recordings)}, got {recording!r}."
        )
    if ax is None:
        _, ax = plt.subplots(figsize=(1.5 + 1.1 * len(chosen_systems), 4.5), layout="constrained")
    chosen = slice(None) if recording is None else [result.recordings.index(recording)]
    statistics = result.overall if recording is None else result.by_recording[recording]
    for x, system in enumerate(chosen_systems):
        scores = result.scores[:, chosen, result.systems.index(system)]
        _draw_system(ax, x, scores, statistics[system])
    _draw_scale(ax, chosen_systems)
    what = result.title if recording is None else recording
    ax.set_title(f"{what}: {_describe_panel(result)}", parse_math=False)  # a $ begins no formula
    return ax


def _draw_system(ax: Axes, x: float, scores: NDArray[Any], statistics: dict[str, float]) -> None:
    q1, median, q3 = quartiles(scores)
    inside = scores[(scores >= q1 - 1.5 * (q3 - q1)) & (scores <= q3 + 1.5 * (q3 - q1))]
    box = {"q1": q1, "med": median, "q3": q3, "whislo": inside.min(), "whishi": inside.max()}
    style = {"color": "0.35"}
    ax.bxp(
        [box],
        positions=[x - 0.1],
        widths=0.4,
        showfliers=False,
        patch_artist=True,
        boxprops={"facecolor": "0.88", "edgecolor": "0.35"},
        medianprops={"color": "0.1", "linewidth": 2},
        whiskerprops=style,
        capprops=style,
    )
    # draw them side by side: scores are integers, and many are equal
    spread = 0.16 * np.linspace(-1, 1, scores.size) if scores.size > 1 else 0
    ax.plot(x - 0.1 + spread, scores.ravel(), ".", color="C0", alpha=0.45, markersize=4, zorder=3)
    half = [[statistics["mean"] - statistics["low"]], [statistics["high"] - statistics["mean"]]]
    bars = None if np.isnan(half).any() else half
    ax.errorbar(x + 0.28, statistics["mean"], yerr=bars, fmt="o", color="C3", capsize=4, zorder=4)


def _draw_scale(ax: Axes, systems: list[str]) -> None:
    for i in range(len(LABELS)):
        if i % 2 == 0:
            ax.axhspan(20 * i, 20 * i + 20, color="0.5", alpha=0.08, linewidth=0, zorder=0)
    ax.set(xlim=(-0.5, len(systems) - 0.5), ylim=(-2, 102), ylabel="score")
    ax.set_yticks(range(0, 101, 20))
    names = [textwrap.fill(name, 12) for name in systems]
    ax.set_xticks(range(len(systems)), names, parse_math=False)
    right = ax.secondary_yaxis("right")
    right.set_yticks(range(10, 100, 20), LABELS)
    right.tick_params(length=0)
