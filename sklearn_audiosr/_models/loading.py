"""Load fitted estimators from files, whatever estimator they hold."""

import os

from sklearn_audiosr._estimators.dnn import DNNBandwidthExtender
from sklearn_audiosr._estimators.linear import LinearUpsampler
from sklearn_audiosr._estimators.spline import SplineUpsampler
from sklearn_audiosr._estimators.super_resolver import AudioSuperResolver
from sklearn_audiosr._persistence.errors import ModelFileError, ProblemError
from sklearn_audiosr._persistence.estimators import restore_estimator
from sklearn_audiosr._persistence.model_file import package_version, read_model

# What a file may name: nothing else is looked up, and nothing imported.
_ESTIMATORS = {
    cls.__name__: cls
    for cls in (AudioSuperResolver, DNNBandwidthExtender, LinearUpsampler, SplineUpsampler)
}


def load(path):
    """Load a fitted estimator that was saved with ``save``.

    The file is read as data: whatever it holds, no code of it runs.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    est : estimator
        With the parameters and all that was learned; its predictions are those of the estimator
        that was saved, exactly on the same machine, unless it was saved with
        ``dtype="float16"``. Its attribute ``card_`` is the card that was saved with it, or None.

    Raises
    ------
    ModelFileError
        A ValueError: if the file is damaged or cut off, is none that ``save`` wrote, holds
        anything else than it should, or was written in a format that this version does not read.
    OSError
        If there is no such file, or it can't be read.

    See Also
    --------
    AudioSuperResolver.save : Writes such files, as every estimator does.

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


def _find_class(model):
    name = model.get("estimator") if isinstance(model, dict) else None
    if not isinstance(name, str) or name not in _ESTIMATORS:
        raise ProblemError(f"it must hold one of {', '.join(_ESTIMATORS)}, got {name!r:.80}")
    return _ESTIMATORS[name]
