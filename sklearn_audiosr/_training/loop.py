"""The only training loop."""

import contextlib
import copy
import math
import time
import warnings
from dataclasses import dataclass, field

import torch
from sklearn.exceptions import ConvergenceWarning

from sklearn_audiosr._torch import Workspace, autocast, full_precision, synchronize, tuned_kernels
from sklearn_audiosr._training.batches import BatchLoader
from sklearn_audiosr._training.checkpoint import TrainingState
from sklearn_audiosr._training.compilation import Compilation
from sklearn_audiosr._training.optimizers import make_optimizer

# A fit that will take longer than this on a CPU says so after its first step, and so does any fit
# of a network of the paper's full width.
_PATIENCE_SECONDS = 30 * 60
_MANY_WEIGHTS = 30_000_000

# A cosine's last learning rate relative to its highest, and its warm-up relative to all steps.
_LEAST_SHARE = 0.02


@dataclass
class History:
    """What training measured, one entry an epoch.

    Attributes
    ----------
    losses : list of float
        Mean training loss.
    validation_scores : list of float
        What ``validate`` gave, higher is better; empty without validation.
    interrupted : bool
        Training was stopped by Ctrl-C.
    """

    losses: list = field(default_factory=list)
    validation_scores: list = field(default_factory=list)
    interrupted: bool = False

    def append(self, loss, score):
        """Add one epoch.

        Parameters
        ----------
        loss : float
            Mean training loss.
        score : float or None
            Validation score; None without validation.
        """
        self.losses.append(loss)
        if score is not None:
            self.validation_scores.append(score)


def train(network, sampler, loss, validate, *, device, rng, max_epochs, batch_size,
          learning_rate, learning_rate_schedule, precision, early_stopping, n_iter_no_change,
          verbose, resume, score_name, way_out, optimizer="adam", checkpoint=None):  # fmt: skip
    """Train a network on random patches, and leave the best weights in it.

    Parameters
    ----------
    network : torch.nn.Module
        On `device`; trained in place.
    sampler : PatchSampler
        Draws the patches.
    loss : callable
        ``loss(network, sources, targets, mask)`` of tensors of shape (batch, 1, time) gives the
        scalar to minimise.
    validate : callable or None
        ``validate()`` gives the score of the network as it is: higher is better, NaN where it
        predicts what is not finite.
    device : torch.device
        Where the network is.
    rng : numpy.random.Generator
        Draws the patches; dropout draws from torch's generators.
    max_epochs, batch_size, learning_rate, learning_rate_schedule, precision, early_stopping, \
            n_iter_no_change, verbose
        As in the estimators.
    resume : bool
        The network was trained before: its weights stay unless an epoch validates better.
    score_name : str
        What the progress bar calls the score.
    way_out : str
        What makes training faster, for the warning on a CPU.
    optimizer : {"adam", "muon"}, default="adam"
        As in the estimators.
    checkpoint : Checkpoint, default=None
        Where the state is kept, after each epoch and within; training goes on from what it holds.

    Returns
    -------
    history : History
        Of the epochs that were completed.

    Warns
    -----
    UserWarning
        If training was interrupted, or will take long on a CPU.
    ConvergenceWarning
        If the loss or a prediction became infinite or NaN.
    """
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise ValueError(
            "network must have parameters to train, got none that requires a gradient: build() "
            "must give a network with weights."
        )
    history, best = History(), _Best(network)
    batches = _balanced_batches(sampler.n_patches_per_epoch, batch_size)
    loader = BatchLoader(sampler, device, rng)
    compilation = Compilation(network, device, len(batches) * max_epochs)
    rate = _Rate(learning_rate, learning_rate_schedule, len(batches) * max_epochs)
    step = _Step(network, loss, loader, rate, precision, compilation, optimizer)
    state = TrainingState(network, step.optimizer, history, best, rng, device)
    restored = checkpoint is not None and state.restore(checkpoint)
    if not restored and resume and validate is not None:
        best.update(validate(), 0)  # the weights that training goes on from compete too
    first_epoch = len(history.losses) + 1
    losses = state.epoch_losses  # of an epoch that broke off, or none
    rate.n_steps = (first_epoch - 1) * len(batches) + len(losses)
    network.train()
    with _progress_bar(max_epochs, first_epoch, verbose) as progress, torch.enable_grad(), \
            torch.inference_mode(False), Workspace(), tuned_kernels(device):  # fmt: skip
        try:
            for epoch in range(first_epoch, max_epochs + 1):
                if early_stopping and epoch - 1 - best.epoch >= n_iter_no_change:
                    break
                begin, is_first = time.perf_counter(), epoch == first_epoch
                for n_patches in batches[len(losses) :]:
                    losses.append(step(n_patches))
                    if is_first:
                        synchronize(device)
                        seconds = (time.perf_counter() - begin) * len(batches)
                        _warn_if_slow(network, seconds, max_epochs, device, way_out)
                        is_first = False
                    if checkpoint is not None and len(losses) < len(batches):
                        checkpoint.save_within_epoch(state.collect)
                mean_loss = torch.stack(losses).mean().item()  # a GPU is waited for here only
                losses.clear()
                healthy = math.isfinite(mean_loss) and _is_finite(network)
                score = validate() if healthy and validate is not None else None
                if not healthy or (score is not None and math.isnan(score)):
                    sign = "predictions are not finite" if healthy else f"loss {mean_loss:.4g}"
                    _warn_diverged(epoch, sign)
                    break
                history.append(mean_loss, score)
                best.update(score, epoch)
                _report(progress, mean_loss, score, score_name)
                if checkpoint is not None:
                    checkpoint.save(state.collect)
        except KeyboardInterrupt:
            history.interrupted = True
            _warn_interrupted(len(history.losses), checkpoint)
            if best.epoch == 0 and best.score == -math.inf and _is_finite(network):
                best.update(None, 0)  # no epoch to go back to: keep what was learned so far
    best.restore()
    network.zero_grad(set_to_none=True)  # gradients would take as much memory as the weights
    network.eval()
    return history


