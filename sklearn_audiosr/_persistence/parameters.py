"""Parameters of estimators and of networks' configs as JSON, and back.

A parameter that is missing in a file gets its default. The default of a new parameter must
therefore change nothing for older files, or `model_file.FORMAT` must go up.
"""

import math

import numpy as np

from sklearn_audiosr import networks
from sklearn_audiosr._persistence.errors import ProblemError
from sklearn_audiosr._persistence.values import NOT_PLAIN, check_names, join_names, to_plain

# These belong to the machine and the run, not to the model.
_NOT_SAVED = {"callbacks", "checkpoint", "verbose"}

# A model that was trained on a GPU must load where there is none: other devices become "auto".
_DEVICES = ("auto", "cpu")

# A network is built before its weights are compared with the file's. No file may make that endless:
# there are limits for integers that set a size (these, and all in a config), for the blocks and for
# the length of a list.
_SIZES = {"frame_length", "hidden_layer_sizes", "n_context_frames"}
_MAX_SIZE = 2**20
_MAX_ENTRIES = 1024

# The networks that a file may name: nothing else is looked up.
CONFIGS = {name: getattr(networks, name) for name in networks.__all__}


def encode_parameters(est):
    """Return the parameters of an estimator as JSON.

    Parameters
    ----------
    est : BaseEstimator
        An estimator of this package.

    Returns
    -------
    parameters : dict
        All but those that belong to the machine or the run.

    Raises
    ------
    TypeError
        If a parameter is code or an object of the user's own.
    """
    parameters = {k: v for k, v in est.get_params(deep=False).items() if k not in _NOT_SAVED}
    if isinstance(parameters.get("random_state"), np.random.RandomState):
        parameters["random_state"] = None  # its state has changed: another fit would differ
    if "device" in parameters:
        device = str(parameters["device"])  # a torch.device becomes its name
        parameters["device"] = device if device in _DEVICES else "auto"
    return {name: _encode_parameter(name, value, est) for name, value in parameters.items()}


def decode_parameters(cls, values, prefix=""):
    """Return the parameters for the constructor of a class, which checks their ranges itself.

    Parameters
    ----------
    cls : type
        Class of an estimator or a config.
    values : object
        The parameters in a file.
    prefix : str, default=""
        Prefix of a config's parameters in messages, as in ``set_params``.

    Returns
    -------
    parameters : dict
        The parameters that the file has.
    """
    if not isinstance(values, dict):
        raise ProblemError(f"parameters of {cls.__name__} must be a dict, got {values!r:.80}")
    unknown = sorted(set(values) - (set(cls._get_param_names()) - _NOT_SAVED))
    if unknown:
        raise ProblemError(f"{cls.__name__} has no parameter {prefix}{unknown[0]:.80}")
    if values.get("device", "auto") not in _DEVICES:
        raise ProblemError(f'device must be "auto" or "cpu", got {values["device"]!r:.80}')
    sizes = set(values) if prefix else _SIZES
    return {k: _decode_parameter(prefix + k, v, k in sizes) for k, v in values.items()}


def _encode_parameter(name, value, est):
    if type(value) in CONFIGS.values():
        parameters = value.get_params(deep=False).items()
        return {
            "class": type(value).__name__,
            "parameters": {k: _encode_parameter(f"{name}__{k}", v, est) for k, v in parameters},
        }
    is_list = isinstance(value, list | tuple | np.ndarray)
    plain = [to_plain(part) for part in (value if is_list else [value])]
    if not any(part is NOT_PLAIN for part in plain):
        # a tuple stays one: a warm start compares a network's parameters as they are written
        return {"tuple": plain} if isinstance(value, tuple) else plain if is_list else plain[0]
    remedy = "pickle the estimator, with joblib.dump for example"
    if name == "objective":
        remedy = f"set_params(objective=None) first, no prediction depends on it, or {remedy}"
    raise TypeError(
        f"{name} must be a text, a finite number, None, a list of those or a config of "
        f"sklearn_audiosr.networks for {type(est).__name__} to be saved, got {value!r}: {remedy}."
    )


def _decode_parameter(name, value, is_size):
    if isinstance(value, dict) and "class" in value:
        return _decode_config(name, value)
    if not isinstance(value, dict):
        _check_sizes(name, value if isinstance(value, list) else [value], is_size)
        return value
    check_names(value, ("tuple",), name)
    if not isinstance(value["tuple"], list):
        raise ProblemError(f"{name} must be a tuple of plain values, got {value!r:.80}")
    _check_sizes(name, value["tuple"], is_size)
    return tuple(value["tuple"])


def _decode_config(name, value):
    check_names(value, ("class", "parameters"), name)
    cls = CONFIGS.get(value["class"]) if isinstance(value["class"], str) else None
    if cls is None:
        raise ProblemError(
            f"{name} must be one of {join_names(CONFIGS)}, got {value['class']!r:.80}"
        )
    return cls(**decode_parameters(cls, value["parameters"], f"{name}__"))


def _check_sizes(name, parts, is_size):
    if any(isinstance(part, list | dict) for part in parts):
        raise ProblemError(f"{name} must hold plain values, got {parts!r:.80}")
    largest = max((abs(part) for part in parts if isinstance(part, int)), default=0)
    limit = _MAX_ENTRIES if name.endswith("_blocks") else _MAX_SIZE if is_size else math.inf
    if largest > limit:
        raise ProblemError(f"{name} must be at most {limit}, got {largest}")
    if len(parts) > _MAX_ENTRIES:
        raise ProblemError(f"{name} must have at most {_MAX_ENTRIES} entries, got {len(parts)}")
