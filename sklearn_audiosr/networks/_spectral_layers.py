"""Layers of `SpectralNet`: short-time transforms, blocks over frames, the linear filter.

Spectra are real tensors of shape (batch, 2 bins, frames): the real parts, then the imaginary ones.
"""

import torch
from torch import nn
from torch.nn import functional

from sklearn_audiosr._signal.wiener import solve_polyphase_filters
from sklearn_audiosr._torch import full_precision, widest_dtype
from sklearn_audiosr.networks._layers import DepthwiseConv1d, PointwiseConv1d
from sklearn_audiosr.networks._runners import ReceptiveField

# Added to powers before the logarithm: silence has a level too, below that of any clip.
_LEAST_POWER = 1e-20

# Ridge penalty of the linear filter: the default of `LinearUpsampler`.
_RIDGE = 1e-6


class SpectralBlock(nn.Module):
    """A residual block: a depthwise convolution over frames, then dense layers over filters."""

    def __init__(self, n_filters, kernel_size, expansion, gain, dropout):
        super().__init__()
        self.dropout = dropout
        self.depthwise = DepthwiseConv1d(n_filters, kernel_size)
        self.norm = ChannelNorm(n_filters)
        n_inside = max(1, round(expansion * n_filters))
        self.expand = PointwiseConv1d(n_filters, n_inside)
        self.contract = PointwiseConv1d(n_inside, n_filters)
        self.gain = nn.Parameter(torch.full((n_filters, 1), gain))

    def forward(self, x, runner):
        """Map x of shape (batch, n_filters, frames) to the same shape."""
        y = self.norm(runner.run(self.depthwise, x))
        y = functional.gelu(self.expand(y))
        y = self.contract(functional.dropout(y, self.dropout, self.training))
        x, y = runner.align(self, x, y)
        return x + self.gain * y


class PolyphaseWienerFilter(nn.Module):
    """The polyphase Wiener filter, applied to the narrowband timepoints inside an upsampled input.

    A cubic spline passes through the narrowband timepoints, so every ratio-th timepoint of the
    network's input is one. The phases have equal sums, or a constant would make a tone at the
    narrowband rate. This layer and `Analysis` after it compute in double precision where a device
    has it: the phase of a bin far below the loudest one is a feature too, and must come out the
    same for a whole clip and for its pieces.

    Parameters
    ----------
    ratio : int
        Upsampling ratio.
    n_taps : int
        Narrowband timepoints that an output sees, odd.

    Attributes
    ----------
    receptive_field : ReceptiveField
        In timepoints of the input.
    """

    out_channels = 1

    def __init__(self, ratio, n_taps):
        super().__init__()
        self.ratio, self.n_taps = ratio, n_taps
        padding = n_taps // 2 * ratio
        self.receptive_field = ReceptiveField(2 * padding + 1, ratio, padding, padding)
        # a buffer: it is solved for, and gradient descent would not get there
        self.register_buffer("filters", torch.zeros(ratio, 1, n_taps))

    def solve(self, pairs):
        """Solve for the filters that map sources to targets.

        Parameters
        ----------
        pairs : list of (ndarray, ndarray)
            Inputs of the network and targets, each of shape (n_channels, n_timepoints).
        """
        waveforms = (
            (x[:: self.ratio], y)
            for source, target in pairs
            for x, y in zip(source, target, strict=True)
        )
        filters = solve_polyphase_filters(
            waveforms, self.n_taps, self.ratio, _RIDGE, equal_sums=True
        )
        self.filters.copy_(torch.from_numpy(filters.T[:, None]))

    def forward(self, x):
        """Filter x of shape (batch, 1, time), time a multiple of the ratio."""
        return self.finish(self.convolve(x, self.receptive_field.padding))

    def convolve(self, x, padding):
        """Compute all phases: (batch, ratio, time / ratio)."""
        x = x.to(widest_dtype(x.device.type))
        x = functional.pad(x, (padding, padding))[..., :: self.ratio]
        with full_precision(x.device.type):
            return functional.conv1d(x, self.filters.to(x.dtype))

    def finish(self, y):
        """Interleave the phases: (batch, 1, time)."""
        return y.transpose(1, 2).flatten(1).unsqueeze(1)


