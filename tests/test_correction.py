"""The correction of the lowband in closed form: the gains are those that were hidden."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import Decimator, trim_clips
from sklearn_audiosr.metrics import signal_to_noise_ratio
from sklearn_audiosr.networks import SpectralNet, _correction
from sklearn_audiosr.networks._correction import NormalEquations
from sklearn_audiosr.networks._spectral_module import SpectralNetwork


def test_hidden_gains_are_found():
    """Of two bins with gains linear in three features, over more frames than are summed at once."""
    generator = torch.Generator().manual_seed(0)
    gains = torch.randn(2, 4, 2, generator=generator)
    sums = NormalEquations(2, 3)
    for _ in range(60):
        features = torch.randn(3, 100, generator=generator)
        lowband = torch.randn(2, 100, dtype=torch.complex64, generator=generator)
        extended = torch.cat([features, torch.ones(1, 100)])
        gain = torch.view_as_complex(torch.einsum("ft,kfc->ktc", extended, gains).contiguous())
        sums.add(features, lowband, gain * lowband)
    torch.testing.assert_close(sums.solve().float(), gains, rtol=2e-2, atol=2e-2)


@pytest.fixture(scope="module")
def pairs():
    Y = trim_clips([clip[:16000] for clip in load_speech().clips[:8]], 4)
    return Decimator(4, filter="bessel").fit_transform(Y), Y


def make_resolver(**changes):
    training = {
        "max_epochs": 1,
        "patch_length": 2048,
        "learning_rate": 1e-3,
        "validation_fraction": 0.0,
        "random_state": 0,
        "device": "cpu",
    }
    network = SpectralNet(2, width=1 / 8, frame_length=256)
    return AudioSuperResolver(network, **{**training, **changes})


def show(est, X, Y):
    """Give pairs as the network sees them."""
    return [
        est._make_pair(x[None], y[None], est.upsampling_ratio_, est.scale_)
        for x, y in zip(X, Y, strict=True)
    ]


def test_noise_of_the_mean_falls_and_the_rest_stays(pairs):
    X, Y = pairs
    est = make_resolver().fit(X, Y)
    network = est.network_
    torch.nn.init.normal_(network.last.weight[: 2 * network.n_low], std=0.02)  # a poor correction
    before = {name: value.clone() for name, value in network.state_dict().items()}
    poor = est.predict(X, highband_gain=0)
    detail = est.predict(X)[0] - poor[0]
    network.settle(show(est, X, Y))
    settled = est.predict(X, highband_gain=0)
    assert signal_to_noise_ratio(Y, settled) > signal_to_noise_ratio(Y, poor) + 0.5
    np.testing.assert_allclose(est.predict(X)[0] - settled[0], detail, atol=1e-5)
    for name, value in network.state_dict().items():
        if not name.startswith("last."):
            torch.testing.assert_close(value, before[name], rtol=0, atol=0)
        else:
            torch.testing.assert_close(
                value[2 * network.n_low :], before[name][2 * network.n_low :]
            )
    assert not network._forward_hooks
    assert not network.last._forward_pre_hooks


@pytest.fixture()
def settled(monkeypatch):
    """What networks were settled on, in order: lists of pairs."""
    calls, settle = [], SpectralNetwork.settle

    def watch(network, pairs):
        calls.append(pairs)
        settle(network, pairs)

    monkeypatch.setattr(SpectralNetwork, "settle", watch)
    return calls


def test_fit_settles_on_what_it_trained_on(pairs, settled, monkeypatch):
    X, Y = pairs
    est = make_resolver(validation_fraction=0.25, max_epochs=2).fit(X, Y)
    (seen,) = settled
    assert len(seen) == 6
    monkeypatch.setattr(SpectralNetwork, "settle", lambda *args: None)
    plain = make_resolver(validation_fraction=0.25, max_epochs=2).fit(X, Y)
    snr, plain_snr = (signal_to_noise_ratio(Y, e.predict(X, highband_gain=0)) for e in (est, plain))
    assert snr > plain_snr + 0.02


def test_weights_that_no_epoch_betters_are_not_settled_again(pairs, settled):
    est = make_resolver(validation_fraction=0.25, warm_start=True).fit(*pairs)
    weights = est.network_.last.weight.clone()
    with pytest.warns(ConvergenceWarning, match="diverged"):
        est.set_params(learning_rate=1e3).fit(*pairs)
    assert len(settled) == 1
    torch.testing.assert_close(est.network_.last.weight, weights, rtol=0, atol=0)


def test_a_fit_that_breaks_off_while_it_settles_goes_on_from_its_checkpoint(
    pairs, monkeypatch, tmp_path
):
    def fit():
        return make_resolver(checkpoint=tmp_path / "fit", max_epochs=2).fit(*pairs)

    def fail(*args):
        raise RuntimeError("power cut")

    with monkeypatch.context() as context, pytest.raises(RuntimeError, match="power cut"):
        context.setattr(SpectralNetwork, "settle", fail)
        fit()
    resumed, expected = fit(), make_resolver(max_epochs=2).fit(*pairs)
    for name, weight in expected.network_.state_dict().items():
        torch.testing.assert_close(resumed.network_.state_dict()[name], weight, rtol=0, atol=0)
    assert not list(tmp_path.iterdir())


def test_an_interrupted_fit_is_not_settled(pairs, settled):
    def interrupt(prediction, target, mask):
        raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        make_resolver(objective=interrupt).fit(*pairs)
    assert settled == []


def test_who_will_not_wait_for_settling_has_the_trained_weights(pairs, monkeypatch, tmp_path):
    def interrupt(*args):
        raise KeyboardInterrupt

    training = {"checkpoint": tmp_path / "fit", "max_epochs": 2}
    with monkeypatch.context() as context, pytest.warns(UserWarning, match="interrupted after 2"):
        context.setattr(SpectralNetwork, "settle", interrupt)
        est = make_resolver(**training).fit(*pairs)
    assert est.n_iter_ == 2
    trained = est.network_.last.weight.clone()
    expected = make_resolver(max_epochs=2).fit(*pairs)
    est.fit(*pairs)  # goes on from the checkpoint, which is to settle
    torch.testing.assert_close(est.network_.last.weight, expected.network_.last.weight)
    assert not torch.allclose(est.network_.last.weight, trained)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("n_taken", "most"), [(8, 2**18), (4, 400), (1, 1)])
def test_of_many_waveforms_some_are_enough(monkeypatch, n_taken, most):
    monkeypatch.setattr(_correction, "_MAX_FRAMES", most)
    pairs = [(np.full((1, 6400), i), np.full((1, 6400), i)) for i in range(8)]
    taken = list(_correction._cut(pairs, step=64, stride=64))
    assert len(taken) == n_taken
    assert all(len(source) == len(target) == 6400 for source, target in taken)


def test_long_waveforms_are_cut_on_the_stride(monkeypatch):
    monkeypatch.setattr(_correction, "_N_FRAMES", 10)
    waveform = np.arange(10000.0)
    pieces = [target for _, target in _correction._cut([(waveform[None],) * 2], 64, 192)]
    np.testing.assert_array_equal(np.concatenate(pieces), waveform)
    assert {len(piece) for piece in pieces[:-1]} == {576}


def test_silence_and_few_frames_change_nothing_much():
    """Of silence nothing is learned, and of a moment next to nothing."""
    Y = [np.zeros(4000, dtype=np.float32), 0.1 * load_speech().clips[0][8000:8400]]
    X = Decimator(4).fit_transform(Y)
    est = make_resolver(patch_length=400, max_epochs=1).fit(X, Y)
    assert all(torch.isfinite(value).all() for value in est.network_.state_dict().values())
    assert np.isfinite(est.predict(X)[0]).all()
