"""The module that `SpectralNet` builds.

Spectra are real tensors of shape (batch, 2 bins, frames): the real parts, then the imaginary ones.
To a runner (`_runners`) frames are timepoints.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from sklearn_audiosr.networks._frame_network import LOG_SPREAD, POWER_FLOOR, FrameNetwork
from sklearn_audiosr.networks._layers import Conv1d, PointwiseConv1d
from sklearn_audiosr.networks._runners import WholeRunner
from sklearn_audiosr.networks._spectral_bands import N_OFFSET, Bands
from sklearn_audiosr.networks._spectral_layers import (
    Analysis,
    ChannelNorm,
    Level,
    PolyphaseWienerFilter,
    SpectralBlock,
    Synthesis,
)

# Averaging window of the level: frames before and after. Long, so that a pause counts as one;
# shorter after than before, because a stream waits for it.
_N_BEFORE, _N_AFTER = 40, 8

# Gains that the channel noise draws over the lowband; between them it interpolates linearly.
_N_GAINS = 8


class SpectralNetwork(FrameNetwork):
    """A network from a waveform without highband to two: the mean, and what a full highband adds.

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
        As for `predict_waveforms`.
    separates_highband : bool
        Whether the second output is what a full highband adds to the first.
    default_objective, default_optimizer : str
        Names of the loss and of the optimizer that train it unless the user asks for others.
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
        self.bands = Bands.split(frame_length, ratio)
        self.n_bins, self.n_low = self.bands.n_bins, self.bands.n_low
        self.n_high = self.bands.n_high
        self.linear = PolyphaseWienerFilter(ratio, n_taps)
        self.analysis = Analysis(frame_length)
        self.synthesis = Synthesis(frame_length)
        self.level = Level(_N_BEFORE, _N_AFTER)
        # that of clips of root mean square 1, whose power lies in the lowband
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
        return self.compute(x, WholeRunner())[..., :time]

    def compute(self, x, runner):
        """Run all layers on x of shape (batch, 1, time), time a multiple of the stride."""
        x = runner.run(self.linear, x)  # (batch, 1, time)
        spectrum = runner.run(self.analysis, x)  # (batch, 2 bins, frames)
        level = runner.run(self.level, self._measure_power(spectrum))  # (batch, 1, frames)
        level, spectrum = runner.align(self.level, level, spectrum)
        features = self._compute_features(spectrum, level)  # (batch, 3 n_low + 1, frames)
        z = self.first_norm(runner.run(self.first, features))  # (batch, filters, frames)
        for block in self.blocks:
            z = block(z, runner)  # (batch, filters, frames)
        output = self.last(self.last_norm(z)).float()
        known = torch.cat([spectrum, level], dim=1).float()
        output, known = runner.align(self.last, output, known)
        # both (batch, 2 bins, frames)
        mean, detail = self._compose(known[:, :-1], known[:, -1:], output)
        y = runner.run(self.synthesis, torch.cat([mean, detail]))  # (2 batch, 1, time)
        return torch.cat(y.chunk(2), dim=1)  # (batch, 2, time)

    def _measure_power(self, spectrum):
        """Compute the mean power of the lowband without an offset, and 1 for each frame."""
        real, imag = (part[:, N_OFFSET : self.n_low] for part in spectrum.chunk(2, dim=1))
        power = (real.square() + imag.square()).sum(dim=1, keepdim=True) / self.n_low
        return torch.cat([power, torch.ones_like(power)], dim=1)

    def _compute_features(self, spectrum, level):
        """Return the lowband's log power and phasor relative to the level, and the level."""
        unit = torch.exp(-level / 2)
        real, imag = (part[:, : self.n_low] * unit for part in spectrum.chunk(2, dim=1))
        power = real.square() + imag.square() + POWER_FLOOR
        log_power = self.standardize_power(power)
        if self.training and self.channel_noise > 0:
            log_power = log_power + self._draw_channels(power)
        magnitude = power.sqrt()
        level = self.standardize_level(level)
        return torch.cat([log_power, real / magnitude, imag / magnitude, level], dim=1).float()

    def _draw_channels(self, power):
        """Draw smooth gains for each patch, (batch, n_low, 1), in the units of the features."""
        spread = self.channel_noise / (10 * math.log10(math.e)) / LOG_SPREAD
        nodes = spread * torch.randn(len(power), 1, _N_GAINS, device=power.device)
        gains = functional.interpolate(nodes, self.n_low, mode="linear", align_corners=True)
        return gains.transpose(1, 2)

    def _compose(self, spectrum, level, output):
        """Compute the spectra of the mean and of what a full highband adds to it."""
        gain, highband = output.split([2 * self.n_low, 4 * self.n_high], dim=1)
        log_magnitude, real, imag, share = highband.chunk(4, dim=1)
        magnitude = self.to_magnitude(log_magnitude, level)
        surroundings = self.bands.measure_surroundings(spectrum, magnitude)
        magnitude = magnitude * (real.square() + imag.square() + 1e-9).rsqrt()
        share = torch.sigmoid(share)  # of the highband that is known with its phase
        highband = self.bands.place_highband(magnitude * real, magnitude * imag)
        known = self.bands.place_highband(share, share) * highband
        return self.bands.correct_lowband(spectrum, gain, surroundings) + known, highband - known

    def _initialize(self):
        """Start as the linear filter: without a correction, and with little highband known."""
        nn.init.zeros_(self.last.bias)
        with torch.no_grad():
            self.last.weight[: 2 * self.n_low] = 0
            self.last.bias[-self.n_high :] = -2

    def _measure(self):
        """Set the stride, and how far the inputs lie from the outputs that depend on them."""
        hop = self.analysis.hop
        self.stride = math.lcm(hop, self.ratio)
        n_frames = self.first.receptive_field.padding + len(self.blocks) * (self.kernel_size // 2)
        # four frames overlap in a hop: the first begins three hops before it, the last ends three
        # after it
        sides = (n_frames + 4) * hop + self.linear.receptive_field.padding
        self.look_back = sides + self.level.receptive_field.padding * hop
        self.look_ahead = sides + self.level.receptive_field.padding_after * hop
