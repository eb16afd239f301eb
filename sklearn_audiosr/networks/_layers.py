"""Layers that networks share.

Tensors are (batch, channels, time) to look at and channels-last in memory: on a CPU the
convolutions then have faster kernels, backwards above all, and a subpixel shuffle is a view.
"""

import torch
from torch import nn
from torch.nn import functional

from sklearn_audiosr._torch import full_precision
from sklearn_audiosr.networks._fast.convolution import convolve


class Conv1d(nn.Conv1d):
    """A 1-D convolution, "same" padding, that computes in channels-last memory.

    Long filters are multiplied in the frequency domain where that is cheaper.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride : int
        As for `torch.nn.Conv1d`, with an odd `kernel_size`; its ``state_dict`` is the same.

    Attributes
    ----------
    n_taps, step, reach : int
        Timepoints that an output of `convolve` sees, from one to the next, and before the clip.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1):
        super().__init__(
            in_channels, out_channels, kernel_size, stride=stride, padding=kernel_size // 2
        )

        self.n_taps, self.step, self.reach = kernel_size, stride, kernel_size // 2

    def forward(self, x):
        """Convolve x of shape (batch, in_channels, time)."""
        return self.finish(self.convolve(x, self.reach))

    def convolve(self, x, padding):
        """Convolve with `padding` timepoints of silence before and after x."""
        return convolve(
            x, self.weight, self.bias, stride=self.step, padding=padding, owner=self.weight
        )

    def finish(self, y):
        """Make the layer's output of `convolve`'s."""
        return y


class DepthwiseConv1d(nn.Conv1d):
    """A convolution of each channel on its own, "same" padding, in channels-last memory.

    Parameters
    ----------
    n_channels, kernel_size : int
        Channels in and out; an odd number of taps.

    Attributes
    ----------
    n_taps, step, reach : int
        As of `Conv1d`.
    """

    def __init__(self, n_channels, kernel_size):
        super().__init__(
            n_channels, n_channels, kernel_size, padding=kernel_size // 2, groups=n_channels
        )
        self.n_taps, self.step, self.reach = kernel_size, 1, kernel_size // 2

    def forward(self, x):
        """Convolve x of shape (batch, n_channels, time)."""
        return self.finish(self.convolve(x, self.reach))

    def convolve(self, x, padding):
        """Convolve with `padding` timepoints of silence before and after x."""
        with full_precision(x.device.type):  # bfloat16 gains nothing where so little is multiplied
            image = x.float().unsqueeze(2).contiguous(memory_format=torch.channels_last)
            weight = self.weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
            y = functional.conv2d(
                image, weight, self.bias, padding=(0, padding), groups=self.groups
            )
        return y.squeeze(2)

    def finish(self, y):
        """Make the layer's output of `convolve`'s."""
        return y


class PointwiseConv1d(nn.Linear):
    """A dense layer over the channels of (batch, channels, time), each timepoint alone."""

    def forward(self, x):
        """Map x of shape (batch, in_features, time) to (batch, out_features, time)."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class SubpixelShuffle(nn.Module):
    """Interleave two groups of channels in time: (batch, 2 C, time) to (batch, C, 2 time).

    Output channel c at timepoint ``2 t + p`` is input channel ``p C + c`` at t, the order of the
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

    It is a convolution to twice the channels, half its taps for each phase, and a subpixel
    shuffle; the ``state_dict`` is that of `torch.nn.ConvTranspose1d`.

    Attributes
    ----------
    n_taps, step, reach : int
        As of `Conv1d`.
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
        self.reach = (kernel_size // 2 + 1) // 2  # input timepoints that a phase sees each way
        self.n_taps, self.step = 2 * self.reach + 1, 1

    def forward(self, x):
        """Convolve x of shape (batch, in_channels, time)."""
        return self.finish(self.convolve(x, self.reach))

    def convolve(self, x, padding):
        """Convolve to both phases, with `padding` timepoints of silence before and after x."""
        half, reach = self.kernel_size[0] // 2, self.reach
        reversed_taps = self.weight.flip(2).transpose(0, 1)  # (out, in, taps)
        phases = [
            functional.pad(reversed_taps, (2 * reach - half + p, 2 * reach - half - p))[..., ::2]
            for p in range(2)
        ]
        weight = torch.cat(phases)  # (2 out, in, 2 reach + 1)
        bias = self.bias.repeat(2)
        return convolve(x, weight, bias, stride=1, padding=padding, owner=self.weight)

    def finish(self, y):
        """Make the layer's output of `convolve`'s: interleave the phases."""
        return interleave(y)


def stack_channels(*features):
    """Join features of equal length along the channels."""
    return torch.cat([f.transpose(1, 2) for f in features], dim=2).transpose(1, 2)


def initialize_orthogonal(module, last):
    """Orthogonal weights, zero biases; the layer `last` is N(0, 1e-3) so that it adds little."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv1d, nn.ConvTranspose1d)):
            nn.init.orthogonal_(layer.weight)
            nn.init.zeros_(layer.bias)
    nn.init.normal_(last.weight, std=1e-3)
