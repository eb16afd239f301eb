"""Callbacks of the training loop: progress, early stop, checkpoint, warnings."""

import copy
import math
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch

from sklearn_audiosr._torch import Workspace, evaluation
from sklearn_audiosr._training.checkpoint_content import check_state, field_of
from sklearn_audiosr._training.objectives import has_state

# On a CPU a warning comes before a fit that takes longer than this, and before any fit of a network
# of the paper's full width.
_PATIENCE_SECONDS = 30 * 60
_MANY_WEIGHTS = 30_000_000

# A training step takes about as long as three forward passes.
_FORWARD_PASSES = 3


class Callback:
    """Base of the callbacks of `train`, which calls the four methods; they do nothing.

    ``training`` is the `TrainingState`. ``measured`` is a dict with "epoch", "max_epochs", "loss",
    "validation_score" (None without validation), "best_epoch" and "seconds".
    """

    def begin(self, training):
        """Run before the first step; return whether this restored an earlier training."""
        return False

    def after_step(self, training):
        """Run after each step except the last of an epoch."""

    def after_epoch(self, training, measured):
        """Run after each epoch; return whether to end training."""
        return False

    def end(self, training):
        """Run after the last epoch, also after an error."""


class EarlyStopping(Callback):
    """Ends training when the best epoch is `n_iter_no_change` epochs ago."""

    def __init__(self, n_iter_no_change):
        self.n_iter_no_change = n_iter_no_change

    def begin(self, training):
        """Stop a restored training that had already ended."""
        training.stopped |= self._is_over(training)
        return False

    def after_epoch(self, training, measured):
        """Return whether to end training."""
        return self._is_over(training)

    def _is_over(self, training):
        return training.n_epochs - training.best.epoch >= self.n_iter_no_change


class ProgressBar(Callback):
    """Shows epoch, loss, validation score and time left.

    Parameters
    ----------
    score_name : str
        Name of the score in the bar.
    """

    def __init__(self, score_name):
        self.score_name = score_name

    def begin(self, training):
        """Open the bar."""
        from tqdm.auto import tqdm

        self._bar = tqdm(
            total=training.schedule.max_epochs, initial=training.n_epochs, unit="epoch"
        )
        return False

    def after_epoch(self, training, measured):
        """Advance the bar."""
        shown = {"loss": f"{measured['loss']:.4g}"}
        if measured["validation_score"] is not None:
            shown[self.score_name] = f"{measured['validation_score']:.2f}"
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update()
        return False

    def end(self, training):
        """Close the bar."""
        self._bar.close()


class SaveCheckpoint(Callback):
    """Saves the state of the training in a file, and resumes from it.

    Parameters
    ----------
    checkpoint : Checkpoint
        Reads and writes the file.
    objective : callable, default=None
        The loss. If it has a state, the file holds that too.
    """

    def __init__(self, checkpoint, objective=None):
        self.checkpoint = checkpoint
        self.objective = objective if has_state(objective) else None

    def begin(self, training):
        """Restore the training in the file, and return whether there was one."""
        state = self.checkpoint.load()
        if state is None:
            return False
        path = self.checkpoint.path
        check_state(state, training, path, [] if self.objective is None else ["objective"])
        if self.objective is not None:
            with field_of(path, "objective"):
                self.objective.load_state_dict(state["objective"])
        training.restore(state)
        return True

    def after_step(self, training):
        """Save the state at intervals within a long epoch."""
        self.checkpoint.save_within_epoch(lambda: self._collect(training))

    def after_epoch(self, training, measured):
        """Save the state after an epoch."""
        self.checkpoint.save(lambda: self._collect(training))
        return False

    def _collect(self, training):
        state = training.collect()
        if self.objective is not None:
            state["objective"] = self.objective.state_dict()
        return state


class CallFunction(Callback):
    """Calls a user's function after each epoch.

    Parameters
    ----------
    function : callable
        ``function(estimator, measured)``; it ends the training by returning True.
    make_estimator : callable
        ``make_estimator(training)`` returns the estimator as fitted so far.
    """

    def __init__(self, function: Callable, make_estimator: Callable):
        self.function, self.make_estimator = function, make_estimator

    def after_epoch(self, training, measured):
        """Return whether to stop; what the function draws and `eval()` leave training unchanged."""
        devices = [training.device] if training.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), evaluation(training.network):
            result = self.function(self.make_estimator(training), dict(measured))
        # a prediction that a lambda returns must not end the fit
        return isinstance(result, (bool, np.bool_)) and bool(result)


class WarnSlow(Callback):
    """Warns before the first step of a fit that will take long on a CPU.

    Parameters
    ----------
    remedy : str
        Advice for a faster fit.
    """

    def __init__(self, remedy):
        self.remedy = remedy

    def begin(self, training):
        """Warn if the fit will take long."""
        if training.device.type == "cpu":
            seconds = self._estimate_seconds(training)
            n_weights = sum(parameter.numel() for parameter in training.network.parameters())
            if seconds >= _PATIENCE_SECONDS or n_weights >= _MANY_WEIGHTS:
                self._warn(n_weights, seconds, training.schedule.max_epochs)
        return False

    def _estimate_seconds(self, training):
        """Return the time of the fit; 0 if the network can't be timed."""
        n_patches = training.loader.sampler.n_patches_per_epoch * training.schedule.max_epochs
        with torch.random.fork_rng(devices=[]):
            try:
                seconds = self._time_forward(training, 1) * _FORWARD_PASSES * n_patches
                # single patches take longer than a batch's, above all with small networks
                if _PATIENCE_SECONDS < seconds < 10 * _PATIENCE_SECONDS:
                    n_at_once = min(training.schedule.batch_size, n_patches)
                    seconds = self._time_forward(training, n_at_once) / n_at_once
                    seconds *= _FORWARD_PASSES * n_patches
            except Exception:  # a network of the user's may refuse silence, or a copy
                return 0.0
        return seconds

    def _time_forward(self, training, n_patches):
        # a copy: a network of the user's may count its calls, for example
        network, least = copy.deepcopy(training.network), math.inf
        n_channels = getattr(network, "n_source_channels", 1)
        shape = n_patches, n_channels, training.loader.sampler.patch_length
        # the caller may have set another default type
        silence = torch.zeros(shape, dtype=torch.float32)
        with evaluation(network), torch.no_grad(), Workspace():
            for _ in range(2):  # the first pass also allocates memory
                begin = time.perf_counter()
                network(silence)
                least = min(least, time.perf_counter() - begin)
        return least

    def _warn(self, n_weights, seconds, max_epochs):
        duration = "long on a CPU"
        if seconds > 0:
            duration = (
                f"about {_format_time(seconds)} on this CPU, {_format_time(seconds / max_epochs)} "
                f"for each of max_epochs={max_epochs}"
            )
        warnings.warn(
            f"Training {n_weights / 1e6:.2g} million weights takes {duration}. To train faster, "
            f'take {self.remedy}, or a GPU (device="cuda"). Interrupting the fit (Ctrl-C) keeps '
            "the best weights so far.",
            UserWarning,
            stacklevel=2,
        )


def _format_time(seconds):
    units = [("h", 3600), ("min", 60), ("s", 1)]
    unit, length = next((u for u in units if seconds >= 2 * u[1]), units[-1])
    return f"{seconds / length:.2g} {unit}"
