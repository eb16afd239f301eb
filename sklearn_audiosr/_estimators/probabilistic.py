"""What estimators with a noise model add: standard deviations and draws of the wideband clips."""

from abc import abstractmethod
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_audiosr._clips import Clips
from sklearn_audiosr._estimators.learned import LearnedUpsampler


class ProbabilisticUpsampler(LearnedUpsampler):
    """Base of learned estimators with a parameter ``noise_model``.

    The subclass gives a fresh noise model, or None, in ``_make_noise_model``.
    """

    noise_model_: Any

    @abstractmethod
    def _make_noise_model(self):
        """Give the noise model of one fit, or None."""

    def _predict_density(self, X):
        """Give predictions and standard deviations, containers of clips."""
        self._check_noise_model("return_std=True", "std")
        clips, means, deviations = Clips(X, "X"), [], []
        for output in self._run_noisy_network(clips):
            deviations.append(self._ask_noise_model("std", output))
            means.append(self._undo_scale(output))
        return tuple(clips.collect(clips.check_results(part)) for part in (means, deviations))

    def sample_y(self, X, n_samples=1, random_state=0):
        """Draw wideband clips from the predicted density.

        The draws of two timepoints are independent, given the prediction: the noise of a draw is
        white, or white with an envelope.

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
            As `predict` gives it, with one more axis, the last, of length `n_samples`.

        Raises
        ------
        ValueError
            If the estimator was fitted without a noise model, or with one that cannot be drawn
            from; if `n_samples` is no integer of at least 1.
        """
        import torch

        check_is_fitted(self)
        if not isinstance(n_samples, Integral) or isinstance(n_samples, bool) or n_samples < 1:
            raise ValueError(
                f"n_samples must be an integer of at least 1, got {n_samples!r}: pass how many "
                "draws of each clip you want."
            )
        self._check_noise_model("sample_y", "sample")
        seed = check_random_state(random_state).randint(2**31 - 1)
        generator = torch.Generator().manual_seed(seed)
        clips = Clips(X, "X")
        return clips.collect(
            np.stack(
                [self._ask_noise_model("sample", output, generator) for _ in range(n_samples)],
                axis=-1,
            )
            for output in self._run_noisy_network(clips)
        )

    def _check_noise_model(self, wanted, method):
        """Raise ValueError unless the fitted noise model has a method."""
        if hasattr(self.noise_model_, method):
            return
        what = "noise_model=None" if self.noise_model_ is None else "a log density alone"
        raise ValueError(
            f"{wanted} needs an estimator that was fitted with a noise model that has {method}(), "
            f'got one fitted with {what}: fit with noise_model="heteroscedastic", for example.'
        )

    def _run_noisy_network(self, clips):
        """Yield the output for each clip, a tensor of shape (n_waveforms, n_outputs, time)."""
        import torch

        for output in self._run_network(clips, self.noise_model_.n_outputs):
            yield torch.from_numpy(output).transpose(0, 1)

    def _ask_noise_model(self, method, output, *args):
        """Give what a method says of an output, (n_waveforms, n_timepoints) in the clips' units."""
        from sklearn_audiosr._training.noise_models import check_values

        values = getattr(self.noise_model_, method)(output, *args)
        check_values(values, output[:, :1], method)
        return self._undo_scale(values)

    def _undo_scale(self, values):
        """Give the first channel in the units of the clips, (n_waveforms, n_timepoints)."""
        return values[:, 0].detach().float().numpy() * np.float32(self.scale_)

    def _learn_after_training(self, network, held_out, sampler, device):
        """Estimate the noise on the clips held out for validation: on the others without any."""
        noise_model = self._make_noise_model()
        if hasattr(noise_model, "calibrate"):
            noise_model.calibrate(*self._compare(network, held_out, sampler, device, noise_model))
        return {"noise_model_": noise_model}

    def _compare(self, network, held_out, sampler, device, noise_model):
        """Give targets and outputs, lists of tensors (n_waveforms, any channels, time)."""
        import torch

        from sklearn_audiosr._prediction.loop import open_array, predict_clips

        pairs = held_out or sampler.pairs()
        outputs = predict_clips(
            network,
            [open_array(source) for source, _ in pairs],
            device,
            self.precision,
            n_outputs=noise_model.n_outputs,
        )
        return (
            [torch.from_numpy(target)[:, None] for _, target in pairs],
            [torch.from_numpy(output).transpose(0, 1) for output in outputs],
        )
