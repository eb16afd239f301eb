"""The adversarial objective of the benchmarks: discriminators learn, and predictions follow."""

import pytest
import torch

from benchmarks.discriminators import AdversarialObjective
from sklearn_audiosr._training.objectives import spectral

N_TIMEPOINTS = 4096


def make_batch(random_state=0):
    """White noise for the truth, and the same without its upper half for predictions."""
    generator = torch.Generator().manual_seed(random_state)
    target = 0.5 * torch.randn(4, 1, N_TIMEPOINTS, generator=generator)
    spectrum = torch.fft.rfft(target)
    spectrum[..., N_TIMEPOINTS // 4 :] = 0
    return torch.fft.irfft(spectrum), target, torch.ones_like(target)


def judge(objective, x):
    """Mean judgement of each discriminator: 1 is true."""
    with torch.no_grad():
        return [float(d(x)[-1].mean()) for d in objective.discriminators]


def test_every_discriminator_learns_to_tell_predictions_from_the_truth():
    objective = AdversarialObjective(crop=2048, learning_rate=5e-3)
    for step in range(40):
        prediction, target, mask = make_batch(step)
        objective(prediction.requires_grad_(), target, mask)
    prediction, target, _ = make_batch(99)
    true, predicted = judge(objective, target), judge(objective, prediction)
    assert all(a > b + 0.2 for a, b in zip(true, predicted, strict=True))


def test_predictions_learn_and_discriminators_keep_no_gradient_of_them():
    prediction, target, mask = make_batch()
    objective = AdversarialObjective(weight=1.0)
    prediction.requires_grad_()
    loss = objective(prediction, target, mask)
    gradients = [weight.grad.clone() for weight in objective.discriminators.parameters()]
    loss.backward()
    gradient = prediction.grad
    for weight, before in zip(objective.discriminators.parameters(), gradients, strict=True):
        assert weight.requires_grad
        torch.testing.assert_close(weight.grad, before, rtol=0, atol=0)
    (of_distance,) = torch.autograd.grad(spectral(prediction, target, mask), prediction)
    assert torch.isfinite(gradient).all()
    assert (gradient - of_distance).norm() > 1e-2 * of_distance.norm()


def test_scoring_teaches_nothing():
    prediction, target, mask = make_batch()
    objective = AdversarialObjective()
    before = judge(objective, target)
    with torch.no_grad():
        assert objective(prediction, target, mask) == spectral(prediction, target, mask)
    assert judge(objective, target) == before


@pytest.mark.parametrize("crop", [2048, N_TIMEPOINTS, 10 * N_TIMEPOINTS])
def test_crops_of_any_length_and_the_same_seed_give_the_same(crop):
    values = []
    for _ in range(2):
        prediction, target, mask = make_batch()
        objective = AdversarialObjective(crop=crop, random_state=3)
        values.append([objective(prediction.requires_grad_(), target, mask).item() for _ in "ab"])
    assert values[0] == values[1]
    assert values[0][0] != values[0][1]
    (cut,) = objective._cut(prediction)
    assert cut.shape[-1] == min(crop, N_TIMEPOINTS)
