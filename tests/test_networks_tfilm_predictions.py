"""Temporal modulation in use: a memory that chunks, streams and fits keep."""

import math
import pickle

import numpy as np
import pytest
import torch
from lively import Halving, ModuleConfig, assert_same, lively_resolver
from modulated import every_option, lively_estimator, lively_network, make_config, modulations
from resolvers import make_pairs, small_resolver, weights
from sklearn.base import clone
from test_prediction_streams import noise, push_in_chunks

from sklearn_audiosr._prediction import chunked
from sklearn_audiosr._prediction.chunked import predict_clips, predict_waveforms
from sklearn_audiosr.networks import TFiLM

CPU = torch.device("cpu")


# predictions


@every_option
def test_chunks_equal_the_whole(options, n_timepoints=1999):
    network, x = lively_network(n_outputs=2, **options), noise(3, 1, n_timepoints)
    whole, *chunked = (
        predict_waveforms(
            network, lambda start, stop: x[..., start:stop], (3, n_timepoints), CPU,
            chunk_length=length, n_outputs=2,
        )
        for length in (4096, 1000, 300)
    )  # fmt: skip
    with torch.no_grad():
        assert_same(whole, network(torch.from_numpy(x)).transpose(0, 1).numpy())
    for y in chunked:
        assert_same(y, whole)


def test_chunks_cost_no_context(monkeypatch):
    network, n_inputs, convolve = lively_network(), [], network_type().convolve
    monkeypatch.setattr(
        network_type(), "convolve",
        lambda *a, **k: n_inputs.append(a[1].shape[-1]) or convolve(*a, **k),
    )  # fmt: skip
    x, works = noise(1, 1, 2**14), []
    for length in (2**14, 2**11):
        n_inputs.clear()
        predict_waveforms(
            network, lambda start, stop: x[..., start:stop], (1, 2**14), CPU, chunk_length=length
        )
        works.append(sum(n_inputs))
    assert works[1] < 1.2 * works[0]


def network_type():
    return type(make_config().build().down[0][0])


@every_option
def test_clips_of_unequal_length_are_as_each_alone(options, monkeypatch):
    network, passes = lively_network(**options), []
    network.register_forward_pre_hook(lambda _, args: passes.append(args[1:]))
    sources = [noise(1 + i % 2, 1, n) for i, n in enumerate([300, 1, 31, 305, 900, 290, 33, 2300])]
    clips = [(lambda start, stop, x=x: x[..., start:stop], (len(x), x.shape[2])) for x in sources]
    alone = [next(predict_clips(network, [clip], CPU)) for clip in clips]
    passes.clear()
    monkeypatch.setitem(chunked.CHUNK_LENGTHS, "cpu", 2048)  # the longest comes in chunks
    for y, expected in zip(predict_clips(network, clips, CPU), alone, strict=True):
        assert_same(y, expected)
    assert any(lengths for lengths in passes)
    assert len(passes) < len(clips)


@every_option
def test_stream_equals_predict(options):
    est, x = lively_estimator(**options), noise(2, 300)
    expected = est.predict([x])[0]
    for sizes in ([0, 7, 1, 0, 33, 160, 2, 64, 5], [16], [300]):
        assert_same(push_in_chunks(est.stream(2), x, sizes), expected)


def test_stream_of_single_timepoints_equals_predict():
    est, x = lively_estimator(), noise(150)
    assert_same(push_in_chunks(est.stream(), x, [1]), est.predict([x])[0])


def test_stream_in_bfloat16_equals_predict_in_bfloat16():
    est, x = lively_estimator().set_params(precision="bfloat16"), noise(300)
    expected = est.predict([x])[0]
    y = push_in_chunks(est.stream(), x, [10])
    assert np.abs(y - expected).max() < 0.02 * np.abs(expected).max()


