"""The card of a result: all that is needed to measure it again."""

import os
import platform
import shlex
import subprocess
import time
from importlib import metadata
from pathlib import Path

from paper.scores import LSD
from tools.tables import describe_machine, rst_table

ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = ("sklearn-audiosr", "numpy", "scipy", "scikit-learn", "torch", "soundfile", "soxr")


class Clock:
    """Wall and processor time since it was created."""

    def __init__(self):
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def minutes(self):
        """Return the minutes since then."""
        return {
            "wall_minutes": (time.perf_counter() - self._wall) / 60,
            "cpu_minutes": (time.process_time() - self._cpu) / 60,
        }


def make_card(result, arguments, preset, corpora, degradations, clock, reused):
    """Return what a result was measured with.

    Parameters
    ----------
    result : str
        Its name.
    arguments : list of str
        Of the command line.
    preset : Preset
        With the changes of the command line.
    corpora : list of dict
        Of `Corpus.describe`.
    degradations : list of str
        All that were used, as text.
    clock : Clock
        Started with the command.
    reused : dict
        Number and processor minutes of the fits that an earlier command had made.

    Returns
    -------
    card : dict
    """
    lsd = ", ".join(f"{column} is {convention!r}" for column, convention in LSD.items())
    return {
        "result": result,
        "command": shlex.join(["python", "-m", "paper", *arguments]),
        "preset": preset.describe(),
        "corpora": corpora,
        "degradations": degradations,
        "metrics": f"SNR in dB, equation (2), mean over clips; LSD by equation (3): {lsd}",
        "intervals": "95 %, paired bootstrap, 10000 draws of whole test groups where there are at "
        "least 5, else of clips; percentiles widened for few units (Hesterberg 2015); seed 0",
        "seed": preset.seed,
        "versions": _versions(),
        "commit": _describe_commit(),
        "machine": {**describe_machine(), "threads": _count_threads(), "gpu": _name_gpu()},
        **clock.minutes(),
        "reused_fits": reused,
    }


def format_card(card):
    """Lay the card out as reStructuredText."""
    rows = [
        ("command", f"``{card['command']}``"),
        *[(f"corpus {c['name']}", _format_corpus(c)) for c in card["corpora"]],
        ("degradation", "; ".join(f"``{text}``" for text in card["degradations"]) or "none"),
        ("preset", ", ".join(f"{k} {v}" for k, v in card["preset"].items() if k != "seed")),
        ("metrics", card["metrics"]),
        ("intervals", card["intervals"]),
        ("seed", card["seed"]),
        ("versions", ", ".join(f"{k} {v}" for k, v in card["versions"].items())),
        ("commit", card["commit"]),
        ("machine", _format_machine(card["machine"])),
        ("time", _format_time(card)),
    ]
    return rst_table(["what", "measured with"], rows)


def _format_corpus(corpus):
    train, test = corpus["training"], corpus["test"]
    return (
        f"{train['n_clips']} clips of {train['n_groups']} {corpus['group']}s, "
        f"{corpus['training_minutes']} minutes, train (hash {train['sha256_of_names']}), "
        f"{test['n_clips']} of {test['n_groups']} test (hash {test['sha256_of_names']}), at "
        f"{corpus['sampling_rate']} Hz; split: {corpus['split']}; licence: {corpus['licence']}"
    )


def _format_machine(machine):
    gpu = machine["gpu"] or "no GPU"
    return f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads, {gpu}"


def _format_time(card):
    text = f"{card['cpu_minutes']:.1f} CPU minutes, {card['wall_minutes']:.1f} by the clock"
    reused = card["reused_fits"]
    if reused["n_fits"]:
        text += (
            f"; {reused['n_fits']} fits of {reused['cpu_minutes']:.1f} CPU minutes were taken from "
            "the work folder, where an earlier command had left them"
        )
    return text


def _versions():
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def _describe_commit():
    """Return the commit of the checkout, and whether its files have changed since."""

    def git(*arguments):
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        commit = git("rev-parse", "--short=12", "HEAD")
        changed = git("status", "--porcelain", "--", "sklearn_audiosr", "paper", "tools")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit}, with changes" if changed else commit


def _count_threads():
    import torch

    return int(os.environ.get("OMP_NUM_THREADS") or torch.get_num_threads())


def _name_gpu():
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None
