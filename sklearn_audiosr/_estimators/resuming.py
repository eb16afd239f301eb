"""Where a fit starts, and the checkpoint that it resumes from."""

from numbers import Integral


def find_start(est, resume):
    """Return the `Start` of a fit.

    A fit that resumes from a checkpoint has the start of the interrupted fit.

    Parameters
    ----------
    est : LearnedUpsampler
        The estimator, about to be fitted.
    resume : bool
        Whether the fit goes on from the weights of the last one.

    Returns
    -------
    start : Start
        Start with the curves of earlier fits.
    """
    from sklearn_audiosr._training.checkpoint import Start, read_start
    from sklearn_audiosr._training.fingerprint import describe_weights

    if not resume:
        return Start([], [], "0")
    if est.checkpoint is None:
        return Start(est.loss_curve_, est.validation_scores_, "")
    interrupted = getattr(est, "_interrupted_start", None)
    if interrupted is not None and read_start(est.checkpoint) == interrupted.description:
        return interrupted
    description = f"{est.n_iter_} ({describe_weights(est.network_)})"
    return Start(est.loss_curve_, est.validation_scores_, description)


def open_checkpoint(est, pairs, held_out, ratio, start):
    """Return the `Checkpoint` of a fit, or None without one.

    Parameters
    ----------
    est : LearnedUpsampler
        The estimator, about to be fitted.
    pairs, held_out : list of (ndarray, ndarray)
        Network inputs and targets for training and for validation.
    ratio : int
        Upsampling ratio.
    start : Start
        Start of this fit.

    Returns
    -------
    checkpoint : Checkpoint or None
        Checkpoint with the fingerprint of the fit.

    Raises
    ------
    ValueError
        If `random_state` is no integer, since another fit would hold out other clips.
    """
    if est.checkpoint is None:
        return None
    from sklearn_audiosr._training.checkpoint import Checkpoint
    from sklearn_audiosr._training.fingerprint import (
        describe,
        describe_clips,
        describe_parameters,
    )

    if not isinstance(est.random_state, Integral):
        raise ValueError(
            "checkpoint needs an integer random_state, got "
            f"{est.random_state!r}: otherwise a fit that resumes would draw other validation "
            "clips. Pass random_state=0, for example."
        )
    parameters = est._get_training_parameters()
    if est.learning_rate_schedule != "constant":  # the rate depends on the last epoch
        parameters["epochs of the schedule"] = est.max_epochs
    fingerprint = {
        "architecture": describe(est._describe_architecture()),
        **describe_parameters(parameters),
        "upsampling_ratio_": str(ratio),
        "training clips": describe_clips(pairs),
        "validation clips": describe_clips(held_out),
    }
    return Checkpoint(est.checkpoint, fingerprint, start.description)
