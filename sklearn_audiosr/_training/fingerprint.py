"""What must be the same for a training to go on, as texts: equal in all processes of one Python."""

import hashlib
import re
import sys
from types import CellType, CodeType, FunctionType, ModuleType

import numpy as np
import torch

# Parameters that may be others when a training goes on; a warm start is told by where it began.
_FREE = {
    "callbacks",
    "checkpoint",
    "device",
    "highband_gain",
    "max_epochs",
    "sampling_rate",
    "verbose",
    "warm_start",
}

# Their functions and classes are known by name: another version is no other training.
_LIBRARIES = {*sys.stdlib_module_names, "numpy", "sklearn", "sklearn_audiosr", "torch"}

_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...))

# What can't hold itself: to be told apart by content, however often it comes.
_CONSTANT = (tuple, frozenset, CodeType, np.ndarray, torch.Tensor)


def describe_parameters(parameters):
    """Give those parameters that a training depends on as texts.

    Parameters
    ----------
    parameters : dict
        Of an estimator.

    Returns
    -------
    fingerprint : dict of str to str
        For a `Checkpoint`.
    """
    return {name: describe(value) for name, value in parameters.items() if name not in _FREE}


def describe(value):
    """Give a text to read that two values share only if they are made of the same.

    Numbers and texts are shown. Of all else there is a hash: functions are their code, default
    values and closures, objects their class and attributes; the functions that they call and the
    globals that they read are not looked at.

    Parameters
    ----------
    value : object
        A parameter.

    Returns
    -------
    description : str
        Without addresses, and whatever the seed of Python's own hashes.
    """
    if isinstance(value, np.generic):  # the same number, by another name
        value = value.item()
    if type(value) in _PLAIN:
        return str(value)
    if type(value) in (list, tuple):
        return f"({', '.join(map(describe, value))})"
    if type(value) is dict:
        return ", ".join(f"{name}={describe(part)}" for name, part in value.items())
    return f"{getattr(value, '__qualname__', type(value).__qualname__)} ({_hash(value)})"


def describe_clips(pairs):
    """Give a text that two lists of pairs share only if all their timepoints are equal.

    Parameters
    ----------
    pairs : list of (ndarray, ndarray)
        Network inputs and targets.

    Returns
    -------
    description : str
        Their number and a hash.
    """
    return f"{len(pairs)} clips ({_hash(pairs)})"


def describe_weights(network):
    """Give a text that two networks share only if all their weights are equal.

    Parameters
    ----------
    network : torch.nn.Module
        On any device.

    Returns
    -------
    description : str
        A hash.
    """
    return f"weights {_hash(dict(network.state_dict()))}"


def _hash(value):
    digest = hashlib.blake2b(digest_size=8)
    for word in _spell(value):
        digest.update(word.encode())
    return digest.hexdigest()


def _spell(value):
    """Yield all that a value is made of, in words; without recursion, objects may lie deep."""
    seen: dict[int, tuple[int, object]] = {}
    ahead = [value]
    while ahead:
        value = ahead.pop()
        if isinstance(value, np.generic):
            value = value.item()
        if type(value) in _PLAIN:
            yield f"{value!r}, "
            continue
        if not isinstance(value, _CONSTANT):
            if id(value) in seen:
                yield f"the value {seen[id(value)][0]}, "
                continue
            seen[id(value)] = len(seen), value  # held, or another could get its address
        parts = list(_parts(value))
        yield f"{type(value).__qualname__} of {len(parts)}: "
        ahead.extend(reversed(parts))


def _parts(value):
    """Give what a value is made of, at worst its representation."""
    try:
        if isinstance(value, (type, FunctionType)) and _root(value) in _LIBRARIES:
            return value.__module__, value.__qualname__
        if isinstance(value, type):
            return _own_attributes(value), value.__bases__
        if isinstance(value, torch.Tensor):
            content = value.detach().cpu().reshape(-1).view(torch.uint8).numpy()
            return str(value.dtype), tuple(value.shape), _hash_bytes(content)
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            content = np.ascontiguousarray(value).reshape(-1)
            return value.dtype.str, value.shape, _hash_bytes(content)
        return _PARTS.get(type(value), _reduce)(value)
    except Exception:  # what can't be pickled says so in a dozen ways
        return [_show(value)]


def _root(value):
    return (value.__module__ or "").partition(".")[0]


def _own_attributes(cls):
    """Methods and constants of a class, but its docstring and what Python notes down there."""
    return {
        name: value
        for name, value in vars(cls).items()
        if isinstance(value, FunctionType) or not name.startswith("__")
    }


def _hash_bytes(content):
    return hashlib.blake2b(content.view(np.uint8), digest_size=8).hexdigest()


def _reduce(value):
    """Give what a pickle would hold."""
    reduced = value.__reduce_ex__(4)
    if isinstance(reduced, str):
        return [reduced]
    return [*reduced[:3], *(list(items or ()) for items in reduced[3:5])]


def _show(value):
    return re.sub(" at 0x[0-9a-fA-F]+", "", repr(value))


_PARTS = {
    list: list,
    tuple: list,
    set: lambda values: sorted(values, key=_show),
    frozenset: lambda values: sorted(values, key=_show),
    dict: lambda items: sorted(items.items(), key=lambda item: _show(item[0])),
    CodeType: lambda code: (code.co_code, code.co_consts, code.co_names),
    FunctionType: lambda f: (f.__code__, f.__defaults__, f.__kwdefaults__, f.__closure__),
    CellType: lambda cell: [cell.cell_contents],
    property: lambda attribute: [attribute.fget],
    staticmethod: lambda method: [method.__func__],
    classmethod: lambda method: [method.__func__],
    ModuleType: lambda module: [module.__name__],
}
