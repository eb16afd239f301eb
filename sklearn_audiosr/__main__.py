"""The command line: ``python -m sklearn_audiosr --help``."""

import sys

from sklearn_audiosr._command_line import main

if __name__ == "__main__":
    sys.exit(main())
