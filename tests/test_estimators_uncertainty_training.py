"""Training with a noise model: its likelihood is the objective."""

import math

import numpy as np
import pytest
import torch
from lively import Halving, ModuleConfig, assert_same
from noisy import MixtureNoise, StudentNoise, make_noisy_pairs
from resolvers import make_pairs, small_resolver, weights

from sklearn_audiosr._training.noise_models import GaussianNoise

pairs = pytest.fixture(scope="module")(make_pairs)


def l1(prediction, target, mask):
    return ((prediction - target).abs() * mask).sum() / mask.sum()


def half_mse(prediction, target, mask):
    return 0.5 * ((prediction - target) * mask).square().sum() / mask.sum()


@pytest.mark.parametrize(
    ("noise_model", "objective"),
    [
        ("gaussian", half_mse),
        ("laplace", l1),
        (lambda y, output: -(y - output).abs(), l1),
        (lambda y, output: 7 - 0.5 * (y - output).square(), half_mse),
    ],
)
def test_likelihood_trains_as_its_objective(pairs, noise_model, objective):
    # without validation: each would choose its best epoch by its own score
    noisy = small_resolver(noise_model=noise_model, validation_fraction=0.0).fit(*pairs)
    plain = small_resolver(objective=objective, validation_fraction=0.0).fit(*pairs)
    assert_same(noisy.predict(pairs[0]), plain.predict(pairs[0]))


def test_validation_is_by_log_likelihood(pairs):
    """Of the one clip that was held out, with the weights that were kept."""
    X, Y = pairs
    est = small_resolver(noise_model="gaussian").fit(X, Y)
    errors = [(y - p) / est.scale_ for y, p in zip(Y, est.predict(X), strict=True)]
    likelihoods = [-0.5 * np.mean(e**2) - 0.5 * np.log(2 * np.pi) for e in errors]
    assert min(abs(max(est.validation_scores_) - value) for value in likelihoods) < 1e-5


def test_gaussian_is_least_squares(pairs):
    """But for a factor of the loss, which Adam does not see, up to its epsilon."""
    gaussian, mse, laplace = (
        small_resolver(learning_rate=1e-3, **how).fit(*pairs).predict(pairs[0])
        for how in ({"noise_model": "gaussian"}, {"objective": "mse"}, {"noise_model": "laplace"})
    )
    peak = np.abs(mse).max()
    assert np.abs(gaussian - mse).max() < 5e-4 * peak
    assert np.abs(gaussian - laplace).max() > 1e-3 * peak


def test_loss_curve_is_in_nats_a_timepoint(pairs):
    """Predicted exactly, a normal density of standard deviation 1 has log(2 pi) / 2."""
    est = small_resolver(noise_model="gaussian", max_epochs=6).fit(*pairs)
    assert est.loss_curve_[-1] == pytest.approx(math.log(2 * math.pi) / 2, abs=0.002)
    assert min(est.loss_curve_) > math.log(2 * math.pi) / 2


def test_objective_without_a_noise_model_is_rmse(pairs):
    default, named = small_resolver(), small_resolver(objective="rmse")
    assert default.objective is default.noise_model is None
    assert torch.equal(weights(default.fit(*pairs)), weights(named.fit(*pairs)))
    assert default.noise_model_ is None


@pytest.mark.parametrize("objective", ["rmse", "mse", l1])
def test_noise_model_and_objective_exclude_each_other(pairs, objective):
    est = small_resolver(noise_model="gaussian", objective=objective)
    with pytest.raises(ValueError, match="objective must be None with a noise_model, .* leave one"):
        est.fit(*pairs)


@pytest.mark.parametrize("noise_model", ["normal", 3, GaussianNoise])
def test_bad_noise_model_is_named_before_training(pairs, noise_model):
    est = small_resolver(noise_model=noise_model)
    with pytest.raises(TypeError, match="noise_model must be None, 'gaussian', 'laplace'"):
        est.fit(*pairs)
    assert not hasattr(est, "network_")


def test_log_density_of_the_whole_patch_is_an_error(pairs):
    est = small_resolver(noise_model=lambda y, output: -(y - output).square().sum(dim=2))
    with pytest.raises(
        ValueError, match=r"log_prob must return one value per timepoint, .*\(14, 1\)"
    ):
        est.fit(*pairs)


@pytest.mark.parametrize("noise_model", [StudentNoise(), MixtureNoise()])
def test_noise_model_of_ones_own(noise_model):
    X, Y, true_std = make_noisy_pairs(6, seed=0)
    est = small_resolver(noise_model=noise_model, max_epochs=20, batch_size=8).fit(X, Y)
    assert est.loss_curve_[-1] < est.loss_curve_[0] - 0.5
    mean, std = est.predict(X, return_std=True)
    assert np.corrcoef(std.ravel(), true_std.ravel())[0, 1] > 0.8
    assert_same(mean, est.predict(X))
    X = list(X[:2, :64])
    draws = est.sample_y(X, n_samples=2000)
    for y, mean, std in zip(draws, *est.predict(X, return_std=True), strict=True):
        assert np.abs((y.mean(axis=-1) - mean) / std).max() < 5 / 2000**0.5
        assert (y.std(axis=-1) / std).mean() == pytest.approx(1, abs=0.03)


class PlainBuild:
    """A description whose network has one output, whatever is asked for."""

    def build(self, n_outputs=1):
        return Halving()


def test_network_without_outputs_for_the_noise_model(pairs):
    est = small_resolver(network=ModuleConfig(Halving), noise_model="heteroscedastic")
    with pytest.raises(
        TypeError,
        match=r"noise_model='heteroscedastic' needs a network with 2 output channels, got .*"
        r"ModuleConfig object .* whose build\(\) takes no n_outputs",
    ):
        est.fit(*pairs)
    est.set_params(noise_model="laplace").fit(*pairs)
    assert len(np.unique(est.predict(pairs[0], return_std=True)[1])) == 1
    est = small_resolver(network=PlainBuild(), noise_model=MixtureNoise())
    with pytest.raises(
        ValueError, match=r"build\(n_outputs=3\) must return .* got 1: let its last"
    ):
        est.fit(*pairs)
