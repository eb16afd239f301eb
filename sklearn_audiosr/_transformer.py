"""Transformers that change clips one by one, with random numbers that repeat."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state

from sklearn_audiosr._clips import Clip, Clips, ClipSequence, ClipsLike, SupportsArray
from sklearn_audiosr._validation import numpy_defaults, validated_fit

RandomState: TypeAlias = int | np.random.RandomState | None

# a value, or (lowest, highest) to draw one from for each clip
Range: TypeAlias = float | tuple[float, float]

# a clip, float32, and its index -> the changed clip, float32
ChangeClip: TypeAlias = Callable[[NDArray[np.float32], int], NDArray[np.float32]]


class ClipTransformer(TransformerMixin, BaseEstimator):
    """Base of transformers that learn nothing and change clips one by one.

    A subclass has a `transform` that calls `_map`, and may have `_check_parameters` for rules that
    join several parameters.
    """

    random_state: RandomState

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    if TYPE_CHECKING:  # TransformerMixin's has no types

        @overload
        def fit_transform(  # numpydoc ignore=GL08
            self, X: SupportsArray, y: Any = ..., **fit_params: Any
        ) -> NDArray[np.float32]: ...
        @overload
        def fit_transform(  # type: ignore[overload-overlap]  # numpydoc ignore=GL08
            self, X: tuple[Clip, ...], y: Any = ..., **fit_params: Any
        ) -> tuple[NDArray[np.float32], ...]: ...
        @overload
        def fit_transform(  # numpydoc ignore=GL08
            self, X: ClipSequence, y: Any = ..., **fit_params: Any
        ) -> list[NDArray[np.float32]]: ...
        def fit_transform(  # numpydoc ignore=GL08
            self, X: ClipsLike, y: Any = ..., **fit_params: Any
        ) -> Any: ...

    @validated_fit(prefer_skip_nested_validation=True)
    def fit(self, Y: ClipsLike, y: Any = None) -> Self:
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

        Raises
        ------
        ValueError, TypeError
            If a parameter is illegal, alone or beside another, or `Y` holds no clips.
        ImportError
            If the transformer needs a package that is not installed.
        """
        self._check_parameters()
        Clips(Y, "Y")
        return self

    def _check_parameters(self) -> None:
        """Raise ValueError if parameters that are legal alone are not legal together."""

    @numpy_defaults
    def _map(self, Y: ClipsLike, prepare: Callable[[], ChangeClip]) -> Any:
        """Change each clip of a container; check the parameters and the clips first.

        `prepare` is called once, and returns a function from a clip of shape (n_channels,
        n_timepoints) and its index to the changed clip, float32.
        """
        self._validate_params()
        self._check_parameters()
        clips = Clips(Y, "Y")
        change = prepare()
        results = (change(clip, i) for i, clip in enumerate(clips))
        return clips.collect(clips.check_results(results))

    def _make_rng_of(self) -> Callable[[int], np.random.Generator]:
        """Return a function from a clip's index to its random generator."""
        seed = draw_seed(self.random_state)
        # the name: steps of one pipeline with one seed must not draw the same numbers
        name = type(self).__name__.encode()
        return lambda index: np.random.default_rng([seed, index, *name])


def draw_seed(random_state: RandomState) -> int:
    """Return `random_state` if it is an integer; draw an integer from anything else."""
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def check_range(name: str, value: Any, low: float, high: float, example: str) -> None:
    """Raise unless a parameter is a number, or a legal pair (lowest, highest) to draw from.

    The parameter's constraints check a single number.
    """
    if not isinstance(value, (tuple, list)):
        return
    numbers = all(isinstance(v, Real) and not isinstance(v, bool) for v in value)
    if len(value) != 2 or not numbers or not low <= value[0] <= value[1] <= high:
        raise ValueError(
            f"{name} must be a number or a pair (lowest, highest) in [{low}, {high}], got "
            f"{value!r}: pass for example {name}={example}."
        )


def draw_from(value: Any, rng: np.random.Generator) -> Any:
    """Draw uniformly from a pair (lowest, highest); return anything else unchanged."""
    return float(rng.uniform(*value)) if isinstance(value, (tuple, list)) else value
