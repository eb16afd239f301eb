"""Configs of networks, and what the modules that they build must have."""

import inspect
import math
import re
from numbers import Integral

from sklearn import config_context
from sklearn.base import BaseEstimator, clone


def check_network_config(network):
    """Give a copy of a config, or of the default for None.

    Parameters
    ----------
    network : object or None
        What a user passed.

    Returns
    -------
    config : object
        With a method ``build()``.

    Raises
    ------
    TypeError
        If it has none.
    """
    if network is None:
        from sklearn_audiosr.networks import AudioUNet

        return AudioUNet()
    if isinstance(network, type) or not callable(getattr(network, "build", None)):
        raise TypeError(
            "network must be a config with a method build(), such as "
            f"networks.AudioUNet(n_blocks=4), or None, got {network!r}: pass an instance."
        )
    return clone(network, safe=False)


def build_network(config, ratio, n_outputs, noise_model):
    """Build a network, with what it wants to know.

    Parameters
    ----------
    config : object
        Of `check_network_config`.
    ratio : int
        Upsampling ratio.
    n_outputs : int
        Outputs that the noise model needs.
    noise_model : object
        To name in an error.

    Returns
    -------
    network : torch.nn.Module
        With the integers that prediction reads.

    Raises
    ------
    TypeError
        If the network is none, or can't have so many outputs.
    """
    known = inspect.signature(config.build).parameters
    wanted = {"upsampling_ratio": ratio} if "upsampling_ratio" in known else {}
    if n_outputs > 1:
        if "n_outputs" not in known:
            raise TypeError(
                f"noise_model={noise_model!r} needs a network with {n_outputs} output "
                f"channels, got {config!r} whose build() takes no n_outputs: let it take "
                "build(n_outputs=1), or take a noise model of one output."
            )
        wanted["n_outputs"] = n_outputs
    network = config.build(**wanted)
    _check_network(network)
    return network


def _check_network(network):
    from torch import nn

    contract = ["stride", "look_back", "look_ahead"]
    has_stream = has_method(network, "stream")
    if has_stream and getattr(network, "look_back", None) == math.inf:
        contract.remove("look_back")
    missing = [n for n in contract if not isinstance(getattr(network, n, None), Integral)]
    if not isinstance(network, nn.Module) or missing:
        received = type(network).__name__
        received += f" without {', '.join(missing)}" if missing else ""
        raise TypeError(
            "network.build() must give a torch.nn.Module with the integers stride, look_back "
            "(or math.inf where it has stream()) and look_ahead, "
            f"got {received}: see the parameter network."
        )


def name_config(config):
    """Name a network's config: the same text for equal ones, in every process.

    Parameters
    ----------
    config : object
        Of `check_network_config`.

    Returns
    -------
    name : str
        Its class and parameters.
    """
    if isinstance(config, BaseEstimator):
        with config_context(print_changed_only=True):
            name = repr(config)
    else:
        values = ", ".join(f"{k}={v!r}" for k, v in getattr(config, "__dict__", {}).items())
        name = f"{type(config).__qualname__}({values})"
    return re.sub(" at 0x[0-9a-fA-F]+", "", name)


def has_method(network, name):
    """Tell whether a network's class has a method: a layer of that name is none."""
    return callable(getattr(type(network), name, None))
