"""The paper's network as a scikit-learn estimator."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_audiosr._clips import Clips
from sklearn_audiosr._estimators.highband import (
    MAX_GAIN,
    Mixer,
    check_highband_gain,
    score_spectra,
    separates_highband,
)
from sklearn_audiosr._estimators.learned import LearnedUpsampler
from sklearn_audiosr._estimators.network_config import (
    build_network,
    describe_network,
    has_method,
    name_description,
)
from sklearn_audiosr._estimators.probabilistic import ProbabilisticUpsampler
from sklearn_audiosr._signal.interpolation import CUBIC_HALF_WIDTH, stream_cubic, upsample_cubic

OBJECTIVE_NAMES = {
    *("rmse", "mse", "paper_eq1", "noise_to_signal"),
    *("multi_resolution_spectral", "log_spectral", "complex_spectral", "spectral"),
}


class AudioSuperResolver(ProbabilisticUpsampler):
    """Super-resolve audio with a convolutional network.

    The clips are upsampled by a cubic spline and a network adds what the spline lacks
    (Kuleshov et al. [1]_). Lengths are exact, nothing is delayed, and a clip of any length can be
    predicted whatever the lengths at fit.

    Parameters
    ----------
    network : network description, default=None
        What to train: an object with ``build()``, of `sklearn_audiosr.networks` for example. None
        means ``AudioUNet()``, the paper's full-width network, for which a GPU is recommended; to
        search over ``network__...``, pass one.
        ``build()`` gives a ``torch.nn.Module`` from (batch, 1, time) to (batch, 1, time), or with
        ``build(n_outputs=2)``, for noise models that ask for it, to (batch, 2, time), with
        three integers: ``stride`` (chunks of a long clip start at its multiples), ``look_back``
        and ``look_ahead`` (timepoints before and after its own that an output depends on;
        ``look_back`` is ``math.inf`` where it remembers, and it must have ``stream()`` then). Two
        optional ones make it faster, ``accepts_lengths`` and ``stream()``: see the user guide, "A
        network of your own". The description may have an integer ``least_patch_length``: `fit`
        refuses shorter patches.
    objective : {"rmse", "mse", "paper_eq1", "noise_to_signal", "multi_resolution_spectral", \
            "log_spectral", "complex_spectral", "spectral"} or callable, default=None
        Loss: the mean over patches of the root mean squared error (the published program's), the
        mean squared error, equation (1) as printed, the mean log10 of noise over signal energy,
        the distance of magnitudes and of their logarithms in frames of three lengths, the
        log-spectral distance in such frames, that of complex spectra, or "spectral", the
        log-spectral distance with 0.5 of the log10 of noise over signal; or a function of tensors
        ``(prediction, target, mask)`` of shape (batch, 1, time). None means the network's own,
        "spectral" for `SpectralNet`, else "rmse"; with a `noise_model` it must be None. To any, a
        network that separates the highband adds 0.5 of the log10 of the mean's noise over signal.
    noise_model : {"gaussian", "laplace", "heteroscedastic"}, callable or object, default=None
        Density of the wideband waveform around the prediction (section 3.1 of [1]_); the loss is
        its negative log likelihood. "gaussian" and "laplace" have one scale, estimated on the
        clips held out for validation; with "heteroscedastic" the network predicts the standard
        deviation of each timepoint, calibrated on those clips. Without any, the training
        clips serve, whose errors are smaller. See the user guide, "Uncertainty",
        for a function ``log_prob(y, output)`` or an object of your own.
    highband_gain : float, default=1.0
        The dial between fidelity and plausibility, for networks that separate the highband
        (`SpectralNet`): 0 is the conditional mean, with the best signal-to-noise ratio and next to
        no highband, 1 a full highband, with about the best log-spectral distance; up to 1000. Read
        at `predict`: to change it takes no new fit. With other networks it must be 1.
    patch_length : int, default=8192
        Wideband timepoints of a training patch.
    batch_size : int, default=16
        Patches of an optimizer step.
    optimizer : {"adam", "muon"}, default=None
        How the weights descend: Adam, or Muon [2]_ for the matrices inside the network, which
        learns more in each step, and Adam for the rest. None means the network's own, "muon" for
        `SpectralNet`, else "adam"; "muon" is for networks that name their ``hidden_matrices()``.
    learning_rate : float, default=1e-4
        Of the optimizer.
    learning_rate_schedule : {"constant", "cosine"}, default="constant"
        "cosine" warms up for a fiftieth of the steps and falls to a fiftieth of `learning_rate` at
        `max_epochs`, along a cosine.
    max_epochs : int, default=100
        Passes; an epoch draws as many random patches as hold all training timepoints once. The
        paper trains for 400.
    validation_fraction : float, default=0.1
        Share of the clips (or groups) held out to score the network after each epoch (see
        ``validation_scores_``), in [0, 1). With fewer than two clips, or 0, all train.
    early_stopping : bool, default=False
        Stop when the validation score has not improved for `n_iter_no_change` epochs.
    n_iter_no_change : int, default=10
        Epochs that early stopping waits.
    warm_start : bool, default=False
        Go on from the weights of the last fit (the optimizer starts afresh): to train longer, or to
        fine-tune on other clips. The scale stays that of the first fit; the network's parameters
        must be the same. The weights that it begins with are kept if no epoch validates better.
    checkpoint : path-like, default=None
        File in which the state of the training is kept while it runs: if the process dies, or
        Ctrl-C ends the fit, the same ``fit`` goes on where it was last kept, after an epoch or up
        to a minute before, with the result that it would have had (on a CPU). Needs an integer
        `random_state`; one file for one fit, so not for searches. Deleted when the fit is complete.
    device : str or torch.device, default="auto"
        "auto" (CUDA where there is one, else the CPU), "cpu", "cuda", "cuda:1", "mps".
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Arithmetic of the network; "auto" is bfloat16 autocast on CUDA, float32 elsewhere.
    sampling_rate : float, default=None
        Rate of the wideband clips in Hz, for latencies in seconds and `upsample_file`: no
        prediction depends on it.
    verbose : int or bool, default=0
        Show a progress bar with epoch, loss, validation score and time left.
    random_state : int, RandomState instance or None, default=None
        Seeds weights, held-out clips, patches and dropout. The same seed on the same machine with
        the same number of threads gives the same weights on a CPU; torch's own generator is left
        untouched. (For that, fits in threads of one process take turns.)

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
        Validation score after each epoch, higher is better; empty without validation. The weights
        of the best epoch are kept (the last without validation). It is the signal-to-noise ratio in
        dB; with a noise model the mean log likelihood of a timepoint in nats; with a network that
        separates the highband minus the log-spectral distance (log10), of clips divided by
        `scale_`.
    n_iter_ : int
        Epochs trained, over all warm starts.
    noise_model_ : object
        The noise model with what was estimated; None without one.

    See Also
    --------
    LinearUpsampler : The best linear filter: compare with it, always.
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
        "network": "no_validation",  # checked by describe_network, with its own message
        "objective": [StrOptions(OBJECTIVE_NAMES), callable, None],
        "noise_model": "no_validation",  # checked by make_noise_model, with its own message
        "highband_gain": [Interval(Real, 0, MAX_GAIN, closed="both")],
        "optimizer": [StrOptions({"adam", "muon"}), None],
    }

    _source_reach = CUBIC_HALF_WIDTH
    _way_out = "a smaller network, AudioUNet(width=0.125) for example"

    def __init__(
        self,
        network=None,
        *,
        objective=None,
        noise_model=None,
        highband_gain=1.0,
        patch_length=8192,
        batch_size=16,
        optimizer=None,
        learning_rate=1e-4,
        learning_rate_schedule="constant",
        max_epochs=100,
        validation_fraction=0.1,
        early_stopping=False,
        n_iter_no_change=10,
        warm_start=False,
        checkpoint=None,
        device="auto",
        precision="auto",
        sampling_rate=None,
        verbose=0,
        random_state=None,
    ):
        self.network = network
        self.objective = objective
        self.noise_model = noise_model
        self.highband_gain = highband_gain
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
        self.device = device
        self.precision = precision
        self.sampling_rate = sampling_rate
        self.verbose = verbose
        self.random_state = random_state

    def _describe_network(self):
        return describe_network(self.network)

    def _get_training_parameters(self):
        # None and AudioUNet() are the same
        return {**super()._get_training_parameters(), "network": self._describe_network()}

    def _check_parameters(self, ratio):
        least = getattr(self._describe_network(), "least_patch_length", 1)
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
        self._make_noise_model()

    def _make_noise_model(self):
        if self.noise_model is None:  # torch need not be loaded to know
            return None
        from sklearn_audiosr._training.noise_models import make_noise_model

        return make_noise_model(self.noise_model)

    def _count_outputs(self):
        noise_model = self._make_noise_model()
        return 1 if noise_model is None else int(noise_model.n_outputs)

    def _build_network(self, ratio):
        description, n_outputs = self._describe_network(), self._count_outputs()
        network = build_network(description, ratio, n_outputs, self.noise_model)
        self._check_separation(network)
        return network

    def _check_separation(self, network):
        """Raise ValueError for parameters that a network's kind of outputs does not fit."""
        separates = separates_highband(network)
        if separates and self.noise_model is not None:
            raise ValueError(
                "noise_model must be None with a network that separates the highband, whose two "
                f"outputs are no density, got {self.noise_model!r}: take AudioUNet or TFiLM."
            )
        check_highband_gain(self.highband_gain, separates)

    def _prepare_network(self, network, pairs):
        if has_method(network, "prepare"):
            network.prepare(pairs)

    def _describe_architecture(self):
        n_outputs = self._count_outputs()
        outputs = "" if n_outputs == 1 else f" with {n_outputs} outputs"
        return name_description(self._describe_network()) + outputs

    def _make_loss(self):
        noise_model = self._make_noise_model()
        if noise_model is None:
            from sklearn_audiosr._training.objectives import OBJECTIVES, separated

            def loss(network, sources, targets, mask):
                name = self.objective or getattr(network, "default_objective", "rmse")
                objective = OBJECTIVES.get(name, self.objective)
                if separates_highband(network):
                    objective = separated(objective)
                return objective(network(sources), targets, mask)

        else:
            from sklearn_audiosr._training.noise_models import negative_log_likelihood

            likelihood = negative_log_likelihood(noise_model)

            def loss(network, sources, targets, mask):
                return likelihood(network(sources), targets, mask)

        return loss

    def _choose_optimizer(self, network):
        name = self.optimizer or getattr(network, "default_optimizer", "adam")
        if name == "muon" and not has_method(network, "hidden_matrices"):
            raise ValueError(
                'optimizer must be "adam" with a network without a method hidden_matrices(), got '
                f'"muon" and {type(network).__name__}: take "adam" or None, or a SpectralNet.'
            )
        return name

    def _choose_score(self, network):
        noise_model = self._make_noise_model()
        if noise_model is not None:
            from sklearn_audiosr._training.noise_models import mean_log_likelihood

            return "log likelihood", mean_log_likelihood(noise_model), self._count_outputs()
        if not separates_highband(network):
            return super()._choose_score(network)
        # the mean has the best signal-to-noise ratio after any epoch: it tells nothing
        return "minus validation LSD", score_spectra, 2

    def predict(self, X, *, return_std=False, highband_gain=None):
        """Upsample narrowband clips.

        Parameters
        ----------
        X : container of narrowband clips
            A 2-D array (n_clips, n_timepoints), a 3-D array (n_clips, n_channels, n_timepoints) or
            a sequence of clips of any lengths from 1 timepoint; a lazy sequence is read clip by
            clip.
        return_std : bool, default=False
            Whether to return the standard deviation of each timepoint too. It needs a
            `noise_model`.
        highband_gain : float, default=None
            As the parameter of the estimator, which None stands for.

        Returns
        -------
        Y : container of wideband clips
            The same kind of container, float32, each clip exactly ``upsampling_ratio_`` times as
            long: ``Y[i][r * t]`` is the instant of ``X[i][t]``.
        Y_std : container of clips
            With ``return_std=True``: the standard deviation of each timepoint, in the units and
            of the shape of `Y`.

        Raises
        ------
        ValueError
            If a clip is empty, or holds NaN, infinity or levels so large that the result does; if
            ``return_std=True`` and the estimator was fitted without a noise model, or with one
            that has no standard deviation; if `highband_gain` is other than 1 and the network does
            not separate the highband.
        """
        check_is_fitted(self)
        if highband_gain is None:
            highband_gain = self.highband_gain
        check_highband_gain(highband_gain, separates_highband(self.network_))
        if return_std:
            return self._predict_density(X)
        clips = Clips(X, "X")
        return clips.collect(clips.check_results(self._upsample(clips, highband_gain)))

    def _upsample(self, clips, highband_gain=None):
        if not separates_highband(self.network_):
            yield from super()._upsample(clips)
            return
        mix = Mixer(self.highband_gain if highband_gain is None else highband_gain)
        for outputs in self._run_network(clips, mix.n_outputs):
            yield mix(outputs) * np.float32(self.scale_)

    def _make_mixer(self):
        separates = separates_highband(self.network_)
        check_highband_gain(self.highband_gain, separates)
        return Mixer(self.highband_gain) if separates else None

    def _upsample_source(self, x, ratio):
        return upsample_cubic(x, ratio, beside_torch=True)

    def _stream_source(self, ratio):
        return stream_cubic(ratio, beside_torch=True)
