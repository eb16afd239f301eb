"""Print tables as reStructuredText, and record them with the machine that measured them."""

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"


def rst_table(header, rows):
    """Lay out a simple reStructuredText table of strings."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    rule = "  ".join("=" * width for width in widths)

    def line(row):
        return "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()

    return "\n".join([rule, line(header), rule, *map(line, rows), rule])


def describe_machine():
    """Return the machine and the versions that a figure was measured with."""
    packages = ["numpy", "scipy", "scikit-learn", "torch"]
    return {
        "processor": _processor_name(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def record(name, table, results):
    """Print a table and keep it, with its figures, under ``benchmarks/results``."""
    print(table, flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.rst").write_text(table + "\n", encoding="utf-8")
    content = json.dumps({"machine": describe_machine(), **results}, indent=1)
    (RESULTS / f"{name}.json").write_text(content + "\n", encoding="utf-8")


def _processor_name():
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
