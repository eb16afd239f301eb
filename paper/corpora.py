"""Corpora by name, or any folder of recordings, each with its split into training and test."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sklearn_audiosr import datasets
from sklearn_audiosr.degradation import trim_clips
from tools.recordings import read_manifest

PACKS = ("speech_single", "speech_multi", "piano", "music", "speech_fullband")
BUNDLED = ("bundled-speech", "bundled-piano")
FETCHED = ("vctk-single", "vctk-multi", "beethoven", "magnatagatune")
NAMES = (*PACKS, *BUNDLED, *FETCHED)

# Every experiment of the paper is at this rate.
SAMPLING_RATE = 16000

# Share of the groups that is for testing where a corpus has no split of its own.
_TEST_SHARE = 0.2

# Groups whose files hold the same music more than once, and must not be divided by a split.
_REPETITIVE = {"flactest"}


@dataclass(frozen=True)
class Part:
    """Clips of one side of a split.

    Attributes
    ----------
    clips : sequence of ndarray of shape (n_timepoints,)
        Wideband clips, a list or read when asked for.
    groups, names : ndarray of shape (n_clips,), dtype str, and list of str
        Speaker or piece of each clip, and its name.
    """

    clips: Sequence
    groups: np.ndarray
    names: list

    def take(self, indices):
        """Return some of the clips."""
        indices = list(map(int, indices))
        if isinstance(self.clips, list):
            clips = [self.clips[i] for i in indices]
        else:  # a lazy sequence gives another
            clips = self.clips[np.array(indices, dtype=int)]
        return Part(clips, self.groups[indices], [self.names[i] for i in indices])

    def count_timepoints(self):
        """Count the timepoints of all clips; a lazy sequence knows them without reading."""
        lengths = getattr(self.clips, "n_timepoints", None)
        return int(sum(c.shape[-1] for c in self.clips) if lengths is None else np.sum(lengths))

    def fingerprint(self):
        """Return a hash of the clips' names, and of their values where they are in memory."""
        content = hashlib.sha256("\n".join(self.names).encode())
        if isinstance(self.clips, list):
            for clip in self.clips:
                content.update(np.ascontiguousarray(clip).tobytes())
        return content.hexdigest()

    def describe(self):
        """Return the number of clips and of groups, and a hash of the names."""
        return {
            "n_clips": len(self.names),
            "n_groups": len(set(self.groups)),
            "sha256_of_names": hash_text("\n".join(self.names)),
        }


@dataclass(frozen=True)
class Corpus:
    """Recordings with their split.

    Attributes
    ----------
    name : str
    train, test : Part
        Estimators hold out validation clips of `train` themselves.
    unit : str
        What a group is: "speaker", "piece" or "folder".
    licence, split : str
        Licence of the recordings, and how they were split.
    sampling_rate : float
        Hz.
    """

    name: str
    train: Part
    test: Part
    unit: str
    licence: str
    split: str
    sampling_rate: float = SAMPLING_RATE

    def limit(self, minutes, seed=0):
        """Return the corpus with so many minutes of training clips, from as many groups as it has.

        Clips are taken from the groups in turn, in a seeded order. The last clip is cut to meet
        the minutes.
        """
        if minutes is None:
            return self
        left, chosen, clips = round(minutes * 60 * self.sampling_rate), [], []
        for i in _take_turns(self.train.groups, seed):
            clip = np.asarray(self.train.clips[i])[..., :left]
            left -= clip.shape[-1]
            chosen.append(i)
            clips.append(clip)
            if (
                left <= self.sampling_rate // 4
            ):  # a clip of less than a quarter of a second is not worth it
                break
        names = [self.train.names[i] for i in chosen]
        return replace(self, train=Part(clips, self.train.groups[chosen], names))

    def minutes(self):
        """Return the minutes of training clips."""
        return self.train.count_timepoints() / self.sampling_rate / 60

    def trimmed(self, part, ratio):
        """Return the clips of a part, cut to a multiple of the ratio."""
        return trim_clips(list(part.clips), ratio)

    def identify(self, part):
        """Return a text that changes with the clips of a part."""
        return f"{self.name} {self.sampling_rate} {part.fingerprint()}"

    def describe(self):
        """Return what the card says of the corpus."""
        return {
            "name": self.name,
            "sampling_rate": self.sampling_rate,
            "licence": self.licence,
            "split": self.split,
            "group": self.unit,
            "training_minutes": round(self.minutes(), 2),
            "training": self.train.describe(),
            "test": self.test.describe(),
        }


