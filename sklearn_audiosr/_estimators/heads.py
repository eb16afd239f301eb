"""Heads: what the outputs of a network mean.

A head has

- ``n_outputs``: how many output channels of the network it uses;
- ``loss(network, sources, targets, mask)``: a scalar tensor from tensors (batch, 1, time);
- ``score(target, outputs)``: a number, higher is better; ``score_name`` names it;
- ``to_waveform(outputs)``: the prediction;
- ``calibrate(targets, outputs)``: runs after training if ``needs_calibration``;
- ``attributes``: attributes that a fit sets on the estimator.

``outputs`` has shape (n_outputs, n_waveforms, n_timepoints) and ``target`` (n_waveforms,
n_timepoints). Both are divided by the estimator's ``scale_``.
"""

from numbers import Real

import numpy as np

from sklearn_audiosr.metrics import log_spectral_distance, waveform_snr

# 60 dB above a full highband, far above any useful gain.
MAX_GAIN = 1000

# What a prediction may do to the lowband.
LOWBANDS = ("restore", "keep")

# Weight of the mean's noise-to-signal ratio in the loss of a separate highband. With training clips
# of several filters, the mean's SNR was up to 0.5 dB below the linear filter's with a weight of
# 0.1, and 0.12 dB below with 0.2 (speech at r = 4).
_MEAN_WEIGHT = 0.5

# The same where the lowband is separate: what restores it has few bins. 1.5 instead of 0.5 won 0.03
# dB in seven minutes and cost nothing.
_LOWBAND_WEIGHT = 1.5


class WaveformHead:
    """The first output is the waveform.

    Parameters
    ----------
    objective : callable, default=None
        ``objective(prediction, target, mask)``; only `loss` needs it.
    """

    n_outputs = 1
    score_name = "validation SNR (dB)"
    needs_calibration = False

    def __init__(self, objective=None):
        self.objective = objective

    @property
    def attributes(self):
        """Attributes that a fit sets on the estimator, by name."""
        return {"noise_model_": None}

    def loss(self, network, sources, targets, mask):
        """Return the objective of the prediction."""
        return self.objective(network(sources), targets, mask)

    def score(self, target, outputs):
        """Return the signal-to-noise ratio in dB."""
        return waveform_snr(target, outputs[0])

    def to_waveform(self, outputs):
        """Return the first output."""
        return outputs[0]


class HighbandHead(WaveformHead):
    """The first output is the mean of the waveform; the second adds a full highband.

    Parameters
    ----------
    objective : callable, default=None
        Loss of the waveform with a full highband; only `loss` needs it.
    highband_gain : float, default=1.0
        Gain of the second output in the prediction.
    """

    n_outputs = 2
    # the SNR would judge the mean alone, and says nothing about the highband
    score_name = "minus validation LSD"

    def __init__(self, objective=None, highband_gain=1.0):
        super().__init__(objective)
        self.highband_gain = np.float32(highband_gain)

    def loss(self, network, sources, targets, mask):
        """Return the objective with a full highband, plus the weighted noise of the mean."""
        from sklearn_audiosr._training.objectives import noise_to_signal

        output = network(sources)
        mean, detail = output[:, :1], output[:, 1:]
        noise = noise_to_signal(mean, targets, mask)
        return self.objective(mean + detail, targets, mask) + _MEAN_WEIGHT * noise

    def score(self, target, outputs):
        """Return minus the log-spectral distance of the waveform with a full highband."""
        return -log_spectral_distance([target], [outputs.sum(axis=0)])

    def to_waveform(self, outputs):
        """Return the mean plus the highband times its gain."""
        mean, detail = outputs
        return mean + self.highband_gain * detail


class BandsHead(HighbandHead):
    """The outputs are the lowband, what restores it, and a full highband.

    Parameters
    ----------
    objective : callable, default=None
        Loss of the waveform with a full highband; only `loss` needs it.
    highband_gain : float, default=1.0
        Gain of the highband in the prediction.
    lowband : {"restore", "keep"}, default="restore"
        Whether the prediction has what restores the lowband. Loss and score have it always.
    """

    n_outputs = 3

    def __init__(self, objective=None, highband_gain=1.0, lowband="restore"):
        super().__init__(objective, highband_gain)
        self.lowband = lowband

    def loss(self, network, sources, targets, mask):
        """Return the objective with a full highband, plus the weighted noise of the lowband."""
        from sklearn_audiosr._training.objectives import noise_to_signal

        output = network(sources)
        lowband, highband = output[:, :2].sum(dim=1, keepdim=True), output[:, 2:]
        noise = noise_to_signal(lowband, targets, mask)
        return self.objective(lowband + highband, targets, mask) + _LOWBAND_WEIGHT * noise

    def to_waveform(self, outputs):
        """Return the lowband, restored or as it was, plus the highband times its gain."""
        lowband, restoration, highband = outputs
        if self.lowband == "restore":
            lowband = lowband + restoration
        return lowband + self.highband_gain * highband