def _balanced_batches(n_patches, batch_size):
    """Sizes of an epoch's batches: none is left with a few patches only."""
    n_steps = -(-n_patches // batch_size)
    return [n_patches // n_steps + (i < n_patches % n_steps) for i in range(n_steps)]


def _is_finite(network):
    return all(torch.isfinite(parameter).all() for parameter in network.parameters())


class _Step:
    """One optimizer step on freshly drawn patches; calling it gives the loss."""

    def __init__(self, network, loss, loader, rate, precision, compilation, optimizer="adam"):
        self.network, self.loss, self.loader, self.rate = network, loss, loader, rate
        self.optimizer = make_optimizer(optimizer, network, rate.highest, loader.device)
        self.precision, self.compilation = precision, compilation

    def __call__(self, n_patches):
        batch = self.loader.load(n_patches)
        self.rate.set(self.optimizer)
        return self.compilation.run(lambda network: self._descend(network, batch))

    def _descend(self, network, batch):
        self.optimizer.zero_grad()
        with autocast(self.loader.device, self.precision):
            loss = self.loss(network, *batch)
        _check_loss(loss)
        # a layer's own backward would follow the caller's autocast
        with full_precision(self.loader.device.type):
            loss.backward()
            self.optimizer.step()  # Muon's products would too, and come apart in bfloat16
        return loss.detach().reshape(())


class _Rate:
    """The learning rate of each step: constant, or up a ramp and down a cosine."""

    def __init__(self, highest, schedule, n_planned):
        self.highest, self.schedule, self.n_planned = highest, schedule, n_planned
        self.n_steps = 0

    def set(self, optimizer):
        """Tell the optimizer the next step's rate."""
        if self.schedule == "constant":
            return
        for group in optimizer.param_groups:
            group["lr"] = self.highest * self._find_share()
        self.n_steps += 1

    def _find_share(self):
        ramp = (self.n_steps + 1) / max(1, _LEAST_SHARE * self.n_planned)
        cosine = 0.5 + 0.5 * math.cos(math.pi * self.n_steps / self.n_planned)
        return min(1.0, ramp, _LEAST_SHARE + (1 - _LEAST_SHARE) * cosine)


def _check_loss(loss):
    if isinstance(loss, torch.Tensor) and loss.numel() == 1 and loss.requires_grad:
        return
    what = type(loss).__name__
    if isinstance(loss, torch.Tensor):
        what = f"a tensor of shape {tuple(loss.shape)}, requires_grad={loss.requires_grad}"
    raise ValueError(
        f"objective must give a tensor of one value that depends on the prediction, got {what}: "
        "take the mean, and neither detach() nor item()."
    )


class _Best:
    """The weights of the best epoch: by validation score, or the last without one."""

    def __init__(self, network):
        self.network, self.score, self.epoch = network, -math.inf, 0
        self.weights = copy.deepcopy(network.state_dict())

    def update(self, score, epoch):
        if score is None or score > self.score:
            self.score = self.score if score is None else score
            self.epoch = epoch
            self.weights = copy.deepcopy(self.network.state_dict())

    def restore(self):
        self.network.load_state_dict(self.weights)


def _progress_bar(max_epochs, first_epoch, verbose):
    if not verbose:
        return contextlib.nullcontext()
    from tqdm.auto import tqdm

    return tqdm(total=max_epochs, initial=first_epoch - 1, unit="epoch")


def _report(progress, loss, score, score_name):
    if progress is None:
        return
    shown = {"loss": f"{loss:.4g}"}
    if score is not None:
        shown[score_name] = f"{score:.2f}"
    progress.set_postfix(shown, refresh=False)
    progress.update()


def _warn_if_slow(network, seconds_per_epoch, max_epochs, device, way_out):
    n_weights = sum(parameter.numel() for parameter in network.parameters())
    patient = seconds_per_epoch * max_epochs < _PATIENCE_SECONDS and n_weights < _MANY_WEIGHTS
    if device.type != "cpu" or patient:
        return
    warnings.warn(
        f"One epoch takes about {_format_time(seconds_per_epoch)} on this CPU, max_epochs="
        f"{max_epochs} about {_format_time(seconds_per_epoch * max_epochs)}. Two ways out: "
        f"{way_out}, or a GPU "
        '(device="cuda"). Interrupting the fit (Ctrl-C) keeps the best weights so far.',
        UserWarning,
        stacklevel=2,
    )


def _format_time(seconds):
    units = [("h", 3600), ("min", 60), ("s", 1)]
    unit, length = next((u for u in units if seconds >= 2 * u[1]), units[-1])
    return f"{seconds / length:.2g} {unit}"


def _warn_interrupted(n_epochs, checkpoint):
    way_on = "Set warm_start=True and fit again to go on."
    if checkpoint is not None:
        way_on = "The same fit goes on from the checkpoint."
    warnings.warn(
        f"Training was interrupted after {n_epochs} complete epochs: the estimator has the best "
        f"weights so far. {way_on}",
        UserWarning,
        stacklevel=2,
    )


def _warn_diverged(epoch, sign):
    warnings.warn(
        f"Training diverged in epoch {epoch} ({sign}): the estimator has the best weights "
        "before that. Lower learning_rate.",
        ConvergenceWarning,
        stacklevel=2,
    )