def hash_text(text):
    """Return a hexadecimal digest that is short enough to print."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def name_corpus(name):
    """Return the name of a corpus; of a folder the last part only, no path of this machine.

    A folder named like a corpus has another name, so that nobody takes it for the corpus.
    """
    if name in NAMES:
        return name
    last = Path(name).resolve().name
    return f"folder-{last}" if last in NAMES else last


def open_corpus(name, recordings):
    """Open a corpus.

    Parameters
    ----------
    name : str
        One of `NAMES`, or a folder of sound files.
    recordings : path-like
        Folder of the packs, with its MANIFEST.csv.

    Returns
    -------
    corpus : Corpus

    Raises
    ------
    SystemExit
        If there are no such recordings.
    """
    if name in PACKS:
        return _open_pack(name, Path(recordings))
    if name in BUNDLED:
        return _open_bundled(name)
    if name in FETCHED:
        return _open_fetched(name)
    if Path(name).is_dir():
        return _open_folder(Path(name))
    raise SystemExit(
        f"--data must be a folder of sound files or one of {', '.join(NAMES)}, got {name!r}."
    )


def split_groups(groups, names):
    """Split clip indices into training and test by whole groups, or by clips if all are of one.

    Groups are taken for the test in the order of their names' hashes, which depends on no other
    group and is the same on every machine.
    """
    units = np.asarray(groups if len(set(groups)) > 1 else names)
    order = sorted(set(units), key=lambda unit: hashlib.sha256(str(unit).encode()).hexdigest())
    if len(order) < 2:
        raise SystemExit(f"a corpus needs at least 2 clips to be split, got {len(order)}.")
    n_test = max(1, round(_TEST_SHARE * len(order)))
    is_test = np.isin(units, order[:n_test])
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def _split(name, everything, unit, licence):
    train, test = split_groups(everything.groups, everything.names)
    what = unit if len(set(everything.groups)) > 1 else "clip"
    split = f"by {what}, {1 - _TEST_SHARE:.0%} / {_TEST_SHARE:.0%}, in the order of hashed names"
    return Corpus(name, everything.take(train), everything.take(test), unit, licence, split)


def _open_pack(name, root):
    if not (root / "MANIFEST.csv").is_file():
        raise SystemExit(
            f"--data {name} needs the recordings' MANIFEST.csv, not found in the folder {root}: "
            "name it with --recordings, or take --data bundled-speech, or a folder of your own."
        )
    rows = [row for row in read_manifest(root) if row["pack"] == name]
    if not rows:
        raise SystemExit(f"MANIFEST.csv lists no clips of {name}: --recordings names a folder.")
    everything = Part(
        [_read(root / row["path"]) for row in rows],
        np.array([_name_piece(row) for row in rows]),
        [Path(row["path"]).stem for row in rows],
    )
    unit = "speaker" if name.startswith("speech") else "piece"
    licence = "; ".join(sorted({row["licence"] for row in rows}))
    splits = np.array([row["split"] for row in rows])
    if not (splits == "test").any():
        return _split(name, everything, unit, licence)
    return Corpus(
        name,
        everything.take(np.flatnonzero(splits != "test")),
        everything.take(np.flatnonzero(splits == "test")),
        unit,
        licence,
        "the pack's own; its validation clips train, and estimators hold out their own",
    )


def _name_piece(row):
    """Return the speaker of speech, and of music the piece: one performer plays many."""
    if row["pack"] == "piano" or (row["pack"] == "music" and row["speaker"] not in _REPETITIVE):
        stem = Path(row["path"]).stem
        piece, _, number = stem.rpartition("_")
        return piece if number.isdigit() else stem
    return row["speaker"]


def _read(path):
    import soundfile

    clip, rate = soundfile.read(path, dtype="float32")
    if rate == SAMPLING_RATE:
        return clip
    import soxr

    return soxr.resample(clip, rate, SAMPLING_RATE, quality="HQ").astype(np.float32)


def _open_bundled(name):
    is_speech = name == "bundled-speech"
    bunch = datasets.load_speech() if is_speech else datasets.load_piano()
    everything = Part(bunch.clips, bunch.groups, bunch.filenames)
    licence = "see sklearn_audiosr/datasets/data/README.rst"
    return _split(name, everything, "speaker" if is_speech else "piece", licence)


def _open_fetched(name):
    fetch, unit = {
        "vctk-single": (lambda: datasets.fetch_vctk("single_speaker"), "speaker"),
        "vctk-multi": (lambda: datasets.fetch_vctk("multi_speaker"), "speaker"),
        "beethoven": (datasets.fetch_beethoven_piano, "piece"),
        "magnatagatune": (datasets.fetch_magnatagatune, "piece"),
    }[name]
    bunch = fetch()
    everything = Part(bunch.clips, bunch.groups, bunch.filenames)
    training = np.concatenate([bunch.train, bunch.validation]).astype(int)
    return Corpus(
        name,
        everything.take(training),
        everything.take(bunch.test),
        unit,
        bunch.licence,
        "the corpus's own; its validation clips train, and estimators hold out their own",
        bunch.sampling_rate,
    )


def _open_folder(path):
    bunch = datasets.load_audio_folder(path, sampling_rate=SAMPLING_RATE, mono=True)
    everything = Part(bunch.clips, bunch.groups, bunch.filenames)
    return _split(name_corpus(path), everything, "folder", "of the folder's owner")


def _take_turns(groups, seed):
    """Yield the indices of clips, one of each group in turn, in a seeded order."""
    rng = np.random.RandomState(seed)
    queues = [list(rng.permutation(np.flatnonzero(groups == g))) for g in np.unique(groups)]
    queues = [queues[i] for i in rng.permutation(len(queues))]
    while queues:
        for queue in queues:
            yield int(queue.pop())
        queues = [queue for queue in queues if queue]
