"""The modules that `AudioUNet` builds, one for each layout."""

import numpy as np
from torch import nn
from torch.nn import functional

from sklearn_audiosr.networks._layers import (
    Conv1d,
    ShuffledConv1d,
    SubpixelShuffle,
    TransposedConv1d,
    initialize_orthogonal,
    stack_channels,
)
from sklearn_audiosr.networks._runners import PieceStream, RaggedRunner, WholeRunner

# Filter length of the bottleneck and of the last convolution.
_SHORT_KERNEL = 9


class _UNet(nn.Module):
    """Base of both layouts: the down-blocks and the forward pass.

    A layout adds the blocks ``up``, the layer ``last`` and, if it has one, a bottleneck.

    Attributes
    ----------
    stride : int
        Inputs are padded to a multiple of this; chunks of a long clip must start at one.
    look_back, look_ahead : int
        Input timepoints before and after an output timepoint that it depends on.
    accepts_lengths : bool
        Whether clips of unequal length can share a batch.
    """

    accepts_lengths = True
    look_back: float
    up: nn.ModuleList
    last: nn.Module

    def __init__(self, n_filters, kernel_sizes, *, n_outputs, batch_norm, dropout,
                 additive_residual, skip_connections, upsampling):  # fmt: skip
        super().__init__()
        self.n_filters, self.kernel_sizes = list(n_filters), list(kernel_sizes)
        self.n_outputs = n_outputs
        self.batch_norm, self.dropout = batch_norm, dropout
        self.additive_residual = additive_residual
        self.skip_connections = skip_connections
        self.upsampling = upsampling
        self.down = nn.ModuleList(self._down_blocks())

    def forward(self, x, lengths=None):
        """Map x of shape (batch, 1, time) to (batch, n_outputs, time).

        `lengths` are those of clips that zeros pad to one length. Each gets the output that it has
        by itself.
        """
        time = x.shape[-1]
        x = functional.pad(x, (0, -time % self.stride))
        runner = WholeRunner()
        if lengths is not None:
            runner = RaggedRunner([n + -n % self.stride for n in lengths], x.shape[-1])
        return self.compute(x, runner)[..., :time]

    def stream(self):
        """Return an object that computes the same piece by piece."""
        return PieceStream(self)

    def compute(self, x, runner):
        """Run all blocks on x, whose length is a multiple of the stride."""
        features, inputs = x, []
        for down in self.halving_blocks:
            inputs.append(features)
            features = runner.run(down, features)  # (batch, filters, time / 2)
        for up, skip in zip(self.up, reversed(inputs[-len(self.up) :]), strict=True):
            features = runner.run(up, features)  # (batch, channels, 2 time)
            if self.skip_connections:
                stacked = runner.align(up, features, skip[:, : up.n_skipped])
                features = stack_channels(*stacked)
        output = runner.run(self.last, features)  # (batch, n_outputs, time)
        if self.additive_residual:
            output, x = runner.align(self.last, output, x)
            # the other channels are parameters of a noise model, not waveforms
            output = output + functional.pad(x, (0, 0, 0, output.shape[1] - 1))
        return output

    @property
    def halving_blocks(self):
        """The blocks that halve the length, in order."""
        return [*self.down]

    def _down_blocks(self):
        in_channels = 1
        for filters, kernel in zip(self.n_filters, self.kernel_sizes, strict=True):
            yield self._down_block(in_channels, filters, kernel)
            in_channels = filters

    def _down_block(self, in_channels, filters, kernel, *after):
        layers = [Conv1d(in_channels, filters, kernel, stride=2)]
        if self.batch_norm:
            layers.append(nn.BatchNorm1d(filters))
        block = nn.Sequential(*layers, *after, self._down_activation())
        block.n_features = filters
        return block

    def _up_block(self, in_channels, out_channels, kernel, n_skipped):
        """Make a block that doubles the length and has `n_skipped` features stacked on."""
        subpixel = self.upsampling == "subpixel"
        filters = 2 * out_channels if subpixel else out_channels
        convolution = (Conv1d if subpixel else TransposedConv1d)(in_channels, filters, kernel)
        layers = [convolution]
        if self.batch_norm:
            layers.append(nn.BatchNorm1d(filters))
        layers += [nn.Dropout(self.dropout), nn.ReLU()]
        if subpixel:
            layers.append(SubpixelShuffle())
        block = nn.Sequential(*layers)
        block.n_features, block.n_skipped = out_channels, n_skipped
        return block

    def _measure(self, block_length=1):
        """Set the stride, and how far the inputs lie from the outputs that depend on them."""
        self.stride = max(2 ** len(self.halving_blocks), block_length)
        outputs = np.arange(self.stride)
        first = last = outputs
        # through all blocks: skip connections see no further
        for block in reversed([*self.halving_blocks, *self.up, self.last]):
            first, last = _find_inputs(block, first, last)
        self.look_back = int((outputs - first).max())
        self.look_ahead = int((last - outputs).max())


