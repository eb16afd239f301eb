"""Load a fitted estimator of any class from a file."""

import os
from typing import Any, cast

from sklearn_audiosr import _estimators
from sklearn_audiosr._estimators.base import BaseUpsampler
from sklearn_audiosr._estimators.saving import restore_estimator
from sklearn_audiosr._persistence.errors import ModelFileError, ProblemError
from sklearn_audiosr._persistence.model_file import package_version, read_model


def load(path: os.PathLike[str] | str) -> BaseUpsampler:
    """Load a fitted estimator that was saved with ``save``.

    The file is read as data: no code in it runs, whatever it holds.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    est : estimator
        The fitted estimator, of the class that was saved: `AudioSuperResolver`,
        `DNNBandwidthExtender`, `LinearUpsampler` or `SplineUpsampler`. On the same machine its
        predictions are exactly those of the saved one, unless ``dtype="float16"`` rounded the
        weights. ``card_`` is the card that was saved with it, or None.

    Raises
    ------
    ModelFileError
        If the file is damaged or cut off, was not written by ``save``, has a wrong value
        anywhere, or has a format that this version does not read. It is a ValueError.
    OSError
        If there is no such file, or it can't be read.

    See Also
    --------
    AudioSuperResolver.save : Save a fitted estimator: every estimator has this method.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sklearn_audiosr import LinearUpsampler, load
    >>> Y = np.random.default_rng(0).standard_normal((4, 8000)).cumsum(axis=1)
    >>> X = Y[:, ::2]
    >>> est = LinearUpsampler(n_taps=33).fit(X, Y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "linear.safetensors")
    ...     est.save(path, card={"data": "random walks"})
    ...     loaded = load(path)
    >>> loaded, loaded.card_
    (LinearUpsampler(n_taps=33), {'data': 'random walks'})
    >>> bool((loaded.predict(X) == est.predict(X)).all())
    True
    """
    writer = None
    try:
        model, arrays, writer = read_model(path)
        return restore_estimator(_find_class(model), model, arrays)
    except ProblemError as error:
        remedy, own = error.way_to_load, package_version()
        if writer not in (None, own):  # its bytes are as they were written
            remedy = (
                f"sklearn-audiosr {writer:.80} wrote it and this is {own}: install that version, "
                f"or save the estimator again with {own}."
            )
        raise ModelFileError(os.fspath(path), str(error), remedy) from error.__cause__


def _find_class(model: Any) -> type[BaseUpsampler]:
    name = model.get("estimator") if isinstance(model, dict) else None
    names = _estimators.__all__
    if not isinstance(name, str) or name not in names:
        raise ProblemError(f"it must hold one of {', '.join(names)}, got {name!r:.80}")
    return cast(type[BaseUpsampler], getattr(_estimators, name))
