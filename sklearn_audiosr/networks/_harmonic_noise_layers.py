"""Layers of `HarmonicNoiseNet`: interpolation, and the phases of its carriers.

Spectra are real tensors of shape (batch, 2 bins, frames): the real parts, then the imaginary ones.
"""

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import nn
from torch.nn import functional

from sklearn_audiosr._signal.interpolation import SINC_HALF_WIDTH, sinc_taps
from sklearn_audiosr.networks._layers import Conv1d
from sklearn_audiosr.networks._runners import ReceptiveField
from sklearn_audiosr.networks._spectral_layers import Analysis, PolyphaseWienerFilter

# Frames after which the noise repeats: 5 s at 16 kHz. Its levels are others each time.
_N_NOISE_FRAMES = 1024

# Keeps a phase finite where there is no power: far below any power that matters.
_LEAST_POWER = 1e-30


class SincInterpolation(PolyphaseWienerFilter):
    """Band-limited interpolation of the narrowband timepoints inside an upsampled input.

    Parameters
    ----------
    ratio : int
        Upsampling ratio.
    """

    def __init__(self, ratio):
        super().__init__(ratio, 2 * SINC_HALF_WIDTH + 1)
        del self.filters
        # single precision: not every device has double
        taps = sinc_taps(ratio, SINC_HALF_WIDTH, np.dtype(np.float32))
        self.register_buffer("filters", torch.from_numpy(taps.T[:, None].copy()), persistent=False)


class Slope(nn.Module):
    """The difference of the timepoints after and before each one.

    Attributes
    ----------
    receptive_field : ReceptiveField
        Three timepoints.
    """

    receptive_field = ReceptiveField(3, 1, 1, 1)
    out_channels = 1

    def forward(self, x):
        """Map x of shape (batch, 1, time) to the same shape; beyond the ends it is zero."""
        return self.finish(self.convolve(x, 1))

    def convolve(self, x, padding):
        """Compute the differences of x, padded with `padding` zeros on both sides."""
        x = functional.pad(x, (padding, padding))
        return x[..., 2:] - x[..., :-2]

    def finish(self, y):
        """Return the layer's output, which is that of `convolve`."""
        return y


class NoisePhases(nn.Module):
    """Phases of the spectra of white noise, a function of the absolute position.

    Independent phases for each frame would give overlapping frames that cancel at random, and so a
    line at the hop rate. These are of one waveform, so the frames agree.

    Parameters
    ----------
    frame_length : int
        Timepoints, a multiple of 4.
    first_bin : int
        Lowest bin that is needed.
    """

    phasors: torch.Tensor

    def __init__(self, frame_length, first_bin):
        super().__init__()
        self.frame_length, self.first_bin = frame_length, first_bin
        self.register_buffer("phasors", torch.empty(0), persistent=False)
        if not self.phasors.is_meta:  # from a file: its sizes are compared first
            self.draw_constants()

    def draw_constants(self):
        """Compute the phasors of the noise."""
        hop = self.frame_length // 4
        noise = np.tile(_draw_noise(_N_NOISE_FRAMES * hop), 2)
        noise = torch.from_numpy(noise[: _N_NOISE_FRAMES * hop + 3 * hop])[None, None]
        analysis = Analysis(self.frame_length).double()
        spectrum = analysis.convolve(noise, 0)[0]  # (2 bins, frames)
        kept = torch.cat([part[self.first_bin :] for part in spectrum.chunk(2)])
        self.phasors = phasors(kept[None])[0].float()

    def forward(self, x, first, random=False):
        """Return phasors (batch, 2 bins, frames) for the frames of x, (batch, channels, frames).

        Parameters
        ----------
        x : Tensor of shape (batch, channels, frames)
            Only its shape and device count.
        first : int
            Absolute number of the first frame.
        random : bool, default=False
            Whether each clip of the batch starts at a random frame, for training.
        """
        batch, _, n_frames = x.shape
        frames = torch.arange(first, first + n_frames, device=x.device)[None]
        if random:
            frames = frames + torch.randint(_N_NOISE_FRAMES, (batch, 1), device=x.device)
        phases = self.phasors[:, frames % _N_NOISE_FRAMES]  # (2 bins, batch or 1, frames)
        return phases.transpose(0, 1).expand(batch, -1, -1)


