"""Tables and plots of scores."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from listening_helpers import scores_of, write_panel

from sklearn_audiosr.listening import plot_scores, score_table

panel = pytest.fixture(write_panel)


def test_score_table(panel):
    scores = scores_of(2, 2)
    scores[1, :, 1] = [70, 80]
    text = score_table(panel(scores), systems=["b", "a"])
    assert text.splitlines() == [
        "mean score, 2 listeners",
        "        r0       r1  average",
        "b     40.0     40.0     40.0  [40.0, 40.0]",
        "a     65.0     70.0     67.5  [-27.8, 162.8]",
    ]
    medians = score_table(panel(scores), statistic="median", systems=["a"]).splitlines()
    assert medians[-1] == "a     65.0     70.0     65.0  [60.0, 75.0]"


def test_score_table_of_names_in_any_script(panel):
    """Chinese characters take two columns of a terminal, accents of their own and joiners none."""
    systems = ["hidden reference", "声音", "e\u0301tude", "low anchor", "mid anchor"]
    result = panel(scores_of(2, 2), systems, ["録音\u200d一号", "r1"])
    text = score_table(result, systems=["声音", "e\u0301tude"])
    assert text.splitlines()[1:] == [
        "       録音\u200d一号       r1  average",
        "声音       60.0     60.0     60.0  [60.0, 60.0]",
        "e\u0301tude      40.0     40.0     40.0  [40.0, 40.0]",
    ]


@pytest.mark.parametrize("name", ["$x_^$", "costs $5 or $6", r"\$ \frac", "a_b^c"])
def test_names_in_a_plot_are_no_formulas(name, panel):
    systems = ["hidden reference", name, "b", "low anchor", "mid anchor"]
    result = panel(scores_of(2, 1), systems, [name])
    ax = plot_scores(result, recording=name)
    ax.figure.canvas.draw()  # where a formula would be read
    assert ax.get_title() == f"{name}: 2 listeners"
    label = ax.get_xticklabels()[1]
    assert label.get_text().replace("\n", " ") == name
    assert not label.get_parse_math()
    assert not ax.title.get_parse_math()
    result.title = name
    plot_scores(result).figure.canvas.draw()
    plt.close("all")


def test_plot(panel):
    scores = scores_of(3, 2)
    scores[1, :, 1] = [70, 80]
    result = panel(scores)
    ax = plot_scores(result)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == [
        *("hidden\nreference", "a", "b", "low anchor", "mid anchor"),
    ]
    assert ax.get_ylim() == (-2, 102)
    assert ax.get_title() == "made up: 3 listeners"
    points = [line.get_ydata() for line in ax.lines if line.get_marker() == "."]
    np.testing.assert_array_equal(points[1], scores[:, :, 1].ravel())
    means = [container[0].get_ydata()[0] for container in ax.containers]
    assert means == [result.overall[name]["mean"] for name in result.systems]
    fig, own = plt.subplots()
    assert plot_scores(result, recording="r1", systems=["a"], ax=own) is own
    assert own.get_title() == "r1: 3 listeners"
    means = [container[0].get_ydata()[0] for container in own.containers]
    assert means == [result.by_recording["r1"]["a"]["mean"]]
    fig.canvas.draw()
    plt.close("all")


def test_plot_of_one_listener(panel):
    ax = plot_scores(panel(scores_of(1, 1)))
    assert ax.get_title() == "made up: 1 listener"
    ax.figure.canvas.draw()
    plt.close("all")


def test_reports_of_what_is_not_there(panel):
    result = panel(scores_of(2, 2))
    with pytest.raises(ValueError, match="recording must be one of r0, r1, got 'r9'"):
        plot_scores(result, recording="r9")
    for report in (plot_scores, score_table):
        with pytest.raises(ValueError, match="systems must be of the test's.*got gnu"):
            report(result, systems=["a", "gnu"])
        with pytest.raises(ValueError, match="got none"):
            report(result, systems=[])
    assert plt.get_fignums() == []
