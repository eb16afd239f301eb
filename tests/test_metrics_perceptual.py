"""Perceptual scores against the packages that compute them; skipped where these are absent."""

import doctest
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soxr
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.model_selection import cross_validate

from sklearn_audiosr import SplineUpsampler
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import Decimator, ideal_lowband
from sklearn_audiosr.metrics import (
    pesq_score,
    pesq_scorer,
    snr_scorer,
    stoi_score,
    stoi_scorer,
    visqol_score,
    visqol_scorer,
)

RATE = 16000
PACKAGES = {
    pesq_score: "pesq",
    stoi_score: "pystoi",
    visqol_score: "visqol",
}
METRICS = list(PACKAGES)
LOWEST = dict(zip(METRICS, (1.04, 0, 1), strict=True))
RATIOS = [2, 4, 8]


def need(metric):
    """Import the package of a metric, or skip."""
    package = PACKAGES[metric]
    reason = f"needs {package}: pip install .[metrics]"
    return pytest.importorskip(package, reason=reason)


@pytest.fixture(scope="module")
def speech():
    """A second of speech."""
    return load_speech().clips[0][16000:32000].astype(np.float64)


@pytest.fixture(scope="module")
def lowbands(speech):
    """The same second by upsampling ratio, without its highband."""
    return {ratio: ideal_lowband([speech], ratio)[0].astype(np.float64) for ratio in RATIOS}


def value(metric, y_true, y_pred, **kwargs):
    return metric([y_true], [y_pred], **{"sampling_rate": RATE, **kwargs})


# Known answers


@pytest.mark.parametrize(
    ("metric", "kwargs", "best"),
    [
        (pesq_score, {}, 4.6439),  # P.862.2 maps the highest, 4.5, to it
        (stoi_score, {}, 1),
        (stoi_score, {"extended": True}, 1),
        (visqol_score, {}, 5),
        (visqol_score, {"mode": "audio"}, 4.7321),  # the port's conformance table
    ],
)
def test_identical_speech_has_the_best_score(metric, kwargs, best, speech):
    need(metric)
    assert value(metric, speech, speech, **kwargs) == pytest.approx(best, abs=1e-3)


@pytest.mark.parametrize("metric", METRICS)
def test_less_band_is_worse(metric, speech, lowbands):
    need(metric)
    values = [value(metric, speech, lowbands[ratio]) for ratio in RATIOS]
    assert values == sorted(values, reverse=True)
    assert LOWEST[metric] < values[-1] < values[0] - 0.05


# Against the packages


def test_pesq_equals_the_package(speech, lowbands):
    pesq = need(pesq_score).pesq
    expected = pesq(RATE, speech, lowbands[4], "wb")
    assert value(pesq_score, speech, lowbands[4]) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("rate", [10000, 16000, 22050.0])
def test_stoi_equals_the_package(rate, extended, speech, lowbands):
    stoi = need(stoi_score).stoi
    expected = stoi(speech, lowbands[8], int(rate), extended=extended)
    got = value(stoi_score, speech, lowbands[8], sampling_rate=rate, extended=extended)
    assert 0.1 < got < 0.95
    assert got == pytest.approx(expected, abs=1e-6)


def test_visqol_equals_the_package(speech, lowbands):
    api = need(visqol_score).VisqolApi()
    api.create(mode="speech", use_lattice_model=False)
    expected = api.measure_from_arrays(speech, lowbands[4], RATE).moslqo
    assert value(visqol_score, speech, lowbands[4]) == expected


def test_pesq_of_other_rates_is_that_of_clips_resampled_to_16_khz(speech, lowbands):
    pesq = need(pesq_score).pesq
    wide = [soxr.resample(clip, RATE, 48000, quality="VHQ") for clip in (speech, lowbands[4])]
    back = [soxr.resample(clip, 48000, RATE, quality="VHQ") for clip in wide]
    got = value(pesq_score, *wide, sampling_rate=48000)
    assert got == pytest.approx(pesq(RATE, *back, "wb"), abs=1e-4)
    assert got == pytest.approx(value(pesq_score, speech, lowbands[4]), abs=0.05)


