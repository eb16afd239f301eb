"""The bands of a spectrum in `HarmonicNoiseNet`: what is kept, restored and generated.

Spectra are real tensors of shape (batch, 2 bins, frames): the real parts, then the imaginary ones.
Frequencies in Hz below are those of frames of 20 ms, whose bins are 50 Hz apart.
"""

import math

import numpy as np
import torch
from torch.nn import functional

# Overlap of the bands, in bins on each side of the narrowband Nyquist frequency.
_N_SHARED = 3

# Lowest bins, where a Hann window shows a constant. The offset of a recording does not make it
# loud.
_N_OFFSET = 2

# First bin of speech in a telephone line: 300 Hz.
_BOTTOM = 6

# Where filters of decimators begin to lower the lowband, and where the highband begins: shares of
# the narrowband Nyquist frequency.
_TOP, _HIGH = 0.8, 0.9

# What is restored is not raised above this many times the power of its surroundings (13 dB).
# Behind the filters of the training clips few frames come close. But what a codec or an unknown
# resampler leaves at the end of a band may look as if a filter had lowered it.
_MAX_RAISED = 20.0

# Largest share of the linear filter's change that is added.
_MAX_SHARE = 8.0

# Output of the network at which all of it is added: the sigmoid is then 1 / 8.
_UNIT_SHARE = -math.log(_MAX_SHARE - 1)

# Largest gain of the bottom, a natural logarithm of magnitude: 35 dB.
_MAX_LOG_GAIN = 4.0

# Added to the network's output at the bottom: it starts with gains of a sixth of a dB.
_REST = -4.0

# Keep quotients finite: below any power, and any product of powers, that matters.
_LEAST_POWER, _LEAST_PRODUCT = 1e-20, 1e-37

# Its square does not vanish in single precision.
_LEAST_ROOM = 1e-15

# Attenuation in dB, and width of a transition in bins, of the filters of what is added.
_ATTENUATION, _TRANSITION = 60.0, 2


class SpectrumBands:
    """The bins of the lowband and of the highband.

    Parameters
    ----------
    frame_length : int
        Timepoints of a frame, a multiple of 4.
    ratio : int
        Upsampling ratio.

    Attributes
    ----------
    n_bins : int
        All bins.
    nyquist : float
        The narrowband Nyquist frequency, in bins.
    last_known : int
        Highest bin up to that frequency.
    first_level, n_low : int
        The level is that of the bins from `first_level` to below `n_low`.
    first_high, n_high, n_below : int
        Lowest bin of the highband, its number of bins, and how many of them are in the lowband.
    first_top, n_top : int
        Lowest bin of the upper edge, which the filters of decimators lower, and its bins.
    n_bottom : int
        Bins of the lower edge, from `first_level` on.
    """

    first_level = _N_OFFSET

    def __init__(self, frame_length, ratio):
        self.frame_length = frame_length
        self.n_bins = frame_length // 2 + 1
        self.nyquist = frame_length / (2 * ratio)
        self.last_known = math.floor(self.nyquist)
        self.n_low = min(self.n_bins, self.last_known + 1 + _N_SHARED)
        self.first_high = max(0, math.ceil(self.nyquist) - _N_SHARED)
        self.n_high = self.n_bins - self.first_high
        self.n_below = self.last_known + 1 - self.first_high
        self.first_top = math.ceil(_TOP * self.last_known)
        self.n_top = self.n_low - self.first_top
        self.n_bottom = max(0, min(_BOTTOM, self.first_top) - _N_OFFSET)

    def take_lowband(self, spectrum):
        """Return the lowband of spectra: (batch, 2 n_low, frames)."""
        return _take(spectrum, 0, self.n_low)

    def place_highband(self, highband):
        """Return spectra with a highband (batch, 2 n_high, frames) alone."""
        return _place(highband, self.first_high, self.n_bins)

    def join_carrier(self, lowband, rectified):
        """Return the highband of the harmonic carrier: (batch, 2 n_high, frames).

        Up to the narrowband Nyquist frequency it is the lowband itself. A rectified waveform may
        have the opposite sign there, and would cancel what it is added to.
        """
        first_new = self.last_known + 1
        below = _take(lowband, self.first_high, first_new).chunk(2, dim=1)
        above = _take(rectified, first_new, self.n_bins).chunk(2, dim=1)
        return torch.cat([below[0], above[0], below[1], above[1]], dim=1)

    def part_at_nyquist(self, highband):
        """Return the highband (batch, 2 n_high, frames) below and above the Nyquist frequency.

        That of the narrowband; both parts have all bins.
        """
        below = torch.arange(2 * self.n_high, device=highband.device) % self.n_high < self.n_below
        filling = highband * below[:, None]
        return filling, highband - filling

    def design_filters(self):
        """Return taps of zero-phase filters, (2, n_taps): of what restores, and of the highband.

        The windows of the frames spread each bin over others. The filters stop what that puts
        between the edges of the lowband, and below the highband.
        """
        middle = _TRANSITION / 2
        bottom, top = _BOTTOM - middle, _TOP * self.nyquist + middle
        # a frame of few bins has nothing between the edges
        restoration = self._stop(bottom, max(bottom, top))
        return np.stack([restoration, self._stop(0, _HIGH * self.nyquist + middle)])

    def _stop(self, first, last):
        """Return taps that stop what lies between two bins, with Kaiser's window."""
        width = 2 * math.pi * _TRANSITION / self.frame_length
        half = math.ceil((_ATTENUATION - 7.95) / (2.285 * width) / 2)
        t = np.arange(-half, half + 1)
        window = np.kaiser(len(t), 0.1102 * (_ATTENUATION - 8.7))
        below, above = (
            f * np.sinc(f * t)
            for f in (2 * first / self.frame_length, 2 * last / self.frame_length)
        )
        return (t == 0) + window * (below - above)