class Analysis(nn.Module):
    """The short-time Fourier transform, with a Hann window and a hop of a quarter of the frame.

    Unless `padding` is given, all frames that overlap the ends of a clip belong to it: there are
    three more of them than hops.

    Parameters
    ----------
    frame_length : int
        Timepoints, a multiple of 4.
    padding : int, default=None
        Zeros before and after a clip, instead of three hops.

    Attributes
    ----------
    receptive_field : ReceptiveField
        A frame, with the hop as its stride.
    """

    def __init__(self, frame_length, padding=None):
        super().__init__()
        self.frame_length, self.hop = frame_length, frame_length // 4
        padding = frame_length - self.hop if padding is None else padding
        self.receptive_field = ReceptiveField(frame_length, self.hop, padding, padding)
        self.out_channels = 2 * (frame_length // 2 + 1)
        self.register_buffer("window", _hann(frame_length), persistent=False)

    def forward(self, x):
        """Transform x of shape (batch, 1, time) to (batch, 2 bins, frames)."""
        return self.finish(self.convolve(x, self.receptive_field.padding))

    def convolve(self, x, padding):
        """Transform x, padded with `padding` zeros on both sides."""
        frames = functional.pad(x[:, 0], (padding, padding))
        frames = frames.unfold(1, self.frame_length, self.hop) * self.window.to(x.dtype)
        spectrum = torch.fft.rfft(frames)  # (batch, frames, bins)
        return torch.cat([spectrum.real, spectrum.imag], dim=2).transpose(1, 2)

    def finish(self, y):
        """Return the layer's output, which is that of `convolve`."""
        return y


class Synthesis(nn.Module):
    """The inverse of `Analysis`: exact, if nothing changed the spectra.

    Parameters
    ----------
    frame_length : int
        Timepoints, a multiple of 4.

    Attributes
    ----------
    receptive_field : ReceptiveField
        In frames: four of them overlap in a hop.
    """

    receptive_field = ReceptiveField(4, 1, 0, 0)
    out_channels = 1

    def __init__(self, frame_length):
        super().__init__()
        self.frame_length = frame_length
        # the squares of four overlapping Hann windows add up to 1.5
        self.register_buffer("window", _hann(frame_length) / 1.5, persistent=False)

    def forward(self, x):
        """Transform x of shape (batch, 2 bins, frames) to (batch, 1, time)."""
        return self.finish(self.convolve(x, 0))

    def convolve(self, x, padding):
        """Overlap and add the frames: (batch, hop, frames - 3)."""
        real, imag = x.transpose(1, 2).chunk(2, dim=2)
        frames = torch.fft.irfft(torch.complex(real, imag), n=self.frame_length) * self.window
        quarters = frames.unflatten(2, (4, -1))  # (batch, frames, 4, hop)
        n_hops = x.shape[2] - 3
        return sum(quarters[:, j : j + n_hops, 3 - j] for j in range(4)).transpose(1, 2)

    def finish(self, y):
        """Put the hops one after the other: (batch, 1, time)."""
        return y.transpose(1, 2).flatten(1).unsqueeze(1)


class Level(nn.Module):
    """The level: logarithm of the mean power over neighbouring frames.

    The features and the highband are relative to it, so that a clip at another level than the
    training clips is treated as they are.

    Parameters
    ----------
    n_before, n_after : int
        Frames before and after a frame that its mean runs over.

    Attributes
    ----------
    receptive_field : ReceptiveField
        In frames.
    """

    out_channels = 1

    def __init__(self, n_before, n_after):
        super().__init__()
        length = n_before + 1 + n_after
        self.receptive_field = ReceptiveField(length, 1, n_before, n_after)
        self.register_buffer("taps", torch.ones(2, 1, length), persistent=False)

    def forward(self, x):
        """Map x of shape (batch, 2, frames), powers and ones, to (batch, 1, frames)."""
        field = self.receptive_field
        padded = functional.pad(x, (field.padding, field.padding_after))
        return self.finish(self.convolve(padded, 0))

    def convolve(self, x, padding):
        """Sum powers and ones over neighbouring frames; both are 0 beyond the ends of a clip."""
        with full_precision(x.device.type):
            return functional.conv1d(x, self.taps.to(x.dtype), padding=padding, groups=2)

    def finish(self, y):
        """Return the logarithm of the mean: the sum of powers over the number of frames."""
        return torch.log(y[:, :1] / y[:, 1:] + _LEAST_POWER)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels, of each timepoint by itself."""

    def forward(self, x):
        """Normalise x of shape (batch, channels, time)."""
        return super().forward(x.transpose(1, 2).float()).transpose(1, 2)


def _hann(frame_length):
    return torch.hann_window(frame_length, periodic=True)
