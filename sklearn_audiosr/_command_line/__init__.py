"""Work on sound files without Python: one subcommand a file, each with `add_parser` and `run`.

Private; ``python -m sklearn_audiosr`` is the way in.
"""

from sklearn_audiosr._command_line.program import main

__all__ = ["main"]
