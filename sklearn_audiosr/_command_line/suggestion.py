"""The command line that a user meant, to be typed as it is printed."""

import os
import shlex
import subprocess

_ON_WINDOWS = os.name == "nt"

# Options that are dropped from a line, and whether a value follows them.
_TAKES_VALUE = {"--assume-bandwidth": True, "--ratio": True, "--resample": False}


def suggest(args, options=(), *, drop=(), without=()):
    """Return the command line that was typed, changed, as the end of a message.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of a subcommand, with its `parser` and `argv`.
    options : sequence of str, default=()
        Options to add.
    drop : sequence of str, default=()
        Options to leave out: some of "--assume-bandwidth", "--ratio" and "--resample".
    without : collection of str, default=()
        Files to leave out.

    Returns
    -------
    text : str
        A sentence that ends in the line, quoted for the shell.
    """
    kept = [text for text in _drop_options(args.argv[1:], drop) if text not in without]
    # options stand first: behind "--" they would be files
    words = [*args.parser.prog.split(), *options, *kept]
    return f". Type: {subprocess.list2cmdline(words) if _ON_WINDOWS else shlex.join(words)}"


def _drop_options(words, drop):
    kept: list[str] = []
    words = iter(words)
    for word in words:
        if word == "--":
            return [*kept, word, *words]
        name, has_value, _ = word.partition("=")
        # argparse takes the beginnings of options for them
        dropped = [option for option in drop if len(name) > 2 and option.startswith(name)]
        if not dropped:
            kept.append(word)
        elif _TAKES_VALUE[dropped[0]] and not has_value:
            next(words, None)
    return kept
