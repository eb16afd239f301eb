"""Read the packs of recordings that benchmarks measure on: a folder with a MANIFEST.csv."""

import csv
import os
from pathlib import Path

import numpy as np

from sklearn_audiosr.degradation import trim_clips

DEFAULT_ROOT = Path(__file__).parents[2] / "shared" / "data"


def add_argument(parser):
    """Give a command the argument --recordings."""
    parser.add_argument(
        "--recordings",
        type=Path,
        default=Path(os.environ.get("SKLEARN_AUDIOSR_TEST_DATA") or DEFAULT_ROOT),
        help="folder with MANIFEST.csv (default: $SKLEARN_AUDIOSR_TEST_DATA or ../shared/data)",
    )


def skip_without_recordings(args):
    """Say where the recordings were looked for if they are not there."""
    missing = not (args.recordings / "MANIFEST.csv").is_file()
    if missing:
        print(f"skipped: no MANIFEST.csv in {args.recordings} (--recordings names the folder)")
    return missing


def read_pack(root, pack, split, ratio):
    """Read the clips of one split of a pack, cut to a multiple of the ratio.

    Returns
    -------
    clips : list of ndarray of shape (n_timepoints,), float32
    speakers : ndarray of str
    names : list of str
    sampling_rate : int
    """
    manifest = root / "MANIFEST.csv"
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["pack"] == pack and r["split"] == split]
    if not rows:
        raise SystemExit(f"{manifest} lists no {split} clips of {pack}.")
    import soundfile  # not where clips come packed

    clips = [soundfile.read(root / row["path"], dtype="float32")[0] for row in rows]
    speakers = np.array([row["speaker"] for row in rows])
    names = [Path(row["path"]).stem for row in rows]
    return trim_clips(clips, ratio), speakers, names, int(rows[0]["rate"])
