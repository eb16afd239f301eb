"""Training losses: functions of a batch of predictions, targets and masks.

Each takes three tensors of shape (batch, 1, time) and returns one number to minimise. The mask is 1
where a timepoint counts and 0 in the padding of a short clip.
"""

import copy
from functools import lru_cache
from typing import Literal, get_args

import torch
from torch.nn import functional

# Keeps the root's gradient finite for an exact prediction; the value of the published program.
_EPSILON = 1e-6

# The same for the spectrum of a frame: 0.01 of log-spectral distance.
_FRAME_EPSILON = 1e-4

# Frame lengths of the spectral losses; the hop is a quarter of each. Short frames resolve time,
# long ones frequency.
_FRAME_LENGTHS = (512, 1024, 2048)

# Frame lengths of the losses of levels: 20, 10 and 5 ms at 16 kHz.
_LEVEL_LENGTHS = (320, 160, 80)

# Bands in a wide band.
_WIDE = 7

# Frames, lags and number of bands in the distance of periodicity: 64 ms, 2.5 to 14 ms at 16 kHz.
_PITCH_LENGTH, _SHORTEST_LAG, _LONGEST_LAG, _N_PITCH_BANDS = 1024, 40, 224, 4

# Weight of the distance of periodicity in "levels".
_PERIODICITY = 10.0

# Added to the power before the logarithm, for clips of root mean square 1. It lies 60 to 90 dB
# below speech, near the rounding noise of 16 bits.
_POWER_FLOOR = 1e-6

# Weight of the noise-to-signal ratio in "spectral", beside a distance of about the same size. A
# speech model at r = 4 was 0.1 dB below the spline with 0.3, and 0.1 dB above with 0.6.
_FIDELITY = 0.5


def rmse(prediction, target, mask):
    """Return the mean over patches of the root mean squared error: the published program's loss."""
    return torch.sqrt(_mean_squared_errors(prediction, target, mask) + _EPSILON).mean()


def mse(prediction, target, mask):
    """Return the mean squared error over all timepoints of the batch."""
    return ((prediction - target) * mask).square().sum() / mask.sum()


def paper_eq1(prediction, target, mask):
    """Return equation (1) as printed: root of the summed squared error / number of patches."""
    total = ((prediction - target) * mask).square().sum()
    return torch.sqrt(total + _EPSILON) / len(prediction)


def noise_to_signal(prediction, target, mask):
    """Return the mean over patches of log10(noise / signal energy): minus a tenth of the SNR in dB.

    A quiet patch counts as much as a loud one, as in the mean signal-to-noise ratio.
    """
    noise = _mean_squared_errors(prediction, target, mask)
    signal = (target * mask).square().sum(dim=(1, 2)) / mask.sum(dim=(1, 2))
    return torch.log10((noise + _EPSILON) / (signal + _EPSILON)).mean()


def multi_resolution_spectral(prediction, target, mask):
    """Return the mean over three frame lengths of log magnitude distance plus convergence.

    The first is the absolute difference of the magnitudes' natural logarithms. The second is the
    Frobenius norm of the magnitudes' difference relative to the target's. Source: R. Yamamoto,
    E. Song and J.-M. Kim, "Parallel WaveGAN", ICASSP 2020, equations (4) to (6).
    """
    return _mean_over_lengths(
        lambda *powers: _log_magnitude_distance(*powers) + _convergence(*powers),
        prediction, target, mask,
    )  # fmt: skip


def log_spectral(prediction, target, mask):
    """Return the mean over three frame lengths of the log-spectral distance.

    The distance is the root over frequency and mean over frames of log10 power differences, as in
    `metrics.log_spectral_distance`, which takes one frame length.
    """
    return _mean_over_lengths(_log_spectral_distance, prediction, target, mask)


def complex_spectral(prediction, target, mask):
    """Return the mean over three frame lengths of the complex spectra's absolute difference.

    The difference is relative to the target's mean magnitude, and includes the phase.
    """
    distances = []
    pairs = _spectra(prediction * mask, target * mask)
    for predicted, true in pairs:
        error = torch.view_as_real(predicted - true).abs().mean()
        distances.append(error / (torch.view_as_real(true).abs().mean() + _EPSILON))
    return sum(distances) / len(distances)


def spectral(prediction, target, mask):
    """Return the log-spectral distance plus the weighted noise-to-signal ratio.

    The distance alone allows any phase in the highband and a little noise in the lowband. The ratio
    constrains the waveform.
    """
    noise = noise_to_signal(prediction, target, mask)
    return log_spectral(prediction, target, mask) + _FIDELITY * noise


def band_levels(prediction, target, mask):
    """Return the mean over three short frame lengths of a distance of levels in bands.

    Bands are one and seven equivalent rectangular bandwidths (ERB) wide. Log10 powers count with
    Huber's loss: squared errors up to 10 dB, so that levels tend to the mean in dB.
    """
    distances = []
    for frame_length in _LEVEL_LENGTHS:
        bands = _erb_bands(frame_length, prediction.device)
        predicted, true = (
            torch.log10(torch.matmul(bands, power) + _POWER_FLOOR)
            for power in _level_powers(frame_length, prediction * mask, target * mask)
        )
        error = predicted - true  # (batch, bands, frames)
        wide = functional.avg_pool1d(error.transpose(1, 2), _WIDE, ceil_mode=True)
        distances += [_huber(error), _huber(wide)]
    return sum(distances) / len(_LEVEL_LENGTHS)


