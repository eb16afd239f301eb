"""Save fitted estimators in model files, and restore them.

The model is a JSON object with ``estimator``, the name of the class; ``parameters`` of its
constructor; ``learned``, its learned attributes; ``dtype`` of the network's weights; and ``card``.
Filters and weights are arrays beside it: ``coef_``, or ``network_.first.bias`` for example.

Each estimator lists in ``_learned`` the attributes that its fit learns, each with its kind of
value. "filters" and "network" are stored as arrays, the other kinds as JSON.
"""

import math

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_audiosr._persistence.attributes import (
    CODECS,
    decode_curve,
    decode_scale,
    encode_curve,
)
from sklearn_audiosr._persistence.errors import ProblemError
from sklearn_audiosr._persistence.model_file import pack_model, unpack_model, write_file
from sklearn_audiosr._persistence.parameters import decode_parameters, encode_parameters
from sklearn_audiosr._persistence.values import check_names, encode_card, problem_of
from sklearn_audiosr._persistence.weights import (
    build_without_weights,
    check_array,
    collect_weights,
    fill_weights,
)

_FIELDS = ("estimator", "parameters", "learned", "dtype", "card")
_DTYPES = ("float32", "float16")
_ARRAYS = ("filters", "network")


def save_estimator(est, path, *, card=None, dtype="float32"):
    """Save a fitted estimator: see `BaseUpsampler.save`.

    Parameters
    ----------
    est : BaseUpsampler
        A fitted estimator of this package.
    path : path-like
        The file.
    card : dict, default=None
        Notes about the model.
    dtype : {"float32", "float16"}, default="float32"
        Type of the network's weights in the file.
    """
    _check_class(est)
    check_is_fitted(est)
    if dtype not in _DTYPES:
        raise ValueError(f"dtype must be 'float32' or 'float16', got {dtype!r}: pass one of them.")
    parameters = encode_parameters(est)
    _check_unchanged(est)
    model = {
        "estimator": type(est).__name__,
        "parameters": parameters,
        "learned": {name: _encode(kind, getattr(est, name)) for name, kind in _fields_of(est)},
        "dtype": dtype,
        "card": encode_card(card),
    }
    try:
        content = pack_model(model, _collect_arrays(est, dtype))
        # read it before it is written: there must be no file that can't be loaded
        restore_estimator(type(est), *unpack_model(content)[:2])
    except ProblemError as error:
        name = type(est).__name__
        raise ValueError(f"{name} can't be saved: {error}. {error.way_to_save}") from error
    write_file(path, content)


def restore_estimator(cls, model, arrays):
    """Return the estimator of a model file.

    Parameters
    ----------
    cls : type
        Class of the estimator, which the model names.
    model : dict
        Model from a file, which is not trusted.
    arrays : dict of str to ndarray
        Arrays of the same file.

    Returns
    -------
    est : BaseUpsampler
        The fitted estimator, with ``card_``.

    Raises
    ------
    ProblemError
        If a field is missing, unknown, of another type or out of its range.
    """
    check_names(model, _FIELDS, "the model")
    fields = dict(_fields_of(cls))
    check_names(model["learned"], fields, "learned")
    if model["dtype"] not in _DTYPES:
        raise ProblemError(f"dtype must be 'float32' or 'float16', got {model['dtype']!r:.80}")
    if not isinstance(model["card"], dict | None):
        raise ProblemError(f"card must be a dict or None, got {model['card']!r:.80}")
    with problem_of("its parameters don't fit"):
        est = cls(**decode_parameters(cls, model["parameters"]))
        est._validate_params()
    for name, kind in fields.items():
        setattr(est, name, _decode(kind, name, model["learned"][name], est))
    _restore_arrays(est, arrays, model["dtype"])
    est.card_ = model["card"]
    return est


def _fields_of(est):
    """Return name and kind of the learned attributes that are stored as JSON."""
    return [(name, kind) for name, kind in est._learned.items() if kind not in _ARRAYS]


