"""The only prediction loop: clips through a network, chunk by chunk."""

import contextlib

import numpy as np
import torch

from sklearn_audiosr._device import autocast
from sklearn_audiosr.networks._long_convolution import Workspace

# Wideband timepoints in one pass, over all channels: bounds the memory whatever the clip's
# length, and is long against the receptive field, which is computed twice at each seam.
_CHUNK = {"cpu": 2**16, "cuda": 2**21, "mps": 2**19}


def predict_waveforms(network, read_source, shape, device, precision="auto", chunk_length=None):
    """Run a network over waveforms of any length.

    Parameters
    ----------
    network : torch.nn.Module
        From (batch, n_channels, time) to (batch, 1, time), on `device`, with integer attributes
        ``stride``, ``look_back`` and ``look_ahead``.
    read_source : callable
        ``read_source(start, stop)`` gives the network's input at wideband timepoints
        [start, stop), an array of shape (n_waveforms, n_channels, stop - start), float32.
    shape : tuple of int
        (n_waveforms, n_timepoints) of the output.
    device : torch.device
        Where `network` is.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Arithmetic of the network.
    chunk_length : int, default=None
        Wideband timepoints of a chunk; None chooses by the device.

    Returns
    -------
    y : ndarray of shape `shape`, float32
        The same, up to rounding, whatever the chunks.

    Notes
    -----
    Each chunk is computed with the network's receptive field of context on both sides, which is
    cut off again, and starts on the network's stride. Only at the clip's own ends does the
    network see its zero padding, as it does for the clip as a whole.
    """
    n_waveforms, n_timepoints = shape
    chunk = _align(chunk_length or max(1, _CHUNK[device.type] // n_waveforms), network.stride)
    before = _align(network.look_back, network.stride)
    y = np.empty(shape, dtype=np.float32)
    with inference(network, device, precision):
        for start in range(0, n_timepoints, chunk):
            stop = min(start + chunk, n_timepoints)
            left = max(0, start - before)
            right = min(stop + network.look_ahead, n_timepoints)
            # the end of a chunk is padded to the stride: leave that padding outside the context
            right = min(_align(right, network.stride), n_timepoints)
            source = torch.from_numpy(read_source(left, right)).to(device)
            output = network(source)[:, 0, start - left : stop - left]  # (n_waveforms, chunk)
            y[:, start:stop] = output.float().cpu().numpy()
    return y


@contextlib.contextmanager
def inference(network, device, precision, n_uses=1):
    """Everything that a network predicts in: its weights don't change inside."""
    with (
        evaluation(network),
        torch.inference_mode(),
        autocast(device, precision),
        Workspace(n_uses),
    ):
        yield


@contextlib.contextmanager
def evaluation(network):
    """Dropout and batch normalisation off inside, as before afterwards."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


def _align(length, stride):
    return -(-length // stride) * stride
