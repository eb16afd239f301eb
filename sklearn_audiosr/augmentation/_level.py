"""Another level."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from sklearn_audiosr._transformer import RandomState, Range, check_range, draw_from
from sklearn_audiosr.augmentation._base import Augmentation

_MAX_GAIN = 200  # dB, positive or negative: beyond the range of float32


class ChangeLevel(Augmentation):
    """Make clips louder or quieter.

    Parameters
    ----------
    gains_db : float or (float, float), default=(-12.0, 6.0)
        Gain in dB, in [-200, 200]. A pair is a range, from which a value is drawn uniformly for
        each clip.
    p : float, default=1.0
        Probability, in [0, 1], that a clip is varied; the others stay as they are.
    random_state : int, RandomState instance or None, default=None
        Draws which clips are varied, and how. With an integer, the i-th clip is varied the same way
        in every `transform`; a RandomState instance, or None, draws anew in every call.

    See Also
    --------
    ChangeMicrophone : A gain for each frequency.

    Notes
    -----
    Nothing is clipped here: results may exceed [-1, 1]. A ``Codec`` or ``Telephone`` that follows
    clips them, with a warning, so choose gains that leave room.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.augmentation import ChangeLevel
    >>> ChangeLevel(gains_db=-20).fit_transform(np.ones((1, 3)))
    array([[0.1, 0.1, 0.1]], dtype=float32)
    """

    _parameter_constraints = {
        **Augmentation._parameter_constraints,
        "gains_db": [Interval(Real, -_MAX_GAIN, _MAX_GAIN, closed="both"), tuple, list],
    }

    def __init__(
        self, gains_db: Range = (-12.0, 6.0), *, p: float = 1.0, random_state: RandomState = None
    ) -> None:
        self.gains_db = gains_db
        self.p = p
        self.random_state = random_state

    def _check_parameters(self) -> None:
        check_range("gains_db", self.gains_db, -_MAX_GAIN, _MAX_GAIN, "(-12, 6)")

    def _vary(self, clip: NDArray[np.float32], rng: np.random.Generator) -> NDArray[Any]:
        return clip * 10 ** (draw_from(self.gains_db, rng) / 20)
