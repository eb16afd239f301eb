"""Change the speed, and the sampling rate if asked for."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample
from sklearn.utils._param_validation import Interval

from sklearn_audiosr._clips import Clip, ClipsLike, is_array, to_array
from sklearn_audiosr._transformer import RandomState, Range, check_range, draw_from
from sklearn_audiosr.augmentation._base import Augmentation, reflect

_SLOWEST, _FASTEST = 0.1, 10.0


class ChangeSpeed(Augmentation):
    """Play clips faster or slower: another voice, or another instrument.

    All frequencies, pitch and formants among them, are multiplied by the speed; the length is
    divided by it. The band stays as full as it was: no low-pass filter empties its end.

    Parameters
    ----------
    speeds : float or (float, float), default=(1.0, 1.25)
        Speed, in [0.1, 10]: above 1 a clip becomes shorter and higher. A pair is a range, from
        which a value is drawn uniformly for each clip.
    sampling_rate : float, default=None
        Rate of the input clips in Hz. Needed with `target_rate` only.
    target_rate : float, default=None
        Rate in Hz of all clips that are returned, varied or not. None keeps the rate.
    p : float, default=1.0
        Probability, in [0, 1], that a clip is varied; the others keep their speed.
    random_state : int, RandomState instance or None, default=None
        Draws which clips are varied, and how. With an integer, the i-th clip is varied the same way
        in every `transform`; a RandomState instance, or None, draws anew in every call.

    See Also
    --------
    ShiftFormants : Moves formants and leaves pitch and length.
    CutBandEdge : Empties the end of the band, as most resamplers do.

    Notes
    -----
    A clip of n timepoints has ``round(n * target_rate / (speed * sampling_rate))`` afterwards. As
    lengths differ, an array of clips comes back as a list. Change speeds before a degradation, and
    cut lengths to a multiple of the ratio with :func:`sklearn_audiosr.degradation.trim_clips`.

    A speed below 1 leaves the end of the band empty, above the speed times the Nyquist frequency,
    and a model learns from it that the band ends there. Recordings of a higher rate reach beyond
    it: from 44.1 to 16 kHz, any speed of at least 0.37 leaves the band full.

    Clips are resampled by the bins of their Fourier transform, continued beyond their ends by
    reflection.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.augmentation import ChangeSpeed
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    >>> (faster,) = ChangeSpeed(speeds=1.25).fit_transform([tone])
    >>> faster.shape
    (12800,)
    >>> print(np.argmax(np.abs(np.fft.rfft(faster))) * 16000 / 12800, "Hz")
    550.0 Hz
    """

    _parameter_constraints = {
        **Augmentation._parameter_constraints,
        "speeds": [Interval(Real, _SLOWEST, _FASTEST, closed="both"), tuple, list],
        "sampling_rate": [Interval(Real, 0, None, closed="neither"), None],
        "target_rate": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(
        self,
        speeds: Range = (1.0, 1.25),
        *,
        sampling_rate: float | None = None,
        target_rate: float | None = None,
        p: float = 1.0,
        random_state: RandomState = None,
    ) -> None:
        self.speeds = speeds
        self.sampling_rate = sampling_rate
        self.target_rate = target_rate
        self.p = p
        self.random_state = random_state

    # an array becomes a list here, which no other augmentation does
    @overload  # type: ignore[override]
    def transform(  # type: ignore[overload-overlap]  # numpydoc ignore=GL08
        self, Y: tuple[Clip, ...]
    ) -> tuple[NDArray[np.float32], ...]: ...
    @overload
    def transform(self, Y: ClipsLike) -> list[NDArray[np.float32]]: ...  # numpydoc ignore=GL08
    def transform(self, Y: ClipsLike) -> Any:
        """Vary clips.

        Parameters
        ----------
        Y : container of clips
            Any container of wideband clips.

        Returns
        -------
        varied : container of clips
            The same kind of container, float32; for an array a list, since lengths differ.
        """
        array = to_array(Y, "Y") if is_array(Y) else None
        return super().transform(Y if array is None or array.ndim < 2 else list(array))

    if TYPE_CHECKING:

        @overload  # type: ignore[override]
        def fit_transform(  # numpydoc ignore=GL08
            self, X: tuple[Clip, ...], y: Any = ..., **fit_params: Any
        ) -> tuple[NDArray[np.float32], ...]: ...
        @overload
        def fit_transform(  # numpydoc ignore=GL08
            self, X: ClipsLike, y: Any = ..., **fit_params: Any
        ) -> list[NDArray[np.float32]]: ...
        def fit_transform(  # numpydoc ignore=GL08
            self, X: ClipsLike, y: Any = ..., **fit_params: Any
        ) -> Any: ...

    def _check_parameters(self) -> None:
        check_range("speeds", self.speeds, _SLOWEST, _FASTEST, "(1.0, 1.25)")
        if self.target_rate is not None and self.sampling_rate is None:
            raise ValueError(
                f"sampling_rate must be given with target_rate={self.target_rate}, got None: pass "
                "the rate in Hz of the clips, for example 44100."
            )

    def _vary(self, clip: NDArray[np.float32], rng: np.random.Generator) -> NDArray[Any]:
        return _resample(clip, draw_from(self.speeds, rng) * self._rates())

    def _leave(self, clip: NDArray[np.float32]) -> NDArray[Any]:
        return _resample(clip, self._rates())

    def _rates(self) -> float:
        if self.target_rate is None or self.sampling_rate is None:
            return 1.0
        return self.sampling_rate / self.target_rate


def _resample(clip: NDArray[Any], step: float) -> NDArray[Any]:
    """Resample to one timepoint for each `step` timepoints of the clip."""
    if step == 1:
        return clip
    padded, n_reflected = reflect(clip)
    # the padding that brings the length nearest to whole steps, so that no instant drifts
    totals = padded.shape[-1] - np.arange(n_reflected + 1)
    counts = np.maximum(1, np.round(totals / step)).astype(int)
    best = np.argmin(np.abs(counts * step - totals))
    # the clip first, since the transform is periodic: its first timepoint stays where it is
    rolled = np.roll(padded[:, : totals[best]], -n_reflected, axis=-1)
    n_timepoints = max(1, round(clip.shape[-1] / step))
    return resample(rolled, counts[best], axis=-1)[:, :n_timepoints]
