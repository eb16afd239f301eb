"""Audio that comes chunk by chunk."""

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from sklearn_audiosr._clips import all_finite, check_clip, overflow_error, to_array
from sklearn_audiosr._validation import numpy_defaults

# Wideband timepoints of one pass, over all channels. This bounds the memory for long chunks.
_PIECE = 2**16


class Stream:
    """Super-resolve audio that comes chunk by chunk.

    The method ``stream`` of a fitted estimator opens a stream.

    Parameters
    ----------
    open_stage : callable
        ``open_stage()`` returns an object with ``latency`` and ``push(x, last)``, from pieces of
        shape (n_channels, n_timepoints) to wideband pieces.
    n_channels : int
        Channels of the audio.
    upsampling_ratio : int
        Wideband timepoints for each narrowband timepoint.
    sampling_rate : float, default=None
        Rate of the wideband audio in Hz.

    Attributes
    ----------
    latency_ : int
        Wideband timepoints by which the output can lag behind the input: after n timepoints of
        input, at least ``upsampling_ratio * n - latency_`` have come out.
    latency_seconds_ : float or None
        Latency in seconds; None without a sampling rate.
    n_channels, upsampling_ratio : int
        The parameters.

    Notes
    -----
    Memory, and the work for a second of audio, do not grow while a stream runs. Only one thread at
    a time may use it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr import SplineUpsampler
    >>> est = SplineUpsampler(sampling_rate=16000).fit(np.ones((1, 80)), np.ones((1, 320)))
    >>> stream = est.stream(n_channels=2)
    >>> stream.latency_, stream.latency_seconds_
    (56, 0.0035)
    >>> stream.push(np.zeros((2, 80))).shape, stream.flush().shape
    ((2, 264), (2, 56))
    """

    def __init__(
        self,
        open_stage: Callable[[], Any],
        n_channels: int,
        upsampling_ratio: int,
        sampling_rate: float | None = None,
    ) -> None:
        self.n_channels, self.upsampling_ratio = n_channels, upsampling_ratio
        self._open_stage, self._stage, self._peak = open_stage, open_stage(), 0.0
        self._ndim = 1 if n_channels == 1 else 2
        self.latency_ = self._stage.latency
        self.latency_seconds_ = None if sampling_rate is None else self.latency_ / sampling_rate

    @numpy_defaults
    def push(self, chunk: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Upsample the next chunk.

        Parameters
        ----------
        chunk : array-like of shape (n_channels, n_timepoints) or, with 1 channel, (n_timepoints,)
            Narrowband audio of any length, 0 included. Signed 16- and 32-bit integers are scaled to
            [-1, 1).

        Returns
        -------
        y : ndarray of as many dimensions as `chunk`, float32
            New wideband audio that follows from the chunks so far; may have 0 timepoints.

        Raises
        ------
        ValueError, TypeError
            If the chunk has another shape, or values that are not finite real numbers: the stream
            stays as it was. If levels are so large that the result is not finite: the stream starts
            anew.
        """
        x = self._check(chunk)
        self._peak = max(self._peak, float(np.abs(x).max(initial=0)))
        step = max(1, _PIECE // (self.upsampling_ratio * self.n_channels))
        pieces = [x[:, start : start + step] for start in range(0, max(1, x.shape[1]), step)]
        return self._join([self._stage.push(piece, last=False) for piece in pieces])

    @numpy_defaults
    def flush(self) -> npt.NDArray[np.float32]:
        """End the audio; the stream is then ready for other audio.

        Returns
        -------
        y : ndarray of as many dimensions as the last chunk, float32
            Rest of the wideband audio.

        Raises
        ------
        ValueError
            If levels are so large that the result is not finite.
        """
        silence = np.empty((self.n_channels, 0), dtype=np.float32)
        y = self._join([self._stage.push(silence, last=True)])
        self._begin()
        return y

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a stream can't be copied or pickled, because it is in the middle of its audio: "
            "pickle the estimator, and open a stream where it is needed with est.stream()."
        )

    def _check(self, chunk: npt.ArrayLike) -> npt.NDArray[np.float32]:
        array = np.asarray(chunk) if isinstance(chunk, bytes) else to_array(chunk, "chunk")
        expected = f"({self.n_channels}, n_timepoints)"
        if self.n_channels == 1:
            expected += " or (n_timepoints,)"
        if array.ndim == 0:
            raise ValueError(
                f"chunk must have the shape {expected} of this stream, got "
                f"{type(chunk).__name__}: turn raw bytes into numbers with "
                "numpy.frombuffer(chunk, '<i2')."
            )
        mono = array.ndim == 1 and self.n_channels == 1
        if not mono and (array.ndim != 2 or len(array) != self.n_channels):
            raise ValueError(
                f"chunk must have the shape {expected} of this stream, got {array.shape}: "
                "soundfile returns channels last, so pass chunk.T; stream(n_channels=...) sets the "
                "number of channels."
            )
        x = np.empty((self.n_channels, 0), dtype=np.float32)
        if array.shape[-1] > 0:
            x = np.atleast_2d(check_clip(array, "chunk", np.float32))
        self._ndim = array.ndim
        return x

    def _begin(self) -> None:
        self._stage, self._peak = self._open_stage(), 0.0

    def _join(self, pieces: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        y = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1)
        if not all_finite(y):
            error = overflow_error("the audio of a stream", self._peak)
            self._begin()  # or all later output would not be finite
            raise error
        return y[0] if self._ndim == 1 else y
