"""From the files of a corpus to the Bunch that its fetcher returns."""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.utils import Bunch

from sklearn_audiosr.datasets._lazy import Excerpt, LazyClips, cut_excerpt, open_file

FOLDS = ("train", "validation", "test")

# Lines that a message lists before it says how many more there are.
_N_LISTED = 20


class Recording(NamedTuple):
    """A file of a corpus and where it belongs."""

    name: str  # relative to the root, with forward slashes
    group: str
    fold: str = ""


def find_root(folder, is_root):
    """Return the first that fits of a folder and those up to two levels below it.

    Parameters
    ----------
    folder : Path
        Where to look; it need not exist.
    is_root : callable
        Tells of a folder whether it is the one.

    Returns
    -------
    root : Path or None
        None if there is none. What is unpacked in part only is passed over.
    """
    for pattern in ("", "*", "*/*"):
        for path in sorted(folder.glob(pattern)) if pattern else [folder]:
            whole = ".partial" not in str(path.relative_to(folder))
            if whole and path.is_dir() and is_root(path):
                return path
    return None


def make_bunch(root, recordings, sampling_rate, n_timepoints=None, **entries):
    """Make the Bunch of a corpus; files that cannot be read are left out.

    Parameters
    ----------
    root : Path
        The folder that names are relative to.
    recordings : list of Recording
        The files that the corpus should have, whether they are there or not.
    sampling_rate : int
        Rate of the clips in Hz.
    n_timepoints : int or None, default=None
        Length of the clips that each file is cut into; None makes one clip of each file.
    **entries : dict
        More entries, such as the licence.

    Returns
    -------
    dataset : Bunch
        With clips, groups, filenames, train, validation, test, left_out, sampling_rate and
        `entries`.
    kept : list of int
        Which of `recordings` each clip is from.

    Raises
    ------
    OSError
        If no file can be read.
    """
    excerpts: list[Excerpt] = []
    kept: list[int] = []  # the recording of each excerpt
    left_out = []
    for i, recording in enumerate(recordings):
        try:
            pieces = _open_pieces(root / recording.name, sampling_rate, n_timepoints)
        except ValueError as error:
            left_out.append(f"{recording.name}: {error}")
            continue
        excerpts += pieces
        kept += [i] * len(pieces)
    if not excerpts:
        raise OSError(
            f"a corpus must have clips, but none of its {len(recordings)} files in {root} can be "
            "used. Put them there, or move the folder away to have them downloaded."
            f"{list_some(left_out)}"
        )
    _warn_of_upsampled(excerpts, sampling_rate)
    folds = np.array([recordings[i].fold for i in kept])
    dataset = Bunch(
        clips=LazyClips(excerpts, sampling_rate),
        groups=np.array([recordings[i].group for i in kept]),
        filenames=[recordings[i].name for i in kept],
        left_out=left_out,
        sampling_rate=sampling_rate,
        **{fold: np.flatnonzero(folds == fold) for fold in FOLDS},
        **entries,
    )
    return dataset, kept


def _open_pieces(path, sampling_rate, n_timepoints):
    """Return the clips of a file; ValueError says why there are none."""
    if not path.is_file():
        raise ValueError("not there")
    whole = open_file(path, sampling_rate)
    pieces = [whole] if n_timepoints is None else cut_excerpt(whole, n_timepoints)
    if not pieces:
        raise ValueError(f"shorter than a clip: {whole.n_timepoints} timepoints")
    return pieces


def _warn_of_upsampled(excerpts, sampling_rate):
    rates = {piece.path: piece.file_rate for piece in excerpts}
    low = [f"{path.name}: {rate} Hz" for path, rate in rates.items() if rate < sampling_rate]
    _warn(low, f"have nothing above their own Nyquist frequency at {sampling_rate} Hz", 6)


def finish(dataset, corpus, text):
    """Write the description of a corpus and warn, once, of what it lacks.

    Parameters
    ----------
    dataset : Bunch
        As `make_bunch` gives it; its DESCR is set here.
    corpus : str
        Name of the corpus.
    text : str
        What it is, where it is from and how it is split.

    Returns
    -------
    dataset : Bunch
        The same.
    """
    counts = ", ".join(
        f"{len(dataset[fold])} {fold} ({_count_minutes(dataset, fold):.1f} minutes)"
        for fold in FOLDS
    )
    lacking = list_some(dataset.left_out) if dataset.left_out else "nothing"
    dataset.DESCR = (
        f"{corpus}\n{'=' * len(corpus)}\n\n{text.strip()}\n\n"
        f"Clips: {counts}, of {len(np.unique(dataset.groups))} groups, at {dataset.sampling_rate} "
        f"Hz, mono.\nLicence: {dataset.licence}\nLeft out: {lacking}\n"
    )
    _warn(dataset.left_out, f"of {corpus} are left out")
    return dataset


def _count_minutes(dataset, fold):
    return dataset.clips.n_timepoints[dataset[fold]].sum() / dataset.sampling_rate / 60


def _warn(lines, what, stacklevel=5):
    if lines:
        # this, the fetcher's helper, the fetcher, scikit-learn's check of its parameters
        text = f"{len(lines)} file(s) {what}:{list_some(lines)}"
        warnings.warn(text, UserWarning, stacklevel=stacklevel)


def list_some(lines):
    """Return lines as a text, the first twenty of them.

    Parameters
    ----------
    lines : list of str
        One for each file.

    Returns
    -------
    text : str
        One below the other.
    """
    more = [f"and {len(lines) - _N_LISTED} more"] if len(lines) > _N_LISTED else []
    return "".join(f"\n  {line}" for line in [*lines[:_N_LISTED], *more])
