"""The commands of paper/ on the bundled clips, run once for all that test them."""

import json
import os
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from paper import experiment
from paper.command import RESULTS, main
from paper.corpora import open_corpus
from paper.parts import Corpus, Part
from paper.presets import PRESETS

# The dense network has no option of the command line.
SMALL = PRESETS["cpu"].change(hidden_layer_sizes=(48, 48))
N_TESTED = 32_000  # timepoints of each test clip: listeners need 2 s, and scores take time
TINY = ["--epochs", "2", "--minutes", "0.3", "--width", "0.03125", "--seed", "3"]
TINY_NAME = "minutes_0.3_epochs_2_width_0.03125_seed_3"  # in the names of files


def make_folders(tmp_path_factory):
    """Say where the commands leave their files: one place for all of pytest's processes."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "paper"
    root.mkdir(exist_ok=True)
    return SimpleNamespace(root=root, out=root / "out", work=root / "work")


def run(folders, *arguments):
    """Run a command as small as can be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "cpu", SMALL)
        patch.setattr(experiment, "open_corpus", open_shortened)
        main([*arguments, *TINY, "--out", str(folders.out), "--work", str(folders.work)])


def open_shortened(name, recordings):
    """Open a corpus with shortened test clips."""
    corpus = open_corpus(name, recordings)
    test = corpus.test
    return replace(corpus, test=Part([*map(shorten, test.clips)], test.groups, test.names))


def shorten(clip):
    """Return the beginning of a clip, faded out, so that how a filter pads it does not count."""
    clip = clip[:N_TESTED]
    return clip * np.minimum(np.arange(len(clip))[::-1] / 1600, 1).astype(np.float32)


def run_all_commands(folders):
    """Run all commands, Table 3's on both bundled corpora, the others on speech; give the results.

    What one file of tests has had run, the next one reads.
    """
    single = [name for name in RESULTS if name != "table_3"]

    def run_all():
        run(folders, *single, "--data", "bundled-speech")
        run(folders, "table_3", "--data", "bundled-piano", "bundled-speech")

    once(folders.root, run_all)
    stems = {name: f"{name}_bundled-speech_{TINY_NAME}" for name in single}
    stems["figure_1"] = f"figure_1_{TINY_NAME}"
    stems["table_3"] = f"table_3_bundled-piano_bundled-speech_{TINY_NAME}"
    read = {n: json.loads((folders.out / f"{s}.json").read_text()) for n, s in stems.items()}
    return SimpleNamespace(stems=stems, results=read, folder=folders.out)


def once(root, make):
    """Call a function in the first of pytest's processes that comes; the others wait for it."""
    try:
        (root / "claimed").mkdir()
    except FileExistsError:
        deadline = time.monotonic() + 600
        while not (root / "done").exists() and time.monotonic() < deadline:
            time.sleep(0.2)
        return
    try:
        make()
    finally:
        (root / "done").touch()


def rows_of(written, name, **conditions):
    """Return the rows of a result that have these entries."""
    rows = written.results[name]["rows"]
    return [row for row in rows if all(row[k] == v for k, v in conditions.items())]


def make_corpus(n_groups=6, n_clips=4, seconds=2.0, rate=1000):
    """Make a corpus of noise, the same at each call."""
    rng = np.random.default_rng(0)
    groups = np.repeat([f"s{i}" for i in range(n_groups)], n_clips)
    clips = [rng.standard_normal(round(seconds * rate)).astype(np.float32) for _ in groups]
    part = Part(clips, groups, [f"{g}_{i}" for i, g in enumerate(groups)])
    return Corpus("noise", part, part, "speaker", "none", "none", rate)


def has_cuda():
    import torch

    return torch.cuda.is_available()
