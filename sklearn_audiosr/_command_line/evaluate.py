"""``evaluate``: how well a model restores recordings that one has."""

import argparse
import os
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.model_selection import GroupKFold

from sklearn_audiosr._command_line.console import (
    describe_speed,
    print_json,
    print_line,
    print_message,
    print_table,
)
from sklearn_audiosr._command_line.model_options import (
    SPLINE,
    add_model_arguments,
    check_model,
    open_estimator,
    parse_compression,
    parse_noise,
)
from sklearn_audiosr._command_line.progress import open_bar
from sklearn_audiosr._estimators.linear import LinearUpsampler
from sklearn_audiosr._estimators.spline import SplineUpsampler
from sklearn_audiosr._files.formats import CODECS
from sklearn_audiosr.datasets import load_audio_folder
from sklearn_audiosr.degradation import (
    FAMILIES,
    AddNoise,
    Codec,
    Decimator,
    Telephone,
    ideal_lowband,
    trim_clips,
)
from sklearn_audiosr.metrics import log_spectral_distance, signal_to_noise_ratio

_DESCRIPTION = """\
Degrade the recordings in a folder and its sub-folders to the narrowband rate of
a model, restore them, and score the result against the truth: signal-to-noise
ratio (SNR) in dB, higher is better, and log-spectral distance (LSD: log10 of
power, frames of 2048 every 512, powers clamped to 1e-8), lower is better; the
means over recordings, and the worst recording of each. Recordings of a higher
rate are resampled to the model's first, those of a lower one left out."""

_EPILOG = """\
Beside the model stand a cubic spline; the best linear filter, fitted on the
folder's other recordings, so it needs two of them and knows their voices and
microphones beforehand; and the true lowband under an empty highband, whose SNR
no method passes that does not predict the highband's waveform."""

_MAX_FOLDS = 5

# What --filter takes beside low-pass filters.
_TELEPHONE, _TELEPHONE_RATE = "telephone", 8000

_BOUND, _SPLINE, _LINEAR = "true lowband", "spline", "linear filter"