class DensityHead(WaveformHead):
    """The outputs are parameters of a density of the waveform; the first is its mean.

    Parameters
    ----------
    noise_model : object
        The density, see `noise_models`; `calibrate` changes it in place.
    """

    score_name = "log likelihood"

    def __init__(self, noise_model):
        super().__init__()
        self.noise_model, self.n_outputs = noise_model, int(noise_model.n_outputs)
        self.needs_calibration = hasattr(noise_model, "calibrate")

    @property
    def attributes(self):
        """The calibrated noise model."""
        return {"noise_model_": self.noise_model}

    def loss(self, network, sources, targets, mask):
        """Return the mean negative log likelihood of a timepoint, in nats."""
        output = network(sources)
        if output.shape[1] != self.n_outputs:
            raise ValueError(
                f"network.build(n_outputs={self.n_outputs}) must return a network with that "
                f"many output channels, got {output.shape[1]}: let its last layer have them."
            )
        # float32: bfloat16 rounds away the difference between two predictions' log densities
        log_prob = self._evaluate("log_prob", targets, targets, output.float())
        return -(log_prob * mask).sum() / mask.sum()

    def score(self, target, outputs):
        """Return the mean log likelihood of a timepoint, in nats."""
        target, outputs = _to_tensors(target[None], outputs)
        return float(self.noise_model.log_prob(target, outputs).mean())

    def calibrate(self, targets, outputs):
        """Calibrate the noise model on all clips."""
        pairs = [_to_tensors(y[None], o) for y, o in zip(targets, outputs, strict=True)]
        self.noise_model.calibrate(*map(list, zip(*pairs, strict=True)))

    def std(self, outputs):
        """Return the standard deviation of each timepoint, (n_waveforms, n_timepoints)."""
        (outputs,) = _to_tensors(outputs)
        return self._evaluate("std", outputs[:, :1], outputs)[:, 0].detach().float().numpy()

    def sample(self, outputs, generator):
        """Draw waveforms, (n_waveforms, n_timepoints), with torch's `generator`."""
        (outputs,) = _to_tensors(outputs)
        draw = self._evaluate("sample", outputs[:, :1], outputs, generator)
        return draw[:, 0].detach().float().numpy()

    def _evaluate(self, method, waveforms, *args):
        """Call a method of the noise model; check that it returns one value per timepoint."""
        values = getattr(self.noise_model, method)(*args)
        received = tuple(getattr(values, "shape", ()))
        if received != waveforms.shape:
            raise ValueError(
                f"noise_model's {method} must return one value per timepoint, shape "
                f"{tuple(waveforms.shape)}, got {received}: neither sum nor take the mean, and "
                "keep the axis of channels."
            )
        return values


def choose_head(network, *, objective=None, noise_model=None, highband_gain=1.0, lowband="restore"):
    """Return the head of a network.

    Parameters
    ----------
    network : torch.nn.Module
        The network; ``separates_highband`` is true if its last output is the highband,
        ``separates_lowband`` if the output before it restores the lowband.
    objective : callable, default=None
        Loss; only training needs it.
    noise_model : object, default=None
        Density around the prediction.
    highband_gain : float, default=1.0
        Gain of a separate highband.
    lowband : {"restore", "keep"}, default="restore"
        Whether to add what restores a separate lowband.

    Returns
    -------
    head : WaveformHead, HighbandHead, BandsHead or DensityHead
        The head of this network.

    Raises
    ------
    ValueError
        If the network's outputs don't go with the noise model, the gain or the lowband.
    """
    check_outputs(network, noise_model, highband_gain, lowband)
    if getattr(network, "separates_lowband", False):
        return BandsHead(objective, highband_gain, lowband)
    if getattr(network, "separates_highband", False):
        return HighbandHead(objective, highband_gain)
    return WaveformHead(objective) if noise_model is None else DensityHead(noise_model)


def check_outputs(network, noise_model, highband_gain, lowband):
    """Check that a network's outputs go with a noise model, a gain and a lowband.

    Parameters
    ----------
    network, noise_model, highband_gain, lowband
        As for `choose_head`; the noise model may be a name.

    Raises
    ------
    ValueError
        If they don't.
    """
    separates = getattr(network, "separates_highband", False)
    if separates and noise_model is not None:
        raise ValueError(
            "noise_model must be None with a network that separates the highband (its outputs "
            f"are no density), got {noise_model!r}: take AudioUNet or TFiLM."
        )
    _check_highband_gain(highband_gain, separates)
    _check_lowband(lowband, getattr(network, "separates_lowband", False))


def _check_highband_gain(value, separates):
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not 0 <= value <= MAX_GAIN:
        raise ValueError(
            f"highband_gain must be a number from 0 to {MAX_GAIN}, got {value!r:.80}: 0 gives the "
            "least error, 1 the full highband."
        )
    if value != 1 and not separates:
        raise ValueError(
            "highband_gain must be 1 with a network that does not separate the highband from the "
            f"mean, got {value!r}: take networks.SpectralNet."
        )


def _check_lowband(value, separates):
    if not isinstance(value, str) or value not in LOWBANDS:
        raise ValueError(
            f'lowband must be "restore" or "keep", got {value!r:.80}: "keep" changes nothing in '
            "the lowband."
        )
    if value != "restore" and not separates:
        raise ValueError(
            'lowband must be "restore" with a network that does not separate the lowband from '
            f"what restores it, got {value!r}: take networks.HarmonicNoiseNet."
        )


def _to_tensors(*arrays):
    """Return tensors (n_waveforms, channels, time) from arrays (channels, n_waveforms, time)."""
    import torch

    return [torch.from_numpy(array).transpose(0, 1) for array in arrays]
