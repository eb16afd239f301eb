"""What all tests share: thread limits, the hypothesis profile and the shared recordings."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")
if "PYTEST_XDIST_WORKER" in os.environ:  # the workers fill the cores already
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if "torch" in sys.modules:  # too late for the variable
        sys.modules["torch"].set_num_threads(1)

settings.register_profile("house", deadline=None, max_examples=25, derandomize="CI" in os.environ)
settings.load_profile("house")


@pytest.fixture(scope="session")
def shared_data():
    """Return the folder of real recordings, the one that holds MANIFEST.csv."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SKLEARN_AUDIOSR_TEST_DATA") or beside)
    if not (folder / "MANIFEST.csv").is_file():
        pytest.skip(f"no MANIFEST.csv in {folder}: set SKLEARN_AUDIOSR_TEST_DATA to the recordings")
    return folder


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items):
    """Mark what asks for the shared recordings, and what a worker of pytest-xdist runs alone.

    A file of tests goes to one worker, so that its fixtures are made once; so do the files of the
    paper, which share the results of its commands. Examples are independent of each other. What
    takes longest comes first, so that no worker has to wait for it in the end.
    """
    items.sort(key=lambda item: not item.path.name.startswith(("test_examples", "test_paper")))
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("shared_data")
        name = item.path.name
        if name != "test_examples.py":
            group = "paper" if name.startswith("test_paper") else name
            item.add_marker(pytest.mark.xdist_group(group))
