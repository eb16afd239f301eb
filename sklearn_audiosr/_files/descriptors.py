"""Paths that name what this process has opened already, as /dev/stdout does."""

import os
import re


def find_descriptor(path: str | os.PathLike[str]) -> int | None:
    """Return the descriptor of this process that a path names.

    Parameters
    ----------
    path : path-like
        Any path; links are followed.

    Returns
    -------
    descriptor : int or None
        1 for /dev/stdout, /dev/fd/1, /proc/self/fd/1 and links to them; None for other paths, and
        on Windows, which has none of these.
    """
    text = os.path.abspath(path)
    for _ in range(40):  # as many links as Linux follows
        match = re.fullmatch(rf"/(?:dev|proc/(?:self|thread-self|{os.getpid()}))/fd/(\d+)", text)
        if match or not os.path.islink(text):
            return int(match[1]) if match else None
        text = os.path.normpath(os.path.join(os.path.dirname(text), os.readlink(text)))
    return None
