"""What all degradations share: the transformer around a function of one clip."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import check_random_state

from sklearn_audiosr._clips import Clip, Clips, ClipSequence, ClipsLike, SupportsArray

_Method = TypeVar("_Method", bound=Callable[..., Any])
_check_parameters_at_fit: Callable[[_Method], _Method] = _fit_context(
    prefer_skip_nested_validation=True
)

RandomState: TypeAlias = int | np.random.RandomState | None

# a clip, float32, and its index -> the degraded clip, float32
Degrade: TypeAlias = Callable[[NDArray[np.float32], int], NDArray[np.float32]]


class Degradation(TransformerMixin, BaseEstimator):
    """Base of the degradations: transformers that learn nothing and take clips one by one.

    A subclass has `_prepare`, which is called once in each `transform`, and may have
    `_check_parameters` for rules that join several parameters.
    """

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

    @_check_parameters_at_fit
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
            If the degradation needs a package that is not installed.
        """
        self._check_parameters()
        Clips(Y, "Y")
        return self

    @overload
    def transform(self, Y: SupportsArray) -> NDArray[np.float32]: ...  # numpydoc ignore=GL08
    @overload
    def transform(  # type: ignore[overload-overlap]  # numpydoc ignore=GL08
        self, Y: tuple[Clip, ...]
    ) -> tuple[NDArray[np.float32], ...]: ...
    @overload
    def transform(  # numpydoc ignore=GL08
        self, Y: ClipSequence
    ) -> list[NDArray[np.float32]]: ...
    def transform(self, Y: ClipsLike) -> Any:
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
        ValueError, TypeError
            If a clip's length is no multiple of ``upsampling_ratio``, if a parameter is illegal,
            or `Y` holds no clips.
        ImportError
            If the degradation needs a package that is not installed.

        Warns
        -----
        UserWarning
            If clips go beyond the full scale of a degradation that has one, and are clipped.
        """
        self._validate_params()
        self._check_parameters()
        clips, limit = Clips(Y, "Y"), Limiter()
        degrade = self._prepare(limit)
        X = clips.collect(degrade(clip, i) for i, clip in enumerate(clips))
        limit.warn(type(self).__name__)
        return X

    def _check_parameters(self) -> None:
        """Raise ValueError if parameters that are legal alone are not legal together."""

    def _prepare(self, limit: Limiter) -> Degrade:
        """Return a function from a clip and its index to the degraded clip, float32.

        `limit` is a `Limiter`, for degradations that have a full scale.
        """
        raise NotImplementedError

    def _make_rng_of(self) -> Callable[[int], np.random.Generator]:
        """Return a function from a clip's index to its random generator."""
        seed = draw_seed(self.random_state)
        # the name: steps of one pipeline with one seed must not draw the same numbers
        name = type(self).__name__.encode()
        return lambda index: np.random.default_rng([seed, index, *name])


class Limiter:
    """Clip waveforms at full scale, and remember which, for one warning."""

    def __init__(self) -> None:
        self._peaks: dict[int, float] = {}

    def __call__(self, waveforms: NDArray[Any], index: int) -> NDArray[Any]:
        peak = float(np.abs(waveforms).max())
        if peak > 1:
            self._peaks[index] = peak
        return np.clip(waveforms, -1, 1)

    def warn(self, name: str) -> None:
        """Warn if anything was clipped.

        Parameters
        ----------
        name : str
            Name of the transformer in the warning.
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


def decimate(
    clip: NDArray[Any],
    index: int,
    ratio: int,
    low_pass: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Low-pass filter a clip and keep every r-th timepoint.

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

    Raises
    ------
    ValueError
        If the length of the clip is no multiple of `ratio`.
    """
    if clip.shape[-1] % ratio:
        raise ValueError(
            f"Y[{index}] must have a multiple of upsampling_ratio={ratio} timepoints, got "
            f"{clip.shape[-1]}: cut it to {clip.shape[-1] // ratio * ratio}, "
            f"for example with degradation.trim_clips(Y, {ratio})."
        )
    # float64: a recursive filter with poles near the unit circle loses digits in float32
    return low_pass(clip.astype(np.float64))[:, ::ratio]


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