@pytest.mark.parametrize(("mode", "rate"), [("speech", 16000), ("audio", 48000)])
def test_visqol_has_the_rate_of_its_mode(mode, rate, monkeypatch, speech):
    """A package in its place tells what it was given."""
    given = {}

    class VisqolApi:
        def create(self, **kwargs):
            given.update(kwargs)

        def measure_from_arrays(self, true, pred, sampling_rate):
            given.update(true=true, pred=pred, rate=sampling_rate)
            return SimpleNamespace(moslqo=3.5)

    monkeypatch.setitem(sys.modules, "visqol", SimpleNamespace(VisqolApi=VisqolApi))
    narrow = soxr.resample(speech, RATE, 8000, quality="VHQ")
    got = value(visqol_score, narrow, 2 * narrow, sampling_rate=8000, mode=mode)
    assert got == 3.5
    assert (given["mode"], given["rate"], given["use_lattice_model"]) == (mode, rate, False)
    expected = soxr.resample(narrow, 8000, rate, quality="VHQ")
    np.testing.assert_allclose(given["true"], expected, atol=1e-12)
    np.testing.assert_allclose(given["pred"], 2 * expected, atol=1e-12)


# Containers, channels, weights


@pytest.mark.parametrize("metric", [pesq_score, stoi_score])
def test_mean_over_channels_then_clips(metric, speech, lowbands):
    need(metric)
    single = {ratio: value(metric, speech, lowbands[ratio]) for ratio in RATIOS}
    stereo = np.stack([speech, speech]), np.stack([lowbands[2], lowbands[8]])
    y_true, y_pred = [stereo[0], speech], [stereo[1], lowbands[4]]
    values = metric(y_true, y_pred, sampling_rate=RATE, average=None)
    assert values == pytest.approx([(single[2] + single[8]) / 2, single[4]], abs=1e-4)
    mean = metric(y_true, y_pred, sampling_rate=RATE, sample_weight=[3, 1])
    assert mean == pytest.approx((3 * values[0] + values[1]) / 4)


@pytest.mark.parametrize("metric", [pesq_score, stoi_score])
def test_levels_and_pcm(metric, speech, lowbands):
    need(metric)
    expected = value(metric, speech, lowbands[4])
    assert value(metric, speech, 1e-6 * lowbands[4]) == pytest.approx(expected, abs=1e-3)
    pcm = [np.round(clip * 2**15).astype(np.int16) for clip in (speech, lowbands[4])]
    scaled = [clip / 2.0**15 for clip in pcm]
    assert value(metric, *pcm) == pytest.approx(value(metric, *scaled), abs=1e-6)


# Clips without a score


@pytest.mark.parametrize("metric", METRICS)
def test_silent_prediction_has_the_lowest_score(metric, speech):
    need(metric)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert value(metric, speech, 0 * speech) == LOWEST[metric]


@pytest.mark.parametrize("metric", METRICS)
def test_silent_and_too_short_references_are_left_out(metric, speech, lowbands):
    need(metric)
    y_true = [0 * speech, speech[:1], speech[:300], speech[:3000], speech]
    y_pred = [speech, speech[:1], lowbands[4][:300], lowbands[4][:3000], lowbands[4]]
    with pytest.warns(UndefinedMetricWarning, match=r"silent.*short.* y_true\[0, 1, 2, 3\] is nan"):
        values = metric(y_true, y_pred, sampling_rate=RATE, average=None)
    assert np.isnan(values).tolist() == [True] * 4 + [False]
    with pytest.warns(UndefinedMetricWarning, match="undefined") as warned:
        mean = metric(y_true[1:], y_pred[1:], sampling_rate=RATE)
    assert mean == values[4]
    assert [w.filename for w in warned] == [__file__]


def test_channels_without_a_score_are_left_out(speech, lowbands):
    need(stoi_score)
    silence, click = np.zeros_like(speech), np.eye(1, len(speech), 8000)[0]
    stereo = np.stack([silence, click, speech]), np.stack([speech, speech, lowbands[8]])
    expected = value(stoi_score, speech, lowbands[8])
    assert value(stoi_score, *stereo) == pytest.approx(expected)


