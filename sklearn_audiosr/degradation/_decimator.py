"""Low-pass filter, then keep every r-th timepoint."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_audiosr._transformer import ChangeClip, RandomState, draw_seed
from sklearn_audiosr.degradation._base import Degradation, Limiter, decimate
from sklearn_audiosr.degradation._filters import (
    ELLIPTIC_STOPBAND_DB,
    FAMILIES,
    MAX_ORDER,
    Family,
    Filter,
    LowPass,
    draw_low_pass,
)


class Decimator(Degradation):
    """Low-pass filter wideband clips and keep every r-th timepoint.

    The default is the filter of Kuleshov et al. [1]_: scipy's ``decimate``, an order-8 Chebyshev
    type I filter with 0.05 dB ripple and a cut-off at 0.8 times the narrowband Nyquist frequency,
    run forwards and backwards so that nothing is delayed.

    Parameters
    ----------
    upsampling_ratio : int, default=2
        Wideband timepoints for each narrowband timepoint, at least 2.
    filter : {"chebyshev1", "butterworth", "elliptic", "bessel", "fir", "none", "random"}, \
            default="chebyshev1"
        Family of the anti-aliasing filter. "elliptic" has a stopband of 60 dB and "bessel" -3 dB
        at the cut-off, both for one pass (see `zero_phase`), "fir" is a Hamming-windowed sinc of
        ``2 * order * upsampling_ratio + 1`` taps. "none" keeps every r-th timepoint as it is and
        aliases what lies above. "random" draws one of these families for each clip, with its
        order, ripple and cut-off, always of zero phase: to train an estimator for recordings
        whose filter is not known.
    order : int, default=8
        Order of the filter, at most 50; for "fir", which may have any, the narrowband timepoints
        on each side of its centre. Not used by "none" and "random".
    ripple : float, default=0.05
        Passband ripple in dB of "chebyshev1" and "elliptic", in [1e-6, 100] and, for "elliptic",
        below 60. Not used by the others.
    cutoff : float, default=0.8
        Cut-off frequency as a fraction of the narrowband Nyquist frequency, in [0.001, 1]. Not
        used by "none" and "random".
    zero_phase : bool, default=True
        Filter forwards and backwards, which doubles the attenuation in dB ("fir": once, centred).
        False filters causally: the output is delayed by the filter's group delay, which ruins
        comparisons in the time domain. "random" has zero phase only.
    random_state : int, RandomState instance or None, default=None
        Draws the filters of "random". With an integer, clip i has the same filter in every
        `transform`; a RandomState instance, or None, draws others in every call.

    See Also
    --------
    trim_clips : Cut clips to a multiple of the ratio.

    Notes
    -----
    With zero phase, clips are padded by odd reflection while they are filtered; clips shorter than
    the padding are padded by their whole length.

    "random" draws, each uniformly: a family of the six; an order from 3 to 10 ("fir": 8 to 48); a
    ripple from 0.01 to 0.5 dB on a logarithmic scale; a cut-off from 0.6 to 1. The paper trains on
    one filter and finds that the network fails on another (its Table 3); it proposes to train on
    several.

    References
    ----------
    .. [1] V. Kuleshov, S. Z. Enam and S. Ermon, "Audio Super Resolution using Neural Nets", 2017,
       section 4. https://arxiv.org/abs/1708.00853

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.degradation import Decimator
    >>> Y = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)[None]
    >>> Decimator(upsampling_ratio=4).fit_transform(Y).shape
    (1, 4000)
    """

    _parameter_constraints = {
        "upsampling_ratio": [Interval(Integral, 2, None, closed="left")],
        "filter": [StrOptions({*FAMILIES, "random"})],
        "order": [Interval(Integral, 1, None, closed="left")],
        "ripple": [Interval(Real, 1e-6, 100, closed="both")],
        "cutoff": [Interval(Real, 1e-3, 1, closed="both")],
        "zero_phase": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        upsampling_ratio: int = 2,
        *,
        filter: Family | Literal["random"] = "chebyshev1",
        order: int = 8,
        ripple: float = 0.05,
        cutoff: float = 0.8,
        zero_phase: bool = True,
        random_state: RandomState = None,
    ) -> None:
        self.upsampling_ratio = upsampling_ratio
        self.filter = filter
        self.order = order
        self.ripple = ripple
        self.cutoff = cutoff
        self.zero_phase = zero_phase
        self.random_state = random_state

    def _check_parameters(self) -> None:
        if self.filter == "elliptic" and self.ripple >= ELLIPTIC_STOPBAND_DB:
            raise ValueError(
                f'ripple must be below the stopband of filter="elliptic", {ELLIPTIC_STOPBAND_DB} '
                f"dB, got {self.ripple}: the paper's is 0.05."
            )
        if self.filter not in ("fir", "none", "random") and self.order > MAX_ORDER:
            raise ValueError(
                f'order must be at most {MAX_ORDER} for filter="{self.filter}", got {self.order}: '
                'higher orders are not stable in floating point. filter="fir" takes any order.'
            )
        if self.filter == "random" and not self.zero_phase:
            raise ValueError(
                'zero_phase must be True for filter="random", got False: the delay of a causal '
                "filter cannot be undone where the filter is not known."
            )

    def _prepare(self, limit: Limiter) -> ChangeClip:
        ratio, low_pass_of = self.upsampling_ratio, self._make_low_passes()

        def degrade(clip: NDArray[np.float32], index: int) -> NDArray[np.float32]:
            return decimate(clip, index, ratio, low_pass_of(index)).astype(np.float32)

        return degrade

    def _make_low_passes(self) -> Callable[[int], Filter]:
        """Return a function from a clip's index to the filter of its waveforms."""
        ratio = self.upsampling_ratio
        if self.filter != "random":
            low_pass = LowPass(
                self.filter, self.order, self.ripple, self.cutoff, self.zero_phase
            ).design(ratio)
            return lambda index: low_pass
        seed = draw_seed(self.random_state)
        return lambda index: draw_low_pass(np.random.default_rng([seed, index])).design(ratio)
