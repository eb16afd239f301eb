"""``upsample``: super-resolve sound files."""

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn_audiosr._clips import MAX_CHANNELS
from sklearn_audiosr._command_line.console import (
    FAILURES,
    InputError,
    describe_error,
    describe_speed,
    print_json,
    print_line,
    print_message,
    warnings_as_lines,
)
from sklearn_audiosr._command_line.model_options import (
    SPLINE,
    add_model_arguments,
    check_model,
    choose_shipped,
    describe_rates,
    list_shipped,
    open_estimator,
    parse_bandwidth,
    parse_ratio,
)
from sklearn_audiosr._command_line.progress import open_bar, watch_streams
from sklearn_audiosr._files.formats import find_format
from sklearn_audiosr._files.rates import describe_rate, is_header_of
from sklearn_audiosr._files.upsampling import upsample_file
from sklearn_audiosr._files.writing import check_target

_USAGE = """\
%(prog)s [options] SOURCE TARGET
       %(prog)s [options] SOURCE... --output-folder FOLDER"""

_DESCRIPTION = """\
Super-resolve sound files of any length in bounded memory. Sources are whatever
soundfile reads: WAV, FLAC, Ogg, MP3 and others, in mono or with channels. The
suffix of a target names its file format. A target has its name only when it is
complete."""

_EPILOG = """\
A model takes files of one rate. A file of another can be brought to that of a
--model with --resample; one whose band ends far below half its rate, an
upsampled call for example, with --assume-bandwidth auto."""


def add_parser(commands):
    """Add the subcommand; give its parser."""
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
    parser.add_argument(
        "--output-folder",
        type=Path,
        metavar="FOLDER",
        help="write each source under its own name into this folder, which is made if need be",
    )
    parser.add_argument(
        "--suffix", help="of the targets in --output-folder, .flac for example (default: as it is)"
    )
    add_model_arguments(parser, required=False)
    parser.add_argument(
        "--ratio", type=parse_ratio, metavar="R", help="upsampling ratio of --model spline"
    )
    rates = parser.add_mutually_exclusive_group()
    rates.add_argument(
        "--resample", action="store_true", help="bring files of another rate to the model's"
    )
    rates.add_argument(
        "--assume-bandwidth",
        type=parse_bandwidth,
        metavar="HZ",
        help="take the band of the source to end at so many Hz, or 'auto' to measure where",
    )
    parser.add_argument("--force", action="store_true", help="replace targets that exist")
    parser.add_argument(
        "--json", action="store_true", help="print a line of JSON for each target instead of text"
    )
    parser.add_argument(
        "--quiet", action="store_true", help="print neither a progress bar nor what was written"
    )
    return parser


@dataclass
class _Job:
    """One file to write, and what is known of its source."""

    source: Path
    target: Path
    info: Any = None
    model: str = ""


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
        If any file can't be read, written or served by the model; nothing is written then.
    """
    _check_options(args)
    jobs = _plan(args)
    _stop_at(
        p for job in jobs for p in (*_find_source_problems(job), *_find_target_problems(job, args))
    )
    _stop_at(_find_lost_sources(jobs))
    _choose_models(jobs, args)
    estimators = {
        model: open_estimator(
            model, ratio=args.ratio, highband_gain=args.highband_gain, device=args.device
        )
        for model in dict.fromkeys(job.model for job in jobs)
    }
    _stop_at(p for job in jobs for p in _find_mismatches(job, estimators[job.model], args))
    if args.output_folder is not None:
        args.output_folder.mkdir(parents=True, exist_ok=True)
    done = [_try_job(job, estimators[job.model], args) for job in jobs]
    return 0 if all(done) else 1


def _check_options(args):
    """End with wrong usage where options don't go together."""
    fail = args.parser.error
    check_model(args)
    if (args.model == SPLINE) != (args.ratio is not None):
        fail("--model spline needs --ratio, 2 for example, and no other model takes it")
    own_rate = args.resample or args.assume_bandwidth
    if args.model == SPLINE and own_rate:
        fail("--model spline takes files as they are: leave --resample, --assume-bandwidth out")
    if args.model is None and own_rate:
        fail("--resample and --assume-bandwidth need --model: the file's rate does not choose one")
    if args.output_folder is None and args.suffix is not None:
        fail("--suffix is for --output-folder; a TARGET has its own")
    if args.output_folder is None and len(args.files) == 1:
        fail("the target is missing: SOURCE TARGET, or SOURCE... --output-folder FOLDER")
    if args.output_folder is None and len(args.files) > 2:
        fail("several sources need --output-folder FOLDER")
    if args.suffix is not None and not args.suffix.startswith("."):
        fail(f"argument --suffix: must begin with a dot, as .flac does, got {args.suffix!r}")


