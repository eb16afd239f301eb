"""Checks of network configs and of the modules that they build."""

import inspect
import math
import re
from numbers import Integral

from sklearn import config_context
from sklearn.base import BaseEstimator, clone


def check_network_config(network):
    """Return a copy of a network config; of the default for None.

    Parameters
    ----------
    network : object or None
        Parameter of the estimator.

    Returns
    -------
    config : object
        Config with a method ``build()``.

    Raises
    ------
    TypeError
        If `network` has no such method, or is a class.
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
    """Build a network, and pass ``build()`` the ratio and the outputs if it takes them.

    Parameters
    ----------
    config : object
        Config from `check_network_config`.
    ratio : int
        Upsampling ratio.
    n_outputs : int
        Output channels that the noise model needs.
    noise_model : object
        Noise model, for an error message.

    Returns
    -------
    network : torch.nn.Module
        Network with ``stride``, ``look_back`` and ``look_ahead``.

    Raises
    ------
    TypeError
        If ``build()`` returns no such network, or can't make `n_outputs` channels.
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
            "network.build() must return a torch.nn.Module with the integers stride, look_back "
            "(or math.inf if it has stream()) and look_ahead, "
            f'got {received}: see the user guide, "A network of your own".'
        )


def name_config(config):
    """Return a text that is the same for equal configs, in every process.

    Parameters
    ----------
    config : object
        Config from `check_network_config`.

    Returns
    -------
    name : str
        Class and parameters of the config.
    """
    if isinstance(config, BaseEstimator):
        with config_context(print_changed_only=True):
            name = repr(config)
    else:
        values = ", ".join(f"{k}={v!r}" for k, v in getattr(config, "__dict__", {}).items())
        name = f"{type(config).__qualname__}({values})"
    return re.sub(" at 0x[0-9a-fA-F]+", "", name)


def has_method(network, name):
    """Return whether a network's class has a method; a layer of that name does not count."""
    return callable(getattr(type(network), name, None))
