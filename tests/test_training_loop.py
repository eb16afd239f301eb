"""Training: seeds, validation, warm starts, interruption, divergence."""

import _thread
import re
import signal
import threading
import warnings

import joblib
import numpy as np
import pytest
import torch
from interruptions import stopped
from resolvers import RATIO, make_pairs, small_resolver, weights
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr._estimators import learned
from sklearn_audiosr._estimators.fitting import make_validation
from sklearn_audiosr._estimators.heads import WaveformHead
from sklearn_audiosr._estimators.network_input import NetworkInput
from sklearn_audiosr._training.objectives import rmse
from sklearn_audiosr._training.optimizers import make_optimizer
from sklearn_audiosr._training.patches import PatchSampler
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.networks import AudioUNet


@pytest.fixture(scope="module")
def pairs():
    return make_pairs()


def test_loss_falls_and_history_is_complete(pairs):
    est = small_resolver(max_epochs=10).fit(*pairs)
    assert est.n_iter_ == len(est.loss_curve_) == len(est.validation_scores_) == 10
    assert est.loss_curve_[-1] < 0.8 * est.loss_curve_[0]


def test_same_seed_same_weights_and_torch_generator_untouched(pairs):
    state = torch.get_rng_state()
    first, second = small_resolver().fit(*pairs), small_resolver().fit(*pairs)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(weights(first), weights(second))
    other = small_resolver(random_state=1).fit(*pairs)
    assert not torch.equal(weights(first), weights(other))


def test_seed_covers_dropout(pairs):
    network = AudioUNet(n_blocks=2, width=1 / 16, dropout=0.5)
    first, second = (small_resolver(network=network).fit(*pairs) for _ in range(2))
    assert torch.equal(weights(first), weights(second))


