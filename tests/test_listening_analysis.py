"""Listening tests: answers, post-screening, statistics, tables and plots."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

from sklearn_audiosr.listening import (
    analyze,
    make_listening_test,
    make_stimuli,
    plot_scores,
    score_table,
    simulate_answers,
)
from sklearn_audiosr.listening._analysis import quartiles
from sklearn_audiosr.listening._answers import checksum

# ---- answers


def answer(key, scores, listener="A", **changes):
    """Answers of a listener from scores of shape (n_recordings, n_systems)."""
    trials = [
        {
            "trial": trial["id"],
            "seconds": 12.5,
            "comment": "",
            "stimuli": [
                {"stimulus": i, "score": int(row[key["systems"].index(system)])}
                for i, system in trial["stimuli"].items()
            ],
        }
        for trial, row in zip(key["trials"], scores, strict=True)
    ]
    answers = {
        "format": "sklearn-audiosr listening answers",
        "version": 1,
        "test": key["test"],
        "listener": listener,
        "transducer": "headphones",
        "device_rate": 48000,
        "trials": trials,
        **changes,
    }
    return {**answers, "checksum": checksum(answers)}


@pytest.fixture
def panel(tmp_path):
    """Write a test without sounds and the answers of a panel, and analyse them."""

    def analyse(scores, systems=None, **options):
        scores = np.asarray(scores)
        systems = systems or ["hidden reference", "a", "b", "low anchor", "mid anchor"]
        key = make_key(systems, scores.shape[1])
        (tmp_path / "key.json").write_text(json.dumps(key))
        folder = tmp_path / "answers"
        folder.mkdir(exist_ok=True)
        for i, own in enumerate(scores):
            content = answer(key, own, listener=chr(65 + i))
            (folder / f"{i}.json").write_text(json.dumps(content))
        return analyze(folder, tmp_path, **options)

    return analyse


def make_key(systems, n_recordings):
    return {
        "format": "sklearn-audiosr listening key",
        "version": 1,
        "test": "0123456789ab",
        "title": "made up",
        "sampling_rate": 16000,
        "systems": list(systems),
        "trials": [
            {
                "id": f"t{i}",
                "recording": f"r{i}",
                "stimuli": {f"s{i}{j}": name for j, name in enumerate(systems)},
            }
            for i in range(n_recordings)
        ],
    }


def scores_of(n_listeners, n_recordings, a=60, b=40, mid=70):
    """Scores of good listeners: hidden reference, a, b, low and mid anchor."""
    row = [100, a, b, 20, mid]
    return np.tile(np.array(row, dtype=int), (n_listeners, n_recordings, 1))


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


def mutate(path, *keys, value=None, delete=False):
    """Change one field of a file of answers, with a checksum that fits again."""
    content = json.loads(path.read_text())
    record = content
    for key in keys[:-1]:
        record = record[key]
    if delete:
        del record[keys[-1]]
    else:
        record[keys[-1]] = value
    try:
        content["checksum"] = checksum(content)
    except (KeyError, TypeError):
        pass  # it is not looked at
    path.write_text(json.dumps(content))


SCORE = ("trials", 0, "stimuli", 0, "score")
MUTATIONS = {
    "format": (("format",), "something", "of the format 'sklearn-audiosr listening answers'"),
    "version": (("version",), 2, "version 1, got 2"),
    "test": (("test",), "ffff", "of the test '0123456789ab'.*got 'ffff'"),
    "listener": (("listener",), "  ", "listener must not be empty"),
    "listener's type": (("listener",), 7, "listener must be of the type str, got 7"),
    "transducer": (("transducer",), "bone", "transducer must be one of"),
    "device": (("device_rate",), None, "device_rate must be of the type int or float"),
    "trials": (("trials",), {}, "trials must be of the type list"),
    "no trials": (("trials",), [], "the 2 trials of the test, got none for t0, t1"),
    "trial": (("trials", 0, "trial"), "t7", "got none for t0"),
    "trial twice": (("trials", 0, "trial"), "t1", "each trial must be answered once, got 't1'"),
    "stimulus": (("trials", 0, "stimuli", 0, "stimulus"), "s11", "none for s00"),
    "stimuli": (("trials", 0, "stimuli"), 5, "trial 't0': stimuli must be of the type list"),
    "high score": (SCORE, 101, "score of stimulus 's00' must be an integer.*got 101"),
    "low score": (SCORE, -1, "got -1"),
    "no score": (SCORE, None, "got None"),
    "text": (SCORE, "50", "got '50'"),
    "fraction": (SCORE, 50.5, "got 50.5"),
    "truth": (SCORE, True, "got True"),
    "seconds": (("trials", 0, "seconds"), -1, "seconds must be at least 0"),
    "NaN": (("trials", 0, "seconds"), float("nan"), "seconds must be at least 0 and finite"),
    "comment": (("trials", 0, "comment"), None, "comment must be of the type str"),
}


@pytest.mark.parametrize("case", MUTATIONS)
def test_wrong_answers(case, panel, tmp_path):
    panel(scores_of(2, 2))
    keys, value, message = MUTATIONS[case]
    mutate(tmp_path / "answers" / "1.json", *keys, value=value)
    with pytest.raises(ValueError, match=r"1\.json.*" + message):
        analyze(tmp_path / "answers", tmp_path)


def test_unknown_trial(panel, tmp_path):
    panel(scores_of(1, 2))
    path = tmp_path / "answers" / "0.json"
    content = json.loads(path.read_text())
    content["trials"].append({**content["trials"][0], "trial": "t9"})
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"0\.json.*unknown ones: t9"):
        analyze(path, tmp_path)


def test_edited_scores_are_noticed(panel, tmp_path):
    panel(scores_of(1, 2))
    path = tmp_path / "answers" / "0.json"
    content = json.loads(path.read_text())
    content["trials"][0]["stimuli"][1]["score"] += 1
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"0\.json.*another checksum.*edited or damaged"):
        analyze(path, tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[1]", '"text"', "\xff\xfe", "null"])
def test_files_that_are_no_answers(content, panel, tmp_path):
    panel(scores_of(1, 2))
    path = tmp_path / "other.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match=r"answers .*other\.json must be a"):
        analyze([path], tmp_path)
    with pytest.raises(ValueError, match=r"key .*other\.json must be a"):
        analyze(tmp_path / "answers", path)


def test_files_that_are_not_there(panel, tmp_path):
    panel(scores_of(1, 2))
    with pytest.raises(FileNotFoundError, match="answers must be a file, got.*absent"):
        analyze([tmp_path / "absent"], tmp_path)
    with pytest.raises(FileNotFoundError, match="key must be a file"):
        analyze(tmp_path / "answers", tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"at least 1 file of answers.*no \.json file"):
        analyze(tmp_path / "empty", tmp_path)


def test_key_that_is_no_key(panel, tmp_path):
    panel(scores_of(1, 2))
    content = json.loads((tmp_path / "key.json").read_text())
    content["trials"][1]["stimuli"]["s10"] = "z"
    (tmp_path / "key.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"key.json: 'r1' must have a stimulus for each"):
        analyze(tmp_path / "answers", tmp_path)


def test_listener_who_comes_twice(panel, tmp_path):
    panel(scores_of(2, 2))
    mutate(tmp_path / "answers" / "1.json", "listener", value="A")
    with pytest.raises(ValueError, match=r"each listener once, got 'A' in .*0\.json and .*1\.json"):
        analyze(tmp_path / "answers", tmp_path)


def test_real_and_simulated_listeners_are_not_mixed(panel, tmp_path):
    panel(scores_of(2, 2))
    mutate(tmp_path / "answers" / "1.json", "simulated", value=True)
    with pytest.raises(ValueError, match="real listeners or of simulated ones"):
        analyze(tmp_path / "answers", tmp_path)


def test_headphones_and_loudspeakers_are_warned_of(panel, tmp_path):
    panel(scores_of(2, 2))
    mutate(tmp_path / "answers" / "1.json", "transducer", value="loudspeakers")
    with pytest.warns(UserWarning, match="headphones, others with loudspeakers") as caught:
        analyze(tmp_path / "answers", tmp_path)
    assert caught[0].filename == __file__


def test_devices_without_highband_are_warned_of(panel, tmp_path):
    panel(scores_of(3, 2))
    mutate(tmp_path / "answers" / "0.json", "device_rate", value=16000)
    mutate(tmp_path / "answers" / "1.json", "device_rate", value=8000)
    with pytest.warns(UserWarning, match="devices of B played at a lower rate.*16000 Hz") as caught:
        analyze(tmp_path / "answers", tmp_path)
    assert caught[0].filename == __file__


def test_comments_are_kept(panel, tmp_path):
    panel(scores_of(2, 2))
    mutate(tmp_path / "answers" / "1.json", "trials", 1, "comment", value="a click\nin C")
    assert analyze(tmp_path / "answers", tmp_path).comments == [("B", "r1", "a click\nin C")]


# ---- simulated listeners


@pytest.fixture(scope="module")
def folder_of_test(tmp_path_factory):
    rng = np.random.default_rng(0)
    Y = 0.1 * rng.standard_normal((2, 9600))
    systems = {"zebra": Y, "yak": Y}
    names = ["aardvark", "bee"]
    stimuli = make_stimuli(systems, Y, Y[:, ::4], sampling_rate=16000, names=names, narrowband=True)
    folder = tmp_path_factory.mktemp("listening") / "test"
    make_listening_test(stimuli, folder, random_state=0)
    return folder


MEANS = {"narrowband": 30, "zebra": [40, 60], "yak": 98, "low anchor": 20, "mid anchor": 80}


def test_simulated_listeners_give_what_was_planted(folder_of_test, tmp_path):
    paths = simulate_answers(folder_of_test, MEANS, tmp_path / "a", n_listeners=3, spread=0)
    assert [path.name for path in paths] == [f"simulated-00{i}.json" for i in (1, 2, 3)]
    result = analyze(paths, folder_of_test)
    assert result.simulated
    assert result.by_recording["aardvark"]["zebra"]["mean"] == 40
    assert result.by_recording["bee"]["zebra"]["mean"] == 60
    assert result.overall["hidden reference"]["mean"] == 100


def test_spread_of_simulated_listeners(folder_of_test, tmp_path):
    means = {**MEANS, "zebra": 50}
    paths = simulate_answers(
        folder_of_test, means, tmp_path / "a", n_listeners=200, spread=6, random_state=0
    )
    scores = analyze(paths, folder_of_test, post_screening=False).scores[..., 2]
    assert scores.mean() == pytest.approx(50, abs=1.5)
    # a habit for each listener and noise for each score, of 6 points each
    assert scores.std(ddof=1) == pytest.approx(6 * np.sqrt(2), rel=0.1)
    assert np.corrcoef(scores.T)[0, 1] == pytest.approx(0.5, abs=0.15)
    again = simulate_answers(
        folder_of_test, means, tmp_path / "b", n_listeners=200, spread=6, random_state=0
    )
    assert [path.read_text() for path in again] == [path.read_text() for path in paths]


def test_two_panels_of_simulated_listeners(folder_of_test, tmp_path):
    good = simulate_answers(folder_of_test, MEANS, tmp_path / "a", n_listeners=2, spread=0)
    careless = {**MEANS, "hidden reference": 60}
    poor = simulate_answers(
        folder_of_test, careless, tmp_path / "b", n_listeners=1, spread=0, name="careless"
    )
    result = analyze([*good, *poor], folder_of_test)
    assert result.excluded == {"careless-001": "hidden reference below 90 in 2 of 2 recordings"}
    with pytest.raises(ValueError, match="name must consist of letters.*got ''"):
        simulate_answers(folder_of_test, MEANS, tmp_path / "c", name="")


@pytest.mark.parametrize(
    ("means", "message"),
    [
        ({"zebra": 50}, "must name the systems hidden reference, narrowband"),
        ({**MEANS, "gnu": 50}, "got .*gnu"),
        ({**MEANS, "zebra": 101}, "from 0 to 100"),
        ({**MEANS, "zebra": [1, 2, 3]}, "one score or 2"),
        ({**MEANS, "zebra": "good"}, "one score or 2"),
    ],
)
def test_means_that_do_not_fit(means, message, folder_of_test, tmp_path):
    with pytest.raises(ValueError, match=message):
        simulate_answers(folder_of_test, means, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


# ---- report


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
