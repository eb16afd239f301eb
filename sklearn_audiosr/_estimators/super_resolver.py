"""The paper's network as a scikit-learn estimator."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_audiosr._clips import Clips
from sklearn_audiosr._estimators.heads import LOWBANDS, MAX_GAIN, check_outputs, choose_head
from sklearn_audiosr._estimators.learned import LearnedUpsampler
from sklearn_audiosr._estimators.network_config import (
    build_network,
    check_network_config,
    name_config,
)
from sklearn_audiosr._validation import numpy_defaults

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import nn

    from sklearn_audiosr._clips import Clip, ClipSequence, ClipsLike, SupportsArray
    from sklearn_audiosr._estimators.heads import WaveformHead
    from sklearn_audiosr._training.noise_models import NoiseModelName
    from sklearn_audiosr._training.objectives import ObjectiveName
    from sklearn_audiosr._training.optimizers import OptimizerName
    from sklearn_audiosr._transformer import RandomState


class AudioSuperResolver(LearnedUpsampler):
    """Super-resolve audio with a convolutional network.

    A cubic spline upsamples the clips, and a network adds what the spline lacks (Kuleshov et
    al. [1]_). `predict` takes clips of any length. Its results have no delay, and exactly
    ``upsampling_ratio_`` times the length.

    Parameters
    ----------
    network : object, default=None
        Network config: an object with ``build()``, such as those of `sklearn_audiosr.networks`.
        None means ``AudioUNet()``, the paper's full-width network, for which a GPU is recommended.
        Pass a config to search over ``network__...``. The user guide, "A network of your own",
        says what ``build()`` must return.
    objective : str or callable, default=None
        Training loss: a name, or a function ``loss(prediction, target, mask)`` of tensors
        (batch, 1, time). A misspelt name is an error that lists them all. None means the network's
        own loss, "levels" for `HarmonicNoiseNet`, "spectral" for `SpectralNet`, else "rmse"; a
        `noise_model` needs None. An object with ``state_dict()`` and ``load_state_dict(state)`` may
        learn too: `fit` trains a copy of it, whose state `checkpoint` keeps.

        Losses of the waveform are "rmse" (root mean squared error of each patch, as in the
        published program), "mse", "paper_eq1" (equation (1) as printed) and "noise_to_signal"
        (log10 of noise over signal energy). Losses of spectra, with three frame lengths, are
        "multi_resolution_spectral" (magnitudes), "log_spectral" (log-spectral distance),
        "complex_spectral" (with phase), "spectral" ("log_spectral" plus 0.5 times
        "noise_to_signal"), "band_levels" (levels of bands in short frames), "periodicity"
        (autocorrelations at the pitch of voices) and "levels" ("band_levels" plus 0.5 times
        "log_spectral" plus 10 times "periodicity"). If the network separates the highband, 0.5
        times "noise_to_signal" of what it predicts without that is added to any of them.
    noise_model : {"gaussian", "laplace", "heteroscedastic"}, callable or object, default=None
        Density of the wideband waveform around the prediction (section 3.1 of [1]_), calibrated on
        the clips held out for validation. The loss is its negative log likelihood. The user guide,
        "Uncertainty", compares the three and describes a function or an object of your own.
    highband_gain : float, default=1.0
        Dial between fidelity and plausibility, from 0 to 1000, for networks that separate the
        highband (`HarmonicNoiseNet`, `SpectralNet`). 0 predicts the conditional mean, with the best
        signal-to-noise ratio and next to no highband; 1 adds a full highband, with about the best
        log-spectral distance. Changing it needs no new fit. With other networks it must be 1.
    lowband : {"restore", "keep"}, default="restore"
        What `predict` does to the lowband, for networks that keep it apart (`HarmonicNoiseNet`).
        "restore" may raise what a filter has lowered: what lies below 300 Hz or above 0.8 of the
        narrowband Nyquist frequency. "keep" leaves that out, so that the lowband is that of the
        source. Changing it needs no new fit. With other networks it must be "restore".
    patch_length : int, default=8192
        Wideband timepoints of a training patch.
    batch_size : int, default=16
        Patches of an optimizer step.
    optimizer : {"adam", "muon"}, default=None
        Adam, or Muon [2]_ for the matrices inside the network and Adam for the rest. Muon learns
        more in each step; the network must have ``hidden_matrices()``. None means the network's
        own, "muon" for `HarmonicNoiseNet` and `SpectralNet`, else "adam".
    learning_rate : float, default=1e-4
        Learning rate of the optimizer.
    learning_rate_schedule : {"constant", "cosine"}, default="constant"
        "cosine" warms up for a fiftieth of the steps, then falls along a cosine to a fiftieth of
        `learning_rate` at `max_epochs`.
    max_epochs : int, default=100
        Number of epochs. An epoch draws as many random patches as hold all training timepoints
        once. The paper trains for 400.
    validation_fraction : float, default=0.1
        Share of the clips (or groups), in [0, 1), held out to score the network after each epoch.
        With 0, or with fewer than two clips, all clips are for training.
    early_stopping : bool, default=False
        Stop when the validation score has not improved for `n_iter_no_change` epochs.
    n_iter_no_change : int, default=10
        Epochs that early stopping waits for a better score.
    warm_start : bool, default=False
        Go on from the weights of the last fit with a new optimizer, to train longer or to
        fine-tune on other clips. `scale_` stays that of the first fit, and the network's
        parameters must be the same. The first weights stay if no epoch validates better.
    checkpoint : path-like, default=None
        File that keeps the state of the training while it runs. After a crash or Ctrl-C the same
        ``fit`` resumes from the last state saved (after an epoch, or at most a minute old) and
        ends with the result of an uninterrupted fit (on a CPU). It needs an integer
        `random_state` and serves one fit, so it can't be used in a search: another fit at the same
        time is an error, or warns and keeps no state. A complete fit deletes it.
    callbacks : list of callable, default=None
        Functions ``callback(estimator, measured)``, called after each epoch. ``estimator`` is
        this one as fitted so far: it can predict, score and be saved, and the next epoch changes
        its weights. ``measured`` is a dict with "epoch", "max_epochs", "loss", "validation_score"
        (None without validation), "best_epoch" and "seconds". Returning True ends the fit,
        which keeps the best weights. An error ends it too and leaves the last fit as it was. For
        scikit-learn's own callbacks (version 1.9 or later) call ``set_callbacks``.
    device : str or torch.device, default="auto"
        "auto" (CUDA where there is one, else the CPU), "cpu", "cuda", "cuda:1", "mps".
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Number format of the network. "auto" is bfloat16 autocast on CUDA, float32 elsewhere.
    sampling_rate : float, default=None
        Rate of the wideband clips in Hz, for latencies in seconds and `upsample_file`. No
        prediction depends on it.
    verbose : int or bool, default=0
        Show a progress bar with epoch, loss, validation score and time left.
    random_state : int, RandomState instance or None, default=None
        Seeds weights, held-out clips, patches and dropout. On a CPU the same seed gives the same
        weights, on the same machine with the same number of threads. Torch's own generator stays
        untouched, so fits in threads of one process take turns.

    Attributes
    ----------
    network_ : torch.nn.Module
        The trained network, on the CPU at rest.
    upsampling_ratio_ : int
        Wideband timepoints for each narrowband timepoint.
    scale_ : float
        Root mean square of the training sources, by which clips are divided.
    loss_curve_ : list of float
        Mean training loss of each epoch.
    validation_scores_ : list of float
        Validation score after each epoch, higher is better; empty without validation. It is the
        signal-to-noise ratio in dB; with a noise model, the mean log likelihood of a timepoint in
        nats; with a network that separates the highband, minus the log-spectral distance (log10)
        of clips divided by `scale_`. The fit keeps the weights of the best epoch, or of the last
        one without validation.
    n_iter_ : int
        Epochs trained, over all warm starts.
    noise_model_ : object
        The calibrated noise model; None without one.

    See Also
    --------
    LinearUpsampler : The best linear filter: always compare with it.
    DNNBandwidthExtender : A dense network on short-time spectra.

    References
    ----------
    .. [1] V. Kuleshov, S. Z. Enam and S. Ermon, "Audio Super Resolution using Neural Nets", 2017.
       https://arxiv.org/abs/1708.00853
    .. [2] K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
       https://kellerjordan.github.io/posts/muon/

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr import AudioSuperResolver
    >>> from sklearn_audiosr.degradation import Decimator
    >>> from sklearn_audiosr.networks import AudioUNet
    >>> Y = np.random.default_rng(0).standard_normal((3, 4000)).cumsum(axis=1)
    >>> X = Decimator(upsampling_ratio=2).fit_transform(Y)
    >>> network = AudioUNet(n_blocks=2, width=1 / 32)
    >>> resolver = AudioSuperResolver(network, max_epochs=2, patch_length=1024, random_state=0)
    >>> resolver.fit(X, Y).predict(X).shape
    (3, 4000)
    """

    _parameter_constraints = {
        **LearnedUpsampler._parameter_constraints,
        "network": "no_validation",  # check_network_config has its own message
        "objective": [str, callable, None],  # names are known when torch is loaded
        "noise_model": "no_validation",  # make_noise_model has its own message
        "highband_gain": [Interval(Real, 0, MAX_GAIN, closed="both")],
        "lowband": [StrOptions(set(LOWBANDS))],
        "optimizer": [str, None],  # names are known when torch is loaded
    }

    _learned = {**LearnedUpsampler._learned, "noise_model_": "noise model"}  # what save() stores
    _interpolation = "cubic"
    _faster_fit = "a smaller network, AudioUNet(width=0.125) for example"
    noise_model_: Any

    def __init__(
        self,
        network: Any = None,
        *,
        objective: ObjectiveName | Callable[..., torch.Tensor] | None = None,
        noise_model: NoiseModelName | Callable[..., torch.Tensor] | object | None = None,
        highband_gain: float = 1.0,
        lowband: Literal["restore", "keep"] = "restore",
        patch_length: int = 8192,
        batch_size: int = 16,
        optimizer: OptimizerName | None = None,
        learning_rate: float = 1e-4,
        learning_rate_schedule: Literal["constant", "cosine"] = "constant",
        max_epochs: int = 100,
        validation_fraction: float = 0.1,
        early_stopping: bool = False,
        n_iter_no_change: int = 10,
        warm_start: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        callbacks: Sequence[Callable[..., Any]] | None = None,
        device: str | torch.device = "auto",
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        sampling_rate: float | None = None,
        verbose: int | bool = 0,
        random_state: RandomState = None,
    ) -> None:
        self.network = network
        self.objective = objective
        self.noise_model = noise_model
        self.highband_gain = highband_gain
        self.lowband = lowband
        self.patch_length = patch_length
        self.batch_size = batch_size
        self.optimizer = optimizer
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

    def _config(self) -> Any:
        return check_network_config(self.network)

    def _get_training_parameters(self) -> dict[str, Any]:
        # the config, so that None equals AudioUNet()
        return {**super()._get_training_parameters(), "network": self._config()}

    def _check_parameters(self, ratio: int) -> None:
        least = getattr(self._config(), "least_patch_length", 1)
        if self.patch_length < least:
            raise ValueError(
                f"patch_length must be at least {least} for network={self.network!r}, got "
                f"{self.patch_length}: take longer patches, or a network that learns from shorter "
                "ones."
            )
        if self.noise_model is not None and self.objective is not None:
            raise ValueError(
                "objective must be None with a noise_model, whose negative log likelihood is the "
                f"loss, got {self.objective!r}: leave one of the two out."
            )
        self._count_outputs()  # an illegal noise model is refused before training
        if isinstance(self.objective, str):
            from sklearn_audiosr._training.objectives import find_objective

            find_objective(self.objective, network=None)
        if self.optimizer is not None:
            from sklearn_audiosr._training.optimizers import check_optimizer

            check_optimizer(self.optimizer)

    def _count_outputs(self) -> int:
        if self.noise_model is None:  # torch need not be loaded to know
            return 1
        from sklearn_audiosr._training.noise_models import count_outputs

        return count_outputs(self.noise_model)

    def _describe_architecture(self) -> str:
        n_outputs = self._count_outputs()
        return name_config(self._config()) + (f" with {n_outputs} outputs" if n_outputs > 1 else "")

    def _build_network(self, ratio: int) -> nn.Module:
        network = build_network(self._config(), ratio, self._count_outputs(), self.noise_model)
        check_outputs(network, self.noise_model, self.highband_gain, self.lowband)
        return network

    def _make_noise_model(self) -> Any:
        if self.noise_model is None:  # torch need not be loaded to know
            return None
        from sklearn_audiosr._training.noise_models import make_noise_model

        return make_noise_model(self.noise_model)

    def _make_head(self, network: nn.Module) -> WaveformHead:
        from sklearn_audiosr._training.objectives import find_objective

        return choose_head(
            network,
            objective=find_objective(self.objective, network),
            noise_model=self._make_noise_model(),
            highband_gain=self.highband_gain,
            lowband=self.lowband,
        )

    def _fitted_head(
        self, highband_gain: float | None = None, lowband: str | None = None
    ) -> WaveformHead:
        return choose_head(
            self.network_,
            noise_model=self.noise_model_,
            highband_gain=self.highband_gain if highband_gain is None else highband_gain,
            lowband=self.lowband if lowband is None else lowband,
        )

    @overload
    def predict(  # numpydoc ignore=GL08
        self,
        X: SupportsArray,
        *,
        return_std: Literal[False] = ...,
        highband_gain: float | None = ...,
        lowband: Literal["restore", "keep"] | None = ...,
    ) -> NDArray[np.float32]: ...
    @overload
    def predict(  # type: ignore[overload-overlap]  # numpydoc ignore=GL08
        self,
        X: tuple[Clip, ...],
        *,
        return_std: Literal[False] = ...,
        highband_gain: float | None = ...,
        lowband: Literal["restore", "keep"] | None = ...,
    ) -> tuple[NDArray[np.float32], ...]: ...
    @overload
    def predict(  # numpydoc ignore=GL08
        self,
        X: ClipSequence,
        *,
        return_std: Literal[False] = ...,
        highband_gain: float | None = ...,
        lowband: Literal["restore", "keep"] | None = ...,
    ) -> list[NDArray[np.float32]]: ...
    @overload
    def predict(  # numpydoc ignore=GL08
        self,
        X: ClipsLike,
        *,
        return_std: Literal[True],
        highband_gain: float | None = ...,
        lowband: Literal["restore", "keep"] | None = ...,
    ) -> tuple[Any, Any]: ...
    @numpy_defaults
    def predict(
        self,
        X: ClipsLike,
        *,
        return_std: bool = False,
        highband_gain: float | None = None,
        lowband: Literal["restore", "keep"] | None = None,
    ) -> Any:
        """Upsample narrowband clips.

        Parameters
        ----------
        X : container of narrowband clips
            A 2-D array (n_clips, n_timepoints), a 3-D array (n_clips, n_channels, n_timepoints) or
            a sequence of clips of any lengths from 1 timepoint. A lazy sequence is read clip by
            clip.
        return_std : bool, default=False
            Whether to return the standard deviation of each timepoint too; needs a
            `noise_model`.
        highband_gain : float, default=None
            Replaces the estimator's `highband_gain`; None keeps that.
        lowband : {"restore", "keep"}, default=None
            Replaces the estimator's `lowband`; None keeps that.

        Returns
        -------
        Y : container of wideband clips
            The same kind of container, float32, each clip exactly ``upsampling_ratio_`` times as
            long: ``Y[i][r * t]`` is the instant of ``X[i][t]``.
        Y_std : container of clips
            With ``return_std=True``: the standard deviation of each timepoint, in the units and
            the shape of `Y`.

        Raises
        ------
        ValueError
            If a clip is empty, or holds NaN, infinity, or levels so large that the result is not
            finite; if ``return_std=True`` and the fitted noise model has no standard deviation,
            or there is none; if `highband_gain` is not 1, or `lowband` not "restore", and the
            network does not separate that band; if `device` is not available.
        TypeError
            If `X` is no container of clips.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        head, clips = self._fitted_head(highband_gain, lowband), Clips(X, "X")
        if return_std:
            return self._predict_density(clips, head)
        return clips.collect(clips.check_results(self._upsample(clips, head)))

    def _predict_density(self, clips: Clips, head: Any) -> tuple[Any, ...]:
        """Return predictions and standard deviations, containers of clips."""
        self._check_density("return_std=True", "std")
        means, deviations = [], []
        for outputs in self._run_network(clips, head.n_outputs):
            means.append(self._to_waveform(head, outputs))
            deviations.append(head.std(outputs) * np.float32(self.scale_))
        return tuple(clips.collect(clips.check_results(part)) for part in (means, deviations))

    @overload
    def sample_y(  # numpydoc ignore=GL08
        self, X: SupportsArray, n_samples: int = ..., random_state: RandomState = ...
    ) -> NDArray[np.float32]: ...
    @overload
    def sample_y(  # type: ignore[overload-overlap]  # numpydoc ignore=GL08
        self, X: tuple[Clip, ...], n_samples: int = ..., random_state: RandomState = ...
    ) -> tuple[NDArray[np.float32], ...]: ...
    @overload
    def sample_y(  # numpydoc ignore=GL08
        self, X: ClipSequence, n_samples: int = ..., random_state: RandomState = ...
    ) -> list[NDArray[np.float32]]: ...
    @numpy_defaults
    def sample_y(
        self,
        X: ClipsLike,
        n_samples: int = 1,
        random_state: RandomState = 0,
    ) -> Any:
        """Draw wideband clips from the predicted density.

        Given the prediction, timepoints are drawn independently: the noise of a draw is white, or
        white with an envelope.

        Parameters
        ----------
        X : container of narrowband clips
            As for `predict`.
        n_samples : int, default=1
            Draws of each clip.
        random_state : int, RandomState instance or None, default=0
            Seeds the draws.

        Returns
        -------
        Y : container of wideband clips
            As `predict` returns it, with one more axis, the last, of length `n_samples`.

        Raises
        ------
        ValueError
            If the estimator was fitted without a noise model, or with one that can't draw; if
            `n_samples` is no integer of at least 1; if a clip is illegal, as for `predict`.
        TypeError
            If `X` is no container of clips.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        import torch

        check_is_fitted(self)
        if not isinstance(n_samples, Integral) or isinstance(n_samples, bool) or n_samples < 1:
            raise ValueError(
                f"n_samples must be an integer of at least 1, got {n_samples!r}: pass how many "
                "draws of each clip you want."
            )
        self._check_density("sample_y", "sample")
        seed = check_random_state(random_state).randint(2**31 - 1)
        generator = torch.Generator().manual_seed(seed)
        clips, head, scale = Clips(X, "X"), self._fitted_head(), np.float32(self.scale_)
        samples = (
            np.stack([head.sample(outputs, generator) * scale for _ in range(n_samples)], axis=-1)
            for outputs in self._run_network(clips, head.n_outputs)
        )
        return clips.collect(clips.check_results(samples))

    def _check_density(self, wanted: str, method: str) -> None:
        """Raise ValueError if the fitted noise model lacks a method."""
        if hasattr(self.noise_model_, method):
            return
        what = "noise_model=None" if self.noise_model_ is None else "a log density alone"
        raise ValueError(
            f"{wanted} needs an estimator that was fitted with a noise model that has {method}(), "
            f'got one fitted with {what}: fit with noise_model="heteroscedastic", for example.'
        )
