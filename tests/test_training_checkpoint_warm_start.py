"""Checkpoints, warm starts and Ctrl-C: the interrupted estimator goes on with the same fit."""

import pickle

import pytest
import torch
from interruptions import (
    IN_EPOCH_3,
    assert_same_fit,
    complete_fit,
    dnn,
    interrupt,
    name_checkpoint,
    press_ctrl_c,
    resolver,
    save_after_every_epoch,
    stopped,
    watch_losses,
)
from resolvers import make_pairs, weights
from sklearn.base import clone

pairs = pytest.fixture(scope="module")(make_pairs)
saved = pytest.fixture(autouse=True)(save_after_every_epoch)
path = pytest.fixture(name_checkpoint)
interruption = pytest.fixture(watch_losses)


def test_warm_start_goes_on_too(pairs, path, interruption):
    first = resolver(warm_start=True, max_epochs=2, learning_rate=1e-4).fit(*pairs)
    stored = pickle.dumps(first)
    expected = pickle.loads(stored).fit(*pairs)
    assert expected.n_iter_ == 4
    est = pickle.loads(stored).set_params(checkpoint=path)
    interrupt(est, pairs, interruption, at_call=5)
    assert torch.equal(weights(est), weights(first))  # the failed fit left it as it was
    est = pickle.loads(stored).set_params(checkpoint=path).fit(*pairs)
    assert interruption.n_calls == 3
    assert_same_fit(est, expected)


def test_warm_start_of_other_weights_is_another_fit(pairs, path, interruption):
    first, other = (
        resolver(warm_start=True, max_epochs=2, learning_rate=rate).fit(*pairs)
        for rate in (1e-4, 2e-4)
    )
    interrupt(first.set_params(checkpoint=path), pairs, interruption, at_call=5)
    other.set_params(checkpoint=path, learning_rate=1e-4)
    with pytest.raises(ValueError, match=r"earlier epochs 2 \(weights \w+\), got 2 \(weights \w+"):
        other.fit(*pairs)
    other.set_params(warm_start=False)
    with pytest.raises(ValueError, match=r"by a fit with earlier epochs 2 \(.*\), got 0: name"):
        other.fit(*pairs)


def test_best_weights_may_be_those_of_a_kept_epoch(pairs, path, interruption):
    """Also those that a warm start began with, before the first epoch."""
    first = resolver(warm_start=True, max_epochs=8).fit(*pairs)
    first.set_params(learning_rate=0.3, max_epochs=3, checkpoint=path)
    stored = pickle.dumps(first)
    interrupt(first, pairs, interruption, at_call=8)
    est = pickle.loads(stored).fit(*pairs)
    assert interruption.n_calls == 3
    assert max(est.validation_scores_[8:]) < max(est.validation_scores_[:8])
    assert torch.equal(weights(est), weights(first))


def test_ctrl_c_leaves_the_file_and_an_estimator(pairs, path, interruption):
    expected = complete_fit()
    est = resolver(checkpoint=path)
    interruption.plan(IN_EPOCH_3, KeyboardInterrupt)
    with stopped("after 2 complete epochs.* goes on from the checkpoint"):
        est.fit(*pairs)
    assert est.loss_curve_ == expected.loss_curve_[:2]
    assert est.predict(pairs[0]).shape == pairs[1].shape
    assert path.is_file()
    interruption.plan(None)
    est.fit(*pairs)
    assert interruption.n_calls == 9
    assert_same_fit(est, expected)
    assert not path.exists()


def test_ctrl_c_without_a_checkpoint_names_the_other_way_on(pairs, interruption):
    interruption.plan(IN_EPOCH_3, KeyboardInterrupt)
    with stopped("Set warm_start=True and fit again to go on"):
        resolver().fit(*pairs)


