"""Loudness and true peak of a clip, by Recommendation ITU-R BS.1770."""

from __future__ import annotations

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal
from sklearn.utils._param_validation import Interval

from sklearn_audiosr._clips import check_clip
from sklearn_audiosr._validation import validated

# Tables 1 and 2: the biquads of K-weighting, a shelf for the head and a high-pass, at 48 kHz.
_K_WEIGHTING_RATE = 48000
_K_WEIGHTING = (
    (
        (1.53512485958697, -2.69169618940638, 1.19839281085285),
        (1.0, -1.69065929318241, 0.73248077421585),
    ),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)

_BLOCK, _STEP = 0.4, 0.1  # seconds: gating blocks overlap by 75 %
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0  # LUFS; LU below the mean of the blocks above it
_OFFSET = -0.691  # LU: K-weighting amplifies 1 kHz by as much

MAX_CHANNELS = 2  # the weights of more depend on the loudspeakers, which a clip does not name


@validated(
    {
        "clip": "no_validation",
        "sampling_rate": [Interval(Real, 0, None, closed="neither")],
    }
)
def integrated_loudness(clip: ArrayLike, sampling_rate: float) -> float:
    """Measure the loudness of a clip, gated, by Recommendation ITU-R BS.1770-4 [1]_.

    Parameters
    ----------
    clip : array-like of shape (n_timepoints,) or (n_channels, n_timepoints)
        Mono or stereo, in [-1, 1] or signed PCM. A clip shorter than a gating block, 0.4 s, is one
        block.
    sampling_rate : float
        Rate of the clip in Hz.

    Returns
    -------
    loudness : float
        Loudness in LUFS. A stereo tone of 997 Hz at full scale has 0, the same in mono -3.01. A
        clip that stays below -70 LUFS, such as silence, has -inf.

    Raises
    ------
    ValueError
        If the clip is empty, has more than two channels, or holds NaN or infinity.

    References
    ----------
    .. [1] Recommendation ITU-R BS.1770-4, "Algorithms to measure audio programme loudness and
       true-peak audio level", 2015, Annex 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.listening import integrated_loudness
    >>> tone = np.sin(2 * np.pi * 997 * np.arange(48000) / 48000)
    >>> round(integrated_loudness(tone, 48000), 2)
    -3.01
    """
    waveform = np.atleast_2d(check_clip(clip, "clip", np.float64))
    if len(waveform) > MAX_CHANNELS:
        raise ValueError(
            f"clip must have 1 or {MAX_CHANNELS} channels, got {len(waveform)}: mix it down."
        )
    power = _block_power(signal.sosfilt(_k_weighting(sampling_rate), waveform), sampling_rate)
    loud = power[_lufs(power) >= _ABSOLUTE_GATE]
    if loud.size:
        loud = loud[_lufs(loud) > _lufs(loud.mean()) + _RELATIVE_GATE]
    return float(_lufs(loud.mean())) if loud.size else -np.inf


def _lufs(power: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.asarray(_OFFSET + 10 * np.log10(power))


def _block_power(clip: NDArray[np.float64], sampling_rate: float) -> NDArray[np.float64]:
    """Return the mean squares of the gating blocks, summed over channels."""
    n_timepoints = clip.shape[-1]
    length = min(round(_BLOCK * sampling_rate), n_timepoints)
    n_blocks = int((n_timepoints - length) // (_STEP * sampling_rate)) + 1
    starts = np.round(_STEP * sampling_rate * np.arange(n_blocks)).astype(int)
    starts = np.minimum(
        starts, n_timepoints - length
    )  # rounding at a rate that is no multiple of 10 Hz
    sums = np.concatenate([[0.0], np.cumsum(np.square(clip).sum(axis=0))])
    return np.asarray((sums[starts + length] - sums[starts]) / max(length, 1))


def _k_weighting(sampling_rate: float) -> NDArray[np.float64]:
    """Return the second-order sections of the K-weighting filter at a rate."""
    ratio = sampling_rate / _K_WEIGHTING_RATE
    sections = [[*_at_rate(b, ratio), *_at_rate(a, ratio)] for b, a in _K_WEIGHTING]
    return np.array([np.divide(section, section[3]) for section in sections])


def _at_rate(polynomial: tuple[float, float, float], ratio: float) -> tuple[float, float, float]:
    """Return a polynomial in 1/z at `ratio` times its rate, by way of the analogue filter."""
    # undo the bilinear transform, and redo it at the other rate
    p0, p1, p2 = polynomial
    s0, s1, s2 = p0 + p1 + p2, 2 * (p0 - p2) * ratio, (p0 - p1 + p2) * ratio**2
    return (s0 + s1 + s2) / 4, (s0 - s2) / 2, (s0 - s1 + s2) / 4


def true_peak(clip: NDArray[np.floating]) -> float:
    """Return the peak of a clip, also between timepoints: Annex 2, four times oversampled."""
    return float(np.abs(signal.resample_poly(clip, 4, 1, axis=-1)).max())
