"""Layers of `SpectralNet`: exact short-time transforms and convolutions over frames.

Spectra are real tensors of shape (batch, 2 bins, frames), real parts before imaginary ones: to a
flow (`_flow`) frames are timepoints like others.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from sklearn_audiosr._wiener import solve_polyphase_filters
from sklearn_audiosr.networks._flow import PieceStream, WholeFlow
from sklearn_audiosr.networks._layers import (
    Conv1d,
    DepthwiseConv1d,
    PointwiseConv1d,
    full_precision,
)

# Power added before the logarithm, relative to clips of root mean square 1: the floor of LSD, 1e-8,
# where that root mean square is a third of full scale.
_POWER_FLOOR = 1e-7

# Log powers to about zero mean and unit deviation: speech has some e**-4 in a bin, and 6 to each
# side. Inputs are centred alike.
_LOG_CENTRE, _LOG_SPREAD = -4.0, 6.0

# Bins to each side of the narrowband Nyquist frequency in which both bands are looked after: a
# window of Hann spreads a tone over four.
_N_SHARED = 4

# Ridge penalty of the linear filter, `LinearUpsampler`'s default.
_RIDGE = 1e-6

# No highband is louder than this, in natural logarithm of the magnitude.
_MAX_LOG_MAGNITUDE = 6.0


class SpectralNetwork(nn.Module):
    """From a waveform without highband to (batch, 2, time): the mean, and what a highband adds.

    Parameters
    ----------
    ratio : int
        Upsampling ratio.
    n_blocks, n_filters, kernel_size, expansion, frame_length, n_taps : int
        As in `SpectralNet`.

    Attributes
    ----------
    stride, look_back, look_ahead : int
        As for every network.
    separates_highband : bool
        The second output is what a full highband adds to the first.
    default_objective : str
        Name of the loss that it trains on unless another is asked for.
    """

    separates_highband = True
    default_objective = "spectral"

    def __init__(self, ratio, *, n_blocks, n_filters, kernel_size, expansion, frame_length, n_taps):
        super().__init__()
        self.ratio, self.frame_length = ratio, frame_length
        self.n_bins = frame_length // 2 + 1
        nyquist = frame_length / (2 * ratio)  # of the narrowband, in bins
        self.n_low = min(self.n_bins, math.floor(nyquist) + 1 + _N_SHARED)
        self.n_high = self.n_bins - max(0, math.ceil(nyquist) - _N_SHARED)
        self.linear = KnotFilter(ratio, n_taps)
        self.analysis = Analysis(frame_length)
        self.synthesis = Synthesis(frame_length)
        self.first = Conv1d(3 * self.n_low, n_filters, 3)
        self.first_norm = ChannelNorm(n_filters)
        self.blocks = nn.ModuleList(
            SpectralBlock(n_filters, kernel_size, expansion, gain=n_blocks**-0.5)
            for _ in range(n_blocks)
        )
        self.last_norm = ChannelNorm(n_filters)
        self.last = PointwiseConv1d(n_filters, 2 * self.n_low + 4 * self.n_high)
        self._initialize()
        self._measure()

    def forward(self, x):
        """Map x of shape (batch, 1, time) to (batch, 2, time)."""
        time = x.shape[-1]
        x = functional.pad(x, (0, -time % self.stride))
        return self.compute(x, WholeFlow())[..., :time]

    def compute(self, x, flow):
        """Run the layers on x of shape (batch, 1, time), on the stride, in the way of `flow`."""
        x = flow.run(self.linear, x)  # (batch, 1, time)
        spectrum = flow.run(self.analysis, x)  # (batch, 2 bins, frames)
        features = self._describe(spectrum)  # (batch, 3 n_low, frames)
        z = self.first_norm(flow.run(self.first, features))  # (batch, filters, frames)
        for block in self.blocks:
            z = block(z, flow)  # (batch, filters, frames)
        output = self.last(self.last_norm(z)).float()
        output, spectrum = flow.align(self.last, output, spectrum)
        mean, detail = self._compose(spectrum, output)  # (batch, 2 bins, frames) each
        y = flow.run(self.synthesis, torch.cat([mean, detail]))  # (2 batch, 1, time)
        return torch.cat(y.chunk(2), dim=1)  # (batch, 2, time)

    def stream(self):
        """Give an object that computes the same piece by piece, each frame once."""
        return PieceStream(self)

    def prepare(self, pairs):
        """Solve for the linear filter.

        Parameters
        ----------
        pairs : list of (ndarray, ndarray)
            Network inputs and targets, each of shape (n_waveforms, n_timepoints).
        """
        self.linear.solve(pairs)

    def _describe(self, spectrum):
        """Log magnitude and phasor of the lowband."""
        real, imag = (part[:, : self.n_low] for part in spectrum.chunk(2, dim=1))
        power = real.square() + imag.square() + _POWER_FLOOR
        level = (torch.log(power) - _LOG_CENTRE) / _LOG_SPREAD
        magnitude = power.sqrt()
        return torch.cat([level, real / magnitude, imag / magnitude], dim=1)

    def _compose(self, spectrum, output):
        """Give the spectra of the mean and of what a full highband adds to it."""
        n_low, n_high = self.n_low, self.n_high
        gain, highband = output.split([2 * n_low, 4 * n_high], dim=1)
        log_magnitude, real, imag, share = highband.chunk(4, dim=1)
        log_magnitude = (log_magnitude * _LOG_SPREAD + _LOG_CENTRE) / 2
        magnitude = log_magnitude.clamp(max=_MAX_LOG_MAGNITUDE).exp()
        magnitude = magnitude * (real.square() + imag.square() + 1e-9).rsqrt()
        share = torch.sigmoid(share)  # of the highband, how much is known with its phase
        highband = self._place(magnitude * real, magnitude * imag)
        known = torch.cat([self._to_end(share)] * 2, dim=1) * highband
        return spectrum + self._correct(spectrum, gain) + known, highband - known

    def _correct(self, spectrum, gain):
        """Multiply the lowband of spectra by complex gains."""
        a, b = (part[:, : self.n_low] for part in spectrum.chunk(2, dim=1))
        c, d = gain.chunk(2, dim=1)
        padding = (0, 0, 0, self.n_bins - self.n_low)
        real, imag = functional.pad(a * c - b * d, padding), functional.pad(a * d + b * c, padding)
        return torch.cat([real, imag], dim=1)

    def _place(self, real, imag):
        """Make spectra of a highband."""
        return torch.cat([self._to_end(real), self._to_end(imag)], dim=1)

    def _to_end(self, highband):
        return functional.pad(highband, (0, 0, self.n_bins - self.n_high, 0))

    def _initialize(self):
        """Begin as the linear filter: no correction, and little of a highband known."""
        nn.init.zeros_(self.last.bias)
        with torch.no_grad():
            self.last.weight[: 2 * self.n_low] = 0
            self.last.bias[-self.n_high :] = -2

    def _measure(self):
        """Find how far an output timepoint's inputs lie away."""
        hop = self.analysis.step
        self.stride = math.lcm(hop, self.ratio)
        n_frames = self.first.reach + sum(block.depthwise.reach for block in self.blocks)
        # a hop lies in four frames: the first begins three hops before, the last ends three after
        reach = (n_frames + 4) * hop + self.linear.reach
        self.look_back = self.look_ahead = reach


