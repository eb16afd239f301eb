"""Statistics of a listening test: means, intervals, differences, post-screening."""

import numpy as np
import pytest
from listening_helpers import mutate, scores_of, write_panel
from scipy import stats

from sklearn_audiosr.listening import analyze
from sklearn_audiosr.listening._analysis import quartiles

panel = pytest.fixture(write_panel)


def test_planted_scores_are_found(panel):
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 101, (6, 3, 5))
    result = panel(scores, post_screening=False)
    np.testing.assert_array_equal(result.scores, scores)
    assert result.listeners == list("ABCDEF")
    assert (result.recordings, result.title) == (["r0", "r1", "r2"], "made up")
    for j, system in enumerate(result.systems):
        assert result.overall[system]["mean"] == pytest.approx(scores[..., j].mean())
        assert result.overall[system]["median"] == np.median(scores[..., j])
        for i, recording in enumerate(result.recordings):
            statistics = result.by_recording[recording][system]
            assert statistics["mean"] == pytest.approx(scores[:, i, j].mean())
            assert statistics["n"] == 6
    np.testing.assert_array_equal(result.seconds, np.full((6, 3), 12.5))


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_interval_of_the_mean_counts_each_listener_once(confidence, panel):
    scores = scores_of(5, 3)
    scores[:, :, 1] += np.arange(5)[:, None] * 5 + np.arange(3)
    found = panel(scores, confidence=confidence).overall["a"]
    means = scores[:, :, 1].mean(axis=1)
    expected = stats.ttest_1samp(means, 0).confidence_interval(confidence)
    assert (found["low"], found["high"]) == pytest.approx(tuple(expected))


def test_one_listener_has_no_interval(panel):
    result = panel(scores_of(1, 2))
    assert result.overall["a"]["mean"] == 60
    assert np.isnan([result.overall["a"]["low"], result.differences["a", "b"]["low"]]).all()


def test_one_listener_and_one_recording(panel):
    result = panel(scores_of(1, 1))
    assert (result.overall["b"]["median"], result.overall["b"]["q1"]) == (40, 40)
    assert result.differences["a", "b"]["mean"] == 20
    assert (result.excluded, result.outliers, result.undegraded) == ({}, [], [])


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([7], (7, 7, 7)), ([1, 2, 3, 4], (1.5, 2.5, 3.5)), ([5, 4, 3, 2, 1], (2, 3, 4))],
)
def test_quartiles_are_medians_of_halves_with_the_middle(scores, expected):
    assert quartiles(np.array(scores)) == expected


def test_differences_are_paired(panel):
    """Habits of listeners do not widen the interval of a difference."""
    scores = scores_of(8, 2)
    scores[:, :, 1:3] += (np.arange(8) * 5)[:, None, None]
    result = panel(scores)
    assert result.differences == {("a", "b"): {"mean": 20.0, "low": 20.0, "high": 20.0}}
    assert result.overall["a"]["high"] - result.overall["a"]["low"] > 15


@pytest.mark.parametrize("n_listeners", [8, 40])
def test_interval_of_a_difference_is_that_of_a_normal_mean(n_listeners, panel):
    scores = scores_of(n_listeners, 1)
    scores[:, 0, 1] += np.round(
        12 * stats.norm.ppf((np.arange(n_listeners) + 0.5) / n_listeners)
    ).astype(int)
    found = panel(scores, n_bootstraps=20000).differences["a", "b"]
    expected = stats.ttest_rel(scores[:, 0, 1], scores[:, 0, 2]).confidence_interval(0.95)
    width = expected.high - expected.low
    assert found["low"] == pytest.approx(expected.low, abs=0.05 * width)
    assert found["high"] == pytest.approx(expected.high, abs=0.05 * width)
    again = panel(scores, n_bootstraps=20000).differences["a", "b"]
    assert again == found


def test_listener_who_misses_the_reference_is_excluded(panel):
    scores = scores_of(5, 7)
    scores[1, :2, 0] = 89  # 2 of 7 are more than 15 %
    scores[2, :1, 0] = 89  # 1 of 7 is not
    scores[3, :, 0] = 90  # is not below 90
    scores[1, :, 1] = 0
    result = panel(scores)
    assert result.excluded == {"B": "hidden reference below 90 in 2 of 7 recordings"}
    assert result.listeners == ["A", "C", "D", "E"]
    assert result.overall["a"]["mean"] == 60
    everyone = panel(scores, post_screening=False)
    assert everyone.excluded == {}
    assert everyone.overall["a"]["mean"] == 48


def test_listener_who_misses_the_mid_anchor_is_excluded(panel):
    scores = scores_of(5, 6)
    scores[4, 0, 4] = 91  # 1 of 6 is more than 15 %
    scores[3, :, 4] = 90
    result = panel(scores)
    assert result.excluded == {"E": "mid anchor above 90 in 1 of 6 recordings"}
    assert result.undegraded == []


def test_mid_anchor_that_many_miss_excludes_nobody(panel):
    scores = scores_of(4, 3)
    scores[:2, 1, 4] = 95  # half of the listeners
    result = panel(scores)
    assert (result.excluded, result.undegraded) == ({}, ["r1"])
    scores[0, 2, 4] = 95  # a quarter is not more than 25 %
    result = panel(scores)
    assert result.undegraded == ["r1"]
    assert result.excluded == {"A": "mid anchor above 90 in 1 of 2 recordings"}
    scores[:, :, 4] = 100
    assert panel(scores).excluded == {}


def test_all_excluded(panel):
    scores = scores_of(2, 2)
    scores[..., 0] = 50
    with pytest.raises(ValueError, match="at least 1 listener.*got 2, all excluded"):
        panel(scores)


def test_test_without_mid_anchor(panel):
    result = panel(scores_of(2, 2)[..., :4], ["hidden reference", "a", "b", "low anchor"])
    assert result.undegraded == []
    assert list(result.differences) == [("a", "b")]


def test_outliers_are_named_and_stay(panel):
    scores = scores_of(5, 1)
    scores[:, 0, 1] = [60, 61, 62, 63, 5]
    result = panel(scores)
    assert result.outliers == [("E", "r0", "a", 5.0)]
    assert result.overall["a"]["mean"] == pytest.approx(50.2)


def test_comments_are_kept(panel, tmp_path):
    panel(scores_of(2, 2))
    mutate(tmp_path / "answers" / "1.json", "trials", 1, "comment", value="a click\nin C")
    assert analyze(tmp_path / "answers", tmp_path).comments == [("B", "r1", "a click\nin C")]
