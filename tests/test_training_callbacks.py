"""The user's functions after each epoch, scikit-learn's callbacks, and an Optuna pruner."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import sklearn.base
import torch
from resolvers import RATIO, make_pairs, small_resolver, weights
from sklearn.model_selection import GridSearchCV

from sklearn_audiosr import DNNBandwidthExtender, load
from sklearn_audiosr.metrics import snr_scorer
from sklearn_audiosr.networks import AudioUNet

has_sklearn_callbacks = hasattr(small_resolver(), "set_callbacks")
GUIDE = Path(__file__).parents[1] / "docs" / "user_guide"


@pytest.fixture(scope="module")
def pairs():
    return make_pairs()


class Recorder:
    """Keeps what it is called with, and asks to stop after some epochs."""

    def __init__(self, last=None):
        self.last, self.measured, self.estimators = last, [], []

    def __call__(self, estimator, measured):
        self.measured.append(measured)
        self.estimators.append(estimator)
        return measured["epoch"] == self.last


def test_a_callback_is_told_what_the_fit_then_keeps(pairs):
    recorder = Recorder()
    est = small_resolver(max_epochs=4, validation_fraction=0.34, callbacks=[recorder]).fit(*pairs)
    assert [m["epoch"] for m in recorder.measured] == [1, 2, 3, 4]
    assert [m["loss"] for m in recorder.measured] == est.loss_curve_
    assert [m["validation_score"] for m in recorder.measured] == est.validation_scores_
    assert recorder.measured[-1]["best_epoch"] == 1 + np.argmax(est.validation_scores_)
    assert all(m["max_epochs"] == 4 and m["seconds"] > 0 for m in recorder.measured)


def test_without_validation_there_is_no_score_and_the_last_epoch_is_the_best(pairs):
    recorder = Recorder()
    small_resolver(max_epochs=2, validation_fraction=0.0, callbacks=[recorder]).fit(*pairs)
    assert [(m["validation_score"], m["best_epoch"]) for m in recorder.measured] == [
        (None, 1),
        (None, 2),
    ]


@pytest.mark.parametrize("make", [small_resolver, lambda **p: DNNBandwidthExtender((8,), **p)])
def test_true_ends_the_fit_after_that_epoch(pairs, make):
    parameters = {"random_state": 0, "validation_fraction": 0.0, "patch_length": 1024}
    stopped = make(max_epochs=9, callbacks=[Recorder(last=3)], **parameters).fit(*pairs)
    complete = make(max_epochs=3, **parameters).fit(*pairs)
    assert stopped.loss_curve_ == complete.loss_curve_
    assert torch.equal(weights(stopped), weights(complete))


def test_all_callbacks_see_the_epoch_in_which_one_of_them_stops(pairs):
    first, second = Recorder(last=1), Recorder()
    small_resolver(max_epochs=5, callbacks=[first, second]).fit(*pairs)
    assert len(first.measured) == len(second.measured) == 1


def test_the_estimator_predicts_scores_and_is_saved_in_the_middle_of_its_fit(pairs, tmp_path):
    X, Y = pairs
    kept = []

    def look(estimator, measured):
        path = tmp_path / f"{measured['epoch']}.safetensors"
        estimator.save(path)
        kept.append((path, estimator.predict(X), estimator.score(X, Y), estimator.loss_curve_))

    est = small_resolver(max_epochs=3, validation_fraction=0.0, callbacks=[look]).fit(X, Y)
    for n_epochs, (path, prediction, score, losses) in enumerate(kept, start=1):
        alone = small_resolver(max_epochs=n_epochs, validation_fraction=0.0).fit(X, Y)
        np.testing.assert_array_equal(prediction, alone.predict(X))
        np.testing.assert_array_equal(load(path).predict(X), prediction)
        assert score == alone.score(X, Y)
        assert losses == alone.loss_curve_
    np.testing.assert_array_equal(kept[-1][1], est.predict(X))


def test_what_callbacks_draw_changes_no_weights(pairs):
    def draw(estimator, measured):
        torch.randn(7)
        estimator.predict(pairs[0])

    expected = small_resolver(max_epochs=3).fit(*pairs)
    est = small_resolver(max_epochs=3, callbacks=[draw]).fit(*pairs)
    assert torch.equal(weights(est), weights(expected))


@pytest.mark.parametrize("result", [1, "stop", np.ones(3), [True]])
def test_results_other_than_true_end_no_fit(pairs, result):
    est = small_resolver(max_epochs=2, callbacks=[lambda estimator, measured: result]).fit(*pairs)
    assert est.n_iter_ == 2


def test_an_error_in_a_callback_leaves_the_last_fit(pairs):
    def fail(estimator, measured):
        raise RuntimeError("pruned")

    est = small_resolver(max_epochs=2).fit(*pairs)
    before = est.predict(pairs[0])
    with pytest.raises(RuntimeError, match="pruned"):
        est.set_params(max_epochs=9, callbacks=[fail]).fit(*pairs)
    assert est.n_iter_ == 2
    np.testing.assert_array_equal(est.predict(pairs[0]), before)


def test_a_warm_start_counts_its_own_epochs_and_shows_all_losses(pairs):
    recorder = Recorder()
    est = small_resolver(max_epochs=2, warm_start=True).fit(*pairs)
    est.set_params(callbacks=[recorder]).fit(*pairs)
    assert [m["epoch"] for m in recorder.measured] == [1, 2]
    assert recorder.estimators[-1].loss_curve_ == est.loss_curve_
    assert len(est.loss_curve_) == 4


def test_a_callback_gets_the_network_as_at_rest_and_may_switch_dropout_off(pairs):
    def predict_by_hand(estimator, measured):
        assert not estimator.network_.training
        estimator.network_.eval()(torch.zeros(1, 1, 64))

    network = AudioUNet(n_blocks=2, width=1 / 16, dropout=0.5)
    plain = small_resolver(network=network, max_epochs=3).fit(*pairs)
    watched = small_resolver(network=network, max_epochs=3, callbacks=[predict_by_hand]).fit(*pairs)
    assert torch.equal(weights(watched), weights(plain))


@pytest.mark.parametrize("callbacks", [print, "print", [print, 3]])
def test_what_is_no_list_of_functions_is_refused(pairs, callbacks):
    with pytest.raises(TypeError, match=r"callbacks must be None or a list of functions"):
        small_resolver(callbacks=callbacks).fit(*pairs)


def test_a_file_of_the_model_has_no_callbacks(pairs, tmp_path):
    est = small_resolver(max_epochs=1, callbacks=[Recorder()]).fit(*pairs)
    est.save(tmp_path / "model")
    assert load(tmp_path / "model").callbacks is None


class TaskRecorder:
    """A callback by scikit-learn's protocol."""

    def __init__(self, last=None):
        self.last, self.calls = last, []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None):
        self.calls.append(f"begin {context.task_name} of {len(X)}")

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        prediction = fitted_estimator.predict(X)
        assert prediction.shape == (len(X), RATIO * X.shape[1])
        self.calls.append(f"end {context.task_name}")
        return context.task_name == "epoch" and context.task_id + 1 == self.last


