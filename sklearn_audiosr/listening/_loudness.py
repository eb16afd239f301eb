"""Loudness and true peak of a clip, by Recommendation ITU-R BS.1770."""

from numbers import Real

import numpy as np
from scipy import signal
from sklearn.utils._param_validation import Interval, validate_params

from sklearn_audiosr._clips import check_clip

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

MAX_CHANNELS = 2  # more have weights by their places, which a clip does not tell


@validate_params(
    {
        "clip": "no_validation",
        "sampling_rate": [Interval(Real, 0, None, closed="neither")],
    },
    prefer_skip_nested_validation=True,
)
def integrated_loudness(clip, sampling_rate):
    """Measure the loudness of a clip, gated, by Recommendation ITU-R BS.1770-4 [1]_.

    Parameters
    ----------
    clip : array-like of shape (n_timepoints,) or (n_channels, n_timepoints)
        Mono or stereo, in [-1, 1] or signed PCM. A clip shorter than a gating block, 0.4 s, is
        measured as one block.
    sampling_rate : float
        Rate of the clip in Hz.

    Returns
    -------
    loudness : float
        In LUFS: a stereo tone of 997 Hz at full scale has 0, the same in mono -3.01. A clip that
        is below -70 LUFS everywhere, as silence is, has -inf.

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
    clip = np.atleast_2d(check_clip(clip, "clip", np.float64))
    if len(clip) > MAX_CHANNELS:
        raise ValueError(
            f"clip must have 1 or {MAX_CHANNELS} channels, got {len(clip)}: fold it down."
        )
    power = _block_power(signal.sosfilt(_k_weighting(sampling_rate), clip), sampling_rate)
    loud = power[_lufs(power) >= _ABSOLUTE_GATE]
    if loud.size:
        loud = loud[_lufs(loud) > _lufs(loud.mean()) + _RELATIVE_GATE]
    return float(_lufs(loud.mean())) if loud.size else -np.inf


def _lufs(power):
    with np.errstate(divide="ignore"):
        return _OFFSET + 10 * np.log10(power)


def _block_power(clip, sampling_rate):
    """Mean squares of the gating blocks, summed over channels."""
    n_timepoints = clip.shape[-1]
    length = min(round(_BLOCK * sampling_rate), n_timepoints)
    n_blocks = int((n_timepoints - length) // (_STEP * sampling_rate)) + 1
    starts = np.round(_STEP * sampling_rate * np.arange(n_blocks)).astype(int)
    starts = np.minimum(starts, n_timepoints - length)  # a rate that is no multiple of 10 Hz
    sums = np.concatenate([[0.0], np.cumsum(np.square(clip).sum(axis=0))])
    return (sums[starts + length] - sums[starts]) / max(length, 1)


def _k_weighting(sampling_rate):
    """Second-order sections of the K-weighting filter at any rate."""
    ratio = sampling_rate / _K_WEIGHTING_RATE
    sections = [[*_at_rate(b, ratio), *_at_rate(a, ratio)] for b, a in _K_WEIGHTING]
    return np.array([np.divide(section, section[3]) for section in sections])


def _at_rate(polynomial, ratio):
    """Bring a polynomial in 1/z to `ratio` times its rate: undo the bilinear transform, redo it."""
    p0, p1, p2 = polynomial
    s0, s1, s2 = p0 + p1 + p2, 2 * (p0 - p2) * ratio, (p0 - p1 + p2) * ratio**2
    return (s0 + s1 + s2) / 4, (s0 - s2) / 2, (s0 - s1 + s2) / 4


def true_peak(clip):
    """Return the peak between timepoints too: Annex 2, four times oversampled."""
    return float(np.abs(signal.resample_poly(clip, 4, 1, axis=-1)).max())
