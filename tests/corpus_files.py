"""Small sound files and archives, of which the tests of fetchers make their corpora."""

import io
import zipfile
from functools import cache

import numpy as np
import soundfile as sf

# For each version of VCTK: the folder of the speakers, and the end of a recording's name.
LAYOUTS = {
    "0.92": ("VCTK-Corpus-0.92/wav48_silence_trimmed", "_mic1.flac"),
    "0.80": ("VCTK-Corpus/wav48", ".wav"),
}


def encode(waveform, rate, **options):
    """Return a sound file as bytes."""
    file = io.BytesIO()
    sf.write(file, waveform, rate, **options)
    return file.getvalue()


def zip_members(members):
    """Return a zip archive as bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def write(path, waveform, rate=48000):
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, waveform, rate)


def write_recording(root, speaker, number, version="0.92", n_frames=1500):
    """Write a recording whose level is its number: 0.1 for 100."""
    ending = LAYOUTS[version][1]
    path = root / speaker / f"{speaker}_{number:03}{ending}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_encode_level(number / 1000, n_frames, ending.rpartition(".")[2].upper()))


@cache
def _encode_level(level, n_frames, file_format):
    return encode(np.full(n_frames, level), 48000, format=file_format)


def read_number(clip):
    """Return the number of a recording from its level."""
    return round(1000 * np.median(clip))
