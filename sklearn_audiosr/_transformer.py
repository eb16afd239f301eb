"""Transformers that change clips one by one, with random numbers that repeat."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import check_random_state

from sklearn_audiosr._clips import Clips


class ClipTransformer(TransformerMixin, BaseEstimator):
    """Base of transformers that learn nothing and change clips one by one.

    A subclass has a `transform` that calls `_map`, and may have `_check_parameters` for rules that
    couple two parameters.
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

    def _check_parameters(self):
        """Raise if parameters that are legal alone are not so together."""

    def _map(self, Y, prepare):
        """Change each clip of a container; check the parameters and the clips first.

        `prepare` is called once, and returns a function from a clip of shape (n_channels,
        n_timepoints) and its index to the changed clip, float32.
        """
        self._validate_params()
        self._check_parameters()
        clips = Clips(Y, "Y")
        change = prepare()
        return clips.collect(change(clip, i) for i, clip in enumerate(clips))

    def _make_rng_of(self):
        """Return a function from a clip's index to its random generator."""
        seed = draw_seed(self.random_state)
        # the name: steps of one pipeline with one seed must not draw the same numbers
        name = type(self).__name__.encode()
        return lambda index: np.random.default_rng([seed, index, *name])


def draw_seed(random_state):
    """Return an integer as it is, and draw one from anything else.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        As users pass it.

    Returns
    -------
    seed : int
        At least 0.
    """
    if isinstance(random_state, Integral):
        return random_state
    return check_random_state(random_state).randint(2**31 - 1)


def check_range(name, value, low, high, example):
    """Check a parameter that is a number or a pair (lowest, highest) to draw from.

    Whether a single number is legal is left to the parameter's constraints.

    Parameters
    ----------
    name : str
        Name of the parameter.
    value : object
        What the user gave.
    low, high : float
        Bounds of both numbers of a pair.
    example : str
        A legal pair, for the error message.

    Raises
    ------
    ValueError
        If a pair is not two ascending numbers in [low, high].
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
    """Draw uniformly from a pair (lowest, highest); return anything else as it is.

    Parameters
    ----------
    value : float, (float, float) or None
        What `check_range` has checked.
    rng : numpy.random.Generator
        Source of the draw.

    Returns
    -------
    drawn : float or None
        A number of the range, or the value.
    """
    return float(rng.uniform(*value)) if isinstance(value, (tuple, list)) else value
