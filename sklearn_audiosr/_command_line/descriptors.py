"""Standard input and output, and other open descriptors, as the source and target of `upsample`."""

import os
import shutil
import stat
import sys
from contextlib import contextmanager, nullcontext, redirect_stdout

from sklearn_audiosr._command_line.console import InputError, show_as
from sklearn_audiosr._files.descriptors import find_descriptor
from sklearn_audiosr._files.parts import temporary_folder
from sklearn_audiosr._files.pipes import complete_header

_MARK = "-"  # standard input as a source, standard output as a target


def is_descriptor(path):
    """Return whether the target that a user named is standard output or another descriptor."""
    return path == _MARK or find_descriptor(path) is not None


@contextmanager
def descriptors_as_files(args):
    """Put temporary files in the place of descriptors among the source and the target.

    A source is read to its end before: its header, and then its sound. A target goes to its
    descriptor when it is complete; meanwhile what would be printed to stdout goes to stderr.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of `upsample`, whose `files` are replaced.

    Raises
    ------
    InputError
        If a descriptor is closed, a terminal, or the wrong one.
    """
    if args.output_folder is not None:
        if _MARK in args.files:
            raise InputError(["- has no name for a target in a folder: pass SOURCE TARGET"])
        yield
        return
    source, target = args.files
    reading = 0 if source == _MARK else find_descriptor(source)
    writing = 1 if target == _MARK else find_descriptor(target)
    output = _name(target, "standard output")
    if writing is not None:
        _check_writing(writing, output)
    with temporary_folder() as folder:
        if reading is not None:
            source = _copy_source(reading, folder / "input", _name(source, "standard input"))
        if writing is not None:
            target = os.path.join(folder, f"output{args.suffix or '.wav'}")
            show_as(target, output)
        args.files = [source, target]
        with nullcontext() if writing is None else redirect_stdout(sys.stderr):
            yield
        if writing is not None and os.path.exists(target):
            with open(target, "rb") as file, open(os.dup(writing), "wb") as end:
                shutil.copyfileobj(file, end)


def _name(path, of_mark):
    return of_mark if path == _MARK else path


def _copy_source(descriptor, path, name):
    """Copy what a descriptor holds to a file; return its path."""
    try:
        if stat.S_ISCHR(os.fstat(descriptor).st_mode):
            raise InputError([f"{name} is a terminal or a device: pipe a sound file into it"])
    except OSError as error:
        raise InputError([f"{name} is closed: pipe a sound file into it"]) from error
    show_as(path, name)
    with open(os.dup(descriptor), "rb") as file, open(path, "w+b") as copy:
        shutil.copyfileobj(file, copy)
        complete_header(copy)
    return os.fspath(path)


def _check_writing(descriptor, name):
    """Raise InputError before any work if a sound file can't go to a descriptor."""
    try:
        os.write(descriptor, b"")
    except OSError as error:
        raise InputError([f"{name} can't be written to ({error.strerror}): open it"]) from error
    if os.isatty(descriptor):
        raise InputError([f"{name} is a terminal: redirect it into a file or a pipe"])
    if descriptor == 2:
        raise InputError([f"{name} has the messages of the program: take - for standard output"])