@pytest.mark.skipif(not has_sklearn_callbacks, reason="needs scikit-learn 1.9")
class TestSklearnCallbacks:
    def test_an_epoch_is_a_task_of_the_fit(self, pairs):
        recorder = TaskRecorder()
        small_resolver(max_epochs=2).set_callbacks(recorder).fit(*pairs)
        n = len(pairs[0])
        epoch = [f"begin epoch of {n}", "end epoch"]
        assert recorder.calls == [
            "setup", f"begin fit of {n}", *epoch, *epoch, "end fit", "teardown",
        ]  # fmt: skip

    def test_true_ends_the_fit(self, pairs):
        est = small_resolver(max_epochs=9).set_callbacks(TaskRecorder(last=2)).fit(*pairs)
        assert est.n_iter_ == 2

    def test_a_fit_that_fails_is_torn_down(self, pairs):
        recorder = TaskRecorder()
        with pytest.raises(ValueError, match="must have"):
            small_resolver().set_callbacks(recorder).fit(pairs[0], pairs[1][:, :-1])
        assert recorder.calls[-1] == "teardown"

    def test_scikit_learns_monitor_scores_each_epoch(self, pairs):
        from sklearn.callback import ScoringMonitor

        monitor = ScoringMonitor(scoring=snr_scorer)
        est = small_resolver(max_epochs=2, validation_fraction=0).set_callbacks(monitor)
        est.fit(*pairs)
        scores = {row["task_id_path"]: row["score"] for row in monitor.get_logs().data}
        assert scores[0,] == scores[0, 1] == est.score(*pairs) > scores[0, 0]

    def test_clones_have_them_and_searches_hand_them_on(self, pairs):
        from sklearn.callback import ScoringMonitor

        est = small_resolver(max_epochs=2).set_callbacks(TaskRecorder())
        assert sklearn.base.clone(est)._skl_callbacks == est._skl_callbacks
        monitor = ScoringMonitor(scoring=lambda est, X, Y: est.score(X, Y))
        search = GridSearchCV(small_resolver(max_epochs=2), {"learning_rate": [1e-3, 1e-2]}, cv=2)
        search.set_callbacks(monitor).fit(*pairs)
        assert search.best_estimator_.n_iter_ == 2


def test_an_optuna_pruner_ends_hopeless_fits():
    pytest.importorskip("optuna")
    study = runpy.run_path(str(GUIDE / "prune_with_optuna.py"))["study"]
    states = [trial.state.name for trial in study.trials]
    assert "PRUNED" in states
    assert "COMPLETE" in states
    pruned = next(trial for trial in study.trials if trial.state.name == "PRUNED")
    assert len(pruned.intermediate_values) < 6
