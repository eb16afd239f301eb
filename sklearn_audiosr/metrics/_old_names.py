"""Old names of metrics: each works as before, and warns that it will be removed."""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from sklearn_audiosr.metrics._pesq import pesq_score
from sklearn_audiosr.metrics._stoi import stoi_score
from sklearn_audiosr.metrics._visqol import visqol_score

_Metric = TypeVar("_Metric", bound=Callable[..., Any])


def _keep_old_name(old_name: str, metric: _Metric) -> _Metric:
    """Return `metric` under its old name, with a warning at each call."""
    new_name = metric.__name__

    @wraps(metric)
    def renamed(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(
            f"{old_name} is called {new_name} now; the old name will be removed in 0.3.",
            FutureWarning,
            stacklevel=2,
        )
        return metric(*args, **kwargs)

    renamed.__name__ = renamed.__qualname__ = old_name
    renamed.__module__ = __name__  # where pickle finds the old name
    renamed.__doc__ = f"Old name of `{new_name}`; it will be removed in 0.3."
    return cast(_Metric, renamed)


perceptual_speech_quality_score = _keep_old_name("perceptual_speech_quality_score", pesq_score)
short_time_intelligibility_score = _keep_old_name("short_time_intelligibility_score", stoi_score)
virtual_speech_quality_score = _keep_old_name("virtual_speech_quality_score", visqol_score)
