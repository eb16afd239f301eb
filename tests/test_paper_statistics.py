"""Scores of the paper's experiments and the intervals of their differences."""

import json

import numpy as np
import pytest
from scipy import stats

from paper.scores import measure
from paper.statistics import paired_bootstrap


def test_percentiles_are_scipys():
    rng = np.random.default_rng(0)
    a, b = rng.normal(3, 1, 40), rng.normal(2, 1, 40)
    ours = paired_bootstrap(a, b, expand=False, n_resamples=20_000)
    theirs = stats.bootstrap(
        (a - b,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert ours["difference"] == pytest.approx(np.mean(a - b))
    assert ours["low"] == pytest.approx(theirs.low, abs=0.02)
    assert ours["high"] == pytest.approx(theirs.high, abs=0.02)
    assert ours["n_units"] == 40


@pytest.mark.parametrize(("expand", "low", "high"), [(True, 0.93, 0.98), (False, 0.82, 0.91)])
def test_intervals_of_eight_clips_cover(expand, low, high):
    """Plain percentiles of 8 clips cover too little, which the expansion makes good."""
    rng, n_trials = np.random.default_rng(0), 1500
    covered = 0
    for i in range(n_trials):
        found = paired_bootstrap(
            rng.normal(1.0, 2.0, 8), np.zeros(8), expand=expand, n_resamples=1000, seed=i
        )
        covered += found["low"] <= 1.0 <= found["high"]
    assert low < covered / n_trials < high


def test_clips_of_one_speaker_are_no_new_witnesses():
    rng = np.random.default_rng(0)
    speakers = rng.normal(1, 1, 10)
    many = np.repeat(speakers, 20)
    by_clip = paired_bootstrap(speakers, np.zeros(10))
    by_speaker = paired_bootstrap(many, np.zeros(200), np.repeat(np.arange(10), 20))
    assert by_speaker["n_units"] == 10
    assert by_speaker["low"] == pytest.approx(by_clip["low"], abs=0.03)
    assert by_speaker["high"] == pytest.approx(by_clip["high"], abs=0.03)
    naive = paired_bootstrap(many, np.zeros(200))
    assert naive["high"] - naive["low"] < 0.4 * (by_speaker["high"] - by_speaker["low"])


def test_speakers_of_unequal_numbers_weigh_by_their_clips():
    scores, groups = [0, 0, 0, 0, 0, 6.0], list("aaaaab")
    found = paired_bootstrap(scores, np.zeros(6), groups)
    assert found["difference"] == 1
    assert (found["low"], found["high"]) == (0, 6)  # one speaker may be drawn twice


def test_undefined_scores_are_left_out_in_pairs():
    found = paired_bootstrap([1, np.nan, 3, 5], [0, 0, np.nan, 0])
    assert (found["difference"], found["n_units"]) == (3, 2)
    lone = paired_bootstrap([1, np.nan], [0, 0])
    assert lone == {"difference": 1, "low": None, "high": None, "n_units": 1}
    assert paired_bootstrap([np.nan], [0])["difference"] is None


def test_scores_of_silence_and_perfection_are_json():
    y = np.sin(np.arange(4000) / 5).astype(np.float32)
    clips = [np.zeros(4000, "f"), y, y]
    with pytest.warns(match="silent"):
        scores = measure(clips, [y, y, 0.9 * y], list("abc"), list("xyz"))
    assert [clip["snr"] is None for clip in scores["clips"]] == [True, True, False]
    assert scores["snr"] == pytest.approx(20, abs=1e-4)
    assert scores["worst_clip"]["name"] == "c"
    assert scores["lsd_natural"] == pytest.approx(np.log(10) * scores["lsd"])
    json.dumps(scores, allow_nan=False)
