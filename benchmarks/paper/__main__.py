"""Run the experiments of the paper: ``python benchmarks/paper --help``."""

import sys
from pathlib import Path

if not __package__:  # as a folder: a module of it must not stand in for one of Python's own
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from paper.command import main

if __name__ == "__main__":
    main()
