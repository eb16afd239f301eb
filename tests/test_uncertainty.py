"""Estimators with a noise model: training, standard deviations, draws, calibration, coverage."""

import math
import pickle

import numpy as np
import pytest
import soundfile
import torch
from containers import Lazy, object_array
from lively import Description, Halving, assert_same, randomize
from resolvers import RATIO, make_pairs, small_resolver, weights
from scipy.ndimage import gaussian_filter1d
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

from sklearn_audiosr import SplineUpsampler, _inference, upsample_file
from sklearn_audiosr._noise_models import GaussianNoise, HeteroscedasticNoise, LaplaceNoise
from sklearn_audiosr.degradation import Decimator


@pytest.fixture(scope="module")
def pairs():
    return make_pairs()


@pytest.fixture(scope="module")
def lively(pairs):
    """Both output channels depend on all layers."""
    est = small_resolver(noise_model="heteroscedastic", max_epochs=1, sampling_rate=16000)
    est.fit(*pairs)
    randomize(est.network_)
    with torch.no_grad():
        est.network_.last[0].weight.mul_(0.3)
    return est


@pytest.fixture(scope="module")
def gaussian(pairs):
    return small_resolver(noise_model="gaussian").fit(*pairs)


def l1(prediction, target, mask):
    return ((prediction - target).abs() * mask).sum() / mask.sum()


# Training


def half_mse(prediction, target, mask):
    return 0.5 * ((prediction - target) * mask).square().sum() / mask.sum()


@pytest.mark.parametrize(
    ("noise_model", "objective"),
    [
        ("gaussian", half_mse),
        ("laplace", l1),
        (lambda y, output: -(y - output).abs(), l1),
        (lambda y, output: 7 - 0.5 * (y - output).square(), half_mse),
    ],
)
def test_likelihood_trains_as_its_objective(pairs, noise_model, objective):
    noisy = small_resolver(noise_model=noise_model).fit(*pairs)
    plain = small_resolver(objective=objective).fit(*pairs)
    assert_same(noisy.predict(pairs[0]), plain.predict(pairs[0]))
    np.testing.assert_allclose(noisy.validation_scores_, plain.validation_scores_, atol=1e-4)


def test_gaussian_is_least_squares(pairs):
    """But for a factor of the loss, which Adam does not see, up to its epsilon."""
    gaussian, mse, laplace = (
        small_resolver(learning_rate=1e-3, **how).fit(*pairs).predict(pairs[0])
        for how in ({"noise_model": "gaussian"}, {"objective": "mse"}, {"noise_model": "laplace"})
    )
    peak = np.abs(mse).max()
    assert np.abs(gaussian - mse).max() < 5e-4 * peak
    assert np.abs(gaussian - laplace).max() > 1e-3 * peak


def test_loss_curve_is_in_nats_a_timepoint(pairs):
    """Predicted exactly, a normal density of standard deviation 1 has log(2 pi) / 2."""
    est = small_resolver(noise_model="gaussian", max_epochs=6).fit(*pairs)
    assert est.loss_curve_[-1] == pytest.approx(math.log(2 * math.pi) / 2, abs=0.002)
    assert min(est.loss_curve_) > math.log(2 * math.pi) / 2


def test_objective_without_a_noise_model_is_rmse(pairs):
    default, named = small_resolver(), small_resolver(objective="rmse")
    assert default.objective is default.noise_model is None
    assert torch.equal(weights(default.fit(*pairs)), weights(named.fit(*pairs)))
    assert default.noise_model_ is None


@pytest.mark.parametrize("objective", ["rmse", "mse", l1])
def test_noise_model_and_objective_exclude_each_other(pairs, objective):
    est = small_resolver(noise_model="gaussian", objective=objective)
    with pytest.raises(ValueError, match="objective must be None with a noise_model, .* leave one"):
        est.fit(*pairs)


@pytest.mark.parametrize("noise_model", ["normal", 3, GaussianNoise])
def test_bad_noise_model_is_named_before_training(pairs, noise_model):
    est = small_resolver(noise_model=noise_model)
    with pytest.raises(TypeError, match="noise_model must be None, 'gaussian', 'laplace'"):
        est.fit(*pairs)
    assert not hasattr(est, "network_")


def test_log_density_of_the_whole_patch_is_an_error(pairs):
    est = small_resolver(noise_model=lambda y, output: -(y - output).square().sum(dim=2))
    with pytest.raises(ValueError, match=r"log_prob must give one value a timepoint, .*\(14, 1\)"):
        est.fit(*pairs)


