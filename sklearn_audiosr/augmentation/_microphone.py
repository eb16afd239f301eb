"""Change the microphone and the room, by a smooth filter."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from sklearn.utils._param_validation import Interval

from sklearn_audiosr._transformer import RandomState
from sklearn_audiosr.augmentation._base import Augmentation

_N_GAINS = 8


class ChangeMicrophone(Augmentation):
    """Filter clips smoothly, as another microphone or room does.

    Parameters
    ----------
    spread_db : float, default=3.0
        Standard deviation of the filter's gains in dB, in [0, 40].
    p : float, default=1.0
        Probability, in [0, 1], that a clip is varied; the others stay as they are.
    random_state : int, RandomState instance or None, default=None
        Draws which clips are varied, and how. With an integer, the i-th clip is varied the same way
        in every `transform`; a RandomState instance, or None, draws anew in every call.

    See Also
    --------
    ChangeLevel : One gain for all frequencies.

    Notes
    -----
    The gain is drawn, from a normal distribution around 0 dB, at eight frequencies from 0 to the
    Nyquist frequency, evenly spaced in the square root of frequency: finer where there is more
    speech. Between them it is interpolated in dB. Phases stay as they are. The recipes of the
    models that ship use the default spread; it was not measured on microphones.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.augmentation import ChangeMicrophone
    >>> Y = np.random.default_rng(0).normal(size=(2, 16000))
    >>> varied = ChangeMicrophone(spread_db=3, random_state=0).fit_transform(Y)
    >>> gains = np.abs(np.fft.rfft(varied[0]) / np.fft.rfft(Y[0]))
    >>> print(f"{20 * np.log10(gains.min()):.1f} to {20 * np.log10(gains.max()):.1f} dB")
    -3.9 to 3.7 dB
    """

    _parameter_constraints = {
        **Augmentation._parameter_constraints,
        "spread_db": [Interval(Real, 0, 40, closed="both")],
    }

    def __init__(
        self, spread_db: float = 3.0, *, p: float = 1.0, random_state: RandomState = None
    ) -> None:
        self.spread_db = spread_db
        self.p = p
        self.random_state = random_state

    def _vary(self, clip: NDArray[np.float32], rng: np.random.Generator) -> NDArray[Any]:
        spectrum = fft.rfft(clip.astype(np.float64), axis=-1)
        places = np.sqrt(np.linspace(0, 1, spectrum.shape[-1]))
        gains_db = rng.normal(0, self.spread_db, _N_GAINS)
        gains = 10 ** (np.interp(places, np.linspace(0, 1, _N_GAINS), gains_db) / 20)
        return fft.irfft(spectrum * gains, n=clip.shape[-1], axis=-1)
