"""What a noise model estimates after training, on which clips, and what its intervals cover."""

import math
import pickle

import numpy as np
import pytest
from noisy import StudentNoise, make_noisy_pairs
from resolvers import RATIO, make_pairs, small_resolver
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

from sklearn_audiosr._training.noise_models import GaussianNoise, HeteroscedasticNoise, LaplaceNoise

pairs = pytest.fixture(scope="module")(make_pairs)

# --- what is estimated, and on which clips


class Watching(GaussianNoise):
    """Remembers what it was calibrated on."""

    def calibrate(self, targets, outputs):
        super().calibrate(targets, outputs)
        self.targets, self.outputs = list(targets), list(outputs)


def root_mean_square(values):
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


@pytest.mark.parametrize(("fraction", "n_clips"), [(0.34, 2), (0.0, 6)])
def test_scale_is_estimated_on_held_out_clips_or_on_all(pairs, fraction, n_clips):
    X, Y = pairs
    est = small_resolver(noise_model=Watching(), validation_fraction=fraction).fit(X, Y)
    noise_model = est.noise_model_
    assert len(noise_model.targets) == n_clips
    errors, predicted = [], est.predict(X)
    for target, output in zip(noise_model.targets, noise_model.outputs, strict=True):
        assert target.shape == output.shape == (1, 1, 4096)
        distances = np.abs(Y / np.float32(est.scale_) - target.numpy()[0]).max(axis=1)
        i = distances.argmin()
        assert distances[i] < 1e-5
        np.testing.assert_allclose(
            est.scale_ * output[0, 0], predicted[i], atol=1e-5 * np.abs(predicted).max()
        )
        errors.append(Y[i] - predicted[i])
    assert est.scale_ * noise_model.scale == pytest.approx(root_mean_square(errors), rel=1e-4)


@pytest.mark.parametrize("X_shape", [(1, 1024), (1, 2, 512)])
def test_single_clip_serves_training_and_calibration(pairs, X_shape):
    Y_shape = (*X_shape[:-1], RATIO * X_shape[-1])
    X, Y = pairs[0][:1].reshape(X_shape), pairs[1][:1].reshape(Y_shape)
    est = small_resolver(noise_model="gaussian").fit(X, Y)
    assert est.validation_scores_ == []
    std = est.predict(X, return_std=True)[1]
    np.testing.assert_allclose(std, root_mean_square(Y - est.predict(X)), rtol=1e-4)


def test_warm_start_estimates_the_noise_of_its_own_clips(pairs):
    X, Y = pairs
    est = small_resolver(noise_model="gaussian", warm_start=True, validation_fraction=0)
    est.fit(X, Y).fit(7 * X, 7 * Y)
    std = est.predict(X[:1], return_std=True)[1]
    np.testing.assert_allclose(std, root_mean_square(7 * Y - est.predict(7 * X)), rtol=1e-4)


def test_laplacian_scale_is_the_mean_absolute_error(pairs):
    X, Y = pairs
    est = small_resolver(noise_model="laplace", validation_fraction=0).fit(X, Y)
    std = est.predict(X[:1], return_std=True)[1]
    expected = 2**0.5 * np.abs(Y - est.predict(X)).mean(dtype=float)
    np.testing.assert_allclose(std, expected, rtol=1e-4)


def test_object_that_is_given_stays_as_it_is(pairs):
    given = Watching()
    est = small_resolver(noise_model=given)
    copied = clone(est)
    est.fit(*pairs)
    assert est.noise_model is given
    assert vars(given) == {"scale": 1.0}
    assert est.noise_model_.scale != 1.0
    assert type(copied.noise_model) is Watching
    np.testing.assert_array_equal(copied.fit(*pairs).predict(pairs[0]), est.predict(pairs[0]))


class Failing(GaussianNoise):
    def calibrate(self, targets, outputs):
        raise RuntimeError("out of luck")


