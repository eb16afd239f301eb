"""Decorators of what users call: scikit-learn's checks of parameters, and numpy's defaults."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import validate_params

_Function = TypeVar("_Function", bound=Callable[..., Any])


def validated(constraints: dict[str, Any]) -> Callable[[_Function], _Function]:
    """Return a decorator that checks the parameters of a function.

    scikit-learn's ``validate_params`` has no types: to mypy, what it decorates has none either.

    Parameters
    ----------
    constraints : dict of str to list
        Legal values of each parameter, as in scikit-learn's ``_parameter_constraints``.

    Returns
    -------
    decorate : callable
        Returns a function of the same type, which raises a ValueError that names an illegal
        parameter.
    """
    decorate: Callable[[_Function], _Function] = validate_params(
        constraints, prefer_skip_nested_validation=True
    )
    return decorate


def validated_fit(*, prefer_skip_nested_validation: bool) -> Callable[[_Function], _Function]:
    """Return a decorator of `fit` that checks the estimator's parameters.

    It is scikit-learn's ``_fit_context``, which has no types either.

    Parameters
    ----------
    prefer_skip_nested_validation : bool
        Whether estimators and functions that `fit` calls skip checks of their own.

    Returns
    -------
    decorate : callable
        Returns a method of the same type.
    """
    check: Callable[[_Function], _Function] = _fit_context(
        prefer_skip_nested_validation=prefer_skip_nested_validation
    )
    return lambda function: check(numpy_defaults(function))


def numpy_defaults(function: _Function) -> _Function:
    """Return a function that runs with numpy's default handling of errors.

    Audio that fades out underflows. ``np.errstate(all="raise")`` of a caller would make that an
    error.

    Parameters
    ----------
    function : callable
        The function.

    Returns
    -------
    wrapped : callable
        The same with other errors.
    """

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:  # numpydoc ignore=GL08
        with np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"):
            return function(*args, **kwargs)

    return cast(_Function, wrapped)
