"""Write a folder whole or not at all, and encode WAV files in memory."""

from __future__ import annotations

import io
import os
import re
import shutil
import uuid
import wave
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np


def write_folder(
    folder: str | os.PathLike[str],
    files: Iterable[tuple[str, bytes]],
    *,
    own: set[str],
    overwrite: bool,
) -> Path:
    """Write files into a new folder, which has another name until it is complete.

    Parameters
    ----------
    folder : path-like
        A folder that does not exist or is empty; with `overwrite` also one that holds nothing but
        the files of this package.
    files : iterable of (str, bytes)
        Names within the folder, and contents.
    own : set of str
        Patterns of the files that a folder to be replaced may hold, at any depth.
    overwrite : bool
        Replace such a folder.

    Returns
    -------
    folder : Path
        The folder, without links in its path.

    Raises
    ------
    FileExistsError, NotADirectoryError, FileNotFoundError
        If the folder holds something else, is a file, or its parent folder does not exist.
    """
    target = Path(os.path.realpath(folder))
    _check_target(target, own, overwrite)
    temporary = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        temporary.mkdir()
        for name, content in files:
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        _replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _check_target(folder: Path, own: set[str], overwrite: bool) -> None:
    if not folder.parent.is_dir():
        raise FileNotFoundError(
            f"folder must lie in a folder that exists, got {folder}: make {folder.parent} first."
        )
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(
            f"folder must be a folder, got the file {folder}: take a new name."
        )
    if overwrite:
        _check_own(folder, own)
    elif folder.exists() and any(folder.iterdir()):
        raise FileExistsError(
            f"folder must be new or empty, got {folder}: take another, or pass overwrite=True to "
            "replace a test."
        )


def _check_own(folder: Path, own: set[str]) -> None:
    """Raise FileExistsError if a file in the folder is not one that this package writes."""
    leaves = (p for p in folder.rglob("*") if not p.is_dir() or not any(p.iterdir()))
    present = {p.relative_to(folder).as_posix() for p in leaves}
    foreign = sorted(p for p in present if not any(fnmatchcase(p, pattern) for pattern in own))
    if foreign:
        raise FileExistsError(
            f"folder must hold nothing but an earlier test to be replaced, got {folder} with "
            f"{', '.join(foreign[:3])}: take another."
        )


def _replace(temporary: Path, folder: Path) -> None:
    """Rename the complete folder; remove an old one only after that."""
    old = folder.with_name(f".{uuid.uuid4().hex}.old")
    if folder.exists():
        os.rename(folder, old)
    try:
        os.rename(temporary, folder)
    except OSError:
        if old.exists():
            os.rename(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def check_file_name(name: str) -> None:
    """Raise ValueError unless a name has only letters, digits, "-" and "_"."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise ValueError(
            f'name must consist of letters, digits, "-" and "_", got {name!r}: it names a file.'
        )


def encode_wav(clip: np.ndarray, sampling_rate: int) -> bytes:
    """Return a clip of shape (n_channels, n_timepoints) as a WAV file of 16-bit integers.

    At -23 LUFS the rounding noise is some 75 dB below the signal. Values beyond [-1, 1) are
    clipped.

    Raises
    ------
    ValueError
        If the clip holds NaN or infinity, which no integer stands for.
    """
    if not np.isfinite(clip).all():
        raise ValueError(
            "clip must hold finite values, got NaN or infinity: write what make_stimuli returns."
        )
    pcm = np.clip(np.round(clip.T * 2.0**15), -(2**15), 2**15 - 1).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(len(clip))
        writer.setsampwidth(2)
        writer.setframerate(sampling_rate)
        writer.writeframes(pcm.tobytes())
    return file.getvalue()


def draw_ids(n_ids: int, rng: np.random.RandomState) -> list[str]:
    """Draw distinct random names of 8 hexadecimal digits."""
    ids: dict[str, None] = {}
    while len(ids) < n_ids:
        ids[rng.bytes(4).hex()] = None
    return list(ids)
