"""``evaluate``: score how well a model restores the user's own recordings."""

import argparse
import os
from pathlib import Path

import numpy as np

from sklearn_audiosr._command_line.console import (
    describe_speed,
    print_json,
    print_line,
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
from sklearn_audiosr._command_line.restoration import (
    LINEAR,
    TELEPHONE,
    degrade,
    make_degradation,
    read_recordings,
    restore_by_baselines,
    restore_by_model,
    score,
)
from sklearn_audiosr._files.formats import CODECS
from sklearn_audiosr.degradation import FAMILIES

_DESCRIPTION = """\
Score how well a model restores the recordings in a folder and its sub-folders.
Each recording is degraded to the narrowband rate of the model and restored; the
result is compared with the recording: signal-to-noise ratio (SNR) in dB, higher
is better, and log-spectral distance (LSD: log10 of power, frames of 2048 every
512, powers clamped to 1e-8), lower is better. The first table has the means
over recordings and the worst recording for each. The second has what these two
do not hear of the highband: the error of its levels over time in dB^2 (blurred
onsets; lower is better) and their mean error (bias), the strongest line added
to its modulation (a buzz; below 2 dB there is none), and the share of the
recordings' harmonics (1 is best, 0 is noise). Recordings of a higher rate than
the model's are resampled first, those of a lower rate are skipped."""

_EPILOG = """\
The table compares the model with a cubic spline; with the best linear filter,
which is fitted on the other recordings of the folder, so it needs two of them
and has the advantage of their voices and microphones; and with the true lowband
and an empty highband: no method has a better SNR unless it predicts the
waveform of the highband. Where a score of the highband does not exist, or the
highband is next to empty (a bias below -20 dB), the table has a dash."""


def add_parser(commands):
    """Add the subcommand; return its parser."""
    parser = commands.add_parser(
        "evaluate",
        help="score a model on a folder of recordings",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="wideband recordings")
    add_model_arguments(parser, required=True)
    _add_degradation_arguments(parser)
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one line of JSON, with the scores of each recording",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="a recording that can't be read or was cut off is an error, no warning",
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")
    return parser


def _add_degradation_arguments(parser):
    parser.add_argument(
        "--filter",
        choices=[*FAMILIES, "random", TELEPHONE],
        default="chebyshev1",
        metavar="FILTER",
        help=f"low-pass filter before the decimation: {', '.join(FAMILIES)}; random: another one "
        "for each recording, the same in each run; telephone: a line of 300 to 3400 Hz with "
        "mu-law, for models from 8000 Hz (default: chebyshev1, as in the paper)",
    )
    parser.add_argument(
        "--codec",
        choices=list(CODECS),
        metavar="CODEC",
        help=f"encode and decode the narrowband recording: {', '.join(CODECS)}",
    )
    parser.add_argument(
        "--compression",
        type=parse_compression,
        metavar="LEVEL",
        help="compression of the codec, from 0, the best quality, to 1, the smallest file "
        "(default: the codec's own)",
    )
    parser.add_argument(
        "--noise",
        type=parse_noise,
        metavar="DB",
        help="last, add white noise this many dB below the narrowband recording",
    )


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
        If no recording can be used, or if the model does not fit the options.
    """
    check_model(args)
    if args.model == SPLINE:
        args.parser.error("argument --model: the spline is in every table; name a model")
    if args.compression is not None and args.codec is None:
        args.parser.error("argument --compression: of which --codec? name one")
    if not args.folder.is_dir():
        raise NotADirectoryError(f"{args.folder} must be a folder of recordings: check the path")
    est = open_estimator(
        args.model, highband_gain=args.highband_gain, lowband=args.lowband, device=args.device
    )
    if est.sampling_rate is None:
        raise ValueError(
            f"{args.model} must say its sampling rate, got None: set it before saving, "
            "est.set_params(sampling_rate=16000)"
        )
    degradation = make_degradation(args, est.upsampling_ratio_, est.sampling_rate)
    recordings = read_recordings(args.folder, est, args.parser.prog, args.strict)
    report = _make_report(est, recordings, degradation, args)
    if args.json:
        print_json(report)
    else:
        _print_report(report)
    return 0


def _make_report(est, recordings, degradation, args):
    Y, ratio, rate = recordings.clips, est.upsampling_ratio_, est.sampling_rate
    X = degrade(Y, degradation)
    methods = {}
    for name, Y_pred in restore_by_baselines(X, Y, recordings.groups, ratio):
        methods[name] = _summarise(Y, Y_pred, rate, ratio, recordings.filenames)
    Y_pred, elapsed = restore_by_model(est, X, label=args.model, quiet=args.quiet)
    methods[args.model] = _summarise(Y, Y_pred, rate, ratio, recordings.filenames)
    seconds = sum(y.shape[-1] for y in Y) / rate
    return {
        "folder": os.fspath(args.folder),
        "model": args.model,
        "highband_gain": getattr(est, "highband_gain", None),
        "lowband": getattr(est, "lowband", None),
        "filter": args.filter,
        "codec": args.codec,
        "compression": args.compression,
        "noise_db": args.noise,
        "sampling_rate": rate,
        "narrowband_rate": rate / ratio,
        "recordings": recordings.filenames,
        "seconds": round(seconds, 6),
        "times_real_time": round(seconds / elapsed, 2),
        "methods": methods,
    }


def _summarise(Y, Y_pred, rate, ratio, names):
    """Return means, worst recordings and all values; None if there are no predictions."""
    if Y_pred is None:
        return None
    of_each, of_all = score(Y, Y_pred, rate, ratio)
    places = {"snr_db": int(np.argmin(of_each["snr_db"])), "lsd": int(np.argmax(of_each["lsd"]))}
    return {
        **of_all,
        "worst": {
            key: {"value": float(of_each[key][i]), "recording": names[i]}
            for key, i in places.items()
        },
        "of_each": {key: values.tolist() for key, values in of_each.items()},
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
    header = ["highband", "over time (dB^2)", "bias (dB)", "line (dB)", "at (Hz)", "harmonics"]
    print_table(header, [_make_highband_row(name, s) for name, s in methods.items()])
    print_line("")
    print_line(
        "The linear filter learned from the folder's other recordings."
        if LINEAR in methods
        else "No linear filter: it would learn from the folder's other recordings, and there is "
        "none."
    )


def _describe_degradation(report):
    parts = [f"the filter {report['filter']}"]
    if report["filter"] == TELEPHONE:
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


def _make_highband_row(name, summary):
    keys = ["level_temporal_db2", "level_bias_db", "line_db", "line_hz", "harmonicity"]
    values = [summary[key] for key in keys]
    digits = (1, 1, 1, 1, 2)
    cells = zip(values, digits, strict=True)
    return [name, *("-" if np.isnan(value) else f"{value:.{n}f}" for value, n in cells)]
