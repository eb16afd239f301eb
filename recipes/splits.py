"""Recordings of packs, split by title where the manifest has no split."""

import csv
import hashlib
from dataclasses import dataclass, fields

import numpy as np

# One title in five of each source is for testing.
_SEED, _N_PARTS = "sklearn-audiosr", 5


@dataclass(frozen=True)
class Recordings:
    """Clips, at one rate or each at its own.

    Attributes
    ----------
    clips : list of ndarray of shape (n_timepoints,), float32
    rates : list of int
        Their sampling rates in Hz.
    groups : list of str
        Source and speaker or title: what a split must not divide.
    names, sources : list of str
        Paths in the folder, and for each clip its repository and licence.
    """

    clips: list
    rates: list
    groups: list
    names: list
    sources: list

    def leave_out(self, groups):
        """Give those of other groups."""
        kept = [i for i, group in enumerate(self.groups) if group not in groups]
        return self._take(kept)

    def repeat(self, folders, times):
        """Give those whose paths begin so several times, the others once."""
        repeated = [i for i, name in enumerate(self.names) if name.startswith(tuple(folders))]
        return self._take([*range(len(self.names)), *repeated * (times - 1)])

    def _take(self, numbers):
        return Recordings(*([getattr(self, f.name)[i] for i in numbers] for f in fields(self)))


def read_recordings(root, folders, split, rate, least_rate=None, bring_down=True):
    """Read one split of packs.

    Parameters
    ----------
    root : Path
        Folder with MANIFEST.csv.
    folders : sequence of str
        Packs, or what the paths of some of their recordings begin with.
    split : {"train", "test", "all"}
        Clips of the manifest's split "valid" are in "all" only.
    rate : int
        Sampling rate in Hz: recordings of a lower one are left out.
    least_rate : int, default=None
        Those of at least this rate are taken for recordings of `rate`: a little faster.
    bring_down : bool, default=True
        Whether those of a higher rate are brought down to `rate`, or keep theirs.

    Returns
    -------
    recordings : Recordings
    """
    import soundfile  # not where clips come packed
    import soxr

    rows = read_manifest(root)
    rows = [
        row
        for row, of_row in zip(rows, find_splits(rows), strict=True)
        if f"{row['pack']}/{row['path'].partition('/')[2]}".startswith(tuple(folders))
        and split in (of_row, "all")
        and int(row["rate"]) >= (least_rate or rate)
    ]
    clips, rates = [], []
    for row in rows:
        clip, native = soundfile.read(root / row["path"], dtype="float32")
        rates.append(rate if bring_down else max(native, rate))
        clip = soxr.resample(clip, max(native, rate), rates[-1], quality="VHQ")
        clips.append(clip.astype(np.float32))
    return Recordings(
        clips,
        rates,
        groups=[name_group(row) for row in rows],
        names=[row["path"] for row in rows],
        sources=[f"{row['source_repo']}: {row['licence']}" for row in rows],
    )


def read_manifest(root):
    """Read the rows of a folder's manifest as dicts."""
    with (root / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def find_splits(rows):
    """Give the split of each row of a manifest: its own, or by a hash of its title.

    Of each source of a pack one title in five is for testing, rounded up; a source of one title is
    for training.
    """
    titles = {}
    for row in rows:
        if not row["split"]:
            titles.setdefault((row["pack"], row["source_repo"]), set()).add(name_group(row))
    test = set()
    for of_source in titles.values():
        n_test = -(-len(of_source) // _N_PARTS) if len(of_source) > 1 else 0
        test.update(sorted(of_source, key=_hash)[:n_test])
    return [row["split"] or ("test" if name_group(row) in test else "train") for row in rows]


def _hash(title):
    return hashlib.sha256(f"{_SEED} {title}".encode()).digest()


def name_group(row):
    """Name the speaker where the manifest knows several, else the title."""
    if (row["pack"].startswith("speech") and row["split"]) or row["speaker"].startswith("vctk"):
        return f"{row['source_repo']} {row['speaker']}"
    if row["speaker"] == "flactest":  # files of like numbers hold the same music
        return f"{row['source_repo']} {row['source_path'].rpartition('/')[2][0]}x"
    title = row["source_path"].split(" @ ")[0]  # excerpts of one title stay together
    return f"{row['source_repo']} {title}"