class StudentNoise:
    """Five degrees of freedom; the second output is the log scale."""

    n_outputs = 2

    def log_prob(self, y, output):
        return self._density(output).log_prob(y)

    def std(self, output):
        return self._density(output).stddev

    def sample(self, output, generator):
        normals = torch.randn((6, *output[:, 0].shape), generator=generator)
        student = normals[0] / normals[1:].square().mean(dim=0).sqrt()
        return output[:, :1] + output[:, 1:].exp() * student[:, None]

    def _density(self, output):
        return torch.distributions.StudentT(5.0, output[:, :1], output[:, 1:].exp())


class MixtureNoise:
    """Two normal densities in equal parts; two outputs are their log standard deviations."""

    n_outputs = 3

    def log_prob(self, y, output):
        parts = torch.distributions.Normal(output[:, :1], output[:, 1:].exp()).log_prob(y)
        return parts.logsumexp(dim=1, keepdim=True) - math.log(2)

    def std(self, output):
        return output[:, 1:].exp().square().mean(dim=1, keepdim=True).sqrt()

    def sample(self, output, generator):
        first = torch.randint(2, output[:, :1].shape, generator=generator).bool()
        std = torch.where(first, output[:, 1:2], output[:, 2:]).exp()
        return output[:, :1] + std * torch.randn(std.shape, generator=generator)


@pytest.mark.parametrize("noise_model", [StudentNoise(), MixtureNoise()])
def test_noise_model_of_ones_own(noise_model):
    X, Y, true_std = make_noisy_pairs(6, seed=0)
    est = small_resolver(noise_model=noise_model, max_epochs=20, batch_size=8).fit(X, Y)
    assert est.loss_curve_[-1] < est.loss_curve_[0] - 0.5
    mean, std = est.predict(X, return_std=True)
    assert np.corrcoef(std.ravel(), true_std.ravel())[0, 1] > 0.8
    assert_same(mean, est.predict(X))
    X = list(X[:2, :64])
    draws = est.sample_y(X, n_samples=2000)
    for y, mean, std in zip(draws, *est.predict(X, return_std=True), strict=True):
        assert np.abs((y.mean(axis=-1) - mean) / std).max() < 5 / 2000**0.5
        assert (y.std(axis=-1) / std).mean() == pytest.approx(1, abs=0.03)


class PlainBuild:
    """A description whose network has one output, whatever is asked for."""

    def build(self, n_outputs=1):
        return Halving()


def test_network_without_outputs_for_the_noise_model(pairs):
    est = small_resolver(network=Description(Halving), noise_model="heteroscedastic")
    with pytest.raises(
        TypeError,
        match=r"noise_model='heteroscedastic' needs a network with 2 output channels, got .*"
        r"Description object .* whose build\(\) takes no n_outputs",
    ):
        est.fit(*pairs)
    est.set_params(noise_model="laplace").fit(*pairs)
    assert len(np.unique(est.predict(pairs[0], return_std=True)[1])) == 1
    est = small_resolver(network=PlainBuild(), noise_model=MixtureNoise())
    with pytest.raises(ValueError, match=r"build\(n_outputs=3\) must give .* got 1: let its last"):
        est.fit(*pairs)


# Standard deviations


RAGGED = {"list": list, "tuple": tuple, "object array": object_array, "lazy": Lazy}
KINDS = {"list": list, "tuple": tuple, "object array": np.ndarray, "lazy": list}


def ragged_clips():
    """Mono and stereo, of unequal lengths from 1 timepoint, some of them alike."""
    rng = np.random.default_rng(3)
    shapes = [(700,), (2, 690), (1,), (2, 1), (33,), (700,)]
    return [rng.standard_normal(shape).cumsum(axis=-1).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize("kind", RAGGED)
def test_standard_deviations_of_ragged_clips(lively, kind):
    clips = ragged_clips()
    X = RAGGED[kind](clips)
    results = lively.predict(X, return_std=True)
    assert isinstance(results, tuple)
    mean, std = results
    assert type(mean) is type(std) is KINDS[kind]
    for y, expected in zip(mean, lively.predict(X), strict=True):
        np.testing.assert_array_equal(y, expected)
    for x, s in zip(clips, std, strict=True):
        assert (s.shape, s.dtype) == ((*x.shape[:-1], RATIO * x.shape[-1]), np.float32)
        assert s.min() > 0
        assert_same(s, lively.predict([x], return_std=True)[1][0])


@pytest.mark.parametrize("shape", [(3, 500), (3, 2, 500), (1, 1), (2, 1, 1)])
def test_standard_deviations_of_arrays(lively, shape):
    X = np.random.default_rng(4).standard_normal(shape).cumsum(axis=-1)
    mean, std = lively.predict(X, return_std=True)
    assert mean.shape == std.shape == (*shape[:-1], RATIO * shape[-1])
    assert mean.dtype == std.dtype == np.float32
    np.testing.assert_array_equal(mean, lively.predict(X))
    for waveform, s in zip(X.reshape(-1, shape[-1]), std.reshape(-1, std.shape[-1]), strict=True):
        assert_same(s, lively.predict([waveform], return_std=True)[1][0])


def test_standard_deviations_in_chunks(lively, monkeypatch):
    x = np.random.default_rng(5).standard_normal((2, 3001)).cumsum(axis=1)
    monkeypatch.setitem(_inference._CHUNK, "cpu", 10**7)
    mean, std = (y[0] for y in lively.predict([x], return_std=True))
    monkeypatch.setitem(_inference._CHUNK, "cpu", 1000)
    for y, expected in zip(lively.predict([x], return_std=True), (mean, std), strict=True):
        assert_same(y[0], expected)
    assert std.max() > 1.2 * std.min()


def test_standard_deviation_is_the_second_outputs(lively):
    """Known answer: with weights of zero the last layer says its bias."""
    est = pickle.loads(pickle.dumps(lively))
    last = est.network_.last[0]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.tensor([0.0, -1.5, 0.0, -2.5]))  # even, then odd timepoints
    est.noise_model_.limits = -9.0, 9.0
    x = np.random.default_rng(6).standard_normal(100)
    mean, std = est.predict([x], return_std=True)
    assert_same(mean[0], SplineUpsampler().fit([x], [np.repeat(x, RATIO)]).predict([x])[0])
    expected = est.scale_ * est.noise_model_.scale * np.exp(np.tile([-1.5, -2.5], 200))
    np.testing.assert_allclose(std[0], expected, rtol=1e-5)


