"""The prediction loop: clips through a network, whole or chunk by chunk."""

import math

import numpy as np
import torch

from sklearn_audiosr._torch import Workspace, inference

# Wideband timepoints in one pass, over all channels: bounds the memory whatever the clip's
# length, and is long against the receptive field, which is computed twice at each seam.
_CHUNK = {"cpu": 2**16, "cuda": 2**21, "mps": 2**19}

# On a CPU a chunk is so many times as long as its context, which is computed in vain, where chunk
# and context together stay below so many passes.
_LEAST_CONTEXTS, _MOST_PASSES = 5, 3

# Bytes that the paper's network takes for a timepoint of a pass, generously.
_BYTES_PER_TIMEPOINT = 2**14

# Share of a batch of unequal clips that may be padding.
_WASTE = 0.1


def predict_waveforms(
    network, read_source, shape, device, precision="auto", *, workspace=None, chunk_length=None,
    n_outputs=1,
):  # fmt: skip
    """Run a network over waveforms of any length.

    Parameters
    ----------
    network : torch.nn.Module
        From (batch, n_channels, time) to (batch, 1 or more, time), on `device`, with integer
        attributes ``stride``, ``look_back`` and ``look_ahead``. With an infinite ``look_back`` it
        has ``stream()`` too, as for `NetworkStream`.
    read_source : callable
        ``read_source(start, stop)`` gives the network's input at wideband timepoints
        [start, stop), an array of shape (n_waveforms, n_channels, stop - start), float32.
    shape : tuple of int
        (n_waveforms, n_timepoints) of the output.
    device : torch.device
        Where `network` is.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Arithmetic of the network.
    workspace : Workspace, default=None
        What is kept from one clip to the next.
    chunk_length : int, default=None
        Wideband timepoints of a chunk; None chooses by the device.
    n_outputs : int, default=1
        Channels of the output that are wanted.

    Returns
    -------
    y : ndarray of shape (n_outputs, n_waveforms, n_timepoints), float32
        The same, up to rounding, whatever the chunks.

    Notes
    -----
    Each chunk is computed with the network's receptive field of context on both sides, which is
    cut off again, and starts on the network's stride. Only at the clip's own ends does the
    network see its zero padding, as it does for the clip as a whole. A network that looks back
    without end has no such context: it takes the chunks one after the other, as a stream.
    """
    n_waveforms, n_timepoints = shape
    chunk = _align(chunk_length or _choose_chunk(network, n_waveforms, device), network.stride)
    run_chunks = _run_in_order if math.isinf(network.look_back) else _run_with_context
    y = np.empty((n_outputs, *shape), dtype=np.float32)
    workspace = workspace or Workspace(n_uses=-(-n_timepoints // chunk))

    def _read(start, stop):
        return torch.from_numpy(read_source(start, stop)).to(device)

    with inference(network, device, precision, workspace):
        start = 0
        for output in run_chunks(network, _read, n_timepoints, chunk):
            stop = start + output.shape[2]
            # (n_waveforms, n_outputs, chunk) to (n_outputs, n_waveforms, chunk)
            y[..., start:stop] = output[:, :n_outputs].transpose(0, 1).float().cpu().numpy()
            start = stop
    return y


def _choose_chunk(network, n_waveforms, device):
    """Timepoints of a chunk: what a pass takes, and long beside the context of a chunk."""
    one_pass = max(1, pass_length(device) // n_waveforms)
    context = network.look_back + network.look_ahead
    if device.type != "cpu" or math.isinf(context):
        return one_pass
    return max(one_pass, min(_LEAST_CONTEXTS * context, _MOST_PASSES * one_pass - context))


def _run_with_context(network, read, n_timepoints, chunk):
    """Yield the outputs of chunks, each computed with what it sees before and after it."""
    before = _align(network.look_back, network.stride)
    for start in range(0, n_timepoints, chunk):
        stop = min(start + chunk, n_timepoints)
        left = max(0, start - before)
        right = min(stop + network.look_ahead, n_timepoints)
        # the end of a chunk is padded to the stride: leave that padding outside the context
        right = min(_align(right, network.stride), n_timepoints)
        yield network(read(left, right))[..., start - left : stop - left]


def _run_in_order(network, read, n_timepoints, chunk):
    """Yield the outputs that follow from one chunk after the other."""
    if n_timepoints <= chunk:
        yield network(read(0, n_timepoints))
        return
    pieces = network.stream()
    for start in range(0, n_timepoints, chunk):
        stop = min(start + chunk, n_timepoints)
        yield pieces.push(read(start, stop), last=stop == n_timepoints)


def predict_clips(network, clips, device, precision="auto", *, workspace=None, n_outputs=1):
    """Run a network over many clips; short ones of like lengths share their passes.

    Parameters
    ----------
    network : torch.nn.Module
        As for `predict_waveforms`. With ``accepts_lengths`` it takes a batch of unequal clips as
        ``network(x, lengths)``; without, every clip has passes of its own.
    clips : list of (read_source, shape)
        As for `predict_waveforms`.
    device, precision, workspace, n_outputs
        As for `predict_waveforms`.

    Yields
    ------
    y : ndarray of shape (n_outputs, n_waveforms, n_timepoints), float32
        The output for each clip, in order; as it would be alone, up to rounding.
    """
    n_at_once = pass_length(device)
    # with the padding to the stride, which costs as much as the clip
    shapes = [(rows, _align(length, network.stride)) for _, (rows, length) in clips]
    batches = [[i] for i in range(len(clips))]
    if getattr(network, "accepts_lengths", False):
        batches = _plan_batches(shapes, n_at_once)
    n_timepoints = sum(math.prod(shape) for shape in shapes)
    workspace = workspace or Workspace(n_uses=-(-n_timepoints // n_at_once))
    finished: dict[int, np.ndarray] = {}
    n_given = 0
    for batch in batches:
        if len(batch) == 1:
            read_source, shape = clips[batch[0]]
            outputs = [
                predict_waveforms(
                    network, read_source, shape, device, precision,
                    workspace=workspace, n_outputs=n_outputs,
                )
            ]  # fmt: skip
        else:
            sources = [read(0, shape[1]) for read, shape in (clips[i] for i in batch)]
            outputs = _predict_batch(network, sources, device, precision, workspace, n_outputs)
        finished.update(zip(batch, outputs, strict=True))
        while n_given in finished:
            yield finished.pop(n_given)
            n_given += 1


def _plan_batches(shapes, n_timepoints):
    """Put clips together that one pass can hold without much padding: lists of their indices.

    They stay in order where all lengths are equal.
    """
    batches: list[list[int]] = []
    n_rows = shortest = 0
    for i in sorted(range(len(shapes)), key=lambda i: shapes[i][1]):
        n_waveforms, length = shapes[i]
        n_rows += n_waveforms
        alike = length * (1 - _WASTE) <= shortest
        if batches and alike and n_rows * length <= n_timepoints:
            batches[-1].append(i)
        else:
            batches.append([i])
            n_rows, shortest = n_waveforms, length
    return batches


def _predict_batch(network, sources, device, precision, workspace, n_outputs):
    """Run a network over sources (n_waveforms, n_channels, n_timepoints) of like lengths."""
    lengths = [source.shape[2] for source in sources for _ in source]
    lengths_if_unequal = [lengths] if len(set(lengths)) > 1 else []
    batch = np.zeros((len(lengths), sources[0].shape[1], max(lengths)), dtype=np.float32)
    rows = np.split(batch, np.cumsum([len(source) for source in sources])[:-1])
    for part, source in zip(rows, sources, strict=True):
        part[..., : source.shape[2]] = source
    with inference(network, device, precision, workspace):
        output = network(torch.from_numpy(batch).to(device), *lengths_if_unequal)
        output = output[:, :n_outputs].transpose(0, 1)
        output = output.float().cpu().numpy()  # (n_outputs, n_waveforms, n_timepoints)
    parts = np.split(output, np.cumsum([len(source) for source in sources])[:-1], axis=-2)
    # copies: a clip that is kept must not keep its neighbours
    return [y[..., : source.shape[2]].copy() for y, source in zip(parts, sources, strict=True)]


def pass_length(device):
    """Wideband timepoints in one pass: what the device is good at, and its free memory holds."""
    n_timepoints = _CHUNK[device.type]
    if device.type != "cuda":
        return n_timepoints
    n_bytes_free = torch.cuda.mem_get_info(device)[0]
    return min(n_timepoints, max(2**16, n_bytes_free // _BYTES_PER_TIMEPOINT))


def open_array(source):
    """Give (read_source, shape), as `predict_clips` takes it, of waveforms that are at hand.

    Parameters
    ----------
    source : ndarray of shape (n_waveforms, n_timepoints), float32
        The network's input.

    Returns
    -------
    read_source : callable
        ``read_source(start, stop)``.
    shape : tuple of int
        (n_waveforms, n_timepoints).
    """
    return lambda start, stop: source[:, None, start:stop], source.shape


def _align(length, stride):
    return -(-length // stride) * stride
