"""Ctrl-C in a fit: what the caller sees, alone, in a search, in a pipeline and in a script."""

import contextlib
import warnings

import numpy as np
import pytest
import torch
from interruptions import dnn, stopped, watch_losses
from resolvers import make_pairs, small_resolver, weights
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_audiosr._training.objectives import rmse

pairs = pytest.fixture(scope="module")(make_pairs)
interruption = pytest.fixture(watch_losses)

IN_FIRST_FIT = 3 + 2  # a fit has three steps an epoch, and three epochs


@pytest.mark.parametrize("make", [small_resolver, dnn])
def test_ctrl_c_ends_a_search(pairs, interruption, make):
    search = GridSearchCV(make(), {"batch_size": [16, 8]}, cv=2, error_score=0.0, n_jobs=1)
    interruption.plan(IN_FIRST_FIT, KeyboardInterrupt)
    with stopped("after . complete epochs"):
        search.fit(list(pairs[0]), list(pairs[1]))
    assert interruption.n_calls == IN_FIRST_FIT
    assert not hasattr(search, "best_params_")


def test_ctrl_c_ends_a_cross_validation(pairs, interruption):
    interruption.plan(IN_FIRST_FIT, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        cross_validate(small_resolver(), list(pairs[0]), list(pairs[1]), cv=2)
    assert interruption.n_calls == IN_FIRST_FIT


def test_the_step_of_an_interrupted_pipeline_has_the_best_weights(pairs, interruption):
    pipeline = make_pipeline(FunctionTransformer(), small_resolver())
    expected = small_resolver(max_epochs=1).fit(*pairs)
    interruption.plan(IN_FIRST_FIT, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        pipeline.fit(*pairs)
    assert torch.equal(weights(pipeline[-1]), weights(expected))


def test_a_caller_may_go_on_with_what_was_trained(pairs, interruption):
    """As the user guide says, also where warnings are errors."""
    expected, est = small_resolver(max_epochs=1).fit(*pairs), small_resolver()
    interruption.plan(IN_FIRST_FIT, KeyboardInterrupt)
    with warnings.catch_warnings(), contextlib.suppress(KeyboardInterrupt):
        warnings.simplefilter("error")
        est.fit(*pairs)
    np.testing.assert_array_equal(est.predict(pairs[0]), expected.predict(pairs[0]))


def test_a_second_ctrl_c_leaves_the_last_fit(pairs, interruption, monkeypatch):
    """While the noise model is calibrated."""
    est = small_resolver(noise_model="gaussian", max_epochs=1).fit(*pairs)
    before = weights(est)

    def interrupt(prediction, target, mask):
        raise KeyboardInterrupt

    def press_again(*_):
        raise KeyboardInterrupt("again")

    monkeypatch.setattr(type(est.noise_model_), "log_prob", interrupt)
    monkeypatch.setattr(type(est.noise_model_), "calibrate", press_again)
    with pytest.raises(KeyboardInterrupt, match="again"):
        est.fit(*pairs)
    assert torch.equal(weights(est), before)


def test_an_error_that_comes_twice_has_one_note(pairs, interruption):
    error = KeyboardInterrupt()
    for _ in range(2):
        interruption.plan(IN_FIRST_FIT, error)
        with stopped("after . complete epochs"):
            small_resolver().fit(*pairs)


# What is not finite before any weight has changed


def log_density(value):
    """A density of the user's, which may be NaN."""
    return lambda target, outputs: -(target - outputs).square() * value


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_log_prob_that_is_not_finite_from_the_first_batch_is_an_error(pairs, value):
    est = small_resolver(noise_model=log_density(value))
    with pytest.raises(ValueError, match=r"log_prob .* must be finite .* got a loss of (nan|inf)"):
        est.fit(*pairs)
    assert not hasattr(est, "network_")


def test_so_is_an_objective_and_it_leaves_the_last_fit(pairs):
    est = small_resolver(max_epochs=1).fit(*pairs)
    before = weights(est)
    est.set_params(objective=lambda prediction, target, mask: rmse(prediction, target, mask) / 0)
    with pytest.raises(ValueError, match="objective .* must be finite .* got a loss of inf"):
        est.fit(*pairs)
    assert torch.equal(weights(est), before)


def test_so_is_a_gradient(pairs):
    """The square root's at zero, for example."""
    est = small_resolver(objective=lambda p, y, mask: ((p - p).abs().sqrt() * mask).mean())
    with pytest.raises(ValueError, match="must have a finite gradient for the first batch"):
        est.fit(*pairs)


def test_a_later_batch_is_divergence(pairs):
    calls = []

    def objective(prediction, target, mask):
        calls.append(len(calls))
        return rmse(prediction, target, mask) * (float("nan") if len(calls) == 2 else 1.0)

    with pytest.warns(ConvergenceWarning, match="Lower learning_rate"):
        est = small_resolver(objective=objective).fit(*pairs)
    assert est.n_iter_ == 0


# Levels


@pytest.mark.parametrize("level", [1e-30, 1e30])
def test_a_dense_network_learns_at_any_level(pairs, level):
    """The same as at another, but for rounding."""
    X, Y = (clips * np.float32(level) for clips in pairs)
    est, expected = dnn(max_epochs=1).fit(X, Y), dnn(max_epochs=1).fit(*pairs)
    for name, value in est.network_.named_buffers():
        torch.testing.assert_close(value, expected.network_.get_buffer(name), rtol=1e-2, atol=1e-2)
    assert np.isfinite(est.predict(X)).all()


@pytest.mark.parametrize("level", [1e-30, 1e-25])
@pytest.mark.parametrize("make", [dnn, small_resolver])
def test_sources_far_below_their_targets_are_named(pairs, level, make):
    est = make(max_epochs=1)
    with pytest.raises(ValueError, match="same level"):
        est.fit(pairs[0] * np.float32(level), pairs[1])
    assert not hasattr(est, "network_")
