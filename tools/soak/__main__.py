"""Run every module of this folder that has ``run``, and record the figures.

``python -m tools.soak`` runs them all, ``--only arrays archives`` some of them, ``--share 0.01`` a
hundredth of the cases. A part that is not run keeps the figures that are recorded for it.
"""

import argparse
import importlib
import json
import pkgutil
import sys
import time

import tools.soak
from tools.tables import RESULTS, record, rst_table

N_CASES = {
    "archives": 3000,
    "arrays": 10_000,
    "audio_files": 5000,
    "checkpoints": 1000,
    "killed_fits": 80,  # each is killed up to five times
    "model_files": 20_000,
    "signals": 180,  # 36 of each: two thirds come before the end
}
DEFAULT_CASES = 100


def list_modules():
    """Return the modules of this folder that have ``run``, by their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(tools.soak.__path__))
    modules = {
        name: importlib.import_module(f"tools.soak.{name}") for name in names if name != "__main__"
    }
    return {name: module for name, module in modules.items() if hasattr(module, "run")}


def run_module(module, n_cases, seed):
    """Return a module's figures; an error that ends it is one of its faults."""
    begin = time.perf_counter()
    try:
        figures = module.run(n_cases, seed)
    except Exception as error:  # what the module looks for
        figures = {"cases": n_cases, "faults": [f"{type(error).__name__}: {error}"]}
    return {**figures, "seconds": round(time.perf_counter() - begin, 1)}


def find_faults(figures):
    """Return the texts in the lists of a module's figures: all its lists are of faults."""
    return [str(text) for value in figures.values() if isinstance(value, list) for text in value]


def make_table(parts):
    """Return a table of the figures of all parts."""
    rows = []
    for name, figures in sorted(parts.items()):
        others = {
            key: value
            for key, value in figures.items()
            if not isinstance(value, list) and key not in ("cases", "seed", "seconds")
        }
        words = "; ".join(f"{key.replace('_', ' ')} {_in_words(v)}" for key, v in others.items())
        rows.append(
            [name.replace("_", " "), figures["cases"], len(find_faults(figures)), words or "none"]
        )
    return rst_table(["Part", "Cases", "Faults", "Figures"], rows)


def _in_words(value):
    if isinstance(value, dict):
        return "(" + ", ".join(f"{key} {_in_words(v)}" for key, v in value.items()) + ")"
    return str(value)


def main(arguments=None):
    """Run parts and record their figures; return 1 if there are faults."""
    modules = list_modules()
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=[*modules], default=[*modules])
    parser.add_argument("--share", type=float, default=1.0, help="of the cases")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    recorded = RESULTS / "soak.json"
    parts = json.loads(recorded.read_text())["parts"] if recorded.exists() else {}
    parts = {name: figures for name, figures in parts.items() if name in modules}
    faults = []
    for name in options.only:
        n_cases = max(1, round(options.share * N_CASES.get(name, DEFAULT_CASES)))
        print(f"{name}: {n_cases} cases", flush=True)
        parts[name] = run_module(modules[name], n_cases, options.seed)
        faults += [f"{name}: {text}" for text in find_faults(parts[name])]
        record("soak", make_table(parts), {"parts": parts})
    print("\n".join(faults))
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
