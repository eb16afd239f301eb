"""Scorers for ``scoring=`` in scikit-learn's model selection.

A scorer reads the upsampling ratio and the sampling rate, where its metric needs them, from the
estimator that it scores.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any, Protocol, TypeVar

from numpy.typing import ArrayLike
from sklearn.metrics import make_scorer
from sklearn.metrics._scorer import _Scorer
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import validate_params

from sklearn_audiosr._clips import ClipsLike
from sklearn_audiosr.metrics._harmonicity import harmonicity_score
from sklearn_audiosr.metrics._highband_levels import temporal_level_error
from sklearn_audiosr.metrics._log_spectral_distance import log_spectral_distance
from sklearn_audiosr.metrics._modulation_line import modulation_line_error
from sklearn_audiosr.metrics._pesq import pesq_score
from sklearn_audiosr.metrics._signal_to_noise import scale_invariant_sdr, signal_to_noise_ratio
from sklearn_audiosr.metrics._stoi import stoi_score
from sklearn_audiosr.metrics._visqol import visqol_score

# Arguments of metrics, and the attributes of estimators that hold them.
_LEARNED = {"upsampling_ratio": "upsampling_ratio_", "sampling_rate": "sampling_rate"}


_Function = TypeVar("_Function", bound=Callable[..., Any])
_check_parameters: Callable[[_Function], _Function] = validate_params(
    {"metric": [callable], "greater_is_better": ["boolean"]}, prefer_skip_nested_validation=True
)


class Scorer(Protocol):
    """A scorer of scikit-learn: more is better."""

    def __call__(  # numpydoc ignore=GL08
        self,
        estimator: Any,
        X: ClipsLike,
        y_true: ClipsLike,
        sample_weight: ArrayLike | None = None,
    ) -> float: ...

    def set_score_request(  # numpydoc ignore=GL08
        self, *, sample_weight: bool | str | None = ...
    ) -> Scorer: ...


@_check_parameters
def make_clip_scorer(
    metric: Callable[..., Any], *, greater_is_better: bool = True, **kwargs: Any
) -> Scorer:
    """Make a scorer from a metric that needs the upsampling ratio or the sampling rate.

    This is scikit-learn's ``make_scorer`` for such metrics. An argument ``upsampling_ratio`` or
    ``sampling_rate`` of `metric` that is not given here is read from the estimator that is scored:
    ``upsampling_ratio_`` and ``sampling_rate`` of the estimator itself, of a pipeline's last step
    or of a search's best estimator.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_pred, **kwargs)``, one of this module or your own.
    greater_is_better : bool, default=True
        False for a distance: the scorer negates it.
    **kwargs : dict
        Further arguments of `metric`, such as ``band="highband"``.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, Y)``, for ``scoring=`` of ``GridSearchCV`` and ``cross_validate``.
        Several of them in one ``scoring`` share one prediction. It raises a ValueError if `metric`
        needs what neither its arguments nor the estimator have.

    Raises
    ------
    ValueError
        If `metric` is not callable, or `greater_is_better` no boolean.

    See Also
    --------
    sklearn.metrics.make_scorer : For metrics that need neither.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr import SplineUpsampler
    >>> from sklearn_audiosr.metrics import log_spectral_distance, make_clip_scorer
    >>> scorer = make_clip_scorer(
    ...     log_spectral_distance,
    ...     greater_is_better=False,
    ...     band="highband",
    ...     convention="kuleshov2017",
    ... )
    >>> Y = np.random.default_rng(0).standard_normal((2, 4000))
    >>> est = SplineUpsampler().fit(Y[:, ::4], Y)  # upsampling_ratio_ is 4
    >>> scorer(est, Y[:, ::4], Y) < -1
    True
    """
    return _ClipScorer(metric, 1 if greater_is_better else -1, kwargs)


class _ClipScorer(_Scorer):
    """A scorer of scikit-learn, so that several share one prediction."""

    def __repr__(self) -> str:
        return str(super().__repr__()).replace("make_scorer", "make_clip_scorer", 1)

    def _score(
        self, method_caller: Any, estimator: Any, X: ClipsLike, y_true: ClipsLike, **kwargs: Any
    ) -> Any:
        learned = self._learn(_find_upsampler(estimator), {*self._kwargs, *kwargs})
        return super()._score(method_caller, estimator, X, y_true, **learned, **kwargs)

    def _learn(self, upsampler: Any, given: set[str]) -> dict[str, Any]:
        """Return the arguments of the metric that the estimator has."""
        parameters, learned = signature(self._score_func).parameters, {}
        for name in _LEARNED.keys() & parameters.keys() - given:
            value = getattr(upsampler, _LEARNED[name], None)
            if value is not None:
                learned[name] = value
            elif parameters[name].default is Parameter.empty:
                metric = getattr(self._score_func, "__name__", "the metric")
                raise ValueError(
                    f"{metric} needs {name}, which {type(upsampler).__name__} does not have "
                    f"({_LEARNED[name]} is missing or None): set it there, or make the scorer "
                    f"with make_clip_scorer({metric}, {name}=...)."
                )
        return learned


def _find_upsampler(estimator: Any) -> Any:
    """Return the estimator inside searches and pipelines."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        else:
            return estimator


snr_scorer: Scorer = make_scorer(signal_to_noise_ratio)
si_sdr_scorer: Scorer = make_scorer(scale_invariant_sdr)
neg_lsd_scorer: Scorer = make_scorer(log_spectral_distance, greater_is_better=False)
neg_lowband_lsd_scorer: Scorer = make_clip_scorer(
    log_spectral_distance, greater_is_better=False, band="lowband"
)
neg_highband_lsd_scorer: Scorer = make_clip_scorer(
    log_spectral_distance, greater_is_better=False, band="highband"
)
neg_temporal_level_error_scorer: Scorer = make_clip_scorer(
    temporal_level_error, greater_is_better=False
)
neg_modulation_line_error_scorer: Scorer = make_clip_scorer(
    modulation_line_error, greater_is_better=False
)
harmonicity_scorer: Scorer = make_clip_scorer(harmonicity_score)
pesq_scorer: Scorer = make_clip_scorer(pesq_score)
stoi_scorer: Scorer = make_clip_scorer(stoi_score)
visqol_scorer: Scorer = make_clip_scorer(visqol_score)
