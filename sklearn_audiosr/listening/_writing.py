"""Folders that are written whole or not at all, and WAV files in memory."""

import io
import os
import re
import shutil
import uuid
import wave
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np


def write_folder(folder, files, *, own, overwrite):
    """Write files into a new folder; until it is complete it bears another name beside it.

    Parameters
    ----------
    folder : path-like
        A folder that is not there yet or is empty; with `overwrite` also one that holds nothing
        but what this package wrote.
    files : iterable of (str, bytes)
        Names within the folder and contents.
    own : set of str
        Patterns of the files that may lie in a folder that is replaced, at any depth.
    overwrite : bool
        Replace such a folder.

    Returns
    -------
    folder : Path
        The folder.
    """
    folder = Path(os.path.realpath(folder))
    _check_target(folder, own, overwrite)
    temporary = folder.with_name(f".{uuid.uuid4().hex}.part")
    try:
        temporary.mkdir()
        for name, content in files:
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        _replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _check_target(folder, own, overwrite):
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


def _check_own(folder, own):
    """Raise FileExistsError if a file in the folder is not one that this package writes."""
    leaves = (p for p in folder.rglob("*") if not p.is_dir() or not any(p.iterdir()))
    present = {p.relative_to(folder).as_posix() for p in leaves}
    foreign = sorted(p for p in present if not any(fnmatchcase(p, pattern) for pattern in own))
    if foreign:
        raise FileExistsError(
            f"folder must hold nothing but an earlier test to be replaced, got {folder} with "
            f"{', '.join(foreign[:3])}: take another."
        )


def _replace(temporary, folder):
    """Put the complete folder in its place; what was there goes last."""
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


def check_file_name(name):
    """Raise an error for a name that is no plain name of a file."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise ValueError(
            f'name must consist of letters, digits, "-" and "_", got {name!r}: it names a file.'
        )


def encode_wav(clip, sampling_rate):
    """Return a clip of shape (n_channels, n_timepoints) as a WAV file of 16-bit integers.

    At -23 LUFS the rounding lies some 75 dB below the signal.
    """
    pcm = np.clip(np.round(clip.T * 2.0**15), -(2**15), 2**15 - 1).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(len(clip))
        writer.setsampwidth(2)
        writer.setframerate(sampling_rate)
        writer.writeframes(pcm.tobytes())
    return file.getvalue()


def draw_ids(n_ids, rng):
    """Draw distinct names that tell nothing: 8 hexadecimal digits."""
    ids: dict[str, None] = {}
    while len(ids) < n_ids:
        ids[rng.bytes(4).hex()] = None
    return list(ids)
