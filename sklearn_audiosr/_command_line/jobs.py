"""Plan which files `upsample` writes, and find every problem before any work begins."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn_audiosr._command_line.console import InputError, describe_error
from sklearn_audiosr._command_line.model_options import (
    SPLINE,
    check_model,
    choose_shipped,
    describe_rates,
    list_shipped,
)
from sklearn_audiosr._command_line.problems import (
    find_folder_problems,
    find_lost_sources,
    find_shared_targets,
    find_source_problems,
    find_target_problems,
)
from sklearn_audiosr._files.formats import find_format
from sklearn_audiosr._files.rates import describe_rate, is_header_of


@dataclass
class Job:
    """One file to write.

    Attributes
    ----------
    source, target : Path
        The file to read and the file to write.
    info : soundfile header or None
        Header of the source, once it has been read.
    model : str or None
        Model for the job, once it has been chosen.
    """

    source: Path
    target: Path
    info: Any = None
    model: str | None = None


def check_options(args):
    """Exit with a usage error if options do not go together.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of `upsample`.
    """
    fail = args.parser.error
    check_model(args)
    if (args.model == SPLINE) != (args.ratio is not None):
        fail("--model spline needs --ratio, 2 for example, and no other model takes it")
    own_rate = args.resample or args.assume_bandwidth
    if args.model == SPLINE and own_rate:
        fail("--model spline takes files as they are: leave --resample, --assume-bandwidth out")
    if args.model is None and own_rate:
        fail("--resample and --assume-bandwidth need --model: the rate can't choose a model then")
    if args.output_folder is None and args.suffix is not None:
        fail("--suffix is for --output-folder; a TARGET has its own")
    if args.output_folder is None and len(args.files) == 1:
        fail("the target is missing: SOURCE TARGET, or SOURCE... --output-folder FOLDER")
    if args.output_folder is None and len(args.files) > 2:
        fail("several sources need --output-folder FOLDER")
    if args.suffix is not None and not args.suffix.startswith("."):
        fail(f"argument --suffix: must begin with a dot, as .flac does, got {args.suffix!r}")


def plan_jobs(args):
    """Return the jobs, each with the header of its source and its model.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of `upsample`.

    Returns
    -------
    jobs : list of Job
        One for each source, in order.

    Raises
    ------
    InputError
        If a source can't be read, a target can't be written, or no model fits a source.
    """
    jobs = _pair_files(args)
    stop_at(
        problem
        for job in jobs
        for problem in (*find_source_problems(job, args.strict), *find_target_problems(job, args))
    )
    stop_at((*find_lost_sources(jobs), *find_folder_problems(jobs)))
    _choose_models(jobs, args.model)
    return jobs


def stop_at(problems: Iterable[str]):
    """Raise InputError if there are problems."""
    if found := list(problems):
        raise InputError(found)


def _pair_files(args):
    """Return a job for each source; raise InputError if two of them have one target."""
    if args.output_folder is None:
        source, target = map(Path, args.files)
        return [Job(source, target)]
    if args.output_folder.exists() and not args.output_folder.is_dir():
        stop_at([f"{args.output_folder} is a file: name a folder for the targets"])
    jobs = []
    for source in map(Path, args.files):
        name = source.name if args.suffix is None else source.stem + args.suffix
        jobs.append(Job(source, args.output_folder / name))
    stop_at(find_shared_targets(jobs))
    return jobs


def _choose_models(jobs, model):
    """Set the model of each job: the one that the user named, or the one for the file's rate."""
    shipped = [] if model else list_shipped()
    for job in jobs:
        job.model = model or choose_shipped(shipped, job.info.samplerate)
    stop_at(
        f"{job.source} has {job.info.samplerate} Hz, which does not choose one model of speech: "
        "name one with --model, and pass --resample or --assume-bandwidth auto where "
        f"the rate differs. There are: {describe_rates(shipped)}"
        for job in jobs
        if job.model is None
    )


def find_mismatches(job, est, args):
    """Yield what does not fit an estimator: the rate of the source, the target's format.

    Parameters
    ----------
    job : Job
        With the header of its source.
    est : estimator
        Estimator for the job.
    args : argparse.Namespace
        Arguments of `upsample`.

    Yields
    ------
    problem : str
        One line.
    """
    wide_rate = est.sampling_rate or job.info.samplerate * est.upsampling_ratio_
    try:
        find_format(job.target, wide_rate)
    except ValueError as error:
        is_named_after_source = args.output_folder is not None and args.suffix is None
        remedy = ", or pass --suffix .wav" if is_named_after_source else ""
        yield describe_error(error).removesuffix(".") + remedy
    if not args.resample and est.sampling_rate is not None:
        yield from _find_rate_problems(job, est, args.assume_bandwidth is not None)


def _find_rate_problems(job, est, may_be_higher):
    """Yield a problem if the rate of a source is neither the estimator's nor allowed."""
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
