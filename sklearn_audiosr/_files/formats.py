"""The one list of file formats, sample formats and codecs: a new one needs an entry here alone.

Names are libsndfile's, which calls a sample format a subtype. A format that libsndfile knows and
the list lacks has the defaults of `FileFormat` and `SampleFormat`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

# Highest rate in Hz of any file: libsndfile holds it in 32 bits.
HIGHEST_RATE = 2**31 - 1


@dataclass(frozen=True)
class FileFormat:
    """What is special about a file format.

    Attributes
    ----------
    suffixes : tuple of str, or None
        Suffixes of its files, in small letters; None means its name. A target may always have the
        name as its suffix.
    read_suffixes : tuple of str
        Further suffixes of files that are read, and not written.
    default_of : mapping
        Suffixes with a default sample format of their own.
    keeps_rate : bool
        False if its files have no rate, or another one than was asked for.
    highest_rate : int or None
        Highest rate in Hz that can be written.
    max_bytes : float
        How many bytes of timepoints fit into a file.
    larger : str or None
        File format of larger files.
    """

    suffixes: tuple[str, ...] | None = None
    read_suffixes: tuple[str, ...] = ()
    default_of: Mapping[str, str] = field(default_factory=dict)
    keeps_rate: bool = True
    highest_rate: int | None = None
    max_bytes: float = float("inf")
    larger: str | None = None


@dataclass(frozen=True)
class SampleFormat:
    """What is special about a sample format.

    Attributes
    ----------
    kept_as : str or None
        Sample format of the result of a source in this one. None means the target's default: what
        is coded or has eight bits leaves too little of a highband, or hides it in noise.
    n_bytes : int
        Bytes of one value at most.
    is_bounded : bool
        True if values beyond [-1, 1] must not reach its encoder: integers would wrap around, and
        encoders of lossy formats read beyond their tables, write silence or abort the process.
    needs_history : bool
        True if a decoder that starts in the middle of a file returns noise at first.
    rates : tuple of int, or None
        Rates in Hz that its encoder takes; None means all.
    """

    kept_as: str | None = None
    n_bytes: int = 8
    is_bounded: bool = True
    needs_history: bool = False
    rates: tuple[int, ...] | None = None


class Codec(NamedTuple):
    """A lossy codec: its file format and its sample format."""

    file_format: str
    subtype: str


FILE_FORMATS = {
    "AIFF": FileFormat(suffixes=("aif", "aifc", "aiff")),
    "AU": FileFormat(suffixes=("au", "snd")),
    "HTK": FileFormat(keeps_rate=False),
    "IRCAM": FileFormat(suffixes=("sf",)),
    "MAT4": FileFormat(suffixes=()),  # most .mat files are no audio
    "MAT5": FileFormat(suffixes=()),
    "MP3": FileFormat(read_suffixes=("mp1", "mp2", "mpga")),
    "MPC2K": FileFormat(highest_rate=65535),  # it keeps 16 bits of the rate
    "NIST": FileFormat(suffixes=("nist", "sph")),
    # libvorbis crashes above 200000 Hz, and Opus is not written
    "OGG": FileFormat(
        suffixes=("oga", "ogg", "opus"), default_of={"opus": "OPUS"}, highest_rate=192000
    ),
    "RAW": FileFormat(suffixes=(), keeps_rate=False),  # it has no header
    "SD2": FileFormat(keeps_rate=False),
    "SDS": FileFormat(keeps_rate=False),
    "SVX": FileFormat(suffixes=("8svx", "iff", "svx"), highest_rate=65535),
    # sizes in a WAV header have 32 bits, those of RF64 64; some room for the header
    "WAV": FileFormat(
        suffixes=("wav", "wave"),
        read_suffixes=("bwf",),
        max_bytes=2**32 - 2**16,
        larger="RF64",
    ),
    "WAVEX": FileFormat(suffixes=()),
    "WVE": FileFormat(keeps_rate=False),
    "XI": FileFormat(keeps_rate=False),
}

_MPEG = SampleFormat(
    needs_history=True,
    rates=(8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
)

SAMPLE_FORMATS = {
    "PCM_S8": SampleFormat(n_bytes=1),
    "PCM_U8": SampleFormat(n_bytes=1),
    "ULAW": SampleFormat(n_bytes=1),
    "ALAW": SampleFormat(n_bytes=1),
    "PCM_16": SampleFormat(kept_as="PCM_16", n_bytes=2),
    "PCM_24": SampleFormat(kept_as="PCM_24", n_bytes=3),
    "PCM_32": SampleFormat(kept_as="PCM_32", n_bytes=4),
    "FLOAT": SampleFormat(kept_as="FLOAT", n_bytes=4, is_bounded=False),
    "DOUBLE": SampleFormat(kept_as="DOUBLE", is_bounded=False),
    "DWVW_16": SampleFormat(kept_as="DWVW_16"),
    "DWVW_24": SampleFormat(kept_as="DWVW_24"),
    # libsndfile writes ALAC of two channels beyond its memory
    "ALAC_16": SampleFormat(kept_as="PCM_16"),
    "ALAC_20": SampleFormat(kept_as="PCM_24"),
    "ALAC_24": SampleFormat(kept_as="PCM_24"),
    "ALAC_32": SampleFormat(kept_as="PCM_32"),
    "MPEG_LAYER_I": _MPEG,
    "MPEG_LAYER_II": _MPEG,
    "MPEG_LAYER_III": _MPEG,
    # in Ogg files libsndfile misses a place inside the last page by hundreds of timepoints
    "VORBIS": SampleFormat(needs_history=True),
    "OPUS": SampleFormat(needs_history=True, rates=(8000, 12000, 16000, 24000, 48000)),
}

CODECS = {
    "mp3": Codec("MP3", "MPEG_LAYER_III"),
    "vorbis": Codec("OGG", "VORBIS"),
    "opus": Codec("OGG", "OPUS"),
}


def file_format(name: str) -> FileFormat:
    """Return what is special about a file format of libsndfile.

    Parameters
    ----------
    name : str
        One of ``soundfile.available_formats()``.

    Returns
    -------
    file_format : FileFormat
        Its entry, or the defaults.
    """
    return FILE_FORMATS.get(name, FileFormat())


def sample_format(subtype: str) -> SampleFormat:
    """Return what is special about a sample format of libsndfile.

    Parameters
    ----------
    subtype : str
        One of ``soundfile.available_subtypes()``.

    Returns
    -------
    sample_format : SampleFormat
        Its entry, or the defaults.
    """
    return SAMPLE_FORMATS.get(subtype, SampleFormat())


def list_suffixes() -> set[str]:
    """Return the suffixes of the files that libsndfile reads, with dots, in small letters."""
    import soundfile

    return {
        f".{suffix}"
        for name in soundfile.available_formats()
        for suffix in (*_suffixes(name), *file_format(name).read_suffixes)
    }


def find_format(target: Path, rate: float) -> tuple[str, str]:
    """Find the format of a file to be written.

    Parameters
    ----------
    target : Path
        The file, whose suffix names the format.
    rate : float
        Its rate in Hz.

    Returns
    -------
    name : str
        The file format.
    subtype : str
        Its default sample format.

    Raises
    ------
    ValueError
        If no format has the suffix, or if the format can't hold the rate.
    """
    import soundfile

    suffix = target.suffix.lstrip(".").lower()
    known = soundfile.available_formats()
    names = [name for name in known if suffix == name.lower()]  # a name comes before a suffix
    names += [name for name in known if suffix in _suffixes(name)]
    if not names or not file_format(names[0]).keeps_rate:
        raise ValueError(
            "target must have the suffix of a sound file that holds any rate, got "
            f"{target.name!r}: .wav or .flac, for example."
        )
    found = file_format(names[0])
    highest = min(found.highest_rate or HIGHEST_RATE, HIGHEST_RATE)
    if rate > highest:
        remedy = "take .wav" if rate <= HIGHEST_RATE else "take a lower ratio"
        raise ValueError(
            f"target must have a file format for {rate} Hz, got {target.name}, which holds "
            f"{highest} Hz at most: {remedy}."
        )
    return names[0], found.default_of.get(suffix) or soundfile.default_subtype(names[0])


def _suffixes(name: str) -> tuple[str, ...]:
    suffixes = file_format(name).suffixes
    return (name.lower(),) if suffixes is None else suffixes
