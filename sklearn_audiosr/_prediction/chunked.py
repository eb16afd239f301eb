"""The prediction loop: clips through a network, whole or chunk by chunk."""

import math

import numpy as np
import torch

from sklearn_audiosr._torch import Workspace, inference

# Wideband timepoints of one pass, over all channels. This bounds the memory for a clip of any
# length. It is long compared with the receptive field, which is computed twice at each seam.
CHUNK_LENGTHS = {"cpu": 2**16, "cuda": 2**21, "mps": 2**19}

# The outputs of the context are overhead. So on a CPU a chunk has this many times the length of its
# context, as long as chunk and context together stay below this many passes.
_LEAST_CONTEXTS, _MOST_PASSES = 5, 3

# Memory in bytes, rounded up, that the paper's network takes for a timepoint of a pass.
_BYTES_PER_TIMEPOINT = 2**14

# Largest share of padding in a batch of unequal clips.
_MAX_PADDING = 0.1


def predict_waveforms(
    network, read_source, shape, device, precision="auto", *, workspace=None, chunk_length=None,
    n_outputs=1,
):  # fmt: skip
    """Run a network over waveforms of any length.

    Parameters
    ----------
    network : torch.nn.Module
        Network on `device`, from (batch, n_channels, time) to (batch, 1 or more, time), with
        integer attributes ``stride``, ``look_back`` and ``look_ahead``. If ``look_back`` is
        infinite, it must have ``stream()``, as for `NetworkStream`. With ``uses_position`` it is
        called with the timepoint at which its input starts, too.
    read_source : callable
        ``read_source(start, stop)`` returns the network's input at wideband timepoints
        [start, stop): a float32 array of shape (n_waveforms, n_channels, stop - start).
    shape : tuple of int
        (n_waveforms, n_timepoints) of the output.
    device : torch.device
        Device of `network`.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Number format of the network.
    workspace : Workspace, default=None
        Memory to reuse from one clip to the next.
    chunk_length : int, default=None
        Wideband timepoints of a chunk; None chooses by the device.
    n_outputs : int, default=1
        Output channels to return.

    Returns
    -------
    y : ndarray of shape (n_outputs, n_waveforms, n_timepoints), float32
        Outputs; up to rounding they do not depend on the chunks.

    Notes
    -----
    A chunk starts at a multiple of the network's stride. It is computed with the receptive field as
    context on both sides, which is then cut off. The network sees zero padding only at the clip's
    own ends, as for the whole clip. A network with infinite look-back takes the chunks in order, as
    a stream.
    """
    n_waveforms, n_timepoints = shape
    chunk = _align(chunk_length or _choose_chunk(network, n_waveforms, device), network.stride)
    run_chunks = _run_in_order if math.isinf(network.look_back) else _run_with_context
    y = np.empty((n_outputs, *shape), dtype=np.float32)
    workspace = workspace or Workspace(n_uses=-(-n_timepoints // chunk))

    def read(start, stop):
        return torch.from_numpy(read_source(start, stop)).to(device)

    with inference(network, device, precision, workspace):
        start = 0
        for output in run_chunks(network, read, n_timepoints, chunk):
            stop = start + output.shape[2]
            # (n_waveforms, n_outputs, chunk) to (n_outputs, n_waveforms, chunk)
            y[..., start:stop] = output[:, :n_outputs].transpose(0, 1).float().cpu().numpy()
            start = stop
    return y


def _choose_chunk(network, n_waveforms, device):
    """Return the timepoints of a chunk: one pass, or more if the context is long."""
    one_pass = max(1, pass_length(device) // n_waveforms)
    context = network.look_back + network.look_ahead
    if device.type != "cpu" or math.isinf(context):
        return one_pass
    return max(one_pass, min(_LEAST_CONTEXTS * context, _MOST_PASSES * one_pass - context))


def _run_with_context(network, read, n_timepoints, chunk):
    """Yield the outputs of chunks, each computed with its context."""
    before = _align(network.look_back, network.stride)
    for start in range(0, n_timepoints, chunk):
        stop = min(start + chunk, n_timepoints)
        left = max(0, start - before)
        right = min(stop + network.look_ahead, n_timepoints)
        # the network pads its input to the stride: keep that padding out of the context
        right = min(_align(right, network.stride), n_timepoints)
        position = [left] if getattr(network, "uses_position", False) else []
        yield network(read(left, right), *position)[..., start - left : stop - left]


def _run_in_order(network, read, n_timepoints, chunk):
    """Yield the outputs of chunks in order, from the network's stream."""
    if n_timepoints <= chunk:
        yield network(read(0, n_timepoints))
        return
    pieces = network.stream()
    for start in range(0, n_timepoints, chunk):
        stop = min(start + chunk, n_timepoints)
        yield pieces.push(read(start, stop), last=stop == n_timepoints)


def predict_clips(network, clips, device, precision="auto", *, workspace=None, n_outputs=1):
    """Run a network over many clips; short clips of similar lengths share passes.

    Parameters
    ----------
    network : torch.nn.Module
        As for `predict_waveforms`. With ``accepts_lengths`` it takes a batch of unequal clips as
        ``network(x, lengths)``; without, each clip has its own passes.
    clips : list of (read_source, shape)
        As for `predict_waveforms`.
    device, precision, workspace, n_outputs
        As for `predict_waveforms`.

    Yields
    ------
    y : ndarray of shape (n_outputs, n_waveforms, n_timepoints), float32
        Outputs for each clip, in order; up to rounding the same as for the clip alone.
    """
    n_at_once = pass_length(device)
    # padding to the stride costs as much as the clip
    shapes = [(rows, _align(length, network.stride)) for _, (rows, length) in clips]
    batches = [[i] for i in range(len(clips))]
    if getattr(network, "accepts_lengths", False):
        batches = _plan_batches(shapes, n_at_once)
    n_timepoints = sum(math.prod(shape) for shape in shapes)
    workspace = workspace or Workspace(n_uses=-(-n_timepoints // n_at_once))
    finished: dict[int, np.ndarray] = {}
    n_yielded = 0
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
        while n_yielded in finished:
            yield finished.pop(n_yielded)
            n_yielded += 1


def _plan_batches(shapes, n_timepoints):
    """Return lists of indices of clips that fit into one pass with little padding.

    Clips of equal lengths stay in order.
    """
    batches: list[list[int]] = []
    n_rows = shortest = 0
    for i in sorted(range(len(shapes)), key=lambda i: shapes[i][1]):
        n_waveforms, length = shapes[i]
        n_rows += n_waveforms
        similar = length * (1 - _MAX_PADDING) <= shortest
        if batches and similar and n_rows * length <= n_timepoints:
            batches[-1].append(i)
        else:
            batches.append([i])
            n_rows, shortest = n_waveforms, length
    return batches


def _predict_batch(network, sources, device, precision, workspace, n_outputs):
    """Run a network over sources (n_waveforms, n_channels, n_timepoints) of similar lengths."""
    lengths = [source.shape[2] for source in sources for _ in source]
    lengths_if_unequal = [lengths] if len(set(lengths)) > 1 else []
    batch = np.zeros((len(lengths), sources[0].shape[1], max(lengths)), dtype=np.float32)
    first_rows = np.cumsum([len(source) for source in sources])[:-1]
    for part, source in zip(np.split(batch, first_rows), sources, strict=True):
        part[..., : source.shape[2]] = source
    with inference(network, device, precision, workspace):
        output = network(torch.from_numpy(batch).to(device), *lengths_if_unequal)
        output = output[:, :n_outputs].transpose(0, 1)
        output = output.float().cpu().numpy()  # (n_outputs, n_waveforms, n_timepoints)
    parts = np.split(output, first_rows, axis=-2)
    # copies: a view would keep the whole batch in memory
    return [y[..., : source.shape[2]].copy() for y, source in zip(parts, sources, strict=True)]


def pass_length(device):
    """Return the wideband timepoints of one pass, which suit the device and its free memory."""
    n_timepoints = CHUNK_LENGTHS[device.type]
    if device.type != "cuda":
        return n_timepoints
    n_bytes_free = torch.cuda.mem_get_info(device)[0]
    return min(n_timepoints, max(2**16, n_bytes_free // _BYTES_PER_TIMEPOINT))


def open_array(source):
    """Return waveforms in memory as the (read_source, shape) that `predict_clips` takes.

    Parameters
    ----------
    source : ndarray of shape (n_waveforms, n_timepoints), float32
        The network's input.

    Returns
    -------
    read_source : callable
        ``read_source(start, stop)``, as for `predict_waveforms`.
    shape : tuple of int
        (n_waveforms, n_timepoints).
    """
    return lambda start, stop: source[:, None, start:stop], source.shape


def _align(length, stride):
    return -(-length // stride) * stride
