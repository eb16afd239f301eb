"""Weights of a network as arrays, and a network of the same weights without drawing others."""

import numpy as np

from sklearn_audiosr._persistence.errors import ProblemError
from sklearn_audiosr._persistence.values import check_names, problem_of

_PREFIX = "network_."


def collect_weights(network, dtype):
    """Give weights and buffers of a network by name.

    Parameters
    ----------
    network : torch.nn.Module
        On any device.
    dtype : {"float32", "float16"}
        Of its weights of two axes or more; the others are few, and they keep theirs.

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


def restore_network(est, arrays, dtype):
    """Give an estimator the network that its parameters describe, with the weights of a file.

    Parameters
    ----------
    est : LearnedUpsampler
        With parameters and ``upsampling_ratio_``.
    arrays : dict of str to ndarray
        Of the file.
    dtype : {"float32", "float16"}
        As the file has it.
    """
    import torch

    with torch.inference_mode(False):  # weights made in a caller's could not be trained
        with problem_of("its network can't be built"):
            est._check_parameters(est.upsampling_ratio_)
            network = _build_without_weights(est)
            est._trained_architecture = est._describe_architecture()
        halved, needed = _find_halved(network, dtype), network.state_dict()
        check_names(arrays, [_PREFIX + name for name in needed], "the arrays")
        weights = {}
        for name, tensor in needed.items():
            own = str(tensor.dtype).removeprefix("torch.")
            stored = "float16" if name in halved else own
            array = arrays[_PREFIX + name]
            array = check_array(_PREFIX + name, array, tuple(tensor.shape), stored)
            weights[name] = torch.from_numpy(array.astype(own, copy=False))
        network.load_state_dict(weights, assign=True)
    est.network_ = network.eval()


def check_array(name, array, shape, dtype):
    """Give a copy of a file's array, or raise `ProblemError`.

    Parameters
    ----------
    name : str
        What it is called.
    array : ndarray
        Of the file.
    shape : tuple of int
        That it must have.
    dtype : str
        That it must have.

    Returns
    -------
    array : ndarray
        To be written to.
    """
    if array.shape != shape or array.dtype != dtype:
        raise ProblemError(
            f"{name} must have shape {shape} and type {dtype}, got {array.shape} and {array.dtype}"
        )
    if not np.isfinite(array).all():
        raise ProblemError(f"{name} must be finite, got NaN or infinity")
    return array.copy()


def _find_halved(network, dtype):
    """Give the names of the weights that are stored in half precision."""
    if dtype == "float32":
        return set()
    return {name for name, weight in network.named_parameters() if weight.ndim > 1}


def _build_without_weights(est):
    """Build the estimator's network; its weights have a shape, but neither memory nor values.

    To draw orthogonal matrices at full width takes longer than everything else together, and sizes
    that a file names cost nothing until its arrays have them.
    """
    import torch
    from torch.nn import init
    from torch.overrides import TorchFunctionMode

    draws = {
        torch.Tensor.normal_, torch.Tensor.uniform_, init.normal_, init.uniform_,
        init.kaiming_uniform_,
    }  # fmt: skip

    class WithoutWeights(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            kwargs = dict(kwargs or {})
            if func in draws:  # of what is on "meta" they load PyTorch's compiler, for seconds
                return args[0] if args else kwargs["tensor"]
            if func is torch.empty:  # what layers make their weights with
                kwargs["device"] = "meta"
            return func(*args, **kwargs)

    with torch.device("cpu"), WithoutWeights():
        return est._build_network(est.upsampling_ratio_).float()
