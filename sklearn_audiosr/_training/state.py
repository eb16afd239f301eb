"""State of a training: history, best weights, random generators."""

import copy
import math
from dataclasses import dataclass, field

import torch

from sklearn_audiosr._training.optimizers import restore_optimizer


@dataclass
class History:
    """Losses and scores of a training, one per epoch.

    Attributes
    ----------
    losses : list of float
        Mean training loss.
    validation_scores : list of float
        Validation scores, higher is better; empty without validation.
    interruption : KeyboardInterrupt or None
        What ended the training, if Ctrl-C did.
    """

    losses: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    interruption: KeyboardInterrupt | None = None


class BestWeights:
    """Weights of the epoch with the best validation score, or of the last one without scores.

    Parameters
    ----------
    network : torch.nn.Module
        Network before training; its weights count as epoch 0.
    """

    def __init__(self, network):
        self.network, self.score, self.epoch = network, -math.inf, 0
        self.weights = copy.deepcopy(network.state_dict())

    def update(self, score, epoch):
        """Keep the network's weights if their score is the best so far, or if it is None."""
        if score is None or score > self.score:
            weights = copy.deepcopy(self.network.state_dict())  # Ctrl-C may come while it copies
            self.score = self.score if score is None else score
            self.epoch, self.weights = epoch, weights

    def restore(self):
        """Put the best weights back into the network."""
        self.network.load_state_dict(self.weights)


class TrainingState:
    """State that a training needs to resume as if it had never stopped.

    Parameters
    ----------
    network : torch.nn.Module
        Network in training.
    optimizer : torch.optim.Optimizer
        Optimizer of its weights.
    loader : BatchLoader
        Has the device and the generator that draws patches.
    schedule : Schedule
        Schedule of the training.
    validates : bool, default=False
        Whether each epoch has a validation score.
    is_warm : bool, default=False
        Whether the network was trained before: its first weights compete too.

    Attributes
    ----------
    history : History
        Losses and scores of the complete epochs.
    best : BestWeights
        Weights of the best epoch so far.
    epoch_losses : list of Tensor
        Losses of this epoch's steps. They are tensors so that no step waits for a GPU.
    stopped : bool
        Whether training ends: a callback asked for it, or the loss diverged.
    is_new : bool
        Whether no step was made, neither here nor by a fit that this one resumes.
    """

    def __init__(self, network, optimizer, loader, schedule, validates=False, is_warm=False):
        self.network, self.optimizer = network, optimizer
        self.loader, self.schedule = loader, schedule
        self.validates, self.is_warm = validates, is_warm
        self.history, self.best = History(), BestWeights(network)
        self.epoch_losses, self.stopped, self.is_new = [], False, True

    @property
    def device(self):
        """The network's device."""
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
        """Restore a state that `collect` returned, also from another device."""
        self.is_new = False
        self.network.load_state_dict(state["network"])
        restore_optimizer(self.optimizer, state["optimizer"])
        self.best.score, self.best.epoch, self.best.weights = state["best"]
        self.history.losses += state["losses"]
        self.epoch_losses = [loss.to(self.device) for loss in state["epoch_losses"]]
        self.history.validation_scores += state["validation_scores"]
        generators = state["generators"]
        self.loader.rng.bit_generator.state = generators["numpy"]
        torch.set_rng_state(generators["cpu"])
        if self.device.type == "cuda" and "cuda" in generators:
            torch.cuda.set_rng_state(generators["cuda"], self.device)