def test_epoch_draws_as_many_patches_as_hold_all_timepoints(pairs, monkeypatch):
    drawn, draw = [], PatchSampler.draw

    def counting(self, n_patches, rng):
        drawn.append(n_patches)
        return draw(self, n_patches, rng)

    monkeypatch.setattr(PatchSampler, "draw", counting)
    small_resolver(max_epochs=1, validation_fraction=0, patch_length=1000).fit(*pairs)
    assert sum(drawn) == -(-pairs[1].size // 1000)
    assert drawn == [13, 12]  # at most 16, balanced


def test_sources_are_upsampled_once_for_the_whole_fit(pairs, monkeypatch):
    upsampled, make_pair = [], NetworkInput.make_pair

    def counting(self, x, y):
        upsampled.append(x.shape)
        return make_pair(self, x, y)

    monkeypatch.setattr(NetworkInput, "make_pair", counting)
    est = small_resolver(max_epochs=3, validation_fraction=0.34).fit(*pairs)
    assert len(est.loss_curve_) == len(est.validation_scores_) == 3
    assert upsampled == 6 * [(1, 1024)]  # whole clips, the held-out ones too


@pytest.mark.parametrize(("dtype", "fused"), [(torch.float32, True), (torch.complex64, None)])
def test_adam_is_fused_where_no_parameter_is_complex(dtype, fused):
    network = torch.nn.ModuleList([torch.nn.Linear(1, 1), torch.nn.Linear(1, 1, dtype=dtype)])
    optimizer = make_optimizer("adam", network, 0.25, torch.device("cpu"))
    assert isinstance(optimizer, torch.optim.Adam)
    assert optimizer.defaults["fused"] is fused
    weight = network[1].weight
    before = weight.detach().clone()
    weight.real.sum().backward()
    optimizer.step()
    torch.testing.assert_close(weight.detach(), before - 0.25)  # Adam's first step is its rate


@pytest.fixture
def trained_on(monkeypatch):
    """Record the peak of each clip that training patches come from."""
    seen = []

    class Recorder(PatchSampler):
        def __init__(self, pairs, *args):
            super().__init__(pairs, *args)
            seen.append([float(np.abs(target).max()) for _, target in self.pairs()])

    monkeypatch.setattr(learned, "PatchSampler", Recorder)
    return seen


def test_validation_holds_out_whole_clips(pairs, trained_on):
    small_resolver(max_epochs=1, validation_fraction=0.34).fit(*pairs)
    assert len(trained_on[0]) == 4  # of 6


def test_validation_holds_out_whole_groups(pairs, trained_on):
    _, Y = pairs
    level = np.array([1, 2, 4, 1, 2, 4.0])[:, None]  # group's mark
    Y = level * Y / np.abs(Y).max(axis=1, keepdims=True)
    est = small_resolver(max_epochs=1, validation_fraction=0.1).fit(
        Decimator(RATIO).fit_transform(Y), Y, groups=["a", "b", "c", "a", "b", "c"]
    )
    levels = np.round(np.array(trained_on[0]) * est.scale_, 3)
    assert len(levels) == 4
    assert len(set(levels)) == 2


@pytest.mark.parametrize("parameters", [{}, {"groups": ["one"] * 6}])
def test_fewer_than_two_to_hold_out_train_on_all(pairs, parameters):
    X, Y = (pairs[0], pairs[1]) if parameters else (pairs[0][:1], pairs[1][:1])
    est = small_resolver(max_epochs=1).fit(X, Y, **parameters)
    assert est.validation_scores_ == []
    assert len(est.loss_curve_) == 1


def test_best_weights_are_kept(pairs):
    """A learning rate that destroys the network must not destroy the estimator."""
    X, Y = pairs
    est = small_resolver(learning_rate=0.3, max_epochs=6, validation_fraction=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        est.fit(X, Y)
    held_out = np.random.RandomState(0).permutation(6)[:3]
    assert est.score(X[held_out], Y[held_out]) == pytest.approx(
        max(est.validation_scores_), abs=1e-3
    )


def test_early_stopping(pairs):
    est = small_resolver(
        learning_rate=0.3, max_epochs=200, early_stopping=True, n_iter_no_change=2
    ).fit(*pairs)
    assert est.n_iter_ < 100
    best = int(np.argmax(est.validation_scores_))
    assert est.n_iter_ == best + 1 + 2


def test_early_stopping_needs_validation(pairs):
    with pytest.raises(ValueError, match=r"early_stopping=True needs .* at least 2 clips"):
        small_resolver(early_stopping=True).fit(pairs[0][:1], pairs[1][:1])


def test_warm_start_goes_on(pairs):
    est = small_resolver(warm_start=True, max_epochs=3).fit(*pairs)
    scale, first = est.scale_, weights(est).clone()
    X, Y = 2 * pairs[0], 2 * pairs[1]
    est.set_params(max_epochs=2, learning_rate=1e-4).fit(X, Y)
    assert est.n_iter_ == len(est.loss_curve_) == 5
    assert est.scale_ == scale
    assert 0 < (weights(est) - first).abs().max() < 0.01
    cold = clone(est).set_params(warm_start=False).fit(X, Y)
    assert cold.n_iter_ == 2


def test_warm_start_wants_the_same_ratio(pairs):
    est = small_resolver(warm_start=True, max_epochs=1).fit(*pairs)
    with pytest.raises(ValueError, match=r"warm_start=True needs pairs of the ratio .* got 2"):
        est.fit(pairs[1][:, ::2], pairs[1])


def test_warm_start_wants_the_same_network(pairs):
    est = small_resolver(warm_start=True, max_epochs=1).fit(*pairs)
    est.set_params(network__n_blocks=1)
    with pytest.raises(ValueError, match="warm_start=True needs the network of the first fit"):
        est.fit(*pairs)


def test_failed_refit_leaves_the_last_fit_as_it_was(pairs):
    def fail(prediction, target, mask):
        raise RuntimeError("no loss today")

    X, Y = pairs
    est = small_resolver(max_epochs=1).fit(X, Y)
    expected = est.predict(X)
    with pytest.raises(RuntimeError, match="no loss today"):
        est.set_params(objective=fail, warm_start=False).fit(Y[:, ::2], 3 * Y)
    assert est.upsampling_ratio_ == RATIO
    np.testing.assert_array_equal(est.predict(X), expected)


@pytest.mark.filterwarnings("ignore:One epoch takes")
def test_interrupt_keeps_the_best_weights(pairs):
    timer = threading.Timer(0.3, _thread.interrupt_main)
    n_steps = 0

    def objective(prediction, target, mask):
        nonlocal n_steps
        n_steps += 1
        if n_steps == 10:  # some epochs later, whatever the machine is busy with
            timer.start()
        return rmse(prediction, target, mask)

    est = small_resolver(objective=objective, max_epochs=10**6)
    # a shell that runs the tests in the background has them ignore Ctrl-C
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with stopped("after .* complete epochs"):
            est.fit(*pairs)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, handler)
    assert 0 < est.n_iter_ < 10**6
    assert est.predict(pairs[0]).shape == pairs[1].shape


def test_interrupt_leaves_the_weights_of_the_best_epoch(pairs):
    """Interrupted in epoch 4: the same weights as training that ends with epoch 3."""
    n_steps = 0

    def interrupted_rmse(prediction, target, mask):
        nonlocal n_steps
        n_steps += 1
        if n_steps == 3 * steps_per_epoch + 2:
            raise KeyboardInterrupt
        return rmse(prediction, target, mask)

    complete = small_resolver(objective=rmse, max_epochs=3).fit(*pairs)
    steps_per_epoch = 3  # 5 clips of 4096, patches of 512, 16 a step
    est = small_resolver(objective=interrupted_rmse, max_epochs=9)
    with stopped("after 3 complete epochs"):
        est.fit(*pairs)
    assert torch.equal(weights(est), weights(complete))


def test_interrupt_in_the_first_epoch_gives_a_usable_estimator(pairs):
    def interrupt(prediction, target, mask):
        raise KeyboardInterrupt

    est = small_resolver(objective=interrupt)
    with stopped("after 0 complete epochs"):
        est.fit(*pairs)
    assert est.loss_curve_ == []
    assert est.predict(pairs[0]).shape == pairs[1].shape


def test_divergence_warns_and_keeps_finite_weights(pairs):
    with pytest.warns(ConvergenceWarning, match="Lower learning_rate"):
        est = small_resolver(learning_rate=1e30, max_epochs=5).fit(*pairs)
    assert np.isfinite(est.predict(pairs[0])).all()


def test_predictions_that_are_not_finite_are_divergence(pairs, monkeypatch):
    """Finite weights may be so large that what they give is not."""
    scores = iter([1.0, np.nan, 2.0])
    monkeypatch.setattr(
        AudioSuperResolver, "_make_validation", lambda self, *args: lambda: next(scores)
    )
    with pytest.warns(ConvergenceWarning, match=r"epoch 2 \(predictions are not finite\)"):
        est = small_resolver(max_epochs=3).fit(*pairs)
    assert est.validation_scores_ == [1.0]
    assert len(est.loss_curve_) == 1


def test_validation_of_predictions_that_are_not_finite_is_no_number(pairs):
    est = small_resolver(max_epochs=1, validation_fraction=0.2).fit(*pairs)
    source = NetworkInput("cubic", RATIO, est.scale_)
    held_out = [source.make_pair(x[None], y[None]) for x, y in zip(*pairs, strict=True)]
    cpu = torch.device("cpu")
    validate = make_validation(WaveformHead(), est.network_, held_out, cpu, "float32")
    assert np.isfinite(validate())
    torch.nn.init.constant_(next(est.network_.parameters()), 1e38)
    assert np.isnan(validate())


def test_verbose_shows_epoch_loss_and_validation(pairs, capsys):
    small_resolver(verbose=1, max_epochs=2).fit(*pairs)
    shown = capsys.readouterr().err
    assert "2/2" in shown
    assert re.search(r"[012]/2 \[\d\d:\d\d<\d\d:\d\d", shown)  # time taken < time left
    assert "loss=" in shown
    assert "validation SNR (dB)=" in shown


def test_warm_start_keeps_what_it_began_with_unless_an_epoch_is_better(pairs):
    est = small_resolver(max_epochs=20, validation_fraction=0.34, warm_start=True).fit(*pairs)
    best = max(est.validation_scores_)
    est.set_params(learning_rate=0.3, max_epochs=2).fit(*pairs)
    assert max(est.validation_scores_[-2:]) < best
    held_out = np.random.RandomState(0).permutation(6)[:2]
    assert est.score(pairs[0][held_out], pairs[1][held_out]) == pytest.approx(best, abs=1e-3)


def test_weights_that_are_not_finite_are_never_kept():
    """The gradient of the second loss at 0 is NaN, though the loss is 0."""
    steps = []

    def root(prediction, target, mask):
        steps.append(len(steps))
        mean = ((prediction - target) * mask).square().mean()
        return torch.sqrt(mean + (len(steps) == 1))

    silence = np.zeros((1, 512), dtype=np.float32)
    with pytest.warns(ConvergenceWarning, match="diverged in epoch 2"):
        est = small_resolver(objective=root, max_epochs=2).fit(silence[:, ::2], silence)
    assert np.isfinite(est.predict(silence)).all()


def test_fits_in_threads_take_turns(pairs):
    state = torch.get_rng_state()
    alone = weights(small_resolver().fit(*pairs))
    together = joblib.Parallel(3, backend="threading")(
        joblib.delayed(small_resolver().fit)(*pairs) for _ in range(3)
    )
    assert all(torch.equal(weights(est), alone) for est in together)
    assert torch.equal(torch.get_rng_state(), state)


def test_fit_inside_no_grad_and_with_another_default_type(pairs):
    expected = weights(small_resolver().fit(*pairs))
    with torch.no_grad():
        assert torch.equal(weights(small_resolver().fit(*pairs)), expected)
    torch.set_default_dtype(torch.float64)
    try:
        est = small_resolver().fit(*pairs)
    finally:
        torch.set_default_dtype(torch.float32)
    assert weights(est).dtype == torch.float32


@pytest.mark.parametrize(
    ("objective", "got"),
    [
        (lambda y, t, m: (y - t).square().mean(dim=2), "a tensor of shape (14, 1)"),
        (lambda y, t, m: (y - t).detach().mean(), "requires_grad=False"),
        (lambda y, t, m: (y - t).mean().item(), "float"),
        (lambda y, t, m: torch.fft.fft(y - t).mean(), "a complex one, torch.complex64: return the"),
    ],
)
def test_an_objective_gives_one_value_that_can_be_differentiated(pairs, objective, got):
    with pytest.raises(ValueError, match=f"objective must return a tensor.*{re.escape(got)}"):
        small_resolver(objective=objective).fit(*pairs)


def test_a_fit_keeps_no_gradients(pairs):
    est = small_resolver().fit(*pairs)
    assert all(parameter.grad is None for parameter in est.network_.parameters())


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_fit_inside_the_caller_s_inference_mode(pairs, mode):
    expected = small_resolver().fit(*pairs)
    with mode():
        est = small_resolver(warm_start=True).fit(*pairs)
        assert torch.equal(weights(est), weights(expected))
        est.fit(*pairs)
    assert len(est.loss_curve_) == 6
