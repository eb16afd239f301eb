"""Run the experiments of the paper: ``python -m paper --help``."""

from paper.command import main

if __name__ == "__main__":
    main()
