"""Clips cut to a multiple of the ratio, and the lowband beneath an empty highband."""

from __future__ import annotations

from numbers import Integral
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from sklearn_audiosr._clips import Clip, Clips, ClipSequence, ClipsLike, SupportsArray
from sklearn_audiosr._validation import numpy_defaults


@overload
def ideal_lowband(  # numpydoc ignore=GL08
    clips: SupportsArray, upsampling_ratio: int
) -> NDArray[np.float32]: ...
@overload
def ideal_lowband(  # type: ignore[overload-overlap]  # numpydoc ignore=GL08
    clips: tuple[Clip, ...], upsampling_ratio: int
) -> tuple[NDArray[np.float32], ...]: ...
@overload
def ideal_lowband(  # numpydoc ignore=GL08
    clips: ClipSequence, upsampling_ratio: int
) -> list[NDArray[np.float32]]: ...
@numpy_defaults
def ideal_lowband(clips: ClipsLike, upsampling_ratio: int) -> Any:
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

    Raises
    ------
    ValueError, TypeError
        If `upsampling_ratio` is no integer of at least 2, or `clips` holds no clips.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.degradation import ideal_lowband
    >>> tone = np.cos(np.pi * 0.75 * np.arange(64))[None]  # above half the Nyquist frequency
    >>> bool(np.abs(ideal_lowband(tone, 2)).max() < 1e-6)
    True
    """
    _check_integer("upsampling_ratio", upsampling_ratio, 2)
    checked = Clips(clips, "clips")
    lowbands = (_empty_highband(clip, upsampling_ratio) for clip in checked)
    return checked.collect(checked.check_results(lowbands))


def _empty_highband(clip: NDArray[np.float32], ratio: int) -> NDArray[np.float32]:
    n_timepoints = clip.shape[-1]
    spectrum = fft.rfft(clip.astype(np.float64), axis=-1)
    spectrum[:, n_timepoints // (2 * ratio) + 1 :] = 0
    lowband: NDArray[np.float64] = fft.irfft(spectrum, n=n_timepoints, axis=-1)
    return lowband.astype(np.float32)


@overload
def trim_clips(  # numpydoc ignore=GL08
    clips: SupportsArray, upsampling_ratio: int
) -> NDArray[np.float32]: ...
@overload
def trim_clips(  # type: ignore[overload-overlap]  # numpydoc ignore=GL08
    clips: tuple[Clip, ...], upsampling_ratio: int
) -> tuple[NDArray[np.float32], ...]: ...
@overload
def trim_clips(  # numpydoc ignore=GL08
    clips: ClipSequence, upsampling_ratio: int
) -> list[NDArray[np.float32]]: ...
def trim_clips(clips: ClipsLike, upsampling_ratio: int) -> Any:
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
    ValueError, TypeError
        If a clip is shorter than `upsampling_ratio`, which would leave nothing; if
        `upsampling_ratio` is no integer of at least 1; or if `clips` holds no clips.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.degradation import trim_clips
    >>> [len(clip) for clip in trim_clips([np.ones(9), np.ones(16)], 4)]
    [8, 16]
    """
    _check_integer("upsampling_ratio", upsampling_ratio, 1)
    checked = Clips(clips, "clips")
    return checked.collect(
        _trim(clip, f"clips[{i}]", upsampling_ratio) for i, clip in enumerate(checked)
    )


def _trim(clip: NDArray[np.float32], name: str, ratio: int) -> NDArray[np.float32]:
    n_timepoints = clip.shape[-1] // ratio * ratio
    if n_timepoints == 0:
        raise ValueError(
            f"{name} must have at least {ratio} timepoints to be cut to a multiple of {ratio}, got "
            f"{clip.shape[-1]}: leave it out."
        )
    return clip[:, :n_timepoints].copy()


def _check_integer(name: str, value: Any, least: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
        raise ValueError(
            f"{name} must be an integer of at least {least}, got {value!r}: pass the wideband over "
            "the narrowband rate."
        )
