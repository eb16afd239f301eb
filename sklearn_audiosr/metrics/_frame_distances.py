"""Conventions of the log-spectral distance, and the distance of waveforms block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

Convention: TypeAlias = Literal["log10", "kuleshov2017", "kuleshov2017_code", "ssr_eval"]
Band: TypeAlias = Literal["full", "lowband", "highband"]
_Waveform: TypeAlias = NDArray[np.float64]  # of shape (n_timepoints,)

# Frames transformed at once: bounds the memory of a long clip.
_N_FRAMES = 512


@dataclass(frozen=True)
class LSDConvention:
    """One way in print to compute a log-spectral distance.

    Attributes
    ----------
    log : {"log10", "natural"}
        Logarithm taken of the power.
    floor : float
        Smallest power.
    floor_added : bool
        The floor is added to the power; else the power is clamped to it.
    of_ratio : bool
        The logarithm is that of one ratio, which is not symmetric: the floor is added to the
        predicted magnitude, and to the true power over its square.
    root_over : {"frequency", "frames"}
        Axis of the mean under the root; the mean of the roots goes over the other one.
    added_to_mean : float
        Added to the mean under the root.
    cap : float
        Largest distance of one channel.
    scaled_to_rate : bool
        Frames of 2048 / 44100 s every 10 ms; else frames of 2048 every 512 timepoints.
    """

    log: Literal["log10", "natural"] = "log10"
    floor: float = 1e-8
    floor_added: bool = False
    of_ratio: bool = False
    root_over: Literal["frequency", "frames"] = "frequency"
    added_to_mean: float = 0.0
    cap: float = float("inf")
    scaled_to_rate: bool = False

    def frame_and_hop(self, sampling_rate: float | None) -> tuple[int, int]:
        """Return the length and the hop of frames in timepoints.

        Parameters
        ----------
        sampling_rate : float or None
            Rate of the clips in Hz; used only where frames are scaled to it.

        Returns
        -------
        frame, hop : int
            Below a rate of 100 Hz the hop is 0.
        """
        if not self.scaled_to_rate or sampling_rate is None:
            return 2048, 512
        # in the program's order: the other one loses a timepoint at some rates
        return int(2048 / (44100 / sampling_rate)), int(sampling_rate / 100)


LSD_CONVENTIONS: dict[Convention, LSDConvention] = {
    # NU-Wave 2, AERO, AP-BWE
    "log10": LSDConvention(),
    # Kuleshov et al. 2017, equation (3), and Table 2 (its unit inferred from their audio)
    "kuleshov2017": LSDConvention(log="natural"),
    # the same authors' script: axes swapped, floors added, capped
    "kuleshov2017_code": LSDConvention(
        log="natural", floor_added=True, root_over="frames", added_to_mean=1e-8, cap=10.0
    ),
    # AudioMetrics.lsd of the package ssr_eval. SpeechScore has its formula in other frames.
    "ssr_eval": LSDConvention(floor=1e-12, of_ratio=True, scaled_to_rate=True),
}


def band_bins(band: Band, frame: int, upsampling_ratio: float | None) -> slice:
    """Return the frequency bins of a band.

    Parameters
    ----------
    band : {"full", "lowband", "highband"}
        The band; the narrowband Nyquist frequency belongs to the lowband.
    frame : int
        Length of the frames.
    upsampling_ratio : float or None
        Wideband over narrowband rate.

    Returns
    -------
    bins : slice
        Bins of the spectrum.

    Raises
    ------
    ValueError
        If the ratio leaves no highband.
    """
    if band == "full" or upsampling_ratio is None:
        return slice(None)
    first_highband = int(np.floor(frame / (2 * upsampling_ratio))) + 1
    if first_highband > frame // 2:
        raise ValueError(
            f"upsampling_ratio must leave a highband in frames of {frame} timepoints, got "
            f"{upsampling_ratio}: pass the wideband over the narrowband rate, 2 or more."
        )
    return slice(first_highband) if band == "lowband" else slice(first_highband, None)


class FrameDistances:
    """The distance of two waveforms that come block by block.

    Parameters
    ----------
    convention : LSDConvention
        How to compute it.
    frame, hop : int
        Length and hop of the frames.
    bands : sequence of slice
        Frequency bins of each band.
    """

    def __init__(
        self, convention: LSDConvention, frame: int, hop: int, bands: Sequence[slice]
    ) -> None:
        self._convention, self._hop, self._bands = convention, hop, bands
        self._window = signal.get_window("hann", frame)  # periodic
        self._half = frame // 2
        self._rest = np.zeros((2, 0))  # timepoints of both that later frames need
        self._begun = False
        self._totals: list[Any] = [0.0] * len(bands)
        self._n_frames = 0

    def update(self, true: _Waveform, pred: _Waveform) -> None:
        """Add a block of each waveform, of shape (n_timepoints,)."""
        pair = np.concatenate([self._rest, np.stack([true, pred])], axis=1)
        if not self._begun and pair.shape[1] > self._half:  # frames are centred
            pair = np.concatenate([pair[:, self._half : 0 : -1], pair], axis=1)
            self._begun = True
        self._rest = self._add(pair) if self._begun else pair

    def result(self) -> list[float]:
        """End the waveforms, and return the distance of each band; nan if powers overflow."""
        if not self._begun:  # too short to reflect
            missing = self._half + 1 - self._rest.shape[1]
            self.update(np.zeros(missing), np.zeros(missing))
        ending = self._rest[:, -2 : -self._half - 2 : -1]
        self._add(np.concatenate([self._rest, ending], axis=1))
        return [self._mean(total / self._n_frames) for total in self._totals]

    @np.errstate(over="ignore", invalid="ignore")  # reported as nan
    def _add(self, pair: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add all frames of a pair of waveforms; return what is behind the last one's start."""
        n_frames = max(0, (pair.shape[1] - len(self._window)) // self._hop + 1)
        for start in range(0, n_frames, _N_FRAMES):
            frames = slice(start, min(start + _N_FRAMES, n_frames))
            true, pred = (_powers(one, self._window, self._hop, frames) for one in pair)
            for i, bins in enumerate(self._bands):
                difference = _log_ratio(true[:, bins], pred[:, bins], self._convention)
                np.square(difference, out=difference)
                if self._convention.root_over == "frequency":
                    means = difference.mean(axis=1) + self._convention.added_to_mean
                    self._totals[i] = self._totals[i] + np.sqrt(means).sum()
                else:
                    self._totals[i] = self._totals[i] + difference.sum(axis=0)
        self._n_frames += n_frames
        return pair[:, n_frames * self._hop :]

    def _mean(self, mean: Any) -> float:
        if self._convention.root_over == "frames":
            mean = np.sqrt(mean + self._convention.added_to_mean).mean()
        return min(float(mean), self._convention.cap) if np.isfinite(mean) else np.nan


def _powers(waveform: _Waveform, window: _Waveform, hop: int, frames: slice) -> NDArray[np.float64]:
    """Compute power spectra of some frames, of shape (n_frames, len(window) // 2 + 1)."""
    framed = np.lib.stride_tricks.sliding_window_view(waveform, len(window))[::hop][frames]
    spectrum = fft.rfft(framed * window, axis=-1)
    power: NDArray[np.float64] = spectrum.real**2 + spectrum.imag**2
    return power


def _log_ratio(
    true: NDArray[np.float64], pred: NDArray[np.float64], conv: LSDConvention
) -> NDArray[np.float64]:
    """Compute the logarithm of the ratio of true to predicted powers."""
    log = np.log10 if conv.log == "log10" else np.log
    if conv.of_ratio:
        ratio: NDArray[np.float64] = log(true / (np.sqrt(pred) + conv.floor) ** 2 + conv.floor)
        return ratio
    if conv.floor_added:
        true, pred = true + conv.floor, pred + conv.floor
    else:
        true, pred = np.maximum(true, conv.floor), np.maximum(pred, conv.floor)
    difference: NDArray[np.float64] = log(true) - log(pred)
    return difference
