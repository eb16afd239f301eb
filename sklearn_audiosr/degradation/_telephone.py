"""A telephone line."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import signal
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_audiosr.degradation import _g711
from sklearn_audiosr.degradation._base import ChangeClip, Degradation, Limiter, decimate

_RATE = 8000  # of G.711, in Hz
_LOW, _HIGH = 300, 3400  # Hz
_TRANSITION = 200  # Hz, on both sides
_STOPBAND_DB = 50


class Telephone(Degradation):
    """Send wideband clips through a telephone line.

    A line passes 300 to 3400 Hz, takes 8000 timepoints each second and sends each as a word of
    8 bits, by the recommendations ITU-T G.712 [1]_ and G.711 [2]_.

    Parameters
    ----------
    upsampling_ratio : int, default=2
        Wideband timepoints for each narrowband timepoint, at least 2.
    sampling_rate : float, default=None
        Rate of the wideband clips in Hz, at least 7200 times `upsampling_ratio`. None means 8000
        times `upsampling_ratio`: a line's narrowband rate is 8000 Hz.
    law : {"mulaw", "alaw"} or None, default="mulaw"
        Companding law: the mu-law of North America and Japan, or the A-law of elsewhere. None
        sends the timepoints as they are: the band alone.

    See Also
    --------
    Decimator : Low-pass filter, without a lower limit.

    Notes
    -----
    The band-pass filter is a centred FIR filter, so that nothing is delayed: flat to 0.05 dB
    from 300 to 3400 Hz, 6 dB down at 200 and 3500 Hz, and at least 47 dB below 100 Hz and above
    3600 Hz. A real line has the same band, but gentler slopes, which differ from line to line.
    Before and after a clip the line is silent.

    Companding has a full scale of -1 to 1. Values beyond it, after the filter, are clipped, with a
    warning. The mu-law's words become silence below 1/8192, and the A-law, which has no
    word for 0, sends silence as 1/4096. A channel is a line of its own.

    References
    ----------
    .. [1] ITU-T Recommendation G.712, "Transmission performance characteristics of pulse code
       modulation channels". https://www.itu.int/rec/T-REC-G.712
    .. [2] ITU-T Recommendation G.711, "Pulse code modulation (PCM) of voice frequencies".
       https://www.itu.int/rec/T-REC-G.711

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.degradation import Telephone
    >>> hum = 0.3 * np.sin(2 * np.pi * 50 * np.arange(16000) / 16000)
    >>> tone = 0.3 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    >>> X = Telephone(upsampling_ratio=2).fit_transform([hum, tone])
    >>> [f"{x[200:-200].max():.2f}" for x in X]
    ['0.00', '0.30']
    """

    _parameter_constraints = {
        "upsampling_ratio": [Interval(Integral, 2, None, closed="left")],
        "sampling_rate": [Interval(Real, 0, None, closed="neither"), None],
        "law": [StrOptions(set(_g711.LAWS)), None],
    }

    def __init__(
        self,
        upsampling_ratio: int = 2,
        *,
        sampling_rate: float | None = None,
        law: Literal["mulaw", "alaw"] | None = "mulaw",
    ) -> None:
        self.upsampling_ratio = upsampling_ratio
        self.sampling_rate = sampling_rate
        self.law = law

    def _check_parameters(self) -> None:
        least = 2 * (_HIGH + _TRANSITION) * self.upsampling_ratio
        if self.sampling_rate is not None and self.sampling_rate < least:
            narrowband = self.sampling_rate / self.upsampling_ratio
            raise ValueError(
                f"sampling_rate must be at least {least} Hz for upsampling_ratio="
                f"{self.upsampling_ratio}, got {self.sampling_rate}: narrowband clips at "
                f"{narrowband:g} Hz cannot hold a telephone's {_LOW} to {_HIGH} Hz. Pass the rate "
                f"of the wideband clips, and the ratio that leaves {_RATE} Hz."
            )

    def _prepare(self, limit: Limiter) -> ChangeClip:
        ratio, law = self.upsampling_ratio, self.law
        taps = _design_band_pass(self.sampling_rate or _RATE * ratio)

        def degrade(clip: NDArray[np.float32], index: int) -> NDArray[np.float32]:
            narrowband = decimate(clip, index, ratio, lambda y: _filter(taps, y))
            if law is None:
                return narrowband.astype(np.float32)
            return _g711.decode(_g711.encode(limit(narrowband, index), law), law)

        return degrade


def _design_band_pass(rate: float) -> NDArray[np.float64]:
    """Return the taps of a band-pass filter for waveforms at `rate` Hz."""
    n_taps, beta = signal.kaiserord(_STOPBAND_DB, _TRANSITION / (rate / 2))
    edges = [_LOW - _TRANSITION / 2, _HIGH + _TRANSITION / 2]  # 6 dB down, mid-transition
    window = "kaiser", beta
    taps: NDArray[np.float64] = signal.firwin(
        n_taps | 1, edges, window=window, pass_zero=False, fs=rate
    )
    return taps


def _filter(taps: NDArray[np.float64], waveforms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Filter once, centred, with silence beyond the ends."""
    # by reflection, odd or even, the ends come out twice as wrong: the filter is a high-pass too
    filtered: NDArray[np.float64] = signal.oaconvolve(waveforms, taps[None], mode="same", axes=-1)
    return filtered
