"""What estimators learned, beside weights, as JSON has it, and back."""

import math
from collections.abc import Callable

import numpy as np

from sklearn_audiosr._persistence.errors import ProblemError
from sklearn_audiosr._persistence.values import check_names, problem_of

_MAX_RATIO = 2**16

# JSON has no such numbers; the score of a perfect prediction is infinite.
_NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def encode_learned(name, value):
    """Give a learned attribute as JSON has it."""
    encode, _ = _CODECS[name]
    return encode(value)


def decode_learned(name, value, est):
    """Give a learned attribute of a file's; `est` has its parameters, and what was learned before.

    Raises `ProblemError` if it is of another type or out of its range.
    """
    _, decode = _CODECS[name]
    return decode(name, value, est)


def _encode_curve(values):
    values = [float(value) for value in values]
    return [value if math.isfinite(value) else str(value) for value in values]


def _encode_noise_model(noise_model):
    if noise_model is None:
        return None
    values = {k: _encode_curve(np.atleast_1d(v)) for k, v in vars(noise_model).items()}
    return {"class": type(noise_model).__name__, **values}


def _decode_ratio(name, value, est):
    if type(value) is not int or not 2 <= value <= _MAX_RATIO:
        raise ProblemError(f"{name} must be an integer from 2 to {_MAX_RATIO}, got {value!r:.80}")
    return value


def _decode_scale(name, value, est=None):
    least, most = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
    if type(value) not in (int, float) or not least <= value <= most:
        raise ProblemError(f"{name} must be a positive number of float32, got {value!r:.80}")
    return float(value)


def _decode_curve(name, values, est=None):
    if not isinstance(values, list):
        raise ProblemError(f"{name} must be a list of numbers, got {values!r:.80}")
    return [_decode_number(f"{name}[{i}]", value) for i, value in enumerate(values)]


def _decode_number(name, value):
    if isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if type(value) not in (int, float):
        raise ProblemError(f"{name} must be a number, got {value!r:.80}")
    return float(value)


def _decode_noise_model(name, value, est):
    with problem_of("its noise model is unknown"):
        noise_model = est._make_noise_model()
    if noise_model is None or value is None:
        if noise_model is not value:
            raise ProblemError(
                f"{name} must fit noise_model={est.noise_model!r}, got {value!r:.80}"
            )
        return None
    check_names(value, ("class", *vars(noise_model)), name)
    if value["class"] != type(noise_model).__name__:
        raise ProblemError(f"{name} must fit noise_model={est.noise_model!r}, got {value!r:.80}")
    curves = {k: _decode_curve(f"{name}.{k}", value[k]) for k in vars(noise_model)}
    scale, limits = curves["scale"], curves.get("limits", [0.0, 0.0])
    if len(scale) != 1 or len(limits) != 2 or not -math.inf < limits[0] <= limits[1]:
        raise ProblemError(f"{name} must have one scale and two limits in order, got {value!r:.80}")
    noise_model.scale = _decode_scale(f"{name}.scale", scale[0])
    if "limits" in curves:
        noise_model.limits = tuple(limits)
    return noise_model


# How each learned attribute becomes JSON, and comes back.
_CODECS: dict[str, tuple[Callable, Callable]] = {
    "upsampling_ratio_": (int, _decode_ratio),
    "scale_": (float, _decode_scale),
    "loss_curve_": (_encode_curve, _decode_curve),
    "validation_scores_": (_encode_curve, _decode_curve),
    "noise_model_": (_encode_noise_model, _decode_noise_model),
}
