"""The least-squares filter: equal to explicit regression, exact on known relations."""

import tracemalloc

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from sklearn_audiosr import LinearUpsampler
from sklearn_audiosr.metrics import signal_to_noise_ratio

RATIOS = [2, 3, 4, 6, 8]


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def make_pairs(ratio, lengths=(150, 1, 40, 311)):
    Y = [noise(ratio * n, seed=n).cumsum() for n in lengths]
    return [y.reshape(-1, ratio).mean(axis=1) for y in Y], Y


def contexts_of(x, n_taps):
    """One row an instant: the timepoints from n_taps // 2 before it, zeros beyond the ends."""
    padded = np.concatenate([np.zeros(n_taps), x, np.zeros(n_taps)]).astype(np.float64)
    first = n_taps - n_taps // 2
    return np.array([padded[first + t : first + t + n_taps] for t in range(len(x))])


def design(X, Y, n_taps, ratio):
    """All contexts (n_instants, n_taps) and their targets (n_instants, ratio)."""
    A = np.concatenate([contexts_of(x, n_taps) for x in X])
    return A, np.concatenate([y.reshape(-1, ratio) for y in Y]).astype(np.float64)


# Coefficients


@pytest.mark.parametrize("n_taps", [1, 2, 5, 8, 65])
@pytest.mark.parametrize("ratio", [2, 3, 8])
def test_equals_least_squares(ratio, n_taps):
    X, Y = make_pairs(ratio)
    A, B = design(X, Y, n_taps, ratio)
    expected = np.linalg.lstsq(A, B, rcond=None)[0]
    coef = LinearUpsampler(n_taps=n_taps, alpha=0).fit(X, Y).coef_
    assert coef.shape == (n_taps, ratio)
    assert coef.dtype == np.float64
    # normal equations square the condition number
    assert np.abs(coef - expected).max() < 1e-7 * np.abs(expected).max()


@pytest.mark.parametrize("alpha", [1e-6, 1e-3, 1.0])
@pytest.mark.parametrize("n_taps", [4, 33])
def test_equals_ridge_with_a_relative_penalty(n_taps, alpha):
    X, Y = make_pairs(4)
    A, B = design(X, Y, n_taps, 4)
    mean_diagonal = np.mean(np.sum(A**2, axis=0))
    ridge = Ridge(alpha=alpha * mean_diagonal, fit_intercept=False, solver="svd").fit(A, B)
    coef = LinearUpsampler(n_taps=n_taps, alpha=alpha).fit(X, Y).coef_
    assert np.abs(coef - ridge.coef_.T).max() < 1e-8 * np.abs(ridge.coef_).max()


@pytest.mark.parametrize("n_taps", [3, 4, 7])
@pytest.mark.parametrize("ratio", RATIOS)
def test_recovers_a_known_filter(ratio, n_taps):
    x, coef = noise(600), noise(n_taps, ratio, seed=1)
    Y = [(contexts_of(x, n_taps) @ coef).ravel()]
    linear = LinearUpsampler(n_taps=n_taps, alpha=0).fit([x], Y)
    assert linear.coef_ == pytest.approx(coef, abs=1e-6)
    assert linear.score([x], Y) > 110
    # a longer filter finds the same taps about its centre, and zeros
    longer = LinearUpsampler(n_taps=n_taps + 10, alpha=0).fit([x], Y).coef_
    assert longer == pytest.approx(np.pad(coef, [(5, 5), (0, 0)]), abs=1e-6)


@pytest.mark.parametrize("n_taps", [3, 4, 65])
def test_predict_is_the_filter_of_coef(n_taps):
    X, Y = make_pairs(3)
    linear = LinearUpsampler(n_taps=n_taps).fit(X, Y)
    for x, y in zip(X, linear.predict(X), strict=True):
        expected = (contexts_of(x, n_taps) @ linear.coef_).ravel()
        assert np.abs(y - expected).max() < 2e-6 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("n_taps", [65, 64])
