"""The command line, ``python -m sklearn_audiosr``: one subcommand a file.

The module of a subcommand has `add_parser`, which declares its arguments, and `run`.
"""

from sklearn_audiosr._command_line.program import main

__all__ = ["main"]
