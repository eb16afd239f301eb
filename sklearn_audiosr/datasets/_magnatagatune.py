"""MagnaTagATune: diverse music in MP3, with 188 tags."""

import csv
import os
import re
from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval, validate_params

from sklearn_audiosr.datasets._archives import unpack
from sklearn_audiosr.datasets._corpus import Recording, find_root, finish, make_bunch
from sklearn_audiosr.datasets._download import fetch_file, get_data_home
from sklearn_audiosr.datasets._resuming import RemoteFile

_FOLDER = "magnatagatune"

# The publisher's server under its present and its former name. We found no hash printed anywhere.
_SERVERS = (
    "https://mirg.city.ac.uk/datasets/magnatagatune/",
    "http://mi.soi.city.ac.uk/datasets/magnatagatune/",
)
_PARTS = ("mp3.zip.001", "mp3.zip.002", "mp3.zip.003")
_ANNOTATIONS = "annotations_final.csv"

# The folders are named by one hexadecimal digit. The usual split, as in github.com/jordipons/
# musicnn-training, aux/mtt/partition_gt.py; the paper names none.
_FOLDS = {digit: "train" for digit in "0123456789ab"} | {"c": "validation"}
_FOLDS |= {digit: "test" for digit in "def"}


@validate_params(
    {
        "sampling_rate": [Interval(Integral, 1, None, closed="left")],
        "data_home": [str, os.PathLike, None],
        "download_if_missing": ["boolean"],
        "n_retries": [Interval(Integral, 0, None, closed="left")],
        "delay": [Interval(Real, 0, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def fetch_magnatagatune(
    *, sampling_rate=16000, data_home=None, download_if_missing=True, n_retries=3, delay=1.0
):
    """Fetch the MagnaTagATune dataset of diverse music, downloaded if need be.

    Parameters
    ----------
    sampling_rate : int, default=16000
        Rate of the clips in Hz. The files have 16000 Hz.
    data_home : str, path-like or None, default=None
        The folder of all corpora. None takes the environment variable ``SKLEARN_AUDIOSR_DATA``,
        or ``~/sklearn_audiosr_data``. The corpus lies in ``magnatagatune`` below it.
    download_if_missing : bool, default=True
        Whether to download the corpus if it is not there; if not, that is an error.
    n_retries : int, default=3
        Tries in a row without a new byte before an address is given up.
    delay : float, default=1.0
        Seconds between two tries.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes

        clips : lazy sequence of ndarray of shape (n_timepoints,), dtype float32
            A file is read when its clip is asked for; ``clips[train]`` is lazy too. Each is a
            multiple of 240 timepoints long, about 29 seconds.
        groups : ndarray of shape (n_clips,), dtype str
            The track that each clip is cut from, for ``GroupKFold`` and the like.
        train, validation, test : ndarray of int
            The usual split by folders: 0 to b, c, and d to f.
        target : ndarray of shape (n_clips, 188), dtype bool
            Which tags listeners gave to each clip.
        target_names : list of str
            The tags: genres, instruments, moods.
        filenames : list of str
            The file of each clip, in order.
        left_out : list of str
            Files that are missing or cannot be read, each with the reason.
        sampling_rate : int
            Rate of the clips in Hz.
        licence : str
            The licence of the recordings.
        DESCR : str
            Source, citation, split, counts, and what is missing.

    Raises
    ------
    OSError
        If the corpus is not there and shall not be or cannot be downloaded (ConnectionError),
        if the archive is damaged, or if the disk is too full.
    ValueError
        If the table of annotations is not the one expected.
    ImportError
        If pooch is needed and not installed.

    Warns
    -----
    UserWarning
        One warning names what is left out. Three files of the corpus are known to be empty.

    See Also
    --------
    fetch_beethoven_piano : One instrument, at a higher rate.

    Notes
    -----
    The files are MP3 of 32 kbit/s: their highband is what the encoder left of it, and no better
    than that as a target.

    No hash of the files is published. Their sizes and the archive's own checksums are checked, and
    the hashes of the first download are kept in ``checksums.json``. The three parts of the archive
    may be deleted once it is unpacked.

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
    folder = get_data_home(data_home) / _FOLDER
    options = {
        "download_if_missing": download_if_missing,
        "n_retries": n_retries,
        "delay": delay,
    }
    annotations = fetch_file(
        _describe_file(_ANNOTATIONS), folder, check=_read_annotations, **options
    )
    tags, names, target = _read_annotations(annotations)
    root = _find_audio(folder) or _unpack_audio(folder, options)
    recordings = [
        Recording(name, _name_track(name), _FOLDS.get(name[0], "train")) for name in names
    ]
    dataset, kept = make_bunch(
        root,
        recordings,
        sampling_rate,
        licence="Creative Commons Attribution-NonCommercial-ShareAlike 3.0 Unported",
        target_names=tags,
    )
    dataset.target = target[kept]
    text = (
        f"Music of magnatune.com with the tags of the game TagATune, from {root}.\n"
        "Source: https://mirg.city.ac.uk/codeapps/the-magnatagatune-dataset\n"
        "Citation: E. Law, K. West, M. Mandel, M. Bay, J. S. Downie: Evaluation of Algorithms "
        "Using Games: The Case of Music Tagging. ISMIR 2009.\n"
        "Split: the usual one by folders, 0 to b, c, and d to f; the paper names none."
    )
    return finish(dataset, "MagnaTagATune", text)


def _describe_file(name):
    return RemoteFile(name, tuple(server + name for server in _SERVERS))


def _find_audio(folder):
    """Return the folder with the folders 0 to f."""
    return find_root(folder, lambda path: any((path / digit).is_dir() for digit in _FOLDS))


def _unpack_audio(folder, options):
    hint = "with the other two, or the unpacked folders 0 to f"
    parts = [fetch_file(_describe_file(name), folder, hint=hint, **options) for name in _PARTS]
    unpack(parts, folder / "unpacked", lambda name: name.endswith(".mp3"))
    root = _find_audio(folder)
    if root is None:
        raise OSError(
            f"{', '.join(_PARTS)} in {folder} must hold the folders 0 to f, but have none: are "
            "they another archive?"
        )
    return root


def _name_track(name):
    """Return a file's name without the seconds where the clip begins and ends."""
    return re.sub(r"-\d+-\d+\.mp3$", "", name)


def _read_annotations(path):
    """Return the tags, the names of the files and which file has which tag."""
    with open(path, encoding="utf-8", newline="") as file:
        try:
            rows = [row for row in csv.reader(file, delimiter="\t") if row]
        except csv.Error as error:
            raise ValueError(f"no table with tabs: {error}") from error
    if len(rows) < 2 or not rows[0] or (rows[0][0], rows[0][-1]) != ("clip_id", "mp3_path"):
        raise ValueError("no table with tabs, from clip_id to mp3_path")
    tags, names = rows[0][1:-1], [row[-1] for row in rows[1:]]
    target = np.array([row[1:-1] for row in rows[1:]], dtype=int).astype(bool)
    order = np.argsort(names, kind="stable")
    return tags, [names[i] for i in order], target[order]