def test_pesq_cuts_long_clips_into_equal_pieces(monkeypatch):
    """The package crashes on more than 50 utterances, which fill more than 19 s."""
    pesq = need(pesq_score)
    rng, lengths = np.random.default_rng(0), []

    def record(rate, true, pred, mode):
        assert (rate, mode) == (16000, "wb")
        lengths.append(len(true))
        return float(len(lengths))

    monkeypatch.setattr(pesq, "pesq", record)
    for seconds, n_pieces in ((19, 1), (19.1, 2), (100, 6)):
        lengths.clear()
        clip = rng.standard_normal(round(seconds * RATE))
        got = value(pesq_score, clip, clip)
        assert len(lengths) == n_pieces
        assert max(lengths) <= 19 * RATE
        assert max(lengths) - min(lengths) <= 1
        assert sum(lengths) == len(clip)
        assert got == pytest.approx((n_pieces + 1) / 2)


# Arguments, packages that are absent, scorers


def test_arguments(speech):
    need(stoi_score)
    with pytest.raises(ValueError, match=r"whole number of Hz for STOI, got 11025\.5: resample"):
        value(stoi_score, speech, speech, sampling_rate=11025.5)
    with pytest.raises(ValueError, match="'mode' parameter of visqol_score must"):
        value(visqol_score, speech, speech, mode="music")
    for metric in METRICS:
        with pytest.raises(TypeError, match="sampling_rate"):
            metric([speech], [speech])
        with pytest.raises(ValueError, match="'sampling_rate' parameter"):
            value(metric, speech, speech, sampling_rate=0)


@pytest.mark.parametrize("metric", METRICS)
def test_shapes_must_match(metric, speech):
    need(metric)
    with pytest.raises(ValueError, match=r"y_pred\[0\] must have the shape of y_true\[0\]"):
        value(metric, speech, speech[:-1])


@pytest.mark.parametrize("metric", METRICS)
def test_absent_package_is_an_error_with_a_remedy(metric, monkeypatch, speech):
    monkeypatch.setitem(sys.modules, PACKAGES[metric], None)
    remedy = rf'{metric.__name__} needs the package {PACKAGES[metric]}, .*"sklearn-audiosr\[metrics'
    with pytest.raises(ImportError, match=remedy):
        value(metric, speech, speech)


def test_absent_package_leaves_the_other_scores(monkeypatch, speech):
    monkeypatch.setitem(sys.modules, "pesq", None)
    Y = np.stack([speech, speech])
    X = Decimator(2).fit_transform(Y)
    with pytest.warns(UserWarning, match=r"pip install \"sklearn-audiosr\[metrics\]\""):
        scores = cross_validate(
            SplineUpsampler(sampling_rate=RATE), X, Y, cv=2,
            scoring={"snr": snr_scorer, "pesq": pesq_scorer},
        )  # fmt: skip
    assert np.isnan(scores["test_pesq"]).all()
    assert (scores["test_snr"] > 0).all()


@pytest.mark.parametrize(
    ("scorer", "metric"),
    list(zip((pesq_scorer, stoi_scorer, visqol_scorer), METRICS, strict=True)),
)
def test_scorers_read_the_rate(scorer, metric, speech):
    need(metric)
    Y = [speech]
    X = Decimator(4).fit_transform(Y)
    est = SplineUpsampler(sampling_rate=RATE).fit(X, Y)
    assert scorer(est, X, Y) == metric(Y, est.predict(X), sampling_rate=RATE)
    with pytest.raises(ValueError, match=r"needs sampling_rate, which SplineUpsampler does not"):
        scorer(est.set_params(sampling_rate=None), X, Y)


def run_whole(test):
    """Run a doctest with the examples that are skipped where a package is absent."""
    assert any(doctest.SKIP in example.options for example in test.examples)
    for example in test.examples:
        example.options.pop(doctest.SKIP, None)
    return doctest.DocTestRunner(verbose=False).run(test)


@pytest.mark.parametrize("metric", METRICS)
def test_examples_of_docstrings(metric):
    need(metric)
    (test,) = doctest.DocTestFinder(recurse=False).find(metric, metric.__name__)
    assert run_whole(test).failed == 0


def test_examples_of_the_user_guide():
    need(pesq_score)
    page = Path(__file__).parents[1] / "docs" / "user_guide" / "metrics.rst"
    text = page.read_text(encoding="utf-8")
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert run_whole(test).failed == 0
