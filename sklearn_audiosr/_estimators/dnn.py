"""A dense network on short-time spectra: the learned baseline of the paper."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_audiosr._estimators.dnn_head import SpectrumHead, mean_loss
from sklearn_audiosr._estimators.learned import LearnedUpsampler
from sklearn_audiosr._pairs import check_pairs
from sklearn_audiosr._validation import numpy_defaults
from sklearn_audiosr.metrics import signal_to_noise_ratio

if TYPE_CHECKING:
    import torch
    from numpy.typing import ArrayLike, NDArray
    from torch import nn

    from sklearn_audiosr._clips import Clip, Clips, ClipSequence, ClipsLike, SupportsArray
    from sklearn_audiosr._estimators.heads import WaveformHead
    from sklearn_audiosr._estimators.network_input import NetworkStage
    from sklearn_audiosr._transformer import RandomState


class DNNBandwidthExtender(LearnedUpsampler):  # numpydoc ignore=PR01,PR02
    """Extend the bandwidth with a dense network that predicts the highband's spectrum.

    The method of Li et al. [1]_, the learned baseline of Kuleshov et al. [2]_. The network reads
    the log magnitude of the lowband in nine frames (512 timepoints, half overlapped, Hamming
    window) and, to predict a phase, the lowband's phase in the middle frame. Three hidden layers of
    2048 rectified linear units predict the log magnitude and the phase of the highband. The
    lowband is that of the input. The loss is the mean squared error of the standardised log power,
    and of the phase's cosine and sine.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(2048, 2048, 2048)
        Units of each hidden layer.
    phase : {"predicted", "imaged", "oracle"}, default="predicted"
        Phase of the highband. "predicted": the network predicts it. "imaged": the lowband's images,
        as if zeros were put between the narrowband timepoints. "oracle", for study only: the *true*
        phase, as in the original script. Then ``predict`` needs the wideband clips, only ``score``
        can score, and no usable method can reach these scores.
    frame_length : int, default=512
        Wideband timepoints of a frame: a power of two, at least 4 times the ratio.
    n_context_frames : int, default=9
        Frames that the network reads to predict the middle one; odd.
    patch_length, batch_size, learning_rate, learning_rate_schedule, max_epochs, \
            validation_fraction, early_stopping, n_iter_no_change, warm_start, checkpoint, \
            callbacks, device, precision, sampling_rate, verbose, random_state : int, float, ...
        As in `AudioSuperResolver`, but `n_iter_no_change` is 8 by default and the validation
        score is the negative loss.

    Attributes
    ----------
    network_ : torch.nn.Module
        The trained network, on the CPU at rest.
    upsampling_ratio_ : int
        Wideband timepoints for each narrowband timepoint: a power of two.
    scale_ : float
        Root mean square of the training sources, by which clips are divided.
    loss_curve_ : list of float
        Mean training loss of each epoch.
    validation_scores_ : list of float
        Negative validation loss after each epoch (not the signal-to-noise ratio, which would
        prefer an empty highband); empty without validation.
    n_iter_ : int
        Epochs trained, over all warm starts.

    See Also
    --------
    AudioSuperResolver : The paper's own network.

    References
    ----------
    .. [1] K. Li, Z. Huang, Y. Xu and C.-H. Lee, "DNN-based speech bandwidth expansion and its
       application to adding high-frequency missing features for automatic speech recognition of
       narrowband speech", Interspeech 2015.
    .. [2] V. Kuleshov, S. Z. Enam and S. Ermon, "Audio Super Resolution using Neural Nets", 2017,
       section 4. https://arxiv.org/abs/1708.00853

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr import DNNBandwidthExtender
    >>> from sklearn_audiosr.degradation import Decimator
    >>> Y = np.random.default_rng(0).standard_normal((3, 8192)).cumsum(axis=1)
    >>> X = Decimator(upsampling_ratio=2).fit_transform(Y)
    >>> dnn = DNNBandwidthExtender(hidden_layer_sizes=(32,), max_epochs=2, random_state=0)
    >>> dnn.fit(X, Y).predict(X).shape
    (3, 8192)
    """

    _parameter_constraints = {
        **LearnedUpsampler._parameter_constraints,
        "hidden_layer_sizes": ["array-like"],
        "phase": [StrOptions({"predicted", "imaged", "oracle"})],
        "frame_length": [Interval(Integral, 8, None, closed="left")],
        "n_context_frames": [Interval(Integral, 1, None, closed="left")],
    }

    _interpolation = "bandlimited"
    _faster_fit = "smaller layers, hidden_layer_sizes=(512, 512, 512) for example"

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (2048, 2048, 2048),
        *,
        phase: Literal["predicted", "imaged", "oracle"] = "predicted",
        frame_length: int = 512,
        n_context_frames: int = 9,
        patch_length: int = 8192,
        batch_size: int = 16,
        learning_rate: float = 1e-4,
        learning_rate_schedule: Literal["constant", "cosine"] = "constant",
        max_epochs: int = 100,
        validation_fraction: float = 0.1,
        early_stopping: bool = False,
        n_iter_no_change: int = 8,
        warm_start: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        callbacks: Sequence[Callable[..., Any]] | None = None,
        device: str | torch.device = "auto",
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        sampling_rate: float | None = None,
        verbose: int | bool = 0,
        random_state: RandomState = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.phase = phase
        self.frame_length = frame_length
        self.n_context_frames = n_context_frames
        self.patch_length = patch_length
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.max_epochs = max_epochs
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.callbacks = callbacks
        self.device = device
        self.precision = precision
        self.sampling_rate = sampling_rate
        self.verbose = verbose
        self.random_state = random_state

    @overload
    def predict(  # numpydoc ignore=GL08
        self, X: SupportsArray, *, Y_oracle: ClipsLike | None = ...
    ) -> NDArray[np.float32]: ...
    @overload
    def predict(  # type: ignore[overload-overlap]  # numpydoc ignore=GL08
        self, X: tuple[Clip, ...], *, Y_oracle: ClipsLike | None = ...
    ) -> tuple[NDArray[np.float32], ...]: ...
    @overload
    def predict(  # numpydoc ignore=GL08
        self, X: ClipSequence, *, Y_oracle: ClipsLike | None = ...
    ) -> list[NDArray[np.float32]]: ...
    @numpy_defaults
    def predict(self, X: ClipsLike, *, Y_oracle: ClipsLike | None = None) -> Any:
        """Upsample narrowband clips.

        Parameters
        ----------
        X : container of narrowband clips
            Any container of clips of any lengths from 1 timepoint.
        Y_oracle : container of wideband clips, default=None
            The true wideband clips, for ``phase="oracle"`` alone.

        Returns
        -------
        Y : container of wideband clips
            The same kind of container as `X`, float32, each clip exactly ``upsampling_ratio_``
            times as long.

        Raises
        ------
        ValueError
            If a clip is empty or not finite, or `Y_oracle` is missing with ``phase="oracle"``, or
            given without.
        TypeError
            If `X` or `Y_oracle` is no container of clips.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        phase = self.network_.phase  # of the last fit, even if the parameter has changed
        if (phase == "oracle") != (Y_oracle is not None):
            raise ValueError(
                f"Y_oracle must be given with phase='oracle' and with no other, got phase="
                f"{phase!r} and Y_oracle {'missing' if Y_oracle is None else 'given'}: pass "
                "predict(X, Y_oracle=Y) to study the true phase, or fit with phase='predicted'."
            )
        if Y_oracle is None:
            return super().predict(X)
        clips, truths, _ = check_pairs(X, Y_oracle, upsampling_ratio=self.upsampling_ratio_)
        return clips.collect(clips.check_results(self._upsample_with(clips, truths)))

    @numpy_defaults
    def score(self, X: ClipsLike, Y: ClipsLike, sample_weight: ArrayLike | None = None) -> float:
        """Compute the mean signal-to-noise ratio in dB over clips: higher is better.

        Parameters
        ----------
        X, Y : containers of clips
            Narrowband sources and wideband targets. ``phase="oracle"`` takes the phase of `Y`.
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
        if self.network_.phase != "oracle":
            return super().score(X, Y, sample_weight)
        Y_pred = self.predict(X, Y_oracle=Y)
        return signal_to_noise_ratio(Y, Y_pred, sample_weight=sample_weight)

    def _check_parameters(self, ratio: int) -> None:
        if ratio & (ratio - 1):
            raise ValueError(
                "DNNBandwidthExtender needs an upsampling ratio that is a power of two (its frames "
                f"hold whole narrowband timepoints), got {ratio}: use AudioSuperResolver or "
                "LinearUpsampler for other ratios."
            )
        if self.frame_length & (self.frame_length - 1) or self.frame_length < 4 * ratio:
            raise ValueError(
                f"frame_length must be a power of two of at least {4 * ratio} (4 times the "
                f"upsampling ratio), got {self.frame_length}: the published value is 512."
            )
        if self.n_context_frames % 2 == 0:
            raise ValueError(
                f"n_context_frames must be odd, got {self.n_context_frames}: the network predicts "
                "the middle frame. The published value is 9."
            )
        sizes = self.hidden_layer_sizes
        if np.ndim(sizes) != 1 or any(not isinstance(n, Integral) or n < 1 for n in sizes):
            raise ValueError(
                f"hidden_layer_sizes must hold integers of at least 1, got {sizes!r}: the "
                "published values are (2048, 2048, 2048)."
            )

    def _describe_architecture(self) -> dict[str, Any]:
        return {
            "hidden_layer_sizes": tuple(self.hidden_layer_sizes),
            "phase": self.phase,
            "frame_length": self.frame_length,
            "n_context_frames": self.n_context_frames,
        }

    def _build_network(self, ratio: int) -> nn.Module:
        from sklearn_audiosr._estimators.dnn_network import HighbandDNN

        return HighbandDNN(
            ratio, self.hidden_layer_sizes, self.frame_length, self.n_context_frames, self.phase
        )

    def _make_head(self, network: nn.Module) -> WaveformHead:
        return SpectrumHead()

    def _make_validation(
        self,
        head: WaveformHead,
        network: Any,
        held_out: list[tuple[NDArray[np.float32], NDArray[np.float32]]],
        device: torch.device,
    ) -> Callable[[], float] | None:
        """Return a function that computes the negative loss over held-out clips, or None."""
        if not held_out:
            return None
        return lambda: -mean_loss(network, held_out, device, self.precision)

    def _fitted_head(self) -> WaveformHead:
        return SpectrumHead()

    def _open_stages(self) -> Callable[[], NetworkStage]:
        if self.network_.phase == "oracle":
            raise ValueError(
                "stream needs a phase that follows from the narrowband audio, got phase='oracle': "
                "fit with phase='predicted' or 'imaged'."
            )
        return super()._open_stages()

    def _upsample_with(self, clips: Clips, truths: Clips) -> Iterator[NDArray[np.float32]]:
        """Yield wideband clips with the phase of `truths`."""
        from sklearn_audiosr._prediction.chunked import predict_waveforms
        from sklearn_audiosr._torch import resolve_device

        device = resolve_device(self.device)
        network, network_input = self._network_on(device), self._network_input()
        for x, y in zip(clips, truths, strict=True):
            read_source, shape = network_input.open(x, y)
            outputs = predict_waveforms(network, read_source, shape, device, self.precision)
            yield self._to_waveform(self._fitted_head(), outputs)