@pytest.mark.parametrize("n_timepoints", [1, 2, 31, 33])
def test_more_taps_than_timepoints(n_timepoints, n_taps):
    X, Y = make_pairs(2, lengths=[n_timepoints, n_timepoints + 3])
    A, B = design(X, Y, n_taps, 2)
    linear = LinearUpsampler(n_taps=n_taps, alpha=1e-2).fit(X, Y)
    alpha = 1e-2 * np.mean(np.sum(A**2, axis=0))
    expected = Ridge(alpha=alpha, fit_intercept=False, solver="svd").fit(A, B).coef_.T
    assert np.abs(linear.coef_ - expected).max() < 1e-8
    assert [len(y) for y in linear.predict(X)] == [2 * n_timepoints, 2 * n_timepoints + 6]


def test_silence_gives_silence():
    linear = LinearUpsampler().fit(np.zeros((2, 100)), np.zeros((2, 400)))
    assert not linear.coef_.any()
    assert not linear.predict(np.zeros((1, 50))).any()
    assert not LinearUpsampler().fit(np.zeros((1, 9)), noise(1, 18)).coef_.any()


def test_degenerate_signal_without_penalty():
    linear = LinearUpsampler(n_taps=9, alpha=0).fit(np.ones((1, 100)), np.ones((1, 200)))
    inside = linear.predict(np.ones((1, 50)))[0, 20:-20]
    assert inside == pytest.approx(np.ones(60), abs=1e-5)


# Data in parts


def test_channels_and_clips_are_summed():
    X, Y = noise(4, 90), noise(4, 360, seed=1)
    coef = LinearUpsampler(n_taps=17).fit(X, Y).coef_
    stereo = LinearUpsampler(n_taps=17).fit(X.reshape(2, 2, 90), Y.reshape(2, 2, 360)).coef_
    reordered = LinearUpsampler(n_taps=17).fit(list(X[::-1]), list(Y[::-1])).coef_
    assert stereo == pytest.approx(coef, abs=1e-10)
    assert reordered == pytest.approx(coef, abs=1e-10)


def test_more_of_the_same_changes_nothing():
    X, Y = make_pairs(2)
    once, thrice = (LinearUpsampler(n_taps=9).fit(n * X, n * Y).coef_ for n in (1, 3))
    assert thrice == pytest.approx(once, abs=1e-9)


def test_memory_does_not_grow_with_the_number_of_clips():
    class Recordings:
        def __init__(self, n_clips, n_timepoints):
            self.n_clips, self.n_timepoints = n_clips, n_timepoints

        def __len__(self):
            return self.n_clips

        def __getitem__(self, index):
            return noise(self.n_timepoints, seed=index)

    peaks = []
    for n_clips in (3, 30):
        tracemalloc.start()
        LinearUpsampler().fit(Recordings(n_clips, 10_000), Recordings(n_clips, 20_000))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.05 * peaks[0]


# As an estimator


@pytest.mark.parametrize("ratio", RATIOS)
def test_every_length_is_exact(ratio):
    linear = LinearUpsampler().fit(noise(1, 200), noise(1, 200 * ratio))
    clips = [noise(n) for n in range(1, 41)]
    assert [len(y) for y in linear.predict(clips)] == [ratio * n for n in range(1, 41)]
    assert linear.upsampling_ratio_ == ratio


def test_score_is_the_mean_snr():
    X, Y = make_pairs(2)
    linear = LinearUpsampler(n_taps=5).fit(X, Y)
    assert linear.score(X, Y) == pytest.approx(signal_to_noise_ratio(Y, linear.predict(X)))


def test_least_squares_beats_every_other_filter_on_its_data():
    X, Y = make_pairs(2)
    linear = LinearUpsampler(n_taps=33, alpha=0).fit(X, Y)
    least = sum(np.sum((y - p) ** 2) for y, p in zip(Y, linear.predict(X), strict=True))
    for seed in range(5):
        linear.coef_ = linear.coef_ + 1e-3 * noise(33, 2, seed=seed)
        other = sum(np.sum((y - p) ** 2) for y, p in zip(Y, linear.predict(X), strict=True))
        assert other > least


@pytest.mark.parametrize(("name", "value"), [("n_taps", 0), ("n_taps", 5.5), ("alpha", -1e-9)])
def test_parameters_are_checked(name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of LinearUpsampler must be"):
        LinearUpsampler(**{name: value}).fit(noise(1, 9), noise(1, 18))


# On speech of speakers that it did not hear
