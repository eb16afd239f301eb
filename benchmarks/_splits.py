"""Recordings of packs, split by title where the manifest has no split."""

import csv
import hashlib
from dataclasses import dataclass

import numpy as np

# One title in five is for testing.
_SEED, _N_PARTS = "sklearn-audiosr", 5


@dataclass(frozen=True)
class Recordings:
    """Clips of one rate.

    Attributes
    ----------
    clips : list of ndarray of shape (n_timepoints,), float32
    groups : list of str
        Source and speaker or title: what a split must not divide.
    names, sources : list of str
        Paths in the folder, and for each clip its repository and licence.
    """

    clips: list
    groups: list
    names: list
    sources: list


def read_recordings(root, packs, split, rate):
    """Read one split of packs, brought down to a rate.

    Parameters
    ----------
    root : Path
        Folder with MANIFEST.csv.
    packs : sequence of str
        Packs.
    split : {"train", "test"}
        Clips of the manifest's split "valid" are left out.
    rate : int
        Sampling rate in Hz: recordings of a lower one are left out.

    Returns
    -------
    recordings : Recordings
    """
    import soundfile  # not where clips come packed
    import soxr

    with (root / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["pack"] in packs]
    rows = [row for row in rows if find_split(row) == split and int(row["rate"]) >= rate]
    clips = []
    for row in rows:
        clip, native = soundfile.read(root / row["path"], dtype="float32")
        clips.append(soxr.resample(clip, native, rate, quality="VHQ").astype(np.float32))
    return Recordings(
        clips,
        groups=[_name_group(row) for row in rows],
        names=[row["path"] for row in rows],
        sources=[f"{row['source_repo']}: {row['licence']}" for row in rows],
    )


def find_split(row):
    """Give a manifest row's split: its own, or by a hash of its source and title."""
    if row["split"]:
        return row["split"]
    digest = hashlib.sha256(f"{_SEED} {_name_group(row)}".encode()).digest()
    return "test" if digest[0] % _N_PARTS == 0 else "train"


def _name_group(row):
    """Name the speaker where the manifest knows them, else the title."""
    if row["pack"].startswith("speech") and row["split"]:
        return f"{row['source_repo']} {row['speaker']}"
    title = row["source_path"].split(" @ ")[0]  # excerpts of one title stay together
    return f"{row['source_repo']} {title}"
