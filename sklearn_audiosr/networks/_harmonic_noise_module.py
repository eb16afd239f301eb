"""The module that `HarmonicNoiseNet` builds.

Spectra are real tensors of shape (batch, 2 bins, frames): the real parts, then the imaginary ones.
To a runner (`_runners`) frames are timepoints.
"""

import math

import torch
from torch import nn

from sklearn_audiosr.networks._frame_network import LOG_SPREAD, POWER_FLOOR, FrameNetwork
from sklearn_audiosr.networks._harmonic_noise_bands import LowbandEdges, SpectrumBands
from sklearn_audiosr.networks._harmonic_noise_layers import (
    NoisePhases,
    Repeat,
    SincInterpolation,
    Slope,
    StridedConv1d,
    ZeroPhaseFilters,
    phasors,
    turn_phases,
)
from sklearn_audiosr.networks._layers import Conv1d, PointwiseConv1d
from sklearn_audiosr.networks._runners import WholeRunner
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
_N_BEFORE, _N_AFTER = 128, 12

# Frames in one step of the slow blocks, and filters of a slow block for each filter of a fast one.
_SLOWNESS, _SLOW_WIDTH = 4, 2

# Output for next to no magnitude: 100 dB below the mean.
_LEAST_OUTPUT = -4.0


