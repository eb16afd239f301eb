"""How loud a `SpectralNet` generates the highband, beside what its training says."""

import math

import torch

from sklearn_audiosr.networks._spectral_module import _LOG_SPREAD

# Where the end of the band begins, as a share of the Nyquist frequency, and over how much of it a
# shift sets in: resamplers let it fall off from there on.
_END, _RAMP = 0.9375, 0.0125


@torch.no_grad()
def shift_levels(network, highband_db, end_db):
    """Generate the highband louder by so many dB, and the end of the band by so many others.

    What the lowband does not tell, training by absolute errors of logarithms decides as most clips
    have it: an end of the band that most resamplers empty comes out as full, or as empty, as that
    of the majority. The log-spectral distance squares errors, for which between both is better.

    Parameters
    ----------
    network : SpectralNetwork
        Changed in place; the opposite shift undoes it.
    highband_db, end_db : float
        Of the highband below 0.9375 of the Nyquist frequency, and above 0.95 of it.
    """
    first = network.n_bins - network.n_high
    shares = torch.arange(first, network.n_bins) / (network.n_bins - 1)
    ramp = ((shares - _END) / _RAMP).clamp(0, 1)
    db = highband_db + ramp * (end_db - highband_db)
    log_magnitude = network._split_last("bias")[2]
    log_magnitude += db * math.log(10) / 10 / _LOG_SPREAD


def levels_of(card):
    """Give by how much the levels of a model are shifted, as its card tells."""
    recipe = card["recipe"]
    return {key: recipe.get(key, 0.0) for key in ("highband_db", "end_db")}
