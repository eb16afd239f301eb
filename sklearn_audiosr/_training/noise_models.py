"""Densities of the wideband waveform around a network's prediction: y = f(x) + noise.

Section 3.1 of Kuleshov, Enam and Ermon (2017). A noise model has

- ``n_outputs``: output channels that the network must have; the first is the prediction f(x);
- ``log_prob(y, output)``: the log density of each timepoint;
- ``std(output)``: the standard deviation of each timepoint;
- ``sample(output, generator)``: a draw of y;
- ``calibrate(targets, outputs)``, optional: estimates its parameters after training.

``output`` is (batch, n_outputs, time); tensors with one value per timepoint are (batch, 1, time).
All are divided by the estimator's ``scale_``.
"""

import copy
import math
from numbers import Integral
from typing import Literal, get_args

import torch

# 80 dB below the sources' level. Without it, the density of digital silence has no bound.
_LEAST_STD = 1e-4

# 30 dB below the sources' level. The likelihood's gradients grow as 1 / std**2, so pauses would
# dominate training. Predictions with floors at 40 and 80 dB were worse.
_LEAST_PREDICTED_STD = 10 ** (-30 / 20)

# A normal variable lies within this number of standard deviations with probability 0.9.
_NINE_TENTHS = 1.6448536269514722


class GaussianNoise:
    """Normal noise with one standard deviation; trains like least squares.

    Attributes
    ----------
    scale : float
        Standard deviation: 1 in training, where it does not move the minimum, then the maximum
        likelihood estimate.
    """

    n_outputs = 1

    def __init__(self):
        self.scale = 1.0

    def log_prob(self, y, output):
        """Return the log density of each timepoint."""
        return _normal_log_prob(y - output, output.new_full((), math.log(self.scale)))

    def std(self, output):
        """Return the standard deviation of each timepoint."""
        return torch.full_like(output, self.scale)

    def sample(self, output, generator):
        """Draw a waveform."""
        return output + self.scale * _standard_normal(output, generator)

    def calibrate(self, targets, outputs):
        """Set the scale to the root mean square of the errors."""
        self.scale = max(math.sqrt(_mean_error(targets, outputs, torch.square)), _LEAST_STD)


class LaplaceNoise:
    """Laplacian noise with one scale; trains on absolute errors.

    Attributes
    ----------
    scale : float
        Mean absolute error: 1 in training, then the maximum likelihood estimate.
    """

    n_outputs = 1

    def __init__(self):
        self.scale = 1.0

    def log_prob(self, y, output):
        """Return the log density of each timepoint."""
        return -(y - output).abs() / self.scale - math.log(2 * self.scale)

    def std(self, output):
        """Return the standard deviation of each timepoint."""
        return torch.full_like(output, math.sqrt(2) * self.scale)

    def sample(self, output, generator):
        """Draw a waveform."""
        options = {"generator": generator, "device": generator.device}
        uniform = torch.rand(output.shape, dtype=torch.float64, **options)
        # 1 - uniform is in (0, 1], so its logarithm is finite
        magnitude = -torch.log1p(-uniform)
        sign = 2 * torch.randint(2, output.shape, **options).float() - 1
        return output + (self.scale * sign * magnitude).to(output)

    def calibrate(self, targets, outputs):
        """Set the scale to the mean absolute error."""
        self.scale = max(_mean_error(targets, outputs, torch.abs), _LEAST_STD)


