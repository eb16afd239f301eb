"""Optimizers: Adam, and Muon for the matrices inside a network."""

import math
from typing import Literal, get_args

import torch

# The list of optimizers.
OptimizerName = Literal["adam", "muon"]

# Coefficients of the Newton-Schulz polynomial. They are chosen for speed: singular values end
# between 0.7 and 1.2.
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_N_ITERATIONS = 5

_MOMENTUM = 0.95


def check_optimizer(name):
    """Raise ValueError unless there is an optimizer of that name."""
    if not isinstance(name, str) or name not in get_args(OptimizerName):
        raise ValueError(
            f"optimizer must be one of {', '.join(map(repr, get_args(OptimizerName)))}, got "
            f"{name!r}: take one of these names, in the estimator or as the network's "
            "default_optimizer."
        )


def make_optimizer(name, network, learning_rate, device):
    """Make the optimizer of a network's weights.

    Parameters
    ----------
    name : {"adam", "muon"}
        Muon trains the ``hidden_matrices()`` of the network, and Adam all other weights.
    network : torch.nn.Module
        On `device`.
    learning_rate : float
        Learning rate of both.
    device : torch.device
        Where the network is.

    Returns
    -------
    optimizer : torch.optim.Optimizer or OptimizerPair
        With ``zero_grad()``, ``step()``, ``param_groups`` and ``state_dict()``.
    """
    check_optimizer(name)
    if name == "adam":
        return _make_adam(list(network.parameters()), learning_rate, device)
    if not callable(getattr(type(network), "hidden_matrices", None)):
        raise ValueError(
            'optimizer must be "adam" with a network without a method hidden_matrices(), got '
            f'"muon" and {type(network).__name__}: take "adam" or None, or a SpectralNet.'
        )
    matrices = list(network.hidden_matrices())
    inside = {id(matrix) for matrix in matrices}
    others = [parameter for parameter in network.parameters() if id(parameter) not in inside]
    muon = Muon(matrices, learning_rate)
    return OptimizerPair(_make_adam(others, learning_rate, device), muon) if others else muon


def _make_adam(parameters, learning_rate, device):
    fused = device.type in ("cpu", "cuda") and all(p.is_floating_point() for p in parameters)
    return torch.optim.Adam(parameters, lr=learning_rate, fused=fused or None)


def restore_optimizer(optimizer, state):
    """Load what an optimizer keeps of the weights; its options stay those of this fit.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer or OptimizerPair
        A new one.
    state : dict
        As from ``state_dict()`` of another of the same weights.
    """
    own = optimizer.state_dict()
    if "optimizers" not in own:
        # copies: tensors of a file may share memory, which an update would overwrite twice
        copies = {
            index: {name: value.detach().clone() for name, value in values.items()}
            for index, values in state["state"].items()
        }
        optimizer.load_state_dict({**own, "state": copies})
        return
    for part, kept in zip(optimizer.optimizers, state["optimizers"], strict=True):
        restore_optimizer(part, kept)


class Muon(torch.optim.Optimizer):
    """Momentum whose updates are orthogonal matrices: K. Jordan et al., 2024 [1]_.

    All singular values of an update are about 1, so directions that are rare in the gradients are
    learned as fast as the few that dominate. The update is scaled to a root mean square of the
    learning rate. Adam's first updates have that size too, so the same learning rate suits both.
    (For many more steps than ours, a fifth of it is usual [2]_.)

    Parameters
    ----------
    matrices : list of torch.nn.Parameter
        Weights of two dimensions or more; all but the first count as columns.
    lr : float
        Learning rate.

    References
    ----------
    .. [1] https://kellerjordan.github.io/posts/muon/
    .. [2] J. Liu et al., "Muon is scalable for LLM training", 2025, equation (4).
       https://arxiv.org/abs/2502.16982
    """

    def __init__(self, matrices, lr):
        super().__init__(matrices, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        """Update all matrices that have a gradient.

        Parameters
        ----------
        closure : callable, default=None
            Computes the gradients again, and returns the loss.

        Returns
        -------
        loss : Tensor or None
            The loss that `closure` returns.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, group["lr"])
        return loss

    def _update(self, weight, learning_rate):
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        momentum = state["momentum"].lerp_(weight.grad, 1 - _MOMENTUM)
        direction = weight.grad.lerp(momentum, _MOMENTUM).flatten(1)  # Nesterov's
        size = math.sqrt(max(direction.shape))
        update = orthogonalize(direction).view_as(weight)
        weight.add_(update, alpha=-learning_rate * size)


def orthogonalize(matrix):
    """Bring the singular values of a matrix close to 1: the Newton-Schulz iteration of Muon.

    It runs on the Gram matrix of the shorter side, which takes a third fewer operations than on the
    matrix itself.

    Parameters
    ----------
    matrix : Tensor of shape (n_rows, n_columns)
        Of any scale.

    Returns
    -------
    orthogonal : Tensor of shape (n_rows, n_columns)
        With the same singular vectors.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonalize(matrix.mT).mT
    a, b, c = _COEFFICIENTS
    # first by the largest entry: squares of tiny or huge ones leave the range of float32
    matrix = matrix / matrix.abs().amax().clamp_min(torch.finfo(matrix.dtype).tiny)
    matrix = matrix / matrix.norm().clamp_min(1.0)
    gram, product = matrix @ matrix.mT, None
    for _ in range(_N_ITERATIONS):
        polynomial = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        polynomial.diagonal().add_(a)
        product = polynomial if product is None else polynomial @ product
        gram = polynomial @ gram @ polynomial
    return product @ matrix


class OptimizerPair:
    """Two optimizers for different weights of a network, used as one.

    Parameters
    ----------
    first, second : torch.optim.Optimizer
        The two.
    """

    def __init__(self, first, second):
        self.optimizers = (first, second)

    @property
    def param_groups(self):
        """Parameter groups of both."""
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def zero_grad(self):
        """Reset all gradients."""
        for optimizer in self.optimizers:
            optimizer.zero_grad()

    def step(self):
        """Update all weights."""
        for optimizer in self.optimizers:
            optimizer.step()

    def state_dict(self):
        """Return the state of both."""
        return {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}

    def load_state_dict(self, state):
        """Load the state of both.

        Parameters
        ----------
        state : dict
            As from `state_dict`.
        """
        for optimizer, own in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(own)
