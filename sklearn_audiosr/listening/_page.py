"""Write a MUSHRA test as a folder: a static page for listeners, a key for the experimenter."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sklearn_audiosr._validation import validated
from sklearn_audiosr.listening._stimuli import REFERENCE, Stimuli
from sklearn_audiosr.listening._writing import draw_ids, encode_wav, write_folder

KEY_FORMAT, KEY_VERSION = "sklearn-audiosr listening key", 1

# After Attachment 1 of the Recommendation, in our own words.
INSTRUCTIONS = """
You will compare recordings with a reference, the original. On each page you can hear the
reference and several stimuli, A, B, C and so on: the same recording, processed in different ways.

Rate the overall quality of each stimulus from 0 (bad) to 100 (excellent). Every difference from
the reference that you hear, of whatever kind, makes the quality lower. The stimuli may be heard in
any order and as often as you like; going over from one to another, you stay at the same place.

One of the stimuli is the reference itself, hidden, so at least one of them deserves 100. The
poorest need not get a 0.

Rate what you hear, not what you suspect. Set a comfortable level before the first trial and leave
it. Take a pause when you are tired: your ratings are kept.
"""

CLOSING = "Please give the file to the experimenter."


@validated(
    {
        "stimuli": [Stimuli],
        "folder": [str, os.PathLike],
        "title": [str],
        "instructions": [str, None],
        "consent": [str, None],
        "closing": [str],
        "training": ["boolean"],
        "loop": ["boolean"],
        "random_state": ["random_state"],
        "overwrite": ["boolean"],
    }
)
def make_listening_test(
    stimuli: Stimuli,
    folder: str | os.PathLike[str],
    *,
    title: str = "Listening test",
    instructions: str | None = None,
    consent: str | None = None,
    closing: str = CLOSING,
    training: bool = True,
    loop: bool = True,
    random_state: int | np.random.RandomState | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a MUSHRA test [1]_ that runs in a browser.

    Give ``page`` in the folder to the listeners. They open ``page/index.html``, from a disk or from
    any web server; the page sends nothing anywhere. Keep ``key.json``, which says which stimulus is
    which.

    Parameters
    ----------
    stimuli : Stimuli
        The result of `make_stimuli`.
    folder : path-like
        A new or empty folder.
    title : str, default="Listening test"
        Heading of the page.
    instructions : str, default=None
        Text of the first page, its paragraphs separated by empty lines. None takes instructions
        after the example in the Recommendation.
    consent : str, default=None
        A sentence that a listener has to agree to; None asks for nothing.
    closing : str, default="Please give the file to the experimenter."
        Text of the last page: what to do with the answers.
    training : bool, default=True
        Begin with a training, as the Recommendation demands: every recording once, in another
        order, with ratings that are not saved. Pass False if the listeners were trained before.
    loop : bool, default=True
        Play in a loop until a listener turns it off.
    random_state : int, RandomState instance or None, default=None
        Draws the names of trials and stimuli. The page draws the order of trials and stimuli, from
        the listener's id.
    overwrite : bool, default=False
        Replace a folder that holds an earlier test and nothing else. The answers to the earlier
        test need its key, so keep a copy.

    Returns
    -------
    page : Path
        The file to open, ``page/index.html``.

    Raises
    ------
    FileExistsError, NotADirectoryError, FileNotFoundError
        If the folder is not empty, is a file, or its parent folder does not exist.

    See Also
    --------
    analyze : Reads the answers.
    export_webmushra : Writes the same test for webMUSHRA.

    Notes
    -----
    A listener has to hear the reference and each stimulus for at least half a second, and to rate
    each stimulus, before the next trial. Only the slider of the signal that is playing moves.
    Switching to another signal keeps the position, with a fade of 5 ms out and 5 ms in and no
    cross-fade (section 5.3 of the Recommendation). The browser keeps the ratings, so a reload loses
    nothing; at the end they are saved as a file.

    The names of files and stimuli are drawn at random. Still, a listener who compares the sounds in
    the source of the page can find the hidden reference; no page can prevent that.

    References
    ----------
    .. [1] Recommendation ITU-R BS.1534-3, "Method for the subjective assessment of intermediate
       quality level of audio systems", 2015.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_audiosr.datasets import load_speech
    >>> from sklearn_audiosr.degradation import ideal_lowband
    >>> from sklearn_audiosr.listening import make_listening_test, make_stimuli
    >>> Y = load_speech().clips[:1]
    >>> stimuli = make_stimuli({"4 kHz": ideal_lowband(Y, 2)}, Y, sampling_rate=16000)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = make_listening_test(stimuli, Path(folder, "test"), random_state=0)
    ...     names = sorted(path.name for path in page.parent.iterdir())
    >>> print(*names)
    audio index.html page.css page.js player.js session.js test.js timeline.js trial.js
    """
    trials = _name_trials(stimuli, check_random_state(random_state))
    audio = {
        trial["id"]: _encode_signals(
            stimuli.clips[trial["recording"]], trial["stimuli"], stimuli.sampling_rate
        )
        for trial in trials
    }
    settings = {
        "title": title,
        "instructions": paragraphs(INSTRUCTIONS if instructions is None else instructions),
        "consent": consent,
        "closing": closing,
        "training": bool(training),
        "loop": bool(loop),
        "sampling_rate": stimuli.wideband_rate,
        "trials": _blind(trials),
    }
    settings["id"] = _identify(settings, audio)
    contents = _page_files(settings, audio)
    contents["key.json"] = _make_key(settings, stimuli, trials)
    written = write_folder(
        folder,
        ((name, text.encode()) for name, text in contents.items()),
        own={"key.json", "page/*.html", "page/*.css", "page/*.js"},
        overwrite=overwrite,
    )
    return written / "page" / "index.html"