@pytest.mark.parametrize("make", [resolver, dnn])
def test_interrupted_estimator_goes_on_with_its_first_fit(pairs, path, interruption, make):
    expected = make().fit(*pairs)
    est = make(warm_start=True, checkpoint=path)
    press_ctrl_c(est, pairs, interruption)
    assert est.n_iter_ == 2
    est.fit(*pairs)
    assert interruption.n_calls == 9
    assert_same_fit(est, expected)
    assert not path.exists()
    est.set_params(max_epochs=1).fit(*pairs)  # a warm start again
    assert est.loss_curve_[:5] == expected.loss_curve_
    assert est.n_iter_ == 6


def test_interrupted_estimator_goes_on_with_a_later_fit(pairs, path, interruption):
    """Interrupted twice, and pickled in between."""
    first = resolver(warm_start=True, max_epochs=3, learning_rate=1e-4).fit(*pairs)
    est = pickle.loads(pickle.dumps(first)).set_params(checkpoint=path)
    expected = first.fit(*pairs)
    press_ctrl_c(est, pairs, interruption, at_call=4)
    assert est.n_iter_ == 4
    press_ctrl_c(est, pairs, interruption, at_call=4)
    assert est.n_iter_ == 5
    est = pickle.loads(pickle.dumps(est)).fit(*pairs)
    assert interruption.n_calls == 3
    assert_same_fit(est, expected)


@pytest.mark.parametrize("warm_start", [False, True])
def test_a_clone_of_the_interrupted_estimator_goes_on(pairs, path, interruption, warm_start):
    """Whether it would go on from other weights makes no difference to one without any."""
    est = resolver(warm_start=True, checkpoint=path)
    press_ctrl_c(est, pairs, interruption)
    other = clone(est).set_params(warm_start=warm_start).fit(*pairs)
    assert interruption.n_calls == 9
    assert_same_fit(other, complete_fit())


@pytest.mark.parametrize("warm_start", [False, True])
def test_warm_start_may_be_switched_after_an_interruption(pairs, path, interruption, warm_start):
    est = resolver(warm_start=not warm_start, checkpoint=path)
    press_ctrl_c(est, pairs, interruption)
    assert_same_fit(est.set_params(warm_start=warm_start).fit(*pairs), complete_fit())


def test_without_its_file_the_interrupted_estimator_starts_from_its_weights(
    pairs, path, interruption
):
    est = resolver(warm_start=True, checkpoint=path)
    press_ctrl_c(est, pairs, interruption)
    stored = pickle.dumps(est.set_params(checkpoint=None))
    path.unlink()
    est.set_params(checkpoint=path)
    interrupt(est, pairs, interruption)  # a file of this later fit, of which est knows nothing
    assert est.n_iter_ == 2
    est.fit(*pairs)
    assert interruption.n_calls == 9
    expected = pickle.loads(stored).fit(*pairs)
    assert expected.n_iter_ == 7
    assert_same_fit(est, expected)


def test_complete_fit_does_not_go_on_with_the_first_fit_of_another(pairs, path, interruption):
    est = resolver(warm_start=True, checkpoint=path).fit(*pairs)
    interrupt(resolver(checkpoint=path), pairs, interruption)
    with pytest.raises(ValueError, match=r"earlier epochs 0, got 5 \(weights \w+\): name another"):
        est.fit(*pairs)


def test_failure_after_an_interruption_leaves_the_estimator_as_it_was(pairs, path, interruption):
    est = resolver(warm_start=True, checkpoint=path)
    press_ctrl_c(est, pairs, interruption)
    before = weights(est), list(est.loss_curve_), list(est.validation_scores_)
    interrupt(est, pairs, interruption, at_call=5)
    assert torch.equal(weights(est), before[0])
    assert (est.loss_curve_, est.validation_scores_) == before[1:]
    with pytest.raises(ValueError, match="by a fit with training clips"):
        est.fit(*(clips[:5] for clips in pairs))
    assert_same_fit(est.fit(*pairs), resolver().fit(*pairs))
    assert interruption.n_calls == 2 * 3 + 5 * 3
