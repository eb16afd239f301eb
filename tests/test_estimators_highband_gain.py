"""The dial between fidelity and plausibility, and what trains a network that has it."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from torch import nn

from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.metrics import log_spectral_distance, neg_lsd_scorer, signal_to_noise_ratio
from sklearn_audiosr.networks import AudioUNet, SpectralNet


@pytest.fixture(scope="module")
def clips():
    """Pulses through a resonance, with a hiss: something of both bands, and no speech."""
    rng = np.random.default_rng(0)
    Y = []
    for period in (80, 90, 100, 110, 95, 105):
        y = np.zeros(8000)
        y[::period] = 1
        y = np.convolve(y, np.exp(-np.arange(200) / 20) * np.cos(0.5 * np.arange(200)))[:8000]
        Y.append((y + 0.02 * rng.standard_normal(8000)).astype(np.float32))
    return Decimator(2).fit_transform(Y), Y


def resolver(**parameters):
    network = SpectralNet(n_blocks=1, width=1 / 8, frame_length=160, n_taps=33)
    return AudioSuperResolver(
        **{
            "network": network,
            "max_epochs": 6,
            "patch_length": 2000,
            "batch_size": 4,
            "learning_rate": 5e-3,
            "learning_rate_schedule": "cosine",
            "validation_fraction": 0.2,
            "random_state": 0,
            **parameters,
        }
    )


@pytest.fixture(scope="module")
def est(clips):
    return resolver().fit(*clips)


def test_the_dial_trades_noise_for_spectra(est, clips):
    X, Y = clips
    mean, full = (est.predict(X, highband_gain=gain) for gain in (0, 1))
    assert signal_to_noise_ratio(Y, mean) > signal_to_noise_ratio(Y, full)
    assert log_spectral_distance(Y, mean) > 1.15 * log_spectral_distance(Y, full)


def test_the_dial_is_linear(est, clips):
    mean, half, full = (est.predict(clips[0][:1], highband_gain=gain)[0] for gain in (0, 0.5, 1))
    assert_allclose(half, (mean + full) / 2, atol=1e-6 * np.abs(full).max())
    assert np.abs(full - mean).max() > 1e-3


def test_the_parameter_is_read_at_predict(est, clips):
    X = clips[0][:2]
    turned = pickle.loads(pickle.dumps(est)).set_params(highband_gain=0.25)
    for y, expected in zip(turned.predict(X), est.predict(X, highband_gain=0.25), strict=True):
        np.testing.assert_array_equal(y, expected)
    for y, expected in zip(turned.predict(X, highband_gain=1), est.predict(X), strict=True):
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("gain", [0.0, 0.5, 1.0])
def test_a_stream_turns_the_dial_too(est, clips, gain):
    turned = pickle.loads(pickle.dumps(est)).set_params(highband_gain=gain)
    x = clips[0][0]
    stream = turned.stream()
    pieces = [stream.push(x[start : start + 333]) for start in range(0, len(x), 333)]
    y = np.concatenate([*pieces, stream.flush()])
    expected = turned.predict([x])[0]
    assert_allclose(y, expected, atol=1e-5 * np.abs(expected).max())


def test_a_grid_search_picks_it(clips):
    """By noise it turns the highband off, by spectra on."""
    X, Y = clips
    search = GridSearchCV(
        resolver(max_epochs=3), {"highband_gain": [0.0, 1.0]}, cv=2,
    )  # fmt: skip
    search.set_params(scoring=neg_lsd_scorer)
    assert search.fit(X, Y).best_params_ == {"highband_gain": 1.0}
    search.set_params(scoring=None, refit=True)  # the score of the estimator: SNR
    assert search.fit(X, Y).best_params_ == {"highband_gain": 0.0}


def test_a_pipeline_passes_it_on(clips):
    Y = clips[1]
    pipe = make_pipeline(Decimator(2), resolver(max_epochs=1)).fit(Y, Y)
    X = pipe[0].transform(Y)
    np.testing.assert_array_equal(
        pipe.predict(Y, highband_gain=0.5)[0], pipe[1].predict(X, highband_gain=0.5)[0]
    )


def test_training_does_not_depend_on_it(est, clips):
    other = resolver(highband_gain=0.3).fit(*clips)
    for a, b in zip(other.network_.parameters(), est.network_.parameters(), strict=True):
        assert torch.equal(a, b)
    assert other.validation_scores_ == est.validation_scores_


def test_validation_is_by_log_spectral_distance(est, clips):
    """Of the best epoch: the weights that are kept give the best score."""
    X, Y = clips
    scores = [-log_spectral_distance([y], est.predict([x])) for x, y in zip(X, Y, strict=True)]
    # the floor is relative to the sources' level in training, absolute here
    assert min(abs(s - max(est.validation_scores_)) for s in scores) < 0.1


@pytest.mark.parametrize("bad", [-0.1, np.nan, np.inf, "1", None, True])
def test_a_bad_gain_is_named(est, clips, bad):
    if bad is not None:  # at predict None stands for the parameter
        with pytest.raises(ValueError, match="highband_gain must be a number from 0"):
            est.predict(clips[0], highband_gain=bad)
    if bad is not True and bad is not np.nan:
        with pytest.raises(ValueError, match="highband_gain"):
            resolver(highband_gain=bad).fit(*clips)


def test_other_networks_have_no_dial(clips):
    X, Y = clips
    network = AudioUNet(n_blocks=1, width=1 / 32, kernel_sizes=(9,))
    plain = resolver(network=network, max_epochs=1, highband_gain=0.5)
    with pytest.raises(ValueError, match="does not separate the highband.*take networks.Spectral"):
        plain.fit(X, Y)
    plain.set_params(highband_gain=1.0).fit(X, Y)
    assert len(plain.predict(X, highband_gain=1)) == len(X)
    with pytest.raises(ValueError, match="does not separate the highband"):
        plain.predict(X, highband_gain=0.5)
    with pytest.raises(ValueError, match="does not separate the highband"):
        plain.set_params(highband_gain=0.5).predict(X)
    with pytest.raises(ValueError, match="does not separate the highband"):
        plain.stream()


def test_noise_models_need_one_waveform(clips):
    with pytest.raises(ValueError, match="noise_model must be None with a network that separates"):
        resolver(noise_model="gaussian").fit(*clips)


@pytest.mark.parametrize("objective", ["mse", "multi_resolution_spectral", "complex_spectral"])
def test_any_objective_trains_it(clips, objective):
    curve = resolver(objective=objective).fit(*clips).loss_curve_
    assert curve[-1] < curve[0]


def test_another_level_than_in_training(est, clips):
    """The network does not scale with its input; what it gives stays of the input's size."""
    X, _ = clips
    for gain in (1e-3, 1e3):
        y = est.predict([gain * X[0]])[0]
        reference = gain * est.predict([X[0]], highband_gain=0)[0]
        assert 0.5 < np.sqrt(np.mean(y**2) / np.mean(reference**2)) < 2


