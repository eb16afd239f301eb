"""Unpack malformed archives: only documented errors, bounded memory and disk, nothing outside."""

import io
import tempfile
import time
import tracemalloc
from contextlib import redirect_stderr
from pathlib import Path

import numpy as np

from sklearn_audiosr.datasets._archives import check_archive, unpack
from sklearn_audiosr.datasets._members import Limit
from tools.soak.archive_cases import draw_case

MOST_MEMORY = 2**26  # a block of 1 MiB, the archive itself, and the names of its files
MOST_SECONDS = 120.0  # on a busy machine; a hang takes for ever

# How the documented errors begin, and what each says of the archive.
_DOCUMENTED = (
    (ValueError, "a corpus must hold files of its own folder", "refused"),
    (OSError, "must be a whole archive, but it is damaged", "damaged"),
)


def run(n_cases, seed):
    """Return figures of malformed archives.

    Parameters
    ----------
    n_cases : int
        Number of archives. The same number and seed draw the same ones.
    seed : int
        Seed of the archives.

    Returns
    -------
    figures : dict
        Numbers of archives that were unpacked, refused and found damaged; the peak of memory and
        disk in MiB, the longest time of an archive in seconds, and "faults", a list of texts that
        must be empty.
    """
    figures = {"cases": n_cases, "seed": seed, "unpacked": 0, "refused": 0, "damaged": 0}
    figures |= {"peak_mb": 0.0, "peak_disk_mb": 0.0, "slowest_seconds": 0.0, "faults": []}
    traced = tracemalloc.is_tracing()
    if not traced:
        tracemalloc.start()
    begin = time.perf_counter()
    for i in range(n_cases):
        case = draw_case(np.random.default_rng([seed, i]))
        with tempfile.TemporaryDirectory() as root, redirect_stderr(io.StringIO()):
            faults = _try_case(case, Path(root), figures)
        figures["faults"] += [f"case {i} ({case.kind}): {fault}" for fault in faults]
    if not traced:
        tracemalloc.stop()
    figures["seconds"] = round(time.perf_counter() - begin, 1)
    return figures


def _try_case(case, root, figures):
    """Check and unpack one archive, add to the figures, and return its faults."""
    folder = root / "deep" / "corpus"
    folder.mkdir(parents=True)
    archive = folder / case.name
    archive.write_bytes(case.content)
    tracemalloc.reset_peak()
    before, begin = tracemalloc.get_traced_memory()[0], time.perf_counter()
    faults = []
    checked = _name_outcome(lambda: check_archive(archive), faults, check=True)
    outcome = _name_outcome(lambda: unpack([archive], folder / "out", lambda name: True), faults)
    seconds = time.perf_counter() - begin
    memory = tracemalloc.get_traced_memory()[1] - before
    if outcome:
        figures[outcome] += 1
    disk = sum(path.lstat().st_size for path in (folder / "out").rglob("*") if path.is_file())
    figures["peak_mb"] = max(figures["peak_mb"], round(memory / 2**20, 1))
    figures["peak_disk_mb"] = max(figures["peak_disk_mb"], round(disk / 2**20, 1))
    figures["slowest_seconds"] = max(figures["slowest_seconds"], round(seconds, 2))
    if memory > MOST_MEMORY or seconds > MOST_SECONDS or disk > Limit(len(case.content)).most:
        faults.append(f"takes {memory} bytes of memory, {disk} of the disk, {seconds:.1f} s")
    if {checked, outcome} == {"unpacked", "damaged"}:
        faults.append(f"the check says {checked}, but unpacking {outcome}")
    if case.expected not in (None, outcome):
        faults.append(f"must be {case.expected}, is {outcome}")
    return faults + _find_litter(root, folder, case, outcome)


def _name_outcome(attempt, faults, check=False):
    """Return "unpacked", "refused" or "damaged"; note an error that is not documented."""
    try:
        attempt()
    except Exception as error:
        if check and type(error) is ValueError and str(error).startswith("no whole archive: "):
            return "damaged"
        for kind, words, outcome in _DOCUMENTED:
            if isinstance(error, kind) and words in str(error):
                return outcome
        faults.append(f"{type(error).__name__}: {str(error)[:300]}")
        return None
    return "unpacked"


def _find_litter(root, folder, case, outcome):
    """Return a fault for each file that must not be there, or has another content than it must."""
    kept = case.name + (".damaged" if outcome == "damaged" else "")
    outside = [path for path in root.rglob("*") if folder / "out" not in (path, *path.parents)]
    outside = {path.relative_to(root).as_posix() for path in outside}
    litter = outside - {"deep", "deep/corpus", f"deep/corpus/{kept}"}
    faults = [f"leaves {name}" for name in sorted(litter)]
    if (folder / "out").exists() != (outcome == "unpacked"):
        faults.append(f"out is there although the archive was {outcome}, or not there")
    if any(path.is_symlink() for path in folder.rglob("*")):
        faults.append("makes a link")
    if case.files is not None and outcome == "unpacked":
        found = {name: (folder / "out" / name).read_bytes() for name in case.files}
        if found != case.files:
            faults.append("unpacks another content")
    return faults