def _name_trials(stimuli: Stimuli, rng: np.random.RandomState) -> list[dict[str, Any]]:
    """Return the trials, with a random name for each recording and each stimulus."""
    n_systems = len(stimuli.systems)
    ids = iter(draw_ids(len(stimuli.clips) * (1 + n_systems), rng))
    return [
        {
            "id": next(ids),
            "recording": recording,
            "stimuli": {next(ids): system for system in stimuli.systems},
        }
        for recording in stimuli.clips
    ]


def _blind(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the page may know of the trials, sorted so that the order says nothing."""
    known = [{"id": trial["id"], "stimuli": sorted(trial["stimuli"])} for trial in trials]
    return sorted(known, key=lambda trial: trial["id"])


def _make_key(settings: dict[str, Any], stimuli: Stimuli, trials: list[dict[str, Any]]) -> str:
    key = {
        "format": KEY_FORMAT,
        "version": KEY_VERSION,
        "test": settings["id"],
        "title": settings["title"],
        "systems": stimuli.systems,
        "sampling_rate": stimuli.wideband_rate,
        "loudness": round(stimuli.loudness, 2),
        "trials": trials,
    }
    return json.dumps(key, indent=1)


def _encode_signals(clips: dict[str, np.ndarray], names: dict[str, str], sampling_rate: int) -> str:
    """Return a trial's signals as JSON: WAV files in base64, by their names on the page."""
    signals = {name: clips[system] for name, system in names.items()}
    signals = {"reference": clips[REFERENCE], **dict(sorted(signals.items()))}
    return json.dumps(
        {
            name: base64.b64encode(encode_wav(clip, sampling_rate)).decode()
            for name, clip in signals.items()
        }
    )


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a text, which empty lines separate."""
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def _identify(settings: dict[str, Any], audio: dict[str, str]) -> str:
    """Return an identifier of all texts and sounds: if one differs, it is another test."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for trial_id in sorted(audio):
        digest.update(audio[trial_id].encode())
    return digest.hexdigest()[:12]


def _page_files(settings: dict[str, Any], audio: dict[str, str]) -> dict[str, str]:
    """Return the contents of the page's files by name: its own, the settings and the signals.

    Settings and signals are scripts: a page that was opened from a disk may load scripts, but may
    not fetch files.
    """
    source = files("sklearn_audiosr.listening") / "page"
    texts = {
        f"page/{path.name}": path.read_text(encoding="utf-8")
        for path in source.iterdir()
        if path.name.endswith((".html", ".css", ".js"))
    }
    texts["page/test.js"] = f'"use strict";\nconst listeningTest = {json.dumps(settings)};\n'
    for trial_id, signals in audio.items():
        texts[f"page/audio/{trial_id}.js"] = f'receiveSignals("{trial_id}", {signals});\n'
    return texts
