"""Figures with bounds: what each estimator must reach on speech and piano that it never heard."""

import functools

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold

from sklearn_audiosr import (
    AudioSuperResolver,
    DNNBandwidthExtender,
    LinearUpsampler,
    SplineUpsampler,
)
from sklearn_audiosr.datasets import load_piano, load_speech
from sklearn_audiosr.degradation import Decimator, ideal_lowband
from sklearn_audiosr.metrics import log_spectral_distance, signal_to_noise_ratio
from sklearn_audiosr.networks import AudioUNet
from tools.recordings import read_pack


def score(estimator, Y_train, Y_test, ratio):
    """Fit and give (SNR, LSD) on the test clips."""
    decimator = Decimator(ratio)
    estimator.fit(decimator.fit_transform(Y_train), Y_train)
    Y_pred = estimator.predict(decimator.transform(Y_test))
    return signal_to_noise_ratio(Y_test, Y_pred), log_spectral_distance(Y_test, Y_pred)


def bound(Y_test, ratio):
    """Best SNR of whoever predicts no highband."""
    return signal_to_noise_ratio(Y_test, ideal_lowband(Y_test, ratio))


@pytest.fixture(scope="module")
def speakers():
    """Bundled clips of four speakers to train on, of two others to test."""
    speech = load_speech()
    train, test = next(GroupKFold(3).split(speech.clips, groups=speech.groups))
    return [speech.clips[i] for i in train], [speech.clips[i] for i in test]


# --- bundled clips -----------------------------------------------------------------------------


def test_network_beats_the_spline_at_both_metrics(speakers):
    """A few seconds of training, on speakers that it never heard."""
    resolver = AudioSuperResolver(
        AudioUNet(width=1 / 32, dropout=0.0), learning_rate=3e-3, patch_length=2048,
        max_epochs=2, validation_fraction=0, random_state=0,
    )  # fmt: skip
    spline, network = score(SplineUpsampler(), *speakers, 4), score(resolver, *speakers, 4)
    assert network[0] > spline[0]
    assert network[1] < spline[1] - 0.3


def test_dense_network_has_by_far_the_better_spectrum(speakers):
    dnn = DNNBandwidthExtender(
        (128,), learning_rate=2e-3, max_epochs=8, validation_fraction=0, random_state=0
    )
    assert score(dnn, *speakers, 4)[1] < score(SplineUpsampler(), *speakers, 4)[1] - 1.5


@pytest.mark.parametrize("ratio", [2, 4, 6])
def test_linear_filter_lies_between_spline_and_bound(speakers, ratio):
    spline, linear = (score(e, *speakers, ratio)[0] for e in (SplineUpsampler(), LinearUpsampler()))
    assert spline + 0.3 < linear <= bound(speakers[1], ratio) + 0.01


def test_linear_filter_on_piano():
    piano = load_piano()
    train, test = next(GroupKFold(4).split(piano.clips, groups=piano.groups))
    pieces = [piano.clips[i] for i in train], [piano.clips[i] for i in test]
    spline, linear = (score(e, *pieces, 4)[0] for e in (SplineUpsampler(), LinearUpsampler()))
    assert linear > spline + 0.5


# --- real recordings ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def read_split(shared_data):
    """Return a function that reads each split of a pack once; 12 is a multiple of all ratios."""
    return functools.cache(lambda pack, split: read_pack(shared_data, pack, split, 12)[0])


@pytest.fixture(scope="module", params=[("speech_multi", 2), ("speech_multi", 4),
                                        ("speech_multi", 6), ("piano", 4)],
                ids=lambda p: f"{p[0]}-r{p[1]}")  # fmt: skip
def real_scores(request, read_split):
    pack, ratio = request.param
    Y_train, Y_test = read_split(pack, "train"), read_split(pack, "test")
    decimator = Decimator(ratio)
    X_train, X_test = decimator.fit_transform(Y_train), decimator.transform(Y_test)
    spline, linear = (
        signal_to_noise_ratio(Y_test, est.fit(X_train, Y_train).predict(X_test))
        for est in (SplineUpsampler(), LinearUpsampler())
    )
    return {
        "case": request.param,
        "spline": spline,
        "linear": linear,
        "bound": bound(Y_test, ratio),
    }


# SNR in dB by an aligned cubic spline, and what the linear filter must gain: measured when the
# recordings were collected, with another implementation.
SPLINE_SNR = {
    ("speech_multi", 2): 16.53,
    ("speech_multi", 4): 12.75,
    ("speech_multi", 6): 9.98,
    ("piano", 4): 19.7,
}
LINEAR_GAIN = {("speech_multi", 2): 0.6, ("piano", 4): 1.2}


def test_baselines_on_real_recordings(real_scores):
    case = real_scores["case"]
    assert real_scores["spline"] == pytest.approx(SPLINE_SNR[case], abs=0.06)
    assert real_scores["linear"] >= real_scores["spline"] + LINEAR_GAIN.get(case, 0.7)
    assert real_scores["linear"] <= real_scores["bound"] + 0.02
    assert np.isfinite(real_scores["bound"])
