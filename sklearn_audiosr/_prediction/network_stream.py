"""Waveforms through a network piece by piece, as they come."""

from functools import partial

import numpy as np
import torch

from sklearn_audiosr._torch import Workspace, inference


def network_latency(network):
    """Timepoints by which the output of a `NetworkStream` can lag behind its input."""
    return int(network.look_ahead + network.stride - 1)


def stream_opener(network, device, precision="auto", n_outputs=1):
    """Give a function that opens a `NetworkStream`; transformed filters serve all that it opens."""
    workspace = Workspace(n_uses=np.inf)
    return partial(NetworkStream, network, device, precision, workspace, n_outputs)


class NetworkStream:
    """A network over waveforms that come piece by piece.

    Parameters
    ----------
    network : torch.nn.Module
        As for `predict_waveforms`. If it has a method ``stream()``, that gives an object with
        ``push(x, last)`` which keeps what it needs; if not, its look-back is computed again with
        every piece.
    device : torch.device
        As for `predict_waveforms`.
    precision : str
        As for `predict_waveforms`.
    workspace : Workspace
        As for `predict_waveforms`.
    n_outputs : int, default=1
        As for `predict_waveforms`.

    Attributes
    ----------
    latency : int
        Wideband timepoints by which the output can lag behind the input.
    """

    def __init__(self, network, device, precision, workspace, n_outputs=1):
        self.network, self.device, self.precision = network, device, precision
        self.n_outputs = n_outputs
        self.latency = network_latency(network)
        self._workspace = workspace
        self._pieces = _open_pieces(network)

    def push(self, source, last):
        """Give the outputs that follow from the input so far.

        Parameters
        ----------
        source : ndarray of shape (n_waveforms, any number of timepoints), float32
            The next piece of the network's input.
        last : bool
            Whether the waveforms end with it.

        Returns
        -------
        y : ndarray of shape (n_outputs, n_waveforms, any number of timepoints), float32
            All pieces joined are the output for the whole waveforms.
        """
        x = torch.from_numpy(source[:, None]).to(self.device)
        with inference(self.network, self.device, self.precision, self._workspace):
            y = self._pieces.push(x, last)[:, : self.n_outputs].transpose(0, 1)
            return y.float().cpu().numpy()


def _open_pieces(network):
    # of the class: a network may have a layer of that name
    has_stream = callable(getattr(type(network), "stream", None))
    return network.stream() if has_stream else _ContextStream(network)


class _ContextStream:
    """Pieces through a network that keeps no state: each is computed with its context."""

    def __init__(self, network):
        self.network = network
        self._x, self._first, self._given = None, 0, 0  # input from timepoint _first on; outputs

    def push(self, x, last):
        stride = self.network.stride
        x = x if self._x is None else torch.cat([self._x, x], dim=2)
        end = self._first + x.shape[2]
        right = end if last else end // stride * stride
        stop = right if last else max(self._given, right - self.network.look_ahead)
        y = x[..., :0]
        if stop > self._given:
            first = self._first
            y = self.network(x[..., : right - first])[..., self._given - first : stop - first]
        keep = max(self._first, (stop - self.network.look_back) // stride * stride)
        self._x, self._first, self._given = x[..., keep - self._first :].clone(), keep, stop
        return y
