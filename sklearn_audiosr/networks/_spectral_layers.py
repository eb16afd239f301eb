"""Layers of `SpectralNet`: exact short-time transforms, blocks over frames, the linear filter.

Spectra are real tensors of shape (batch, 2 bins, frames), real parts before imaginary ones.
"""

import torch
from torch import nn
from torch.nn import functional

from sklearn_audiosr._signal.wiener import solve_polyphase_filters
from sklearn_audiosr._torch import full_precision, widest_dtype
from sklearn_audiosr.networks._layers import DepthwiseConv1d, PointwiseConv1d

# Silence has a level too: far below any that a number of 32 bits is scaled to.
_LEAST_LEVEL = 1e-20

# Ridge penalty of the linear filter, `LinearUpsampler`'s default.
_RIDGE = 1e-6


class SpectralBlock(nn.Module):
    """A convolution over frames, filter by filter, and dense layers over filters, added to x."""

    def __init__(self, n_filters, kernel_size, expansion, gain, dropout):
        super().__init__()
        self.dropout = dropout
        self.depthwise = DepthwiseConv1d(n_filters, kernel_size)
        self.norm = ChannelNorm(n_filters)
        n_inside = max(1, round(expansion * n_filters))
        self.expand = PointwiseConv1d(n_filters, n_inside)
        self.contract = PointwiseConv1d(n_inside, n_filters)
        self.gain = nn.Parameter(torch.full((n_filters, 1), gain))

    def forward(self, x, flow):
        """Map x of shape (batch, n_filters, frames) to the same shape."""
        y = self.norm(flow.run(self.depthwise, x))
        y = functional.gelu(self.expand(y))
        y = self.contract(functional.dropout(y, self.dropout, self.training))
        x, y = flow.align(self, x, y)
        return x + self.gain * y


class KnotFilter(nn.Module):
    """The polyphase Wiener filter on the knots of the input: every ratio-th timepoint.

    A cubic spline goes through the narrowband timepoints, so there they are again. Its phases have
    equal sums, or a constant would make a tone at the narrowband rate. It computes in double
    precision where a device has it, and `Analysis` after it: the phase of a bin far below the
    loudest one is a feature like others, and is to be the same for a whole clip and for its pieces.

    Parameters
    ----------
    ratio : int
        Upsampling ratio.
    n_taps : int
        Knots that an output sees, odd.

    Attributes
    ----------
    n_taps, step, reach : int
        As of `Conv1d`, in timepoints.
    """

    out_channels = 1

    def __init__(self, ratio, n_taps):
        super().__init__()
        self.step, self.reach = ratio, n_taps // 2 * ratio
        self.n_taps = 2 * self.reach + 1
        # solved for, not trained: gradient descent is far from it after any time
        self.register_buffer("filters", torch.zeros(ratio, 1, n_taps))

    def solve(self, pairs):
        """Solve for the filters, of pairs of arrays (n_channels, n_timepoints)."""
        waveforms = (
            (x[:: self.step], y)
            for source, target in pairs
            for x, y in zip(source, target, strict=True)
        )
        n_knots = self.n_taps // self.step + 1
        filters = solve_polyphase_filters(waveforms, n_knots, self.step, _RIDGE, equal_sums=True)
        self.filters.copy_(torch.from_numpy(filters.T[:, None]))

    def forward(self, x):
        """Filter x of shape (batch, 1, time), time a multiple of the ratio."""
        return self.finish(self.convolve(x, self.reach))

    def convolve(self, x, padding):
        """Give all phases, (batch, ratio, knots)."""
        x = x.to(widest_dtype(x.device.type))
        x = functional.pad(x, (padding, padding))[..., :: self.step]
        with full_precision(x.device.type):
            return functional.conv1d(x, self.filters.to(x.dtype))

    def finish(self, y):
        """Interleave the phases: (batch, 1, time)."""
        return y.transpose(1, 2).flatten(1).unsqueeze(1)