@pytest.mark.parametrize("level", [1e-5, 1e5])
@pytest.mark.parametrize("noise_model", ["laplace", "heteroscedastic"])
def test_standard_deviation_has_the_level_of_the_clips(pairs, noise_model, level):
    X, Y = pairs
    expected = small_resolver(noise_model=noise_model).fit(X, Y).predict(X, return_std=True)
    est = small_resolver(noise_model=noise_model).fit(level * X, level * Y)
    for y, y_expected in zip(est.predict(level * X, return_std=True), expected, strict=True):
        np.testing.assert_allclose(y / level, y_expected, atol=2e-3 * np.abs(y_expected).max())


def test_pipeline_passes_return_std_on(pairs):
    Y = pairs[1]
    pipe = make_pipeline(Decimator(RATIO), small_resolver(noise_model="gaussian"))
    mean, std = pipe.fit(Y, Y).predict(Y, return_std=True)
    np.testing.assert_array_equal(mean, pipe.predict(Y))
    est = pipe[-1]
    np.testing.assert_allclose(std, est.scale_ * est.noise_model_.scale, rtol=1e-6)


@pytest.mark.parametrize(
    ("noise_model", "received"),
    [(None, "noise_model=None"), (lambda y, output: -(y - output).abs(), "a log density alone")],
)
def test_what_a_log_density_does_not_tell(pairs, noise_model, received):
    est = small_resolver(noise_model=noise_model).fit(*pairs)
    assert est.predict(pairs[0]).shape == pairs[1].shape
    with pytest.raises(ValueError, match=rf"return_std=True .* has std\(\), got .* {received}"):
        est.predict(pairs[0], return_std=True)
    with pytest.raises(ValueError, match=rf"sample_y .* has sample\(\), got .* {received}"):
        est.sample_y(pairs[0])


@pytest.mark.parametrize("noise_model", [None, "gaussian"])
def test_unfitted(pairs, noise_model):
    est = small_resolver(noise_model=noise_model)
    for ask in (lambda X: est.predict(X, return_std=True), est.sample_y):
        with pytest.raises(NotFittedError):
            ask(pairs[0])


class ShapelessNoise(GaussianNoise):
    def std(self, output):
        return torch.tensor(1.0)

    def sample(self, output, generator):
        return output[:, 0]


def test_own_noise_model_must_answer_for_each_timepoint(pairs):
    est = small_resolver(noise_model=ShapelessNoise()).fit(*pairs)
    with pytest.raises(ValueError, match=r"noise_model's std must give .*\(1, 1, 4096\), got \(\)"):
        est.predict(pairs[0], return_std=True)
    with pytest.raises(ValueError, match=r"noise_model's sample must .* got \(1, 4096\)"):
        est.sample_y(pairs[0])


class LearnedNoise(GaussianNoise):
    """With a weight, and in float64: what comes out is float32 all the same."""

    def std(self, output):
        weight = torch.ones((), dtype=torch.float64, requires_grad=True)
        return weight * torch.ones_like(output, dtype=torch.float64)


def test_own_noise_model_may_answer_in_float64(pairs):
    est = small_resolver(noise_model=LearnedNoise()).fit(*pairs)
    mean, std = est.predict(pairs[0], return_std=True)
    assert mean.dtype == std.dtype == np.float32
    np.testing.assert_allclose(std, est.scale_, rtol=1e-6)


# Draws


