"""Training losses: functions of a batch of predictions, targets and masks.

Each takes three tensors of shape (batch, 1, time), the mask 1 where a timepoint counts and 0 in
the padding of a short clip, and gives one number to minimise.
"""

from typing import Literal, get_args

import torch

# Keeps the root's gradient finite where a patch is predicted exactly (the published program's).
_EPSILON = 1e-6

# The same of a frame whose spectrum is predicted exactly: 0.01 of log-spectral distance.
_FRAME_EPSILON = 1e-4

# Frames of the spectral losses, with a quarter of their length between them: short ones see when,
# long ones which tone.
_FRAME_LENGTHS = (512, 1024, 2048)

# Added to the power before its logarithm, relative to clips of root mean square 1: 60 to 90 dB
# below speech, about where the rounding of 16 bits lies.
_POWER_FLOOR = 1e-6

# Of "spectral": weight of the noise-to-signal ratio. With 0.3 of it, beside a distance of about the
# same size, a model of speech at r = 4 was 0.1 dB below the spline; with 0.6, 0.1 dB above.
_FIDELITY = 0.5


def rmse(prediction, target, mask):
    """Mean over patches of the root mean squared error: the published program's loss."""
    return torch.sqrt(_mean_squared_errors(prediction, target, mask) + _EPSILON).mean()


def mse(prediction, target, mask):
    """Mean squared error over all timepoints of the batch."""
    return ((prediction - target) * mask).square().sum() / mask.sum()


def paper_eq1(prediction, target, mask):
    """Equation (1) as printed: the root of the summed squared errors, over the patches' number."""
    total = ((prediction - target) * mask).square().sum()
    return torch.sqrt(total + _EPSILON) / len(prediction)


def noise_to_signal(prediction, target, mask):
    """Mean over patches of the log10 of noise over signal energy: minus a tenth of the SNR in dB.

    What the signal-to-noise ratio averages: a quiet patch counts as much as a loud one.
    """
    noise = _mean_squared_errors(prediction, target, mask)
    signal = (target * mask).square().sum(dim=(1, 2)) / mask.sum(dim=(1, 2))
    return torch.log10((noise + _EPSILON) / (signal + _EPSILON)).mean()


def multi_resolution_spectral(prediction, target, mask):
    """Mean distance of spectra in frames of three lengths: log magnitude and convergence.

    The absolute difference of the natural logarithms of the magnitudes, and the Frobenius norm of
    the magnitudes' difference relative to the target's: R. Yamamoto, E. Song and J.-M. Kim,
    "Parallel WaveGAN", ICASSP 2020, equations (4) to (6).
    """
    return _mean_over_lengths(
        lambda *powers: _log_magnitude_distance(*powers) + _convergence(*powers),
        prediction, target, mask,
    )  # fmt: skip


def log_spectral(prediction, target, mask):
    """Mean log-spectral distance in frames of three lengths: root over frequency, mean over frames.

    Of log10 of the power, as `metrics.log_spectral_distance` has it, which takes one length.
    """
    return _mean_over_lengths(_log_spectral_distance, prediction, target, mask)


def complex_spectral(prediction, target, mask):
    """Mean over frames of three lengths of the spectra's absolute difference, phase and all.

    Relative to the target's mean magnitude.
    """
    distances = []
    pairs = _spectra(prediction * mask, target * mask)
    for predicted, true in pairs:
        error = torch.view_as_real(predicted - true).abs().mean()
        distances.append(error / (torch.view_as_real(true).abs().mean() + _EPSILON))
    return sum(distances) / len(distances)


def spectral(prediction, target, mask):
    """Log-spectral distance, and so much of the noise-to-signal ratio.

    The distance alone is free to give the highband any phase and the lowband a little noise; the
    ratio holds the waveform.
    """
    noise = noise_to_signal(prediction, target, mask)
    return log_spectral(prediction, target, mask) + _FIDELITY * noise


# The list of losses: a function of this name each.
ObjectiveName = Literal[
    "rmse",
    "mse",
    "paper_eq1",
    "noise_to_signal",
    "multi_resolution_spectral",
    "log_spectral",
    "complex_spectral",
    "spectral",
]

OBJECTIVES = {name: globals()[name] for name in get_args(ObjectiveName)}


def find_objective(objective, network):
    """Return the loss that an estimator asks for, or else its network.

    Parameters
    ----------
    objective : str, callable or None
        Of the estimator; None means the network's ``default_objective``, or "rmse".
    network : torch.nn.Module
        May have a ``default_objective``, a name.

    Returns
    -------
    objective : callable
        ``objective(prediction, target, mask)``.

    Raises
    ------
    ValueError
        If there is no loss of that name.
    """
    if callable(objective):
        return objective
    origin, name = "objective", objective
    if name is None:
        origin, name = (
            "the network's default_objective",
            getattr(network, "default_objective", "rmse"),
        )
    if not isinstance(name, str) or name not in OBJECTIVES:
        raise ValueError(
            f"{origin} must be one of {', '.join(map(repr, OBJECTIVES))}, or a function, got "
            f"{name!r}: take one of these names, or pass AudioSuperResolver(objective=...)."
        )
    return OBJECTIVES[name]


def _spectra(*waveforms):
    """Yield the spectra of waveforms (batch, 1, time) in frames of each length."""
    for frame_length in _FRAME_LENGTHS:
        window = torch.hann_window(frame_length, device=waveforms[0].device)
        yield [
            torch.stft(
                # bfloat16 has no transform; silence beyond the ends: a patch of any length will do
                waveform[:, 0].float(), frame_length, frame_length // 4, window=window,
                pad_mode="constant", return_complex=True,
            )
            for waveform in waveforms
        ]  # fmt: skip


def _power_spectra(*waveforms):
    for spectra in _spectra(*waveforms):
        yield [s.real.square() + s.imag.square() + _POWER_FLOOR for s in spectra]


def _mean_over_lengths(distance, prediction, target, mask):
    """Mean of ``distance(predicted, true)`` of the power spectra, over frames of all lengths."""
    pairs = _power_spectra(prediction * mask, target * mask)
    distances = [distance(predicted, true) for predicted, true in pairs]
    return sum(distances) / len(distances)


def _log_magnitude_distance(predicted, true):
    return (torch.log(predicted) - torch.log(true)).abs().mean() / 2


def _log_spectral_distance(predicted, true):
    squares = (torch.log10(predicted) - torch.log10(true)).square().mean(dim=1)
    return torch.sqrt(squares + _FRAME_EPSILON).mean()


def _convergence(predicted, true):
    difference = (predicted.sqrt() - true.sqrt()).square().sum()
    return torch.sqrt(difference / true.sum() + _EPSILON)


def _mean_squared_errors(prediction, target, mask):
    """Mean squared error of each patch, shape (batch,)."""
    errors = ((prediction - target) * mask).square().sum(dim=(1, 2))
    return errors / mask.sum(dim=(1, 2))
