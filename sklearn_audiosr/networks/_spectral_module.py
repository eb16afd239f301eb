"""The network of `SpectralNet`: what its layers make of spectra.

Spectra are real tensors of shape (batch, 2 bins, frames), real parts before imaginary ones: to a
flow (`_flow`) frames are timepoints like others.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from sklearn_audiosr.networks._flow import PieceStream, WholeFlow
from sklearn_audiosr.networks._layers import Conv1d, PointwiseConv1d
from sklearn_audiosr.networks._spectral_adjustments import (
    LOG_SPREAD,
    N_OFFSET,
    AdjustableWeights,
)
from sklearn_audiosr.networks._spectral_layers import (
    Analysis,
    ChannelNorm,
    KnotFilter,
    Level,
    SpectralBlock,
    Synthesis,
)

# Added to powers relative to the level: 90 dB below it.
_POWER_FLOOR = 1e-9

# Log powers relative to the level have about this mean; LOG_SPREAD is their standard deviation.
_LOG_CENTRE = -6.0

# Frames before and after its own that a frame's level is the mean of. Long, so that a pause is seen
# to be one; no longer after than before, because a stream waits for it.
_N_BEFORE, _N_AFTER = 40, 8

# Natural logarithms of power by which the level may differ from the training clips' before the
# network takes it for the same: 11 dB.
_LEVEL_SPREAD = 2.5

# Below any power that matters: no quotient is of two zeros.
_LEAST_POWER = 1e-20

# Bins to each side of the narrowband Nyquist frequency in which both bands are looked after: a
# window of Hann spreads a tone over four.
_N_SHARED = 4

# Above the lowest quarter of the lowband no correction raises a bin above so many times the power
# of its surroundings: 13 dB. Behind a filter that training clips came by few frames come near it;
# but what a codec or an unknown resampler has left of the end of a band may look as if a filter had
# lowered it.
_MAX_RAISED = 20.0

# Gains that the channel noise draws over the lowband, with straight lines between them.
_N_GAINS = 8

# No highband is louder than this, in natural logarithm of the magnitude relative to the level.
_MAX_LOG_MAGNITUDE = 3.0


class SpectralNetwork(AdjustableWeights):
    """From a waveform without highband to (batch, 2, time): the mean, and what a highband adds.

    Parameters
    ----------
    ratio : int
        Upsampling ratio.
    n_blocks, n_filters, kernel_size, expansion, frame_length, n_taps, dropout, channel_noise : \
            int or float
        As in `SpectralNet`.

    Attributes
    ----------
    stride, look_back, look_ahead : int
        As for every network.
    separates_highband : bool
        The second output is what a full highband adds to the first.
    default_objective, default_optimizer : str
        Names of the loss that it trains on, and of the optimizer, unless others are asked for.
    """

    separates_highband = True
    default_objective = "spectral"
    default_optimizer = "muon"

    def __init__(
        self,
        ratio,
        *,
        n_blocks,
        n_filters,
        kernel_size,
        expansion,
        frame_length,
        n_taps,
        dropout=0.0,
        channel_noise=0.0,
    ):
        super().__init__()
        self.ratio, self.frame_length, self.kernel_size = ratio, frame_length, kernel_size
        self.channel_noise = channel_noise
        self.n_bins = frame_length // 2 + 1
        nyquist = frame_length / (2 * ratio)  # of the narrowband, in bins
        self.nyquist = math.floor(nyquist)
        self.n_low = min(self.n_bins, math.floor(nyquist) + 1 + _N_SHARED)
        self.n_kept = min(self.n_bins, self.n_low + self.nyquist // 8)
        self.n_high = self.n_bins - max(0, math.ceil(nyquist) - _N_SHARED)
        self.linear = KnotFilter(ratio, n_taps)
        self.analysis = Analysis(frame_length)
        self.synthesis = Synthesis(frame_length)
        self.level = Level(_N_BEFORE, _N_AFTER)
        # of clips of root mean square 1, whose power lies in the lowband
        self.usual_level = math.log(3 / 8 * frame_length * ratio)
        self.first = Conv1d(3 * self.n_low + 1, n_filters, 3)
        self.first_norm = ChannelNorm(n_filters)
        self.blocks = nn.ModuleList(
            SpectralBlock(n_filters, kernel_size, expansion, n_blocks**-0.5, dropout)
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
        level = flow.run(self.level, self._measure_power(spectrum))  # (batch, 1, frames)
        level, spectrum = flow.align(self.level, level, spectrum)
        features = self._describe(spectrum, level)  # (batch, 3 n_low + 1, frames)
        z = self.first_norm(flow.run(self.first, features))  # (batch, filters, frames)
        for block in self.blocks:
            z = block(z, flow)  # (batch, filters, frames)
        output = self.last(self.last_norm(z)).float()
        known = torch.cat([spectrum, level], dim=1).float()
        output, known = flow.align(self.last, output, known)
        # both (batch, 2 bins, frames)
        mean, detail = self._compose(known[:, :-1], known[:, -1:], output)
        y = flow.run(self.synthesis, torch.cat([mean, detail]))  # (2 batch, 1, time)
        return torch.cat(y.chunk(2), dim=1)  # (batch, 2, time)

    def stream(self):
        """Give an object that computes the same piece by piece, each frame once."""
        return PieceStream(self)

    def hidden_matrices(self):
        """Give the weights of the dense layers inside the blocks, most of all."""
        layers = [layer for block in self.blocks for layer in (block.expand, block.contract)]
        return [layer.weight for layer in layers]

    def prepare(self, pairs):
        """Solve for the linear filter.

        Parameters
        ----------
        pairs : list of (ndarray, ndarray)
            Network inputs and targets, each of shape (n_channels, n_timepoints).
        """
        self.linear.solve(pairs)

    def _measure_power(self, spectrum):
        """Mean power of the lowband but for an offset, and 1 for each frame that there is."""
        real, imag = (part[:, N_OFFSET : self.n_low] for part in spectrum.chunk(2, dim=1))
        power = (real.square() + imag.square()).sum(dim=1, keepdim=True) / self.n_low
        return torch.cat([power, torch.ones_like(power)], dim=1)

    def _describe(self, spectrum, level):
        """Log magnitude and phasor of the lowband, relative to the level, and the level."""
        unit = torch.exp(-level / 2)
        real, imag = (part[:, : self.n_low] * unit for part in spectrum.chunk(2, dim=1))
        power = real.square() + imag.square() + _POWER_FLOOR
        log_power = (torch.log(power) - _LOG_CENTRE) / LOG_SPREAD
        if self.training and self.channel_noise > 0:
            log_power = log_power + self._draw_channels(power)
        magnitude = power.sqrt()
        level = ((level - self.usual_level) / _LEVEL_SPREAD).clamp(-1, 1)
        return torch.cat([log_power, real / magnitude, imag / magnitude, level], dim=1).float()

    def _draw_channels(self, power):
        """Give smooth gains for each patch, (batch, n_low, 1), in the units of the features."""
        spread = self.channel_noise / (10 * math.log10(math.e)) / LOG_SPREAD
        nodes = spread * torch.randn(len(power), 1, _N_GAINS, device=power.device)
        gains = functional.interpolate(nodes, self.n_low, mode="linear", align_corners=True)
        return gains.transpose(1, 2)

    def _compose(self, spectrum, level, output):
        """Give the spectra of the mean and of what a full highband adds to it."""
        n_low, n_high = self.n_low, self.n_high
        gain, highband = output.split([2 * n_low, 4 * n_high], dim=1)
        log_magnitude, real, imag, share = highband.chunk(4, dim=1)
        log_magnitude = (log_magnitude * LOG_SPREAD + _LOG_CENTRE) / 2
        magnitude = (log_magnitude.clamp(max=_MAX_LOG_MAGNITUDE) + level / 2).exp()
        limit = _MAX_RAISED * self._measure_surroundings(spectrum, magnitude)
        magnitude = magnitude * (real.square() + imag.square() + 1e-9).rsqrt()
        share = torch.sigmoid(share)  # of the highband, how much is known with its phase
        highband = self._place(magnitude * real, magnitude * imag)
        known = torch.cat([self._to_end(share)] * 2, dim=1) * highband
        return self._correct(spectrum, gain, limit) + known, highband - known

    def _measure_surroundings(self, spectrum, magnitude):
        """Give what is loud around the end of the lowband: (batch, 1, frames), mean power of a bin.

        The louder of the lowband's third quarter, which few filters lower, and the first of the
        highband that is generated.
        """
        middle = self.nyquist // 2
        third_quarter = slice(middle, max(self.nyquist * 3 // 4, middle + 1))
        real, imag = (part[:, third_quarter] for part in spectrum.chunk(2, dim=1))
        below = (real.square() + imag.square()).mean(dim=1, keepdim=True)
        above = magnitude[:, : 2 * _N_SHARED + 1].square().mean(dim=1, keepdim=True)
        return torch.maximum(below, above)

    def _correct(self, spectrum, gain, limit):
        """Multiply the lowband of spectra, but for an offset, by 1 and complex gains.

        Above its lowest quarter, of which a telephone line takes more than that, no power is raised
        beyond the limit, (batch, 1, frames). What the linear filter left far above the lowband are
        images of it, and dropped.
        """
        a, b = (part[:, N_OFFSET : self.n_low] for part in spectrum.chunk(2, dim=1))
        c, d = (part[:, N_OFFSET:] for part in gain.chunk(2, dim=1))
        real, imag = a + a * c - b * d, b + a * d + b * c
        scale = self._limit((a, b), (real, imag), limit)
        corrected = [
            torch.cat(
                [part[:, :N_OFFSET], raised * scale, part[:, self.n_low : self.n_kept]], dim=1
            )
            for part, raised in zip(spectrum.chunk(2, dim=1), (real, imag), strict=True)
        ]
        n_dropped = self.n_bins - self.n_kept
        return torch.cat([functional.pad(part, (0, 0, 0, n_dropped)) for part in corrected], dim=1)

    def _limit(self, given, raised, limit):
        """Give factors for the bins of the lowband but an offset, 1 in its lowest quarter."""
        n_free = max(0, self.nyquist // 4 - N_OFFSET)  # those of a tiny frame are few
        given, raised = (
            real[:, n_free:].square() + imag[:, n_free:].square() for real, imag in (given, raised)
        )
        limit = torch.maximum(limit, given).clamp(min=_LEAST_POWER)
        scale = (limit / torch.maximum(raised, limit)).sqrt()
        return functional.pad(scale, (0, 0, n_free, 0), value=1.0)

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
        n_frames = self.first.reach + len(self.blocks) * (self.kernel_size // 2)
        # a hop lies in four frames: the first begins three hops before, the last ends three after
        reach = (n_frames + 4) * hop + self.linear.reach
        self.look_back = reach + self.level.reach * hop
        self.look_ahead = reach + self.level.reach_after * hop
