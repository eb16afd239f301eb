"""The command line as a whole: subcommands, exit codes, and failures as one line."""

import argparse
import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

from sklearn_audiosr import __version__
from sklearn_audiosr._command_line import compare as _compare
from sklearn_audiosr._command_line import evaluate as _evaluate
from sklearn_audiosr._command_line import models as _models
from sklearn_audiosr._command_line import upsample as _upsample
from sklearn_audiosr._command_line.console import (
    FAILURES,
    InputError,
    describe_error,
    print_message,
    warnings_as_lines,
)

_COMMANDS = (_upsample, _compare, _evaluate, _models)

_INTERRUPTED = 130  # 128 and the number of the signal, as shells have it

_EPILOG = """\
examples:
  %(prog)s upsample phone.wav wide.wav
  %(prog)s upsample takes/*.flac --output-folder wide --model speech-4x-16k
  %(prog)s compare truth.wav wide.wav other.wav --ratio 4
  %(prog)s evaluate recordings --model speech-4x-16k

exit codes: 0 done; 1 failed, and stderr says why; 2 wrong usage; 130 interrupted;
143 terminated.
COMMAND --help tells more.
"""


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments, without the program's name; None takes those of the process.

    Returns
    -------
    code : int
        0 if all was done, 1 if an input failed, 2 without a command, 130 after Ctrl-C.

    Raises
    ------
    SystemExit
        As argparse does: with 2 for wrong usage, with 0 for ``--help`` and ``--version``; and with
        143 after SIGTERM.
    """
    parser = _make_parser()
    args = _parse(parser, argv)
    if args.command is None:
        parser.print_help(sys.stderr)
        return 2
    prog = args.parser.prog
    with warnings_as_lines(prog):
        try:
            with _exit_when_terminated():
                code = args.run(args)
            if sys.stdout is not None:  # the shell may have closed it
                sys.stdout.flush()
            return code
        except KeyboardInterrupt:
            print_message(f"{prog}: interrupted")
            return _INTERRUPTED
        except BrokenPipeError:  # who read our output has seen enough, as in "... | head -1"
            _silence_stdout()
            return 1
        except InputError as error:
            if args.debug:
                raise
            problems = error.problems
        except FAILURES as error:
            if args.debug:
                raise
            problems = [describe_error(error)]
    for problem in problems:
        print_message(f"{prog}: error: {problem}")
    return 1


@contextmanager
def _exit_when_terminated():
    """Let SIGTERM end the program as an exception does: half of a target is taken away then."""
    in_main = threading.current_thread() is threading.main_thread()  # Python takes signals there
    if not in_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:  # or it is ignored
        yield
        return

    def _exit(number, frame):
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _make_parser():
    parser = argparse.ArgumentParser(
        prog=_find_prog(),
        description="Audio super-resolution of sound files: a wideband file from a narrowband one.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"sklearn-audiosr {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in _COMMANDS:
        subparser = command.add_parser(commands)
        subparser.add_argument(
            "--debug", action="store_true", help="show the traceback of a failure"
        )
        subparser.set_defaults(run=command.run, parser=subparser)
    return parser


def _find_prog():
    name = Path(sys.argv[0]).name
    return name if name.startswith("sklearn-audiosr") else "python -m sklearn_audiosr"


def _parse(parser, argv):
    """Parse arguments; files may stand between options and after them."""
    args, rest = parser.parse_known_args(argv)
    if rest and (not hasattr(args, "files") or any(text.startswith("-") for text in rest)):
        getattr(args, "parser", parser).error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        args.files += rest  # argparse takes only those that stand together
    return args


def _silence_stdout():
    """Let what is still to be flushed at the end go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