def _plan(args):
    """Give the jobs; two with one target are a problem."""
    if args.output_folder is None:
        source, target = map(Path, args.files)
        return [_Job(source, target)]
    if args.output_folder.exists() and not args.output_folder.is_dir():
        _stop_at([f"{args.output_folder} is a file: name a folder for the targets"])
    jobs: list[_Job] = []
    of_target: dict[str, list[_Job]] = {}  # by what it is called where links have been followed
    for source in map(Path, args.files):
        name = source.name if args.suffix is None else source.stem + args.suffix
        jobs.append(_Job(source, args.output_folder / name))
        of_target.setdefault(os.path.realpath(jobs[-1].target), []).append(jobs[-1])
    _stop_at(
        f"{' and '.join(str(job.source) for job in same)} would all become {same[-1].target}: "
        "upsample them into folders of their own"
        for same in of_target.values()
        if len(same) > 1
    )
    return jobs


def _stop_at(problems):
    """Raise InputError if there are problems."""
    if found := list(problems):
        raise InputError(found)


def _find_source_problems(job):
    """Yield what is wrong with a job's source, whatever the model; read its header."""
    import soundfile

    from sklearn_audiosr._files.reading import read_header

    source = job.source
    if source.is_dir():
        yield f"{source} is a folder: name the files in it, as {source / '*.wav'} does"
    elif not source.exists():
        yield f"{source} does not exist: check the path"
    elif not source.is_file():  # what is read to check it can't be read again
        yield f"{source} is a pipe or a device: write it to a file first"
    else:
        try:
            job.info = read_header(source)
        except (soundfile.LibsndfileError, OSError) as error:
            yield describe_error(error)
            return
        if job.info.frames == 0:
            yield f"{source} has no timepoint: leave it out"
        if job.info.channels > MAX_CHANNELS:
            yield f"{source} has {job.info.channels} channels, of {MAX_CHANNELS} at most: split it"


def _find_target_problems(job, args):
    """Yield what is wrong with a job's target, whatever the model."""
    source, target = job.source, job.target
    if target.is_dir():
        yield f"{target} is a folder: add a name, or pass --output-folder {target}"
        return
    if target.exists() and source.exists() and target.samefile(source):
        yield f"{target} is the source: give the target another name"
        return
    try:
        if args.output_folder is None or target.exists():  # a folder for many is made
            check_target(target, "target")
    except (OSError, ValueError) as error:
        yield describe_error(error)
        return
    if target.exists() and not args.force:
        yield f"{target} exists: pass --force to replace it"


def _find_lost_sources(jobs):
    """Yield which sources would be replaced by what others become, by whatever name."""
    sources = {_identify(job.source): job.source for job in jobs}
    for job in jobs:
        if job.target.exists() and (lost := sources.get(_identify(job.target))):
            yield f"{job.target} is the source {lost}: give the target of {job.source} another name"


def _identify(path):
    status = path.stat()
    return status.st_dev, status.st_ino


def _choose_models(jobs, args):
    """Give each job its model: the one asked for, or the one that its rate chooses."""
    shipped = [] if args.model else list_shipped()
    for job in jobs:
        job.model = args.model or choose_shipped(shipped, job.info.samplerate)
    _stop_at(
        [
            f"{job.source} has {job.info.samplerate} Hz, for which there is no one model of "
            f"speech: choose with --model, and pass --resample or --assume-bandwidth auto where "
            f"the rate differs. There are: {describe_rates(shipped)}"
            for job in jobs
            if job.model is None
        ]
    )


def _find_mismatches(job, est, args):
    """Yield what of a job does not fit its estimator: the rate, or the target's file format."""
    wide_rate = est.sampling_rate or job.info.samplerate * est.upsampling_ratio_
    try:
        find_format(job.target, wide_rate)
    except ValueError as error:
        yield describe_error(error)
    if not args.resample and est.sampling_rate is not None:
        yield from _find_rate_problems(job, est, args.assume_bandwidth is not None)


def _find_rate_problems(job, est, may_be_higher):
    """Yield what is wrong with the rate of a job's source."""
    rate = job.info.samplerate
    narrow_rate = est.sampling_rate / est.upsampling_ratio_
    if is_header_of(rate, narrow_rate) or (may_be_higher and rate > narrow_rate):
        return
    remedy = "pass --resample"
    if may_be_higher:
        remedy += " instead of --assume-bandwidth"
    if rate > narrow_rate:
        remedy += f", or --assume-bandwidth auto if its band ends far below {rate / 2:g} Hz"
    yield (
        f"{job.source} must have {describe_rate(narrow_rate)} for {job.model}, got {rate} Hz: "
        f"{remedy}, or another --model"
    )


def _try_job(job, est, args):
    """Tell whether a file was written; the others are still to come."""
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
    """Write a target; give the report."""
    from sklearn_audiosr._files.reading import read_header

    rates = {}
    if args.resample:
        rates["resample"] = True
    if args.assume_bandwidth is not None:
        rates["assume_bandwidth"] = args.assume_bandwidth
    start = time.perf_counter()
    with open_bar(job.source.name, job.info.duration, quiet=args.quiet) as bar:
        watched = watch_streams(est, bar, job.info.samplerate)
        upsample_file(watched, job.source, job.target, **rates)
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
