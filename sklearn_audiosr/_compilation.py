"""A compiled network for training, where it proves to be faster."""

import logging
import time

import torch

from sklearn_audiosr._device import synchronize

_LOGGER = logging.getLogger(__name__)

# Devices on which a compiled network is tried. On a CPU the time is in the convolutions, which
# compilation leaves as they are.
_DEVICES = ("cuda",)

# Steps of each kind that are timed, after some that are not: the first ones choose kernels,
# compile, and record CUDA graphs.
_N_TIMED = 10
_N_WARM = 5

# A compilation takes a minute or so: shorter fits go on without.
_LEAST_SECONDS = 5 * 60


class Compilation:
    """Runs training steps with a network as it is, or compiled with CUDA graphs if that is faster.

    The steps that are timed are steps of the training like all others. Whatever fails in the
    compiled network, the training goes on without it.

    Parameters
    ----------
    network : torch.nn.Module
        The network.
    device : torch.device
        Where it is.
    n_steps : int
        Steps of the whole training.
    """

    def __init__(self, network, device, n_steps):
        self.network, self.device, self.n_steps = network, device, n_steps
        self._current = network
        self._steps = self._choose() if device.type in _DEVICES else iter(())
        next(self._steps, None)

    def run(self, step):
        """Run ``step(network)`` with the network to train next, and return its result."""
        try:
            result = step(self._current)
        except Exception:  # whatever a compiler or a CUDA graph raises
            if self._current is self.network:
                raise
            _LOGGER.info("the compiled network failed; training goes on without", exc_info=True)
            self._current, self._steps = self.network, iter(())
            return step(self.network)
        next(self._steps, None)
        return result

    def _choose(self):
        """Advance once before the first step and once after each, until the choice is made."""
        plain = yield from self._time_steps()
        if plain * (self.n_steps - _N_WARM - _N_TIMED) < _LEAST_SECONDS:
            return
        try:
            self._current = torch.compile(self.network, mode="reduce-overhead", dynamic=False)
        except Exception:
            _LOGGER.info("torch.compile is not available here", exc_info=True)
            return
        compiled = yield from self._time_steps()
        if compiled >= plain:
            self._current = self.network
        _LOGGER.info("a step takes %.4g s, compiled %.4g s", plain, compiled)

    def _time_steps(self):
        """Give the seconds of a step, from the steps that are run between the yields."""
        for _ in range(_N_WARM):
            yield
        synchronize(self.device)
        begin = time.perf_counter()
        for _ in range(_N_TIMED):
            yield
        synchronize(self.device)
        return (time.perf_counter() - begin) / _N_TIMED
