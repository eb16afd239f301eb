"""Base of all estimators: containers of clips, streams, the score, and saving."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Iterator
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_audiosr._clips import MAX_CHANNELS, Clips
from sklearn_audiosr._pairs import check_pairs
from sklearn_audiosr._prediction.stream import Stream
from sklearn_audiosr._validation import numpy_defaults
from sklearn_audiosr.metrics import signal_to_noise_ratio

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sklearn_audiosr._clips import Clip, ClipSequence, ClipsLike, SupportsArray


class BaseUpsampler(RegressorMixin, BaseEstimator):
    """Base of estimators that upsample narrowband clips.

    A subclass learns ``upsampling_ratio_`` and its other attributes in ``fit``. Its
    ``_open_stages`` returns a function that opens a stage: an object that upsamples waveforms piece
    by piece, such as `PolyphaseStream`.
    """

    upsampling_ratio_: int
    sampling_rate: float | None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags

    @overload
    def predict(self, X: SupportsArray) -> NDArray[np.float32]: ...  # numpydoc ignore=GL08
    @overload
    def predict(  # type: ignore[overload-overlap]  # numpydoc ignore=GL08
        self, X: tuple[Clip, ...]
    ) -> tuple[NDArray[np.float32], ...]: ...
    @overload
    def predict(self, X: ClipSequence) -> list[NDArray[np.float32]]: ...  # numpydoc ignore=GL08
    @numpy_defaults
    def predict(self, X: ClipsLike) -> Any:
        """Upsample narrowband clips.

        Parameters
        ----------
        X : container of narrowband clips
            A 2-D array (n_clips, n_timepoints), a 3-D array (n_clips, n_channels, n_timepoints) or
            a sequence of clips of any lengths from 1 timepoint. A lazy sequence is read clip by
            clip.

        Returns
        -------
        Y : container of wideband clips
            The same kind of container, float32, each clip exactly ``upsampling_ratio_`` times as
            long: ``Y[i][r * t]`` is the instant of ``X[i][t]``.

        Raises
        ------
        ValueError
            If a clip is empty, or holds NaN, infinity, or levels so large that the result is not
            finite.
        TypeError
            If `X` is no container of clips.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        clips = Clips(X, "X")
        return clips.collect(clips.check_results(self._upsample(clips)))

    def _upsample(self, clips: Clips) -> Iterator[NDArray[np.float32]]:
        """Yield the wideband clip of each narrowband clip."""
        open_stage = self._open_stages()
        for clip in clips:
            yield open_stage().push(clip, last=True)

    @abstractmethod
    def _open_stages(self) -> Callable[[], Any]:
        """Return a function that opens a stage with ``push(x, last)`` and ``latency``.

        Later fits do not change what it opens.
        """

    def stream(self, n_channels: int = 1) -> Stream:
        """Open a stream for audio that comes chunk by chunk: a microphone, a pipe or a file.

        Parameters
        ----------
        n_channels : int, default=1
            Channels of the audio, up to 64.

        Returns
        -------
        stream : Stream
            ``stream.push(chunk)`` returns the wideband audio that follows from the chunks so far,
            ``stream.flush()`` the rest. Joined, they equal `predict` of the joined chunks. Later
            fits do not change an open stream.

        Raises
        ------
        ValueError
            If `n_channels` is no integer from 1 to 64, if a parameter is out of its range, or if
            the estimator needs the wideband clips (``phase="oracle"``).
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_audiosr import SplineUpsampler
        >>> x = np.sin(0.1 * np.arange(1000, dtype=np.float32))
        >>> est = SplineUpsampler().fit([x[::2]], [x])
        >>> stream = est.stream()
        >>> chunks = [stream.push(x[start : start + 160 : 2]) for start in range(0, 1000, 160)]
        >>> y = np.concatenate([*chunks, stream.flush()])
        >>> bool(np.allclose(y, est.predict([x[::2]])[0], atol=1e-5))
        True
        """
        check_is_fitted(self)
        self._validate_params()
        if not isinstance(n_channels, Integral) or not 1 <= int(n_channels) <= MAX_CHANNELS:
            raise ValueError(
                f"n_channels must be an integer from 1 to {MAX_CHANNELS}, got {n_channels!r}: pass "
                "the number of waveforms of a chunk."
            )
        return Stream(self._open_stages(), n_channels, self.upsampling_ratio_, self.sampling_rate)

    def _forget_card(self) -> None:
        """Drop ``card_``: the card of a loaded model does not describe another fit."""
        self.__dict__.pop("card_", None)

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        card: dict[str, Any] | None = None,
        dtype: Literal["float32", "float16"] = "float32",
    ) -> None:
        """Save the fitted estimator in a file of plain data: loading it runs no code.

        Parameters
        ----------
        path : path-like
            The file: safetensors, with a JSON document in its header. A complete new file replaces
            an old one.
        card : dict, default=None
            Facts about the model (data, licence, scores) as plain values. ``load`` returns them as
            ``card_``.
        dtype : {"float32", "float16"}, default="float32"
            Type of a network's weights. "float16" halves the file and rounds.

        Raises
        ------
        ValueError, TypeError
            If a parameter is a function or an object of your own: the file can't hold it, use
            joblib.
        OSError
            If the folder does not exist, or is not writable.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.

        See Also
        --------
        sklearn_audiosr.load : Reads the file.

        Notes
        -----
        The file holds nothing of the machine or the process: a `device` other than "cpu" becomes
        "auto", a RandomState instance None, and `callbacks`, `checkpoint` and `verbose` their
        defaults.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from sklearn_audiosr import SplineUpsampler, load
        >>> est = SplineUpsampler().fit(np.ones((1, 80)), np.ones((1, 320)))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     est.save(Path(folder, "spline.safetensors"))
        ...     loaded = load(Path(folder, "spline.safetensors"))
        >>> loaded.upsampling_ratio_
        4
        """
        from sklearn_audiosr._estimators.saving import save_estimator

        save_estimator(self, path, card=card, dtype=dtype)

    @property
    def latency_(self) -> int:
        """Wideband timepoints by which a stream can lag behind its input."""
        check_is_fitted(self)
        return self._measure_latency()

    def _measure_latency(self) -> int:
        return self._open_stages()().latency

    @property
    def latency_seconds_(self) -> float | None:
        """Latency of a stream in seconds; None without `sampling_rate`."""
        latency = self.latency_
        return None if self.sampling_rate is None else latency / self.sampling_rate

    @numpy_defaults
    def score(self, X: ClipsLike, Y: ClipsLike, sample_weight: ArrayLike | None = None) -> float:
        """Compute the mean signal-to-noise ratio in dB over clips: higher is better.

        Parameters
        ----------
        X, Y : containers of clips
            Narrowband sources and wideband targets.
        sample_weight : array-like of shape (n_clips,), default=None
            Weights of the clips.

        Returns
        -------
        snr : float
            See `sklearn_audiosr.metrics.signal_to_noise_ratio`.

        Raises
        ------
        ValueError
            If clips are empty, not finite, or don't fit their targets or weights.
        TypeError
            If `X` or `Y` is no container of clips.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        check_pairs(X, Y, upsampling_ratio=self.upsampling_ratio_)
        return signal_to_noise_ratio(Y, self.predict(X), sample_weight=sample_weight)
