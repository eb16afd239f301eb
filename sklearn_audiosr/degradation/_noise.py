"""Additive noise."""

from __future__ import annotations

from numbers import Real
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_audiosr._transformer import ChangeClip, RandomState, check_range, draw_from
from sklearn_audiosr.degradation._base import Degradation, Limiter

MAX_SNR = 200  # dB, positive or negative: beyond the range of float32

# The power spectrum is proportional to frequency to the power of -exponent.
_EXPONENTS = {"white": 0, "pink": 1}


class AddNoise(Degradation):
    """Add noise to clips, at a signal-to-noise ratio.

    Lengths and rates are kept. Before a `Decimator` it is noise in the room, after it noise of the
    narrowband channel.

    Parameters
    ----------
    snr : float or (float, float), default=20.0
        Signal-to-noise ratio of each clip in dB, in [-200, 200]. A pair is a range, from which a
        value is drawn uniformly for each clip.
    color : {"white", "pink", "random"}, default="white"
        Spectrum of the noise: the same power at each frequency, or in each octave (3 dB less an
        octave). "random" draws one of the two for each clip.
    random_state : int, RandomState instance or None, default=None
        Draws the noise. With an integer, clip i has the same noise in every `transform`; a
        RandomState instance, or None, draws another in every call.

    See Also
    --------
    Codec : Noise that depends on the clip.

    Notes
    -----
    The ratio is exact, and that of the whole clip: the power of all its timepoints and channels
    over that of the noise. Each channel has noise of its own, and on average as much as the
    others. Silent clips have no such ratio and stay silent.

    Pink noise begins at one period in the clip's length, so some of its power is too low to be
    heard.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.degradation import AddNoise
    >>> from sklearn_audiosr.metrics import signal_to_noise_ratio
    >>> Y = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)[None]
    >>> noisy = AddNoise(snr=10, random_state=0).fit_transform(Y)
    >>> print(f"{signal_to_noise_ratio(Y, noisy):.3f} dB")
    10.000 dB
    """

    _parameter_constraints = {
        "snr": [Interval(Real, -MAX_SNR, MAX_SNR, closed="both"), tuple, list],
        "color": [StrOptions({*_EXPONENTS, "random"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        snr: float | tuple[float, float] = 20.0,
        *,
        color: Literal["white", "pink", "random"] = "white",
        random_state: RandomState = None,
    ) -> None:
        self.snr = snr
        self.color = color
        self.random_state = random_state

    def _check_parameters(self) -> None:
        check_range("snr", self.snr, -MAX_SNR, MAX_SNR, "(10, 40)")

    def _prepare(self, limit: Limiter) -> ChangeClip:
        rng_of = self._make_rng_of()

        def degrade(clip: NDArray[np.float32], index: int) -> NDArray[np.float32]:
            rng, exact = rng_of(index), clip.astype(np.float64)
            snr = draw_from(self.snr, rng)
            color = str(rng.choice([*_EXPONENTS])) if self.color == "random" else self.color
            noise = _draw_noise(exact.shape, _EXPONENTS[color], rng)
            return (exact + _scale_noise(noise, exact, snr)).astype(np.float32)

        return degrade


def _draw_noise(
    shape: tuple[int, ...], exponent: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw noise of shape (n_channels, n_timepoints) and of any level."""
    noise = rng.standard_normal(shape)
    if exponent == 0:
        return noise
    spectrum = fft.rfft(noise, axis=-1)
    periods = np.maximum(np.arange(spectrum.shape[-1]), 1)  # in the clip; a mean counts as one
    return fft.irfft(spectrum * periods ** (-exponent / 2), n=shape[-1], axis=-1)


def _scale_noise(
    noise: NDArray[np.float64], clip: NDArray[np.float64], snr: float
) -> NDArray[np.float64]:
    """Scale noise to `snr` dB below the clip, or to zero where the clip is silent."""
    ratio = np.sqrt(np.mean(clip**2) / np.mean(noise**2))
    return noise * (ratio * 10 ** (-snr / 20))
