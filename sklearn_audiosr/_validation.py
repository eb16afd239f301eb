"""scikit-learn's checks of parameters, for functions whose types must stay known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

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
    decorate: Callable[[_Function], _Function] = _fit_context(
        prefer_skip_nested_validation=prefer_skip_nested_validation
    )
    return decorate
