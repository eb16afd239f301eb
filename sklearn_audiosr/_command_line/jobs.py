"""Plan which files `upsample` writes, and find every problem before any work begins."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn_audiosr._command_line.console import InputError, describe_error
from sklearn_audiosr._command_line.descriptors import is_descriptor
from sklearn_audiosr._command_line.model_options import (
    SPLINE,
    check_model,
    choose_shipped,
    describe_rates,
    find_nearest,
    list_shipped,
)
from sklearn_audiosr._command_line.problems import (
    find_folder_problems,
    find_lost_sources,
    find_shared_targets,
    find_source_problems,
    find_target_problems,
)
from sklearn_audiosr._command_line.suggestion import suggest
from sklearn_audiosr._files.bands import check_band
from sklearn_audiosr._files.encoding import check_format
from sklearn_audiosr._files.rates import describe_rate, find_rates, is_header_of


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
    own_rate = args.resample or args.assume_bandwidth is not None
    if (args.model == SPLINE) != (args.ratio is not None):
        needs = "--model spline needs --ratio, 2 for example, and no other model takes it"
        fail(needs + _suggest_spline(args))
    if args.model == SPLINE and own_rate:
        needs = "--model spline takes files as they are: leave --resample, --assume-bandwidth out"
        fail(needs + _suggest_spline(args))
    if args.output_folder is None and args.suffix is not None and not is_descriptor(args.files[-1]):
        fail("--suffix is for --output-folder; a TARGET has its own")
    if args.output_folder is None and len(args.files) == 1:
        fail("the target is missing: SOURCE TARGET, or SOURCE... --output-folder FOLDER")
    if args.output_folder is None and len(args.files) > 2:
        fail("several sources need --output-folder FOLDER")
    if args.suffix is not None and not args.suffix.startswith("."):
        fail(f"argument --suffix: must begin with a dot, as .flac does, got {args.suffix!r}")
    if args.model is None and own_rate:
        needs = "--resample and --assume-bandwidth need --model: the rate can't choose a model then"
        fail(needs + _suggest_model(args))


def _suggest_spline(args):
    """Return the command line that has what ``--model spline`` needs, and nothing else."""
    options, drop = [], []
    if args.model is None:
        options = ["--model", SPLINE]
    elif args.model != SPLINE:
        drop = ["--ratio"]
    elif args.ratio is None:
        options = ["--ratio", "2"]
    if args.model in (None, SPLINE):
        drop = ["--resample", "--assume-bandwidth"]
    return suggest(args, options, drop=drop)


def _suggest_model(args):
    """Return the command line with a model for the rate of the first source, if that is known."""
    import soundfile

    from sklearn_audiosr._files.reading import read_header

    try:
        rate = read_header(args.files[0]).samplerate
    except (soundfile.SoundFileError, OSError, ValueError):  # it is no time to tell of that
        return ""
    name, _ = find_nearest(list_shipped(), rate)
    return suggest(args, ["--model", name]) if name else ""


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
    _choose_models(jobs, args)
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


def _choose_models(jobs, args):
    """Set the model of each job: the one that the user named, or the one for the file's rate."""
    shipped = [] if args.model else list_shipped()
    for job in jobs:
        job.model = args.model or choose_shipped(shipped, job.info.samplerate)
    groups: dict[tuple[str | None, bool], list[Job]] = {}
    for job in jobs:
        if job.model is None:
            groups.setdefault(find_nearest(shipped, job.info.samplerate), []).append(job)
    stop_at(
        problem
        for (name, takes_rate), group in groups.items()
        for problem in _find_unchosen(group, jobs, name, takes_rate, shipped, args)
    )


def _find_unchosen(group, jobs, name, takes_rate, shipped, args):
    """Yield a line for each job without a model; in the last, the command line that works."""
    for job in group:
        rate = job.info.samplerate
        problem = (
            f"{job.source} has {rate} Hz, which does not choose one model of speech: name one "
            "with --model, and pass --resample or --assume-bandwidth auto where the rate differs. "
            f"There are: {describe_rates(shipped)}"
        )
        if job is group[-1] and name is not None:
            others = {str(job.source) for job in jobs} - {str(job.source) for job in group}
            options = ["--model", name, *([] if takes_rate else ["--resample"])]
            problem += suggest(args, options, without=others)
        yield problem


def find_mismatches(jobs, estimators, args):
    """Yield what does not fit the estimators: formats of targets, then rates of sources.

    Parameters
    ----------
    jobs : list of Job
        With the headers of their sources, and their models.
    estimators : dict of str to estimator
        The estimator of each model.
    args : argparse.Namespace
        Arguments of `upsample`.

    Yields
    ------
    problem : str
        One line; the last of a rate ends in the command line that works.
    """
    may_be_higher = args.assume_bandwidth is not None
    problems, fitting = [], set()
    for job in jobs:
        est = estimators[job.model]
        found = [] if args.resample else list(_find_rate_problems(job, est, may_be_higher))
        problems += found
        if not found:
            fitting.add(str(job.source))
        yield from _find_format_problems(job, est, args, known_rate=not found)
    if problems:
        without = fitting if may_be_higher else ()  # these may need --assume-bandwidth
        problems[-1] += suggest(args, ["--resample"], drop=["--assume-bandwidth"], without=without)
    yield from problems


def _find_format_problems(job, est, args, known_rate):
    """Yield what is wrong with the rates of an estimator or the format of a target."""
    band = args.assume_bandwidth
    try:
        if known_rate:
            rates = find_rates(est, job.info.samplerate, args.resample, band)
            if band not in (None, "auto"):
                check_band(None, job.source, band, rates[0])
    except ValueError as error:
        yield f"{job.source}: {describe_error(error)}"
        return
    wide_rate = int(est.sampling_rate or job.info.samplerate * est.upsampling_ratio_)
    try:
        check_format(job.target, job.info, wide_rate)
    except ValueError as error:
        is_named_after_source = args.output_folder is not None and args.suffix is None
        remedy = ", or pass --suffix .wav" if is_named_after_source else ""
        yield describe_error(error).removesuffix(".") + remedy


def _find_rate_problems(job, est, may_be_higher):
    """Yield a problem if the rate of a source is neither the estimator's nor allowed."""
    if est.sampling_rate is None:
        return
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