class HeteroscedasticNoise:
    """Normal noise whose log standard deviation is the network's second output.

    Attributes
    ----------
    scale : float
        Factor of all standard deviations: 1 in training. Calibration sets it so that nine tenths of
        the errors lie in the normal density's 90 % interval.
    limits : tuple of float
        Range of the network's log standard deviations. The lower limit is at least 30 dB below the
        sources' level. Calibration sets the range to that on the validation clips, widened by 1 (a
        factor of e) on both sides.
    """

    n_outputs = 2

    def __init__(self):
        self.scale = 1.0
        # a network extrapolates log standard deviations without bound
        self.limits = math.log(_LEAST_PREDICTED_STD), math.inf

    def log_prob(self, y, output):
        """Return the log density of each timepoint."""
        return _normal_log_prob(y - output[:, :1], self._log_std(output))

    def std(self, output):
        """Return the standard deviation of each timepoint."""
        return self._log_std(output).exp()

    def sample(self, output, generator):
        """Draw a waveform."""
        mean = output[:, :1]
        return mean + self.std(output) * _standard_normal(mean, generator)

    def calibrate(self, targets, outputs):
        """Set the factor from the errors, in units of the network's standard deviations."""
        self.scale = 1.0
        ratios = torch.cat([
            ((y - output[:, :1]).abs() / self.std(output)).flatten()
            for y, output in zip(targets, outputs, strict=True)
        ])  # fmt: skip
        rank = max(1, math.ceil(0.9 * len(ratios)))
        self.scale = max(float(ratios.kthvalue(rank).values) / _NINE_TENTHS, _LEAST_STD)
        least = min(float(output[:, 1:].min()) for output in outputs) - 1
        most = max(float(output[:, 1:].max()) for output in outputs) + 1
        self.limits = max(least, self.limits[0]), max(most, self.limits[0])

    def _log_std(self, output):
        return output[:, 1:].clamp(*self.limits) + math.log(self.scale)


class LogDensity:
    """Noise model of a plain function ``log_prob(y, output)``: it can only train.

    Parameters
    ----------
    log_prob : callable
        Log density of each timepoint.
    """

    n_outputs = 1

    def __init__(self, log_prob):
        self.log_prob = log_prob


# The names of the noise models.
NoiseModelName = Literal["gaussian", "laplace", "heteroscedastic"]

NOISE_MODELS = dict(
    zip(get_args(NoiseModelName), (GaussianNoise, LaplaceNoise, HeteroscedasticNoise), strict=True)
)

_METHODS = ("log_prob", "std", "sample")


def make_noise_model(noise_model):
    """Return a noise model for one fit.

    Parameters
    ----------
    noise_model : None, str, callable or object
        Parameter of `AudioSuperResolver`.

    Returns
    -------
    noise_model : object or None
        A new noise model, a copy of a user's object, or a `LogDensity` of a function.

    Raises
    ------
    TypeError
        If `noise_model` is none of these.
    """
    if noise_model is None:
        return None
    count_outputs(noise_model)
    if isinstance(noise_model, str):
        return NOISE_MODELS[noise_model]()
    return LogDensity(noise_model) if _find_missing(noise_model) else copy.deepcopy(noise_model)


def count_outputs(noise_model):
    """Return the number of network outputs that a noise model needs.

    Parameters
    ----------
    noise_model : None, str, callable or object
        As for `make_noise_model`.

    Returns
    -------
    n_outputs : int
        1 without a noise model.

    Raises
    ------
    TypeError
        If `noise_model` is none of these.
    """
    if noise_model is None:
        return 1
    if isinstance(noise_model, str) and noise_model in NOISE_MODELS:
        return NOISE_MODELS[noise_model].n_outputs
    received = repr(noise_model)
    if not isinstance(noise_model, (str, type)):
        n_outputs, missing = getattr(noise_model, "n_outputs", None), _find_missing(noise_model)
        if not missing and isinstance(n_outputs, Integral) and int(n_outputs) >= 1:
            return int(n_outputs)
        if callable(noise_model) and len(missing) == len(_METHODS):
            return LogDensity.n_outputs
        if len(missing) < len(_METHODS):
            received += f" without {', '.join(missing)}" if missing else f", n_outputs={n_outputs}"
    raise TypeError(
        f"noise_model must be None, {', '.join(map(repr, NOISE_MODELS))}, a function log_prob(y, "
        "output), or an object with log_prob(y, output), std(output), sample(output, generator) "
        f"and an integer n_outputs of at least 1, got {received}: see the user guide, "
        '"Uncertainty".'
    )


def _find_missing(noise_model):
    return [name for name in _METHODS if not callable(getattr(noise_model, name, None))]


def _normal_log_prob(errors, log_std):
    return -0.5 * (errors * torch.exp(-log_std)).square() - log_std - 0.5 * math.log(2 * math.pi)


def _standard_normal(like, generator):
    noise = torch.randn(
        like.shape, generator=generator, dtype=torch.float32, device=generator.device
    )
    return noise.to(like)


def _mean_error(targets, outputs, measure):
    """Return the mean over all timepoints of ``measure(error)``."""
    total = sum(
        float(measure((y - output).double()).sum())
        for y, output in zip(targets, outputs, strict=True)
    )
    return total / sum(y.numel() for y in targets)
