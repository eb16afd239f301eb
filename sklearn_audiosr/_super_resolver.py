"""The paper's network as a scikit-learn estimator."""

from numbers import Integral

from sklearn.base import clone
from sklearn.utils._param_validation import StrOptions

from sklearn_audiosr._interpolation import CUBIC_REACH, stream_cubic, upsample_cubic
from sklearn_audiosr._learned import LearnedUpsampler


class AudioSuperResolver(LearnedUpsampler):
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
        ``build()`` gives a ``torch.nn.Module`` from (batch, 1, time) to (batch, 1, time) with
        three integers: ``stride`` (chunks of a long clip start at its multiples), ``look_back``
        and ``look_ahead`` (timepoints before and after its own that an output depends on). Two
        optional ones make it faster, ``accepts_lengths`` and ``stream()``: see the user guide, "A
        network of your own".
    objective : {"rmse", "mse", "paper_eq1"} or callable, default="rmse"
        Loss: the mean over patches of the root mean squared error (the published program's), the
        mean squared error, equation (1) as printed, or a function of tensors
        ``(prediction, target, mask)`` of shape (batch, 1, time).
    patch_length : int, default=8192
        Wideband timepoints of a training patch.
    batch_size : int, default=16
        Patches of an optimizer step.
    learning_rate : float, default=1e-4
        Of Adam.
    max_epochs : int, default=100
        Passes; an epoch draws as many random patches as hold all training timepoints once. The
        paper trains for 400.
    validation_fraction : float, default=0.1
        Share of the clips (or groups) held out to measure the signal-to-noise ratio after each
        epoch, in [0, 1). With fewer than two clips, or 0, all train.
    early_stopping : bool, default=False
        Stop when the validation score has not improved for `n_iter_no_change` epochs.
    n_iter_no_change : int, default=10
        Epochs that early stopping waits.
    warm_start : bool, default=False
        Go on from the weights of the last fit (Adam starts afresh): to train longer, or to
        fine-tune on other clips. The scale stays that of the first fit; the network's parameters
        must be the same. The weights that it begins with are kept if no epoch validates better.
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
        Validation signal-to-noise ratio in dB after each epoch; empty without validation. The
        weights of the best epoch are kept (the last without validation).
    n_iter_ : int
        Epochs trained, over all warm starts.

    See Also
    --------
    LinearUpsampler : The best linear filter: compare with it, always.
    DNNBandwidthExtender : A dense network on short-time spectra.

    References
    ----------
    .. [1] V. Kuleshov, S. Z. Enam and S. Ermon, "Audio Super Resolution using Neural Nets", 2017.
       https://arxiv.org/abs/1708.00853

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
        "network": "no_validation",  # checked by _describe_network, with its own message
        "objective": [StrOptions({"rmse", "mse", "paper_eq1"}), callable],
    }

    _source_reach = CUBIC_REACH
    _way_out = "a smaller network, AudioUNet(width=0.125) for example"

    def __init__(
        self,
        network=None,
        *,
        objective="rmse",
        patch_length=8192,
        batch_size=16,
        learning_rate=1e-4,
        max_epochs=100,
        validation_fraction=0.1,
        early_stopping=False,
        n_iter_no_change=10,
        warm_start=False,
        device="auto",
        precision="auto",
        sampling_rate=None,
        verbose=0,
        random_state=None,
    ):
        self.network = network
        self.objective = objective
        self.patch_length = patch_length
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.max_epochs = max_epochs
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.device = device
        self.precision = precision
        self.sampling_rate = sampling_rate
        self.verbose = verbose
        self.random_state = random_state

    def _describe_network(self):
        if self.network is None:
            from sklearn_audiosr.networks import AudioUNet

            return AudioUNet()
        if isinstance(self.network, type) or not callable(getattr(self.network, "build", None)):
            raise TypeError(
                "network must be a description with a method build(), such as "
                f"networks.AudioUNet(n_blocks=4), or None, got {self.network!r}: pass an instance."
            )
        return clone(self.network, safe=False)

    def _build_network(self, ratio):
        from torch import nn

        network = self._describe_network().build()
        contract = ("stride", "look_back", "look_ahead")
        missing = [n for n in contract if not isinstance(getattr(network, n, None), Integral)]
        if not isinstance(network, nn.Module) or missing:
            received = type(network).__name__
            received += f" without {', '.join(missing)}" if missing else ""
            raise TypeError(
                "network.build() must give a torch.nn.Module with the integers stride, look_back "
                f"and look_ahead, got {received}: see the parameter network."
            )
        return network

    def _describe_architecture(self):
        return repr(self._describe_network())

    def _make_loss(self):
        from sklearn_audiosr._objectives import OBJECTIVES

        objective = OBJECTIVES.get(self.objective, self.objective)

        def loss(network, sources, targets, mask):
            return objective(network(sources), targets, mask)

        return loss

    def _upsample_source(self, x, ratio):
        return upsample_cubic(x, ratio)

    def _stream_source(self, ratio):
        return stream_cubic(ratio)
