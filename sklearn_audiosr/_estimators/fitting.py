"""Training of an estimator's network: everything around the training loop."""

import copy

import numpy as np

from sklearn_audiosr._estimators.network_config import has_method
from sklearn_audiosr._estimators.network_input import NetworkInput
from sklearn_audiosr._estimators.resuming import find_start, open_checkpoint


def train_network(est, sampler, held_out, network_input, seed, resume, tasks):
    """Train the network of an estimator and set the estimator's attributes.

    Fits in threads of one process take turns. An error leaves the last fit as it was.

    Parameters
    ----------
    est : LearnedUpsampler
        The estimator, about to be fitted.
    sampler : PatchSampler
        Draws patches from the training clips.
    held_out : list of (ndarray, ndarray)
        Network inputs and targets for validation.
    network_input : NetworkInput
        Makes the network's input from a clip.
    seed : int
        Seeds weights, patches and dropout.
    resume : bool
        Whether to go on from the weights of the last fit.
    tasks : FitTasks
        Calls scikit-learn's callbacks.

    Raises
    ------
    ValueError, TypeError
        If a parameter, the network or the loss is illegal, or a checkpoint is of another fit.
    KeyboardInterrupt
        If Ctrl-C ended the training; the estimator then has the best weights so far.
    """
    import torch

    from sklearn_audiosr._torch import default_device, private_generators, resolve_device
    from sklearn_audiosr._training.batches import BatchLoader
    from sklearn_audiosr._training.loop import train

    device = resolve_device(est.device)
    # weights made in a caller's inference mode can't be trained
    with torch.inference_mode(False), private_generators(device, seed), default_device(device):
        start = find_start(est, resume)
        checkpoint = open_checkpoint(est, sampler.pairs(), held_out, network_input.ratio, start)
        with default_device("cpu"):  # weights are drawn on the CPU for every device
            network = _open_network(est, sampler, network_input.ratio, resume).to(device)
        head = est._make_head(network)

        def view_training(training):
            view = copy.copy(est)
            view._keep_fit(training.network, training.history, network_input, start, head)
            return view

        history = train(
            network,
            BatchLoader(sampler, device, np.random.default_rng(seed)),
            head.loss,
            est._make_validation(head, network, held_out, device),
            _make_schedule(est, network),
            _make_callbacks(est, head, checkpoint, view_training, tasks),
            resume,
        )
        _calibrate(head, network, held_out or sampler.pairs(), device, est.precision)
        network.to("cpu").eval()  # so that it unpickles on machines without a GPU
        est._keep_fit(network, history, network_input, start, head)
        est._interrupted_start = start if history.interruption else None
        if history.interruption is not None:
            _raise_interruption(history, checkpoint)
        if checkpoint is not None:
            checkpoint.remove()  # here, before another fit may use the same file


def _raise_interruption(history, checkpoint):
    """Raise the KeyboardInterrupt that ended a training: searches and scripts must stop, too."""
    advice = "Set warm_start=True and fit again to go on."
    if checkpoint is not None:
        advice = "The same fit goes on from the checkpoint."
    note = (
        f"Training was interrupted after {len(history.losses)} complete epochs: the estimator has "
        f"the best weights so far. {advice}"
    )
    # no warning: one that a filter makes an error would take the place of the interruption
    if note not in getattr(history.interruption, "__notes__", []):  # an error may come twice
        history.interruption.add_note(note)
    raise history.interruption


def adopt_network(est, network, ratio, scale):
    """Set up an estimator for a warm start from a given network.

    Parameters
    ----------
    est : LearnedUpsampler
        Its attributes are set.
    network : torch.nn.Module
        A network like the one that the estimator's config builds for the ratio.
    ratio : int
        Upsampling ratio.
    scale : float
        Root mean square of the narrowband clips that the network has seen.
    """
    from sklearn_audiosr._training.checkpoint import Start
    from sklearn_audiosr._training.state import History

    source, head = NetworkInput(est._interpolation, ratio, scale), est._make_head(network)
    est._keep_fit(network.to("cpu").eval(), History(), source, Start([], [], "0"), head)
    est._interrupted_start = None


def _open_network(est, sampler, ratio, resume):
    """Return a new network, or a copy of the last fit's."""
    if resume:
        return copy.deepcopy(est.network_).float()
    network = est._build_network(ratio)
    if has_method(network, "prepare"):
        network.prepare(sampler.pairs())
    return network.float()


def _make_schedule(est, network):
    from sklearn_audiosr._training.schedule import Schedule

    networks_own = getattr(network, "default_optimizer", "adam")
    chosen = getattr(est, "optimizer", networks_own)
    return Schedule(
        max_epochs=est.max_epochs,
        batch_size=est.batch_size,
        learning_rate=est.learning_rate,
        learning_rate_schedule=est.learning_rate_schedule,
        optimizer=networks_own if chosen is None else chosen,
        precision=est.precision,
    )


def _make_callbacks(est, head, checkpoint, view_training, tasks):
    from sklearn_audiosr._training import callbacks

    chosen: list[callbacks.Callback] = []
    if checkpoint is not None:
        chosen.append(callbacks.SaveCheckpoint(checkpoint, getattr(head, "objective", None)))
    if est.early_stopping:
        chosen.append(callbacks.EarlyStopping(est.n_iter_no_change))
    if est.verbose:
        chosen.append(callbacks.ProgressBar(head.score_name))
    chosen.append(callbacks.WarnSlow(est._faster_fit))
    functions = [*tasks.functions, *(est.callbacks or ())]
    return chosen + [callbacks.CallFunction(function, view_training) for function in functions]


def make_validation(head, network, held_out, device, precision):
    """Return a function that computes the mean score of a network over held-out clips.

    Parameters
    ----------
    head : WaveformHead
        Scores the outputs.
    network : torch.nn.Module
        The network, on `device`.
    held_out : list of (ndarray, ndarray)
        Network inputs and targets; silent targets are left out.
    device : torch.device
        Device of the network.
    precision : str
        Number format of the network.

    Returns
    -------
    validate : callable or None
        ``validate()`` returns the score, or NaN if a prediction is not finite. None without clips.
    """
    from sklearn_audiosr._prediction.chunked import open_array, predict_clips

    held_out = [(source, target) for source, target in held_out if np.any(target)]
    if not held_out:
        return None
    sources = [open_array(source) for source, _ in held_out]

    def validate():
        outputs = predict_clips(network, sources, device, precision, n_outputs=head.n_outputs)
        scores = [
            head.score(target, output) if np.isfinite(output).all() else np.nan
            for (_, target), output in zip(held_out, outputs, strict=True)
        ]
        return float(np.mean(scores))

    return validate


def _calibrate(head, network, pairs, device, precision):
    """Calibrate the head, if it needs that, on predictions of the trained network."""
    from sklearn_audiosr._prediction.chunked import open_array, predict_clips

    if not head.needs_calibration:
        return
    sources = [open_array(source) for source, _ in pairs]
    outputs = predict_clips(network, sources, device, precision, n_outputs=head.n_outputs)
    head.calibrate([target for _, target in pairs], outputs)
