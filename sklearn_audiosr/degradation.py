"""Degradations: the one source of narrowband audio.

A degradation is a scikit-learn transformer from wideband clips to narrowband clips, so that a
pipeline can degrade and restore, and cross-validate on wideband recordings alone.
"""

from numbers import Integral, Real

import numpy as np
from scipy import fft
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_audiosr._clips import Clips
from sklearn_audiosr._filters import (
    ELLIPTIC_STOPBAND_DB,
    FAMILIES,
    MAX_ORDER,
    LowPass,
    draw_low_pass,
)

__all__ = ["Decimator", "ideal_lowband", "trim_clips"]


class Decimator(TransformerMixin, BaseEstimator):
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
        order, ripple and cut-off, always of zero phase: to train an estimator that serves
        recordings whose filter nobody knows.
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
        Draws the filters of "random": clip i of every `transform` has the filter that an integer
        and i give; a RandomState instance, or None, draws others in every call.

    See Also
    --------
    trim_clips : Cuts clips to a multiple of the ratio.

    Notes
    -----
    With zero phase the signal goes on beyond its ends by odd reflection while it is filtered;
    clips shorter than that padding are padded by what they have.

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
        upsampling_ratio=2,
        *,
        filter="chebyshev1",
        order=8,
        ripple=0.05,
        cutoff=0.8,
        zero_phase=True,
        random_state=None,
    ):
        self.upsampling_ratio = upsampling_ratio
        self.filter = filter
        self.order = order
        self.ripple = ripple
        self.cutoff = cutoff
        self.zero_phase = zero_phase
        self.random_state = random_state

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
        Y : container of wideband clips
            Any container of clips (see the user guide).
        y : None
            Ignored.

        Returns
        -------
        self : Decimator
            The transformer itself.
        """
        self._check_filter()
        Clips(Y, "Y")
        return self

    def transform(self, Y):
        """Make narrowband clips.

        Parameters
        ----------
        Y : container of wideband clips
            Clips whose lengths are multiples of ``upsampling_ratio``.

        Returns
        -------
        X : container of narrowband clips
            The same kind of container, float32; timepoint t of a clip is the instant of timepoint
            ``upsampling_ratio * t`` of the wideband clip.

        Raises
        ------
        ValueError
            If a clip's length is no multiple of ``upsampling_ratio``.
        """
        self._validate_params()
        self._check_filter()
        clips, low_pass_of = Clips(Y, "Y"), self._make_low_passes()
        return clips.collect(
            self._decimate(clip, i, low_pass_of(i)) for i, clip in enumerate(clips)
        )

    def _check_filter(self):
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

    def _decimate(self, clip, index, low_pass):
        r = self.upsampling_ratio
        if clip.shape[-1] % r:
            raise ValueError(
                f"Y[{index}] must have a multiple of upsampling_ratio={r} timepoints, got "
                f"{clip.shape[-1]}: cut it to {clip.shape[-1] // r * r}, "
                f"for example with degradation.trim_clips(Y, {r})."
            )
        # float64: a recursive filter with poles near the unit circle loses digits in float32
        return low_pass(clip.astype(np.float64))[:, ::r].astype(np.float32)

    def _make_low_passes(self):
        """Give a function from a clip's index to the filter of its waveforms."""
        ratio = self.upsampling_ratio
        if self.filter != "random":
            low_pass = LowPass(
                self.filter, self.order, self.ripple, self.cutoff, self.zero_phase
            ).design(ratio)
            return lambda index: low_pass
        seed = self.random_state
        if not isinstance(seed, Integral):
            seed = check_random_state(seed).randint(2**31 - 1)
        return lambda index: draw_low_pass(np.random.default_rng([seed, index])).design(ratio)


def ideal_lowband(clips, upsampling_ratio):
    """Keep the true lowband of wideband clips and empty the highband.

    No method that leaves the highband empty can have a better signal-to-noise ratio: print it
    beside every table of scores.

    Parameters
    ----------
    clips : container of wideband clips
        Any container of clips.
    upsampling_ratio : int
        Wideband timepoints for each narrowband timepoint, at least 2; the lowband ends at the
        narrowband Nyquist frequency.

    Returns
    -------
    lowband : container of clips
        The same kind of container, float32, of the same lengths.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.degradation import ideal_lowband
    >>> tone = np.cos(np.pi * 0.75 * np.arange(64))[None]  # above half the Nyquist frequency
    >>> bool(np.abs(ideal_lowband(tone, 2)).max() < 1e-6)
    True
    """
    _check_integer("upsampling_ratio", upsampling_ratio, 2)
    clips = Clips(clips, "clips")
    return clips.collect(_empty_highband(clip, upsampling_ratio) for clip in clips)


def _empty_highband(clip, ratio):
    n_timepoints = clip.shape[-1]
    spectrum = fft.rfft(clip.astype(np.float64), axis=-1)
    spectrum[:, n_timepoints // (2 * ratio) + 1 :] = 0
    return fft.irfft(spectrum, n=n_timepoints, axis=-1).astype(np.float32)


def trim_clips(clips, upsampling_ratio):
    """Cut the end of each clip so that its length is a multiple of the upsampling ratio.

    Parameters
    ----------
    clips : container of clips
        Any container of clips; a lazy sequence is read whole.
    upsampling_ratio : int
        Wideband timepoints for each narrowband timepoint, at least 1.

    Returns
    -------
    trimmed : container of clips
        The same kind of container, float32, each clip at most ``upsampling_ratio - 1`` timepoints
        shorter.

    Raises
    ------
    ValueError
        If a clip is shorter than `upsampling_ratio`: nothing would be left.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.degradation import trim_clips
    >>> [len(clip) for clip in trim_clips([np.ones(9), np.ones(16)], 4)]
    [8, 16]
    """
    _check_integer("upsampling_ratio", upsampling_ratio, 1)
    clips = Clips(clips, "clips")
    return clips.collect(
        _trim(clip, f"clips[{i}]", upsampling_ratio) for i, clip in enumerate(clips)
    )


def _trim(clip, name, ratio):
    n_timepoints = clip.shape[-1] // ratio * ratio
    if n_timepoints == 0:
        raise ValueError(
            f"{name} must have at least {ratio} timepoints to be cut to a multiple of {ratio}, got "
            f"{clip.shape[-1]}: leave it out."
        )
    return clip[:, :n_timepoints].copy()


def _check_integer(name, value, least):
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
        raise ValueError(
            f"{name} must be an integer of at least {least}, got {value!r}: pass the wideband over "
            "the narrowband rate."
        )
