"""Change where the band ends."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.special import erfc
from sklearn.utils._param_validation import Interval

from sklearn_audiosr._transformer import RandomState, Range, check_range, draw_from
from sklearn_audiosr.augmentation._base import Augmentation, reflect

# Standard deviation of the slope, as a fraction of the Nyquist frequency. With an edge at 0.956 the
# gain is that of soxr, quality "VHQ", to 1 dB where that is above -40 dB.
_SLOPE = 0.01


class CutBandEdge(Augmentation):
    """Empty the end of the band, as resamplers do.

    Lower frequencies do not show whether a recording was resampled. A model therefore gives all its
    predictions the end of the band that most training clips have.

    Parameters
    ----------
    edges : float or (float, float), default=(0.9, 0.96)
        End of the band, where the gain is -6 dB, as a fraction of the Nyquist frequency in [0.05,
        1]. A pair is a range, from which a value is drawn uniformly for each clip.
    p : float, default=1.0
        Probability, in [0, 1], that a clip is varied; the others stay as they are.
    random_state : int, RandomState instance or None, default=None
        Draws which clips are varied, and how. With an integer, the i-th clip is varied the same way
        in every `transform`; a RandomState instance, or None, draws anew in every call.

    See Also
    --------
    ChangeSpeed : Brings clips to another rate and leaves the band full.

    Notes
    -----
    The filter has zero phase and the slope of soxr's resampler: -0.2 dB at 0.02 below the edge, and
    -60 dB at 0.031 above it. The edge of soxr's quality "VHQ" is at 0.956, that of resampy's
    "kaiser_best" at 0.948. Clips are continued beyond their ends by reflection while they are
    filtered.

    Cut the edge last: noise that is added later fills the end of the band, and a later change of
    speed moves it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.augmentation import CutBandEdge
    >>> below, above = (np.cos(np.pi * f * np.arange(16000)) for f in (0.85, 0.95))
    >>> cut = CutBandEdge(edges=0.9).fit_transform([below, above])
    >>> [f"{y[200:-200].max():.2f}" for y in cut]
    ['1.00', '0.00']
    """

    _parameter_constraints = {
        **Augmentation._parameter_constraints,
        "edges": [Interval(Real, 0.05, 1, closed="both"), tuple, list],
    }

    def __init__(
        self, edges: Range = (0.9, 0.96), *, p: float = 1.0, random_state: RandomState = None
    ) -> None:
        self.edges = edges
        self.p = p
        self.random_state = random_state

    def _check_parameters(self) -> None:
        check_range("edges", self.edges, 0.05, 1, "(0.9, 0.96)")

    def _vary(self, clip: NDArray[np.float32], rng: np.random.Generator) -> NDArray[Any]:
        edge, n_timepoints = draw_from(self.edges, rng), clip.shape[-1]
        padded, n_reflected = reflect(clip)
        spectrum = fft.rfft(padded, axis=-1)
        frequencies = fft.rfftfreq(padded.shape[-1], 0.5)  # 1 is the Nyquist frequency
        spectrum *= erfc((frequencies - edge) / (np.sqrt(2) * _SLOPE)) / 2
        filtered = fft.irfft(spectrum, n=padded.shape[-1], axis=-1)
        return filtered[:, n_reflected : n_reflected + n_timepoints]
