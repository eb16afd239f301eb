"""scikit-learn's common checks on the estimators and the transformer.

The checks send targets of shape (n, ) or (n, 1) and sources of any width; test-only subclasses
make of them what our estimators need, a wideband target and a multiple of the ratio.
"""

import numpy as np
import pytest
from scipy.sparse import issparse
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)

from sklearn_audiosr import (
    AudioSuperResolver,
    DNNBandwidthExtender,
    LinearUpsampler,
    SplineUpsampler,
)
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.networks import AudioUNet

RATIO = 2


def is_numeric(array):
    if array.dtype == object:
        return all(isinstance(value, (int, float)) for value in array.flat)
    return array.dtype.kind in "fiu"


def widen(X, y):
    """Make a wideband target of X; a bad X or y is left to the estimator's own checks."""
    if y is None or issparse(X):
        return y
    X, y = np.asarray(X), np.asarray(y)
    usable = X.ndim == 2 and is_numeric(X) and len(X) == len(y)
    return np.repeat(X, RATIO, axis=1) if usable and np.isfinite(y.astype(float)).all() else y


class Widening:
    """Mixin: targets made of the sources."""

    def fit(self, X, y):
        return super().fit(X, widen(X, y))

    def score(self, X, y):
        return super().score(X, widen(X, y))


class CheckedSpline(Widening, SplineUpsampler):
    pass


class CheckedLinear(Widening, LinearUpsampler):
    pass


class CheckedDNN(Widening, DNNBandwidthExtender):
    pass


class CheckedResolver(Widening, AudioSuperResolver):
    pass


class CheckedDecimator(Decimator):
    def fit(self, Y, y=None):
        return super().fit(pad(Y), y)

    def transform(self, Y):
        return super().transform(pad(Y))


def pad(Y):
    array = np.asarray(Y) if isinstance(Y, list) or hasattr(Y, "__array__") else np.empty(0)
    usable = array.ndim == 2 and array.shape[1] > 0 and is_numeric(array)
    return np.pad(array, ((0, 0), (0, -array.shape[1] % RATIO))) if usable else Y


ANY_LENGTH = "clips of any length may be predicted, whatever the lengths at fit"
FAILING_FOR_ALL = {
    "check_n_features_in": ANY_LENGTH,
    "check_n_features_in_after_fitting": ANY_LENGTH,
}
FAILING_FOR_ESTIMATORS = {
    **FAILING_FOR_ALL,
    "check_regressors_train": "a prediction is wider than the target that the check sends",
    "check_regressor_multioutput": "audio is predicted in float32, the check wants float64",
}


CHECKED = [
    CheckedSpline(),
    CheckedLinear(n_taps=9),
    CheckedDNN(hidden_layer_sizes=(4,), max_epochs=1, frame_length=16, patch_length=64),
    CheckedResolver(AudioUNet(n_blocks=1, width=1 / 32), max_epochs=1, patch_length=64),
    CheckedDecimator(RATIO),
]


def expected_failures(estimator):
    return FAILING_FOR_ALL if isinstance(estimator, Decimator) else FAILING_FOR_ESTIMATORS


@parametrize_with_checks(CHECKED, expected_failed_checks=expected_failures)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", CHECKED, ids=lambda e: type(e).__name__)
def test_no_tag_switches_the_checks_off(estimator):
    """An estimator without the tag two_d_array would be sent one check."""
    assert len(list(estimator_checks_generator(estimator))) >= 40
