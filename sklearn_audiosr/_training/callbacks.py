"""What happens beside the steps of a training: progress, early stop, checkpoint, warnings."""

import math
import time
import warnings
from collections.abc import Callable

import torch

from sklearn_audiosr._torch import Workspace, evaluation
from sklearn_audiosr._training.checkpoint import check_weights

# A fit that takes longer than this on a CPU is announced, and so is any fit of a network of the
# paper's full width.
_PATIENCE_SECONDS = 30 * 60
_MANY_WEIGHTS = 30_000_000

# A training step takes about as long as three forward passes.
_FORWARD_PASSES = 3


class Callback:
    """Called by `train` at its four places; does nothing.

    ``training`` is the `TrainingState`, and ``measured`` a dict with "epoch", "max_epochs",
    "loss", "validation_score" (None without validation), "best_epoch" and "seconds".
    """

    def begin(self, training):
        """Run before the first step; return whether an earlier training was restored."""
        return False

    def after_step(self, training):
        """Run after each step but the last one of an epoch."""

    def after_epoch(self, training, measured):
        """Run after each epoch; return whether to stop."""
        return False

    def end(self, training):
        """Run after the last epoch, and after an error."""


class EarlyStopping(Callback):
    """Stop when the best epoch is `n_iter_no_change` epochs ago."""

    def __init__(self, n_iter_no_change):
        self.n_iter_no_change = n_iter_no_change

    def begin(self, training):
        """Stop at once if the training that was restored had stopped."""
        training.stopped |= self._is_over(training)
        return False

    def after_epoch(self, training, measured):
        """Return whether to stop."""
        return self._is_over(training)

    def _is_over(self, training):
        return training.n_epochs - training.best.epoch >= self.n_iter_no_change


class ProgressBar(Callback):
    """Show epoch, loss, validation score and time left.

    Parameters
    ----------
    score_name : str
        What the bar calls the score.
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
        """Move the bar."""
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
    """Keep the state of the training in a file, and continue from it.

    Parameters
    ----------
    checkpoint : Checkpoint
        The file.
    """

    def __init__(self, checkpoint):
        self.checkpoint = checkpoint

    def begin(self, training):
        """Restore the training that the file holds; return whether there was one."""
        state = self.checkpoint.load()
        if state is None:
            return False
        check_weights(training.network.state_dict(), state["network"], self.checkpoint.path)
        training.restore(state)
        return True

    def after_step(self, training):
        """Save now and then in a long epoch."""
        self.checkpoint.save_within_epoch(training.collect)

    def after_epoch(self, training, measured):
        """Save the complete epoch."""
        self.checkpoint.save(training.collect)
        return False


class CallFunction(Callback):
    """Call a function of the user's after each epoch.

    Parameters
    ----------
    function : callable
        ``function(estimator, measured)``; true ends the training.
    make_estimator : callable
        ``make_estimator(training)`` returns the estimator as fitted so far.
    """

    def __init__(self, function: Callable, make_estimator: Callable):
        self.function, self.make_estimator = function, make_estimator

    def after_epoch(self, training, measured):
        """Return whether the function wants to stop; what it draws changes no training."""
        devices = [training.device] if training.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            return self.function(self.make_estimator(training), dict(measured))


class WarnInterrupted(Callback):
    """Warn after Ctrl-C, and say how to go on.

    Parameters
    ----------
    has_checkpoint : bool
        Whether a file keeps the state of the training.
    """

    def __init__(self, has_checkpoint):
        self.has_checkpoint = has_checkpoint

    def end(self, training):
        """Warn if the training was interrupted."""
        if not training.history.interrupted:
            return
        way_on = "Set warm_start=True and fit again to go on."
        if self.has_checkpoint:
            way_on = "The same fit goes on from the checkpoint."
        warnings.warn(
            f"Training was interrupted after {training.n_epochs} complete epochs: the estimator "
            f"has the best weights so far. {way_on}",
            UserWarning,
            stacklevel=2,
        )


class WarnSlow(Callback):
    """Warn before the first step of a fit that will take long on a CPU.

    Parameters
    ----------
    remedy : str
        What makes the fit faster.
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
        n_patches = training.loader.sampler.n_patches_per_epoch * training.schedule.max_epochs
        seconds = self._time_forward(training, 1) * _FORWARD_PASSES * n_patches
        # patches alone take longer than in a batch, small networks above all
        if _PATIENCE_SECONDS < seconds < 10 * _PATIENCE_SECONDS:
            n_at_once = min(training.schedule.batch_size, n_patches)
            seconds = self._time_forward(training, n_at_once) / n_at_once
            seconds *= _FORWARD_PASSES * n_patches
        return seconds

    def _time_forward(self, training, n_patches):
        network, least = training.network, math.inf
        n_inputs = getattr(network, "n_inputs", 1)
        shape = n_patches, n_inputs, training.loader.sampler.patch_length
        silence = torch.zeros(shape, dtype=torch.float32)  # whatever the caller's default type
        with evaluation(network), torch.no_grad(), Workspace():
            for _ in range(2):  # the first pass takes its memory from the system
                begin = time.perf_counter()
                network(silence)
                least = min(least, time.perf_counter() - begin)
        return least

    def _warn(self, n_weights, seconds, max_epochs):
        warnings.warn(
            f"Training {n_weights / 1e6:.2g} million weights takes about "
            f"{_format_time(seconds)} on this CPU, {_format_time(seconds / max_epochs)} for each "
            f"of max_epochs={max_epochs}. Two ways out: {self.remedy}, or a GPU "
            '(device="cuda"). Interrupting the fit (Ctrl-C) keeps the best weights so far.',
            UserWarning,
            stacklevel=2,
        )


def _format_time(seconds):
    units = [("h", 3600), ("min", 60), ("s", 1)]
    unit, length = next((u for u in units if seconds >= 2 * u[1]), units[-1])
    return f"{seconds / length:.2g} {unit}"
