"""Our own contract, on real pairs, for every estimator: any container, length, ratio, level."""

import pickle
from functools import cache

import joblib
import numpy as np
import pytest
from containers import Lazy, object_array
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    cross_val_predict,
    cross_validate,
    learning_curve,
    train_test_split,
)
from sklearn.pipeline import make_pipeline

from sklearn_audiosr import (
    AudioSuperResolver,
    DNNBandwidthExtender,
    LinearUpsampler,
    SplineUpsampler,
)
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.metrics import neg_lsd_scorer, snr_scorer
from sklearn_audiosr.networks import AudioUNet, TFiLM

SCORING = {"snr": snr_scorer, "lsd": neg_lsd_scorer}
PLAIN = [SplineUpsampler(), LinearUpsampler(n_taps=9)]
NETWORKS = [
    AudioSuperResolver(
        AudioUNet(n_blocks=2, width=1 / 32), max_epochs=1, patch_length=256, random_state=0
    ),
    AudioSuperResolver(
        TFiLM(n_blocks=2, width=1 / 32, block_length=64),
        max_epochs=1,
        patch_length=256,
        random_state=0,
    ),
    DNNBandwidthExtender(hidden_layer_sizes=(8,), max_epochs=1, random_state=0),
]
KINDS = [
    (estimator, ratio)
    for estimator in [*PLAIN, *NETWORKS]
    for ratio in (2, 3, 4, 6, 8)
    if not (isinstance(estimator, DNNBandwidthExtender) and ratio in (3, 6))
]
every_estimator = pytest.mark.parametrize(
    ("estimator", "ratio"),
    KINDS,
    ids=[f"{type(getattr(e, 'network', e)).__name__}-{r}" for e, r in KINDS],
)


CONTAINERS = {
    "array": (np.array, np.ndarray),
    "list": (list, list),
    "tuple": (tuple, tuple),
    "object_array": (object_array, np.ndarray),
    "lazy": (Lazy, list),
}


