"""Anti-aliasing low-pass filters by name, and ones drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Family: TypeAlias = Literal["chebyshev1", "butterworth", "elliptic", "bessel", "fir", "none"]
FAMILIES: tuple[Family, ...] = get_args(Family)

# Filters waveforms of shape (n_channels, n_timepoints), float64.
Filter: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]

# An elliptic filter has a ripple in its stopband too; 60 dB down, aliasing is hard to hear.
ELLIPTIC_STOPBAND_DB = 60.0

# Recursive filters of more sections leave the unit circle, or scipy's design fails.
MAX_ORDER = 50

# Ranges of the random filters: from ones that cut well inside the lowband to ones that alias, the
# paper's among them. How a given recording was made is not known; these are plausible ways.
_RANDOM_ORDERS = {"fir": (8, 48), "recursive": (3, 10)}
_RANDOM_RIPPLES = (0.01, 0.5)
_RANDOM_CUTOFFS = (0.6, 1.0)


@dataclass(frozen=True)
class LowPass:
    """A low-pass filter before decimation; the fields are `Decimator`'s parameters."""

    family: Family
    order: int
    ripple: float
    cutoff: float
    zero_phase: bool = True

    def design(self, ratio: int) -> Filter:
        """Design the filter.

        Parameters
        ----------
        ratio : int
            Wideband timepoints for each narrowband timepoint.

        Returns
        -------
        low_pass : callable
            Function of waveforms of shape (n_channels, n_timepoints), float64.
        """
        if self.family == "none":
            return lambda waveforms: waveforms
        if self.family == "fir":
            n_taps = 2 * self.order * ratio + 1
            taps = signal.firwin(n_taps, self.cutoff / ratio, window="hamming")
            return lambda waveforms: _filter_fir(taps, waveforms, self.zero_phase)
        sos = self._design_recursive(self.cutoff / ratio)
        return lambda waveforms: _filter_recursive(sos, waveforms, self.zero_phase)

    def _design_recursive(self, cutoff: float) -> NDArray[np.float64]:
        """Return second-order sections; `cutoff` is relative to the wideband Nyquist frequency."""
        if self.family == "chebyshev1":
            return signal.cheby1(self.order, self.ripple, cutoff, output="sos")
        if self.family == "elliptic":
            return signal.ellip(self.order, self.ripple, ELLIPTIC_STOPBAND_DB, cutoff, output="sos")
        if self.family == "bessel":
            return signal.bessel(self.order, cutoff, norm="mag", output="sos")
        return signal.butter(self.order, cutoff, output="sos")


def draw_low_pass(rng: np.random.Generator) -> LowPass:
    """Draw a filter of zero phase: family, order, ripple and cut-off.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random numbers.

    Returns
    -------
    low_pass : LowPass
        All families, "none" included, are equally likely.
    """
    family: Family = str(rng.choice(FAMILIES))  # type: ignore[assignment]
    first, last = _RANDOM_ORDERS["fir" if family == "fir" else "recursive"]
    return LowPass(
        family,
        order=int(rng.integers(first, last, endpoint=True)),
        ripple=float(np.exp(rng.uniform(*np.log(_RANDOM_RIPPLES)))),
        cutoff=float(rng.uniform(*_RANDOM_CUTOFFS)),
    )


def _filter_fir(
    taps: NDArray[np.float64], waveforms: NDArray[np.float64], zero_phase: bool
) -> NDArray[np.float64]:
    """Filter once: centred and padded by odd reflection for zero phase, else causal."""
    padding = len(taps) // 2
    if zero_phase:
        padded = np.pad(waveforms, ((0, 0), (padding, padding)), mode="reflect", reflect_type="odd")
        return signal.oaconvolve(padded, taps[None], mode="valid", axes=-1)
    return signal.oaconvolve(waveforms, taps[None], axes=-1)[:, : waveforms.shape[-1]]


def _filter_recursive(
    sos: NDArray[np.float64], waveforms: NDArray[np.float64], zero_phase: bool
) -> NDArray[np.float64]:
    """Filter forwards and backwards for zero phase, else forwards."""
    if not zero_phase:
        return signal.sosfilt(sos, waveforms, axis=-1)
    # scipy's own padding, 3 for each tap of the whole filter, limited by the length of the clip
    n_taps = 2 * len(sos) + 1 - min((sos[:, 2] == 0).sum(), (sos[:, 5] == 0).sum())
    padding = min(3 * n_taps, waveforms.shape[-1] - 1)
    return signal.sosfiltfilt(sos, waveforms, axis=-1, padlen=padding)
