"""A network over waveforms that come piece by piece."""

from functools import partial

import numpy as np
import torch

from sklearn_audiosr._torch import Workspace, inference


def network_latency(network):
    """Return the timepoints by which a `NetworkStream` can lag behind its input."""
    return int(network.look_ahead + network.stride - 1)


def stream_opener(network, device, precision="auto", n_outputs=1):
    """Return a function that opens a `NetworkStream`; all its streams share transformed filters."""
    workspace = Workspace(n_uses=np.inf)
    return partial(NetworkStream, network, device, precision, workspace, n_outputs)


class NetworkStream:
    """Runs a network over waveforms that come piece by piece.

    Parameters
    ----------
    network : torch.nn.Module
        As for `predict_waveforms`. Its ``stream()``, if it has one, returns an object with
        ``push(x, last)`` that keeps its own state. Without it, each piece computes the look-back
        again.
    device, precision, workspace, n_outputs
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
        """Return the outputs that follow from the input so far.

        Parameters
        ----------
        source : ndarray of shape (n_waveforms, n_timepoints), float32
            Next piece of the network's input, of any length.
        last : bool
            Whether the waveforms end with this piece.

        Returns
        -------
        y : ndarray of shape (n_outputs, n_waveforms, n_new_timepoints), float32
            New outputs. All of them joined equal the output for the whole waveforms.
        """
        x = torch.from_numpy(source[:, None]).to(self.device)
        with inference(self.network, self.device, self.precision, self._workspace):
            y = self._pieces.push(x, last)[:, : self.n_outputs].transpose(0, 1)
            return y.float().cpu().numpy()


def _open_pieces(network):
    # look in the class: a network may have a layer of that name
    has_stream = callable(getattr(type(network), "stream", None))
    return network.stream() if has_stream else _ContextStream(network)


class _ContextStream:
    """Stream of a network that keeps no state: each piece is computed with its context."""

    def __init__(self, network):
        self.network = network
        self._x, self._first = None, 0  # the input from timepoint _first on
        self._n_returned = 0  # timepoints returned so far

    def push(self, x, last):
        stride = self.network.stride
        x = x if self._x is None else torch.cat([self._x, x], dim=2)
        end = self._first + x.shape[2]
        right = end if last else end // stride * stride
        stop = right if last else max(self._n_returned, right - self.network.look_ahead)
        y = x[..., :0]
        if stop > self._n_returned:
            first = self._first
            y = self.network(x[..., : right - first])[..., self._n_returned - first : stop - first]
        keep = max(self._first, (stop - self.network.look_back) // stride * stride)
        self._x, self._first, self._n_returned = x[..., keep - self._first :].clone(), keep, stop
        return y
