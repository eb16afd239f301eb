"""Layers of `AudioUNet` in its two layouts; these know nothing of scikit-learn."""

from torch import nn
from torch.nn import functional

from sklearn_audiosr.networks._flow import PieceStream, RaggedFlow, WholeFlow
from sklearn_audiosr.networks._layers import (
    Conv1d,
    ShuffledConv1d,
    SubpixelShuffle,
    TransposedConv1d,
    initialize_orthogonal,
    stack_channels,
)

# Length of the bottleneck's and the last convolution's filters.
_SHORT_KERNEL = 9


class _UNet(nn.Module):
    """What both layouts share: the way of a patch through the network.

    Attributes
    ----------
    stride : int
        The length inside is padded to a multiple of this; chunks of a long clip must start there.
    look_back, look_ahead : int
        Timepoints of the input before and after an output timepoint that it depends on.
    accepts_lengths : bool
        Clips of unequal length can share a batch.
    """

    accepts_lengths = True

    def __init__(self, n_filters, kernel_sizes, *, batch_norm, dropout, additive_residual,
                 skip_connections, upsampling):  # fmt: skip
        super().__init__()
        self.n_filters, self.kernel_sizes = list(n_filters), list(kernel_sizes)
        self.batch_norm, self.dropout = batch_norm, dropout
        self.additive_residual = additive_residual
        self.skip_connections = skip_connections
        self.upsampling = upsampling
        self.down = nn.ModuleList(self._down_blocks())

    def forward(self, x, lengths=None):
        """Map x of shape (batch, 1, time) to (batch, 1, time).

        Clips of unequal `lengths` are silent beyond their ends, and come out as they would alone.
        """
        time = x.shape[-1]
        x = functional.pad(x, (0, -time % self.stride))
        flow = WholeFlow()
        if lengths is not None:
            flow = RaggedFlow([n + -n % self.stride for n in lengths], x.shape[-1])
        return self.compute(x, flow)[..., :time]

    def stream(self):
        """Give an object that computes the same piece by piece."""
        return PieceStream(self)

    def compute(self, x, flow):
        """Send x, of a length on the stride, through all blocks."""
        features, skips = self._encode(x, flow)
        for up, skip in zip(self.up, reversed(skips), strict=True):
            features = flow.run(up, features)  # (batch, channels, 2 time)
            if self.skip_connections:
                stacked = flow.align(up, features, skip[:, : up.n_skipped])
                features = stack_channels(*stacked)
        output = flow.run(self.last, features)  # (batch, 1, time)
        if self.additive_residual:
            output = sum(flow.align(self.last, output, x))
        return output

    def _down_blocks(self):
        in_channels = 1
        for filters, kernel in zip(self.n_filters, self.kernel_sizes, strict=True):
            yield self._down_block(in_channels, filters, kernel)
            in_channels = filters

    def _down_block(self, in_channels, filters, kernel, *after):
        layers = [Conv1d(in_channels, filters, kernel, stride=2)]
        if self.batch_norm:
            layers.append(nn.BatchNorm1d(filters))
        return nn.Sequential(*layers, *after, self._down_activation())

    def _up_block(self, in_channels, out_channels, kernel, n_skipped):
        """Twice the length; `n_skipped` features of the down path are stacked afterwards."""
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
        block.n_skipped = n_skipped
        return block

    def _measure_look(self, down_kernels, up_kernels, last_kernel):
        """Sum what each convolution sees: its half length times its spacing in timepoints."""
        spacing, half = 1, 0
        for kernel in down_kernels:
            half += spacing * (kernel // 2)
            spacing *= 2
        self.stride, shift = spacing, 0
        for kernel in up_kernels:
            if self.upsampling == "subpixel":
                half += spacing * (kernel // 2)
                shift += spacing // 2  # the second of two timepoints looks back to the first
            else:
                half += spacing // 2 * (kernel // 2)
            spacing //= 2
        half += last_kernel // 2
        self.look_ahead, self.look_back = half, half + shift


class CodeUNet(_UNet):
    """The published program's layout: a strided bottleneck and full-width skip connections."""

    def __init__(self, n_filters, kernel_sizes, **options):
        super().__init__(n_filters, kernel_sizes, **options)
        widest = self.n_filters[-1]
        self.bottleneck = self._down_block(widest, widest, _SHORT_KERNEL, nn.Dropout(self.dropout))
        self.up = nn.ModuleList(self._up_blocks())
        stacked = self.n_filters[0] * (2 if self.skip_connections else 1)
        if self.upsampling == "subpixel":
            self.last = ShuffledConv1d(stacked, 1, _SHORT_KERNEL)
        else:
            self.last = nn.Sequential(TransposedConv1d(stacked, 1, _SHORT_KERNEL))
        initialize_orthogonal(self, self.last[0])
        self._measure_look(
            [*self.kernel_sizes, _SHORT_KERNEL], [*self.kernel_sizes[::-1], _SHORT_KERNEL], 1
        )

    def _down_activation(self):
        return nn.LeakyReLU(0.2)

    def _encode(self, x, flow):
        skips = []
        for down in self.down:
            x = flow.run(down, x)  # (batch, filters, time / 2)
            skips.append(x)
        return flow.run(self.bottleneck, x), skips

    def _up_blocks(self):
        in_channels = self.n_filters[-1]
        for filters, kernel in zip(self.n_filters[::-1], self.kernel_sizes[::-1], strict=True):
            yield self._up_block(in_channels, filters, kernel, filters)
            in_channels = filters * (2 if self.skip_connections else 1)


class PaperUNet(_UNet):
    """Section 3.2's layout: from F features up to F / 4, stacked with F / 4 of the down path."""

    def __init__(self, n_filters, kernel_sizes, **options):
        super().__init__(n_filters, kernel_sizes, **options)
        self.up = nn.ModuleList(self._up_blocks())
        self.last = Conv1d(self._n_last, 1, _SHORT_KERNEL)
        initialize_orthogonal(self, self.last)
        self._measure_look(self.kernel_sizes, self.kernel_sizes[::-1], _SHORT_KERNEL)

    def _down_activation(self):
        return nn.ReLU()

    def _encode(self, x, flow):
        skips = []
        for down in self.down:
            skips.append(x)
            x = flow.run(down, x)  # (batch, filters, time / 2)
        return x, skips

    def _up_blocks(self):
        in_channels = n_features = self.n_filters[-1]
        available = [1, *self.n_filters[:-1]]  # the input itself at full length
        for skip, kernel in zip(available[::-1], self.kernel_sizes[::-1], strict=True):
            quarter = max(1, n_features // 4)
            n_skipped = min(quarter, skip)
            yield self._up_block(in_channels, quarter, kernel, n_skipped)
            # without skips fewer features come in, but each layer keeps its output filters
            n_features = quarter + n_skipped
            in_channels = n_features if self.skip_connections else quarter
        self._n_last = in_channels
