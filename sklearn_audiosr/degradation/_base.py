"""What all degradations share: the transformer around a function of one clip."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import check_random_state

from sklearn_audiosr._clips import Clips


class Degradation(TransformerMixin, BaseEstimator):
    """Base of the degradations: transformers that learn nothing and take clips one by one.

    A subclass has `_prepare`, which is called once in each `transform`, and may have
    `_check_parameters` for what constraints on single parameters cannot say.
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, Y, y=None):
        """Check the parameters and the clips; nothing is learned.

        Parameters
        ----------
        Y : container of clips
            Any container of clips (see the user guide).
        y : None
            Ignored.

        Returns
        -------
        self : transformer
            The transformer itself.
        """
        self._check_parameters()
        Clips(Y, "Y")
        return self

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
        self._validate_params()
        self._check_parameters()
        clips, limit = Clips(Y, "Y"), Limiter()
        degrade = self._prepare(limit)
        X = clips.collect(degrade(clip, i) for i, clip in enumerate(clips))
        limit.warn(type(self).__name__)
        return X

    def _check_parameters(self):
        """Raise if parameters that are legal alone are not so together."""

    def _prepare(self, limit):
        """Give a function from a clip and its index to the degraded clip, float32.

        `limit` is a `Limiter`, for degradations that have a full scale.
        """
        raise NotImplementedError

    def _make_rng_of(self):
        """Give a function from a clip's index to its random generator."""
        seed = draw_seed(self.random_state)
        # the name: steps of one pipeline with one seed must not draw the same numbers
        name = type(self).__name__.encode()
        return lambda index: np.random.default_rng([seed, index, *name])


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


def draw_seed(random_state):
    """Give an integer as it is, and draw one from anything else."""
    if isinstance(random_state, Integral):
        return random_state
    return check_random_state(random_state).randint(2**31 - 1)


def check_range(name, value, low, high, example):
    """Check a parameter that is a number or a pair (lowest, highest) to draw from.

    Whether a single number is legal is left to the parameter's constraints.
    """
    if not isinstance(value, (tuple, list)):
        return
    numbers = all(isinstance(v, Real) and not isinstance(v, bool) for v in value)
    if len(value) != 2 or not numbers or not low <= value[0] <= value[1] <= high:
        raise ValueError(
            f"{name} must be a number or a pair (lowest, highest) in [{low}, {high}], got "
            f"{value!r}: pass for example {name}={example}."
        )


def draw_from(value, rng):
    """Draw uniformly from a pair (lowest, highest); give anything else as it is."""
    return float(rng.uniform(*value)) if isinstance(value, (tuple, list)) else value