def _find_inputs(block, first, last):
    """Return the first and the last input that outputs `first` to `last` of a block depend on."""
    for layer in reversed(block if isinstance(block, nn.Sequential) else [block]):
        if isinstance(layer, Conv1d):
            field = layer.receptive_field
            first = first * field.stride - field.padding
            last = last * field.stride + field.padding_after
        elif isinstance(layer, TransposedConv1d):
            half = layer.kernel_size[0] // 2
            first, last = -((half - first) // 2), (last + half) // 2
        elif isinstance(layer, SubpixelShuffle):
            first, last = first // 2, last // 2
        elif hasattr(layer, "block_length"):
            last = last + (-last - 1) % layer.block_length  # to the end of its block
    return first, last


class CodeUNet(_UNet):
    """The layout of the published program: a strided bottleneck, full-width skip connections."""

    def __init__(self, n_filters, kernel_sizes, **options):
        super().__init__(n_filters, kernel_sizes, **options)
        widest = self.n_filters[-1]
        self.bottleneck = self._down_block(widest, widest, _SHORT_KERNEL, nn.Dropout(self.dropout))
        self.up = nn.ModuleList(self._up_blocks())
        stacked = self.n_filters[0] * (2 if self.skip_connections else 1)
        if self.upsampling == "subpixel":
            self.last = ShuffledConv1d(stacked, self.n_outputs, _SHORT_KERNEL)
        else:
            self.last = nn.Sequential(TransposedConv1d(stacked, self.n_outputs, _SHORT_KERNEL))
        initialize_orthogonal(self, self.last[0])
        self._measure()

    @property
    def halving_blocks(self):
        """The blocks that halve the length, in order."""
        return [*self.down, self.bottleneck]

    def _down_activation(self):
        return nn.LeakyReLU(0.2)

    def _up_blocks(self):
        in_channels = self.n_filters[-1]
        for filters, kernel in zip(self.n_filters[::-1], self.kernel_sizes[::-1], strict=True):
            yield self._up_block(in_channels, filters, kernel, filters)
            in_channels = filters * (2 if self.skip_connections else 1)


class PaperUNet(_UNet):
    """The layout of section 3.2: up from F features to F / 4, with F / 4 stacked on."""

    def __init__(self, n_filters, kernel_sizes, **options):
        super().__init__(n_filters, kernel_sizes, **options)
        self.up = nn.ModuleList(self._up_blocks())
        self.last = Conv1d(self._n_last, self.n_outputs, _SHORT_KERNEL)
        initialize_orthogonal(self, self.last)
        self._measure()

    def _down_activation(self):
        return nn.ReLU()

    def _up_blocks(self):
        in_channels = n_features = self.n_filters[-1]
        available = [1, *self.n_filters[:-1]]  # the input itself at full length
        for skip, kernel in zip(available[::-1], self.kernel_sizes[::-1], strict=True):
            quarter = max(1, n_features // 4)
            n_skipped = min(quarter, skip)
            yield self._up_block(in_channels, quarter, kernel, n_skipped)
            # fewer features come in without skip connections, but as many filters go out
            n_features = quarter + n_skipped
            in_channels = n_features if self.skip_connections else quarter
        self._n_last = in_channels
