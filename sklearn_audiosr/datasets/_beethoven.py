"""Beethoven's piano sonatas: the piano music that the paper takes from SampleRNN."""

import json
import os
import re
from numbers import Integral, Real
from urllib.parse import quote

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from sklearn_audiosr.datasets._archives import split_name
from sklearn_audiosr.datasets._corpus import FOLDS, Recording, finish, make_bunch
from sklearn_audiosr.datasets._download import fetch_file, get_data_home
from sklearn_audiosr.datasets._lazy import N_MULTIPLE
from sklearn_audiosr.datasets._resuming import RemoteFile

# The items of archive.org, sonata by sonata, that SampleRNN's scripts download
# (github.com/soroushmehr/sampleRNN_ICLR2017, datasets/music/itemlist.txt).
_ITEMS = dict(
    enumerate(
        [
            *(f"BeethovenPianoSonataNo.{number}" for number in range(1, 13)),
            "BeethovenPianoSonata13",
            "BeethovenPianoSonataNo.14moonlight",
            *(f"BeethovenPianoSonata{number}" for number in (15, 16, 17)),
            *(f"BeethovenPianoSonataNo.{number}" for number in (18, 19, 20)),
            "BeethovenPianoSonataNo.21Waldstein",
            "BeethovenPianoSonata22",
            *(f"BeethovenPianoSonataNo.{number}" for number in range(23, 33)),
        ],
        start=1,
    )
)

# Whole sonatas of early and late years: 28, 2 and 2 of 32 are 88, 6 and 6 %.
_FOLDS = {5: "validation", 26: "validation", 10: "test", 31: "test"}

# SampleRNN shuffles its clips with this seed and holds out 6 % twice (_2npy.py, dataset.py).
_SEED, _HELD_OUT = 123, 0.06

_ARCHIVE = "https://archive.org"
_LIST = "item.json"  # what archive.org says of an item, with the hashes of its files
_ENDINGS = (".ogg", ".flac", ".wav", ".mp3")