def add_parser(commands):
    """Add the subcommand; give its parser."""
    parser = commands.add_parser(
        "evaluate",
        help="score a model on a folder of recordings",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="wideband recordings")
    add_model_arguments(parser, required=True)
    parser.add_argument(
        "--filter",
        choices=[*FAMILIES, "random", _TELEPHONE],
        default="chebyshev1",
        metavar="FILTER",
        help=f"low-pass filter before the decimation: {', '.join(FAMILIES)}; or random, one drawn "
        "for each recording, the same in each run; or telephone, for models from 8000 Hz: a line "
        "of 300 to 3400 Hz and mu-law (default: chebyshev1, the paper's)",
    )
    parser.add_argument(
        "--codec",
        choices=list(CODECS),
        metavar="CODEC",
        help=f"code what is narrowband: {', '.join(CODECS)}",
    )
    parser.add_argument(
        "--compression",
        type=parse_compression,
        metavar="LEVEL",
        help="of the codec, from 0, the best quality, to 1, the smallest file (default: its usual "
        "one)",
    )
    parser.add_argument(
        "--noise",
        type=parse_noise,
        metavar="DB",
        help="as the last step, add white noise this many dB below the narrowband recording",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one line of JSON, with the scores of each recording",
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")
    return parser


def run(args):
    """Print the scores.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments.

    Returns
    -------
    code : int
        0.

    Raises
    ------
    ValueError, OSError
        If there is no recording that can be used.
    """
    check_model(args)
    if args.model == SPLINE:
        args.parser.error("argument --model: the spline is in every table; name a model")
    if args.compression is not None and args.codec is None:
        args.parser.error("argument --compression: of which --codec? name one")
    if not args.folder.is_dir():
        raise NotADirectoryError(f"{args.folder} must be a folder of recordings: check the path")
    est = open_estimator(args.model, highband_gain=args.highband_gain, device=args.device)
    if est.sampling_rate is None:
        raise ValueError(
            f"{args.model} must say its sampling rate, got None: set it before saving, "
            "est.set_params(sampling_rate=16000)"
        )
    degradation = _make_degradation(args, est.upsampling_ratio_, est.sampling_rate)
    recordings = _read_recordings(args.folder, est, args.parser.prog)
    report = _make_report(est, recordings, degradation, args)
    if args.json:
        print_json(report)
    else:
        _print_report(report)
    return 0


def _make_report(est, recordings, degradation, args):
    Y, ratio, rate = recordings.clips, est.upsampling_ratio_, est.sampling_rate
    X = Y
    for step in degradation:
        X = step.fit_transform(X)
    scores = {
        _BOUND: _score(Y, ideal_lowband(Y, ratio)),
        _SPLINE: _score(Y, SplineUpsampler().fit(X[:1], Y[:1]).predict(X)),
        _LINEAR: _score_linear(X, Y, recordings.groups),
    }
    seconds = sum(y.shape[-1] for y in Y) / rate
    start = time.perf_counter()
    with open_bar(args.model, seconds, quiet=args.quiet) as bar:
        Y_pred = [_predict(est, x, bar) for x in X]
    elapsed = time.perf_counter() - start
    scores[args.model] = _score(Y, Y_pred)
    return {
        "folder": os.fspath(args.folder),
        "model": args.model,
        "highband_gain": getattr(est, "highband_gain", None),
        "filter": args.filter,
        "codec": args.codec,
        "compression": args.compression,
        "noise_db": args.noise,
        "sampling_rate": rate,
        "narrowband_rate": rate / ratio,
        "recordings": recordings.filenames,
        "seconds": round(seconds, 6),
        "times_real_time": round(seconds / elapsed, 2),
        "methods": {name: _summarise(s, recordings.filenames) for name, s in scores.items()},
    }


def _make_degradation(args, ratio, rate):
    """Give the steps from wideband recordings to what the model is given."""
    if args.filter == _TELEPHONE:
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


def _read_recordings(folder, est, prog):
    """Read what can serve: of the model's rate or a higher one, and not silent."""
    rate, ratio = est.sampling_rate, est.upsampling_ratio_
    with warnings.catch_warnings():
        # such files are left out here, and told below
        warnings.filterwarnings("ignore", ".* have a lower rate than sampling_rate", UserWarning)
        recordings = load_audio_folder(folder, sampling_rate=rate, min_duration=2 * ratio / rate)
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


def _predict(est, x, bar):
    y = est.predict([x])[0]
    bar.update(y.shape[-1] / est.sampling_rate)
    return y


def _score(Y, Y_pred):
    """Give both metrics of each recording."""
    return {
        "snr_db": signal_to_noise_ratio(Y, Y_pred, average=None),
        "lsd": log_spectral_distance(Y, Y_pred, average=None),
    }


def _score_linear(X, Y, groups):
    """Score filters, each fitted without the recordings (and their sub-folder) that it restores."""
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
    return _score(Y, Y_pred)


def _summarise(score, names):
    """Give means, worst recordings and all values; None if there is no score."""
    if score is None:
        return None
    places = {"snr_db": int(np.argmin(score["snr_db"])), "lsd": int(np.argmax(score["lsd"]))}
    return {
        **{key: float(np.mean(values)) for key, values in score.items()},
        "worst": {
            key: {"value": float(score[key][i]), "recording": names[i]} for key, i in places.items()
        },
        "of_each": {key: values.tolist() for key, values in score.items()},
    }


def _print_report(report):
    n = len(report["recordings"])
    print_line(
        f"{n} recording{'s' if n > 1 else ''}, {report['seconds'] / 60:.1f} minutes, from "
        f"{report['narrowband_rate']:g} to {report['sampling_rate']:g} Hz behind "
        f"{_describe_degradation(report)}; {report['model']}: "
        f"{describe_speed(report['times_real_time'])}"
    )
    print_line("")
    methods = {name: summary for name, summary in report["methods"].items() if summary}
    header = ["method", "SNR (dB)", "LSD", "worst SNR (dB)", "", "worst LSD", ""]
    print_table(header, [_make_row(name, summary) for name, summary in methods.items()])
    print_line("")
    print_line(
        "The linear filter learned from the folder's other recordings."
        if _LINEAR in methods
        else "No linear filter: it would learn from the folder's other recordings, and there is "
        "none."
    )


def _describe_degradation(report):
    parts = [f"the filter {report['filter']}"]
    if report["filter"] == _TELEPHONE:
        parts = ["a telephone line"]
    if report["codec"] is not None:
        level = report["compression"]
        parts.append(report["codec"] + ("" if level is None else f" of compression {level:g}"))
    if report["noise_db"] is not None:
        parts.append(f"noise {report['noise_db']:g} dB below")
    return ", ".join(parts)


def _make_row(name, summary):
    row = [name, f"{summary['snr_db']:.2f}", f"{summary['lsd']:.2f}"]
    for key in ("snr_db", "lsd"):
        worst = summary["worst"][key]
        row += [f"{worst['value']:.2f}", worst["recording"]]
    return row
