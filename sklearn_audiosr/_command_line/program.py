"""The program: choose the subcommand, run it, return the exit code, print errors as lines."""

import argparse
import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

from sklearn_audiosr import __version__
from sklearn_audiosr._command_line import compare, evaluate, models, upsample
from sklearn_audiosr._command_line.console import (
    FAILURES,
    InputError,
    describe_error,
    print_message,
    warnings_as_lines,
)

_COMMANDS = (upsample, compare, evaluate, models)

_INTERRUPTED = 130  # shells add 128 to the number of the signal

# Signals that end no process unless it asks for that, and those of its own faults, after which it
# can't go on.
_LEFT_ALONE = {
    "SIGCHLD", "SIGCLD", "SIGCONT", "SIGINFO", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG",
    "SIGWINCH", "SIGKILL", "SIGSTOP",
    "SIGABRT", "SIGIOT", "SIGBUS", "SIGEMT", "SIGFPE", "SIGILL", "SIGSEGV", "SIGSYS", "SIGTRAP",
}  # fmt: skip

_EPILOG = """\
examples:
  %(prog)s upsample phone.wav wide.wav
  %(prog)s upsample takes/*.flac --output-folder wide --model speech-4x-16k
  %(prog)s compare truth.wav wide.wav other.wav --ratio 4
  %(prog)s evaluate recordings --model speech-4x-16k

exit codes: 0 done; 1 failed, stderr says why; 2 wrong usage; 130 interrupted;
143 terminated; 128 and the number of another signal.
COMMAND --help explains the options of a command.
"""


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments without the program's name; None takes those of the process.

    Returns
    -------
    code : int
        0 if everything was done, 1 if something failed, 2 if there is no command, 130 after Ctrl-C.

    Raises
    ------
    SystemExit
        By argparse, with code 2 after wrong usage and 0 after ``--help`` and ``--version``; and
        with code 143 after SIGTERM, 129 after SIGHUP, and so on for all that can be caught.
    """
    parser = make_parser()
    args = parse(parser, argv)
    if args.command is None:
        parser.print_help(sys.stderr)
        return 2
    prog = args.parser.prog
    with warnings_as_lines(prog):
        try:
            with _exit_when_terminated():
                code = args.run(args)
            if sys.stdout is not None:  # it is None if the shell closed it
                sys.stdout.flush()
            return code
        except KeyboardInterrupt:
            print_message(f"{prog}: interrupted")
            return _INTERRUPTED
        except BrokenPipeError:  # the reader of stdout has ended, as in "... | head -1"
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
    """Make signals that would end the process raise SystemExit: an incomplete target is removed."""

    def _exit(number, frame):
        sys.exit(128 + number)

    numbers = []
    if threading.current_thread() is threading.main_thread():  # others can't set handlers
        numbers = [n for n in signal.valid_signals() if getattr(n, "name", "") not in _LEFT_ALONE]
    # handlers of the caller stay, and SIGHUP is ignored under nohup
    numbers = [n for n in numbers if signal.getsignal(n) is signal.SIG_DFL]
    try:
        for number in numbers:
            signal.signal(number, _exit)
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def make_parser():
    """Return the parser of the program, with those of the subcommands."""
    parser = argparse.ArgumentParser(
        prog=_find_prog(),
        description="Audio super-resolution: make wideband sound files of narrowband ones.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"sklearn-audiosr {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in _COMMANDS:
        subparser = command.add_parser(commands)
        subparser.add_argument(
            "--debug", action="store_true", help="show the traceback of an error"
        )
        subparser.set_defaults(run=command.run, parser=subparser)
    return parser


def _find_prog():
    name = Path(sys.argv[0]).name
    return name if name.startswith("sklearn-audiosr") else "python -m sklearn_audiosr"


def parse(parser, argv):
    """Return the parsed arguments; files may stand before, between and after options."""
    argv = sys.argv[1:] if argv is None else argv
    args, rest = parser.parse_known_args(argv)
    args.argv = argv
    if rest and (not hasattr(args, "files") or any(text[:1] == "-" != text for text in rest)):
        getattr(args, "parser", parser).error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        args.files += rest  # argparse takes only the first files in a row
    return args


def _silence_stdout():
    """Discard what Python flushes to stdout when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
