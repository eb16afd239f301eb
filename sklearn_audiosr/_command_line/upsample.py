"""``upsample``: super-resolve sound files."""

import argparse
import os
import time
from pathlib import Path

from sklearn_audiosr._command_line.console import (
    FAILURES,
    describe_error,
    describe_speed,
    print_json,
    print_line,
    print_message,
    warnings_as_lines,
)
from sklearn_audiosr._command_line.descriptors import descriptors_as_files
from sklearn_audiosr._command_line.jobs import check_options, find_mismatches, plan_jobs, stop_at
from sklearn_audiosr._command_line.model_options import (
    add_model_arguments,
    open_estimator,
    parse_bandwidth,
    parse_ratio,
)
from sklearn_audiosr._command_line.progress import open_bar
from sklearn_audiosr._files.upsampling import upsample_file

_USAGE = """\
%(prog)s [options] SOURCE TARGET
       %(prog)s [options] SOURCE... --output-folder FOLDER"""

_DESCRIPTION = """\
Super-resolve sound files of any length in bounded memory. A source is any file
that soundfile reads: WAV, FLAC, Ogg, MP3 and others, mono or with several
channels. The suffix of a target names its file format. A target appears under
its name only when it is complete. - is standard input as a source, and
standard output as a target."""

_EPILOG = """\
A model takes files of one rate. With --model, --resample converts a file of
another rate. --assume-bandwidth auto is for a file whose band ends far below
half its rate, such as a phone call that was upsampled."""


def add_parser(commands):
    """Add the subcommand; return its parser."""
    parser = commands.add_parser(
        "upsample",
        usage=_USAGE,
        help="super-resolve sound files",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="source and target, or sources for a folder"
    )
    _add_target_arguments(parser)
    add_model_arguments(parser, required=False)
    parser.add_argument(
        "--ratio", type=parse_ratio, metavar="R", help="upsampling ratio of --model spline"
    )
    _add_rate_arguments(parser)
    parser.add_argument(
        "--strict", action="store_true", help="a source that was cut off is an error, no warning"
    )
    parser.add_argument(
        "--json", action="store_true", help="print a line of JSON for each target instead of text"
    )
    parser.add_argument(
        "--quiet", action="store_true", help="print no progress bar and no line for each target"
    )
    return parser


def _add_target_arguments(parser):
    parser.add_argument(
        "--output-folder",
        type=Path,
        metavar="FOLDER",
        help="write a target for each source into this folder, under the source's name; the "
        "folder is made if need be",
    )
    parser.add_argument(
        "--suffix",
        help="suffix of the targets in --output-folder, .flac for example (default: the source's), "
        "or of what goes to standard output (default: .wav)",
    )
    parser.add_argument("--force", action="store_true", help="replace targets that exist")


def _add_rate_arguments(parser):
    rates = parser.add_mutually_exclusive_group()
    rates.add_argument(
        "--resample", action="store_true", help="convert files of another rate to the model's"
    )
    rates.add_argument(
        "--assume-bandwidth",
        type=parse_bandwidth,
        metavar="HZ",
        help="frequency where the band of the source ends, or 'auto' to measure it",
    )


def run(args):
    """Write the targets.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments.

    Returns
    -------
    code : int
        0, or 1 if a file failed.

    Raises
    ------
    InputError
        If a source can't be read, a target can't be written, or a model does not fit them.
        Nothing is written then.
    """
    check_options(args)
    with descriptors_as_files(args):
        return _run(args)


def _run(args):
    jobs = plan_jobs(args)
    estimators = {
        model: open_estimator(
            model,
            ratio=args.ratio,
            highband_gain=args.highband_gain,
            lowband=args.lowband,
            device=args.device,
        )
        for model in dict.fromkeys(job.model for job in jobs)
    }
    stop_at(find_mismatches(jobs, estimators, args))
    if args.output_folder is not None:
        args.output_folder.mkdir(parents=True, exist_ok=True)
    done = [_try_job(job, estimators[job.model], args) for job in jobs]
    return 0 if all(done) else 1


def _try_job(job, est, args):
    """Return whether the target was written; print the reason if not."""
    prefix = f"{args.parser.prog}: {job.source}"
    try:
        with warnings_as_lines(prefix):
            report = _upsample(job, est, args)
    except FAILURES as error:
        if args.debug:
            raise
        print_message(f"{prefix}: error: {describe_error(error)}")
        return False
    if args.json:
        print_json(report)
    elif not args.quiet:
        print_line(_describe(report))
    return True


def _upsample(job, est, args):
    """Write a target; return the report."""
    from sklearn_audiosr._files.reading import read_header

    options = {}
    if args.strict:
        options["strict"] = True
    if args.resample:
        options["resample"] = True
    if args.assume_bandwidth is not None:
        options["assume_bandwidth"] = args.assume_bandwidth
    start = time.perf_counter()
    with open_bar(job.source.name, job.info.duration, quiet=args.quiet) as bar:

        def show(seconds):
            bar.update(seconds - bar.n)

        upsample_file(est, job.source, job.target, progress=show, **options)
    elapsed = time.perf_counter() - start
    info = read_header(job.target)
    return {
        "source": os.fspath(job.source),
        "target": os.fspath(job.target),
        "model": job.model,
        "source_sampling_rate": job.info.samplerate,
        "sampling_rate": info.samplerate,
        "channels": info.channels,
        "format": info.format,
        "subtype": info.subtype,
        "seconds": round(info.duration, 6),
        "elapsed_seconds": round(elapsed, 3),
        "times_real_time": round(info.duration / elapsed, 2),
    }


def _describe(report):
    n_channels = report["channels"]
    channels = {1: "mono", 2: "stereo"}.get(n_channels, f"{n_channels} channels")
    return (
        f"{report['target']}: {report['sampling_rate']} Hz, {report['seconds']:.2f} s, {channels}, "
        f"{report['subtype']}; by {report['model']}, {describe_speed(report['times_real_time'])}"
    )
