"""What all degradations share: the transformer around a function of one clip."""

import warnings

import numpy as np

from sklearn_audiosr._transformer import ClipTransformer


class Degradation(ClipTransformer):
    """Base of the degradations: transformers that learn nothing and take clips one by one.

    A subclass has `_prepare`, which is called once in each `transform`, and may have
    `_check_parameters` for rules that couple two parameters.
    """

    def transform(self, Y):
        """Degrade clips.

        Parameters
        ----------
        Y : container of clips
            Any container of clips; where the rate is lowered, wideband ones whose lengths are
            multiples of ``upsampling_ratio``.

        Returns
        -------
        X : container of clips
            The same kind of container, float32. Nothing is delayed, unless a parameter asks for
            it: timepoint t of a clip is the instant of timepoint ``upsampling_ratio * t``, or of t
            where the rate is kept.

        Raises
        ------
        ValueError
            If a clip's length is no multiple of ``upsampling_ratio``.
        """
        limit = Limiter()
        X = self._map(Y, lambda: self._prepare(limit))
        limit.warn(type(self).__name__)
        return X

    def _prepare(self, limit):
        """Return a function from a clip and its index to the degraded clip, float32.

        `limit` is a `Limiter`, for degradations that have a full scale.
        """
        raise NotImplementedError


class Limiter:
    """Clips waveforms at full scale, and remembers which to warn of them once."""

    def __init__(self):
        self._peaks = {}

    def __call__(self, waveforms, index):
        peak = float(np.abs(waveforms).max())
        if peak > 1:
            self._peaks[index] = peak
        return np.clip(waveforms, -1, 1)

    def warn(self, name):
        """Warn if anything was clipped.

        Parameters
        ----------
        name : str
            What the warning calls the transformer.
        """
        if not self._peaks:
            return
        first, n_others = min(self._peaks), len(self._peaks) - 1
        which = f"Y[{first}] and {n_others} more were" if n_others else f"Y[{first}] was"
        warnings.warn(
            f"{name} needs clips in [-1, 1], got a peak of {max(self._peaks.values()):.3g}: "
            f"{which} clipped, as a file or a line clips; scale the clips down first.",
            UserWarning,
            stacklevel=4,  # past scikit-learn's wrapper of transform
        )


def decimate(clip, index, ratio, low_pass):
    """Low-pass filter clip `index` and keep every r-th timepoint.

    Parameters
    ----------
    clip : ndarray of shape (n_channels, n_timepoints)
        The wideband clip.
    index : int
        Its place in the container, for the error message.
    ratio : int
        Wideband timepoints for each narrowband timepoint.
    low_pass : callable
        Function of waveforms of shape (n_channels, n_timepoints), float64.

    Returns
    -------
    decimated : ndarray of shape (n_channels, n_timepoints / ratio), float64
        The narrowband clip.
    """
    if clip.shape[-1] % ratio:
        raise ValueError(
            f"Y[{index}] must have a multiple of upsampling_ratio={ratio} timepoints, got "
            f"{clip.shape[-1]}: cut it to {clip.shape[-1] // ratio * ratio}, "
            f"for example with degradation.trim_clips(Y, {ratio})."
        )
    # float64: a recursive filter with poles near the unit circle loses digits in float32
    return low_pass(clip.astype(np.float64))[:, ::ratio]
