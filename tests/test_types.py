"""What mypy says of scripts that use the public API."""

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import sklearn_audiosr

DATA = Path(__file__).parent / "data"

# PyTorch's own types take mypy three times as long to read as everything else.
SETTINGS = """
[mypy]
strict = true
[mypy-torch.*]
follow_imports = skip
"""


@pytest.fixture(scope="module")
def errors(tmp_path_factory):
    """Return mypy's errors as (file, line, message), of one run over both scripts."""
    folder = tmp_path_factory.mktemp("types")  # outside the package: as where it is installed
    (folder / "mypy.ini").write_text(SETTINGS)
    command = [sys.executable, "-m", "mypy", "--config-file=mypy.ini", "--cache-dir=cache"]
    scripts = [str(DATA / "typed_script.py"), str(DATA / "wrong_calls.py")]
    search = {"PYTHONPATH": str(Path(sklearn_audiosr.__file__).parents[1])}
    run = subprocess.run(
        command + scripts, cwd=folder, env=os.environ | search, capture_output=True, text=True
    )
    assert run.returncode == 1, run.stdout + run.stderr
    found = re.findall(r"^(.*?):(\d+): error: (.*)$", run.stdout, flags=re.MULTILINE)
    assert found, run.stdout
    return [(Path(path).name, int(line), message) for path, line, message in found]


def test_strict_mypy_accepts_a_users_script(errors):
    assert [error for error in errors if error[0] != "wrong_calls.py"] == []


def test_mypy_refuses_wrong_calls(errors):
    lines = (DATA / "wrong_calls.py").read_text().splitlines()
    expected = {i: line.split("  # ")[1] for i, line in enumerate(lines, 1) if "  # " in line}
    messages = defaultdict(str)
    for name, line, message in errors:
        if name == "wrong_calls.py":
            messages[line] += message
    assert sorted(messages) == sorted(expected)
    for line, text in expected.items():
        assert text in messages[line], lines[line - 1]


def test_the_script_and_the_wrong_calls_use_all_public_names():
    text = (DATA / "typed_script.py").read_text()
    rooms = ["augmentation", "datasets", "degradation", "listening", "metrics", "networks"]
    names = [*sklearn_audiosr.__all__]
    for room in rooms:
        names += getattr(sklearn_audiosr, room).__all__
    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []
