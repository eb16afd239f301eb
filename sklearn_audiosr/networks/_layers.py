"""Layers that networks share.

Tensors have the shape (batch, channels, time) and lie channels-last in memory: on a CPU that gives
convolutions faster kernels, above all backwards, and makes a subpixel shuffle a view.
"""

import torch
from torch import nn
from torch.nn import functional

from sklearn_audiosr._torch import full_precision
from sklearn_audiosr.networks._fast.convolution import convolve
from sklearn_audiosr.networks._runners import ReceptiveField


class Conv1d(nn.Conv1d):
    """A 1-D convolution with "same" padding, computed in channels-last memory.

    Long filters are applied in the frequency domain where that is cheaper.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride : int
        As for `torch.nn.Conv1d`, with an odd `kernel_size`. The ``state_dict`` is the same.

    Attributes
    ----------
    receptive_field : ReceptiveField
        Inputs that an output of `convolve` depends on.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1):
        super().__init__(
            in_channels, out_channels, kernel_size, stride=stride, padding=kernel_size // 2
        )
        half = kernel_size // 2
        self.receptive_field = ReceptiveField(kernel_size, stride, half, half)

    def forward(self, x):
        """Convolve x of shape (batch, in_channels, time)."""
        return self.finish(self.convolve(x, self.receptive_field.padding))

    def convolve(self, x, padding):
        """Convolve x, padded with `padding` zeros on both sides."""
        stride = self.receptive_field.stride
        return convolve(
            x, self.weight, self.bias, stride=stride, padding=padding, owner=self.weight
        )

    def finish(self, y):
        """Return the layer's output, which is that of `convolve`."""
        return y


class DepthwiseConv1d(nn.Conv1d):
    """A convolution of each channel by itself with "same" padding, in channels-last memory.

    Parameters
    ----------
    n_channels : int
        Channels of input and output.
    kernel_size : int
        Taps, an odd number.

    Attributes
    ----------
    receptive_field : ReceptiveField
        Inputs that an output of `convolve` depends on.
    """

    def __init__(self, n_channels, kernel_size):
        super().__init__(
            n_channels, n_channels, kernel_size, padding=kernel_size // 2, groups=n_channels
        )
        half = kernel_size // 2
        self.receptive_field = ReceptiveField(kernel_size, 1, half, half)

    def forward(self, x):
        """Convolve x of shape (batch, n_channels, time)."""
        return self.finish(self.convolve(x, self.receptive_field.padding))

    def convolve(self, x, padding):
        """Convolve x, padded with `padding` zeros on both sides."""
        with full_precision(x.device.type):  # too few products for bfloat16 to pay
            image = x.float().unsqueeze(2).contiguous(memory_format=torch.channels_last)
            weight = self.weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
            y = functional.conv2d(
                image, weight, self.bias, padding=(0, padding), groups=self.groups
            )
        return y.squeeze(2)

    def finish(self, y):
        """Return the layer's output, which is that of `convolve`."""
        return y


class PointwiseConv1d(nn.Linear):
    """A dense layer over the channels, applied to each timepoint by itself."""

    def forward(self, x):
        """Map x of shape (batch, in_features, time) to (batch, out_features, time)."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class SubpixelShuffle(nn.Module):
    """Interleave two groups of channels in time: (batch, 2 C, time) to (batch, C, 2 time).

    Output channel c at timepoint ``2 t + p`` is input channel ``p C + c`` at t: the order of the
    published program.
    """

    def forward(self, x):
        """Shuffle x of shape (batch, 2 C, time)."""
        return interleave(x)


def interleave(x):
    """Interleave two groups of channels in time: see `SubpixelShuffle`."""
    batch, channels, time = x.shape
    x = x.transpose(1, 2).reshape(batch, 2 * time, channels // 2)
    return x.transpose(1, 2)  # (batch, C, 2 time)


class ShuffledConv1d(nn.Sequential):
    """A convolution to twice the channels and a subpixel shuffle to twice the length."""

    def __init__(self, in_channels, out_channels, kernel_size, *activation):
        super().__init__(
            Conv1d(in_channels, 2 * out_channels, kernel_size), *activation, SubpixelShuffle()
        )


class TransposedConv1d(nn.ConvTranspose1d):
    """A transposed convolution to twice the length, with no delay.

    Computed as a convolution to twice the channels, with half the taps for each phase, and a
    subpixel shuffle. The ``state_dict`` is that of `torch.nn.ConvTranspose1d`.

    Attributes
    ----------
    receptive_field : ReceptiveField
        Inputs that an output of `convolve` depends on.
    """

    def __init__(self, in_channels, out_channels, kernel_size):
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride=2,
            padding=kernel_size // 2,
            output_padding=1,
        )
        padding = (kernel_size // 2 + 1) // 2  # input timepoints that a phase sees on each side
        self.receptive_field = ReceptiveField(2 * padding + 1, 1, padding, padding)

    def forward(self, x):
        """Convolve x of shape (batch, in_channels, time)."""
        return self.finish(self.convolve(x, self.receptive_field.padding))

    def convolve(self, x, padding):
        """Compute both phases of x, padded with `padding` zeros on both sides."""
        margin = self.receptive_field.length - 1 - self.kernel_size[0] // 2
        reversed_taps = self.weight.flip(2).transpose(0, 1)  # (out, in, taps)
        phases = [
            functional.pad(reversed_taps, (margin + p, margin - p))[..., ::2] for p in range(2)
        ]
        weight = torch.cat(phases)  # (2 out, in, length)
        bias = self.bias.repeat(2)
        return convolve(x, weight, bias, stride=1, padding=padding, owner=self.weight)

    def finish(self, y):
        """Interleave the phases that `convolve` computed."""
        return interleave(y)


def stack_channels(*features):
    """Concatenate features of equal length along the channels."""
    return torch.cat([f.transpose(1, 2) for f in features], dim=2).transpose(1, 2)


def initialize_orthogonal(module, last):
    """Set orthogonal weights and zero biases; those of `last`, N(0, 1e-3), add little at first."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv1d, nn.ConvTranspose1d)):
            nn.init.orthogonal_(layer.weight)
            nn.init.zeros_(layer.bias)
    nn.init.normal_(last.weight, std=1e-3)