def _check_class(est):
    cls = type(est)
    if cls.__module__.startswith("sklearn_audiosr.") and hasattr(cls, "_learned"):
        return
    remedy = "pickle it, with joblib.dump for example"
    if hasattr(est, "steps"):
        remedy = f"of a Pipeline, save the step, pipeline[{len(est.steps) - 1}]"
    raise TypeError(
        f"save() takes an estimator of sklearn_audiosr itself, got {cls.__name__}: {remedy}."
    )


def _check_unchanged(est):
    """Raise ValueError if a parameter that shapes what was learned was changed since the fit."""
    pairs = []
    if hasattr(est, "coef_"):
        pairs.append((f"n_taps={len(est.coef_)}", f"n_taps={est.n_taps}"))
    if hasattr(est, "network_"):
        pairs.append((est._trained_architecture, est._describe_architecture()))
    if hasattr(est, "noise_model_"):
        pairs.append((_name_noise(est.noise_model_), _name_noise(est._make_noise_model())))
    for fitted, present in pairs:
        if fitted != present:
            raise ValueError(
                f"{type(est).__name__} must have the parameters of its fit to be saved, {fitted}, "
                f"got {present}: set them back, or fit again."
            )


def _name_noise(noise_model):
    return f"noise_model_={noise_model and type(noise_model).__name__}"


def _encode(kind, value):
    if kind == "noise model":
        return _encode_noise_model(value)
    encode, _ = CODECS[kind]
    return encode(value)


def _decode(kind, name, value, est):
    if kind == "noise model":
        return _decode_noise_model(name, value, est)
    _, decode = CODECS[kind]
    return decode(name, value)


def _encode_noise_model(noise_model):
    if noise_model is None:
        return None
    values = {k: encode_curve(np.atleast_1d(v)) for k, v in vars(noise_model).items()}
    return {"class": type(noise_model).__name__, **values}


def _decode_noise_model(name, value, est):
    with problem_of("its noise model is unknown"):
        noise_model = est._make_noise_model()
    other = ProblemError(f"{name} must fit noise_model={est.noise_model!r}, got {value!r:.80}")
    if noise_model is None or value is None:
        if noise_model is not value:
            raise other
        return None
    check_names(value, ("class", *vars(noise_model)), name)
    if value["class"] != type(noise_model).__name__:
        raise other
    curves = {k: decode_curve(f"{name}.{k}", value[k]) for k in vars(noise_model)}
    scale, limits = curves["scale"], curves.get("limits", [0.0, 0.0])
    if len(scale) != 1 or len(limits) != 2 or not -math.inf < limits[0] <= limits[1]:
        raise ProblemError(f"{name} must have one scale and two limits in order, got {value!r:.80}")
    noise_model.scale = decode_scale(f"{name}.scale", scale[0])
    if "limits" in curves:
        noise_model.limits = tuple(limits)
    return noise_model


def _collect_arrays(est, dtype):
    kinds = est._learned.values()
    if "network" in kinds:
        return collect_weights(est.network_, dtype)
    return {"coef_": np.array(est.coef_, order="C")} if "filters" in kinds else {}


def _restore_arrays(est, arrays, dtype):
    kinds = est._learned.values()
    if "network" in kinds:
        _restore_network(est, arrays, dtype)
        return
    check_names(arrays, ("coef_",) if "filters" in kinds else (), "the arrays")
    if "filters" in kinds:
        shape = (est.n_taps, est.upsampling_ratio_)
        est.coef_ = check_array("coef_", arrays["coef_"], shape, "float64")


def _restore_network(est, arrays, dtype):
    ratio = est.upsampling_ratio_
    _check_blocks(est, len(arrays))
    with problem_of("its network can't be built"):
        est._check_parameters(ratio)
        network = build_without_weights(lambda: est._build_network(ratio))
        est._trained_architecture = est._describe_architecture()
    fill_weights(network, arrays, dtype)
    est.network_ = network.eval()
    est.n_iter_ = len(est.loss_curve_)
    est._interrupted_start = None


def _check_blocks(est, n_arrays):
    """Raise `ProblemError` for more blocks than arrays: to build thousands takes seconds."""
    for name, value in est.get_params().items():
        if name.endswith("_blocks") and isinstance(value, int) and value > n_arrays:
            raise ProblemError(f"{name} must be at most {n_arrays}, one an array, got {value}")
