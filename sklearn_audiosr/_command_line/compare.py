"""``compare``: score sound files against a reference."""

import argparse
import math
import os

import numpy as np

from sklearn_audiosr._command_line.console import (
    print_json,
    print_line,
    print_message,
    print_table,
)
from sklearn_audiosr._command_line.model_options import parse_ratio
from sklearn_audiosr.metrics import (
    log_spectral_distance,
    scale_invariant_sdr,
    signal_to_noise_ratio,
)

_DESCRIPTION = """\
Score sound files against a reference of the same rate: signal-to-noise ratio
(SNR) and scale-invariant signal-to-distortion ratio (SI-SDR) in dB, higher is
better, and log-spectral distance (LSD: log10 of power, frames of 2048
timepoints every 512, powers clamped to 1e-8), lower is better. Files are not
aligned: a delay of one timepoint already makes the SNR poor."""

# A program that works in whole narrowband frames may change the length by this much.
_MAX_SECONDS_CUT = 0.01


def add_parser(commands):
    """Add the subcommand; return its parser."""
    parser = commands.add_parser(
        "compare",
        usage="%(prog)s [options] REFERENCE OTHER...",
        help="score files against a reference",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="the reference, then the files to score"
    )
    parser.add_argument(
        "--ratio",
        type=parse_ratio,
        metavar="R",
        help="upsampling ratio; adds the LSD of the lowband and that of the highband",
    )
    parser.add_argument(
        "--strict", action="store_true", help="a file that was cut off is an error, no warning"
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
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
    ValueError, soundfile.LibsndfileError, OSError
        If files can't be read, or differ in rate, channels or length.
    """
    if len(args.files) == 1:
        args.parser.error("there is nothing to compare with it: REFERENCE OTHER...")
    reference, *others = args.files
    true, rate = _read(reference, args)
    metrics = _make_metrics(args.ratio)
    scores = [_score(true, rate, other, metrics, args) for other in others]
    worst = {key: _find_worst(others, [s[key] for s in scores], metrics[key]) for key in metrics}
    if args.json:
        files = [{"file": name, **score} for name, score in zip(others, scores, strict=True)]
        print_json({"reference": reference, "sampling_rate": rate, "files": files, "worst": worst})
        return 0
    _print_scores(others, scores, metrics, worst)
    return 0


def _print_scores(names, scores, metrics, worst):
    header = ["file", *(title for title, *_ in metrics.values())]
    rows = zip(names, scores, strict=True)
    print_table(header, [[name, *(f"{s[key]:.2f}" for key in metrics)] for name, s in rows])
    if len(names) > 1:
        print_line("")
        for key, (title, *_) in metrics.items():
            if worst[key] is not None:
                print_line(f"worst {title}: {worst[key]['value']:.2f}, {worst[key]['file']}")


def _make_metrics(ratio):
    """Return title, function, and the function that picks the worst value, by key."""
    metrics = {
        "snr_db": ("SNR (dB)", signal_to_noise_ratio, min),
        "si_sdr_db": ("SI-SDR (dB)", scale_invariant_sdr, min),
        "lsd": ("LSD", log_spectral_distance, max),
    }
    for band in ("lowband", "highband") if ratio else ():
        metrics[f"{band}_lsd"] = (f"{band} LSD", _make_band_lsd(band, ratio), max)
    return metrics


def _make_band_lsd(band, ratio):
    def band_lsd(y_true, y_pred):
        return log_spectral_distance(y_true, y_pred, band=band, upsampling_ratio=ratio)

    return band_lsd


def _read(path, args):
    """Return the clip of a file, of shape (n_channels, n_timepoints), and its rate."""
    from sklearn_audiosr._files.reading import read_file

    if not os.path.exists(path):
        raise FileNotFoundError(f"{path} does not exist: check the path")
    clip, rate, fault = read_file(path)
    if fault and args.strict:
        raise ValueError(f"{path} {fault}; leave out --strict to take it")
    if fault:
        print_message(f"{args.parser.prog}: warning: {path} {fault}")
    if not len(clip) or not np.isfinite(clip).all():
        what = "NaN or infinity" if len(clip) else "no timepoint"
        raise ValueError(f"{path} holds {what}: repair the file")
    return clip.T, rate


def _score(true, rate, path, metrics, args):
    pred, pred_rate = _read(path, args)
    if pred_rate != rate:
        raise ValueError(
            f"{path} must have the rate of the reference, {rate} Hz, got {pred_rate}: upsample it "
            "first, or resample it to that rate"
        )
    if len(pred) != len(true):
        raise ValueError(f"{path} must have the reference's {len(true)} channels, got {len(pred)}")
    n_timepoints = min(true.shape[1], pred.shape[1])
    n_more = pred.shape[1] - true.shape[1]
    if abs(n_more) > _MAX_SECONDS_CUT * rate:
        raise ValueError(
            f"{path} must be as long as the reference, {true.shape[1]} timepoints, got "
            f"{pred.shape[1]}: cut both to the same part"
        )
    if n_more:
        which = "longer than" if n_more > 0 else "short of"
        print_message(
            f"{args.parser.prog}: warning: {path} is {abs(n_more)} timepoints {which} the "
            f"reference; only the first {n_timepoints} of both are compared"
        )
    pair = true[None, :, :n_timepoints], pred[None, :, :n_timepoints]
    return {key: float(function(*pair)) for key, (_, function, _) in metrics.items()}


def _find_worst(names, values, metric):
    """Return the worst value and its file; None if every value is NaN."""
    known = [
        (value, name) for value, name in zip(values, names, strict=True) if not math.isnan(value)
    ]
    if not known:
        return None
    value, name = metric[-1](known, key=lambda pair: pair[0])
    return {"value": value, "file": name}