def periodicity(prediction, target, mask):
    """Return the mean squared difference of normalised autocorrelations in four bands.

    At lags of 2.5 to 14 ms, where the pitch of a voice lies: harmonics and noise of the same level
    differ there.
    """
    predicted, true = (_autocorrelations(w * mask) for w in (prediction, target))
    return (predicted - true).square().mean()


def levels(prediction, target, mask):
    """Return the distance of levels in bands, plus weighted LSD and distance of periodicity."""
    distances = ((band_levels, 1.0), (log_spectral, 0.5), (periodicity, _PERIODICITY))
    return sum(weight * distance(prediction, target, mask) for distance, weight in distances)


# The list of losses; each is the name of a function above.
ObjectiveName = Literal[
    "rmse",
    "mse",
    "paper_eq1",
    "noise_to_signal",
    "multi_resolution_spectral",
    "log_spectral",
    "complex_spectral",
    "spectral",
    "band_levels",
    "periodicity",
    "levels",
]

OBJECTIVES = {name: globals()[name] for name in get_args(ObjectiveName)}


def find_objective(objective, network):
    """Return the loss of an estimator, or else its network's default.

    Parameters
    ----------
    objective : str, callable or None
        Parameter of the estimator. None means the network's ``default_objective``, or "rmse".
    network : torch.nn.Module
        Network, perhaps with a name as ``default_objective``.

    Returns
    -------
    objective : callable
        ``objective(prediction, target, mask)``; a copy of one that has a state.

    Raises
    ------
    ValueError
        If no loss has that name.
    """
    if callable(objective):
        # fit must not change a parameter
        return copy.deepcopy(objective) if has_state(objective) else objective
    origin, others, name = "objective", ", or a function", objective
    if name is None:
        origin, others = "the network's default_objective", ""
        name = getattr(network, "default_objective", "rmse")
    if not isinstance(name, str) or name not in OBJECTIVES:
        raise ValueError(
            f"{origin} must be one of {', '.join(map(repr, OBJECTIVES))}{others}, got "
            f"{name!r}: take one of these names, or pass AudioSuperResolver(objective=...)."
        )
    return OBJECTIVES[name]


def has_state(objective):
    """Return whether a loss has a state that it can hand out and take back."""
    names = ("state_dict", "load_state_dict")
    return all(callable(getattr(type(objective), name, None)) for name in names)


def _level_powers(frame_length, *waveforms):
    window = torch.hann_window(frame_length, dtype=torch.float32, device=waveforms[0].device)
    for waveform in waveforms:
        spectrum = torch.stft(
            waveform[:, 0].float(), frame_length, frame_length // 4, window=window,
            pad_mode="constant", return_complex=True,
        )  # fmt: skip
        yield (spectrum.real.square() + spectrum.imag.square()) / window.square().sum()


def _autocorrelations(waveform):
    """Return normalised autocorrelations (batch, frames, bands, lags) of a waveform's bands."""
    length = _PITCH_LENGTH
    waveform = functional.pad(waveform[:, 0].float(), (length // 2, length // 2))
    window = torch.hann_window(length, dtype=torch.float32, device=waveform.device)
    # twice as long, or the end of a frame would meet its beginning
    spectrum = torch.fft.rfft(waveform.unfold(1, length, length // 2) * window, 2 * length)
    power = spectrum.real.square() + spectrum.imag.square()
    edges = torch.arange(_N_PITCH_BANDS, device=waveform.device)[:, None] * length / _N_PITCH_BANDS
    bins = torch.arange(length + 1, device=waveform.device)
    bands = (bins >= edges) & (bins < edges + length / _N_PITCH_BANDS)
    correlation = torch.fft.irfft(power[:, :, None] * bands)
    scale = correlation[..., :1] + _POWER_FLOOR * length
    return correlation[..., _SHORTEST_LAG : _LONGEST_LAG + 1] / scale


@lru_cache(maxsize=16)
def _erb_bands(frame_length, device):
    """Return the matrix (bands, bins) of means over bands of one ERB at 16 kHz, or of one bin."""
    n_bins = frame_length // 2 + 1
    f = torch.arange(n_bins, dtype=torch.float32, device="cpu") * (16000 / frame_length)
    band = torch.floor(21.4 * torch.log10(1 + 0.00437 * f))
    band = torch.unique(band, return_inverse=True)[1]
    matrix = torch.nn.functional.one_hot(band).T.float()
    return (matrix / matrix.sum(dim=1, keepdim=True)).to(device)


def _huber(error):
    return 2 * functional.huber_loss(error, torch.zeros_like(error))


def _spectra(*waveforms):
    """Yield the spectra of waveforms (batch, 1, time) in frames of each length."""
    for frame_length in _FRAME_LENGTHS:
        window = torch.hann_window(frame_length, dtype=torch.float32, device=waveforms[0].device)
        yield [
            torch.stft(
                # float32: torch.stft takes no bfloat16; zero padding: patches may be short
                waveform[:, 0].float(), frame_length, frame_length // 4, window=window,
                pad_mode="constant", return_complex=True,
            )
            for waveform in waveforms
        ]  # fmt: skip


def _power_spectra(*waveforms):
    for spectra in _spectra(*waveforms):
        yield [s.real.square() + s.imag.square() + _POWER_FLOOR for s in spectra]


def _mean_over_lengths(distance, prediction, target, mask):
    """Return the mean over frame lengths of ``distance(predicted, true)`` of power spectra."""
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
    """Return the mean squared error of each patch, shape (batch,)."""
    errors = ((prediction - target) * mask).square().sum(dim=(1, 2))
    return errors / mask.sum(dim=(1, 2))
