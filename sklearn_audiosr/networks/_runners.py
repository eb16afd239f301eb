"""Runners: they run a network's layers on whole clips, on a padded batch, or piece by piece.

A network describes its forward pass once, in ``compute(x, runner)``: ``runner.run(block, x)`` for
each block, ``runner.align(block, a, b)`` where two branches meet before `block`, and
``runner.locate(block, n_outputs, hop)`` where a block depends on the position in the clip. Tensors
are (batch, channels, time).

A layer that sees several timepoints has these attributes, as `_layers.Conv1d` has:

- ``receptive_field``, a `ReceptiveField`;
- ``out_channels``;
- ``convolve(x, padding)``, which computes with that many zeros on both sides;
- ``finish(y)``, which turns the result of ``convolve`` into the layer's output.

A layer that depends on all of the past has ``block_length`` and ``resume(x, state)``. It takes a
multiple of ``block_length`` timepoints and returns ``(y, state)``; the state is None where a clip
begins.
"""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional


class ReceptiveField(NamedTuple):
    """The inputs that one output of a layer depends on.

    Parameters
    ----------
    length : int
        Timepoints that an output sees.
    stride : int
        Timepoints from one output's inputs to the next one's.
    padding, padding_after : int
        Zeros before and after a clip.
    """

    length: int
    stride: int
    padding: int
    padding_after: int


class WholeRunner:
    """Runs blocks on whole clips, or on a chunk of one.

    Parameters
    ----------
    start : int, default=0
        Timepoint of the clip at which the input starts.
    """

    def __init__(self, start=0):
        self.start = start

    def run(self, block, x):
        """Return the output of a block."""
        return block(x)

    def align(self, block, a, b):
        """Return both branches, cut to the timepoints that both have."""
        n_timepoints = min(a.shape[-1], b.shape[-1])
        return a[..., :n_timepoints], b[..., :n_timepoints]

    def locate(self, block, n_outputs, hop):
        """Return the absolute number of the first of the next `n_outputs`, every `hop`."""
        return self.start // hop


class RaggedRunner(WholeRunner):
    """Runs blocks on a batch of clips of unequal length, each padded with zeros.

    Parameters
    ----------
    lengths : sequence of int
        Timepoints of each clip, multiples of the network's stride.
    n_timepoints : int
        Timepoints of the batch.
    """

    def __init__(self, lengths, n_timepoints):
        super().__init__()
        self.lengths, self.n_timepoints = lengths, n_timepoints

    def run(self, block, x):
        """Return the output of a block, zero beyond the end of each clip."""
        y = block(x)
        for clip, length in zip(y, self.lengths, strict=True):
            # biases would turn the padding into a signal
            clip[:, length * y.shape[-1] // self.n_timepoints :] = 0
        return y


class StreamRunner:
    """Runs blocks on a clip that comes piece by piece, and keeps the inputs they need again.

    Attributes
    ----------
    last : bool
        Whether the next piece ends the clip; set it before that piece.
    """

    def __init__(self):
        self.last = False
        self._held, self._states, self._n_located = {}, {}, {}

    def run(self, block, x):
        """Return the outputs of a block that follow from the pieces so far."""
        for layer in block if isinstance(block, nn.Sequential) else [block]:
            if hasattr(layer, "convolve"):
                x = self._convolve(layer, x)
            elif hasattr(layer, "resume"):
                x = self._resume(layer, x)
            else:
                x = layer(x)
        return x

    def align(self, block, a, b):
        """Return the timepoints that both branches have by now; keep the others."""
        a, b = (self._prepend((block, i), x) for i, x in enumerate((a, b)))
        n_timepoints = min(a.shape[-1], b.shape[-1])
        for i, x in enumerate((a, b)):
            self._hold((block, i), x[..., n_timepoints:])
        return a[..., :n_timepoints], b[..., :n_timepoints]

    def locate(self, block, n_outputs, hop):
        """Return the absolute number of the first of the next `n_outputs`."""
        first = self._n_located.get(block, 0)
        self._n_located[block] = first + n_outputs
        return first

    def _convolve(self, layer, x):
        field = layer.receptive_field
        if layer not in self._held:
            self._held[layer] = x.new_zeros((*x.shape[:2], field.padding))
        x = self._prepend(layer, x)
        if self.last:
            x = functional.pad(x, (0, field.padding_after))
        # an output consumes a whole stride, even if it sees less
        n_outputs = max(0, (x.shape[-1] - max(field.length, field.stride)) // field.stride + 1)
        self._hold(layer, x[..., n_outputs * field.stride :])
        if n_outputs == 0:
            return x.new_empty((len(x), layer.out_channels, 0))
        seen = x[..., : (n_outputs - 1) * field.stride + field.length]
        return layer.finish(layer.convolve(seen, padding=0))

    def _resume(self, layer, x):
        x = self._prepend(layer, x)
        n_whole = x.shape[-1] // layer.block_length * layer.block_length
        self._hold(layer, x[..., n_whole:])
        if n_whole == 0:
            return x[..., :0]
        y, self._states[layer] = layer.resume(x[..., :n_whole], self._states.get(layer))
        return y

    def _hold(self, key, x):
        self._held[key] = x.clone()  # a view would keep the whole piece in memory

    def _prepend(self, key, x):
        held = self._held.get(key)
        if held is None or held.shape[-1] == 0:
            return x
        return torch.cat([held.transpose(1, 2), x.transpose(1, 2)], dim=1).transpose(1, 2)


class PieceStream:
    """A network whose input comes piece by piece.

    Parameters
    ----------
    network : torch.nn.Module
        With ``compute(x, runner)`` and ``stride``.
    """

    def __init__(self, network):
        self.network, self.runner = network, StreamRunner()
        self._n_inputs = self._n_outputs = 0

    def push(self, x, last):
        """Return the outputs that follow from the input so far.

        Parameters
        ----------
        x : Tensor of shape (batch, 1, time)
            The next piece, of any length.
        last : bool
            Whether the clip ends with it.

        Returns
        -------
        y : Tensor of shape (batch, n_outputs, time)
            Of any length. All pieces joined are the network's output for the whole clip.
        """
        self._n_inputs += x.shape[-1]
        if last:
            x = functional.pad(x, (0, -self._n_inputs % self.network.stride))
        self.runner.last = last
        y = self.network.compute(x, self.runner)
        y = y[..., : self._n_inputs - self._n_outputs] if last else y
        self._n_outputs += y.shape[-1]
        return y
