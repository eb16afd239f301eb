"""Print lines, tables and JSON; print warnings and errors as one line each."""

import json
import math
import sys
import warnings
from contextlib import contextmanager

# Errors that files, models and devices cause: printed as one line. Any other error is a bug of
# this package, and its traceback is printed.
FAILURES = (OSError, ValueError, ImportError, RuntimeError, MemoryError)

# The options that stand for arguments in the library's messages.
_OPTIONS = {
    "resample=True": "--resample",
    "pass strict=False": "leave out --strict",
    'assume_bandwidth="auto"': "--assume-bandwidth auto",
}

# What the user called files that have temporary names.
_SHOWN: dict[str, str] = {}

# Codes of libsndfile's errors. Four say that the format is unknown or can't be decoded, M4A for
# example. 2 is an error of the operating system. About a hundred others say that a file is damaged.
_UNKNOWN_FORMAT, _SYSTEM_ERROR = (1, 3, 4, 18), 2


class InputError(Exception):
    """All problems that were found with the input before any work began.

    Parameters
    ----------
    problems : list of str
        One line each; at least one.
    """

    def __init__(self, problems):
        super().__init__(*problems)
        self.problems = problems


def describe_error(error):
    """Return the message of an error as one line, or as a list with a line for each file.

    Parameters
    ----------
    error : Exception
        The error.

    Returns
    -------
    text : str
        The message; that of a system error without its number.
    """
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        text = str(error) or type(error).__name__
        remedy = _find_remedy(getattr(error, "code", _SYSTEM_ERROR))
        text = f"{text.removesuffix('.')}: {remedy}" if remedy else text
    return _name_options(text)


def _find_remedy(code):
    """Return what to do about an error of libsndfile; None if the code does not say."""
    if code in _UNKNOWN_FORMAT:
        return "convert it to WAV, FLAC, Ogg or MP3 first, or copy it again if it is one of these"
    return None if code == _SYSTEM_ERROR else "it may be damaged: copy or export it again"


def _name_options(text):
    """Return a message of the library that names options instead of arguments.

    It is one line, unless the first one ends in a colon: then the others are a list of files.
    """
    for argument, option in _OPTIONS.items():
        text = text.replace(argument, option)
    first, *others = text.splitlines() or [""]
    if not first.endswith(":"):
        return " ".join(text.split())
    return "\n".join([first, *(line.rstrip() for line in others)])


def show_as(path, name):
    """Print a name in the place of a path from now on.

    Parameters
    ----------
    path : path-like
        A temporary file, whose name is never used again.
    name : str
        What the user called it.
    """
    _SHOWN[str(path)] = name


def print_line(text):
    """Print to stdout; escape characters that it can't encode."""
    _print(text, sys.stdout)


def print_message(text):
    """Print to stderr, above the progress bar if there is one."""
    if "tqdm" not in sys.modules:  # then there is no bar
        _print(text, sys.stderr)
        return
    from tqdm import tqdm

    with tqdm.external_write_mode(sys.stderr):
        _print(text, sys.stderr)


def _print(text, file):
    if file is None:  # the shell closed it
        return
    for path, name in _SHOWN.items():
        text = text.replace(path, name)
    encoding = file.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=file)


def print_json(value):
    """Print one line of JSON; NaN and infinity, which JSON lacks, become null.

    Parameters
    ----------
    value : object
        Dicts, lists, strings and numbers.
    """
    print_line(json.dumps(_replace_non_finite(value), allow_nan=False))


def _replace_non_finite(value):
    if isinstance(value, dict):
        return {key: _replace_non_finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_non_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_table(header, rows):
    """Print a table with its first column aligned left and the others aligned right.

    Parameters
    ----------
    header : list of str
        Titles of the columns.
    rows : list of list of str
        The cells of each row, one for each column.
    """
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    for cells in [header, *rows]:
        first, *others = zip(cells, widths, strict=True)
        line = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        print_line("  ".join(line).rstrip())


def describe_speed(times_real_time):
    """Return a speed in words: how many seconds of audio were done in a second."""
    digits = 1 if times_real_time < 10 else 0
    return f"{times_real_time:.{digits}f} times real time"


@contextmanager
def warnings_as_lines(prefix):
    """Print each warning as one line to stderr, a list of files with a line for each.

    Parameters
    ----------
    prefix : str
        Text before each line.
    """

    def _show(message, category, filename, lineno, file=None, line=None):
        print_message(f"{prefix}: warning: {_name_options(str(message))}")

    with warnings.catch_warnings():
        warnings.showwarning = _show
        yield
