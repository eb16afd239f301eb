"""Write a MUSHRA test for webMUSHRA: its configuration in YAML and the sounds."""

from __future__ import annotations

import html
import json
import os
import re
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sklearn_audiosr._validation import validated
from sklearn_audiosr.listening._page import INSTRUCTIONS, paragraphs
from sklearn_audiosr.listening._stimuli import MAX_SECONDS, REFERENCE, Stimuli
from sklearn_audiosr.listening._writing import check_file_name, draw_ids, encode_wav, write_folder


@validated(
    {
        "stimuli": [Stimuli],
        "folder": [str, os.PathLike],
        "name": [str],
        "title": [str],
        "instructions": [str, None],
        "loop": ["boolean"],
        "random_state": ["random_state"],
        "overwrite": ["boolean"],
    }
)
def export_webmushra(
    stimuli: Stimuli,
    folder: str | os.PathLike[str],
    *,
    name: str = "listening_test",
    title: str = "Listening test",
    instructions: str | None = None,
    loop: bool = True,
    random_state: int | np.random.RandomState | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a MUSHRA test for webMUSHRA [1]_.

    Copy ``configs`` in the folder into that of a webMUSHRA on a server with PHP, and open
    ``?config=<name>.yaml`` there.

    Parameters
    ----------
    stimuli : Stimuli
        The result of `make_stimuli`. Its anchors are used; webMUSHRA adds the hidden reference.
    folder : path-like
        A new or empty folder.
    name : str, default="listening_test"
        Name of the configuration, and of the test in webMUSHRA's results: letters, digits, "-"
        and "_".
    title : str, default="Listening test"
        Heading of the test.
    instructions : str, default=None
        Text of the first page, its paragraphs separated by empty lines. None takes the text of
        `make_listening_test`.
    loop : bool, default=True
        Let listeners play a part in a loop.
    random_state : int, RandomState instance or None, default=None
        Draws the names of the sound files. webMUSHRA draws the order of trials and conditions.
    overwrite : bool, default=False
        Replace a folder that holds an earlier export and nothing else.

    Returns
    -------
    config : Path
        The configuration, ``configs/<name>.yaml``.

    Raises
    ------
    ValueError
        If `name` has other characters.
    FileExistsError, NotADirectoryError, FileNotFoundError
        If the folder is not empty, is a file, or its parent folder does not exist.

    See Also
    --------
    make_listening_test : A page that needs no server, and whose answers `analyze` reads.

    Notes
    -----
    webMUSHRA has its own licence and is not part of this package. Its results are a table with the
    names of the systems, which `analyze` does not read. It requires a device that runs at the rate
    of the files.

    References
    ----------
    .. [1] M. Schoeffler et al., "webMUSHRA: A comprehensive framework for web-based listening
       tests", Journal of Open Research Software 6, 2018. https://github.com/audiolabs/webMUSHRA

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_audiosr.datasets import load_speech
    >>> from sklearn_audiosr.degradation import ideal_lowband
    >>> from sklearn_audiosr.listening import export_webmushra, make_stimuli
    >>> Y = load_speech().clips[:1]
    >>> stimuli = make_stimuli({"4 kHz": ideal_lowband(Y, 2)}, Y, sampling_rate=16000)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     config = export_webmushra(stimuli, Path(folder, "export"), name="speech")
    ...     print(config.name, config.read_text().splitlines()[0])
    speech.yaml testname: "Listening test"
    """
    check_file_name(name)
    rng = check_random_state(random_state)
    audio = f"configs/resources/{name}"
    sounds: dict[str, bytes] = {}
    pages = []
    for number, clips in enumerate(stimuli.clips.values(), start=1):
        ids = draw_ids(len(clips), rng)
        paths = {system: f"{audio}/{number}_{i}.wav" for system, i in zip(clips, ids, strict=True)}
        for system, path in paths.items():
            sounds[path] = encode_wav(clips[system], stimuli.sampling_rate)
        pages.append(_describe_trial(number, clips, paths, stimuli.sampling_rate, loop))
    text = INSTRUCTIONS if instructions is None else instructions
    config: dict[str, Any] = {
        "testname": title,
        "testId": name,
        "bufferSize": 2048,
        "stopOnErrors": True,
        "showButtonPreviousPage": False,
        "remoteService": "service/write.php",
        "pages": [_describe_welcome(title, text), ["random", *pages], _FINISH],
    }
    files = {f"configs/{name}.yaml": dump_yaml(config).encode(), **sounds}
    own = {f"configs/{name}.yaml", "configs/resources/*.wav"}
    written = write_folder(folder, files.items(), own=own, overwrite=overwrite)
    return written / "configs" / f"{name}.yaml"


def _describe_welcome(title: str, instructions: str) -> dict[str, str]:
    content = "".join(f"<p>{html.escape(text)}</p>" for text in paragraphs(instructions))
    # webMUSHRA does not escape the names of pages and stimuli
    return {"type": "generic", "id": "welcome", "name": html.escape(title), "content": content}


def _describe_trial(
    number: int,
    clips: dict[str, np.ndarray],
    paths: dict[str, str],
    sampling_rate: int,
    loop: bool,
) -> dict[str, Any]:
    seconds = clips[REFERENCE].shape[-1] / sampling_rate
    return {
        "type": "mushra",
        "id": f"trial_{number}",
        "name": "Rate the stimuli",
        "content": "How good is each stimulus, compared with the reference?",
        "showWaveform": True,
        "enableLooping": bool(loop),
        "strict": seconds <= MAX_SECONDS,  # webMUSHRA would refuse a longer one
        "reference": paths[REFERENCE],
        "createAnchor35": False,
        "createAnchor70": False,
        "randomize": True,
        "showConditionNames": False,
        "stimuli": {html.escape(name): path for name, path in paths.items() if name != REFERENCE},
    }


_FINISH = {
    "type": "finish",
    "name": "Thank you",
    "content": "Your answers are complete.",
    "popupContent": "Your answers are saved.",
    "showResults": False,
    "writeResults": True,
    "questionnaire": [{"type": "text", "label": "Your listener id", "name": "listener"}],
}


# YAML 1.1 does not read these words as text.
_YAML_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}


def dump_yaml(value: Any, indent: str = "") -> str:
    """Return mappings, lists, texts, numbers and booleans as YAML, in blocks."""
    if isinstance(value, dict):
        items = [(f"{_dump_key(key)}:", item) for key, item in value.items()]
    elif isinstance(value, list):
        items = [("-", item) for item in value]
    else:
        return _dump_scalar(value)
    lines = []
    for head, item in items:
        nested = isinstance(item, (dict, list))
        text = dump_yaml(item, indent + "  ")
        lines.append(f"{indent}{head}\n{text}" if nested else f"{indent}{head} {text}\n")
    return "".join(lines)


def _dump_key(key: str) -> str:
    plain = re.fullmatch(r"[A-Za-z]\w*", key, re.ASCII) and key.lower() not in _YAML_WORDS
    return key if plain else _dump_scalar(key)


def _dump_scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Real):
        return str(value)
    # a string of JSON is one of YAML, once a few more characters are escaped
    quoted = json.dumps(value, ensure_ascii=False)
    return re.sub(
        "[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda c: f"\\u{ord(c[0]):04x}", quoted
    )
