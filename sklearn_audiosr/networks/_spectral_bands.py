"""The two bands of a spectrum in `SpectralNet`: which bins they have, and how they are joined.

Spectra are real tensors of shape (batch, 2 bins, frames): the real parts, then the imaginary ones.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

# Overlap of the bands, in bins on each side of the narrowband Nyquist frequency: a Hann window
# spreads a tone over four bins.
N_SHARED = 4

# Lowest bins, where a Hann window shows a constant. The offset of a recording does not make it
# loud, and a correction learned from recordings without one would be wrong for it.
N_OFFSET = 2

# Above the lowest quarter of the lowband a correction raises no bin above this many times the power
# of its surroundings (13 dB). Behind the filters of the training clips few frames come close. But
# what a codec or an unknown resampler leaves at the end of a band may look as if a filter had
# lowered it.
_MAX_RAISED = 20.0

# Keeps quotients of powers finite: below any power that matters.
_LEAST_POWER = 1e-20


@dataclass(frozen=True)
class Bands:
    """The bins of the lowband and of the highband.

    Parameters
    ----------
    n_bins : int
        All bins.
    nyquist : int
        The bin of the narrowband Nyquist frequency, or the one below it.
    n_low, n_high : int
        Lowest bins, which are corrected, and highest bins, which are generated. They overlap.
    n_kept : int
        Lowest bins of the linear filter's output that are used. Above them it has only images.
    """

    n_bins: int
    nyquist: int
    n_low: int
    n_high: int
    n_kept: int

    @classmethod
    def split(cls, frame_length, ratio):
        """Return the bands for frames of `frame_length` timepoints and an upsampling ratio."""
        n_bins = frame_length // 2 + 1
        nyquist = frame_length / (2 * ratio)
        n_low = min(n_bins, math.floor(nyquist) + 1 + N_SHARED)
        n_high = n_bins - max(0, math.ceil(nyquist) - N_SHARED)
        n_kept = min(n_bins, n_low + math.floor(nyquist) // 8)
        return cls(n_bins, math.floor(nyquist), n_low, n_high, n_kept)

    def place_highband(self, real, imag):
        """Return spectra of a highband with the parts `real` and `imag`."""
        padding = (0, 0, self.n_bins - self.n_high, 0)
        return torch.cat([functional.pad(part, padding) for part in (real, imag)], dim=1)

    def measure_surroundings(self, spectrum, magnitude):
        """Return the power around the end of the lowband: (batch, 1, frames), the mean of bins.

        The louder of two neighbourhoods counts: the third quarter of the lowband, which few filters
        lower, and the lowest bins of the highband, whose `magnitude` is generated.
        """
        middle = self.nyquist // 2
        third_quarter = slice(middle, max(self.nyquist * 3 // 4, middle + 1))
        real, imag = (part[:, third_quarter] for part in spectrum.chunk(2, dim=1))
        below = (real.square() + imag.square()).mean(dim=1, keepdim=True)
        above = magnitude[:, : 2 * N_SHARED + 1].square().mean(dim=1, keepdim=True)
        return torch.maximum(below, above)

    def correct_lowband(self, spectrum, gain, surroundings):
        """Multiply the lowband of spectra by 1 plus complex gains, and drop images above it.

        Bins of an offset stay as they are. The lowest quarter is free, because a telephone line
        takes more than 13 dB there; above it the power of the `surroundings` is the limit.
        """
        a, b = (part[:, N_OFFSET : self.n_low] for part in spectrum.chunk(2, dim=1))
        c, d = (part[:, N_OFFSET:] for part in gain.chunk(2, dim=1))
        real, imag = a + a * c - b * d, b + a * d + b * c
        scale = self._limit((a, b), (real, imag), _MAX_RAISED * surroundings)
        corrected = [
            torch.cat(
                [part[:, :N_OFFSET], raised * scale, part[:, self.n_low : self.n_kept]], dim=1
            )
            for part, raised in zip(spectrum.chunk(2, dim=1), (real, imag), strict=True)
        ]
        n_dropped = self.n_bins - self.n_kept
        return torch.cat([functional.pad(part, (0, 0, 0, n_dropped)) for part in corrected], dim=1)

    def _limit(self, given, raised, limit):
        """Return factors that bring raised bins down to the limit; 1 in the lowest quarter."""
        n_free = max(0, self.nyquist // 4 - N_OFFSET)  # a tiny frame has few
        given, raised = (
            real[:, n_free:].square() + imag[:, n_free:].square() for real, imag in (given, raised)
        )
        limit = torch.maximum(limit, given).clamp(min=_LEAST_POWER)
        scale = (limit / torch.maximum(raised, limit)).sqrt()
        return functional.pad(scale, (0, 0, n_free, 0), value=1.0)
