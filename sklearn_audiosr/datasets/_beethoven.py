"""Beethoven's piano sonatas: the piano music that the paper takes from SampleRNN."""

from __future__ import annotations

import json
import os
import re
from numbers import Real
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_audiosr.datasets._corpus import PARTS, Missing, Recording, finish, make_bunch
from sklearn_audiosr.datasets._download import fetch_file, get_data_home
from sklearn_audiosr.datasets._fetching import corpus_fetcher
from sklearn_audiosr.datasets._lazy import N_MULTIPLE
from sklearn_audiosr.datasets._names import FolderNames
from sklearn_audiosr.datasets._resuming import Downloads, RemoteFile

# The items of archive.org, sonata by sonata, that SampleRNN's scripts download
# (github.com/soroushmehr/sampleRNN_ICLR2017, datasets/music/itemlist.txt).
ITEMS = dict(
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

# "by_piece" holds out whole sonatas of early and late years: 28, 2 and 2 of 32 are 88, 6 and 6 %.
_HELD_OUT_SONATAS = {5: "validation", 26: "validation", 10: "test", 31: "test"}

# SampleRNN shuffles its clips with this seed and holds out 6 % twice (_2npy.py, dataset.py).
_SEED, _HELD_OUT_SHARE = 123, 0.06

ARCHIVE = "https://archive.org"
_LIST = "item.json"  # the files of an item and their hashes, as archive.org lists them
_MOST_LIST_BYTES = 2**24  # a list has some 20 kB, and is read into memory
_ENDINGS = (".ogg", ".flac", ".wav", ".mp3")


@corpus_fetcher(
    clip_duration=[Interval(Real, 0, None, closed="neither")],
    split=[StrOptions({"by_piece", "shuffled"})],
)
def fetch_beethoven_piano(
    *,
    clip_duration: float = 12.0,
    split: Literal["by_piece", "shuffled"] = "by_piece",
    sampling_rate: int = 16000,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
) -> Bunch:
    """Fetch recordings of Beethoven's 32 piano sonatas, downloaded if need be.

    These are the recordings on archive.org that SampleRNN uses, and the paper for its piano task:
    more than nine hours.

    Parameters
    ----------
    clip_duration : float, default=12.0
        Length of the clips in seconds, rounded down to a multiple of 240 timepoints. The rest of a
        file that is shorter than a clip is dropped. SampleRNN takes clips of 8 seconds.
    split : {"by_piece", "shuffled"}, default="by_piece"
        How the clips are split into 88, 6 and 6 % for training, validation and test. "by_piece"
        holds out whole sonatas: numbers 5 and 26 for validation, 10 and 31 for test. "shuffled"
        draws clips with a fixed seed, as SampleRNN does: training and test then share pieces, and
        clips that follow each other.
    sampling_rate : int, default=16000
        Rate of the clips in Hz. soxr resamples the files as they are read.
    data_home : str, path-like or None, default=None
        {data home}
        The corpus lies in ``beethoven_piano`` below it.
    download_if_missing : bool, default=True
        Download sonatas that are not there; False uses those that are.
    {patience}

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes

        {clips}
        groups : ndarray of shape (n_clips,), dtype str
            The sonata of each clip, such as "sonata_08", for ``GroupKFold`` and the like.
        train, validation, test : ndarray of int
            Indices of the clips of the split.
        {entries}

    Raises
    ------
    OSError
        If no sonata is there and none is downloaded, if a download fails (ConnectionError), if a
        file is damaged, or if the disk is too full.
    ValueError
        If `clip_duration` is shorter than 240 timepoints.
    {no pooch}

    Warns
    -----
    {left out}

    See Also
    --------
    load_piano : Piano music that ships with the package.
    fetch_vctk : The paper's speech.

    Notes
    -----
    Neither split of the literature can be repeated: the paper names only the shares, and that of
    SampleRNN depends on the order in which a disk lists its files. "by_piece" is our own.

    To add files by hand, put those of each sonata into ``beethoven_piano``, in a folder named like
    the item on archive.org, or under names such as "Sonata No. 8".

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
    n_timepoints = _round_down(clip_duration, sampling_rate)
    folder = get_data_home(data_home) / "beethoven_piano"
    if download_if_missing:
        _download_missing(folder, Downloads(True, n_retries, delay))
    sonatas, unknown = _find_sonatas(folder)
    if not sonatas:
        raise FileNotFoundError(
            f"no sonata is in {folder}: call with download_if_missing=True to download them from "
            f"{ARCHIVE}, or put their files there by hand, each in a folder named like its item, "
            f"{ITEMS[1]} for example."
        )
    recordings = [
        Recording(name, f"sonata_{number:02}", _HELD_OUT_SONATAS.get(number, "train"))
        for number, names in sorted(sonatas.items())
        for name in names
    ]
    dataset, _ = make_bunch(
        folder, recordings, sampling_rate, n_timepoints, licence="public domain, by SampleRNN"
    )
    lost = sorted(set(ITEMS) - set(sonatas))
    missing = [Missing(f"sonata_{number:02}: not there", what="sonata") for number in lost]
    missing += [Missing(f"{name}: neither folder nor name tells which sonata") for name in unknown]
    if split == "shuffled":
        dataset.update(_shuffle(len(dataset.clips)))
    return finish(
        dataset,
        "Beethoven's piano sonatas",
        f"Recordings of the sonatas, cut into clips of {clip_duration} s, from {folder}.",
        source=f"{ARCHIVE}, the items that SampleRNN lists.",
        citation="S. Mehri et al.: SampleRNN: An Unconditional End-to-End Neural Audio "
        "Generation Model. ICLR 2017. https://arxiv.org/abs/1612.07837",
        split=f"Split ({split}): {_SPLITS[split]}",
        missing=missing,
    )


def _round_down(clip_duration: float, sampling_rate: int) -> int:
    """Return the length of the clips, a multiple of 240 timepoints; raise ValueError if it is 0."""
    # round: in floating point, 2.01 s at 16000 Hz are a little less than 32160 timepoints
    n_timepoints = int(round(clip_duration * sampling_rate, 6)) // N_MULTIPLE * N_MULTIPLE
    if not n_timepoints:
        raise ValueError(
            f"clip_duration must be at least {N_MULTIPLE} timepoints, {N_MULTIPLE / sampling_rate} "
            f"s at sampling_rate={sampling_rate}, got {clip_duration} s."
        )
    return n_timepoints


_SPLITS = {
    "by_piece": "whole sonatas, numbers 5 and 26 to validate, 10 and 31 to test.",
    "shuffled": f"clips drawn with seed {_SEED}, 6 % to validate and 6 % to test: pieces are "
    "in training and in test alike.",
}


def _shuffle(n_clips: int) -> dict[str, NDArray[np.intp]]:
    """Return a split like SampleRNN's: clips drawn at random."""
    order = check_random_state(_SEED).permutation(n_clips)
    n_held_out = round(_HELD_OUT_SHARE * n_clips)
    parts = np.split(order, [n_clips - 2 * n_held_out, n_clips - n_held_out])
    return {part: np.sort(clips) for part, clips in zip(PARTS, parts, strict=True)}


def _find_sonatas(folder: Path) -> tuple[dict[int, list[str]], list[str]]:
    """Return the names of the sound files of each sonata, sorted, and those of unknown ones."""
    sonatas: dict[int, list[str]] = {}
    unknown: list[str] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix.lower() in _ENDINGS and not path.name.startswith(".") and path.is_file():
            number = find_number(name)
            (unknown if number is None else sonatas.setdefault(number, [])).append(name)
    return sonatas, unknown


def find_number(name: str) -> int | None:
    """Return the number of a file's sonata, from its folder or else from its name."""
    items = {item: number for number, item in ITEMS.items()}
    for part in name.split("/"):
        if part in items:
            return items[part]
    # take the last number: a folder may be named "Sonatas 1-10"
    found = re.findall(r"sonata\D{0,6}(\d{1,2})(?!\d)", name, re.IGNORECASE)
    return int(found[-1]) if found and int(found[-1]) in ITEMS else None


def _download_missing(folder: Path, downloads: Downloads) -> None:
    """Download the sonatas that are not there; go on where one fails, and raise at the end."""
    there, _ = _find_sonatas(folder)
    failures: list[ConnectionError] = []
    for number, item in ITEMS.items():
        if number in there and not (folder / item / _LIST).is_file():
            continue  # put there by hand
        try:
            # after a failure with all retries, the other addresses are tried only once
            retries = 0 if failures else downloads.n_retries
            _download_item(folder, item, downloads._replace(n_retries=retries))
        except ConnectionError as error:
            failures.append(error)
    if failures:
        raise ConnectionError(
            f"{len(failures)} of 32 sonatas could not be downloaded. To use those that are there, "
            f"call with download_if_missing=False. The first of them: {failures[0]}"
        )


def _download_item(folder: Path, item: str, downloads: Downloads) -> None:
    listed = RemoteFile(
        f"{item}/{_LIST}", (f"{ARCHIVE}/metadata/{item}",), most_bytes=_MOST_LIST_BYTES
    )
    contents = fetch_file(listed, folder, downloads, check=_read_list)
    for remote in _choose_files(item, _read_list(contents)):
        fetch_file(remote, folder, downloads)


def _read_list(path: Path) -> list[dict[str, Any]]:
    """Return archive.org's entries of the sound files of an item; raise ValueError if it has none.

    A list that is damaged, or names a file outside the folder of the item, is a ValueError too.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("this is no list of files as archive.org gives it") from error
    files = content.get("files") if isinstance(content, dict) else None
    try:
        files = [file for file in files or [] if file["name"].lower().endswith(_ENDINGS)]
        names = FolderNames()
        for file in files:
            names.add(file["name"])
            int(file.get("size", 0))
    except (AttributeError, KeyError, OverflowError, TypeError) as error:
        raise ValueError("this is no list of files as archive.org gives it") from error
    if not files:
        raise ValueError("archive.org lists no sound file of this item")
    return files


def _choose_files(item: str, files: list[dict[str, Any]]) -> list[RemoteFile]:
    """Return the Ogg files of an item, which SampleRNN takes; if there are none, the originals."""
    oggs = [file for file in files if file["name"].lower().endswith(".ogg")]
    originals = [file for file in files if file.get("source") == "original"]
    return [_locate(item, file) for file in oggs or originals or files]


def _locate(item: str, file: dict[str, Any]) -> RemoteFile:
    hashes = [f"{kind}:{file[kind]}" for kind in ("sha1", "md5") if kind in file]
    return RemoteFile(
        f"{item}/{file['name']}",
        (f"{ARCHIVE}/download/{item}/{quote(file['name'])}",),
        n_bytes=int(file["size"]) if "size" in file else None,
        known_hash=hashes[0] if hashes else None,
    )