def test_memory_of_a_stream_stays_the_same():
    stream, held = lively_estimator().stream(), []
    runner = stream._stage._network._pieces.runner
    for _ in range(100):
        stream.push(noise(16))
        tensors = [*runner._held.values(), *(t for state in runner._states.values() for t in state)]
        held.append(sum(tensor.untyped_storage().nbytes() for tensor in tensors))
    assert 0 < max(held[50:]) == max(held[25:50])


def test_flush_forgets_the_clip():
    est, clips = lively_estimator(), [noise(200), noise(200, seed=1)]
    stream = est.stream()
    for x, expected in zip(clips, est.predict(clips), strict=True):
        assert_same(push_in_chunks(stream, x, [50]), expected)


# the estimator


def test_fit_is_reproducible_and_goes_on():
    X, Y = make_pairs()
    network = TFiLM(n_blocks=2, width=1 / 16, block_length=64)
    est, again = (small_resolver(network=network, max_epochs=8).fit(X, Y) for _ in range(2))
    assert torch.equal(weights(est), weights(again))
    assert est.loss_curve_[-1] < 0.8 * est.loss_curve_[0]
    restored = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(restored.predict(X), est.predict(X))
    est.set_params(warm_start=True, max_epochs=1).fit(X, Y)
    assert len(est.loss_curve_) == 9
    assert clone(est).set_params(network__block_length=32).network.block_length == 32


def test_training_moves_every_lstm():
    X, Y = make_pairs()
    network = make_config(dropout=0.0)
    torch.manual_seed(0)
    est = small_resolver(network=network, max_epochs=1, validation_fraction=0).fit(X, Y)
    for layer in modulations(est.network_):
        assert not torch.equal(layer.lstm.bias_hh_l0, torch.zeros_like(layer.lstm.bias_hh_l0))


@pytest.mark.parametrize("patch_length", [64, 127])
def test_patches_hold_two_stretches_at_least(patch_length):
    """Shorter ones have no whole stretch after their first, for which to remember anything."""
    X, Y = make_pairs()
    est = small_resolver(network=make_config(block_length=64), patch_length=patch_length)
    with pytest.raises(
        ValueError,
        match=rf"patch_length must be at least 128 for network=TFiLM\(.*\), got {patch_length}: ",
    ):
        est.fit(X, Y)


def test_two_stretches_are_enough_to_learn_from_the_one_before():
    X, Y = make_pairs()
    est = small_resolver(
        network=make_config(block_length=64), patch_length=128, max_epochs=1, validation_fraction=0
    )
    recurrent = [layer.lstm.weight_hh_l0 for layer in modulations(est.fit(X, Y).network_)]
    before = [weight.clone() for weight in recurrent]
    est.set_params(warm_start=True).fit(X, Y)
    after = [layer.lstm.weight_hh_l0 for layer in modulations(est.network_)]
    assert not any(torch.equal(a, b) for a, b in zip(after, before, strict=True))


@pytest.mark.parametrize(
    ("block_length", "message"),
    [(None, "'block_length' parameter of TFiLM"), (100, "power of two"), (True, "got True")],
)
def test_fit_names_a_wrong_block_length(block_length, message):
    with pytest.raises(ValueError, match=message):
        small_resolver(network=make_config(block_length=block_length)).fit(*make_pairs())


class Patient(ModuleConfig):
    """A config of the user's that wants longer patches."""

    least_patch_length = 1000


def test_any_config_may_want_longer_patches():
    X, Y = make_pairs()
    with pytest.raises(ValueError, match=r"patch_length must be at least 1000 for network=.*512"):
        small_resolver(network=Patient(Halving)).fit(X, Y)
    assert small_resolver(network=Patient(Halving), patch_length=1000).fit(X, Y).n_iter_ == 3


class Endless(Halving):
    """A network that says that it remembers, but does not stream."""

    look_back = math.inf


def test_a_network_that_remembers_must_stream():
    with pytest.raises(TypeError, match=r"\(or math.inf if it has stream\(\)\).*look_back"):
        lively_resolver(2, ModuleConfig(Endless))
