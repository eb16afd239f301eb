"""The session of a listening test's page: orders, and what is saved of it."""

import itertools

import numpy as np
import pytest
from listening_helpers import open_idle_page, run_browser, write_page

from sklearn_audiosr.listening._answers import checksum

browser = pytest.fixture(scope="module")(run_browser)
folder_of_test = pytest.fixture(scope="module")(write_page)
idle_page = pytest.fixture(scope="module")(open_idle_page)


def test_orders_differ_by_listener_and_come_again(idle_page):
    found = idle_page.evaluate(
        """() => ["ann", "bob", "eve", "ann"].map((listener) => {
          const session = new Session(listeningTest, null);
          session.begin(listener, "headphones");
          return session.state.steps.map((step) => [step.trial, ...step.order]);
        })"""
    )
    assert found[0] == found[3]
    for first, second in itertools.combinations(found[:3], 2):
        assert first != second
    for own in found:
        training, test = own[:2], own[2:]
        assert {trial[0] for trial in training} == {trial[0] for trial in test}
        by_trial = {trial[0]: trial[1:] for trial in training}
        assert any(by_trial[trial[0]] != trial[1:] for trial in test)


def test_every_order_is_as_likely(idle_page):
    """Over 600 listeners, each of five stimuli has each place about 120 times."""
    counts = idle_page.evaluate(
        """() => {
          const counts = Array.from({ length: 5 }, () => [0, 0, 0, 0, 0]);
          for (let i = 0; i < 600; i++) {
            const order = shuffled([0, 1, 2, 3, 4], hash(`test/listener ${i}`), "test/x");
            order.forEach((item, place) => counts[item][place]++);
          }
          return counts;
        }"""
    )
    # five standard deviations of a binomial number
    assert np.abs(np.array(counts) - 120).max() < 5 * np.sqrt(600 * 0.2 * 0.8)


ANSWERS = {
    "version": 2,
    "listener": 'Zoë \u2028\u0007\t"\\ 🎧',
    "simulated": True,
    "device_rate": 44100.5,
    "seed": 2**32 - 1,
    "trials": [
        {"trials": 1, "trial": "b", "seconds": 0.01, "comment": "cut \ud83d"},
        {"trial": "a", "seconds": 86400.25, "comment": "", "nothing": None},
        [],
        {},
    ],
}


def test_page_and_analysis_compute_one_checksum(idle_page):
    """Texts, numbers and nested fields, in any order, have the checksum that Python computes."""
    assert idle_page.evaluate("checksum", ANSWERS) == checksum(ANSWERS)
    backwards = dict(reversed(ANSWERS.items()))
    assert idle_page.evaluate("checksum", backwards) == checksum(ANSWERS)


@pytest.mark.parametrize("field", ANSWERS)
def test_checksum_of_the_page_takes_in_every_field(field, idle_page):
    rest = {name: value for name, value in ANSWERS.items() if name != field}
    assert idle_page.evaluate("checksum", rest) == checksum(rest) != checksum(ANSWERS)
