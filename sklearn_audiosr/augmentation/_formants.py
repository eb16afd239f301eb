"""Change formants, as a shorter or longer vocal tract does."""

from __future__ import annotations

from numbers import Real
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import istft, stft
from sklearn.utils._param_validation import Interval

from sklearn_audiosr._transformer import RandomState, Range, check_range, draw_from
from sklearn_audiosr.augmentation._base import Augmentation

_LOWEST, _HIGHEST = 0.5, 2.0

# Length of a frame in seconds, and bins of 1 / 0.064 s over which smoothing removes the
# harmonics: 300 Hz, more than the pitch of most voices.
_FRAME, _N_SMOOTHED = 0.064, 19

# The part of the band in which all frequencies move by the factor.
_SHIFTED_BAND = 0.8

# A formant is made louder or quieter by at most 26 dB, in natural logarithm of power.
_MAX_GAIN = 6.0

_FLOOR = 1e-12  # power that counts as silence, in a clip with a peak of 1


class ShiftFormants(Augmentation):
    """Move the formants of voices, and leave their pitch and length.

    A vocal tract of another length does the same: the smooth envelope of each short-time spectrum
    moves, its harmonics do not.

    Parameters
    ----------
    factors : float or (float, float), default=(0.88, 1.14)
        Factor of the formants' frequencies, in [0.5, 2]: above 1 for a shorter vocal tract. A pair
        is a range, from which a value is drawn uniformly for each clip.
    sampling_rate : float, default=None
        Rate in Hz of the clips, at least 1000. It is required, because the smoothing depends on
        pitch in Hz.
    p : float, default=1.0
        Probability, in [0, 1], that a clip is varied; the others stay as they are.
    random_state : int, RandomState instance or None, default=None
        Draws which clips are varied, and how. With an integer, the i-th clip is varied the same way
        in every `transform`; a RandomState instance, or None, draws anew in every call.

    See Also
    --------
    ChangeSpeed : Moves pitch and formants alike.

    Notes
    -----
    The frequency axis is warped by two straight lines [1]_: up to 0.8 of the band all frequencies
    move by the factor, above it less and less, so that the end of the band stays. The default range
    is that of Lee and Rose [2]_, 0.88 to 1.12, made symmetric: 1.14 is 1 / 0.88.

    References
    ----------
    .. [1] E. Eide and H. Gish, "A parametric approach to vocal tract length normalization", ICASSP
       1996.
    .. [2] L. Lee and R. C. Rose, "Speaker normalization using efficient frequency warping
       procedures", ICASSP 1996.

    Examples
    --------
    >>> from sklearn_audiosr.augmentation import ShiftFormants
    >>> from sklearn_audiosr.datasets import load_speech
    >>> Y = load_speech().clips[:2]
    >>> varied = ShiftFormants(sampling_rate=16000, random_state=0).fit_transform(Y)
    >>> [len(clip) for clip in varied] == [len(clip) for clip in Y]
    True
    """

    _parameter_constraints = {
        **Augmentation._parameter_constraints,
        "factors": [Interval(Real, _LOWEST, _HIGHEST, closed="both"), tuple, list],
        "sampling_rate": [Interval(Real, 1000, None, closed="left"), None],
    }

    def __init__(
        self,
        factors: Range = (0.88, 1.14),
        *,
        sampling_rate: float | None = None,
        p: float = 1.0,
        random_state: RandomState = None,
    ) -> None:
        self.factors = factors
        self.sampling_rate = sampling_rate
        self.p = p
        self.random_state = random_state

    def _check_parameters(self) -> None:
        if self.sampling_rate is None:
            raise ValueError(
                "sampling_rate must be the rate in Hz of the clips that ShiftFormants is given, "
                "got None: pass for example 16000."
            )
        check_range("factors", self.factors, _LOWEST, _HIGHEST, "(0.88, 1.14)")

    def _vary(self, clip: NDArray[np.float32], rng: np.random.Generator) -> NDArray[Any]:
        sampling_rate = cast(float, self.sampling_rate)  # checked
        frame = 4 * round(_FRAME * sampling_rate / 4)  # a hop is a quarter
        return _shift(clip, draw_from(self.factors, rng), frame)


def _shift(clip: NDArray[np.float32], factor: float, frame: int) -> NDArray[Any]:
    peak, n_timepoints = np.abs(clip).max(), clip.shape[-1]
    if peak == 0:
        return clip
    framing = {"nperseg": frame, "noverlap": frame * 3 // 4}
    padded = np.pad(clip / peak, ((0, 0), (0, max(0, frame - n_timepoints))))
    spectra = stft(padded, **framing)[2]  # (channels, bins, frames)
    power = uniform_filter1d(np.abs(spectra) ** 2, _N_SMOOTHED, axis=1)
    envelope = np.log(power.clip(0) + _FLOOR)
    change = (_warp(envelope, factor) - envelope).clip(-_MAX_GAIN, _MAX_GAIN)
    return peak * istft(spectra * np.exp(change / 2), **framing)[1][:, :n_timepoints]


def _warp(envelope: NDArray[Any], factor: float) -> NDArray[Any]:
    """Move an envelope of shape (channels, bins, frames) along its bins; the last one stays."""
    end = envelope.shape[1] - 1
    bend = _SHIFTED_BAND * end * min(1.0, 1 / factor)
    sources = np.interp(np.arange(end + 1), [0, factor * bend, end], [0, bend, end])
    below = sources.astype(int).clip(0, end - 1)
    share = (sources - below)[:, None]
    return envelope[:, below] * (1 - share) + envelope[:, below + 1] * share
