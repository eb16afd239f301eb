"""Rates of files and of estimators, and what headers have in their place."""

import math

import numpy as np


def is_header_of(file_rate, rate):
    """Tell whether the whole number of Hz in a file's header stands for a rate.

    A sixth of 16 kHz is none: headers hold the one below it, 2666, or the one above, 2667.

    Parameters
    ----------
    file_rate : int
        Of the header, in Hz.
    rate : float
        In Hz.

    Returns
    -------
    stands : bool
        True for the rate itself, or for the whole numbers below and above it if it is none.
    """
    return math.floor(rate) <= file_rate <= math.ceil(rate)


def describe_rate(rate):
    """Tell a rate, and what headers have in its place if it is no whole number.

    Parameters
    ----------
    rate : float
        In Hz.

    Returns
    -------
    text : str
        "8000 Hz", or "2666.67 Hz (2666 or 2667 in a header)".
    """
    below, above = math.floor(rate), math.ceil(rate)
    return f"{rate:g} Hz" + (f" ({below} or {above} in a header)" if below < above else "")


def find_rates(est, file_rate, resample, assume_bandwidth):
    """Rates in Hz of the estimator's input and output for a file."""
    ratio, wide_rate = est.upsampling_ratio_, est.sampling_rate
    if wide_rate is None:
        if resample or assume_bandwidth is not None:
            wish = "resample=True" if resample else f"assume_bandwidth={assume_bandwidth!r}"
            raise ValueError(
                f"{wish} needs the rate that the estimator was trained for, got "
                "sampling_rate=None: set it, est.set_params(sampling_rate=16000)."
            )
        return file_rate, file_rate * ratio
    is_number = isinstance(wide_rate, (int, float, np.number))
    if not is_number or not wide_rate >= 1 or wide_rate % 1 != 0:
        raise ValueError(
            "sampling_rate must be a whole number of Hz to write files, at least 1, got "
            f"{wide_rate!r}: set it, est.set_params(sampling_rate=16000)."
        )
    narrow_rate = wide_rate / ratio
    may_resample = resample or (assume_bandwidth is not None and file_rate > narrow_rate)
    if not is_header_of(file_rate, narrow_rate) and not may_resample:
        remedy = "pass resample=True"
        if file_rate > narrow_rate:
            remedy += ', or assume_bandwidth="auto" for a file whose highband is empty'
        raise ValueError(
            f"source must have a rate of {describe_rate(narrow_rate)}, sampling_rate="
            f"{wide_rate:g} over the upsampling ratio {ratio}, got {file_rate} Hz: {remedy}, or an "
            "estimator that was trained for this rate."
        )
    return narrow_rate, int(wide_rate)
