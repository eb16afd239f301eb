"""What a fitted noise model says of clips: standard deviations and draws beside the mean."""

import pickle

import numpy as np
import pytest
import soundfile
import torch
from containers import Lazy, object_array
from lively import assert_same, randomize
from resolvers import RATIO, make_pairs, small_resolver
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from sklearn_audiosr import SplineUpsampler, upsample_file
from sklearn_audiosr._prediction import chunked
from sklearn_audiosr._training.noise_models import GaussianNoise
from sklearn_audiosr.degradation import Decimator

RAGGED = {"list": list, "tuple": tuple, "object array": object_array, "lazy": Lazy}
KINDS = {"list": list, "tuple": tuple, "object array": np.ndarray, "lazy": list}

pairs = pytest.fixture(scope="module")(make_pairs)


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


def ragged_clips():
    """Mono and stereo, of unequal lengths from 1 timepoint, some of them alike."""
    rng = np.random.default_rng(3)
    shapes = [(700,), (2, 690), (1,), (2, 1), (33,), (700,)]
    return [rng.standard_normal(shape).cumsum(axis=-1).astype(np.float32) for shape in shapes]


# --- standard deviations


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


@pytest.mark.parametrize("return_std", [False, True])
def test_levels_beyond_all_floats_are_told(lively, return_std):
    loud = np.full(100, 3.4e38, dtype=np.float32)
    with pytest.raises(ValueError, match=r"X\[1\] must have levels .* got a peak of 3.4e\+38"):
        lively.predict([np.ones(100), loud], return_std=return_std)


def test_standard_deviations_in_chunks(lively, monkeypatch):
    x = np.random.default_rng(5).standard_normal((2, 3001)).cumsum(axis=1)
    monkeypatch.setitem(chunked.CHUNK_LENGTHS, "cpu", 10**7)
    mean, std = (y[0] for y in lively.predict([x], return_std=True))
    monkeypatch.setitem(chunked.CHUNK_LENGTHS, "cpu", 1000)
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
    with pytest.raises(
        ValueError, match=r"noise_model's std must return .*\(1, 1, 4096\), got \(\)"
    ):
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


# --- draws


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


# --- streams and files give the mean


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
