"""What the learned estimators share: parameters, the way to the training and prediction loops."""

import copy
import os
from abc import abstractmethod
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_audiosr._estimators.base import BaseUpsampler
from sklearn_audiosr._pairs import check_groups, check_pairs
from sklearn_audiosr._training.patches import PatchSampler
from sklearn_audiosr.metrics import waveform_snr


class LearnedUpsampler(BaseUpsampler):
    """Base of estimators that train a network on patches of upsampled sources.

    A subclass gives the network (`_build_network`), the network's input (`_upsample_source`, with
    the narrowband timepoints it reaches to each side, `_source_reach`, and `_stream_source`) and
    the loss (`_make_loss`).
    """

    _source_reach: int
    _way_out: str
    network_: Any
    scale_: float
    loss_curve_: list[float]
    validation_scores_: list[float]

    _parameter_constraints = {
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
        "device": "no_validation",  # resolved, with its own message, when torch is loaded
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

    @abstractmethod
    def _build_network(self, ratio):
        """Make a network with fresh weights."""

    @abstractmethod
    def _make_loss(self):
        """Give the function loss(network, sources, targets, mask)."""

    @abstractmethod
    def _upsample_source(self, x, ratio):
        """Bring waveforms to the wideband length."""

    @abstractmethod
    def _stream_source(self, ratio):
        """Give a `PolyphaseStream` that does the same piece by piece."""

    @abstractmethod
    def _describe_architecture(self):
        """Give what a warm start must find unchanged, as something to compare."""

    def _check_parameters(self, ratio):
        """Raise ValueError for parameters that don't fit each other or the ratio."""

    def _prepare_network(self, network, pairs):
        """Fit what a network needs beside its weights, statistics of its features for example."""

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, Y, groups=None):
        """Train on pairs of clips.

        Parameters
        ----------
        X, Y : containers of clips
            Narrowband sources and wideband targets, ``Y[i]`` r times as long as ``X[i]``. All
            clips are held in memory while training.
        groups : array-like of shape (n_clips,), default=None
            Speaker or piece of each clip: validation then holds out whole groups.

        Returns
        -------
        self : object
            The fitted estimator.

        Warns
        -----
        UserWarning
            If training was interrupted (Ctrl-C), or will take long on a CPU.
        ConvergenceWarning
            If the loss or a prediction became infinite or NaN.
        """
        X, Y, ratio = check_pairs(X, Y)
        groups = check_groups(groups, len(X))
        if self.patch_length < ratio:
            raise ValueError(
                f"patch_length must be at least the upsampling ratio, {ratio}, got "
                f"{self.patch_length}: patches start at narrowband timepoints. The default is 8192."
            )
        self._check_parameters(ratio)
        resume = self.warm_start and hasattr(self, "network_")
        if resume:
            self._check_warm_start(ratio)
        random_state = check_random_state(self.random_state)
        training, validation = _hold_out(
            len(X), groups, self.validation_fraction, random_state, self.early_stopping
        )
        scale = self.scale_ if resume else _root_mean_square(X)
        sampler = PatchSampler(
            (self._make_pair(X[i], Y[i], ratio, scale) for i in training),
            [Y.shape_of(i) for i in training],
            self.patch_length,
            ratio,
        )
        held_out = [self._make_pair(X[i], Y[i], ratio, scale) for i in validation]
        self._fit_pairs(sampler, held_out, ratio, scale, random_state.randint(2**31 - 1), resume)
        return self

    def _fit_pairs(self, sampler, held_out, ratio, scale, seed, resume):
        """Train, and keep what was learned, in the fit's turn among threads."""
        import torch

        from sklearn_audiosr._torch import private_generators, resolve_device

        device = resolve_device(self.device)
        # the caller's inference mode would make weights that can't be trained
        with torch.inference_mode(False), private_generators(device, seed):
            start = self._find_start(resume)
            checkpoint = self._open_checkpoint(sampler.pairs(), held_out, ratio, start)
            network, history, learned = self._train(
                sampler, held_out, ratio, device, seed, resume, checkpoint
            )
            # all or nothing: an error above leaves the last fit as it was
            self.network_, self.upsampling_ratio_, self.scale_ = network, ratio, scale
            self._forget_card()
            for name, value in learned.items():
                setattr(self, name, value)
            self._trained_architecture = self._describe_architecture()
            self.loss_curve_ = start.losses + history.losses
            self.validation_scores_ = start.validation_scores + history.validation_scores
            self.n_iter_ = len(self.loss_curve_)
            self._interrupted_start = start if history.interrupted else None
            if checkpoint is not None and not history.interrupted:
                checkpoint.remove()  # still in turn: the file may be the next one's then

    def _make_pair(self, x, y, ratio, scale):
        """Give the network's input and target, both of shape (n_channels, r * n_timepoints)."""
        return self._upsample_source(x / np.float32(scale), ratio), y / np.float32(scale)

    def _find_start(self, resume):
        """Give the `Start` of this fit: that of the last one if the checkpoint goes on with it."""
        from sklearn_audiosr._training.checkpoint import Start, read_start
        from sklearn_audiosr._training.fingerprint import describe_weights

        if not resume:
            return Start([], [], "0")
        if self.checkpoint is None:
            return Start(self.loss_curve_, self.validation_scores_, "")
        interrupted = getattr(self, "_interrupted_start", None)
        if interrupted is not None and read_start(self.checkpoint) == interrupted.description:
            return interrupted
        description = f"{self.n_iter_} ({describe_weights(self.network_)})"
        return Start(self.loss_curve_, self.validation_scores_, description)

    def _open_checkpoint(self, pairs, held_out, ratio, start):
        """Give the `Checkpoint` of this training, or None."""
        if self.checkpoint is None:
            return None
        from sklearn_audiosr._training.checkpoint import Checkpoint
        from sklearn_audiosr._training.fingerprint import (
            describe,
            describe_clips,
            describe_parameters,
        )

        if not isinstance(self.random_state, Integral):
            raise ValueError(
                "checkpoint needs an integer random_state, got "
                f"{self.random_state!r}: without, another fit would draw other clips for "
                "validation. Pass random_state=0, for example."
            )
        fingerprint = {
            "architecture": describe(self._describe_architecture()),
            **describe_parameters(self._get_training_parameters()),
            "upsampling_ratio_": str(ratio),
            "training clips": describe_clips(pairs),
            "validation clips": describe_clips(held_out),
        }
        return Checkpoint(self.checkpoint, fingerprint, start.description)

    def _get_training_parameters(self):
        """Give all parameters as training takes them."""
        parameters = self.get_params(deep=False)
        if self.learning_rate_schedule != "constant":  # it ends with the last epoch
            parameters["epochs of the schedule"] = self.max_epochs
        return parameters

    def _train(self, sampler, held_out, ratio, device, seed, resume, checkpoint):
        """Train a new network, or a copy of the last.

        Give it, back on the CPU, the history, and what else was learned, by attribute.
        """
        from sklearn_audiosr._training.loop import train

        network = copy.deepcopy(self.network_) if resume else self._build_network(ratio)
        if not resume:
            self._prepare_network(network, sampler.pairs())
        network.float().to(device)
        history = train(
            network,
            sampler,
            self._make_loss(),
            self._make_validation(network, held_out, device),
            device=device,
            rng=np.random.default_rng(seed),
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            learning_rate_schedule=self.learning_rate_schedule,
            precision=self.precision,
            early_stopping=self.early_stopping,
            n_iter_no_change=self.n_iter_no_change,
            verbose=self.verbose,
            resume=resume,
            score_name=self._choose_score(network)[0],
            way_out=self._way_out,
            optimizer=self._choose_optimizer(network),
            checkpoint=checkpoint,
        )
        learned = self._learn_after_training(network, held_out, sampler, device)
        # on the CPU at rest, so that it unpickles where there is no GPU
        return network.to("cpu").eval(), history, learned

    def _learn_after_training(self, network, held_out, sampler, device):
        """Give what is learned with the trained network, by attribute."""
        return {}

    def _make_validation(self, network, held_out, device):
        """Return a function that gives the mean score over held-out clips, or None."""
        from sklearn_audiosr._prediction.loop import open_array, predict_clips

        held_out = [(source, target) for source, target in held_out if np.any(target)]
        if not held_out:
            return None
        sources = [open_array(source) for source, _ in held_out]
        _, score, n_outputs = self._choose_score(network)

        def validate():
            outputs = predict_clips(network, sources, device, self.precision, n_outputs=n_outputs)
            scores = [
                score(target, output) if np.isfinite(output).all() else np.nan
                for (_, target), output in zip(held_out, outputs, strict=True)
            ]
            return float(np.mean(scores))

        return validate

    def _choose_score(self, network):
        """Give the name of the validation score, its function, and the outputs that it takes."""
        return "validation SNR (dB)", waveform_snr, None

    def _choose_optimizer(self, network):
        """Give the name of the optimizer, for `_optimizers.make_optimizer`."""
        return "adam"

    def _make_mixer(self):
        """Give a `Mixer` of a network's outputs; None where the first is the waveform."""
        return None

    def _check_warm_start(self, ratio):
        if ratio != self.upsampling_ratio_:
            raise ValueError(
                f"warm_start=True needs pairs of the ratio of the first fit, upsampling_ratio_="
                f"{self.upsampling_ratio_}, got {ratio}: degrade by the same ratio, or fit with "
                "warm_start=False."
            )
        if self._trained_architecture != self._describe_architecture():
            raise ValueError(
                "warm_start=True needs the network of the first fit, "
                f"{self._trained_architecture}, got {self._describe_architecture()}: set its "
                "parameters back, or fit with warm_start=False."
            )

    def _upsample(self, clips):
        for y in self._run_network(clips):
            y *= np.float32(self.scale_)
            yield y

    def _run_network(self, clips, n_outputs=None):
        """Yield the network's output for each clip; short ones of like lengths share passes."""
        from sklearn_audiosr._prediction.loop import predict_clips
        from sklearn_audiosr._torch import Workspace, resolve_device

        self._validate_params()  # device and precision may be set after fit
        device = resolve_device(self.device)
        network = self._network_on(device)
        lazy = clips.kind == "lazy"  # what is read when asked for is read one by one
        groups = ([clip] for clip in clips) if lazy else [list(clips)]
        workspace = Workspace(n_uses=len(clips)) if lazy else None
        for group in groups:
            yield from predict_clips(
                network,
                [self._open_source(clip) for clip in group],
                device,
                self.precision,
                workspace=workspace,
                n_outputs=n_outputs,
            )

    def _prepare_stream(self):
        from sklearn_audiosr._prediction.loop import stream_opener
        from sklearn_audiosr._torch import resolve_device

        self._validate_params()
        device = resolve_device(self.device)
        mix = self._make_mixer()
        n_outputs = None if mix is None else mix.n_outputs
        open_network = stream_opener(self._network_on(device), device, self.precision, n_outputs)
        ratio, scale = self.upsampling_ratio_, self.scale_
        return lambda: _LearnedStage(self._stream_source(ratio), open_network(), scale, mix)

    def _measure_latency(self):
        from sklearn_audiosr._prediction.loop import network_latency

        source = self._stream_source(self.upsampling_ratio_)
        return source.latency + network_latency(self.network_)

    def _network_on(self, device):
        """Return the network on `device`; the one at rest stays on the CPU."""
        return self.network_ if device.type == "cpu" else copy.deepcopy(self.network_).to(device)

    def _open_source(self, x, oracle=None):
        """Give (read_source, shape) of the network's input for a clip, for `predict_waveforms`.

        A network that studies the truth finds `oracle`, the wideband clip, as its second channel.
        """
        ratio, reach = self.upsampling_ratio_, self._source_reach
        scale = np.float32(self.scale_)

        def read_source(start, stop):
            first = max(0, start // ratio - reach)
            excerpt = x[:, first : -(-stop // ratio) + reach] / scale
            source = self._upsample_source(excerpt, ratio)
            source = source[:, start - first * ratio : stop - first * ratio]
            if oracle is None:
                return source[:, None]
            return np.stack([source, oracle[:, start:stop] / scale], axis=1)

        return read_source, (len(x), ratio * x.shape[-1])


class _LearnedStage:
    """A learned estimator over waveforms that come piece by piece: see `PolyphaseStream`."""

    def __init__(self, source, network, scale, mix):
        self._source, self._network, self._scale = source, network, np.float32(scale)
        self._mix = mix
        self.latency = source.latency + network.latency

    def push(self, x, last):
        y = self._network.push(self._source.push(x / self._scale, last), last)
        return (y if self._mix is None else self._mix(y)) * self._scale


def _root_mean_square(clips):
    """Root mean square of all timepoints of all clips, 1 if silent."""
    energy, count = 0.0, 0
    for clip in clips:
        energy += float(np.sum(np.square(clip, dtype=np.float64)))
        count += clip.size
    return float(np.sqrt(energy / count)) or 1.0


def _hold_out(n_clips, groups, fraction, random_state, required):
    """Split clip indices into training and validation: whole clips, or whole groups.

    With fewer than two clips (or groups), or a fraction of 0, all train.
    """
    units = np.arange(n_clips) if groups is None else np.unique(groups, return_inverse=True)[1]
    n_units = len(np.unique(units))
    if fraction == 0 or n_units < 2:
        if required:
            raise ValueError(
                "early_stopping=True needs validation_fraction above 0 and at least 2 clips (or "
                f"groups) to hold one out, got validation_fraction={fraction} and {n_units}: add "
                "clips, or set early_stopping=False."
            )
        return np.arange(n_clips), np.arange(0)
    n_held_out = min(max(1, round(fraction * n_units)), n_units - 1)
    held_out = np.isin(units, random_state.permutation(n_units)[:n_held_out])
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)