class StridedConv1d(Conv1d):
    """A convolution of every `stride` frames, each of which sees as many again around them.

    A whole clip has three frames more than a multiple of four, all of which must be seen.

    Parameters
    ----------
    in_channels, out_channels, stride : int
        As for `torch.nn.Conv1d`.
    """

    def __init__(self, in_channels, out_channels, stride):
        super().__init__(in_channels, out_channels, 2 * stride, stride=stride)
        before = stride // 2
        self.receptive_field = ReceptiveField(2 * stride, stride, before, stride - 1)

    def forward(self, x):
        """Convolve x of shape (batch, in_channels, time)."""
        field = self.receptive_field
        x = functional.pad(x, (field.padding, field.padding_after))
        return self.finish(self.convolve(x, 0))


class ZeroPhaseFilters(nn.Module):
    """A filter for each channel, computed in the frequency domain.

    Parameters
    ----------
    taps : ndarray of shape (n_channels, n_taps)
        Symmetric filters of an odd length.

    Attributes
    ----------
    receptive_field : ReceptiveField
        In timepoints.
    """

    taps: torch.Tensor

    def __init__(self, taps):
        super().__init__()
        self.out_channels, n_taps = taps.shape
        half = n_taps // 2
        self.receptive_field = ReceptiveField(n_taps, 1, half, half)
        self.register_buffer("taps", torch.from_numpy(taps).float(), persistent=False)

    def forward(self, x):
        """Filter x of shape (batch, n_channels, time)."""
        return self.finish(self.convolve(x, self.receptive_field.padding))

    def convolve(self, x, padding):
        """Filter x, padded with `padding` zeros on both sides."""
        x = functional.pad(x, (padding, padding))
        n_fft = next_fast_len(x.shape[-1], real=True)
        spectrum = torch.fft.rfft(x, n_fft) * torch.fft.rfft(self.taps, n_fft)
        # the first outputs mix with the end of x
        return torch.fft.irfft(spectrum, n_fft)[..., self.taps.shape[1] - 1 : x.shape[-1]]

    def finish(self, y):
        """Return the layer's output, which is that of `convolve`."""
        return y


class Repeat(nn.Module):
    """Repeat each step: (batch, channels, time) to (batch, channels, n time)."""

    def __init__(self, n):
        super().__init__()
        self.n = n

    def forward(self, x):
        """Repeat the steps of x."""
        return x.repeat_interleave(self.n, dim=2)


def phasors(spectrum):
    """Return spectra divided by their magnitudes."""
    real, imag = spectrum.chunk(2, dim=1)
    scale = (real.square() + imag.square() + _LEAST_POWER).rsqrt()
    return torch.cat([real * scale, imag * scale], dim=1)


def turn_phases(spectrum, turn):
    """Turn the phases of spectra (batch, 2 bins, frames) by those of 1 + `turn`."""
    real, imag = turn.chunk(2, dim=1)
    turn_real, turn_imag = phasors(torch.cat([1 + real, imag], dim=1)).chunk(2, dim=1)
    real, imag = spectrum.chunk(2, dim=1)
    return torch.cat(
        [real * turn_real - imag * turn_imag, real * turn_imag + imag * turn_real], dim=1
    )


def _draw_noise(n_timepoints):
    """Return white noise that is the same in every release: SplitMix64 of the timepoint."""
    with np.errstate(over="ignore"):
        z = np.arange(1, n_timepoints + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return z.astype(np.float64) / 2**63 - 1