def wideband(n_timepoints, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(n_timepoints).cumsum()


def make_pairs(ratio, lengths=(300, 420, 240, 360)):
    Y = [wideband(ratio * n, seed) for seed, n in enumerate(lengths)]
    return Decimator(ratio).fit_transform(Y), Y


@pytest.fixture(scope="module")
def fit():
    """Return an estimator fitted to pairs of a ratio; each is fitted once."""

    @cache
    def fit_once(index):
        estimator, ratio = KINDS[index]
        return clone(estimator).fit(*make_pairs(ratio))

    return lambda estimator, ratio: fit_once(KINDS.index((estimator, ratio)))


@st.composite
def clips(draw, equal):
    """A few clips of one type and level, some stereo, some very short."""
    n_clips = draw(st.integers(1, 4))
    lengths = st.one_of(st.integers(1, 40), st.integers(41, 3000))
    channels = st.sampled_from([None, 1, 2])
    shapes = [(draw(channels), draw(lengths)) for _ in range(n_clips)]
    if equal:
        shapes = shapes[:1] * n_clips
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    made = [rng.uniform(-1, 1, [n for n in shape if n]) for shape in shapes]
    dtype = draw(st.sampled_from(["f2", "f4", "f8", "i2", "i4", "i8", "?"]))
    if dtype in ("i2", "i4"):
        return [(clip * np.iinfo(dtype).max).astype(dtype) for clip in made]
    if dtype == "?":
        return [clip > 0 for clip in made]
    level = 10.0 ** draw(st.integers(-6, 6))
    assume(dtype != "f2" or level <= 1e3)
    return [(level * clip).astype(dtype) for clip in made]


def assert_agree(results, expected, tolerance=1e-5):
    """Agree to a fraction of the output's peak, clip by clip."""
    for y, y_expected in zip(results, expected, strict=True):
        assert np.abs(y - y_expected).max() <= tolerance * np.abs(y_expected).max()


@every_estimator
@settings(max_examples=15)
@given(data=st.data(), container=st.sampled_from(list(CONTAINERS)))
def test_containers_lengths_levels_and_types(fit, data, container, estimator, ratio):
    X = data.draw(clips(equal=container == "array"))
    before = [x.copy() for x in X]
    make, kind = CONTAINERS[container]
    Y = fit(estimator, ratio).predict(make(X))
    assert type(Y) is kind
    assert len(Y) == len(X)
    for x, y in zip(X, Y, strict=True):
        assert y.dtype == np.float32
        assert y.shape == (*x.shape[:-1], ratio * x.shape[-1])
        assert np.isfinite(y).all()
    assert all(map(np.array_equal, X, before))


@every_estimator
@settings(max_examples=8)
@given(X=clips(equal=False), others=st.lists(st.integers(1, 900), max_size=3))
def test_company_changes_nothing(fit, estimator, ratio, X, others):
    fitted = fit(estimator, ratio)
    alone = [fitted.predict([x])[0] for x in X]
    batch = [fitted.predict(np.stack([x, x[..., ::-1], x > 0]))[0] for x in X]
    longer = [np.ones(n) for n in others]
    listed = fitted.predict(longer + X + longer)[len(others) : len(others) + len(X)]
    assert_agree(batch, alone)
    assert_agree(listed, alone)
    for x, y in zip(X, alone, strict=True):
        # clips of one length, with other numbers of channels
        more_channels = np.concatenate([np.atleast_2d(x)[:, ::-1], np.atleast_2d(x)])
        first, second, _ = fitted.predict([x, more_channels, x])
        assert_agree([first, second[len(second) // 2 :]], [y, np.atleast_2d(y)])
        if x.ndim == 2:
            assert_agree([fitted.predict([channel])[0] for channel in x], y)


@every_estimator
@pytest.mark.parametrize("power", [-20, 20])
def test_fit_at_any_level(fit, estimator, ratio, power):
    X, Y = make_pairs(ratio)
    expected = fit(estimator, ratio).predict(X)
    level = np.float32(2.0**power)  # 1e-6 and 1e6 nearly; powers of two round nothing
    loud = clone(estimator).fit([level * x for x in X], [level * y for y in Y])
    assert_agree(loud.predict([level * x for x in X]), [level * y for y in expected])


@every_estimator
def test_knots_are_in_time(fit, estimator, ratio):
    """Zero delay: the correlation with the narrowband clip is largest without a shift."""
    x = 0.1 * np.random.default_rng(0).standard_normal(2000)
    knots = fit(estimator, ratio).predict([x])[0][::ratio].astype(float)
    inside = x[100:-100]
    products = [inside @ knots[100 + lag : 100 + lag + len(inside)] for lag in range(-20, 21)]
    assert np.argmax(products) == 20


@every_estimator
def test_pickle_and_joblib_give_equal_predictions(fit, estimator, ratio, tmp_path):
    fitted, X = fit(estimator, ratio), make_pairs(ratio)[0]
    joblib.dump(fitted, tmp_path / "estimator.joblib")
    for copy in (pickle.loads(pickle.dumps(fitted)), joblib.load(tmp_path / "estimator.joblib")):
        assert all(map(np.array_equal, copy.predict(X), fitted.predict(X)))


@every_estimator
def test_fit_leaves_parameters_and_arrays_alone(estimator, ratio):
    X, Y = make_pairs(ratio)
    before, parameters = [clip.copy() for clip in X + Y], estimator.get_params()
    fitted = clone(estimator).fit(X, Y)
    assert repr(fitted.get_params()) == repr(parameters)
    assert all(map(np.array_equal, before, X + Y))
    assert fitted.upsampling_ratio_ == ratio
    assert not [name for name in vars(estimator) if name.endswith("_")]


# scikit-learn's tools, on ragged lists and on arrays

RAGGED = [wideband(4 * n, seed) for seed, n in enumerate([500, 150, 600, 222, 301, 333])]
EQUAL = np.stack([wideband(1600, seed) for seed in range(6)])
both_containers = pytest.mark.parametrize("Y", [RAGGED, EQUAL], ids=["ragged", "array"])
plain = pytest.mark.parametrize("estimator", PLAIN, ids=["spline", "linear"])


@both_containers
@plain
def test_pipeline_on_wideband_clips_alone(Y, estimator):
    pipeline = make_pipeline(Decimator(4), clone(estimator)).fit(Y, Y)
    X = Decimator(4).fit_transform(Y)
    alone = clone(estimator).fit(X, Y)
    assert pipeline.score(Y, Y) == pytest.approx(alone.score(X, Y))
    assert_agree(pipeline.predict(Y), alone.predict(X), tolerance=0)


@both_containers
def test_grid_search_with_both_metrics(Y):
    pipeline = make_pipeline(Decimator(4), LinearUpsampler())
    grid = {"linearupsampler__n_taps": [1, 9], "decimator__filter": ["chebyshev1", "none"]}
    search = GridSearchCV(pipeline, grid, scoring=SCORING, refit="snr", cv=2).fit(Y, Y)
    results = search.cv_results_
    assert np.isfinite(results["mean_test_snr"]).all()
    assert (results["mean_test_lsd"] < 0).all()
    assert search.best_params_["linearupsampler__n_taps"] == 9
    assert search.best_index_ == np.argmax(results["mean_test_snr"])
    assert search.score(Y, Y) == pytest.approx(search.best_estimator_.score(Y, Y))


@both_containers
@plain
def test_cross_validate_by_group(Y, estimator):
    X, groups = Decimator(4).fit_transform(Y), list("aabbcc")
    scores = cross_validate(
        estimator, X, Y, groups=groups, cv=GroupKFold(3), scoring=SCORING, return_indices=True
    )
    for test in scores["indices"]["test"]:
        assert len({groups[i] for i in test}) == 1
    assert np.isfinite(scores["test_snr"]).all()
    default = cross_validate(estimator, X, Y, groups=groups, cv=GroupKFold(3))
    assert default["test_score"] == pytest.approx(scores["test_snr"])


@both_containers
@plain
def test_learning_curve(Y, estimator):
    X = Decimator(4).fit_transform(Y)
    sizes, train, test = learning_curve(
        estimator, X, Y, cv=KFold(3), train_sizes=[1, 4], scoring=snr_scorer
    )
    assert sizes.tolist() == [1, 4]
    assert train.shape == test.shape == (2, 3)
    assert np.isfinite(test).all()


@both_containers
def test_train_test_split(Y):
    X = Decimator(4).fit_transform(Y)
    X_train, X_test, Y_train, Y_test = train_test_split(X, Y, test_size=2, random_state=0)
    assert np.isfinite(LinearUpsampler(n_taps=9).fit(X_train, Y_train).score(X_test, Y_test))


def test_grid_search_over_networks_in_two_processes():
    X, Y = make_pairs(2)
    search = GridSearchCV(
        clone(NETWORKS[0]), {"network__n_blocks": [1, 2]}, scoring=SCORING, refit="snr", cv=2,
        n_jobs=2, error_score="raise",
    ).fit(X, Y)  # fmt: skip
    assert np.isfinite(search.cv_results_["mean_test_snr"]).all()
    assert search.best_estimator_.network.n_blocks == search.best_params_["network__n_blocks"]
    assert all(np.isfinite(y).all() for y in search.predict(X))


def test_cross_val_predict_joins_arrays_but_not_ragged_lists():
    """A limit of scikit-learn that the guide names."""
    Y = np.random.default_rng(0).standard_normal((6, 400))
    pipeline = make_pipeline(Decimator(2), SplineUpsampler())
    joined = cross_val_predict(pipeline, Y, Y, cv=3)
    np.testing.assert_array_equal(joined, pipeline.fit(Y, Y).predict(Y))
    ragged = [clip[: 100 + 20 * i] for i, clip in enumerate(Y)]
    with pytest.raises(ValueError, match="inhomogeneous|concatenat"):
        cross_val_predict(pipeline, ragged, ragged, cv=3)
