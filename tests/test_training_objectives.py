"""Training losses on values known by hand."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from sklearn_audiosr._estimators.heads import HighbandHead
from sklearn_audiosr._training.objectives import OBJECTIVES, find_objective
from sklearn_audiosr.metrics import log_spectral_distance


@pytest.fixture
def batch():
    """Two patches with errors 3 and 4; the second patch is half padding."""
    prediction = torch.stack([torch.full((1, 8), 3.0), torch.full((1, 8), 4.0)])
    mask = torch.ones(2, 1, 8)
    mask[1, 0, 4:] = 0
    return prediction, torch.zeros(2, 1, 8), mask


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rmse", (3 + 4) / 2),
        ("mse", (8 * 9 + 4 * 16) / 12),
        ("paper_eq1", math.sqrt(8 * 9 + 4 * 16) / 2),
    ],
)
def test_value_by_hand(batch, name, expected):
    assert OBJECTIVES[name](*batch).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_padding_has_no_gradient(batch, name):
    # long enough for the lags of a voice
    prediction, target, mask = (part.repeat_interleave(500, dim=2) for part in batch)
    prediction = (prediction + torch.randn(prediction.shape)).requires_grad_()
    OBJECTIVES[name](prediction, target, mask).backward()
    assert not prediction.grad[1, 0, 2000:].any()
    assert prediction.grad[1, 0, :2000].all()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradient_is_finite_at_a_perfect_prediction(name):
    prediction = torch.zeros(2, 1, 8, requires_grad=True)
    OBJECTIVES[name](prediction, torch.zeros(2, 1, 8), torch.ones(2, 1, 8)).backward()
    assert torch.isfinite(prediction.grad).all()


@pytest.fixture
def noise():
    """Targets loud against the floors, of unequal level."""
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(3, 1, 4096, generator=generator) * torch.tensor([1.0, 3.0, 10.0])[:, None, None]
    )


def full_mask(target):
    return torch.ones_like(target)


def test_noise_to_signal_is_the_mean_ratio(noise):
    """A tenth, a hundredth and a thousandth of each patch's own energy: minus 1, 2 and 3."""
    share = torch.tensor([1.1, 1 - 10**-0.5, 1.01])[:, None, None]  # 1e-2, 1e-1, 1e-4 of the energy
    loss = OBJECTIVES["noise_to_signal"](share * noise, noise, full_mask(noise))
    assert loss.item() == pytest.approx(-(2 + 1 + 4) / 3, rel=1e-3)


def test_multi_resolution_of_a_gain(noise):
    """Ten times the magnitude: its logarithm, and a convergence of 10 - 1."""
    loss = OBJECTIVES["multi_resolution_spectral"](10 * noise, noise, full_mask(noise))
    assert loss.item() == pytest.approx(math.log(10) + 9, rel=1e-3)


def test_multi_resolution_hears_no_phase(noise):
    loss = OBJECTIVES["multi_resolution_spectral"](-noise, noise, full_mask(noise))
    assert loss.item() == pytest.approx(0, abs=2e-3)


def test_complex_spectral_hears_phase(noise):
    loss = OBJECTIVES["complex_spectral"](-noise, noise, full_mask(noise))
    assert loss.item() == pytest.approx(2, rel=1e-4)


def test_log_spectral_of_a_gain(noise):
    """Ten times the magnitude is a hundred times the power in each frame and at each frequency."""
    loss = OBJECTIVES["log_spectral"](10 * noise, noise, full_mask(noise))
    assert loss.item() == pytest.approx(2, rel=1e-3)


def test_log_spectral_is_the_metric():
    """With frames of the metric's length alone; it mirrors ends, which the middle does not hear."""
    rng = np.random.default_rng(0)
    target, prediction = rng.standard_normal((2, 2**18)).astype(np.float32)
    loss = OBJECTIVES["log_spectral"](
        *(torch.from_numpy(w)[None, None] for w in (prediction, target)), torch.ones(1, 1, 2**18)
    )
    assert loss.item() == pytest.approx(log_spectral_distance([target], [prediction]), rel=0.02)


def test_spectral_is_a_sum(noise):
    """Of a gain alone: the logarithm of 9, and four times as much noise as signal."""
    loss = OBJECTIVES["spectral"](3 * noise, noise, full_mask(noise))
    assert loss.item() == pytest.approx(math.log10(9) + 0.5 * math.log10(4), rel=1e-3)


def test_separated_trains_the_sum_and_the_mean(noise):
    """The objective hears both outputs together, the noise-to-signal ratio the first alone."""
    mask, mean = full_mask(noise), 0.9 * noise
    heard = []

    def objective(prediction, target, mask):
        heard.append(prediction)
        return torch.tensor(5.0)

    outputs = torch.cat([mean, 0.2 * noise], dim=1)
    loss = HighbandHead(objective).loss(lambda sources: outputs, noise, noise, mask)
    torch.testing.assert_close(heard[0], 1.1 * noise)
    assert loss.item() == pytest.approx(5 + 0.5 * -2, rel=1e-4)


@pytest.mark.parametrize("n_timepoints", [1, 100, 3000])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_patches_of_any_length(name, n_timepoints):
    target = torch.ones(2, 1, n_timepoints)
    assert torch.isfinite(OBJECTIVES[name](0.5 * target, target, full_mask(target)))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objectives_are_found_by_their_names(name):
    assert find_objective(name, torch.nn.Identity()).__name__ == name


def test_a_network_chooses_where_the_estimator_does_not():
    network = torch.nn.Identity()
    assert find_objective(None, network) is OBJECTIVES["rmse"]
    network.default_objective = "spectral"
    assert find_objective(None, network) is OBJECTIVES["spectral"]
    assert find_objective("mse", network) is OBJECTIVES["mse"]


def test_a_misspelt_name_is_told_with_where_it_stands():
    network = torch.nn.Identity()
    with pytest.raises(ValueError, match="objective must be one of 'rmse', .*, got 'l1'"):
        find_objective("l1", network)
    network.default_objective = "spectrall"
    with pytest.raises(ValueError, match="network's default_objective must .* got 'spectrall'"):
        find_objective(None, network)
    network.default_objective = torch.nn.functional.mse_loss
    with pytest.raises(ValueError, match="default_objective must be one of .*'levels', got <fun"):
        find_objective(None, network)


def test_a_callable_that_cannot_be_hashed_is_an_objective():
    @dataclass
    class Weighted:
        weight: float

        def __call__(self, prediction, target, mask):
            return self.weight * OBJECTIVES["mse"](prediction, target, mask)

    objective = Weighted(2.0)
    assert find_objective(objective, torch.nn.Identity()) is objective
