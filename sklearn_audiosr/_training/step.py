"""One optimizer step."""

import torch

from sklearn_audiosr._torch import autocast, full_precision
from sklearn_audiosr._training.optimizers import make_optimizer


class TrainingStep:
    """Optimizer step on random patches; a call returns the loss.

    Parameters
    ----------
    network : torch.nn.Module
        Network to train in place.
    loss : callable
        ``loss(network, sources, targets, mask)``, as for `train`.
    loader : BatchLoader
        Draws the patches.
    rate : LearningRate
        Sets the learning rate before each step.
    compilation : Compilation
        Runs the step with the network or its compiled copy.
    schedule : Schedule
        Names the optimizer and the precision.
    """

    def __init__(self, network, loss, loader, rate, compilation, schedule):
        self.loss, self.loader, self.rate, self.compilation = loss, loader, rate, compilation
        self.optimizer = make_optimizer(schedule.optimizer, network, rate.highest, loader.device)
        self.precision = schedule.precision

    def __call__(self, n_patches):
        batch = self.loader.load(n_patches)
        self.rate.set(self.optimizer)
        return self.compilation.run(self._descend, batch)

    def _descend(self, network, batch):
        self.optimizer.zero_grad()
        with autocast(self.loader.device, self.precision):
            loss = self.loss(network, *batch)
        _check_loss(loss)
        # or a layer's own backward would use the caller's autocast
        with full_precision(self.loader.device.type):
            loss.backward()
            self.optimizer.step()  # in bfloat16 Muon's products would diverge
        return loss.detach().reshape(()).float()  # one type, which a checkpoint can check


def _check_loss(loss):
    if not isinstance(loss, torch.Tensor):
        _refuse(type(loss).__name__)
    if loss.is_complex():
        _refuse(f"a complex one, {loss.dtype}", "return the real part or the magnitude")
    if loss.numel() != 1 or not loss.requires_grad:
        _refuse(f"a tensor of shape {tuple(loss.shape)}, requires_grad={loss.requires_grad}")


def _refuse(what, remedy="take the mean, without detach() or item()"):
    raise ValueError(
        "objective must return a tensor of one real value that depends on the prediction, got "
        f"{what}: {remedy}."
    )
