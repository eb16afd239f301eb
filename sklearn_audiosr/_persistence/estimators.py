"""Fitted estimators as a model of plain values and arrays, and back.

The model, a JSON object, has ``estimator``, the name of its class; ``parameters``, of its
constructor; ``learned``, its attributes; ``dtype``, of the network's weights; and ``card``. The
arrays are ``coef_``, or the weights and buffers of ``network_``: ``network_.first.bias``, for
example. Classes are looked up among those of this package: no name in a file is imported.
"""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_audiosr._persistence.attributes import decode_learned, encode_learned
from sklearn_audiosr._persistence.errors import ProblemError
from sklearn_audiosr._persistence.model_file import pack_model, unpack_model, write_file
from sklearn_audiosr._persistence.parameters import decode_parameters, encode_parameters
from sklearn_audiosr._persistence.values import check_names, encode_card, problem_of
from sklearn_audiosr._persistence.weights import check_array, collect_weights, restore_network

# What each estimator learns, beside its arrays; ``n_iter_`` is the length of ``loss_curve_``.
_TRAINED = ("upsampling_ratio_", "scale_", "loss_curve_", "validation_scores_")
LEARNED = {
    "SplineUpsampler": ("upsampling_ratio_",),
    "LinearUpsampler": ("upsampling_ratio_",),
    "DNNBandwidthExtender": _TRAINED,
    "AudioSuperResolver": (*_TRAINED, "noise_model_"),
}

_FIELDS = ("estimator", "parameters", "learned", "dtype", "card")
_DTYPES = ("float32", "float16")


def save_estimator(est, path, *, card=None, dtype="float32"):
    """Save a fitted estimator: see `BaseUpsampler.save`.

    Parameters
    ----------
    est : BaseUpsampler
        Of this package, fitted.
    path : path-like
        The file.
    card : dict, default=None
        What is to be known about the model.
    dtype : {"float32", "float16"}, default="float32"
        Of the network's weights.
    """
    name = _name_estimator(est)
    check_is_fitted(est)
    if dtype not in _DTYPES:
        raise ValueError(f"dtype must be 'float32' or 'float16', got {dtype!r}: pass one of them.")
    parameters = encode_parameters(est)
    _check_unchanged(est, name)
    model = {
        "estimator": name,
        "parameters": parameters,
        "learned": {key: encode_learned(key, getattr(est, key)) for key in LEARNED[name]},
        "dtype": dtype,
        "card": encode_card(card),
    }
    try:
        content = pack_model(model, _collect_arrays(est, dtype))
        # what can't be loaded gets no file: it is read before it is written
        restore_estimator(type(est), *unpack_model(content)[:2])
    except ProblemError as error:
        raise ValueError(f"{name} can't be saved: {error}. {error.way_to_save}") from error
    write_file(path, content)


def restore_estimator(cls, model, arrays):
    """Make the estimator of a model file.

    Parameters
    ----------
    cls : type
        Of the estimator, as the model names it.
    model : dict
        Of a file: nothing in it is trusted.
    arrays : dict of str to ndarray
        Of the same file.

    Returns
    -------
    est : BaseUpsampler
        Fitted, with ``card_``.

    Raises
    ------
    ProblemError
        If a field is missing, unknown, of another type or out of its range.
    """
    check_names(model, _FIELDS, "the model")
    check_names(model["learned"], LEARNED[cls.__name__], "learned")
    if model["dtype"] not in _DTYPES:
        raise ProblemError(f"dtype must be 'float32' or 'float16', got {model['dtype']!r:.80}")
    if not isinstance(model["card"], dict | None):
        raise ProblemError(f"card must be a dict or None, got {model['card']!r:.80}")
    with problem_of("its parameters don't fit"):
        est = cls(**decode_parameters(cls, model["parameters"]))
        est._validate_params()
    for key in LEARNED[cls.__name__]:
        setattr(est, key, decode_learned(key, model["learned"][key], est))
    _restore_arrays(est, arrays, model["dtype"])
    est.card_ = model["card"]
    return est


def _name_estimator(est):
    cls = type(est)
    if cls.__module__.startswith("sklearn_audiosr.") and cls.__name__ in LEARNED:
        return cls.__name__
    remedy = "pickle it, with joblib.dump for example"
    if hasattr(est, "steps"):
        remedy = f"of a Pipeline, save the step, pipeline[{len(est.steps) - 1}]"
    raise TypeError(
        f"save() takes an estimator of this package, {', '.join(LEARNED)}, got {cls.__name__}: "
        f"{remedy}."
    )


def _check_unchanged(est, name):
    """Raise ValueError if parameters describe something else than what was fitted."""
    pairs = []
    if hasattr(est, "coef_"):
        pairs.append((f"n_taps={len(est.coef_)}", f"n_taps={est.n_taps}"))
    if hasattr(est, "network_"):
        pairs.append((est._trained_architecture, est._describe_architecture()))
    if hasattr(est, "noise_model_"):
        pairs.append((_describe_noise(est.noise_model_), _describe_noise(est._make_noise_model())))
    for fitted, present in pairs:
        if fitted != present:
            raise ValueError(
                f"{name} must have the parameters of its fit to be saved, {fitted}, got {present}: "
                "set them back, or fit again."
            )


def _describe_noise(noise_model):
    return f"noise_model_={noise_model and type(noise_model).__name__}"


def _collect_arrays(est, dtype):
    if hasattr(est, "network_"):
        return collect_weights(est.network_, dtype)
    return {"coef_": np.array(est.coef_, order="C")} if hasattr(est, "coef_") else {}


def _restore_arrays(est, arrays, dtype):
    if hasattr(est, "_build_network"):
        restore_network(est, arrays, dtype)
        est.n_iter_ = len(est.loss_curve_)
        est._interrupted_start = None
        return
    names = ("coef_",) if hasattr(est, "n_taps") else ()
    check_names(arrays, names, "the arrays")
    if names:
        shape = (est.n_taps, est.upsampling_ratio_)
        est.coef_ = check_array("coef_", arrays["coef_"], shape, "float64")
