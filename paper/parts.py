"""Clips of a corpus and their split into training and test."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sklearn_audiosr.degradation import trim_clips

# Every experiment of the paper is at this rate.
SAMPLING_RATE = 16000


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


def _take_turns(groups, seed):
    """Yield the indices of clips, one of each group in turn, in a seeded order."""
    rng = np.random.RandomState(seed)
    queues = [list(rng.permutation(np.flatnonzero(groups == g))) for g in np.unique(groups)]
    queues = [queues[i] for i in rng.permutation(len(queues))]
    while queues:
        for queue in queues:
            yield int(queue.pop())
        queues = [queue for queue in queues if queue]
