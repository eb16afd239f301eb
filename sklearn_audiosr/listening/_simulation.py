"""Simulate listeners, to try an analysis before there are answers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from sklearn_audiosr._validation import validated
from sklearn_audiosr.listening._answers import (
    ANSWERS_FORMAT,
    ANSWERS_VERSION,
    TRANSDUCERS,
    checksum,
    read_key,
)
from sklearn_audiosr.listening._stimuli import REFERENCE
from sklearn_audiosr.listening._writing import check_file_name, write_folder


@validated(
    {
        "key": [str, os.PathLike],
        "means": [dict],
        "folder": [str, os.PathLike],
        "n_listeners": [Interval(Integral, 1, 999, closed="both")],
        "spread": [Interval(Real, 0, None, closed="left")],
        "name": [str],
        "random_state": ["random_state"],
    }
)
def simulate_answers(
    key: str | os.PathLike[str],
    means: dict[str, Any],
    folder: str | os.PathLike[str],
    *,
    n_listeners: int = 10,
    spread: float = 8.0,
    name: str = "simulated",
    random_state: int | np.random.RandomState | None = None,
) -> list[Path]:
    """Write the answers of simulated listeners, to try an analysis or the size of a panel.

    Parameters
    ----------
    key : path-like
        ``key.json`` of the test, or the folder that holds it.
    means : dict of str to float or array-like of shape (n_recordings,)
        Mean score of each system, from 0 to 100. The hidden reference may be left out: then every
        listener finds it and rates it 100.
    folder : path-like
        A new or empty folder for the files.
    n_listeners : int, default=10
        Number of listeners, at most 999. Each has a file.
    spread : float, default=8.0
        Standard deviation in points, both of each listener's habit and of each score.
    name : str, default="simulated"
        Start of the listeners' ids and of the names of the files: letters, digits, "-" and "_".
    random_state : int, RandomState instance or None, default=None
        Draws the scores.

    Returns
    -------
    paths : list of Path
        The files. They are marked as simulated: `analyze` refuses to mix them with real answers,
        and plots and tables say that they are simulated.

    Raises
    ------
    ValueError
        If `means` does not fit the systems of the test or leaves [0, 100], if `name` has other
        characters, or if the key is damaged.
    FileNotFoundError
        If there is no key.
    FileExistsError, NotADirectoryError, FileNotFoundError
        If the folder is not empty, is a file, or its parent folder does not exist.

    Notes
    -----
    A score is the sum of the mean, the listener's habit and noise, rounded and clipped to [0, 100].
    Habit and noise have a normal distribution. Clipping moves means near the ends of the scale
    inwards.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_audiosr.datasets import load_speech
    >>> from sklearn_audiosr.degradation import ideal_lowband
    >>> from sklearn_audiosr.listening import make_listening_test, make_stimuli, simulate_answers
    >>> Y = load_speech().clips[:1]
    >>> stimuli = make_stimuli({"4 kHz": ideal_lowband(Y, 2)}, Y, sampling_rate=16000)
    >>> means = {"4 kHz": 70, "low anchor": 30, "mid anchor": 60}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = make_listening_test(stimuli, Path(folder, "test"))
    ...     paths = simulate_answers(Path(folder, "test"), means, Path(folder, "answers"))
    >>> len(paths), paths[0].name
    (10, 'simulated-001.json')
    """
    check_file_name(name)
    content = read_key(key)
    table = _check_means(means, content)
    rng = check_random_state(random_state)
    files = {}
    for number in range(1, n_listeners + 1):
        listener = f"{name}-{number:03d}"
        habit = spread * rng.standard_normal()
        noise = spread * rng.standard_normal(table.shape)
        scores = np.clip(np.round(table + habit + noise), 0, 100).astype(int)
        if REFERENCE not in means:
            scores[:, content["systems"].index(REFERENCE)] = 100
        files[f"{listener}.json"] = json.dumps(
            _answer(listener, scores, content), indent=1
        ).encode()
    written = write_folder(folder, files.items(), own=set(), overwrite=False)
    return [written / file for file in files]


def _check_means(means: Mapping[str, ArrayLike], key: dict[str, Any]) -> NDArray[np.float64]:
    """Return the means as an array of shape (n_recordings, n_systems)."""
    systems, n_recordings = key["systems"], len(key["trials"])
    means = {REFERENCE: 100, **means}
    if set(means) != set(systems):
        raise ValueError(
            f"means must name the systems {', '.join(systems)}, got "
            f"{', '.join(map(str, means))}: give each its mean score."
        )
    try:
        table = np.stack(
            [
                np.broadcast_to(np.asarray(means[name], dtype=float), n_recordings)
                for name in systems
            ],
            axis=1,
        )
    except ValueError as error:
        raise ValueError(
            f"means must hold one score or {n_recordings}, one for each recording, for every "
            f"system: {error}."
        ) from error
    if not ((table >= 0) & (table <= 100)).all():
        raise ValueError("means must be scores from 0 to 100: 0 is bad, 100 excellent.")
    return table


def _answer(listener: str, scores: NDArray[Any], key: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a listener's file."""
    trials = []
    for trial, row in zip(key["trials"], scores.tolist(), strict=True):
        by_system = dict(zip(key["systems"], row, strict=True))
        stimuli = [
            {"stimulus": stimulus, "score": by_system[system], "plays": 1, "heard": 1.0}
            for stimulus, system in trial["stimuli"].items()
        ]
        trials.append({"trial": trial["id"], "seconds": 0.0, "stimuli": stimuli, "comment": ""})
    answers = {
        "format": ANSWERS_FORMAT,
        "version": ANSWERS_VERSION,
        "test": key["test"],
        "listener": listener,
        "transducer": TRANSDUCERS[0],
        "device_rate": key["sampling_rate"],
        "simulated": True,
        "trials": trials,
    }
    return {**answers, "checksum": checksum(answers)}
