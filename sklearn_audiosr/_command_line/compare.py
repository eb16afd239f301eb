"""``compare``: score sound files against a reference."""

import argparse
import math
import os
import warnings
from itertools import zip_longest

import numpy as np

from sklearn_audiosr._command_line.console import (
    FAILURES,
    describe_error,
    print_json,
    print_line,
    print_message,
    print_table,
)
from sklearn_audiosr._command_line.model_options import parse_ratio
from sklearn_audiosr.metrics import BlockwiseScores

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
    _check_reference(reference)
    with _open(reference) as true:
        rate = true.samplerate
    scores, problems = _score_all(reference, others, args)
    metrics = _find_metrics(args.ratio)
    worst = {key: _find_worst(scores, key, find) for key, (_, find) in metrics.items()}
    if args.json and scores:
        files = [{"file": name, **score} for name, score in scores]
        print_json({"reference": reference, "sampling_rate": rate, "files": files, "worst": worst})
    elif scores:
        _print_scores(scores, metrics, worst)
    for problem in problems:
        print_message(f"{args.parser.prog}: error: {problem}")
    return 1 if problems else 0


def _score_all(reference, others, args):
    """Return pairs of name and scores, and the problems of the files that have none."""
    scores: list[tuple[str, dict[str, float]]] = []
    problems: dict[str, None] = {}
    for other in others:
        try:
            with _open(reference) as true, _open(other) as pred:
                _check_headers(true, pred)
                scores.append((other, _score(true, pred, args)))
        except FAILURES as error:
            if args.debug:
                raise
            problems[describe_error(error)] = None  # that of the reference once
    return scores, [*problems]


def _check_reference(path):
    """Raise ValueError for a pipe: the reference is read anew with each of the others."""
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        raise ValueError(f"{path} is a pipe, and the reference must be a file: write it to one")


def _open(path):
    from sklearn_audiosr._files.reader import SequentialReader

    if path == "-":
        raise ValueError("- is no file here: write standard input to a file first")
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path} does not exist: check the path")
    return SequentialReader(path)


def _check_headers(true, pred):
    """Raise ValueError if two files can't be compared, as far as their headers say."""
    from sklearn_audiosr._files.reader import tells_length

    if pred.samplerate != true.samplerate:
        raise ValueError(
            f"{pred.name} must have the rate of the reference, {true.samplerate} Hz, got "
            f"{pred.samplerate}: upsample it first, or resample it to that rate"
        )
    if pred.channels != true.channels:
        raise ValueError(
            f"{pred.name} must have the reference's {true.channels} channels, got {pred.channels}"
        )
    if all(tells_length(file) and file.frames for file in (true, pred)):
        _check_lengths(true, pred, true.frames, pred.frames)


def _check_lengths(true, pred, n_true, n_pred):
    if abs(n_pred - n_true) > _MAX_SECONDS_CUT * true.samplerate:
        raise ValueError(
            f"{pred.name} must be as long as the reference, {n_true} timepoints, got "
            f"{n_pred}: cut both to the same part"
        )


def _score(true, pred, args):
    """Read two files block by block, and return the scores."""
    scores = BlockwiseScores(true.channels, args.ratio)
    n_true = n_pred = n_both = 0
    end = np.empty((true.channels, 0), dtype=np.float32)
    blocks = (_read_blocks(file, args.strict) for file in (true, pred))
    for block_true, block_pred in zip_longest(*blocks, fillvalue=end):
        n_same = min(block_true.shape[1], block_pred.shape[1])
        scores.update(block_true[:, :n_same], block_pred[:, :n_same])
        n_true += block_true.shape[1]
        n_pred += block_pred.shape[1]
        n_both += n_same
    _check_lengths(true, pred, n_true, n_pred)
    if n_true != n_pred:
        which = "longer than" if n_pred > n_true else "short of"
        warnings.warn(
            f"{pred.name} is {abs(n_pred - n_true)} timepoints {which} the reference; only the "
            f"first {n_both} of both are compared",
            stacklevel=2,
        )
    return scores.result()


def _read_blocks(file, strict):
    """Yield blocks of a file, of shape (n_channels, n_timepoints), equally long but the last."""
    from sklearn_audiosr._files.blocks import N_READ
    from sklearn_audiosr._files.reading import read_frames

    n_block, n_read = max(1, N_READ // file.channels), 0
    while len(block := read_frames(file, n_block)):
        if not np.isfinite(block).all():
            raise ValueError(f"{file.name} holds NaN or infinity: repair the file")
        n_read += len(block)
        yield block.T
    if n_read == 0:
        raise ValueError(f"{file.name} holds no timepoint: repair the file")
    if fault := file.find_fault(n_read):
        if strict:
            raise ValueError(f"{file.name} {fault}; leave out --strict to take it")
        warnings.warn(f"{file.name} {fault}", stacklevel=2)


def _print_scores(scores, metrics, worst):
    header = ["file", *(title for title, _ in metrics.values())]
    print_table(header, [[name, *(f"{s[key]:.2f}" for key in metrics)] for name, s in scores])
    if len(scores) > 1:
        print_line("")
        for key, (title, _) in metrics.items():
            if worst[key] is not None:
                print_line(f"worst {title}: {worst[key]['value']:.2f}, {worst[key]['file']}")


def _find_metrics(ratio):
    """Return the title of each score, and the function that picks the worst value, by key."""
    metrics = {
        "snr_db": ("SNR (dB)", min),
        "si_sdr_db": ("SI-SDR (dB)", min),
        "lsd": ("LSD", max),
    }
    for band in ("lowband", "highband") if ratio else ():
        metrics[f"{band}_lsd"] = (f"{band} LSD", max)
    return metrics


def _find_worst(scores, key, find):
    """Return the worst value and its file; None if every value is NaN."""
    known = [(score[key], name) for name, score in scores if not math.isnan(score[key])]
    if not known:
        return None
    value, name = find(known, key=lambda pair: pair[0])
    return {"value": value, "file": name}
