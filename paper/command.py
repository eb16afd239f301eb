"""The command line: ``python -m paper RESULT --data CORPUS --preset cpu``."""

import argparse
import importlib
import sys
from functools import partial
from pathlib import Path

from paper.card import ROOT, Clock, make_card
from paper.corpora import NAMES
from paper.experiment import Bench
from paper.presets import PRESETS
from paper.report import write_report
from tools.recordings import add_argument

# In this order: what a later one shares with an earlier one is fitted once.
RESULTS = (
    "table_2", "figure_1", "figure_2", "table_1", "figure_3", "objectives", "scaling", "table_3",
    "noise_models", "diverse_music", "speed",
)  # fmt: skip


def main(arguments=None):
    """Run what the command line asks for."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args = make_parser().parse_args(arguments)
    unknown = [name for name in args.result if name not in RESULTS]
    if unknown:
        raise SystemExit(f"RESULT must be of {', '.join(RESULTS)}, got {', '.join(unknown)}.")
    preset = choose_preset(args)
    for name in args.result or RESULTS:
        print(f"== {name}", flush=True)
        try:
            module = importlib.import_module(f"paper.{name}")
            for data in share_out(args.data, module):
                run_result(name, module, data, preset, args)
        except KeyboardInterrupt:
            print(f"interrupted; what is done is kept: the same command goes on ({name})")
            raise SystemExit(130) from None


def make_parser():
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m paper",
        description="Reproduce the experiments of Kuleshov, Enam and Ermon (2017).",
    )
    parser.add_argument("result", nargs="*", metavar="RESULT",
                        help=f"any of {', '.join(RESULTS)} (default: all)")  # fmt: skip
    parser.add_argument("--data", nargs="+", metavar="CORPUS",
                        help=f"{', '.join(NAMES)}, or a folder "
                        "(default: each result's own)")  # fmt: skip
    parser.add_argument("--preset", choices=list(PRESETS), default="cpu")
    parser.add_argument("--ratios", nargs="+", type=_ratio, help="upsampling ratios")
    parser.add_argument("--minutes", type=_positive, help="minutes of training audio, at most")
    parser.add_argument("--epochs", type=_count, help="passes over them")
    parser.add_argument("--width", type=_positive, help="of the network; 1 is the paper's")
    parser.add_argument("--seed", type=int, help="of weights, patches and held-out clips")
    parser.add_argument("--device", help='"cpu", "cuda", ... (default: CUDA where there is one)')
    add_argument(parser)
    parser.add_argument("--out", type=Path, metavar="DIR",
                        default=ROOT / "paper" / "results",
                        help="where tables go (default: paper/results)")  # fmt: skip
    parser.add_argument("--work", type=Path, metavar="DIR", default=ROOT / "paper_work",
                        help="where finished fits and checkpoints are kept "
                        "(default: paper_work)")  # fmt: skip
    return parser


def choose_preset(args):
    """Return the preset with what the command line changes."""
    if args.preset == "paper" and args.device is None and not _has_cuda():
        raise SystemExit(
            "--preset paper needs a GPU, and torch finds no CUDA here: take --preset cpu, or name "
            "a device, such as --device cpu, to train for weeks."
        )
    return PRESETS[args.preset].change(
        minutes=args.minutes, epochs=args.epochs, width=args.width, seed=args.seed,
        device=args.device,
    )  # fmt: skip


def share_out(data, module):
    """Return the corpora of each run: a result of one corpus is measured on each in turn.

    A result without corpora, such as the drawing of the network, is run once.
    """
    if not data or not module.CORPORA:
        return [None]
    at_once = getattr(module, "MAX_CORPORA", len(module.CORPORA))
    return [data[i : i + at_once] for i in range(0, len(data), at_once)]


def run_result(name, module, data, preset, args):
    """Measure one result and write its files; `data` None means the result's own corpora."""
    clock = Clock()
    bench = Bench(preset, data or list(module.CORPORA), args.recordings, args.work, args.ratios)
    results = module.run(bench)
    card = make_card(
        name, describe_arguments(name, data, args), bench.preset, list(bench.described.values()),
        bench.degradations, clock, bench.reused,
    )  # fmt: skip
    arrays = results.pop("arrays", {})  # for the picture only: too long for the JSON
    results = {"card": card, **results}
    table, draw = module.format_table(results), None
    if hasattr(module, "draw"):
        draw = partial(module.draw, results, **arrays)
    paths = write_report(args.out, name_files(name, data, args), results, table, draw)
    print(table)
    print("written: " + ", ".join(path.name for path in paths), flush=True)


def describe_arguments(name, data, args):
    """Return the command line that measures a result again; of a folder its name only."""
    words = [name]
    if data:
        words += ["--data", *map(_last_part, data)]
    words += ["--preset", args.preset]
    for option in ("ratios", "minutes", "epochs", "width", "seed", "device"):
        value = getattr(args, option)
        if value is not None:
            words += [f"--{option}", *(map(str, value) if option == "ratios" else [str(value)])]
    return words


def name_files(name, data, args):
    """Return how the names of a result's files begin; with default options it is the result's."""
    parts = [name]
    if args.preset != "cpu":
        parts.append(args.preset)
    return "_".join([*parts, *map(_last_part, data or ())])


def _last_part(corpus):
    """Return the name of a corpus; of a folder the last part only, no path of this machine."""
    return corpus if corpus in NAMES else Path(corpus).resolve().name


def _has_cuda():
    import torch

    return torch.cuda.is_available()


def _positive(text):
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number, got {text}")
    return value


def _count(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return value


def _ratio(text):
    value = int(text)
    if value < 2:
        raise argparse.ArgumentTypeError(f"must be an integer of at least 2, got {text}")
    return value
