"""What a training has reached so far."""

import copy
import math
from dataclasses import dataclass, field

import torch


@dataclass
class History:
    """What a training measured, one entry an epoch.

    Attributes
    ----------
    losses : list of float
        Mean training loss.
    validation_scores : list of float
        What ``validate`` returned, higher is better; empty without validation.
    interrupted : bool
        Training was stopped by Ctrl-C.
    """

    losses: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    interrupted: bool = False


class BestWeights:
    """The weights of the best epoch: by validation score, or the last one without validation.

    Parameters
    ----------
    network : torch.nn.Module
        Its weights now are those of epoch 0.
    """

    def __init__(self, network):
        self.network, self.score, self.epoch = network, -math.inf, 0
        self.weights = copy.deepcopy(network.state_dict())

    def update(self, score, epoch):
        """Keep the network's weights if their score is the best, or None."""
        if score is None or score > self.score:
            self.score = self.score if score is None else score
            self.epoch = epoch
            self.weights = copy.deepcopy(self.network.state_dict())

    def restore(self):
        """Put the best weights back into the network."""
        self.network.load_state_dict(self.weights)


class TrainingState:
    """Everything that a training must find again to go on as if it had never stopped.

    Parameters
    ----------
    network : torch.nn.Module
        In training.
    optimizer : torch.optim.Optimizer
        Of its weights.
    loader : BatchLoader
        With the device, and the generator that draws patches.
    schedule : Schedule
        Of this training.

    Attributes
    ----------
    history : History
        Of the complete epochs.
    best : BestWeights
        Of the best epoch so far.
    epoch_losses : list of Tensor
        Losses of the steps of the epoch under way: tensors, so that no step waits for a GPU.
    stopped : bool
        A callback has ended the training.
    """

    def __init__(self, network, optimizer, loader, schedule):
        self.network, self.optimizer = network, optimizer
        self.loader, self.schedule = loader, schedule
        self.history, self.best = History(), BestWeights(network)
        self.epoch_losses, self.stopped = [], False

    @property
    def device(self):
        """Device of the network."""
        return self.loader.device

    @property
    def n_epochs(self):
        """Number of complete epochs."""
        return len(self.history.losses)

    def collect(self):
        """Return the state as a dict of tensors and plain values."""
        generators = {
            "numpy": self.loader.rng.bit_generator.state,
            "cpu": torch.get_rng_state(),
        }
        if self.device.type == "cuda":
            generators["cuda"] = torch.cuda.get_rng_state(self.device)
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": (self.best.score, self.best.epoch, self.best.weights),
            "losses": self.history.losses,
            "epoch_losses": [loss.cpu() for loss in self.epoch_losses],
            "validation_scores": self.history.validation_scores,
            "generators": generators,
        }

    def restore(self, state):
        """Continue from a state that `collect` returned, perhaps on another device."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.best.score, self.best.epoch, self.best.weights = state["best"]
        self.history.losses += state["losses"]
        self.epoch_losses = [loss.to(self.device) for loss in state["epoch_losses"]]
        self.history.validation_scores += state["validation_scores"]
        generators = state["generators"]
        self.loader.rng.bit_generator.state = generators["numpy"]
        torch.set_rng_state(generators["cpu"])
        if self.device.type == "cuda" and "cuda" in generators:
            torch.cuda.set_rng_state(generators["cuda"], self.device)
