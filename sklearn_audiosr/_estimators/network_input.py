"""The input of a network: narrowband clips, divided by the scale and upsampled."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sklearn_audiosr._signal import interpolation


class _Interpolation(NamedTuple):
    """Interpolation to the wideband rate: of whole waveforms and as a stream, with its padding."""

    upsample: Callable
    stream: Callable
    padding: int  # narrowband timepoints before and after its own


_INTERPOLATIONS = {
    "cubic": _Interpolation(
        interpolation.upsample_cubic, interpolation.stream_cubic, interpolation.CUBIC_HALF_WIDTH
    ),
    "bandlimited": _Interpolation(
        interpolation.upsample_bandlimited,
        interpolation.stream_bandlimited,
        interpolation.SINC_HALF_WIDTH,
    ),
}


@dataclass(frozen=True)
class NetworkInput:
    """Makes the input of a network: narrowband clips, divided by the scale and upsampled.

    Attributes
    ----------
    interpolation : {"cubic", "bandlimited"}
        Kind of upsampling.
    ratio : int
        Wideband timepoints for each narrowband timepoint.
    scale : float
        Root mean square of the training sources.
    """

    interpolation: str
    ratio: int
    scale: float

    def make_pair(self, x, y):
        """Return a network's input and target, both (n_channels, n_wideband_timepoints)."""
        scale = np.float32(self.scale)
        return self._upsample(x / scale), y / scale

    def open(self, x, oracle=None):
        """Open a narrowband clip for `predict_waveforms`.

        Parameters
        ----------
        x : ndarray of shape (n_channels, n_timepoints)
            Narrowband clip.
        oracle : ndarray of shape (n_channels, n_wideband_timepoints), default=None
            Wideband clip, the second input channel of a network that needs it.

        Returns
        -------
        read_source : callable
            ``read_source(start, stop)`` returns the network's input at these wideband timepoints.
        shape : tuple of int
            (n_channels, n_wideband_timepoints).
        """
        ratio, scale = self.ratio, np.float32(self.scale)
        padding = _INTERPOLATIONS[self.interpolation].padding

        def read_source(start, stop):
            first = max(0, start // ratio - padding)
            excerpt = x[:, first : -(-stop // ratio) + padding] / scale
            source = self._upsample(excerpt)
            source = source[:, start - first * ratio : stop - first * ratio]
            if oracle is None:
                return source[:, None]
            return np.stack([source, oracle[:, start:stop] / scale], axis=1)

        return read_source, (len(x), ratio * x.shape[-1])

    def stream(self):
        """Return a `PolyphaseStream` that interpolates piece by piece."""
        return _INTERPOLATIONS[self.interpolation].stream(self.ratio, beside_torch=True)

    def _upsample(self, x):
        return _INTERPOLATIONS[self.interpolation].upsample(x, self.ratio, beside_torch=True)


class NetworkStage:
    """Upsamples narrowband waveforms piece by piece with a network, as `PolyphaseStream` does.

    Parameters
    ----------
    network_input : NetworkInput
        Makes the network's input.
    network : NetworkStream
        Runs the network.
    head : WaveformHead
        Makes waveforms from the outputs.
    """

    def __init__(self, network_input, network, head):
        self._source, self._network, self._head = network_input.stream(), network, head
        self._scale = np.float32(network_input.scale)
        self.latency = self._source.latency + network.latency

    def push(self, x, last):
        """Return the wideband timepoints that follow from the pieces so far."""
        outputs = self._network.push(self._source.push(x / self._scale, last), last)
        return self._head.to_waveform(outputs) * self._scale
