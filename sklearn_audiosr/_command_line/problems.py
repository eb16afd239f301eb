"""What is wrong with the sources and targets of `upsample`, as one line each."""

import os
import tempfile
from pathlib import Path
from typing import Any

from sklearn_audiosr._clips import MAX_CHANNELS
from sklearn_audiosr._command_line.console import describe_error
from sklearn_audiosr._files.names import FileKey, find_key, has_dropped_end, is_device
from sklearn_audiosr._files.writing import check_target

_ON_WINDOWS = os.name == "nt"

# Names that differ so are one file on macOS and Windows: what a batch does is the same everywhere.
_ONE_NAME = "which differ in upper and lower case or in how accents are written only"


def find_source_problems(job, strict):
    """Read the header of a source; yield the problems that it has with every model."""
    import soundfile

    from sklearn_audiosr._files.reading import read_header

    source = job.source
    if source.is_dir():
        yield f"{source} is a folder: name the files in it, as {source / '*.wav'} does"
    elif not source.exists():
        yield f"{source} does not exist: check the path"
    elif not source.is_file():  # reading its header would use it up
        yield f"{source} is a pipe or a device: write it to a file first"
    else:
        try:
            job.info = read_header(source)
        except (soundfile.SoundFileError, OSError, ValueError) as error:
            yield describe_error(error)
            return
        if strict and job.info.fault:
            yield f"{source} {job.info.fault}; leave out --strict to take it"
        if job.info.frames == 0:
            yield f"{source} has no timepoint: leave it out"
        if job.info.channels > MAX_CHANNELS:
            yield f"{source} has {job.info.channels} channels, of {MAX_CHANNELS} at most: split it"


def find_target_problems(job, args):
    """Yield the problems that a target has with every model."""
    source, target = job.source, job.target
    try:
        if target.is_dir():
            yield f"{target} is a folder: add a name, or pass --output-folder {target}"
            return
        if target.exists() and source.exists() and target.samefile(source):
            yield f"{target} is the source: give the target another name"
            return
        if args.output_folder is None or target.exists():  # --output-folder is made if need be
            check_target(target, "target")
    except (OSError, ValueError) as error:
        yield describe_error(error)
        return
    if target.exists() and not args.force:
        yield f"{target} exists: pass --force to replace it"
    if _ON_WINDOWS and (is_device(target.name) or has_dropped_end(target.name)):
        yield f"{target} is no name of a file on Windows: give the target another name"


def find_folder_problems(jobs):
    """Yield the folders that no target can be written into, each once."""
    folders = (Path(os.path.realpath(job.target)).parent for job in jobs)
    for folder in dict.fromkeys(map(_find_existing, folders)):
        try:
            with tempfile.TemporaryFile(dir=folder):  # rights don't tell of a disk to read only
                pass
        except OSError as error:
            yield f"{folder} can't be written into ({error.strerror}): take another folder"


def _find_existing(folder):
    """Return the first folder above that exists: those below are made in it."""
    while not os.path.lexists(folder):
        folder = folder.parent
    return folder


def find_shared_targets(jobs):
    """Yield the sources that would replace each other's target on some file system."""
    by_target: dict[FileKey, list[Any]] = {}
    for job in jobs:
        by_target.setdefault(find_key(job.target), []).append(job)
    for same in by_target.values():
        if len(same) < 2:
            continue
        sources = _join(job.source for job in same)
        remedy = "upsample them into folders of their own"
        if len({os.path.realpath(job.target) for job in same}) == 1:
            yield f"{sources} would all become {same[-1].target}: {remedy}"
        else:
            targets = _join(dict.fromkeys(job.target for job in same))
            yield f"{sources} would become {targets}, {_ONE_NAME}: {remedy}"


def find_lost_sources(jobs):
    """Yield the sources that a target would replace, under any name."""
    sources = {_identify(job.source): job.source for job in jobs}
    folded = {find_key(job.source): job.source for job in jobs}
    for job in jobs:
        if job.target.exists() and (lost := sources.get(_identify(job.target))):
            yield f"{job.target} is the source {lost}: give the target of {job.source} another name"
        elif lost := folded.get(find_key(job.target)):
            yield (
                f"{job.target} may replace the source {lost}, {_ONE_NAME}: give the target of "
                f"{job.source} another name"
            )


def _identify(path):
    status = path.stat()
    return status.st_dev, status.st_ino


def _join(paths):
    return " and ".join(map(str, paths))
