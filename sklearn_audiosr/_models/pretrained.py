"""The trained models that ship with the package."""

from pathlib import Path
from typing import cast

from sklearn_audiosr._estimators.super_resolver import AudioSuperResolver
from sklearn_audiosr._models.loading import load

FOLDER = Path(__file__).parent / "shipped"
_SUFFIX = ".safetensors"


def pretrained_names() -> tuple[str, ...]:
    """Return the names of the trained models that ship with the package.

    Returns
    -------
    names : tuple of str
        Each says what the model is for, its ratio and its wideband rate: "speech-4x-16k".

    Examples
    --------
    >>> from sklearn_audiosr import pretrained_names
    >>> "speech-4x-16k" in pretrained_names()
    True
    """
    return tuple(sorted(path.stem for path in FOLDER.glob(f"*{_SUFFIX}")))


def pretrained_path(name: str) -> Path:
    """Return the path of a model's file.

    Parameters
    ----------
    name : str
        One of `pretrained_names`.

    Returns
    -------
    path : Path
        It need not exist.
    """
    return FOLDER / f"{name}{_SUFFIX}"


def load_pretrained(name: str) -> AudioSuperResolver:
    """Load a trained model that ships with the package, without a download.

    Parameters
    ----------
    name : str
        One of `pretrained_names`: "speech-4x-16k" upsamples speech from a rate of 4 kHz to 16 kHz.

    Returns
    -------
    est : AudioSuperResolver
        The fitted model. ``sampling_rate`` is its wideband rate; ``card_`` says what it was
        trained on, under which licence, and how well it does.

    Raises
    ------
    ValueError
        If there is no such model.

    Notes
    -----
    To fine-tune a model on clips of your own, set ``warm_start=True`` before `fit`:
    ``est.set_params(warm_start=True, max_epochs=5).fit(X, Y)`` begins with the model's weights.
    Without it, `fit` trains from the beginning.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr import load_pretrained
    >>> est = load_pretrained("speech-4x-16k")
    >>> est.predict([np.zeros(4000)])[0].shape
    (16000,)
    """
    names = pretrained_names()
    if name not in names:
        raise ValueError(
            f"name must be one of {', '.join(map(repr, names))}, got {name!r}: take the model of "
            "your ratio and wideband rate, or train one of your own; sklearn_audiosr.load reads "
            "files that save wrote."
        )
    return cast(AudioSuperResolver, load(pretrained_path(name)))
