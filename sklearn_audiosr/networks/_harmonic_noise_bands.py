"""The bands of a spectrum in `HarmonicNoiseNet`: what is kept, restored and generated.

Spectra are real tensors of shape (batch, 2 bins, frames): the real parts, then the imaginary ones.
Frames last 20 ms, so bins are 50 Hz apart.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

# Overlap of the bands, in bins on each side of the narrowband Nyquist frequency.
_N_SHARED = 3

# Lowest bins, where a Hann window shows a constant. The offset of a recording does not make it
# loud.
_N_OFFSET = 2

# Bins below those of speech in a telephone line: up to 250 Hz.
_N_BOTTOM = 6

# Where filters of decimators begin to lower the lowband, as a share of it.
_TOP = 0.8

# What is restored is not raised above this many times the power of its surroundings (13 dB).
# Behind the filters of the training clips few frames come close. But what a codec or an unknown
# resampler leaves at the end of a band may look as if a filter had lowered it.
_MAX_RAISED = 20.0

# Largest share of the linear filter's change that is added.
_MAX_SHARE = 8.0

# Output of the network at which all of it is added: 8 / (1 + 7) = 1.
_UNIT_SHARE = math.log(7.0)

# Output of the network minus this gives a gain of nearly 0 dB at the bottom; and the largest gain.
_REST, _MAX_LOG_GAIN = 4.0, 4.0

# Keeps quotients of powers finite: below any power that matters.
_LEAST_POWER = 1e-20


@dataclass(frozen=True)
class SpectrumBands:
    """The bins of the lowband and of the highband.

    Parameters
    ----------
    n_bins : int
        All bins.
    nyquist : int
        The bin of the narrowband Nyquist frequency, or the one below it.
    first_level, n_low : int
        The level is that of the bins from `first_level` to below `n_low`.
    first_high : int
        Lowest bin that is generated.
    """

    n_bins: int
    nyquist: int
    first_level: int
    n_low: int
    first_high: int

    @classmethod
    def split(cls, frame_length, ratio):
        """Return the bands for frames of `frame_length` timepoints and an upsampling ratio."""
        n_bins = frame_length // 2 + 1
        nyquist = frame_length / (2 * ratio)
        n_low = min(n_bins, math.floor(nyquist) + 1 + _N_SHARED)
        first_high = max(0, math.ceil(nyquist) - _N_SHARED)
        return cls(n_bins, math.floor(nyquist), _N_OFFSET, n_low, first_high)

    @property
    def n_high(self):
        """Bins that are generated."""
        return self.n_bins - self.first_high

    def highband(self, spectrum):
        """Return the highband of spectra: (batch, 2 n_high, frames)."""
        return torch.cat([part[:, self.first_high :] for part in spectrum.chunk(2, dim=1)], dim=1)

    def place_highband(self, highband):
        """Return spectra with a highband (batch, 2 n_high, frames) alone."""
        padding = (0, 0, self.first_high, 0)
        return torch.cat(
            [functional.pad(part, padding) for part in highband.chunk(2, dim=1)], dim=1
        )


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
        self.first_top = math.ceil(_TOP * bands.nyquist)
        self.n_bottom = max(0, min(_N_BOTTOM, self.first_top) - _N_OFFSET)
        self.n_top = bands.n_low - self.first_top
        self.n_edge = self.n_bottom + self.n_top

    def restore(self, spectrum, linear, edge, highband):
        """Return the spectra of what restores the edges.

        At the top a share of what the linear filter changes is added, at the bottom the lowband is
        multiplied by a gain. Neither lowers a bin or raises it far above its surroundings.

        Parameters
        ----------
        spectrum, linear : Tensor of shape (batch, 2 n_bins, frames)
            The lowband, and the output of the linear filter.
        edge : Tensor of shape (batch, n_edge, frames)
            Output of the network.
        highband : Tensor of shape (batch, 2 n_high, frames)
            The generated highband.
        """
        bottom, top = edge.split([self.n_bottom, self.n_top], dim=1)
        first, last = self.first_top, self.bands.n_low
        given = self._cut(spectrum, first, last)
        change = self._cut(linear, first, last) - given
        share = (_MAX_SHARE * torch.sigmoid(top - _UNIT_SHARE)).repeat(1, 2, 1)
        near = self._power(
            self._cut(spectrum, self.bands.nyquist // 2, max(first, self.bands.nyquist // 2 + 1))
        )
        above = self._power(highband)[:, : 2 * _N_SHARED + 1]
        limit = torch.maximum(near.mean(1, keepdim=True), above.mean(1, keepdim=True))
        top = self._limit(given, given + share * change, limit)
        given = self._cut(spectrum, _N_OFFSET, _N_OFFSET + self.n_bottom)
        near = self._power(self._cut(spectrum, _N_BOTTOM, max(self.first_top, _N_BOTTOM + 1)))
        raised = given * functional.softplus(bottom - _REST).clamp(max=_MAX_LOG_GAIN).exp().repeat(1, 2, 1)
        bottom = self._limit(given, raised, near.mean(1, keepdim=True))
        parts = []
        for low, high in zip(bottom.chunk(2, dim=1), top.chunk(2, dim=1), strict=True):
            low = functional.pad(low, (0, 0, _N_OFFSET, first - _N_OFFSET - self.n_bottom))
            high = functional.pad(high, (0, 0, 0, self.bands.n_bins - last))
            parts += [low, high]
        return torch.cat(parts, dim=1)

    def _cut(self, spectrum, first, last):
        return torch.cat([part[:, first:last] for part in spectrum.chunk(2, dim=1)], dim=1)

    def _power(self, spectrum):
        real, imag = spectrum.chunk(2, dim=1)
        return real.square() + imag.square()

    def _limit(self, given, raised, surroundings):
        """Return what is added: neither lower than what was given nor far above surroundings."""
        before, after = self._power(given), self._power(raised)
        # at least so much, or the root has no gradient
        before, after = before.clamp(min=_LEAST_POWER), after.clamp(min=_LEAST_POWER)
        limit = torch.maximum(_MAX_RAISED * surroundings, before)
        scale = (torch.minimum(torch.maximum(after, before), limit) / after).sqrt()
        return raised * scale.repeat(1, 2, 1) - given
