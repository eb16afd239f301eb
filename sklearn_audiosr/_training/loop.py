"""The only training loop."""

import math
import time
import warnings

import torch
from sklearn.exceptions import ConvergenceWarning

from sklearn_audiosr._torch import Workspace, tuned_kernels
from sklearn_audiosr._training.compilation import Compilation
from sklearn_audiosr._training.schedule import LearningRate
from sklearn_audiosr._training.state import TrainingState
from sklearn_audiosr._training.step import TrainingStep


def train(network, loader, loss, validate, schedule, callbacks=(), resume=False):
    """Train a network on random patches; it ends with its best weights.

    Parameters
    ----------
    network : torch.nn.Module
        Network on the loader's device, trained in place.
    loader : BatchLoader
        Draws the patches. Dropout draws from torch's generators.
    loss : callable
        ``loss(network, sources, targets, mask)`` returns the scalar to minimise, from tensors of
        shape (batch, 1, time).
    validate : callable or None
        ``validate()`` returns the current score of the network: higher is better, NaN if a
        prediction is not finite.
    schedule : Schedule
        Epochs, batches, learning rate, optimizer and precision.
    callbacks : sequence of Callback, default=()
        Called in order before the first step, after each step, after each epoch and at the end.
    resume : bool, default=False
        Whether the network was trained before. Then its weights stay unless an epoch validates
        better.

    Returns
    -------
    history : History
        Losses and scores of the complete epochs.

    Raises
    ------
    ValueError
        If the network has no weights to train, or the loss is no scalar, or if it or its gradient
        is not finite for the first batch.

    Warns
    -----
    ConvergenceWarning
        If the loss or a prediction became infinite or NaN.
    """
    _check_trainable(network)
    batches = schedule.split_epoch(loader.sampler.n_patches_per_epoch)
    n_steps = len(batches) * schedule.max_epochs
    rate = LearningRate(schedule.learning_rate, schedule.learning_rate_schedule, n_steps)
    compilation = Compilation(network, loader.device, n_steps)
    step = TrainingStep(network, loss, loader, rate, compilation, schedule)
    training = TrainingState(
        network, step.optimizer, loader, schedule, validates=validate is not None, is_warm=resume
    )
    restored = any([callback.begin(training) for callback in callbacks])
    if resume and not restored and validate is not None:
        training.best.update(validate(), 0)  # the first weights compete too
    rate.n_steps = training.n_epochs * len(batches) + len(training.epoch_losses)
    network.train()
    with (
        torch.inference_mode(False), torch.enable_grad(), Workspace(), tuned_kernels(loader.device),
    ):  # fmt: skip
        try:
            while training.n_epochs < schedule.max_epochs and not training.stopped:
                _run_epoch(training, step, batches, validate, callbacks)
        except KeyboardInterrupt as error:
            _keep_interrupted(training, error)
        finally:
            for callback in callbacks:
                callback.end(training)
    training.best.restore()
    network.zero_grad(set_to_none=True)  # gradients take as much memory as the weights
    network.eval()
    return training.history


def _run_epoch(training, step, batches, validate, callbacks):
    """Train an epoch, or the rest of an interrupted one, and validate it."""
    begin, losses = time.perf_counter(), training.epoch_losses
    for n_patches in batches[len(losses) :]:
        losses.append(step(n_patches))
        if training.is_new:  # no step has changed the weights yet: no learning rate is to blame
            _check_first_step(losses[0], training.network)
            training.is_new = False
        if len(losses) < len(batches):
            for callback in callbacks:
                callback.after_step(training)
    loss = torch.stack(losses).mean().item()  # the first wait for a GPU in an epoch
    losses.clear()
    healthy = math.isfinite(loss) and _is_finite(training.network)
    score = validate() if healthy and validate is not None else None
    if not healthy or (score is not None and math.isnan(score)):
        sign = "predictions are not finite" if healthy else f"loss {loss:.4g}"
        _warn_diverged(training.n_epochs + 1, sign)
        training.stopped = True
        return
    training.history.losses.append(loss)
    if score is not None:
        training.history.validation_scores.append(score)
    training.best.update(score, training.n_epochs)
    measured = {
        "epoch": training.n_epochs,
        "max_epochs": training.schedule.max_epochs,
        "loss": loss,
        "validation_score": score,
        "best_epoch": training.best.epoch,
        "seconds": time.perf_counter() - begin,
    }
    for callback in callbacks:
        training.stopped |= bool(callback.after_epoch(training, measured))


def _keep_interrupted(training, error):
    training.history.interruption = error
    best = training.best
    if best.epoch == 0 and best.score == -math.inf and _is_finite(training.network):
        best.update(None, 0)  # no epoch is complete: keep the current weights


def _check_first_step(loss, network):
    if not torch.isfinite(loss):
        raise ValueError(
            "objective (or log_prob of the noise model) must be finite for the first batch of a "
            f"fit, got a loss of {loss.item():.4g}: evaluate it on a prediction and a target of "
            "yours, on silence too, and see that X and Y have about the same level."
        )
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    if not all(torch.isfinite(gradient).all() for gradient in gradients):
        raise ValueError(
            "objective (or log_prob of the noise model) must have a finite gradient for the first "
            "batch of a fit, got NaN or infinity: look for square roots, logarithms and "
            "divisions at 0."
        )


def _check_trainable(network):
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise ValueError(
            "network must have parameters to train, got none that requires a gradient: build() "
            "must return a network with weights."
        )


def _is_finite(network):
    return all(torch.isfinite(parameter).all() for parameter in network.parameters())


def _warn_diverged(epoch, sign):
    warnings.warn(
        f"Training diverged in epoch {epoch} ({sign}): the estimator has the best earlier "
        "weights. Lower learning_rate.",
        ConvergenceWarning,
        stacklevel=2,
    )