class LowbandEdges:
    """The edges of the lowband: below 300 Hz, and above 0.8 of the narrowband Nyquist frequency.

    Between them the lowband is never changed.

    Parameters
    ----------
    bands : SpectrumBands
        The bands.

    Attributes
    ----------
    n_edge : int
        Bins of both edges.
    """

    def __init__(self, bands):
        self.bands = bands
        self.n_edge = bands.n_bottom + bands.n_top

    def restore(self, lowband, linear, edge, filling, highband):
        """Return the spectra of what restores the edges: (batch, 2 n_bins, frames).

        At the top a share of what the linear filter changes is added; at the bottom a gain
        multiplies the lowband. Neither lowers a bin or raises it far above its surroundings.

        Parameters
        ----------
        lowband, linear : Tensor of shape (batch, 2 n_low, frames)
            The lowband, and that of the linear filter's output.
        edge : Tensor of shape (batch, n_edge, frames)
            Output of the network.
        filling : Tensor of shape (batch, 2 n_high, frames)
            What is added at the end of the band, with the phases that are there.
        highband : Tensor of shape (batch, 2 n_high, frames)
            The generated highband.
        """
        bottom, top = edge.split([self.bands.n_bottom, self.bands.n_top], dim=1)
        return self._restore_bottom(lowband, bottom) + self._restore_top(
            lowband, linear, top, filling, highband
        )

    def _restore_bottom(self, lowband, log_gain):
        """Multiply the lower edge by gains of at least 1; return the change."""
        bands = self.bands
        given = _take(lowband, _N_OFFSET, _N_OFFSET + bands.n_bottom)
        gain = functional.softplus(log_gain + _REST).clamp(max=_MAX_LOG_GAIN).exp().repeat(1, 2, 1)
        near = _mean_power(lowband, _BOTTOM, bands.first_top)
        return _place(_limit(given, given * (gain - 1), near), _N_OFFSET, bands.n_bins)

    def _restore_top(self, lowband, linear, share, filling, highband):
        """Return a share of the linear filter's change at the upper edge, and what fills it."""
        bands = self.bands
        given, filtered = (_take(x, bands.first_top, bands.n_low) for x in (lowband, linear))
        # not clipped: a share that training took too far must find its way back
        share = _MAX_SHARE * torch.sigmoid(share + _UNIT_SHARE)
        filling = _take(self.bands.place_highband(filling), bands.first_top, bands.n_low)
        change = share.repeat(1, 2, 1) * (filtered - given) + filling
        below = _mean_power(lowband, bands.last_known // 2, bands.first_top)
        above = _mean_power(highband, 0, 2 * _N_SHARED + 1)
        change = _limit(given, change, torch.maximum(below, above))
        return _place(change, bands.first_top, bands.n_bins)


def _take(spectrum, first, stop):
    """Return the bins from `first` to below `stop`."""
    return torch.cat([part[:, first:stop] for part in spectrum.chunk(2, dim=1)], dim=1)


def _place(taken, first, n_bins):
    """Return spectra of `n_bins` that are zero but for the bins from `first` on."""
    padding = (0, 0, first, n_bins - first - taken.shape[1] // 2)
    return torch.cat([functional.pad(part, padding) for part in taken.chunk(2, dim=1)], dim=1)


def _power(spectrum):
    real, imag = spectrum.chunk(2, dim=1)
    return real.square() + imag.square()


def _mean_power(spectrum, first, stop):
    """Return the mean power of bins, at least of one: (batch, 1, frames)."""
    return _power(_take(spectrum, first, max(stop, first + 1))).mean(dim=1, keepdim=True)


def _limit(given, change, surroundings):
    """Return the part of a change that neither lowers bins nor raises them far.

    First what points against the given bin is left out. If no part does, the sum of all frames has
    at least the power of the given waveform, whatever the phases of neighbouring bins are: its
    correlation with that waveform only grows. Then the rest is scaled, so that its sum with the
    given bin stays at the limit.
    """
    power = _power(given)
    a, b = (given * change).chunk(2, dim=1)
    along = a + b  # real part of the change times the conjugate of the given bin
    against = (along.clamp(max=0) / power.clamp(min=_LEAST_POWER)).repeat(1, 2, 1)
    change, along = change - against * given, along.clamp(min=0)
    room = (_MAX_RAISED * surroundings - power).clamp(min=0)
    # |given + s change|^2 = limit is a quadratic equation in s; this form of its root is stable
    root = (along.square() + _power(change) * room + _LEAST_PRODUCT).sqrt()
    # not clamped: where nothing changes, the quotient has no finite gradient
    scale = room / torch.maximum(along + root, room).clamp(min=_LEAST_ROOM)
    return change * scale.repeat(1, 2, 1)
