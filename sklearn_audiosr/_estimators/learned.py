"""What learned estimators share: parameters, `fit`, and calls of the prediction loop."""

from __future__ import annotations

import copy
import os
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_audiosr._estimators.base import BaseUpsampler
from sklearn_audiosr._estimators.fitting import make_validation, train_network
from sklearn_audiosr._estimators.hold_out import hold_out, root_mean_square
from sklearn_audiosr._estimators.network_input import NetworkInput, NetworkStage
from sklearn_audiosr._estimators.sklearn_callbacks import CallbackSupportMixin, FitTasks
from sklearn_audiosr._pairs import check_groups, check_pairs
from sklearn_audiosr._training.patches import PatchSampler
from sklearn_audiosr._validation import validated_fit

if TYPE_CHECKING:
    import torch
    from numpy.typing import ArrayLike, NDArray
    from torch import nn

    from sklearn_audiosr._clips import Clips, ClipsLike
    from sklearn_audiosr._estimators.heads import WaveformHead
    from sklearn_audiosr._training.checkpoint import Start
    from sklearn_audiosr._training.state import History


class LearnedUpsampler(CallbackSupportMixin, BaseUpsampler):
    """Base of estimators that train a network on patches of upsampled sources.

    A subclass sets `_interpolation`, which upsamples the network's input (see `NetworkInput`), and
    `_faster_fit`, advice for a warning about slow fits. It defines `_describe_architecture`,
    `_build_network`, `_make_head` and `_fitted_head` (see `heads`). It may override
    `_check_parameters`, `_get_training_parameters` and `_make_validation`.
    """

    _interpolation: str
    _faster_fit: str
    network_: nn.Module
    scale_: float
    loss_curve_: list[float]
    validation_scores_: list[float]
    n_iter_: int

    _parameter_constraints: dict[str, Any] = {
        "patch_length": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "learning_rate_schedule": [StrOptions({"constant", "cosine"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "early_stopping": ["boolean"],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "checkpoint": [str, os.PathLike, None],
        "callbacks": "no_validation",  # _check_callbacks has its own message
        "device": "no_validation",  # resolve_device has its own message, and loads torch
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
        "sampling_rate": [Interval(Real, 0, None, closed="neither"), None],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    _learned = {  # what save() stores; `n_iter_` is the length of `loss_curve_`
        "upsampling_ratio_": "ratio",
        "scale_": "scale",
        "loss_curve_": "curve",
        "validation_scores_": "curve",
        "network_": "network",
    }

    @validated_fit(prefer_skip_nested_validation=False)
    def fit(self, X: ClipsLike, Y: ClipsLike, groups: ArrayLike | None = None) -> Self:
        """Train on pairs of clips.

        Parameters
        ----------
        X, Y : containers of clips
            Narrowband sources and wideband targets, ``Y[i]`` r times as long as ``X[i]``. All
            clips stay in memory while training.
        groups : array-like of shape (n_clips,), default=None
            Speaker or piece of each clip. Validation then holds out whole groups.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of its range or does not go with the others, or if clips are
            empty, not finite or don't fit their targets, or if the loss of the first batch is not
            finite. The last fit stays as it was.
        TypeError
            If a parameter or a container has a wrong type.
        KeyboardInterrupt
            If Ctrl-C ended the training. The estimator then has the best weights so far; before
            the first step it stays as it was.

        Warns
        -----
        UserWarning
            If training will take long on a CPU, or if a loaded model starts again from new
            weights.
        ConvergenceWarning
            If the loss or a prediction became infinite or NaN.
        """
        tasks = FitTasks(self, X, Y)
        sources, targets, ratio = check_pairs(X, Y)
        labels = check_groups(groups, len(sources))
        self._check_fit(ratio)
        resume = self.warm_start and hasattr(self, "network_")
        if resume:
            self._check_warm_start(ratio)
        elif hasattr(self, "card_"):
            _warn_of_new_start()
        random_state = check_random_state(self.random_state)
        training, validation = hold_out(
            len(sources), labels, self.validation_fraction, random_state, self.early_stopping
        )
        scale = self.scale_ if resume else root_mean_square(sources)
        network_input = NetworkInput(self._interpolation, ratio, scale)
        sampler = PatchSampler(
            (network_input.make_pair(sources[i], targets[i]) for i in training),
            [targets.shape_of(i) for i in training],
            self.patch_length,
            ratio,
        )
        held_out = [network_input.make_pair(sources[i], targets[i]) for i in validation]
        seed = random_state.randint(2**31 - 1)
        train_network(self, sampler, held_out, network_input, seed, resume, tasks)
        tasks.end_fit()
        return self

    def _check_fit(self, ratio: int) -> None:
        if self.patch_length < ratio:
            raise ValueError(
                f"patch_length must be at least the upsampling ratio, {ratio}, got "
                f"{self.patch_length}: patches start at narrowband timepoints. The default is 8192."
            )
        _check_callbacks(self.callbacks)
        self._check_parameters(ratio)

    def _check_parameters(self, ratio: int) -> None:
        """Raise ValueError if parameters don't go with each other or the ratio."""

    def _check_warm_start(self, ratio: int) -> None:
        if ratio != self.upsampling_ratio_:
            raise ValueError(
                "warm_start=True needs pairs of the ratio of the first fit, upsampling_ratio_="
                f"{self.upsampling_ratio_}, got {ratio}: degrade by the same ratio, or fit with "
                "warm_start=False."
            )
        if self._trained_architecture != self._describe_architecture():
            raise ValueError(
                "warm_start=True needs the network of the first fit, "
                f"{self._trained_architecture}, got {self._describe_architecture()}: set its "
                "parameters back, or fit with warm_start=False."
            )

    @abstractmethod
    def _describe_architecture(self) -> Any:
        """Return a value that a warm start compares with the last fit's and errors show."""

    def _get_training_parameters(self) -> dict[str, Any]:
        """Return the parameters whose fingerprints decide whether a checkpoint may resume."""
        return self.get_params(deep=False)

    @abstractmethod
    def _build_network(self, ratio: int) -> nn.Module:
        """Return a network with fresh weights."""

    @abstractmethod
    def _make_head(self, network: nn.Module) -> WaveformHead:
        """Return the head that trains a network."""

    def _make_validation(
        self,
        head: WaveformHead,
        network: nn.Module,
        held_out: list[tuple[NDArray[np.float32], NDArray[np.float32]]],
        device: torch.device,
    ) -> Callable[[], float] | None:
        """Return a function that scores the network on held-out clips; None without clips."""
        return make_validation(head, network, held_out, device, self.precision)

    def _keep_fit(
        self,
        network: nn.Module,
        history: History,
        network_input: NetworkInput,
        start: Start,
        head: WaveformHead,
    ) -> None:
        """Set the attributes of a fit."""
        self.network_ = network
        self.upsampling_ratio_, self.scale_ = network_input.ratio, network_input.scale
        for name, value in head.attributes.items():
            setattr(self, name, value)
        self._forget_card()
        self._trained_architecture = self._describe_architecture()
        self.loss_curve_ = start.losses + history.losses
        self.validation_scores_ = start.validation_scores + history.validation_scores
        self.n_iter_ = len(self.loss_curve_)

    @abstractmethod
    def _fitted_head(self) -> WaveformHead:
        """Return the head of the fitted network."""

    def _upsample(
        self, clips: Clips, head: WaveformHead | None = None
    ) -> Iterator[NDArray[np.float32]]:
        head = self._fitted_head() if head is None else head
        for outputs in self._run_network(clips, head.n_outputs):
            yield self._to_waveform(head, outputs)

    def _to_waveform(self, head: WaveformHead, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        return head.to_waveform(outputs) * np.float32(self.scale_)

    def _run_network(self, clips: Clips, n_outputs: int) -> Iterator[NDArray[np.float32]]:
        """Return an iterator over the network's outputs for each clip; short clips share passes."""
        from sklearn_audiosr._prediction.chunked import predict_clips
        from sklearn_audiosr._torch import Workspace, resolve_device

        self._validate_params()  # device and precision may have changed since the fit
        device = resolve_device(self.device)
        network, network_input = self._network_on(device), self._network_input()
        lazy = clips.kind == "lazy"  # read one clip at a time: they may not fit in memory
        groups = ([clip] for clip in clips) if lazy else [list(clips)]
        workspace = Workspace(n_uses=len(clips)) if lazy else None
        return chain.from_iterable(
            predict_clips(
                network,
                [network_input.open(clip) for clip in group],
                device,
                self.precision,
                workspace=workspace,
                n_outputs=n_outputs,
            )
            for group in groups
        )

    def _open_stages(self) -> Callable[[], NetworkStage]:
        from sklearn_audiosr._prediction.network_stream import stream_opener
        from sklearn_audiosr._torch import resolve_device

        self._validate_params()
        device, head = resolve_device(self.device), self._fitted_head()
        network, network_input = self._network_on(device), self._network_input()
        open_network = stream_opener(network, device, self.precision, head.n_outputs)
        return lambda: NetworkStage(network_input, open_network(), head)

    def _measure_latency(self) -> int:
        from sklearn_audiosr._prediction.network_stream import network_latency

        return self._network_input().stream().latency + network_latency(self.network_)

    def _network_input(self) -> NetworkInput:
        return NetworkInput(self._interpolation, self.upsampling_ratio_, self.scale_)

    def _network_on(self, device: torch.device) -> nn.Module:
        """Return the network, or its copy on another device: `network_` stays on the CPU."""
        return self.network_ if device.type == "cpu" else copy.deepcopy(self.network_).to(device)


def _check_callbacks(callbacks: Sequence[Callable[..., Any]] | None) -> None:
    if callbacks is None:
        return
    if not isinstance(callbacks, (list, tuple)) or not all(map(callable, callbacks)):
        raise TypeError(
            "callbacks must be None or a list of functions callback(estimator, measured), got "
            f"{callbacks!r:.200}: put a single function in a list, and pass scikit-learn's own "
            "callbacks to set_callbacks."
        )


def _warn_of_new_start() -> None:
    warnings.warn(
        "This fit begins with new weights and drops those of the loaded model. To train them "
        "further, call set_params(warm_start=True) before fit.",
        UserWarning,
        stacklevel=5,
    )
