"""Simulated listeners."""

import numpy as np
import pytest
from listening_helpers import make_pairs, make_two_trials, write_test

from sklearn_audiosr.listening import analyze, simulate_answers

pairs = pytest.fixture(scope="module")(make_pairs)
stimuli = pytest.fixture(scope="module")(make_two_trials)
folder_of_test = pytest.fixture(scope="module")(write_test)

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
        ({**MEANS, 5: 50}, "must name the systems hidden.*got .*5: give"),
        ({**MEANS, "zebra": 101}, "from 0 to 100"),
        ({**MEANS, "zebra": [1, 2, 3]}, "one score or 2"),
        ({**MEANS, "zebra": "good"}, "one score or 2"),
    ],
)
def test_means_that_do_not_fit(means, message, folder_of_test, tmp_path):
    with pytest.raises(ValueError, match=message):
        simulate_answers(folder_of_test, means, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