class SpectralBlock(nn.Module):
    """A convolution over frames, filter by filter, and dense layers over filters, added to x."""

    def __init__(self, n_filters, kernel_size, expansion, gain):
        super().__init__()
        self.depthwise = DepthwiseConv1d(n_filters, kernel_size)
        self.norm = ChannelNorm(n_filters)
        self.expand = PointwiseConv1d(n_filters, expansion * n_filters)
        self.contract = PointwiseConv1d(expansion * n_filters, n_filters)
        self.gain = nn.Parameter(torch.full((n_filters, 1), gain))

    def forward(self, x, flow):
        """Map x of shape (batch, n_filters, frames) to the same shape."""
        y = self.norm(flow.run(self.depthwise, x))
        y = self.contract(functional.gelu(self.expand(y)))
        x, y = flow.align(self, x, y)
        return x + self.gain * y


class KnotFilter(nn.Module):
    """The polyphase Wiener filter on the knots of the input: every ratio-th timepoint.

    A cubic spline goes through the narrowband timepoints, so there they are again.

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
        """Solve for the filters, of pairs of arrays (n_waveforms, n_timepoints)."""
        waveforms = (
            (x[:: self.step], y)
            for source, target in pairs
            for x, y in zip(source, target, strict=True)
        )
        n_taps = self.filters.shape[2]
        filters = solve_polyphase_filters(waveforms, n_taps, self.step, _RIDGE)
        self.filters.copy_(torch.from_numpy(filters.T[:, None]))

    def forward(self, x):
        """Filter x of shape (batch, 1, time), time a multiple of the ratio."""
        return self.finish(self.convolve(x, self.reach))

    def convolve(self, x, padding):
        """Give all phases, (batch, ratio, knots)."""
        x = functional.pad(x.float(), (padding, padding))[..., :: self.step]
        with full_precision(x.device.type):
            return functional.conv1d(x, self.filters)

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
        frames = functional.pad(x[:, 0].float(), (padding, padding))
        frames = frames.unfold(1, self.n_taps, self.step) * self.window
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


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of (batch, channels, time), each timepoint alone."""

    def forward(self, x):
        """Normalise x."""
        return super().forward(x.transpose(1, 2).float()).transpose(1, 2)


def _hann(frame_length):
    return torch.hann_window(frame_length, periodic=True)
