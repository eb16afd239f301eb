"""Degrade the recordings of a folder, restore them, and score what comes back."""

import time
import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.model_selection import GroupKFold

from sklearn_audiosr._command_line.console import print_message
from sklearn_audiosr._command_line.progress import open_bar
from sklearn_audiosr._estimators.linear import LinearUpsampler
from sklearn_audiosr._estimators.spline import SplineUpsampler
from sklearn_audiosr.datasets import load_audio_folder
from sklearn_audiosr.degradation import (
    AddNoise,
    Codec,
    Decimator,
    Telephone,
    ideal_lowband,
    trim_clips,
)
from sklearn_audiosr.metrics import (
    harmonicity_score,
    highband_level_errors,
    log_spectral_distance,
    modulation_line_error,
    signal_to_noise_ratio,
)

# A value of --filter that is no low-pass filter, and the narrowband rate that it needs.
TELEPHONE, _TELEPHONE_RATE = "telephone", 8000

BOUND, SPLINE_NAME, LINEAR = "true lowband", "spline", "linear filter"

_MAX_FOLDS = 5

# Fields of HighbandLevelErrors in the report, with their units.
_LEVELS = "temporal_db2", "shape_db2", "bias_db", "pauses_db"

# A highband with that bias in dB or less is next to empty: its lines and harmonics mean nothing.
_EMPTY = -20


def make_degradation(args, ratio, rate):
    """Return the steps that make narrowband clips of wideband ones.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of `evaluate`.
    ratio : int
        Upsampling ratio of the model.
    rate : float
        Wideband rate of the model in Hz.

    Returns
    -------
    steps : list of transformer
        The last one returns the model's input.

    Raises
    ------
    ValueError
        If a telephone line is asked for and the model has another narrowband rate.
    """
    if args.filter == TELEPHONE:
        if rate / ratio != _TELEPHONE_RATE:
            raise ValueError(
                f"--filter telephone needs a model whose narrowband rate is {_TELEPHONE_RATE} Hz, "
                f"got {args.model}, of {rate / ratio:g} Hz: take another filter."
            )
        steps = [Telephone(ratio, sampling_rate=rate)]
    else:
        steps = [Decimator(ratio, filter=args.filter, random_state=0)]
    if args.codec is not None:
        level = args.compression
        steps.append(Codec(args.codec, sampling_rate=rate / ratio, compression_level=level))
    if args.noise is not None:
        steps.append(AddNoise(args.noise, random_state=0))
    return steps


def read_recordings(folder, est, prog, strict=False):
    """Read the recordings that can be used: not silent, and of the model's rate or a higher one.

    Parameters
    ----------
    folder : Path
        Folder of the recordings.
    est : estimator
        Fitted, with a `sampling_rate`.
    prog : str
        Text before each message about a recording that is skipped.
    strict : bool, default=False
        Raise an error for recordings that can't be read or were cut off.

    Returns
    -------
    recordings : Bunch
        As `load_audio_folder` returns it; clips are cut to a multiple of the upsampling ratio.

    Raises
    ------
    ValueError
        If no recording can be used.
    """
    rate, ratio = est.sampling_rate, est.upsampling_ratio_
    with warnings.catch_warnings():
        # these files are skipped below, with a message
        warnings.filterwarnings("ignore", ".* have a lower rate than sampling_rate", UserWarning)
        recordings = load_audio_folder(
            folder, sampling_rate=rate, min_duration=2 * ratio / rate, strict=strict
        )
    kept = []
    for i, name in enumerate(recordings.filenames):
        reason = _find_reason_to_skip(folder / name, recordings.clips[i], rate)
        if reason:
            print_message(f"{prog}: skipped {folder / name}: {reason}")
        else:
            kept.append(i)
    if not kept:
        raise ValueError(f"{folder} must hold recordings of {rate:g} Hz or more, got none")
    recordings.clips = trim_clips([recordings.clips[i] for i in kept], ratio)
    recordings.filenames = [recordings.filenames[i] for i in kept]
    recordings.groups = recordings.groups[kept]
    return recordings


def _find_reason_to_skip(path, clip, rate):
    from sklearn_audiosr._files.reading import read_header

    file_rate = read_header(path).samplerate
    if file_rate < rate:
        return f"its rate is {file_rate} Hz, below the model's {rate:g} Hz"
    return "" if np.any(clip) else "it is silent"


