"""Read damaged sound files of every format: only documented errors, in bounded memory."""

import io
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import soundfile

from sklearn_audiosr import SplineUpsampler, upsample_file
from sklearn_audiosr._files.reading import read_file, read_header
from sklearn_audiosr.datasets import load_audio_folder

# What the documentation names: of reading, and of upsample_file.
DOCUMENTED = (ValueError, OSError, soundfile.SoundFileError)

# MiB that the cases may take above what there was before: a spectrum of 60 ms at the highest rate,
# blocks, and what codecs need.
MAX_GROWTH = 400

# Numbers for fields of headers: empty, all ones, the edges of signed numbers, and large ones.
_ABSURD = (0, 1, 8, 127, 255, 2**15, 2**16 - 1, 10**6, 2**31 - 1, 2**31, 2**32 - 1, 2**64 - 1)

_N_FRAMES = 3000


@cache
def make_files():
    """Return a whole file, as bytes, of each format that soundfile writes, with its name."""
    rng = np.random.default_rng(0)
    noise = np.clip(0.1 * rng.standard_normal((_N_FRAMES, 2)), -1, 1)
    files = {}
    for name in soundfile.available_formats():
        if name == "SD2":  # of two files, of which the second would lie in the working folder
            continue
        for subtype in soundfile.available_subtypes(name):
            for n_channels in (1, 2):
                memory = io.BytesIO()
                if subtype.startswith("ALAC") and n_channels == 2:
                    continue  # libsndfile writes it beyond its memory
                try:
                    soundfile.write(memory, noise[:, :n_channels], 16000, subtype, format=name)
                except (soundfile.SoundFileError, TypeError, ValueError):
                    continue  # it is listed and not written
                files[f"{name} {subtype} {n_channels}"] = memory.getvalue()
    return files


def damage(content, rng):
    """Return a damaged copy of a file and the kind of damage."""
    data = bytearray(content)
    kind = ("cut", "flip", "number", "hole", "joined", "several")[rng.integers(6)]
    if kind in ("cut", "several"):
        del data[int(rng.integers(len(data) + 1)) :]
    if kind in ("flip", "several") and data:
        end = len(data) if rng.random() < 0.5 else min(len(data), 200)
        for place in rng.integers(end, size=rng.integers(1, 20)):
            data[place] = rng.integers(256)
    if kind in ("number", "several") and len(data) > 16:
        for _ in range(rng.integers(1, 4)):
            n_bytes = int(rng.choice([1, 2, 4, 8]))
            number = _ABSURD[rng.integers(len(_ABSURD))] % 256**n_bytes
            place = int(rng.integers(min(len(data), 200) - n_bytes))
            order = "little" if rng.random() < 0.5 else "big"
            data[place : place + n_bytes] = number.to_bytes(n_bytes, order)
    if kind == "hole" and data:
        first, last = sorted(rng.integers(len(data) + 1, size=2))
        data[first:last] = b"" if rng.random() < 0.5 else bytes(last - first)
    if kind == "joined":
        data += content[int(rng.integers(3)) * len(content) // 4 :]
    return bytes(data), kind


def use(path, folder):
    """Read a file in every way that the package has; return what came of it."""
    kinds = {"outcome": "read"}
    for action in (
        lambda: read_header(path),
        lambda: read_file(path),
        lambda: upsample_file(_spline(None), path, folder / "wide.wav"),
        lambda: upsample_file(_spline(16000), path, folder / "wide.flac", resample=True),
        lambda: load_audio_folder(path.parent, sampling_rate=16000),
    ):
        try:
            action()
        except DOCUMENTED as error:
            kinds["outcome"] = type(error).__name__
    return kinds["outcome"]


@cache
def _spline(rate):
    return SplineUpsampler(sampling_rate=rate).fit(np.ones((1, 8)), np.ones((1, 16)))


def run(n_cases, seed):
    """Read damaged files.

    Parameters
    ----------
    n_cases : int
        How many.
    seed : int
        Of the damage.

    Returns
    -------
    figures : dict
        How many cases there were, what came of them, errors that are not documented with the
        number of their case, the longest time in seconds and the growth of memory in MiB.
    """
    files = list(make_files().items())
    outcomes, undocumented, longest, n_warned = Counter(), [], (0.0, ""), 0
    before = _peak()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "in")
        folder.mkdir()
        for case in range(n_cases):
            rng = np.random.default_rng([seed, case])
            label, content = files[rng.integers(len(files))]
            content, kind = damage(content, rng)
            path = folder / f"case.{label.split()[0].lower()}"
            path.write_bytes(content)
            start = time.perf_counter()
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                try:
                    outcomes[use(path, folder.parent)] += 1
                except Exception as error:  # what is looked for
                    undocumented.append(f"{case} {label} {kind}: {error!r}")
            longest = max(longest, (time.perf_counter() - start, f"{case} {label} {kind}"))
            n_warned += any(issubclass(w.category, UserWarning) for w in warned)
            path.unlink()
    growth = round((_peak() - before) / 2**20)
    if growth > MAX_GROWTH:
        undocumented.append(f"memory grew by {growth} MiB; at most {MAX_GROWTH} are right")
    return {
        "cases": n_cases,
        "outcomes": dict(outcomes),
        "with warnings": n_warned,
        "undocumented": undocumented,
        "longest": f"{longest[0]:.1f} s in case {longest[1]}",
        "growth of memory (MiB)": growth,
    }


def _peak():
    """Return the most memory that this process has had, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
