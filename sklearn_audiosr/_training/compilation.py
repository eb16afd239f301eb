"""Compile a network for training where that proves faster."""

import logging
import statistics
import time

import torch

from sklearn_audiosr._torch import synchronize

_LOGGER = logging.getLogger(__name__)

# Devices on which a compiled network is tried. On a CPU the convolutions take the time, and
# compilation does not change them.
_DEVICES = ("cuda",)

# Steps of each kind that are timed, after some that are not: the first steps choose kernels,
# compile, and record CUDA graphs.
_N_TIMED = 10
_N_WARM = 5

# A compilation takes about a minute: fits that have less than this left go on without.
_LEAST_SECONDS = 5 * 60


class Compilation:
    """Run training steps with a network as it is, or compiled with CUDA graphs if that is faster.

    The timed steps train like all others. If the compiled network fails, the training goes on
    without it.

    Parameters
    ----------
    network : torch.nn.Module
        The network.
    device : torch.device
        The device that it is on.
    n_steps : int
        Steps of the whole training.
    """

    def __init__(self, network, device, n_steps):
        self.network, self.device, self.n_steps = network, device, n_steps
        self._current, self._trying = network, device.type in _DEVICES
        self._seconds: list[float] = []
        self._plain_seconds: float | None = None

    def run(self, step, batch):
        """Run a training step.

        Parameters
        ----------
        step : callable
            ``step(network, batch)`` trains with the network that it is given.
        batch : object
            Its second argument.

        Returns
        -------
        result : object
            What the step returned.
        """
        timed = self._trying
        if timed:
            synchronize(self.device)
            begin = time.perf_counter()
        try:
            result = step(self._current, batch)
        except Exception:  # whatever a compiler or a CUDA graph raises
            if self._current is self.network:
                raise
            _LOGGER.info("the compiled network failed; training goes on without", exc_info=True)
            self._current, self._trying = self.network, False
            return step(self.network, batch)
        if timed:
            synchronize(self.device)
            self._seconds.append(time.perf_counter() - begin)
            if len(self._seconds) == _N_WARM + _N_TIMED:
                self._decide()
        return result

    def _decide(self):
        # the median: a batch of another size may be compiled again
        seconds, self._seconds = statistics.median(self._seconds[_N_WARM:]), []
        if self._plain_seconds is None:
            self._plain_seconds = seconds
            n_left = self.n_steps - _N_WARM - _N_TIMED
            self._trying = seconds * n_left >= _LEAST_SECONDS and self._compile()
            return
        _LOGGER.info("a step takes %.4g s, compiled %.4g s", self._plain_seconds, seconds)
        if seconds >= self._plain_seconds:
            self._current = self.network
        self._trying = False

    def _compile(self):
        try:
            self._current = torch.compile(self.network, mode="reduce-overhead", dynamic=False)
        except Exception:
            _LOGGER.info("torch.compile is not available here", exc_info=True)
            return False
        return True
