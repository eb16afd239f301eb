"""The command line: ``python -m paper RESULT --data CORPUS --preset cpu``."""

import argparse
import importlib
import re
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from paper.card import ROOT, Clock, make_card
from paper.corpora import NAMES, name_corpus
from paper.experiment import Bench
from paper.presets import PRESETS
from paper.report import write_report
from tools.recordings import add_argument

# In this order: what a later one shares with an earlier one is fitted once.
RESULTS = (
    "table_2", "figure_1", "figure_2", "table_1", "figure_3", "objectives", "scaling", "table_3",
    "noise_models", "diverse_music", "speed",
)  # fmt: skip

# What the command line changes of a preset or an experiment; results are named by it.
_CHANGES = ("ratios", "minutes", "epochs", "width", "seed", "device")


def main(arguments=None):
    """Run what the command line asks for."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args = make_parser().parse_args(arguments)
    unknown = [name for name in args.result if name not in RESULTS]
    if unknown:
        raise SystemExit(f"RESULT must be of {', '.join(RESULTS)}, got {', '.join(unknown)}.")
    check_names(args.data or ())
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
        except OSError as error:  # of a recording that has gone, of a full disk, ...
            raise SystemExit(f"{name} stopped: {error}; what is done is kept") from error


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


def check_names(data):
    """Check that no corpus is named like another: their results would have the same files."""
    counts = Counter(map(name_corpus, data))
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise SystemExit(
            "--data must name each corpus once, and folders whose last parts differ, because files "
            f"of results are named by them; got {', '.join(twice)} twice: rename one, or take them "
            "one by one, each with an --out of its own."
        )


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
        words += ["--data", *map(name_corpus, data)]
    words += ["--preset", args.preset]
    for option in _CHANGES:
        value = getattr(args, option)
        if value is not None:
            words += [f"--{option}", *_split_words(value)]
    if _has_own_recordings(args):
        words += ["--recordings", args.recordings.resolve().name]
    return words


def name_files(name, data, args):
    """Return how the names of a result's files begin: the result, then all that is no default.

    So a run with other options leaves the recorded files as they are.
    """
    parts = [name]
    if args.preset != "cpu":
        parts.append(args.preset)
    parts += map(name_corpus, data or ())
    usual = PRESETS[args.preset].describe()
    for option in _CHANGES:
        value = getattr(args, option)
        if value is not None and value != usual.get(option):
            parts += [option, *_split_words(value)]
    if _has_own_recordings(args):
        parts += ["recordings", args.recordings.resolve().name]
    return re.sub(r'[<>:"/\\|?*]', "-", "_".join(parts))  # Windows has no file named "cuda:0"


def _split_words(value):
    return [*map(str, value)] if isinstance(value, list) else [str(value)]


def _has_own_recordings(args):
    return args.recordings != make_parser().get_default("recordings")


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
