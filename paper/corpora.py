"""Corpora by name, or any folder of recordings, each with its split into training and test."""

import hashlib
from pathlib import Path

import numpy as np

from paper.parts import SAMPLING_RATE, Corpus, Part
from sklearn_audiosr import datasets
from tools.recordings import read_manifest

PACKS = ("speech_single", "speech_multi", "piano", "music", "speech_fullband")
BUNDLED = ("bundled-speech", "bundled-piano")
FETCHED = ("vctk-single", "vctk-multi", "beethoven", "magnatagatune")
NAMES = (*PACKS, *BUNDLED, *FETCHED)

# Share of the groups that is for testing where a corpus has no split of its own.
_TEST_SHARE = 0.2

# Groups whose files hold the same music more than once, and must not be divided by a split.
_REPETITIVE = {"flactest"}


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
        If there are no such recordings, if they cannot be read or downloaded, or if none are there
        to train on or to test on.
    """
    try:
        corpus = _open(name, recordings)
    except (OSError, ValueError, RuntimeError, ImportError) as error:  # of soundfile, too
        raise SystemExit(f"--data {name} cannot be opened: {error}{_suggest(name)}") from error
    for part, what in ((corpus.train, "train"), (corpus.test, "test")):
        if not part.names:
            raise SystemExit(
                f"--data {name} must have clips to train on and to test on, and none of its "
                f"recordings to {what} is there.{_suggest(name)}"
            )
    return corpus


def _open(name, recordings):
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


def _suggest(name):
    """Return what to do about a corpus that is not whole."""
    if name not in FETCHED:
        return ""
    return (
        "\nRun the same command with a connection: it downloads what is missing. Or take what is "
        "there as recordings of your own: --data with their folder."
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
    rows = read_manifest(root)
    missing = {"path", "pack", "speaker", "split", "licence"} - set(rows[0] if rows else ())
    if rows and missing:
        raise ValueError(f"MANIFEST.csv in {root} lacks the columns {', '.join(sorted(missing))}.")
    rows = [row for row in rows if row["pack"] == name]
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
