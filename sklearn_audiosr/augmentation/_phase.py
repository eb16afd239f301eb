"""Change phases, and keep the magnitudes of the spectrum."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from sklearn.utils._param_validation import Interval

from sklearn_audiosr._transformer import RandomState, Range, check_range, draw_from
from sklearn_audiosr.augmentation._base import Augmentation


class RotatePhase(Augmentation):
    """Turn the phases of all frequencies by one angle.

    The clip sounds the same and its spectrum keeps its magnitudes, but its waveform is another, so
    that no network can learn waveforms by heart.

    Parameters
    ----------
    angles : float or (float, float), default=(-180.0, 180.0)
        Angle in degrees, in [-360, 360]; 180 inverts the polarity. A pair is a range, from which a
        value is drawn uniformly for each clip.
    p : float, default=1.0
        Probability, in [0, 1], that a clip is varied; the others stay as they are.
    random_state : int, RandomState instance or None, default=None
        Draws which clips are varied, and how. With an integer, the i-th clip is varied the same way
        in every `transform`; a RandomState instance, or None, draws anew in every call.

    See Also
    --------
    ChangeMicrophone : Other magnitudes under the same phases.

    Notes
    -----
    The Fourier transform of the whole clip is turned, so the clip is taken as periodic. The
    transform at 0 and at the Nyquist frequency is real and only multiplied by the cosine of the
    angle.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.augmentation import RotatePhase
    >>> t = np.arange(16000) / 16000
    >>> sine, cosine = np.sin(2 * np.pi * 440 * t), np.cos(2 * np.pi * 440 * t)
    >>> (turned,) = RotatePhase(angles=90).fit_transform([sine])
    >>> bool(np.abs(turned - cosine).max() < 1e-5)
    True
    """

    _parameter_constraints = {
        **Augmentation._parameter_constraints,
        "angles": [Interval(Real, -360, 360, closed="both"), tuple, list],
    }

    def __init__(
        self, angles: Range = (-180.0, 180.0), *, p: float = 1.0, random_state: RandomState = None
    ) -> None:
        self.angles = angles
        self.p = p
        self.random_state = random_state

    def _check_parameters(self) -> None:
        check_range("angles", self.angles, -360, 360, "(-180, 180)")

    def _vary(self, clip: NDArray[np.float32], rng: np.random.Generator) -> NDArray[Any]:
        angle = np.deg2rad(draw_from(self.angles, rng))
        spectrum = fft.rfft(clip.astype(np.float64), axis=-1)
        return fft.irfft(spectrum * np.exp(1j * angle), n=clip.shape[-1], axis=-1)
