"""Weights of a network as arrays, and back into a network without drawing others first."""

import numpy as np

from sklearn_audiosr._persistence.errors import ProblemError
from sklearn_audiosr._persistence.values import check_names

_PREFIX = "network_."

# Zeros and the like of more numbers than this get no memory: what a file must fill is known by
# shape, and its arrays may not have it.
_MAX_NUMBERS = 2**16


def collect_weights(network, dtype):
    """Return weights and buffers of a network by name.

    Parameters
    ----------
    network : torch.nn.Module
        A network on any device.
    dtype : {"float32", "float16"}
        Type of the weights with two axes or more. The others are few and keep theirs.

    Returns
    -------
    arrays : dict of str to ndarray
        C-contiguous.
    """
    halved = _find_halved(network, dtype)
    arrays = {}
    for name, tensor in network.state_dict().items():
        array = np.array(tensor.cpu().numpy(), order="C")
        if name in halved:
            if np.abs(array).max(initial=0) > np.finfo(np.float16).max:
                raise ProblemError(f'{_PREFIX}{name} is too large for dtype="float16"')
            array = array.astype(np.float16)
        arrays[_PREFIX + name] = array
    return arrays


def build_without_weights(build):
    """Return a network whose weights have a shape, but neither memory nor values.

    Drawing orthogonal matrices at full width takes longer than all the rest of loading. Nor does a
    size that a file names cost memory until its arrays have it.

    Parameters
    ----------
    build : callable
        Returns a torch.nn.Module.

    Returns
    -------
    network : torch.nn.Module
        What `build` returned, in float32, for `fill_weights`.
    """
    import torch
    from torch.nn import init
    from torch.overrides import TorchFunctionMode

    from sklearn_audiosr._torch import single_precision

    draws = {
        torch.Tensor.normal_, torch.Tensor.uniform_, init.normal_, init.uniform_,
        init.kaiming_uniform_,
    }  # fmt: skip

    constants = {torch.zeros, torch.ones, torch.full}

    class WithoutWeights(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            kwargs = dict(kwargs or {})
            if func in draws:  # on "meta" they load PyTorch's compiler, for seconds
                return args[0] if args else kwargs["tensor"]
            if func is torch.empty:  # what layers make their weights with
                kwargs["device"] = "meta"
            if func in constants:
                shape = func(*args, **{**kwargs, "device": "meta"})
                return shape if shape.numel() > _MAX_NUMBERS else func(*args, **kwargs)
            return func(*args, **kwargs)

    # buffers made in a caller's inference mode could not be trained with
    with torch.inference_mode(False), single_precision(), torch.device("cpu"), WithoutWeights():
        return build().float()


def fill_weights(network, arrays, dtype):
    """Fill a network with the weights of a file.

    Parameters
    ----------
    network : torch.nn.Module
        A network of `build_without_weights`.
    arrays : dict of str to ndarray
        Arrays of the file.
    dtype : {"float32", "float16"}
        Type of the weights in the file, as for `collect_weights`.

    Raises
    ------
    ProblemError
        If an array is missing, unknown, of another shape or type, or not finite.
    """
    import torch

    from sklearn_audiosr._torch import single_precision

    halved, needed = _find_halved(network, dtype), network.state_dict()
    check_names(arrays, [_PREFIX + name for name in needed], "the arrays")
    with torch.inference_mode(False):  # weights made in a caller's could not be trained
        weights = {}
        for name, tensor in needed.items():
            own = str(tensor.dtype).removeprefix("torch.")
            stored = "float16" if name in halved else own
            array = arrays[_PREFIX + name]
            array = check_array(_PREFIX + name, array, tuple(tensor.shape), stored)
            weights[name] = torch.from_numpy(array.astype(own, copy=False))
        network.load_state_dict(weights, assign=True)
    with torch.inference_mode(False), single_precision(), torch.device("cpu"):
        for module in network.modules():  # the sizes are the file's: now what is not in it
            if callable(getattr(type(module), "draw_constants", None)):
                module.draw_constants()
    if any(buffer.is_meta for buffer in network.buffers()):
        raise ProblemError("its network has constants that are too large")


def check_array(name, array, shape, dtype):
    """Return a writable copy of a file's array, or raise `ProblemError`.

    Parameters
    ----------
    name : str
        Name of the array.
    array : ndarray
        Array of the file.
    shape : tuple of int
        Shape that it must have.
    dtype : str
        Type that it must have.

    Returns
    -------
    array : ndarray
        The copy.
    """
    if array.shape != shape or array.dtype != dtype:
        raise ProblemError(
            f"{name} must have shape {shape} and type {dtype}, got {array.shape} and {array.dtype}"
        )
    if not np.isfinite(array).all():
        raise ProblemError(f"{name} must be finite, got NaN or infinity")
    return array.copy()


def _find_halved(network, dtype):
    """Return the names of the weights that are stored in half precision."""
    if dtype == "float32":
        return set()
    return {name for name, weight in network.named_parameters() if weight.ndim > 1}
