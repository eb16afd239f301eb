"""Muon: orthogonal updates, and the pair of optimizers that trains a network."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr._training.optimizers import Muon, OptimizerPair, make_optimizer, orthogonalize
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.networks import AudioUNet, HarmonicNoiseNet, SpectralNet

CPU = torch.device("cpu")


def draw(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def make_network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SpectralNet(n_blocks=2, width=1 / 16, frame_length=160)
        network = network.build(upsampling_ratio=4)
    network.linear.filters += 0.1  # without a filter all is silence
    return network


@pytest.mark.parametrize("shape", [(8, 8), (8, 30), (30, 8), (1, 5)])
@pytest.mark.parametrize("size", [1e-25, 1e-6, 1.0, 1e20])
def test_orthogonalize_keeps_singular_vectors_and_evens_values(shape, size):
    matrix = size * draw(*shape)
    u, _, v = np.linalg.svd(matrix.numpy(), full_matrices=False)
    inside = u.T @ orthogonalize(matrix).numpy() @ v.T
    values = np.diag(inside)
    assert_allclose(inside, np.diag(values), atol=1e-3)
    assert values.min() > 0.6 and values.max() < 1.3


def test_orthogonalize_keeps_zeros():
    assert torch.equal(orthogonalize(torch.zeros(3, 4)), torch.zeros(3, 4))


def test_the_root_mean_square_of_an_update_is_the_learning_rate():
    weight = torch.nn.Parameter(torch.zeros(20, 60))
    weight.grad = draw(20, 60)
    Muon([weight], lr=0.01).step()
    assert weight.square().mean().sqrt().item() == pytest.approx(0.01, rel=0.2)
    assert (weight * weight.grad).sum() < 0  # downhill


def test_a_weight_without_gradient_stays():
    weight = torch.nn.Parameter(torch.ones(2, 2))
    Muon([weight], lr=1.0).step()
    assert torch.equal(weight.data, torch.ones(2, 2))


def test_a_convolution_is_a_matrix_of_its_outputs():
    flat, weight = (torch.nn.Parameter(torch.zeros(s)) for s in [(4, 6), (4, 3, 2)])
    flat.grad = draw(4, 6)
    weight.grad = flat.grad.view(4, 3, 2).clone()
    Muon([flat, weight], lr=0.1).step()
    torch.testing.assert_close(weight.data, flat.data.view(4, 3, 2))


def test_each_weight_has_one_optimizer():
    network = make_network()
    optimizer = make_optimizer("muon", network, 0.1, CPU)
    assert isinstance(optimizer, OptimizerPair)
    trained = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(trained) == sorted(map(id, network.parameters()))
    assert {id(m) for m in network.hidden_matrices()} == set(trained[-4:])
    assert isinstance(make_optimizer("adam", network, 0.1, CPU), torch.optim.Adam)


def test_a_pair_goes_on_from_its_state():
    """Two steps, and one step, its state in another pair, and one step: the same weights."""
    results = []
    for interrupted in (False, True):
        network, x = make_network(), draw(2, 1, 800)
        optimizer = make_optimizer("muon", network, 0.01, CPU)
        for _ in range(2):
            optimizer.zero_grad()
            assert all(p.grad is None for p in network.parameters())
            network(x).square().mean().backward()
            optimizer.step()
            if interrupted:
                state = optimizer.state_dict()
                optimizer = make_optimizer("muon", network, 0.01, CPU)
                optimizer.load_state_dict(state)
        results.append(torch.cat([p.detach().flatten() for p in network.parameters()]))
    assert torch.isfinite(results[0]).all()
    assert torch.equal(*results)


def make_clips():
    rng = np.random.default_rng(0)
    Y = [y.astype(np.float32) for y in rng.standard_normal((3, 1600)).cumsum(axis=1) / 20]
    return Decimator(upsampling_ratio=4).fit_transform(Y), Y


def train(network=None, **parameters):
    network = network or SpectralNet(n_blocks=1, width=1 / 16, frame_length=160)
    parameters = {"max_epochs": 2, "patch_length": 800, "random_state": 0, **parameters}
    return AudioSuperResolver(network, **parameters).fit(*make_clips())


@pytest.mark.parametrize(
    "network",
    [
        SpectralNet(n_blocks=1, width=1 / 16, frame_length=160),
        HarmonicNoiseNet(n_blocks=1, n_slow_blocks=1, width=1 / 16, frame_length=160),
    ],
)
def test_networks_of_spectra_take_muon_unless_told(network):
    own, muon, adam = (
        train(network, optimizer=name).network_.blocks[0].expand.weight
        for name in (None, "muon", "adam")
    )
    assert torch.equal(own, muon)
    assert not torch.equal(own, adam)


def test_a_network_without_matrices_of_its_own_refuses_muon():
    with pytest.raises(ValueError, match=r'optimizer must be "adam".*hidden_matrices.*"muon" and'):
        train(AudioUNet(n_blocks=2, width=1 / 32), optimizer="muon")


def test_unknown_optimizers_are_refused():
    with pytest.raises(ValueError, match="optimizer must be one of 'adam', 'muon', got 'sgd'"):
        train(optimizer="sgd")


def test_a_network_s_misspelt_optimizer_is_refused():
    network = torch.nn.Linear(3, 3)
    with pytest.raises(ValueError, match="default_optimizer"):
        make_optimizer("mu0n", network, 0.1, CPU)


def test_the_callers_autocast_leaves_muon_as_it_is():
    """In bfloat16 the iteration comes apart: weights of a thousand instead of a tenth."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        est = train(max_epochs=20, learning_rate=3e-3)
    assert max(m.abs().max().item() for m in est.network_.hidden_matrices()) < 1


def test_a_closure_gives_the_loss():
    weight = torch.nn.Parameter(torch.ones(2, 3))

    def closure():
        weight.grad = None
        loss = weight.square().sum()
        loss.backward()
        return loss

    with torch.no_grad():
        assert Muon([weight], lr=0.1).step(closure).item() == 6
    assert (weight < 1).all()


def test_a_network_of_matrices_alone_needs_no_adam():
    class Matrix(torch.nn.Linear):
        def hidden_matrices(self):
            return [self.weight]

    optimizer = make_optimizer("muon", Matrix(3, 3, bias=False), 0.1, CPU)
    assert isinstance(optimizer, Muon)
