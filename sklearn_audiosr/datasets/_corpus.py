"""Make the Bunch that a fetcher returns from the files of its corpus."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import Bunch

from sklearn_audiosr.datasets._archives import PARTIAL
from sklearn_audiosr.datasets._lazy import Excerpt, LazyClips, cut_excerpt, open_file

PARTS = ("train", "validation", "test")  # of a split

# Number of lines that a message lists before it says how many more there are.
_N_LISTED = 20


class Recording(NamedTuple):
    """A file of a corpus, its group, and its part of the split."""

    name: str  # relative to the root, with forward slashes
    group: str
    part: str = ""  # one of PARTS, or none


class Missing(NamedTuple):
    """What a corpus should have and is not there, as one line of `left_out`."""

    line: str
    n: int = 1
    what: str = "file"  # "speaker", "sonata", ...: what `n` counts


def find_root(folder: Path, is_root: Callable[[Path], bool]) -> Path | None:
    """Search a folder, and the folders up to two levels below it, for the root of a corpus.

    Parameters
    ----------
    folder : Path
        Folder to search; it need not exist.
    is_root : callable
        Returns whether a folder is the root.

    Returns
    -------
    root : Path or None
        The first that fits, None if none does. Folders of an unfinished unpacking are skipped.
    """
    for pattern in ("", "*", "*/*"):
        for path in sorted(folder.glob(pattern)) if pattern else [folder]:
            whole = PARTIAL not in str(path.relative_to(folder))
            if whole and path.is_dir() and is_root(path):
                return path
    return None


def make_bunch(
    root: Path,
    recordings: list[Recording],
    sampling_rate: int,
    n_timepoints: int | None = None,
    **entries: Any,
) -> tuple[Bunch, list[int]]:
    """Make the Bunch of a corpus; leave out files that cannot be read.

    Parameters
    ----------
    root : Path
        Folder that the names of files are relative to.
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
        For each clip, the index of its recording in `recordings`.

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
    parts = np.array([recordings[i].part for i in kept])
    dataset = Bunch(
        clips=LazyClips(excerpts, sampling_rate),
        groups=np.array([recordings[i].group for i in kept]),
        filenames=[recordings[i].name for i in kept],
        left_out=left_out,
        sampling_rate=sampling_rate,
        **{part: np.flatnonzero(parts == part) for part in PARTS},
        **entries,
    )
    return dataset, kept


def _open_pieces(path: Path, sampling_rate: int, n_timepoints: int | None) -> list[Excerpt]:
    """Return the clips of a file; raise ValueError with the reason if there are none."""
    if not path.is_file():
        raise ValueError("not there")
    whole = open_file(path, sampling_rate)
    pieces = [whole] if n_timepoints is None else cut_excerpt(whole, n_timepoints)
    if not pieces:
        raise ValueError(f"shorter than a clip: {whole.n_timepoints} timepoints")
    return pieces


def _warn_of_upsampled(excerpts: list[Excerpt], sampling_rate: int) -> None:
    rates = {piece.path: piece.file_rate for piece in excerpts}
    low = [f"{path.name}: {rate} Hz" for path, rate in rates.items() if rate < sampling_rate]
    what = f"{len(low)} file(s) have nothing above their own Nyquist frequency"
    _warn(low, f"{what} at {sampling_rate} Hz", 6)


def finish(
    dataset: Bunch,
    corpus: str,
    content: str,
    *,
    source: str,
    citation: str,
    split: str,
    missing: Sequence[Missing] = (),
) -> Bunch:
    """Write the description of a corpus, and warn once of what is missing.

    Parameters
    ----------
    dataset : Bunch
        As `make_bunch` returns it; its DESCR is set here, and `missing` is added to `left_out`.
    corpus : str
        Name of the corpus.
    content : str
        What the clips are, and the folder that they are in.
    source, citation : str
        Where the corpus is published, and how to cite it.
    split : str
        How it is split: a whole sentence.
    missing : sequence of Missing
        What the corpus lacks beside the files that `make_bunch` has left out.

    Returns
    -------
    dataset : Bunch
        The same.
    """
    counted = Counter(file=len(dataset.left_out))
    for item in missing:
        counted[item.what] += item.n
    dataset.left_out += [item.line for item in missing]
    counts = ", ".join(
        f"{len(dataset[part])} {part} ({_count_minutes(dataset, part):.1f} minutes)"
        for part in PARTS
    )
    lacking = list_some(dataset.left_out) if dataset.left_out else "nothing"
    dataset.DESCR = (
        f"{corpus}\n{'=' * len(corpus)}\n\n"
        f"{content}\nSource: {source}\nCitation: {citation}\n{split}\n\n"
        f"Clips: {counts}, of {len(np.unique(dataset.groups))} groups, at {dataset.sampling_rate} "
        f"Hz, mono.\nLicence: {dataset.licence}\nLeft out: {lacking}\n"
    )
    # one line may stand for many files
    what = ", ".join(f"{n} {name}(s)" for name, n in counted.items() if n)
    _warn(dataset.left_out, f"{what} of {corpus} are left out")
    return dataset


def _count_minutes(dataset: Bunch, part: str) -> float:
    return float(dataset.clips.n_timepoints[dataset[part]].sum() / dataset.sampling_rate / 60)


def _warn(lines: list[str], what: str, stacklevel: int = 5) -> None:
    if lines:
        # the caller of the fetcher: past this function, its caller, the fetcher and its check
        warnings.warn(f"{what}:{list_some(lines)}", UserWarning, stacklevel=stacklevel)


def list_some(lines: list[str]) -> str:
    """Return lines as one text that begins with a new line; after twenty, how many more."""
    more = [f"and {len(lines) - _N_LISTED} more"] if len(lines) > _N_LISTED else []
    return "".join(f"\n  {line}" for line in [*lines[:_N_LISTED], *more])