class Analysis(nn.Module):
    """Spectra of frames that start every quarter of their length, under a window of Hann.

    Frames before and after the clip that overlap it belong to it: three more than its quarters.

    Parameters
    ----------
    frame_length : int
        Timepoints, a multiple of 4.

    Attributes
    ----------
    n_taps, step, reach : int
        As of `Conv1d`.
    """

    def __init__(self, frame_length):
        super().__init__()
        self.n_taps, self.step = frame_length, frame_length // 4
        self.reach = frame_length - self.step
        self.out_channels = 2 * (frame_length // 2 + 1)
        self.register_buffer("window", _hann(frame_length), persistent=False)

    def forward(self, x):
        """Transform x of shape (batch, 1, time) to (batch, 2 bins, frames)."""
        return self.finish(self.convolve(x, self.reach))

    def convolve(self, x, padding):
        """Transform with `padding` timepoints of silence before and after x."""
        frames = functional.pad(x[:, 0], (padding, padding))
        frames = frames.unfold(1, self.n_taps, self.step) * self.window.to(x.dtype)
        spectrum = torch.fft.rfft(frames)  # (batch, frames, bins)
        return torch.cat([spectrum.real, spectrum.imag], dim=2).transpose(1, 2)

    def finish(self, y):
        """Make the layer's output of `convolve`'s."""
        return y


class Synthesis(nn.Module):
    """The waveform of spectra: the inverse of `Analysis`, exactly, if nothing changed them.

    Parameters
    ----------
    frame_length : int
        Timepoints, a multiple of 4.

    Attributes
    ----------
    n_taps, step, reach : int
        As of `Conv1d`, in frames: a quarter lies in four frames.
    """

    n_taps, step, reach, out_channels = 4, 1, 0, 1

    def __init__(self, frame_length):
        super().__init__()
        self.frame_length = frame_length
        # the squares of four windows, a quarter apart, add up to 1.5
        self.register_buffer("window", _hann(frame_length) / 1.5, persistent=False)

    def forward(self, x):
        """Transform x of shape (batch, 2 bins, frames) to (batch, 1, time)."""
        return self.finish(self.convolve(x, 0))

    def convolve(self, x, padding):
        """Give the quarters, (batch, frame_length / 4, frames - 3)."""
        real, imag = x.transpose(1, 2).chunk(2, dim=2)
        frames = torch.fft.irfft(torch.complex(real, imag), n=self.frame_length) * self.window
        quarters = frames.unflatten(2, (4, -1))  # (batch, frames, 4, quarter)
        n_quarters = x.shape[2] - 3
        return sum(quarters[:, j : j + n_quarters, 3 - j] for j in range(4)).transpose(1, 2)

    def finish(self, y):
        """Put the quarters one after the other: (batch, 1, time)."""
        return y.transpose(1, 2).flatten(1).unsqueeze(1)


class Level(nn.Module):
    """Logarithm of the mean power over neighbouring frames.

    What follows is relative to it, so that a clip at another level than the training clips' is
    treated like them.

    Parameters
    ----------
    n_before, n_after : int
        Frames before and after a frame that count.

    Attributes
    ----------
    n_taps, step, reach, reach_after : int
        As of `Conv1d`, with more frames before than after.
    """

    step, out_channels = 1, 1

    def __init__(self, n_before, n_after):
        super().__init__()
        self.reach, self.reach_after = n_before, n_after
        self.n_taps = n_before + 1 + n_after
        self.register_buffer("taps", torch.ones(2, 1, self.n_taps), persistent=False)

    def forward(self, x):
        """Map x of shape (batch, 2, frames), powers and ones, to (batch, 1, frames)."""
        return self.finish(self.convolve(functional.pad(x, (self.reach, self.reach_after)), 0))

    def convolve(self, x, padding):
        """Sum powers and ones over the frames; beyond a clip's ends both are 0."""
        with full_precision(x.device.type):
            return functional.conv1d(x, self.taps.to(x.dtype), padding=padding, groups=2)

    def finish(self, y):
        """Take the mean, and the logarithm."""
        return torch.log(y[:, :1] / y[:, 1:] + _LEAST_LEVEL)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of (batch, channels, time), each timepoint alone."""

    def forward(self, x):
        """Normalise x."""
        return super().forward(x.transpose(1, 2).float()).transpose(1, 2)


def _hann(frame_length):
    return torch.hann_window(frame_length, periodic=True)
