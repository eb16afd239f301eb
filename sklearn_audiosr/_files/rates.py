"""Rates of files and of estimators, and the whole numbers that headers have for them."""

import math

import numpy as np

# The highest rate in Hz of a file that is read. Recorders of radio and ultrasound stay below it;
# above, a header is damaged, and a spectrum of 60 ms would fill the memory.
MAX_FILE_RATE = 10**7


def is_header_of(file_rate: int, rate: float) -> bool:
    """Return whether a file whose header has one rate may have another one.

    A header holds a whole number of Hz. A sixth of 16 kHz is no whole number: headers have the one
    below, 2666, or the one above, 2667.

    Parameters
    ----------
    file_rate : int
        Rate in the header, in Hz.
    rate : float
        Rate to compare it with, in Hz.

    Returns
    -------
    matches : bool
        True if `file_rate` is `rate`, rounded down or up.
    """
    return math.floor(rate) <= file_rate <= math.ceil(rate)


def describe_rate(rate: float) -> str:
    """Describe a rate for messages, and how headers round it if it is no whole number.

    Parameters
    ----------
    rate : float
        Rate in Hz.

    Returns
    -------
    text : str
        "8000 Hz", or "2666.67 Hz (2666 or 2667 in a header)".
    """
    below, above = math.floor(rate), math.ceil(rate)
    return f"{rate:g} Hz" + (f" ({below} or {above} in a header)" if below < above else "")


def find_rates(est, file_rate, resample, assume_bandwidth):
    """Find the rates of an estimator's input and output for a file.

    Parameters
    ----------
    est : estimator
        A fitted estimator.
    file_rate : int
        Rate of the file in Hz.
    resample : bool
        Whether a file of another rate may be resampled.
    assume_bandwidth : "auto", float or None
        Where the band of the file ends; not None allows a file of a higher rate.

    Returns
    -------
    narrow_rate, wide_rate : float and int
        In Hz.

    Raises
    ------
    ValueError
        If the estimator takes no such file.
    """
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
