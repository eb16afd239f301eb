"""The clips that ship with the package."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
from sklearn.utils import Bunch

from sklearn_audiosr.datasets._reading import import_soundfile

_SAMPLING_RATE = 16000  # of every bundled clip: tools/make_bundled_audio.py writes no other


def _load_bundled(kind: str) -> Bunch:
    """Read all clips of one folder; their names are ``<group>_<number>.flac``."""
    soundfile = import_soundfile()
    data = files("sklearn_audiosr.datasets") / "data"
    paths = sorted(
        (path for path in (data / kind).iterdir() if path.name.endswith(".flac")),
        key=lambda path: path.name,
    )
    clips = []
    for path in paths:
        with path.open("rb") as file:
            clips.append(soundfile.read(file, dtype="float32")[0])
    return Bunch(
        clips=clips,
        groups=np.array([path.name.rpartition("_")[0] for path in paths]),
        filenames=[path.name for path in paths],
        sampling_rate=_SAMPLING_RATE,
        DESCR=(data / "README.rst").read_text(encoding="utf-8"),
    )


def load_speech() -> Bunch:
    """Load the bundled speech: 30 short clips of six synthetic speakers.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes

        clips : list of ndarray of shape (n_timepoints,), dtype float32
            Wideband clips in [-1, 1), each a multiple of 240 timepoints long.
        groups : ndarray of shape (n_clips,), dtype str
            The speaker of each clip, for ``GroupKFold`` and the like.
        filenames : list of str
            The file of each clip, in order.
        sampling_rate : int
            16000 Hz.
        DESCR : str
            What the clips are, how they were made, and their licences.

    Raises
    ------
    ImportError
        If soundfile is not installed.

    See Also
    --------
    load_piano : Piano instead of speech.
    load_audio_folder : Your own recordings.

    Notes
    -----
    flite and festival synthesised the speech with voices that were made from recordings at 16 kHz.
    It is meant for examples and tests; draw conclusions about speech from real recordings.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.datasets import load_speech
    >>> speech = load_speech()
    >>> len(speech.clips), speech.sampling_rate
    (30, 16000)
    >>> print(*np.unique(speech.groups))
    awb kal ked nsh rms slt
    """
    return _load_bundled("speech")


def load_piano() -> Bunch:
    """Load the bundled piano music: seven clips from four works by Beethoven.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes

        clips : list of ndarray of shape (n_timepoints,), dtype float32
            Wideband clips in [-1, 1), each a multiple of 240 timepoints long.
        groups : ndarray of shape (n_clips,), dtype str
            The work that each clip is from, for ``GroupKFold`` and the like.
        filenames : list of str
            The file of each clip, in order.
        sampling_rate : int
            16000 Hz.
        DESCR : str
            What the clips are, how they were made, and their licences.

    Raises
    ------
    ImportError
        If soundfile is not installed.

    See Also
    --------
    load_speech : Speech instead of piano music.
    load_audio_folder : Your own recordings.

    Notes
    -----
    fluidsynth plays the notes on a sampled grand piano, without reverberation.

    Examples
    --------
    >>> from sklearn_audiosr.datasets import load_piano
    >>> piano = load_piano()
    >>> print(*piano.groups)
    fuer_elise fuer_elise moonlight moonlight pathetique pathetique sonata_1
    >>> piano.clips[0].shape, piano.clips[0].dtype
    ((146880,), dtype('float32'))
    """
    return _load_bundled("piano")
