"""Scorers: what they read from estimators, alone, in pipelines and in searches."""

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline

from sklearn_audiosr import SplineUpsampler, metrics
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.metrics import (
    log_spectral_distance,
    make_clip_scorer,
    neg_highband_lsd_scorer,
    neg_lowband_lsd_scorer,
    neg_lsd_scorer,
    scale_invariant_sdr,
    si_sdr_scorer,
    signal_to_noise_ratio,
    snr_scorer,
)

Y = [
    np.cumsum(np.random.default_rng(i).standard_normal(3996 + 12 * i)).astype(np.float32)
    for i in range(4)
]

# scorer and the metric that it must equal, for the ratio that the estimator has learned
EXPECTED = {
    "snr": (snr_scorer, lambda t, p, r: signal_to_noise_ratio(t, p)),
    "si_sdr": (si_sdr_scorer, lambda t, p, r: scale_invariant_sdr(t, p)),
    "lsd": (neg_lsd_scorer, lambda t, p, r: -log_spectral_distance(t, p)),
    "lowband": (
        neg_lowband_lsd_scorer,
        lambda t, p, r: -log_spectral_distance(t, p, band="lowband", upsampling_ratio=r),
    ),
    "highband": (
        neg_highband_lsd_scorer,
        lambda t, p, r: -log_spectral_distance(t, p, band="highband", upsampling_ratio=r),
    ),
}
SCORING = {name: scorer for name, (scorer, _) in EXPECTED.items()}


def fitted(ratio=4, **kwargs):
    X = Decimator(ratio).fit_transform(Y)
    return SplineUpsampler(**kwargs).fit(X, Y), X


class CountingUpsampler(SplineUpsampler):
    """A spline that counts its predictions."""

    n_predictions = 0

    def predict(self, X):
        type(self).n_predictions += 1
        return super().predict(X)


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("ratio", [2, 3, 4])
def test_scorers_equal_their_metrics_at_the_learned_ratio(name, ratio):
    scorer, metric = EXPECTED[name]
    est, X = fitted(ratio)
    assert scorer(est, X, Y) == pytest.approx(metric(Y, est.predict(X), ratio))


def test_bands_depend_on_the_ratio_read():
    est, X = fitted(4)
    wrong = -log_spectral_distance(Y, est.predict(X), band="highband", upsampling_ratio=2)
    assert abs(neg_highband_lsd_scorer(est, X, Y) - wrong) > 0.01


@pytest.mark.parametrize("degrade", [False, True])
def test_scorers_in_cross_validate(degrade):
    """A pipeline that degrades is scored on wideband clips: the last step tells the ratio."""
    est, X = fitted(4)
    if degrade:
        est, X = make_pipeline(Decimator(4), SplineUpsampler()).fit(Y, Y), Y
    scores = cross_validate(est, X, Y, cv=2, scoring=SCORING)
    predictions = est.predict(X)
    for name, (_, metric) in EXPECTED.items():
        for fold, clips in enumerate((slice(2), slice(2, 4))):
            expected = metric(Y[clips], predictions[clips], 4)
            assert scores[f"test_{name}"][fold] == pytest.approx(expected), name


def test_searches_inside_pipelines_inside_searches():
    grid = {"splineupsampler__sampling_rate": [8000, 16000]}
    search = GridSearchCV(
        make_pipeline(Decimator(3), SplineUpsampler()),
        grid,
        cv=2,
        scoring=SCORING,
        refit="highband",
    ).fit(Y, Y)
    expected = EXPECTED["highband"][1](Y, search.predict(Y), 3)
    assert search.score(Y, Y) == pytest.approx(expected)
    assert neg_highband_lsd_scorer(make_pipeline(search), Y, Y) == pytest.approx(expected)
    assert neg_highband_lsd_scorer(search, Y, Y) == pytest.approx(expected)


def test_several_scorers_share_one_prediction():
    X = Decimator(4).fit_transform(Y)
    CountingUpsampler.n_predictions = 0
    cross_validate(CountingUpsampler(), X, Y, cv=2, scoring=SCORING)
    assert CountingUpsampler.n_predictions == 2  # one a fold


