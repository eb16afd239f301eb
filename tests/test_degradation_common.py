"""scikit-learn's common checks on the degradations, and what all of them share."""

import inspect
import pickle

import numpy as np
import pytest
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from sklearn_audiosr import LinearUpsampler
from sklearn_audiosr.degradation import AddNoise, Codec, Decimator, Telephone

RATIO = 2
DEGRADATIONS = [
    Decimator(RATIO), Telephone(RATIO), Codec("vorbis", sampling_rate=16000), AddNoise(),
]  # fmt: skip
PARAMETERS = {
    Telephone: {"upsampling_ratio": 3, "sampling_rate": 24000, "law": "alaw"},
    Codec: {
        "format": "random", "sampling_rate": 16000, "compression_level": (0.2, 0.9),
        "bitrate_mode": "average", "random_state": 1,
    },
    AddNoise: {"snr": (5, 25), "color": "random", "random_state": 1},
}  # fmt: skip


# The checks send clips of 3 timepoints, and lists where they want an array back; test-only
# subclasses make of both what degradations take.


def pad(Y):
    array = np.asarray(Y) if not issparse(Y) else np.empty(0)
    numeric = array.dtype.kind in "fiu" or all(isinstance(v, (int, float)) for v in array.flat)
    usable = array.ndim == 2 and array.shape[1] > 0 and numeric
    return np.pad(array, ((0, 0), (0, -array.shape[1] % RATIO))) if usable else Y


class Padding:
    """Mixin: arrays of even length."""

    def fit(self, Y, y=None):
        return super().fit(pad(Y), y)

    def transform(self, Y):
        return super().transform(pad(Y))


class CheckedTelephone(Padding, Telephone):
    pass


class CheckedCodec(Padding, Codec):
    pass


class CheckedNoise(Padding, AddNoise):
    pass


ANY_LENGTH = "clips of any length may be transformed, whatever the lengths at fit"
BY_INDEX = "the noise of a clip is that of its place in the container"
FAILING = {
    "check_n_features_in": ANY_LENGTH,
    "check_n_features_in_after_fitting": ANY_LENGTH,
}
FAILING_FOR_NOISE = {
    **FAILING,
    "check_methods_sample_order_invariance": BY_INDEX,
    "check_methods_subset_invariance": BY_INDEX,
}
# a low rate: each clip has a tail of a tenth of a second
CHECKED = [CheckedTelephone(RATIO), CheckedCodec("vorbis", sampling_rate=1000), CheckedNoise()]


def expected_failures(estimator):
    return FAILING_FOR_NOISE if isinstance(estimator, AddNoise) else FAILING


@pytest.mark.filterwarnings("ignore:.* needs clips in:UserWarning")
@parametrize_with_checks(CHECKED, expected_failed_checks=expected_failures)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", CHECKED, ids=lambda e: type(e).__name__)
def test_no_tag_switches_the_checks_off(estimator):
    assert len(list(estimator_checks_generator(estimator))) >= 40


# What all degradations share


def noise(*shape):
    return (0.1 * np.random.default_rng(0).standard_normal(shape)).astype(np.float32)


@pytest.mark.parametrize("kind", PARAMETERS)
def test_clone_pickle_and_params(kind):
    parameters = PARAMETERS[kind]
    degradation = kind(**parameters)
    assert clone(degradation).get_params() == parameters
    assert list(inspect.signature(kind).parameters) == list(parameters)
    Y = noise(2, 600)
    restored = pickle.loads(pickle.dumps(degradation))
    np.testing.assert_array_equal(restored.transform(Y), degradation.fit_transform(Y))


@pytest.mark.parametrize("degradation", DEGRADATIONS, ids=lambda d: type(d).__name__)
def test_clips_are_left_as_they_are_and_nan_is_refused(degradation):
    Y = noise(2, 40)
    Y.setflags(write=False)
    before = Y.copy()
    degradation.fit_transform(Y)
    np.testing.assert_array_equal(Y, before)
    for act in ("fit", "transform"):
        for bad, what in ((np.nan, "NaN"), (np.inf, "inf")):
            with pytest.raises(ValueError, match=rf"Y\[1\] must be finite in float32, got {what}"):
                getattr(degradation, act)([Y[0], np.array([0, bad])])


@pytest.mark.parametrize("degradation", DEGRADATIONS, ids=lambda d: type(d).__name__)
def test_an_estimator_learns_from_what_a_chain_makes(degradation):
    rng = np.random.default_rng(0)
    smooth = np.array(
        [np.convolve(y, np.hamming(9), mode="same") for y in rng.normal(size=(3, 4000))]
    )
    Y = 0.05 * smooth
    lowers_rate = hasattr(degradation, "upsampling_ratio")
    chain = [degradation] if lowers_rate else [degradation, Decimator(RATIO)]
    pipe = make_pipeline(*chain, LinearUpsampler(n_taps=33)).fit(Y, Y)
    assert pipe.predict(Y).shape == Y.shape
    # a delay of one timepoint would leave some 3 dB
    assert pipe.score(Y, Y) > 8