def test_failed_calibration_leaves_the_last_fit(pairs):
    X, Y = pairs
    est = small_resolver(noise_model="gaussian").fit(X, Y)
    before = est.predict(X, return_std=True)
    with pytest.raises(RuntimeError, match="out of luck"):
        est.set_params(noise_model=Failing(), random_state=1).fit(X, -Y)
    for y, expected in zip(est.predict(X, return_std=True), before, strict=True):
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("noise_model", ["laplace", "heteroscedastic", StudentNoise()])
def test_fitted_estimator_pickles(pairs, noise_model):
    X, Y = pairs
    est = small_resolver(noise_model=noise_model, max_epochs=1).fit(X, Y)
    restored = pickle.loads(pickle.dumps(est))
    for y, expected in zip(
        restored.predict(X, return_std=True), est.predict(X, return_std=True), strict=True
    ):
        np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(restored.sample_y(list(X), 2)[0], est.sample_y(list(X), 2)[0])


def test_noise_models_are_searched(pairs):
    X, Y = pairs
    names = [None, "gaussian", "laplace"]
    search = GridSearchCV(small_resolver(max_epochs=2), {"noise_model": names}, cv=2)
    search.fit(X, Y)
    scores = [
        cross_val_score(small_resolver(max_epochs=2, noise_model=name), X, Y, cv=2).mean()
        for name in names
    ]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], scores, rtol=1e-6)
    assert len(set(scores)) == 3
    fitted = search.best_estimator_.noise_model_
    assert type(fitted) is [type(None), GaussianNoise, LaplaceNoise][int(np.argmax(scores))]


# --- coverage


@pytest.fixture(scope="module")
def coverage():
    """Fit on noise of a level that is known: give the intervals' coverage and the deviations.

    The best epoch is that of the highest SNR: before the 18th the deviations are not learned yet.
    """
    X, Y, _ = make_noisy_pairs(12, seed=0)
    X_test, Y_test, true_std = make_noisy_pairs(6, seed=1)

    def fit(noise_model):
        est = small_resolver(
            noise_model=noise_model, max_epochs=20, batch_size=8, validation_fraction=0.25
        )
        mean, std = est.fit(X, Y).predict(X_test, return_std=True)
        return np.abs(Y_test - mean) <= 1.6449 * std, std, true_std

    return fit


def test_heteroscedastic_intervals_cover_what_they_say(coverage):
    inside, std, true_std = coverage("heteroscedastic")
    assert 0.85 < inside.mean() < 0.95
    assert 0.85 < inside[true_std > 0.4].mean() < 0.95
    assert 0.85 < inside[true_std < 0.06].mean() < 0.95
    assert np.corrcoef(std.ravel(), true_std.ravel())[0, 1] > 0.9
    assert np.median(std / true_std) == pytest.approx(1, abs=0.2)


def test_one_standard_deviation_covers_on_average_only(coverage):
    inside, std, true_std = coverage("gaussian")
    assert len(np.unique(std)) == 1
    assert std[0, 0] == pytest.approx(np.sqrt(np.mean(true_std**2)), rel=0.1)
    assert 0.8 < inside.mean() < 0.95
    assert inside[true_std < 0.06].mean() > 0.99
    assert inside[true_std > 0.4].mean() < 0.8


def test_heteroscedastic_factor_makes_the_network_honest(pairs):
    """On the clips that it was calibrated on, nine tenths of the errors are inside."""
    X, Y = pairs
    est = small_resolver(noise_model="heteroscedastic", validation_fraction=0).fit(X, Y)
    assert type(est.noise_model_) is HeteroscedasticNoise
    assert abs(math.log(est.noise_model_.scale)) > 0.1  # it was needed
    mean, std = est.predict(X, return_std=True)
    assert np.mean(np.abs(Y - mean) <= 1.6449 * std) == pytest.approx(0.9, abs=0.002)
