"""Base of all degradations: a transformer around a function of one clip."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from sklearn_audiosr._clips import Clip, ClipSequence, ClipsLike, SupportsArray
from sklearn_audiosr._transformer import ChangeClip, ClipTransformer


class Degradation(ClipTransformer):
    """Base of the degradations: transformers that learn nothing and take clips one by one.

    A subclass has `_prepare`, which is called once in each `transform`, and may have
    `_check_parameters` for rules that join several parameters.
    """

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
        limit = Limiter()
        X = self._map(Y, lambda: self._prepare(limit))
        limit.warn(type(self).__name__)
        return X

    def _prepare(self, limit: Limiter) -> ChangeClip:
        """Return a function from a clip and its index to the degraded clip, float32.

        `limit` is a `Limiter`, for degradations that have a full scale.
        """
        raise NotImplementedError


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
