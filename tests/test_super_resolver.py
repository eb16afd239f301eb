"""AudioSuperResolver: learning, validation, warm starts, seeds, interruption, devices, errors."""

import _thread
import pickle
import re
import threading
import warnings

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from sklearn_audiosr import (
    AudioSuperResolver,
    DNNBandwidthExtender,
    SplineUpsampler,
    _learned,
    _training,
)
from sklearn_audiosr._objectives import rmse
from sklearn_audiosr._patches import PatchSampler
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.networks import AudioUNet

RATIO = 4


def make_clips(n_clips=6, n_timepoints=4096, seed=0):
    """Noise shaped by a fixed filter: its highband can be partly told from its lowband."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_clips, n_timepoints)).cumsum(axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def pairs():
    Y = make_clips()
    return Decimator(RATIO).fit_transform(Y), Y


def small_resolver(**parameters):
    defaults = {
        "network": AudioUNet(n_blocks=2, width=1 / 16, dropout=0.0),
        "max_epochs": 3,
        "patch_length": 512,
        "learning_rate": 3e-3,
        "random_state": 0,
    }
    return AudioSuperResolver(**{**defaults, **parameters})


def weights(est):
    return torch.cat([p.detach().ravel() for p in est.network_.parameters()])


def test_training_beats_the_spline(pairs):
    est = small_resolver(max_epochs=20).fit(*pairs)
    Y = make_clips(seed=1)
    X = Decimator(RATIO).fit_transform(Y)
    assert est.score(X, Y) > SplineUpsampler().fit(X, Y).score(X, Y) + 0.5


def test_loss_falls_and_history_is_complete(pairs):
    est = small_resolver(max_epochs=10).fit(*pairs)
    assert est.n_iter_ == len(est.loss_curve_) == len(est.validation_scores_) == 10
    assert est.loss_curve_[-1] < 0.8 * est.loss_curve_[0]


def test_scale_is_the_root_mean_square_of_the_sources(pairs):
    X, Y = pairs
    est = small_resolver(max_epochs=1).fit(list(X), list(Y))
    assert est.scale_ == pytest.approx(np.sqrt(np.mean(X.astype(float) ** 2)))
    silent = small_resolver(max_epochs=1).fit(0 * X, 0 * Y)
    assert silent.scale_ == 1
    assert np.isfinite(silent.predict(X)).all()


@pytest.mark.parametrize("level", [1e-6, 1e6])
def test_level_of_the_data_does_not_matter(pairs, level):
    X, Y = pairs
    expected = small_resolver().fit(X, Y).predict(X)
    predicted = small_resolver().fit(level * X, level * Y).predict(level * X) / level
    np.testing.assert_allclose(predicted, expected, atol=1e-4 * np.abs(expected).max())


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


@pytest.mark.parametrize("objective", ["rmse", "mse", "paper_eq1"])
def test_objectives_train(pairs, objective):
    est = small_resolver(objective=objective, max_epochs=10).fit(*pairs)
    assert est.loss_curve_[-1] < est.loss_curve_[0]


def test_objective_may_be_a_function(pairs):
    def absolute_error(prediction, target, mask):
        return ((prediction - target).abs() * mask).sum() / mask.sum()

    est = small_resolver(objective=absolute_error, max_epochs=10).fit(*pairs)
    assert est.loss_curve_[-1] < est.loss_curve_[0]


def test_epoch_draws_as_many_patches_as_hold_all_timepoints(pairs, monkeypatch):
    drawn, draw = [], PatchSampler.draw

    def counting(self, n_patches, rng):
        drawn.append(n_patches)
        return draw(self, n_patches, rng)

    monkeypatch.setattr(PatchSampler, "draw", counting)
    small_resolver(max_epochs=1, validation_fraction=0, patch_length=1000).fit(*pairs)
    assert sum(drawn) == -(-pairs[1].size // 1000)
    assert drawn == [13, 12]  # at most 16, balanced


# --- validation -------------------------------------------------------------------------------


@pytest.fixture
def trained_on(monkeypatch):
    """Record the peak of each clip that training patches come from."""
    seen = []

    class Recorder(PatchSampler):
        def __init__(self, sources, targets, *args):
            seen.append([float(np.abs(t).max()) for t in targets])
            super().__init__(sources, targets, *args)

    monkeypatch.setattr(_learned, "PatchSampler", Recorder)
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


# --- warm start, interruption, divergence, speed ------------------------------------------------


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
    est = small_resolver(max_epochs=10**6)
    timer = threading.Timer(2.0, _thread.interrupt_main)
    timer.start()
    with pytest.warns(UserWarning, match="interrupted after .* complete epochs"):
        est.fit(*pairs)
    timer.join()
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
    with pytest.warns(UserWarning, match="interrupted after 3 complete epochs"):
        stopped = small_resolver(objective=interrupted_rmse, max_epochs=9).fit(*pairs)
    assert torch.equal(weights(stopped), weights(complete))


def test_interrupt_in_the_first_epoch_gives_a_usable_estimator(pairs):
    def interrupt(prediction, target, mask):
        raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted after 0 complete epochs"):
        est = small_resolver(objective=interrupt).fit(*pairs)
    assert est.loss_curve_ == []
    assert est.predict(pairs[0]).shape == pairs[1].shape


def test_divergence_warns_and_keeps_finite_weights(pairs):
    with pytest.warns(ConvergenceWarning, match="Lower learning_rate"):
        est = small_resolver(learning_rate=1e30, max_epochs=5).fit(*pairs)
    assert np.isfinite(est.predict(pairs[0])).all()


def test_slow_training_warns_with_two_ways_out(pairs, monkeypatch):
    monkeypatch.setattr(_training, "_PATIENCE_SECONDS", 0)
    with pytest.warns(UserWarning, match=r"One epoch takes about .* s .*AudioUNet\(width=.*cuda"):
        small_resolver(max_epochs=1).fit(*pairs)


@pytest.mark.parametrize(
    ("seconds_per_epoch", "max_epochs", "width", "warns"),
    [(17, 100, 1 / 8, False), (19, 100, 1 / 8, True), (0.1, 1, 1, True)],
)
def test_half_an_hour_or_a_full_width_network_warns(seconds_per_epoch, max_epochs, width, warns):
    with torch.device("meta"):
        network = AudioUNet(width=width).build()
    arguments = (network, seconds_per_epoch, max_epochs, torch.device("cpu"), "a smaller network")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _training._warn_if_slow(*arguments)
    assert bool(caught) == warns


def test_verbose_shows_epoch_loss_and_validation(pairs, capsys):
    small_resolver(verbose=1, max_epochs=2).fit(*pairs)
    shown = capsys.readouterr().err
    assert "2/2" in shown
    assert re.search(r"[012]/2 \[\d\d:\d\d<\d\d:\d\d", shown)  # time taken < time left
    assert "loss=" in shown
    assert "validation SNR (dB)=" in shown


# --- prediction, persistence, devices, errors ---------------------------------------------------


@pytest.mark.parametrize("layout", ["code", "paper"])
def test_batch_normalisation_and_dropout_are_off_at_predict(pairs, layout):
    network = AudioUNet(n_blocks=2, width=1 / 16, layout=layout, normalization="batch", dropout=0.5)
    est = small_resolver(network=network).fit(*pairs)
    np.testing.assert_array_equal(est.predict(pairs[0]), est.predict(pairs[0]))
    tolerance = 1e-5 * np.abs(pairs[1]).max()
    np.testing.assert_allclose(
        est.predict(pairs[0][:1])[0], est.predict(pairs[0])[0], atol=tolerance
    )


def test_network_rests_on_the_cpu_in_evaluation_mode(pairs):
    est = small_resolver().fit(*pairs)
    assert not est.network_.training
    assert {p.device.type for p in est.network_.parameters()} == {"cpu"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_trains_predicts_and_pickles_for_a_cpu(pairs):
    est = small_resolver(device="cuda", precision="float32", max_epochs=10).fit(*pairs)
    assert {p.device.type for p in est.network_.parameters()} == {"cpu"}
    on_gpu = est.predict(pairs[0])
    restored = pickle.loads(pickle.dumps(est)).set_params(device="cpu")
    tolerance = 1e-4 * np.abs(on_gpu).max()
    np.testing.assert_allclose(restored.predict(pairs[0]), on_gpu, atol=tolerance)
    half = est.set_params(precision="auto").predict(pairs[0])
    np.testing.assert_allclose(half, on_gpu, atol=0.02 * np.abs(on_gpu).max())


def test_bfloat16_trains(pairs):
    est = small_resolver(precision="bfloat16", max_epochs=10).fit(*pairs)
    assert est.loss_curve_[-1] < est.loss_curve_[0]
    assert est.predict(pairs[0]).dtype == np.float32


def test_unfitted(pairs):
    with pytest.raises(NotFittedError):
        small_resolver().predict(pairs[0])


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"device": "gpu"}, ValueError, 'device must be "auto", "cpu", "cuda"'),
        ({"network": 4}, TypeError, r"network must be a description with a method build\(\)"),
        ({"network": AudioUNet}, TypeError, "network must be a description"),
        ({"objective": "l1"}, ValueError, "'objective' parameter of AudioSuperResolver"),
        ({"patch_length": 0}, ValueError, "'patch_length' parameter"),
        ({"validation_fraction": 1.0}, ValueError, "'validation_fraction' parameter"),
    ],
)
def test_bad_parameters_are_named(pairs, parameters, error, message):
    with pytest.raises(error, match=message):
        small_resolver(**parameters).fit(*pairs)


@pytest.mark.skipif(torch.cuda.is_available(), reason="has CUDA")
def test_missing_cuda_is_an_error_with_the_remedy(pairs):
    with pytest.raises(ValueError, match=r'needs a PyTorch build .* pass device="auto"'):
        small_resolver(device="cuda").fit(*pairs)


def test_default_network_is_made_inside_fit():
    est = AudioSuperResolver()
    assert est.network is None
    with torch.device("meta"):
        assert sum(p.numel() for p in est._build_network(2).parameters()) == 56_411_394


def test_the_networks_input_is_the_cubic_spline(pairs):
    """With a last layer of zeros the network adds nothing."""
    est = small_resolver(max_epochs=1).fit(*pairs)
    torch.nn.init.zeros_(est.network_.last[0].weight)
    torch.nn.init.zeros_(est.network_.last[0].bias)
    spline = SplineUpsampler().fit(*pairs).predict(pairs[0])
    np.testing.assert_allclose(est.predict(pairs[0]), spline, atol=1e-5 * np.abs(spline).max())


def test_learned_estimators_share_one_family_of_arguments():
    defaults = {
        "patch_length": 8192, "batch_size": 16, "learning_rate": 1e-4, "max_epochs": 100,
        "validation_fraction": 0.1, "early_stopping": False, "warm_start": False,
        "device": "auto", "precision": "auto", "sampling_rate": None, "verbose": 0,
        "random_state": None,
    }  # fmt: skip
    for est in (AudioSuperResolver(), DNNBandwidthExtender()):
        parameters = est.get_params()
        assert {name: parameters[name] for name in defaults} == defaults
        assert "n_iter_no_change" in parameters
    assert AudioSuperResolver().objective == "rmse"


# --- what a review broke ------------------------------------------------------------------------


def test_warm_start_keeps_what_it_began_with_unless_an_epoch_is_better(pairs):
    est = small_resolver(max_epochs=20, validation_fraction=0.34, warm_start=True).fit(*pairs)
    best = max(est.validation_scores_)
    est.set_params(learning_rate=0.3, max_epochs=2).fit(*pairs)
    assert max(est.validation_scores_[-2:]) < best
    held_out = np.random.RandomState(0).permutation(6)[:2]
    assert est.score(pairs[0][held_out], pairs[1][held_out]) == pytest.approx(best, abs=1e-3)


def test_weights_that_are_not_finite_are_never_kept():
    """The gradient of this loss at 0 is NaN, though the loss is 0."""

    def root(prediction, target, mask):
        return torch.sqrt(((prediction - target) * mask).square().mean())

    silence = np.zeros((1, 512), dtype=np.float32)
    with pytest.warns(ConvergenceWarning, match="diverged in epoch 1"):
        est = small_resolver(objective=root, max_epochs=1).fit(silence[:, ::2], silence)
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


@pytest.mark.parametrize("built", [torch.nn.Conv1d(1, 1, 9, padding=4), 3])
def test_network_without_the_contract_is_named_before_training(pairs, built):
    class Description:
        def build(self):
            return built

    with pytest.raises(TypeError, match="must give a torch.nn.Module with the integers stride"):
        small_resolver(network=Description()).fit(*pairs)


def test_patch_length_below_the_ratio(pairs):
    with pytest.raises(ValueError, match="patch_length must be at least the upsampling ratio, 4"):
        small_resolver(patch_length=3).fit(*pairs)


def test_parameters_set_after_fit_are_checked_at_predict(pairs):
    est = small_resolver(max_epochs=1).fit(*pairs).set_params(precision="bf16")
    with pytest.raises(ValueError, match="'precision' parameter"):
        est.predict(pairs[0])
