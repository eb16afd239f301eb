"""Code of all fetchers of corpora: parameters, docstrings, and finding the unpacked files."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar

from sklearn.utils._param_validation import Interval

from sklearn_audiosr._validation import validated
from sklearn_audiosr.datasets._archives import unpack

_Fetcher = TypeVar("_Fetcher", bound=Callable[..., Any])

_CONSTRAINTS = {
    "sampling_rate": [Interval(Integral, 1, None, closed="left")],
    "data_home": [str, os.PathLike, None],
    "download_if_missing": ["boolean"],
    "n_retries": [Interval(Integral, 0, None, closed="left")],
    "delay": [Interval(Real, 0, None, closed="left")],
}

# The docstrings of the fetchers name these texts in braces.
_SHARED = {
    "{data home}": """\
Folder of all corpora. None takes the environment variable ``SKLEARN_AUDIOSR_DATA``,
    or ``~/sklearn_audiosr_data``.""",
    "{patience}": """\
n_retries : int, default=3
    Number of tries in a row without a new byte before an address is given up.
delay : float, default=1.0
    Seconds between two tries.""",
    "{clips}": """\
clips : lazy sequence of ndarray of shape (n_timepoints,), dtype float32
        A clip is read from its file when it is indexed; ``clips[train]`` reads nothing.""",
    "{entries}": """\
filenames : list of str
        The file of each clip, in order.
    left_out : list of str
        What is missing or cannot be read, each with the reason.
    sampling_rate : int
        Rate of the clips in Hz.
    licence : str
        The licence of the recordings.
    DESCR : str
        Source, citation, split, counts, and what is missing.""",
    "{no archive}": """\
OSError
    If the corpus is not there and is not downloaded, if the download fails (ConnectionError),
    if the archive is damaged, or if the disk is too full.""",
    "{no pooch}": """\
ImportError
    If something must be downloaded and pooch is not installed.""",
    "{left out}": """\
UserWarning
    One warning names what is left out.""",
}


def corpus_fetcher(**constraints: list[Any]) -> Callable[[_Fetcher], _Fetcher]:
    """Return a decorator of fetchers: it completes the docstring and checks the parameters.

    Parameters
    ----------
    **constraints : list
        Legal values of the parameters that not all fetchers have, as in scikit-learn's
        ``_parameter_constraints``.

    Returns
    -------
    decorate : callable
        Replaces the names in braces in a docstring by the texts that all fetchers share.
    """

    def decorate(fetch: _Fetcher) -> _Fetcher:
        document = inspect.getdoc(fetch)
        if document is not None:  # python -OO drops docstrings
            for name, text in _SHARED.items():
                document = document.replace(name, text)
            fetch.__doc__ = document
        return validated({**constraints, **_CONSTRAINTS})(fetch)

    return decorate


def find_or_unpack(
    find: Callable[[], Path | None],
    fetch_parts: Callable[[], list[Path]],
    folder: Path,
    keep: Callable[[str], bool],
    content: str,
) -> Path:
    """Return the folder of the recordings; fetch and unpack the archive if it is not there.

    Parameters
    ----------
    find : callable
        Returns the folder of the recordings, None if it is not there.
    fetch_parts : callable
        Returns the paths of the archive: one, or those of its parts in order.
    folder : Path
        Folder of the corpus; the archive is unpacked into ``unpacked`` below it.
    keep : callable
        Returns whether to unpack a member of the archive, given its name.
    content : str
        What the archive must hold, for the error message.

    Returns
    -------
    root : Path
        The folder of the recordings.

    Raises
    ------
    OSError
        If the archive cannot be fetched, is damaged, or holds something else.
    """
    root = find()
    if root is not None:
        return root
    parts = fetch_parts()
    unpack(parts, folder / "unpacked", keep)
    root = find()
    if root is None:
        raise OSError(
            f"{', '.join(part.name for part in parts)} in {parts[0].parent} must hold {content}, "
            "but has none: is it another version of the corpus?"
        )
    return root
