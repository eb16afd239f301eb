"""Fingerprints that decide whether training may resume: equal in all processes of one Python."""

import copyreg
import hashlib
import sys
from functools import cached_property
from types import CodeType, FunctionType, ModuleType

import numpy as np
import torch

# Training may resume with other values of these; where a warm start began is compared instead.
_FREE = {
    *("callbacks", "checkpoint", "device", "highband_gain", "lowband", "max_epochs"),
    *("sampling_rate", "verbose", "warm_start"),
}

# Functions and classes of these packages are compared by name: training may resume with a new
# version of them.
_LIBRARIES = {*sys.stdlib_module_names, "numpy", "sklearn", "sklearn_audiosr", "torch"}

_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...))

# Values of these types can't contain themselves: they are compared by content each time.
_CONSTANT = (tuple, frozenset, CodeType, np.ndarray, torch.Tensor)


def describe_parameters(parameters):
    """Return a text for each parameter that training depends on.

    Raises ValueError for a parameter that can't be compared with that of another process.
    """
    texts = {}
    for name, value in parameters.items():
        if name in _FREE:
            continue
        try:
            texts[name] = describe(value)
        except Exception as error:  # what can't be taken apart fails in a dozen ways
            raise ValueError(
                "checkpoint needs parameters that another process can compare, got "
                f"{name}={_name(value)} ({error}): leave out what can't be pickled "
                "(locks, open files) and what is nested without end, or fit with checkpoint=None."
            ) from error
    return texts


def describe(value):
    """Return a text that two values share only if their contents are equal.

    Plain values are shown and all others hashed: arrays by their numbers, functions by their code,
    default values and closures, objects by their class and attributes. Functions that these call
    and globals that they read are not compared.
    """
    value = value.item() if isinstance(value, np.generic) else value
    if type(value) in _PLAIN:
        return str(value)
    if type(value) in (list, tuple):
        return f"({', '.join(map(describe, value))})"
    if type(value) is dict:
        return ", ".join(f"{name}={describe(part)}" for name, part in value.items())
    return f"{_name(value)} ({_hash(value)})"


def describe_clips(pairs):
    """Return the number of pairs of clips, and a hash of all their timepoints."""
    return f"{len(pairs)} clips ({_hash(pairs)})"


def describe_weights(network):
    """Return a hash of all weights of a network."""
    return f"weights {_hash(dict(network.state_dict()))}"


def _name(value):
    return getattr(value, "__qualname__", type(value).__qualname__)


def _hash(value, seen=None):
    """Return the hash of a value; `seen` holds all earlier ones by id, each with its number."""
    seen = {} if seen is None else seen
    value = value.item() if isinstance(value, np.generic) else value
    if type(value) in _PLAIN:
        return _hash_bytes(repr(value).encode())
    if id(value) in seen:  # a method that calls super() holds its class, for example
        return f"value {seen[id(value)][0]}"
    if not isinstance(value, _CONSTANT):
        seen[id(value)] = len(seen), value
    parts = [_hash(part, seen) for part in _take_apart(value)]
    return _hash_bytes(f"{type(value).__qualname__} of {parts}".encode())


def _hash_bytes(content):
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _take_apart(value):
    """Return all that a value is made of, in an order that is the same in every process."""
    match value:
        case type() | FunctionType() if _is_of_library(value):
            return value.__module__, value.__qualname__
        case type():
            return value.__bases__, _own_attributes(value)
        case FunctionType():
            cells = [cell.cell_contents for cell in value.__closure__ or ()]
            return value.__code__, value.__defaults__, value.__kwdefaults__, cells
        case CodeType():
            return value.co_code, value.co_consts, value.co_names
        case property() | cached_property() | staticmethod() | classmethod():
            names = ("fget", "fset", "func", "__func__")
            return [getattr(value, name, None) for name in names]
        case ModuleType():
            return [value.__name__]
        case torch.Tensor():
            content = value.detach().cpu().reshape(-1).view(torch.uint8).numpy()
            return str(value.dtype), tuple(value.shape), _hash_bytes(content)
        case np.ndarray() if not value.dtype.hasobject:
            content = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
            return value.dtype.str, value.shape, _hash_bytes(content)
    if type(value) in (set, frozenset):
        return sorted(value, key=_hash)
    if type(value) is dict:
        return sorted(value.items(), key=lambda item: _hash(item[0]))
    return value if type(value) in (list, tuple) else _reduce(value)


def _is_of_library(value):
    # a user's wrapper of a library's function bears that function's name
    module = getattr(value, "__module__", None) or ""
    return module.split(".")[0] in _LIBRARIES and not hasattr(value, "__wrapped__")


def _own_attributes(cls):
    """Return methods and constants of a class, without what Python itself puts there."""
    return {
        name: value
        for name, value in vars(cls).items()
        if isinstance(value, FunctionType) or not name.startswith(("__", "_abc_impl"))
    }


def _reduce(value):
    """Return what a pickle would hold."""
    reduce = copyreg.dispatch_table.get(type(value))
    reduced = reduce(value) if reduce else value.__reduce_ex__(4)
    if isinstance(reduced, str):  # a name
        if _is_of_library(value):
            return reduced, value.__module__
        return reduced, getattr(value, "__wrapped__", type(value))
    return [*reduced[:3], *(list(items or ()) for items in reduced[3:5])]