class HarmonicNoiseNetwork(FrameNetwork):
    """A network from a waveform without highband to its bands.

    Parameters
    ----------
    ratio : int
        Upsampling ratio.
    n_blocks, n_slow_blocks, n_filters, kernel_size, expansion, frame_length, n_taps, dropout : \
            int or float
        As in `HarmonicNoiseNet`.

    Attributes
    ----------
    stride, look_back, look_ahead : int
        As for `predict_waveforms`.
    separates_lowband, separates_highband : bool
        The outputs are the lowband as it was, what restores it, and the highband.
    uses_position : bool
        ``forward`` takes the timepoint at which its input starts.
    default_objective, default_optimizer : str
        Names of the loss and of the optimizer that train it unless the user asks for others.
    """

    separates_lowband = separates_highband = uses_position = True
    default_objective = "levels"
    default_optimizer = "muon"

    def __init__(
        self,
        ratio,
        *,
        n_blocks,
        n_slow_blocks,
        n_filters,
        kernel_size,
        expansion,
        frame_length,
        n_taps,
        dropout=0.0,
    ):
        super().__init__()
        self.ratio, self.frame_length, self.kernel_size = ratio, frame_length, kernel_size
        self.bands = SpectrumBands(frame_length, ratio)
        self.edges = LowbandEdges(self.bands)
        self.interpolation = SincInterpolation(ratio)
        self.linear = PolyphaseWienerFilter(ratio, n_taps)
        self.slope = Slope()
        self.analysis = Analysis(frame_length)
        # one frame for each slow step, about its middle
        self.long_analysis = Analysis(_SLOWNESS * frame_length, 2 * frame_length)
        self.synthesis = Synthesis(frame_length)
        self.filters = ZeroPhaseFilters(self.bands.design_filters())
        self.noise = NoisePhases(frame_length, self.bands.first_high)
        self.level = Level(_N_BEFORE, _N_AFTER)
        # that of clips of root mean square 1, whose power lies in the lowband
        self.usual_level = math.log(3 / 8 * frame_length * ratio)
        self._make_blocks(n_filters, n_blocks, n_slow_blocks, expansion, dropout)
        self.first = Conv1d(self.bands.n_low + 1, n_filters, 3)
        self.first_norm, self.last_norm = ChannelNorm(n_filters), ChannelNorm(n_filters)
        # the edges, levels of harmonics and noise, and the turn, a real and an imaginary part
        n_high = self.bands.n_high
        self.output_sizes = [self.edges.n_edge, n_high, n_high, 2 * n_high]
        self.last = PointwiseConv1d(n_filters, sum(self.output_sizes))
        self._initialize()
        self._measure()

    def forward(self, x, start=0):
        """Map x of shape (batch, 1, time), from timepoint `start` on, to (batch, 3, time)."""
        time = x.shape[-1]
        x = nn.functional.pad(x, (0, -time % self.stride))
        return self.compute(x, WholeRunner(start))[..., :time]

    def compute(self, x, runner):
        """Run all layers on x of shape (batch, 1, time), time a multiple of the stride."""
        waveform = runner.run(self.interpolation, x)  # (batch, 1, time)
        linear = runner.run(self.linear, x)
        waveform, linear = runner.align(self.linear, waveform, linear)
        slope = runner.run(self.slope, waveform)
        known = torch.cat([waveform, linear])
        slope, known = runner.align(self.slope, slope, known)
        # a rectified waveform has harmonics far above the lowband
        known = torch.cat([known, slope.abs()])
        waveform = known[: len(x)]
        pitch = self._compute_pitch_features(runner.run(self.long_analysis, waveform))
        spectra = runner.run(self.analysis, known)  # (3 batch, 2 bins, frames)
        level = runner.run(self.level, self._measure_power(spectra[: len(x)]))
        level, known = runner.align(self.level, level.float(), self._keep_needed(spectra))
        output = self._shape(self._compute_features(known, level), pitch, runner)
        known = torch.cat([known, level], dim=1)
        output, known = runner.align(self.last, output, known)
        restoration, highband = self._compose(known, output, runner)
        y = runner.run(self.synthesis, torch.cat([restoration, highband]))  # (2 batch, 1, time)
        y = runner.run(self.filters, torch.cat(y.chunk(2), dim=1))  # (batch, 2, time)
        waveform, y = runner.align(self.filters, waveform.to(y.dtype), y)
        return torch.cat([waveform, y], dim=1)  # (batch, 3, time)

    @torch.no_grad()
    def copy_shared_weights(self, other):
        """Copy the weights that mean the same in a network of this or of another ratio.

        These are the blocks, and the weights of the first and the last layer for the bins that both
        networks have in the same band. The linear filter stays, and so do the edges of the lowband
        if the ratios differ: they depend on where the band ends.

        Parameters
        ----------
        other : HarmonicNoiseNetwork
            A network of the same sizes.
        """
        if other.ratio == self.ratio:
            own_filter = self.linear.filters.clone()
            self.load_state_dict(other.state_dict())
            self.linear.filters.copy_(own_filter)
            return
        different = ("first.", "last.", "linear.", "pitch.")
        shared = {k: w for k, w in other.state_dict().items() if not k.startswith(different)}
        self.load_state_dict(shared, strict=False)
        n_low = min(self.bands.n_low, other.bands.n_low)
        n_high = min(self.bands.n_high, other.bands.n_high)
        self.first.weight[:, :n_low] = other.first.weight[:, :n_low]
        self.first.weight[:, -1] = other.first.weight[:, -1]  # the level
        self.first.bias.copy_(other.first.bias)
        n_shared = min(self.pitch.in_features, other.pitch.in_features)
        self.pitch.weight[:, :n_shared] = other.pitch.weight[:, :n_shared]
        self.pitch.bias.copy_(other.pitch.bias)
        for own, given in zip(self.last.parameters(), other.last.parameters(), strict=True):
            own, given = (
                p[network.edges.n_edge :].unflatten(0, (4, -1))
                for p, network in ((own, self), (given, other))
            )
            own[:, -n_high:] = given[:, -n_high:]

    @torch.no_grad()
    def shift_highband(self, db):
        """Make the generated highband louder.

        Parameters
        ----------
        db : float
            Gain in dB; its negative undoes the shift.
        """
        _, harmonic, noise, _ = self.last.bias.split(self.output_sizes)
        for levels in (harmonic[self.bands.n_below :], noise):
            levels += db * math.log(10) / 10 / LOG_SPREAD

    def _measure_power(self, spectrum):
        """Compute the mean power of the lowband without an offset, and 1 for each frame."""
        first, last = self.bands.first_level, self.bands.n_low
        real, imag = (part[:, first:last] for part in spectrum.chunk(2, dim=1))
        power = (real.square() + imag.square()).sum(dim=1, keepdim=True) / last
        return torch.cat([power, torch.ones_like(power)], dim=1)

    def _keep_needed(self, spectra):
        """Return the lowband, that of the linear filter, and the phases of the harmonic carrier."""
        spectrum, linear, rectified = spectra.chunk(3)
        bands = self.bands
        phases = phasors(bands.join_carrier(spectrum, rectified))
        lowbands = (bands.take_lowband(part).float() for part in (spectrum, linear))
        return torch.cat([*lowbands, phases.float()], dim=1)

    def _split_needed(self, known):
        return known.split([2 * self.bands.n_low] * 2 + [2 * self.bands.n_high], dim=1)

    def _compute_features(self, known, level):
        """Return the lowband's log power relative to the level, and the level."""
        real, imag = self._split_needed(known)[0].chunk(2, dim=1)
        power = (real.square() + imag.square()) * torch.exp(-level)
        log_power = self.standardize_power(power + POWER_FLOOR)
        level = self.standardize_level(level)
        return torch.cat([log_power, level], dim=1)  # (batch, n_low + 1, frames)

    def _compute_pitch_features(self, spectra):
        """Return log powers of long frames, which show harmonics, relative to their mean."""
        real, imag = (part[:, : self.pitch.in_features] for part in spectra.chunk(2, dim=1))
        power = (real.square() + imag.square()).float()
        mean = power.mean(dim=1, keepdim=True).clamp(min=1e-20)  # silence has a mean of 0
        return self.standardize_power(power / mean + POWER_FLOOR)  # (batch, bins, frames / 4)

    def _shape(self, features, pitch, runner):
        """Run the blocks: the fast ones, and between them the slow ones on every fourth frame."""
        z = self.first_norm(runner.run(self.first, features))  # (batch, filters, frames)
        for block in self.blocks:
            z = block(z, runner)  # (batch, filters, frames)
        slow, pitch = runner.align(self.slower, runner.run(self.slower, z), pitch)
        slow = self.slow_norm(slow + self.pitch(pitch))  # (batch, 2 filters, frames / 4)
        for block in self.slow_blocks:
            slow = block(slow, runner)  # (batch, 2 filters, frames / 4)
        context = runner.run(self.repeat, self.faster(slow))  # (batch, filters, frames)
        z, context = runner.align(self.faster, z, context)
        z = z + context
        for block in self.last_blocks:
            z = block(z, runner)  # (batch, filters, frames)
        return self.last(self.last_norm(z)).float()

    def _compose(self, known, output, runner):
        """Compute the spectra of what restores the lowband, and of the highband."""
        level = known[:, -1:]
        lowband, linear, phases = self._split_needed(known[:, :-1])
        edge, harmonic, noise, turn = output.split(self.output_sizes, dim=1)
        first_frame = runner.locate(self.noise, level.shape[-1], self.analysis.hop)
        noises = self.noise(level, first_frame, random=self.training)
        harmonic, noise = (
            self.to_magnitude(part, level).repeat(1, 2, 1) for part in (harmonic, noise)
        )
        # below the narrowband Nyquist frequency the harmonic part raises what is there
        filling, harmonic = self.bands.part_at_nyquist(phases * harmonic)
        highband = turn_phases(harmonic, turn) + noises * noise
        restoration = self.edges.restore(lowband, linear, edge, filling, highband)
        return restoration, self.bands.place_highband(highband)

    def _make_blocks(self, n_filters, n_blocks, n_slow_blocks, expansion, dropout):
        def make(n, width, depth):
            return nn.ModuleList(
                SpectralBlock(width, self.kernel_size, expansion, depth**-0.5, dropout)
                for _ in range(n)
            )

        n_slow = _SLOW_WIDTH * n_filters
        self.blocks = make(n_blocks - n_blocks // 2, n_filters, n_blocks)
        self.slow_blocks = make(n_slow_blocks, n_slow, n_slow_blocks)
        self.last_blocks = make(n_blocks // 2, n_filters, n_blocks)
        self.slower = StridedConv1d(n_filters, n_slow, _SLOWNESS)
        self.pitch = PointwiseConv1d(math.floor(_SLOWNESS * self.bands.nyquist) + 1, n_slow)
        self.slow_norm = ChannelNorm(n_slow)
        self.faster, self.repeat = PointwiseConv1d(n_slow, n_filters), Repeat(_SLOWNESS)

    def _initialize(self):
        """Start as the linear filter, with the phases of the carriers."""
        nn.init.zeros_(self.last.bias)
        with torch.no_grad():
            edge, harmonic, _, turn = self.last.weight.split(self.output_sizes)
            for part in (edge, harmonic[: self.bands.n_below], turn):
                part.zero_()
            _, harmonic, *_ = self.last.bias.split(self.output_sizes)
            harmonic[: self.bands.n_below] = _LEAST_OUTPUT

    def _measure(self):
        """Set the stride, and how far the inputs lie from the outputs that depend on them."""
        hop = self.analysis.hop
        self.stride = math.lcm(_SLOWNESS * hop, self.ratio)
        half = self.kernel_size // 2
        n_fast = len(self.blocks) + len(self.last_blocks)
        n_frames = self.first.receptive_field.padding + n_fast * half
        # the first of four frames sees a slow step that sees five more of them
        n_frames += _SLOWNESS * (len(self.slow_blocks) * half + 1) + 1
        paddings = (
            max(layer.receptive_field.padding for layer in (self.interpolation, self.linear)),
            self.slope.receptive_field.padding,
            self.filters.receptive_field.padding,
        )
        sides = (n_frames + 4) * hop + sum(paddings)
        self.look_back = sides + self.level.receptive_field.padding * hop
        self.look_ahead = sides + self.level.receptive_field.padding_after * hop
