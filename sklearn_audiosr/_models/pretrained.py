"""The trained models that ship with the package."""

from pathlib import Path

from sklearn_audiosr._models.loading import load

FOLDER = Path(__file__).parent / "shipped"
_SUFFIX = ".safetensors"


def pretrained_names():
    """List the trained models that `load_pretrained` knows.

    Returns
    -------
    names : tuple of str
        What they are for, the ratio, and the wideband rate: "speech-4x-16k".

    Examples
    --------
    >>> from sklearn_audiosr import pretrained_names
    >>> "speech-4x-16k" in pretrained_names()
    True
    """
    return tuple(sorted(path.stem for path in FOLDER.glob(f"*{_SUFFIX}")))


def pretrained_path(name):
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


def load_pretrained(name):
    """Load a trained model that ships with the package: no download, nothing is executed.

    Parameters
    ----------
    name : str
        One of `pretrained_names`: "speech-4x-16k" upsamples speech of 4 kHz rate to 16 kHz.

    Returns
    -------
    est : AudioSuperResolver
        Fitted, with its ``sampling_rate``, and in ``card_`` what it was trained on, under which
        licence, and how well it does.

    Raises
    ------
    ValueError
        If there is no such model.

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
    return load(pretrained_path(name))
