"""The adversarial objective: discriminators learn, and predictions follow."""

import copy
import pickle

import pytest
import torch

from recipes.discriminators import AdversarialObjective, NormalizedConv2d
from sklearn_audiosr._training.fingerprint import describe
from sklearn_audiosr._training.objectives import levels

N_TIMEPOINTS = 4096


def make_batch(random_state=0):
    """White noise for the truth, and the same without its upper half for predictions."""
    generator = torch.Generator().manual_seed(random_state)
    target = 0.5 * torch.randn(4, 1, N_TIMEPOINTS, generator=generator)
    spectrum = torch.fft.rfft(target)
    spectrum[..., N_TIMEPOINTS // 4 :] = 0
    return torch.fft.irfft(spectrum), target, torch.ones_like(target)


def make_buzz(random_state=0):
    """White noise, and the same with a level that rises and falls 200 times in a second."""
    _, target, mask = make_batch(random_state)
    phase = 2 * torch.pi * (200 / 16000 * torch.arange(N_TIMEPOINTS) + random_state / 7)
    return target * (1 + 0.9 * torch.sin(phase)), target, mask


def teach(objective, make, n_steps):
    for step in range(n_steps):
        prediction, target, mask = make(step)
        objective(prediction.requires_grad_(), target, mask)


def judge(objective, x):
    """Mean judgement of each discriminator: 1 is true."""
    with torch.no_grad():
        return [float(d(x)[-1].mean()) for d in objective.discriminators]


def test_every_discriminator_learns_to_tell_predictions_from_the_truth():
    objective = AdversarialObjective(crop=1024, learning_rate=5e-3)
    teach(objective, make_batch, 30)
    prediction, target, _ = make_batch(99)
    true, predicted = judge(objective, target), judge(objective, prediction)
    assert all(a > b + 0.1 for a, b in zip(true, predicted, strict=True))


def test_short_frames_hear_a_line_at_a_hop_rate():
    objective = AdversarialObjective(learning_rate=3e-3)
    objective.discriminators = objective.discriminators[5:6]  # frames of 128 timepoints
    teach(objective, make_buzz, 60)
    prediction, target, _ = make_buzz(99)
    assert judge(objective, target)[0] > judge(objective, prediction)[0] + 0.2


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
    (of_distance,) = torch.autograd.grad(levels(prediction, target, mask), prediction)
    assert torch.isfinite(gradient).all()
    assert (gradient - of_distance).norm() > 1e-2 * of_distance.norm()


def test_scoring_teaches_nothing():
    prediction, target, mask = make_batch()
    objective = AdversarialObjective()
    before = judge(objective, target)
    with torch.no_grad():
        assert objective(prediction, target, mask) == levels(prediction, target, mask)
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


def test_a_state_goes_on_where_it_was():
    prediction, target, mask = make_batch()
    prediction.requires_grad_()
    objective, again = AdversarialObjective(crop=2048), AdversarialObjective(crop=2048)
    objective(prediction, target, mask)
    again.load_state_dict(copy.deepcopy(objective.state_dict()))
    values = [[o(prediction, target, mask).item() for _ in "abc"] for o in (objective, again)]
    assert values[0] == values[1]


def test_copies_have_its_fingerprint_and_other_settings_have_not():
    objective = AdversarialObjective()
    expected = describe(AdversarialObjective())
    assert describe(objective) == describe(pickle.loads(pickle.dumps(objective))) == expected
    assert describe(AdversarialObjective(weight=0.1)) != expected


def test_convolutions_are_those_of_the_weight_normalization_of_pytorch():
    torch.manual_seed(0)
    ours, x = (
        NormalizedConv2d(3, 4, (5, 1), stride=(3, 1), padding=(2, 0)),
        torch.randn(2, 3, 20, 5),
    )
    peer = torch.nn.Conv2d(3, 4, (5, 1), stride=(3, 1), padding=(2, 0))
    peer.load_state_dict({"weight": ours.weight, "bias": ours.bias})
    torch.testing.assert_close(ours(x), peer(x))
    peer = torch.nn.utils.parametrizations.weight_norm(peer)
    with torch.no_grad():
        for gain in (ours.gain, peer.parametrizations.weight.original0):
            gain *= 2
        ours.weight *= 3  # its norm says nothing
    torch.testing.assert_close(ours(x), peer(x))
