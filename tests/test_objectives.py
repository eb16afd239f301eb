"""Training losses on values known by hand."""

import math

import pytest
import torch

from sklearn_audiosr._objectives import OBJECTIVES


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
    prediction, target, mask = batch
    prediction.requires_grad_()
    OBJECTIVES[name](prediction, target, mask).backward()
    assert not prediction.grad[1, 0, 4:].any()
    assert prediction.grad[1, 0, :4].all()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradient_is_finite_at_a_perfect_prediction(name):
    prediction = torch.zeros(2, 1, 8, requires_grad=True)
    OBJECTIVES[name](prediction, torch.zeros(2, 1, 8), torch.ones(2, 1, 8)).backward()
    assert torch.isfinite(prediction.grad).all()
