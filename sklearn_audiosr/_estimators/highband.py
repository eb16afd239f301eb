"""The dial between fidelity and plausibility: networks that separate the highband."""

from numbers import Real

import numpy as np

from sklearn_audiosr.metrics import lsd_distance

# 60 dB above a full highband: what is meant to be heard lies far below.
MAX_GAIN = 1000


class Mixer:
    """Makes the waveform of a network's mean and of what a full highband adds.

    Parameters
    ----------
    highband_gain : float
        How much of the second goes in.

    Attributes
    ----------
    n_outputs : int
        Outputs of the network that it takes: arrays (2, n_waveforms, n_timepoints).
    """

    n_outputs = 2

    def __init__(self, highband_gain):
        self.highband_gain = np.float32(highband_gain)

    def __call__(self, outputs):
        mean, detail = outputs
        return mean + self.highband_gain * detail


def separates_highband(network):
    """Whether a network's outputs are the mean and what a full highband adds.

    Parameters
    ----------
    network : torch.nn.Module
        Any.

    Returns
    -------
    separates : bool
        False unless it says so.
    """
    return getattr(network, "separates_highband", False)


def check_highband_gain(value, separates):
    """Raise ValueError unless a gain is legal for a network.

    Parameters
    ----------
    value : float
        The gain.
    separates : bool
        Of `separates_highband`.
    """
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


def score_spectra(target, outputs):
    """Give minus the log-spectral distance of the waveform with its full highband.

    Parameters
    ----------
    target : ndarray of shape (n_waveforms, n_timepoints)
        Wideband waveforms.
    outputs : ndarray of shape (2, n_waveforms, n_timepoints)
        Mean, and what a full highband adds.

    Returns
    -------
    score : float
        Higher is better.
    """
    return -lsd_distance([target], [outputs.sum(axis=0)])