@pytest.mark.parametrize("kind", RAGGED)
def test_draws_of_ragged_clips(lively, kind):
    clips = ragged_clips()
    draws = lively.sample_y(RAGGED[kind](clips), n_samples=3)
    assert type(draws) is KINDS[kind]
    for x, y in zip(clips, draws, strict=True):
        assert (y.shape, y.dtype) == ((*x.shape[:-1], RATIO * x.shape[-1], 3), np.float32)


@pytest.mark.parametrize("shape", [(3, 50), (3, 2, 50), (1, 1)])
@pytest.mark.parametrize("n_samples", [1, np.int64(4)])
def test_draws_of_arrays(lively, shape, n_samples):
    X = np.random.default_rng(4).standard_normal(shape)
    draws = lively.sample_y(X, n_samples)
    assert (draws.shape, draws.dtype) == ((*shape[:-1], RATIO * shape[-1], n_samples), np.float32)
    listed = lively.sample_y(list(X), n_samples)
    assert_same(draws, np.stack(listed))


def test_draws_are_seeded(lively):
    X = ragged_clips()[:2]
    before = torch.get_rng_state()

    def draw(random_state):
        return np.concatenate([y.ravel() for y in lively.sample_y(X, 2, random_state)])

    np.testing.assert_array_equal(draw(7), draw(7))
    np.testing.assert_array_equal(draw(0), np.concatenate([
        y.ravel() for y in lively.sample_y(X, n_samples=2)
    ]))  # fmt: skip
    assert (draw(7) != draw(8)).mean() > 0.99
    generator = np.random.RandomState(0)
    assert (draw(generator) != draw(generator)).mean() > 0.99
    first, second = np.moveaxis(lively.sample_y(X, 2)[0], -1, 0)
    assert (first != second).mean() > 0.99
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("noise_model", ["gaussian", "laplace", "heteroscedastic"])
def test_draws_scatter_about_the_prediction(pairs, noise_model):
    est = small_resolver(noise_model=noise_model, max_epochs=1).fit(*pairs)
    X, n_samples = pairs[0][:2, :100], 1000
    draws = est.sample_y(list(X), n_samples=n_samples, random_state=1)
    for y, mean, std in zip(draws, *est.predict(X, return_std=True), strict=True):
        errors = (y.mean(axis=-1) - mean) / std * np.sqrt(n_samples)
        assert np.abs(errors).max() < 5
        assert errors.std() == pytest.approx(1, abs=0.15)
        np.testing.assert_allclose(y.std(axis=-1), std, rtol=0.25)
        assert (y.std(axis=-1) / std).mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("n_samples", [0, -1, 1.5, "2", None, True])
def test_bad_numbers_of_draws(gaussian, pairs, n_samples):
    with pytest.raises(ValueError, match=r"n_samples must be an integer of at least 1, got"):
        gaussian.sample_y(pairs[0], n_samples)


# Streams and files give the mean


def test_stream_gives_the_mean(lively):
    x = ragged_clips()[0]
    stream = lively.stream()
    pieces = [stream.push(x[start : start + 90]) for start in range(0, len(x), 90)]
    assert_same(np.concatenate([*pieces, stream.flush()]), lively.predict([x])[0])


def test_file_gets_the_mean(lively, tmp_path):
    x = 0.001 * ragged_clips()[1]
    source, target = tmp_path / "narrow.wav", tmp_path / "wide.wav"
    soundfile.write(source, x.T, 4000, subtype="FLOAT")
    upsample_file(lively, source, target)
    assert_same(soundfile.read(target, dtype="float32")[0].T, lively.predict([x])[0])


# What is estimated, and on which clips


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


# Coverage


def make_noisy_pairs(n_clips, seed, n_timepoints=4096, ratio=2):
    """Targets are their sources' splines plus noise whose level goes with the sources'."""
    rng = np.random.default_rng(seed)
    loud = rng.random((n_clips, n_timepoints // ratio // 128)) < 0.5
    envelope = gaussian_filter1d(np.repeat(loud, 128, axis=1).astype(float), 16, axis=1)
    X = (0.1 + envelope) * rng.standard_normal(envelope.shape)
    mean = SplineUpsampler().fit(X, np.repeat(X, ratio, axis=1)).predict(X)
    std = np.repeat(0.05 + 0.4 * envelope, ratio, axis=1)
    return X, mean + std * rng.standard_normal(std.shape), std


@pytest.fixture(scope="module")
def coverage():
    """Fit on noise of a level that is known: give the intervals' coverage and the deviations."""
    X, Y, _ = make_noisy_pairs(12, seed=0)
    X_test, Y_test, true_std = make_noisy_pairs(6, seed=1)

    def fit(noise_model):
        est = small_resolver(
            noise_model=noise_model, max_epochs=10, batch_size=8, validation_fraction=0.25
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