def test_arguments_given_win_over_those_read():
    est, X = fitted(4, sampling_rate=16000)
    y_pred = est.predict(X)
    metric = {"band": "highband", "convention": "kuleshov2017"}
    scorer = make_clip_scorer(
        log_spectral_distance, greater_is_better=False, upsampling_ratio=2, **metric
    )
    expected = log_spectral_distance(Y, y_pred, upsampling_ratio=2, **metric)
    assert scorer(est, X, Y) == pytest.approx(-expected)


def test_sampling_rate_is_read():
    est, X = fitted(4, sampling_rate=22050)
    scorer = make_clip_scorer(log_spectral_distance, greater_is_better=False, convention="ssr_eval")
    expected = log_spectral_distance(Y, est.predict(X), convention="ssr_eval", sampling_rate=22050)
    assert scorer(est, X, Y) == pytest.approx(-expected)
    with pytest.raises(ValueError, match='"ssr_eval" needs sampling_rate'):
        scorer(est.set_params(sampling_rate=None), X, Y)


def needs_rate(y_true, y_pred, *, sampling_rate):
    return sampling_rate


@pytest.mark.parametrize("name", ["temporal_level_error", "modulation_line_error", "harmonicity"])
def test_scorers_of_the_highband_read_rate_and_ratio(name):
    voices = [
        np.convolve((np.arange(12000) % period == 0), [1, 0.5, 0.2], "same") + 0.01 * y
        for period, y in zip((120, 140), np.random.default_rng(0).standard_normal((2, 12000)),
                             strict=True)
    ]  # fmt: skip
    X = Decimator(3).fit_transform(voices)
    est = SplineUpsampler(sampling_rate=16000).fit(X, voices)
    metric = getattr(metrics, f"{name}_score" if name == "harmonicity" else name)
    scorer = getattr(metrics, f"{name}_scorer" if name == "harmonicity" else f"neg_{name}_scorer")
    expected = metric(voices, est.predict(X), sampling_rate=16000, upsampling_ratio=3)
    assert abs(expected) > 0.1
    assert scorer(est, X, voices) == expected * (1 if name == "harmonicity" else -1)
    with pytest.raises(ValueError, match=f"{metric.__name__} needs sampling_rate, which Spline"):
        scorer(est.set_params(sampling_rate=None), X, voices)


def test_what_an_estimator_does_not_tell_is_an_error_with_a_remedy():
    est, X = fitted(4)
    scorer = make_clip_scorer(needs_rate)
    message = (
        r"needs_rate needs sampling_rate, which SplineUpsampler does not .*sampling_rate=\.\.\."
    )
    with pytest.raises(ValueError, match=message):
        scorer(est, X, Y)
    assert scorer(est.set_params(sampling_rate=8000), X, Y) == 8000
    assert make_clip_scorer(needs_rate, sampling_rate=44100)(est, X, Y) == 44100

    class Foreign(BaseEstimator):
        def predict(self, X):
            return Y

    with pytest.raises(ValueError, match='band="highband" needs upsampling_ratio'):
        neg_highband_lsd_scorer(Foreign(), X, Y)


def test_sample_weight_and_metadata_routing():
    est, X = fitted(4)
    weights = [0, 0, 1, 3]
    expected = log_spectral_distance(
        Y, est.predict(X), band="highband", upsampling_ratio=4, sample_weight=weights
    )
    assert neg_highband_lsd_scorer(est, X, Y, sample_weight=weights) == pytest.approx(-expected)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_clip_scorer(
            log_spectral_distance, greater_is_better=False, band="highband"
        ).set_score_request(sample_weight=True)
        scores = cross_validate(
            est, X, Y, cv=[([0, 1], [0, 1, 2, 3])], scoring={"highband": scorer},
            params={"sample_weight": np.array(weights)},
        )  # fmt: skip
    assert scores["test_highband"][0] == pytest.approx(-expected)


def test_scorers_pickle_and_name_themselves():
    est, X = fitted(4)
    again = pickle.loads(pickle.dumps(neg_highband_lsd_scorer))
    assert again(est, X, Y) == neg_highband_lsd_scorer(est, X, Y)
    assert repr(again).startswith(
        "make_clip_scorer(log_spectral_distance, greater_is_better=False,"
    )
    assert "band=highband" in repr(again)


@pytest.mark.parametrize("kwargs", [{"metric": "lsd"}, {"metric": max, "greater_is_better": 2}])
def test_arguments(kwargs):
    with pytest.raises(ValueError, match="parameter of make_clip_scorer must be"):
        make_clip_scorer(**kwargs)
