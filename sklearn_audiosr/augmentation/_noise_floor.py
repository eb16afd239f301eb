"""A noise floor."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from sklearn_audiosr._transformer import RandomState, Range, check_range, draw_from
from sklearn_audiosr.augmentation._base import Augmentation

_MAX_LEVEL = 200  # dB, positive or negative: beyond the range of float32


class AddNoiseFloor(Augmentation):
    """Add noise at a fixed level, such as that of a preamplifier or of rounding.

    The noise is part of the target: a model learns to keep it and to continue it into the highband.

    Parameters
    ----------
    levels_db : float or (float, float), default=(-95.0, -55.0)
        Root mean square of the noise in dB relative to a full scale of 1, in [-200, 200]. A pair is
        a range, from which a value is drawn uniformly for each clip.
    p : float, default=1.0
        Probability, in [0, 1], that a clip is varied; the others stay as they are.
    random_state : int, RandomState instance or None, default=None
        Draws which clips are varied, and how. With an integer, the i-th clip is varied the same way
        in every `transform`; a RandomState instance, or None, draws anew in every call.

    See Also
    --------
    sklearn_audiosr.degradation.AddNoise : Noise of the narrowband clip alone, at a
        signal-to-noise ratio.

    Notes
    -----
    The noise is white and Gaussian. Each channel has noise of its own, of the same level. The
    default range reaches from about the rounding of 16 bits, whose noise lies at -101 dB, to an
    audible hiss.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.augmentation import AddNoiseFloor
    >>> silence = np.zeros((1, 16000))
    >>> noise = AddNoiseFloor(levels_db=-60, random_state=0).fit_transform(silence)
    >>> print(f"{20 * np.log10(noise.std()):.0f} dB")
    -60 dB
    """

    _parameter_constraints = {
        **Augmentation._parameter_constraints,
        "levels_db": [Interval(Real, -_MAX_LEVEL, _MAX_LEVEL, closed="both"), tuple, list],
    }

    def __init__(
        self, levels_db: Range = (-95.0, -55.0), *, p: float = 1.0, random_state: RandomState = None
    ) -> None:
        self.levels_db = levels_db
        self.p = p
        self.random_state = random_state

    def _check_parameters(self) -> None:
        check_range("levels_db", self.levels_db, -_MAX_LEVEL, _MAX_LEVEL, "(-95, -55)")

    def _vary(self, clip: NDArray[np.float32], rng: np.random.Generator) -> NDArray[Any]:
        level = 10 ** (draw_from(self.levels_db, rng) / 20)
        return clip + level * rng.standard_normal(clip.shape)
