"""Read packs of recordings: a folder with sound files and a MANIFEST.csv."""

import csv
import os
from pathlib import Path

import numpy as np

from sklearn_audiosr.degradation import trim_clips

DEFAULT_ROOT = Path(__file__).parents[2] / "shared" / "data"


def add_argument(parser):
    """Add the argument --recordings to a command."""
    parser.add_argument(
        "--recordings",
        type=Path,
        default=Path(os.environ.get("SKLEARN_AUDIOSR_TEST_DATA") or DEFAULT_ROOT),
        help="folder with MANIFEST.csv (default: $SKLEARN_AUDIOSR_TEST_DATA or ../shared/data)",
    )


def skip_without_recordings(args):
    """Return whether there are no recordings, and print where they were looked for."""
    missing = not (args.recordings / "MANIFEST.csv").is_file()
    if missing:
        print(f"skipped: no MANIFEST.csv in {args.recordings} (--recordings names the folder)")
    return missing


def read_manifest(root):
    """Read the rows of a folder's manifest as dicts."""
    with (root / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_pack(root, pack, split, ratio):
    """Read the clips of one split of a pack.

    Parameters
    ----------
    root : Path
        Folder with MANIFEST.csv.
    pack, split : str
        As in the manifest.
    ratio : int
        The length of each clip is cut to a multiple of it.

    Returns
    -------
    clips : list of ndarray of shape (n_timepoints,), float32
    speakers : ndarray of str
    names : list of str
    sampling_rate : int
        In Hz.
    """
    rows = [row for row in read_manifest(root) if (row["pack"], row["split"]) == (pack, split)]
    if not rows:
        raise SystemExit(f"{root / 'MANIFEST.csv'} lists no {split} clips of {pack}.")
    import soundfile  # absent where packed clips are read

    clips = [soundfile.read(root / row["path"], dtype="float32")[0] for row in rows]
    speakers = np.array([row["speaker"] for row in rows])
    names = [Path(row["path"]).stem for row in rows]
    return trim_clips(clips, ratio), speakers, names, int(rows[0]["rate"])