@validate_params(
    {
        "clip_duration": [Interval(Real, 0, None, closed="neither")],
        "split": [StrOptions({"by_piece", "shuffled"})],
        "sampling_rate": [Interval(Integral, 1, None, closed="left")],
        "data_home": [str, os.PathLike, None],
        "download_if_missing": ["boolean"],
        "n_retries": [Interval(Integral, 0, None, closed="left")],
        "delay": [Interval(Real, 0, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def fetch_beethoven_piano(
    *,
    clip_duration=12.0,
    split="by_piece",
    sampling_rate=16000,
    data_home=None,
    download_if_missing=True,
    n_retries=3,
    delay=1.0,
):
    """Fetch recordings of Beethoven's 32 piano sonatas, downloaded if need be.

    These are the recordings on archive.org that SampleRNN collected and that the paper's piano
    task uses: more than nine hours.

    Parameters
    ----------
    clip_duration : float, default=12.0
        Length of the clips in seconds, rounded down to a multiple of 240 timepoints. What is left
        at the end of a file is dropped. SampleRNN's own clips are 8 seconds long.
    split : {"by_piece", "shuffled"}, default="by_piece"
        How 88, 6 and 6 % are chosen. "by_piece" holds out whole sonatas: numbers 5 and 26 to
        validate, 10 and 31 to test. "shuffled" draws clips with a fixed seed, as SampleRNN does:
        clips of one piece, even neighbours, are then in training and in test.
    sampling_rate : int, default=16000
        Rate of the clips in Hz: the files are resampled by soxr when they are read.
    data_home : str, path-like or None, default=None
        The folder of all corpora. None takes the environment variable ``SKLEARN_AUDIOSR_DATA``,
        or ``~/sklearn_audiosr_data``. The corpus lies in ``beethoven_piano`` below it.
    download_if_missing : bool, default=True
        Whether to download sonatas that are not there. If not, those that are there are used.
    n_retries : int, default=3
        Tries in a row without a new byte before an address is given up.
    delay : float, default=1.0
        Seconds between two tries.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes

        clips : lazy sequence of ndarray of shape (n_timepoints,), dtype float32
            A file is read when one of its clips is asked for; ``clips[train]`` is lazy too.
        groups : ndarray of shape (n_clips,), dtype str
            The sonata of each clip, such as "sonata_08", for ``GroupKFold`` and the like.
        train, validation, test : ndarray of int
            The clips of the split.
        filenames : list of str
            The file that each clip is from, in order.
        left_out : list of str
            Sonatas and files that are missing or cannot be read, each with the reason.
        sampling_rate : int
            Rate of the clips in Hz.
        licence : str
            The licence of the recordings.
        DESCR : str
            Source, citation, split, counts, and what is missing.

    Raises
    ------
    OSError
        If no sonata is there and none shall be downloaded, if one cannot be downloaded
        (ConnectionError), or if the disk is too full.
    ValueError
        If `clip_duration` is shorter than 240 timepoints.
    ImportError
        If pooch is needed and not installed.

    Warns
    -----
    UserWarning
        One warning names what is left out.

    See Also
    --------
    load_piano : Piano music that ships with the package.
    fetch_vctk : The paper's speech.

    Notes
    -----
    The paper tells only the shares of the split; SampleRNN's depends on the order in which a disk
    lists its files. Neither can be had again, and "by_piece" is ours.

    By hand, put the files of each sonata into ``beethoven_piano``, in a folder named like its item
    on archive.org or under names that say, for example, "Sonata No. 8".

    Examples
    --------
    >>> from sklearn_audiosr.datasets import fetch_beethoven_piano
    >>> piano = fetch_beethoven_piano()  # doctest: +SKIP
    >>> piano.clips[0].shape  # doctest: +SKIP
    (192000,)

    Without the corpus the error says where to put it:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as empty:
    ...     fetch_beethoven_piano(data_home=empty, download_if_missing=False)
    Traceback (most recent call last):
    ...
    FileNotFoundError: no sonata is in ...
    """
    # 2.01 s at 16000 Hz are 32160 timepoints, and a float a little below
    n_timepoints = int(round(clip_duration * sampling_rate, 6)) // N_MULTIPLE * N_MULTIPLE
    if not n_timepoints:
        raise ValueError(
            f"clip_duration must be at least {N_MULTIPLE} timepoints, {N_MULTIPLE / sampling_rate} "
            f"s at sampling_rate={sampling_rate}, got {clip_duration} s."
        )
    folder = get_data_home(data_home) / "beethoven_piano"
    if download_if_missing:
        _download_missing(folder, n_retries, delay)
    sonatas = _find_sonatas(folder)
    unknown = sonatas.pop(None, [])
    if not sonatas:
        raise FileNotFoundError(
            f"no sonata is in {folder}: call with download_if_missing=True to download them from "
            f"{_ARCHIVE}, or put their files there by hand, each in a folder named like its item, "
            f"{_ITEMS[1]} for example."
        )
    recordings = [
        Recording(name, f"sonata_{number:02}", _FOLDS.get(number, "train"))
        for number, names in sorted(sonatas.items())
        for name in names
    ]
    dataset, _ = make_bunch(
        folder, recordings, sampling_rate, n_timepoints, licence="public domain, by SampleRNN"
    )
    dataset.left_out += [
        f"sonata_{number:02}: not there" for number in _ITEMS if number not in sonatas
    ]
    dataset.left_out += [f"{name}: neither folder nor name tells which sonata" for name in unknown]
    if split == "shuffled":
        dataset.update(_shuffle(len(dataset.clips)))
    return finish(dataset, "Beethoven's piano sonatas", _describe(folder, split, clip_duration))


def _describe(folder, split, clip_duration):
    how = {
        "by_piece": "whole sonatas, numbers 5 and 26 to validate, 10 and 31 to test.",
        "shuffled": f"clips drawn with seed {_SEED}, 6 % to validate and 6 % to test: pieces are "
        "in training and in test alike.",
    }
    return (
        f"Recordings of the sonatas, cut into clips of {clip_duration} s, from {folder}.\n"
        f"Source: {_ARCHIVE}, the items that SampleRNN lists.\n"
        "Citation: S. Mehri et al.: SampleRNN: An Unconditional End-to-End Neural Audio "
        "Generation Model. ICLR 2017. https://arxiv.org/abs/1612.07837\n"
        f"Split ({split}): {how[split]}"
    )


def _shuffle(n_clips):
    """Return the split of SampleRNN's kind: two shares of clips drawn at random."""
    order = check_random_state(_SEED).permutation(n_clips)
    n_held_out = round(_HELD_OUT * n_clips)
    parts = np.split(order, [n_clips - 2 * n_held_out, n_clips - n_held_out])
    return {fold: np.sort(part) for fold, part in zip(FOLDS, parts, strict=True)}


def _find_sonatas(folder):
    """Return the names of the sound files of each sonata, sorted; those of none under None."""
    sonatas: dict[int | None, list[str]] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix.lower() in _ENDINGS and not path.name.startswith(".") and path.is_file():
            sonatas.setdefault(_find_number(name), []).append(name)
    return sonatas


def _find_number(name):
    """Return the number of the sonata that a file is of, by its folder or else by its name."""
    items = {item: number for number, item in _ITEMS.items()}
    for part in name.split("/"):
        if part in items:
            return items[part]
    # the last: a folder may be named "Sonatas 1-10"
    found = re.findall(r"sonata\D{0,6}(\d{1,2})(?!\d)", name, re.IGNORECASE)
    return int(found[-1]) if found and int(found[-1]) in _ITEMS else None


def _download_missing(folder, n_retries, delay):
    """Download what is neither there nor put there by hand; one that fails stops no other."""
    there = _find_sonatas(folder)
    failures: list[ConnectionError] = []
    for number, item in _ITEMS.items():
        if number in there and not (folder / item / _LIST).is_file():
            continue  # by hand
        try:
            # where one address has failed patiently, the others need not be waited for
            _download_item(folder, item, 0 if failures else n_retries, delay)
        except ConnectionError as error:
            failures.append(error)
    if failures:
        raise ConnectionError(
            f"{len(failures)} of 32 sonatas could not be downloaded. To use those that are there, "
            f"call with download_if_missing=False. The first of them: {failures[0]}"
        )


def _download_item(folder, item, n_retries, delay):
    patience = {"n_retries": n_retries, "delay": delay}
    listed = RemoteFile(f"{item}/{_LIST}", (f"{_ARCHIVE}/metadata/{item}",))
    contents = fetch_file(listed, folder, check=_read_list, **patience)
    for remote in _choose_files(item, _read_list(contents)):
        fetch_file(remote, folder, **patience)


def _read_list(path):
    """Return what archive.org says of an item's files; ValueError if none of them is sound."""
    content = json.loads(path.read_text(encoding="utf-8"))
    files = content.get("files") if isinstance(content, dict) else None
    try:
        files = [file for file in files or [] if file["name"].lower().endswith(_ENDINGS)]
        for file in files:
            split_name(file["name"])
            int(file.get("size", 0))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("this is no list of files as archive.org gives it") from error
    if not files:
        raise ValueError("archive.org lists no sound file of this item")
    return files


def _choose_files(item, files):
    """Return the Ogg files of an item, as SampleRNN takes them; without any, the originals."""
    oggs = [file for file in files if file["name"].lower().endswith(".ogg")]
    originals = [file for file in files if file.get("source") == "original"]
    return [_describe_file(item, file) for file in oggs or originals or files]


def _describe_file(item, file):
    hashes = [f"{kind}:{file[kind]}" for kind in ("sha1", "md5") if kind in file]
    return RemoteFile(
        f"{item}/{file['name']}",
        (f"{_ARCHIVE}/download/{item}/{quote(file['name'])}",),
        n_bytes=int(file["size"]) if "size" in file else None,
        known_hash=hashes[0] if hashes else None,
    )
