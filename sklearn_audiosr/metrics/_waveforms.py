"""Scores by packages that take one waveform at a time, of a length and rate that they can take."""

from importlib import import_module

import numpy as np


def import_package(package, metric):
    """Return a package that is not installed with this one.

    Parameters
    ----------
    package : str
        Name under which it is imported.
    metric : str
        What error messages say needs it.

    Returns
    -------
    module : module
        The package.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise ImportError(
            f"{metric} needs the package {package}, which can't be imported ({error}): "
            'pip install "sklearn-audiosr[metrics]".'
        ) from error


def make_clip_score(measure, lowest, sampling_rate, rate=None, longest=np.inf):
    """Make the score of a clip from the measure of a waveform.

    Parameters
    ----------
    measure : callable
        The value of two waveforms, neither of them silent; nan where it is undefined.
    lowest : float
        The value of a silent prediction.
    sampling_rate : float
        Rate of the clips in Hz.
    rate : float, default=None
        Rate that `measure` takes, to which clips are resampled; None takes them as they are.
    longest : float, default=infinity
        Seconds that `measure` takes at most; longer waveforms are cut into equal pieces.

    Returns
    -------
    score : callable
        The mean over the channels and pieces of two arrays of shape (n_channels, n_timepoints);
        those are left out that have no value, as where the reference is silent.
    """

    def _score(true, pred):
        true, pred = (_resample(clip, sampling_rate, rate) for clip in (true, pred))
        n_pieces = max(1, int(np.ceil(true.shape[-1] / (rate or sampling_rate) / longest)))
        values = np.array(
            [
                # packages fail on a silent prediction; left out, it would cost nothing
                measure(true_piece, pred_piece) if pred_piece.any() else lowest
                for true_piece, pred_piece in _cut(true, pred, n_pieces)
                if true_piece.any()
            ]
        )
        values = values[~np.isnan(values)]
        return values.mean() if values.size else np.nan

    return _score


def _resample(clip, sampling_rate, rate):
    if rate is None or rate == sampling_rate:
        return clip
    import soxr

    return soxr.resample(clip.T, sampling_rate, rate, quality="VHQ").T


def _cut(true, pred, n_pieces):
    """Yield the pieces of each channel and those of its prediction."""
    for channels in zip(true, pred, strict=True):
        yield from zip(*(np.array_split(waveform, n_pieces) for waveform in channels), strict=True)
