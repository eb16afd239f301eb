"""Recordings of packs; those that the manifest does not split are split by title."""

import hashlib
from dataclasses import dataclass, fields

import numpy as np

from tools.recordings import read_manifest

# One title in five of each source is for testing.
_SEED, _N_PARTS = "sklearn-audiosr", 5


@dataclass(frozen=True)
class Recordings:
    """Clips, all at one rate or each at its own.

    Attributes
    ----------
    clips : list of ndarray of shape (n_timepoints,), float32
    rates : list of int
        Their sampling rates in Hz.
    groups : list of str
        Source and speaker or title of each clip: a split never divides a group.
    names, sources : list of str
        Path of each clip in the folder, and its repository and licence.
    """

    clips: list
    rates: list
    groups: list
    names: list
    sources: list

    def leave_out_names(self, prefixes):
        """Return the recordings whose paths begin with none of the prefixes."""
        return self._take([i for i, n in enumerate(self.names) if not n.startswith(prefixes)])

    def repeat(self, folders, times):
        """Return recordings whose paths begin with `folders` several times, the others once."""
        repeated = [i for i, name in enumerate(self.names) if name.startswith(tuple(folders))]
        return self._take([*range(len(self.names)), *repeated * (times - 1)])

    def _take(self, numbers):
        return Recordings(*([getattr(self, f.name)[i] for i in numbers] for f in fields(self)))


def read_recordings(root, folders, split, rate, bring_down=True):
    """Read one split of packs.

    Parameters
    ----------
    root : Path
        Folder with MANIFEST.csv.
    folders : sequence of str
        Packs, or prefixes of the paths of some of their recordings.
    split : {"train", "test", "all"}
        Clips that the manifest has in "valid" are in "all" only.
    rate : int
        Sampling rate in Hz; recordings of a lower rate are left out.
    bring_down : bool, default=True
        Whether recordings of a higher rate are resampled to `rate`, or keep their own.

    Returns
    -------
    recordings : Recordings
    """
    import soundfile  # absent where packed clips are read
    import soxr

    rows = read_manifest(root)
    rows = [
        row
        for row, row_split in zip(rows, find_splits(rows), strict=True)
        if f"{row['pack']}/{row['path'].partition('/')[2]}".startswith(tuple(folders))
        and split in (row_split, "all")
        and int(row["rate"]) >= rate
    ]
    clips, rates = [], []
    for row in rows:
        clip, native = soundfile.read(root / row["path"], dtype="float32")
        rates.append(rate if bring_down else native)
        clip = soxr.resample(clip, native, rates[-1], quality="VHQ")
        clips.append(clip.astype(np.float32))
    return Recordings(
        clips,
        rates,
        groups=[name_group(row) for row in rows],
        names=[row["path"] for row in rows],
        sources=[f"{row['source_repo']}: {row['licence']}" for row in rows],
    )


def find_splits(rows):
    """Return the split of each row of a manifest: its own, or one by a hash of its title.

    One title in five of each source of a pack is for testing, rounded up. A source of one title is
    for training.
    """
    titles = {}
    for row in rows:
        if not row["split"]:
            titles.setdefault((row["pack"], row["source_repo"]), set()).add(name_group(row))
    test = set()
    for source_titles in titles.values():
        n_test = -(-len(source_titles) // _N_PARTS) if len(source_titles) > 1 else 0
        test.update(sorted(source_titles, key=_hash)[:n_test])
    return [row["split"] or ("test" if name_group(row) in test else "train") for row in rows]


def _hash(title):
    return hashlib.sha256(f"{_SEED} {title}".encode()).digest()


def name_group(row):
    """Return the name of a row's group: the speaker if the manifest has several, else the title."""
    if (row["pack"].startswith("speech") and row["split"]) or row["speaker"].startswith("vctk"):
        return f"{row['source_repo']} {row['speaker']}"
    if row["speaker"] == "flactest":  # files whose numbers begin alike hold the same music
        return f"{row['source_repo']} {row['source_path'].rpartition('/')[2][0]}x"
    title = row["source_path"].split(" @ ")[0]  # excerpts of one title stay together
    return f"{row['source_repo']} {title}"
