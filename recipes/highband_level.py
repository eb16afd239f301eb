"""Shift the level of the highband that a `SpectralNet` generates."""

import torch

# Where the end of the band begins, and the range over which a shift sets in there, as shares of the
# Nyquist frequency. Resamplers let the band fall off from there on.
_END, _RAMP = 0.9375, 0.0125


def shift_levels(network, highband_db, end_db):
    """Make the generated highband, and the end of the band, louder.

    The lowband does not tell whether a resampler has emptied the end of the band. Training on
    absolute errors of logarithms then makes it full or empty, as it is in most clips. The
    log-spectral distance squares errors, and is least in between.

    Parameters
    ----------
    network : SpectralNetwork
        Changed in place; the opposite shift undoes it.
    highband_db, end_db : float
        Shift below 0.9375 of the Nyquist frequency, and above 0.95 of it.
    """
    first = network.n_bins - network.n_high
    shares = torch.arange(first, network.n_bins) / (network.n_bins - 1)
    ramp = ((shares - _END) / _RAMP).clamp(0, 1)
    network.shift_highband(highband_db + ramp * (end_db - highband_db))


def levels_of(card):
    """Return the shifts of a model's levels in dB, from its card."""
    recipe = card["recipe"]
    return {key: recipe.get(key, 0.0) for key in ("highband_db", "end_db")}
