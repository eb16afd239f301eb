"""A MUSHRA test for webMUSHRA: its configuration in YAML and the sounds."""

import html
import json
import os
import re
from numbers import Real

from sklearn.utils import check_random_state
from sklearn.utils._param_validation import validate_params

from sklearn_audiosr.listening._page import INSTRUCTIONS, paragraphs
from sklearn_audiosr.listening._stimuli import MAX_SECONDS, REFERENCE, Stimuli
from sklearn_audiosr.listening._writing import check_file_name, draw_ids, encode_wav, write_folder


@validate_params(
    {
        "stimuli": [Stimuli],
        "folder": [str, os.PathLike],
        "name": [str],
        "title": [str],
        "instructions": [str, None],
        "loop": ["boolean"],
        "random_state": ["random_state"],
        "overwrite": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def export_webmushra(
    stimuli,
    folder,
    *,
    name="listening_test",
    title="Listening test",
    instructions=None,
    loop=True,
    random_state=None,
    overwrite=False,
):
    """Write a MUSHRA test for webMUSHRA [1]_.

    The folder will hold ``configs``. Copy it into the folder of a webMUSHRA that a server with PHP
    serves, and open ``?config=<name>.yaml`` there.

    Parameters
    ----------
    stimuli : Stimuli
        What `make_stimuli` gave: webMUSHRA adds the hidden reference, the anchors are ours.
    folder : path-like
        A new or empty folder.
    name : str, default="listening_test"
        Name of the configuration, and of the test in webMUSHRA's results: letters, digits, "-" and
        "_".
    title : str, default="Listening test"
        Heading of the test.
    instructions : str, default=None
        Text of the first page, its paragraphs separated by empty lines; None takes that of
        `make_listening_test`.
    loop : bool, default=True
        Let listeners play a part in a loop.
    random_state : int, RandomState instance or None, default=None
        Draws the names of the sound files, which tell nothing. webMUSHRA draws the order of trials
        and conditions.
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
        If the folder holds something already, is a file, or lies in no folder that exists.

    See Also
    --------
    make_listening_test : A page that needs no server, and whose answers `analyze` reads.

    Notes
    -----
    webMUSHRA has its own licence and is not part of this package. Its results are a table of its
    own, with the names of systems in the clear. It asks that the device run at the rate of the
    files.

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
    sounds, pages = {}, []
    for number, clips in enumerate(stimuli.clips.values(), start=1):
        ids = draw_ids(len(clips), rng)
        paths = {system: f"{audio}/{number}_{i}.wav" for system, i in zip(clips, ids, strict=True)}
        for system, path in paths.items():
            sounds[path] = encode_wav(clips[system], stimuli.sampling_rate)
        pages.append(_describe_trial(number, clips, paths, stimuli.sampling_rate, loop))
    text = INSTRUCTIONS if instructions is None else instructions
    config = {
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


def _describe_welcome(title, instructions):
    content = "".join(f"<p>{html.escape(text)}</p>" for text in paragraphs(instructions))
    # webMUSHRA puts names of pages and stimuli into its HTML as they are
    return {"type": "generic", "id": "welcome", "name": html.escape(title), "content": content}


def _describe_trial(number, clips, paths, sampling_rate, loop):
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


# What is no text to a reader of YAML 1.1.
_YAML_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}


def dump_yaml(value, indent=""):
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


def _dump_key(key):
    plain = re.fullmatch(r"[A-Za-z]\w*", key, re.ASCII) and key.lower() not in _YAML_WORDS
    return key if plain else _dump_scalar(key)


def _dump_scalar(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Real):
        return str(value)
    # double-quoted YAML is JSON's text, but for characters that YAML wants escaped
    quoted = json.dumps(value, ensure_ascii=False)
    return re.sub(
        "[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda c: f"\\u{ord(c[0]):04x}", quoted
    )