def test_warm_start_keeps_the_linear_filter(clips):
    est = resolver(max_epochs=1).fit(*clips)
    filters = est.network_.linear.filters.clone()
    est.set_params(warm_start=True).fit(clips[0], [0.5 * y for y in clips[1]])
    assert torch.equal(est.network_.linear.filters, filters)


class Doubled(nn.Module):
    """A network of one's own that separates: twice the input, and a tone as its highband."""

    stride, look_back, look_ahead, separates_highband = 1, 0, 0, True

    def __init__(self, ratio):
        super().__init__()
        self.ratio, self.gain = ratio, nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        return torch.cat([self.gain * x, torch.ones_like(x)], dim=1)


class DoubledNet:
    def build(self, upsampling_ratio):
        return Doubled(upsampling_ratio)


def test_a_network_of_ones_own(clips):
    X, Y = clips
    est = resolver(network=DoubledNet(), max_epochs=1, learning_rate=1e-9).fit(X, Y)
    assert est.network_.ratio == 2
    mean, full = (est.predict(X[:1], highband_gain=gain)[0] for gain in (0, 1))
    assert_allclose(full - mean, est.scale_, atol=1e-4 * np.abs(full).max())


def test_clone_keeps_the_dial():
    assert clone(resolver(highband_gain=0.4)).highband_gain == 0.4