def degrade(Y, steps):
    """Return the narrowband clips that the steps of a degradation make of wideband ones."""
    X = Y
    for step in steps:
        X = step.fit_transform(X)
    return X


def restore_by_baselines(X, Y, groups, ratio):
    """Yield what the methods restore that the model is compared with, one after the other.

    Parameters
    ----------
    X, Y : list of ndarray
        Narrowband and wideband clips.
    groups : ndarray of shape (n_clips,)
        Groups of clips, such as speakers.
    ratio : int
        Upsampling ratio.

    Yields
    ------
    method : str
        Its name.
    Y_pred : list of ndarray or None
        The predictions; None where a linear filter has nothing to learn from.
    """
    yield BOUND, ideal_lowband(Y, ratio)
    yield SPLINE_NAME, SplineUpsampler().fit(X[:1], Y[:1]).predict(X)
    yield LINEAR, _restore_by_linear_filters(X, Y, groups)


def _restore_by_linear_filters(X, Y, groups):
    """Restore each recording by a linear filter that was not fitted on its group."""
    if len(X) < 2:
        return None
    if len(set(groups)) < 2:
        groups = np.arange(len(X))
    Y_pred = [None] * len(X)
    folds = GroupKFold(min(_MAX_FOLDS, len(set(groups))))
    for train, test in folds.split(X, groups=groups):
        est = LinearUpsampler().fit([X[i] for i in train], [Y[i] for i in train])
        for i in test:
            Y_pred[i] = est.predict([X[i]])[0]
    return Y_pred


def restore_by_model(est, X, *, label, quiet):
    """Restore recordings by an estimator, with a progress bar.

    Parameters
    ----------
    est : estimator
        Fitted, with a `sampling_rate`.
    X : list of ndarray
        Narrowband clips.
    label : str
        Text before the bar.
    quiet : bool
        Show no bar.

    Returns
    -------
    Y_pred : list of ndarray
        The predictions.
    seconds : float
        Time that the predictions took.
    """
    Y_pred = []
    n_timepoints = sum(x.shape[-1] for x in X) * est.upsampling_ratio_
    start = time.perf_counter()
    with open_bar(label, n_timepoints / est.sampling_rate, quiet=quiet) as bar:
        for x in X:
            Y_pred.append(est.predict([x])[0])
            bar.update(Y_pred[-1].shape[-1] / est.sampling_rate)
    seconds = time.perf_counter() - start
    return Y_pred, seconds


def score(Y, Y_pred, rate, ratio):
    """Score predictions.

    Parameters
    ----------
    Y, Y_pred : list of ndarray
        Wideband clips and their predictions.
    rate : float
        Wideband rate in Hz.
    ratio : int
        Upsampling ratio.

    Returns
    -------
    of_each : dict of str to ndarray of shape (n_clips,)
        Scores of each recording, by their keys in the report.
    of_all : dict of str to float
        Means over the recordings, and scores that need all of them; nan where there is none.
    """
    of_each = {
        "snr_db": signal_to_noise_ratio(Y, Y_pred, average=None),
        "lsd": log_spectral_distance(Y, Y_pred, average=None),
    }
    rates = {"sampling_rate": rate, "upsampling_ratio": ratio}
    none = np.full(len(Y), np.nan)
    levels = _measure(highband_level_errors, 4 * [none], Y, Y_pred, average=None, **rates)
    of_each |= {f"level_{key}": values for key, values in zip(_LEVELS, levels, strict=True)}
    of_all = {key: _mean(values) for key, values in of_each.items()}
    of_all |= dict.fromkeys(("line_db", "line_hz", "harmonicity"), np.nan)
    if of_all["level_bias_db"] > _EMPTY:
        of_all["line_db"], of_all["line_hz"] = _measure(
            modulation_line_error, 2 * [np.nan], Y, Y_pred, return_frequency=True, **rates
        )
        of_all["harmonicity"] = _measure(harmonicity_score, np.nan, Y, Y_pred, **rates)
    return of_each, of_all


def _measure(metric, undefined, Y, Y_pred, **kwargs):
    """Return what a metric of the highband returns, `undefined` where it needs other rates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)  # the table shows it
        try:
            return metric(Y, Y_pred, **kwargs)
        except ValueError:  # the metrics above have checked the clips: it is the rates
            return undefined


def _mean(values):
    values = values[~np.isnan(values)]
    return float(np.mean(values)) if values.size else np.nan
