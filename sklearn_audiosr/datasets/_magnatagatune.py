"""MagnaTagATune: diverse music in MP3, with 188 tags."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from sklearn_audiosr.datasets._corpus import Recording, find_root, finish, make_bunch
from sklearn_audiosr.datasets._download import fetch_file, get_data_home
from sklearn_audiosr.datasets._fetching import corpus_fetcher, find_or_unpack
from sklearn_audiosr.datasets._names import split_name
from sklearn_audiosr.datasets._resuming import Downloads, RemoteFile

# The publisher's server under its present and its former name. We found no published hash.
SERVERS = (
    "https://mirg.city.ac.uk/datasets/magnatagatune/",
    "http://mi.soi.city.ac.uk/datasets/magnatagatune/",
)
_ARCHIVE_PARTS = ("mp3.zip.001", "mp3.zip.002", "mp3.zip.003")
_ANNOTATIONS = "annotations_final.csv"
_MOST_PART_BYTES, _MOST_TABLE_BYTES = 2**31, 2**27  # a part has 1.1 GB, the table some 20 MB

# Folders have one hexadecimal digit as their name. This is the usual split, as in github.com/
# jordipons/musicnn-training, aux/mtt/partition_gt.py; the paper names none.
_PARTS_BY_FOLDER = {digit: "train" for digit in "0123456789ab"} | {"c": "validation"}
_PARTS_BY_FOLDER |= {digit: "test" for digit in "def"}


@corpus_fetcher()
def fetch_magnatagatune(
    *,
    sampling_rate: int = 16000,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
) -> Bunch:
    """Fetch the MagnaTagATune dataset of diverse music, downloaded if need be.

    Parameters
    ----------
    sampling_rate : int, default=16000
        Rate of the clips in Hz. The files have 16000 Hz.
    data_home : str, path-like or None, default=None
        {data home}
        The corpus lies in ``magnatagatune`` below it.
    download_if_missing : bool, default=True
        Download the corpus if it is not there; False makes that an error.
    {patience}

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes

        {clips}
            Each lasts about 29 seconds, a multiple of 240 timepoints.
        groups : ndarray of shape (n_clips,), dtype str
            The track that each clip is a part of, for ``GroupKFold`` and the like.
        train, validation, test : ndarray of int
            Indices of the clips of the usual split by folders: 0 to b, c, and d to f.
        target : ndarray of shape (n_clips, 188), dtype bool
            Which tags listeners gave to each clip.
        target_names : list of str
            The tags: genres, instruments, moods.
        {entries}

    Raises
    ------
    {no archive}
    ValueError
        If the archive has a link, a path that leads out of its folder, or another member that no
        recording is.
    {no pooch}

    Warns
    -----
    {left out} Three files of the corpus are known to be empty. A second warns if a file came over
    plain http, from the second server: compare its hash with that of another copy.

    See Also
    --------
    fetch_beethoven_piano : One instrument, at a higher rate.

    Notes
    -----
    The files are MP3 of 32 kbit/s: a model that is trained on them learns the highband that the
    encoder left.

    The publisher names no hashes. The archive's own checksums are checked, and the hashes of the
    first download are kept in ``checksums.json`` and checked by later calls. The three parts of the
    archive may be deleted once it is unpacked.

    Examples
    --------
    >>> from sklearn_audiosr.datasets import fetch_magnatagatune
    >>> music = fetch_magnatagatune()  # doctest: +SKIP
    >>> piano = music.target[:, music.target_names.index("piano")]  # doctest: +SKIP
    >>> music.clips[piano]  # doctest: +SKIP
    <LazyClips: ...>

    Without the corpus the error says where to put it:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as empty:
    ...     fetch_magnatagatune(data_home=empty, download_if_missing=False)
    Traceback (most recent call last):
    ...
    FileNotFoundError: annotations_final.csv is not in ...
    """
    folder = get_data_home(data_home) / "magnatagatune"
    downloads = Downloads(download_if_missing, n_retries, delay)
    annotations = fetch_file(_locate(_ANNOTATIONS), folder, downloads, check=_read_annotations)
    tags, names, target = _read_annotations(annotations)
    root = _find_audio(folder, downloads)
    recordings = [
        Recording(name, _name_track(name), _PARTS_BY_FOLDER.get(name[0], "train")) for name in names
    ]
    dataset, kept = make_bunch(
        root,
        recordings,
        sampling_rate,
        licence="Creative Commons Attribution-NonCommercial-ShareAlike 3.0 Unported",
        target_names=tags,
    )
    dataset.target = target[kept]
    return finish(
        dataset,
        "MagnaTagATune",
        f"Music of magnatune.com with the tags of the game TagATune, from {root}.",
        source="https://mirg.city.ac.uk/codeapps/the-magnatagatune-dataset",
        citation="E. Law, K. West, M. Mandel, M. Bay, J. S. Downie: Evaluation of Algorithms "
        "Using Games: The Case of Music Tagging. ISMIR 2009.",
        split="Split: the usual one by folders, 0 to b, c, and d to f; the paper names none.",
    )


def _locate(name: str) -> RemoteFile:
    most_bytes = _MOST_TABLE_BYTES if name == _ANNOTATIONS else _MOST_PART_BYTES
    return RemoteFile(name, tuple(server + name for server in SERVERS), most_bytes=most_bytes)


def _find_audio(folder: Path, downloads: Downloads) -> Path:
    """Return the folder with the folders 0 to f; download and unpack them if need be."""
    hint = "with the other two, or the unpacked folders 0 to f"
    return find_or_unpack(
        lambda: find_root(folder, _has_audio),
        lambda: [
            fetch_file(_locate(name), folder, downloads, hint=hint) for name in _ARCHIVE_PARTS
        ],
        folder,
        lambda name: name.endswith(".mp3"),
        "the folders 0 to f",
    )


def _has_audio(path: Path) -> bool:
    return any((path / digit).is_dir() for digit in _PARTS_BY_FOLDER)


def _name_track(name: str) -> str:
    """Return a file's name without the seconds where the clip begins and ends."""
    return re.sub(r"-\d+-\d+\.mp3$", "", name)


def _read_annotations(path: Path) -> tuple[list[str], list[str], NDArray[Any]]:
    """Return the tags, the names of the files, sorted, and which file has which tag.

    Raises ValueError if the table is not the one expected.
    """
    with open(path, encoding="utf-8", newline="") as file:
        try:
            rows = [row for row in csv.reader(file, delimiter="\t") if row]
        except csv.Error as error:
            raise ValueError(f"no table with tabs: {error}") from error
    if len(rows) < 2 or not rows[0] or (rows[0][0], rows[0][-1]) != ("clip_id", "mp3_path"):
        raise ValueError("no table with tabs, from clip_id to mp3_path")
    tags, names = rows[0][1:-1], [row[-1] for row in rows[1:]]
    for row in rows:
        if len(row) != len(rows[0]):
            raise ValueError(f"a row must have {len(rows[0])} columns, got {len(row)}")
    for name in names:
        split_name(name)
    try:
        target = np.array([row[1:-1] for row in rows[1:]], dtype=int).astype(bool)
    except OverflowError as error:
        raise ValueError("a tag must be 0 or 1") from error
    order = np.argsort(names, kind="stable")
    return tags, [names[i] for i in order], target[order]
