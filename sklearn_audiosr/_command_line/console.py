"""What the subcommands print: lines, tables, JSON, and warnings and failures in a line each."""

import json
import math
import sys
import warnings
from contextlib import contextmanager

# What may go wrong with files, models and devices, and is told in one line; anything else is a
# fault of ours, whose traceback helps to mend it.
FAILURES = (OSError, ValueError, ImportError, RuntimeError, MemoryError)

# What the library's messages call its arguments.
_OPTIONS = {
    "resample=True": "--resample",
    'assume_bandwidth="auto"': "--assume-bandwidth auto",
}

# libsndfile's errors of a format that it does not know or can't decode, such as M4A; of what is
# damaged it has a hundred others. 2 is of the system, as for a folder.
_NOT_SOUND, _OF_SYSTEM = (1, 3, 4, 18), 2


class InputError(Exception):
    """Problems with the input, a line each, all found before any work.

    Parameters
    ----------
    problems : list of str
        At least one.
    """

    def __init__(self, problems):
        super().__init__(*problems)
        self.problems = problems


def describe_error(error):
    """Tell an error in one line.

    Parameters
    ----------
    error : Exception
        The error.

    Returns
    -------
    line : str
        Its message; of the system's errors without the number.
    """
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        text = str(error) or type(error).__name__
        remedy = _find_remedy(getattr(error, "code", _OF_SYSTEM))
        text = f"{text.removesuffix('.')}: {remedy}" if remedy else text
    return _spell_options(text)


def _find_remedy(code):
    """Tell what to do about an error of libsndfile."""
    if code in _NOT_SOUND:
        return "bring it to WAV, FLAC, Ogg or MP3 first, or copy it again if it is one of these"
    return None if code == _OF_SYSTEM else "it may be damaged: copy or export it again"


def _spell_options(text):
    """Put a message of the library in one line, with options in place of arguments."""
    for argument, option in _OPTIONS.items():
        text = text.replace(argument, option)
    return " ".join(text.split())


def print_line(text):
    """Print to stdout; characters that it can't encode are escaped."""
    _print(text, sys.stdout)


def print_message(text):
    """Print to stderr, above a bar that may be there."""
    if "tqdm" not in sys.modules:  # nobody has drawn one
        _print(text, sys.stderr)
        return
    from tqdm import tqdm

    with tqdm.external_write_mode(sys.stderr):
        _print(text, sys.stderr)


def _print(text, file):
    if file is None:  # the shell has closed it
        return
    encoding = file.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=file)


def print_json(value):
    """Print as one line of JSON; numbers that JSON lacks, NaN and infinity, become null.

    Parameters
    ----------
    value : object
        Of dicts, lists, texts and numbers.
    """
    print_line(json.dumps(_replace_non_finite(value), allow_nan=False))


def _replace_non_finite(value):
    if isinstance(value, dict):
        return {key: _replace_non_finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_non_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_table(header, rows):
    """Print a table: the first column to the left, those of numbers to the right.

    Parameters
    ----------
    header : list of str
        Titles of the columns.
    rows : list of list of str
        As many cells each.
    """
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    for cells in [header, *rows]:
        first, *others = zip(cells, widths, strict=True)
        line = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        print_line("  ".join(line).rstrip())


def describe_speed(times_real_time):
    """Tell how fast work went, in seconds of audio for each second."""
    digits = 1 if times_real_time < 10 else 0
    return f"{times_real_time:.{digits}f} times real time"


@contextmanager
def warnings_as_lines(prefix):
    """Print warnings as single lines to stderr.

    Parameters
    ----------
    prefix : str
        What stands before them.
    """

    def _show(message, category, filename, lineno, file=None, line=None):
        print_message(f"{prefix}: warning: {_spell_options(str(message))}")

    with warnings.catch_warnings():
        warnings.showwarning = _show
        yield
