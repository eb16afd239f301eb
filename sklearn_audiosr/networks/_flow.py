"""Ways of features through a network: whole clips, clips of unequal length, piece by piece.

A network describes its way once, by ``flow.run(block, x)`` for each block and
``flow.align(block, a, b)`` where two branches meet before `block`; a flow carries it out. Tensors
are (batch, channels, time).

A layer that sees several timepoints has ``n_taps``, ``step`` and ``reach`` (and ``reach_after`` if
it sees less after the clip than before), a method ``convolve(x, padding)`` and one that makes the
layer's output of what it gives, ``finish(y)``: see `_layers.Conv1d`.

A layer whose outputs depend on all of the past has a method ``resume(x, state)``: it takes a
multiple of its ``block_length`` of timepoints and gives ``(y, state)``, with a state of None where
the clip begins.
"""

import torch
from torch import nn
from torch.nn import functional


class WholeFlow:
    """Every block sees its whole input at once."""

    def run(self, block, x):
        """Run a block."""
        return block(x)

    def align(self, block, a, b):
        """Give the timepoints that both branches have."""
        return a, b


class RaggedFlow(WholeFlow):
    """Clips of unequal length in one batch: beyond its end each is silent before every block.

    Parameters
    ----------
    lengths : sequence of int
        Timepoints of each clip, on the network's stride.
    n_timepoints : int
        Timepoints of the batch.
    """

    def __init__(self, lengths, n_timepoints):
        self.lengths, self.n_timepoints = lengths, n_timepoints

    def run(self, block, x):
        """Run a block, then silence what biases made of the silence beyond the ends."""
        y = block(x)
        for clip, length in zip(y, self.lengths, strict=True):
            clip[:, length * y.shape[-1] // self.n_timepoints :] = 0
        return y


class PieceFlow:
    """A clip that comes piece by piece: layers keep what they will need again.

    Attributes
    ----------
    last : bool
        Whether the clip ends with the piece at hand; to be set before it.
    """

    def __init__(self):
        self.last = False
        self._held, self._states = {}, {}

    def run(self, block, x):
        """Give the outputs of a block that follow from the pieces so far."""
        for layer in block if isinstance(block, nn.Sequential) else [block]:
            if hasattr(layer, "convolve"):
                x = self._convolve(layer, x)
            elif hasattr(layer, "resume"):
                x = self._resume(layer, x)
            else:
                x = layer(x)
        return x

    def align(self, block, a, b):
        """Give the timepoints that both branches have by now; the rest waits."""
        a, b = (self._prepend((block, i), x) for i, x in enumerate((a, b)))
        n_timepoints = min(a.shape[-1], b.shape[-1])
        for i, x in enumerate((a, b)):
            self._hold((block, i), x[..., n_timepoints:])
        return a[..., :n_timepoints], b[..., :n_timepoints]

    def _convolve(self, layer, x):
        if layer not in self._held:  # silence before the clip
            self._held[layer] = x.new_zeros((*x.shape[:2], layer.reach))
        x = self._prepend(layer, x)
        if self.last:
            x = functional.pad(x, (0, getattr(layer, "reach_after", layer.reach)))
        # an output takes a whole step away, even if it sees less
        n_outputs = max(0, (x.shape[-1] - max(layer.n_taps, layer.step)) // layer.step + 1)
        self._hold(layer, x[..., n_outputs * layer.step :])
        if n_outputs == 0:
            return x.new_empty((len(x), layer.out_channels, 0))
        return layer.finish(
            layer.convolve(x[..., : (n_outputs - 1) * layer.step + layer.n_taps], padding=0)
        )

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
    """A network that takes its input piece by piece.

    Parameters
    ----------
    network : torch.nn.Module
        With ``compute(x, flow)`` and ``stride``.
    """

    def __init__(self, network):
        self.network, self.flow = network, PieceFlow()
        self._n_inputs = self._n_outputs = 0

    def push(self, x, last):
        """Give the outputs that follow from the input so far.

        Parameters
        ----------
        x : Tensor of shape (batch, 1, any time)
            The next piece.
        last : bool
            Whether the clip ends with it.

        Returns
        -------
        y : Tensor of shape (batch, 1, any time)
            All pieces joined are the network's output for the whole clip.
        """
        self._n_inputs += x.shape[-1]
        if last:
            x = functional.pad(x, (0, -self._n_inputs % self.network.stride))
        self.flow.last = last
        y = self.network.compute(x, self.flow)
        y = y[..., : self._n_inputs - self._n_outputs] if last else y
        self._n_outputs += y.shape[-1]
        return y
