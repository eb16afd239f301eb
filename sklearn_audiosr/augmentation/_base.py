"""Base of the augmentations: how many clips are varied, and with which random numbers."""

from __future__ import annotations

from numbers import Real
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from sklearn_audiosr._clips import Clip, ClipSequence, ClipsLike, SupportsArray
from sklearn_audiosr._transformer import ChangeClip, ClipTransformer

# Timepoints that reflection adds at each end of a clip before a Fourier transform, which treats
# it as periodic: longer than any filter here rings.
_N_REFLECTED = 1000


class Augmentation(ClipTransformer):
    """Base of the augmentations: transformers that vary a share of the clips.

    A subclass has the parameters `p` and `random_state`, and `_vary`. It may have `_leave`, for
    clips that are not varied but changed all the same, and `_check_parameters` for ranges.
    """

    p: float

    _parameter_constraints: dict[str, Any] = {
        "p": [Interval(Real, 0, 1, closed="both")],
        "random_state": ["random_state"],
    }

    @overload
    def transform(self, Y: SupportsArray) -> NDArray[np.float32]: ...  # numpydoc ignore=GL08
    @overload
    def transform(  # type: ignore[overload-overlap]  # numpydoc ignore=GL08
        self, Y: tuple[Clip, ...]
    ) -> tuple[NDArray[np.float32], ...]: ...
    @overload
    def transform(self, Y: ClipSequence) -> list[NDArray[np.float32]]: ...  # numpydoc ignore=GL08
    def transform(self, Y: ClipsLike) -> Any:
        """Vary clips.

        Parameters
        ----------
        Y : container of clips
            Any container of wideband clips.

        Returns
        -------
        varied : container of clips
            The same kind of container, float32. Nothing is delayed.
        """
        return self._map(Y, self._prepare)

    def _prepare(self) -> ChangeClip:
        rng_of = self._make_rng_of()

        def change(clip: NDArray[np.float32], index: int) -> NDArray[np.float32]:
            rng = rng_of(index)
            varied = self._vary(clip, rng) if rng.random() < self.p else self._leave(clip)
            return varied.astype(np.float32)

        return change

    def _vary(self, clip: NDArray[np.float32], rng: np.random.Generator) -> NDArray[Any]:
        """Return the variation of a clip of shape (n_channels, n_timepoints)."""
        raise NotImplementedError

    def _leave(self, clip: NDArray[np.float32]) -> NDArray[Any]:
        """Return the result for a clip that is not varied."""
        return clip


def reflect(clip: NDArray[Any]) -> tuple[NDArray[np.float64], int]:
    """Continue a clip beyond both ends by reflection.

    Parameters
    ----------
    clip : ndarray of shape (n_channels, n_timepoints)
        The clip.

    Returns
    -------
    padded : ndarray of shape (n_channels, n_timepoints + 2 * n_reflected), float64
        The clip between its reflections.
    n_reflected : int
        Timepoints added at each end; fewer for short clips.
    """
    n_reflected = min(_N_REFLECTED, clip.shape[-1] - 1)
    margins = ((0, 0), (n_reflected, n_reflected))
    return np.pad(clip.astype(np.float64), margins, mode="reflect"), n_reflected
