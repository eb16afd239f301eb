"""Scores of two recordings that are too long for memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklearn_audiosr.metrics._frame_distances import LSD_CONVENTIONS, FrameDistances, band_bins

_FRAME, _HOP = LSD_CONVENTIONS["log10"].frame_and_hop(None)

_Block = NDArray[np.floating]  # of shape (n_channels, n_timepoints)


class BlockwiseScores:
    """SNR, SI-SDR and log-spectral distance of two recordings that come block by block.

    Parameters
    ----------
    n_channels : int
        Number of channels.
    upsampling_ratio : float, default=None
        Wideband over narrowband rate; None for no distances of lowband and highband.

    Raises
    ------
    ValueError
        If the ratio leaves no highband.
    """

    def __init__(self, n_channels: int, upsampling_ratio: float | None = None) -> None:
        self._bands = {"lsd": slice(None)}
        if upsampling_ratio is not None:
            self._bands["lowband_lsd"] = band_bins("lowband", _FRAME, upsampling_ratio)
            self._bands["highband_lsd"] = band_bins("highband", _FRAME, upsampling_ratio)
        self._distances = [
            FrameDistances(LSD_CONVENTIONS["log10"], _FRAME, _HOP, [*self._bands.values()])
            for _ in range(n_channels)
        ]
        self._true = self._pred = self._noise = 0.0  # energies
        self._gain, self._rest, self._true_rest = 0.0, 0.0, 0.0

    def update(self, true: _Block, pred: _Block) -> None:
        """Add a block.

        Parameters
        ----------
        true, pred : ndarray of shape (n_channels, n_timepoints)
            The next timepoints of both. Their squares must be numbers that float64 can hold.
        """
        true, pred = true.astype(float), pred.astype(float)
        energy = float(np.sum(true**2))
        if self._true == 0 and energy > 0:
            self._gain = float(np.sum(true * pred)) / energy
        # What the first sound's gain does not explain: beside it, the error of the best gain is
        # small without a difference of large numbers.
        rest = pred - self._gain * true
        self._true += energy
        self._pred += float(np.sum(pred**2))
        self._noise += float(np.sum((pred - true) ** 2))
        self._rest += float(np.sum(rest**2))
        self._true_rest += float(np.sum(true * rest))
        for distances, *channels in zip(self._distances, true, pred, strict=True):
            distances.update(*channels)

    def result(self) -> dict[str, float]:
        """End the recordings and return the scores.

        Returns
        -------
        scores : dict of str to float
            "snr_db", "si_sdr_db" and "lsd", as the metrics define them, and with a ratio
            "lowband_lsd" and "highband_lsd".
        """
        distances = np.mean([channel.result() for channel in self._distances], axis=0)
        return {
            "snr_db": _ratio_db(self._true, self._noise),
            "si_sdr_db": self._si_sdr(),
            **dict(zip(self._bands, map(float, distances), strict=True)),
        }

    def _si_sdr(self) -> float:
        if self._true == 0:
            return np.nan
        more = self._true_rest / self._true
        gain = self._gain + more
        if self._pred == 0 or gain == 0:
            return -np.inf
        return _ratio_db(gain**2 * self._true, max(0.0, self._rest - more * self._true_rest))


def _ratio_db(signal: float, noise: float) -> float:
    if signal == 0:
        return np.nan
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.divide(signal, noise)))
