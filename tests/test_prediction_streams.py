"""Streams: pieces joined equal the prediction, in time, at constant memory and work."""

import copy
import itertools
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
import torch
from lively import Halving, Lopsided, ModuleConfig, assert_same, lively_resolver
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_audiosr import DNNBandwidthExtender, LinearUpsampler, SplineUpsampler
from sklearn_audiosr._prediction import stream as stream_module
from sklearn_audiosr._prediction.network_stream import stream_opener
from sklearn_audiosr.networks import HarmonicNoiseNet, TFiLM
from sklearn_audiosr.networks._layers import Conv1d


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def make_dnn(phase):
    Y = noise(2, 4096).cumsum(axis=1)
    est = DNNBandwidthExtender((8,), phase=phase, frame_length=64, max_epochs=1, device="cpu")
    return est.fit(Y[:, ::4], Y)


MAKERS = {
    "spline": lambda: SplineUpsampler().fit(noise(1, 60), noise(1, 240)),
    "linear": lambda: LinearUpsampler(n_taps=9).fit(noise(1, 600), noise(1, 2400)),
    "code": lambda: lively_resolver(4),
    "paper": lambda: lively_resolver(4, layout="paper"),
    "tfilm": lambda: lively_resolver(4, TFiLM(n_blocks=2, width=1 / 32, block_length=32)),
    "harmonic": lambda: lively_resolver(
        4, HarmonicNoiseNet(2, n_slow_blocks=1, width=1 / 32, frame_length=64, n_taps=9)
    ),
    "halving": lambda: lively_resolver(4, ModuleConfig(Halving)),
    "lopsided": lambda: lively_resolver(4, ModuleConfig(Lopsided)),
    "dnn-predicted": lambda: make_dnn("predicted"),
    "dnn-imaged": lambda: make_dnn("imaged"),
}  # all of upsampling ratio 4
fitted = cache(lambda kind: MAKERS[kind]())
every_kind = pytest.mark.parametrize("kind", MAKERS)


def push_in_chunks(stream, x, sizes):
    """Push x in chunks of these sizes, over and over, and flush; check the latency on the way."""
    ratio, n_timepoints, outputs, n_out = stream.upsampling_ratio, x.shape[-1], [], 0
    sizes, start = itertools.cycle(sizes), 0
    while start < n_timepoints:
        stop = min(start + next(sizes), n_timepoints)
        outputs.append(stream.push(x[..., start:stop]))
        n_out += outputs[-1].shape[-1]
        assert ratio * stop - stream.latency_ <= n_out <= ratio * stop
        start = stop
    return np.concatenate([*outputs, stream.flush()], axis=-1)


OPTIONS = [
    {"layout": layout, "upsampling": upsampling, **options}
    for layout in ("code", "paper")
    for upsampling in ("subpixel", "transposed")
    for options in ({}, {"additive_residual": False}, {"skip_connections": False})
]
OPTIONS += [{"normalization": "batch"}, {"n_blocks": 4}, {"n_blocks": 1, "kernel_sizes": [3]}]
OPTIONS += [{"n_blocks": 2, "kernel_sizes": [3, 1]}]


@pytest.mark.parametrize("ratio", [2, 3, 4, 6])
@pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda options: "-".join(map(str, options.values()))
)
def test_stream_of_a_network_equals_predict(options, ratio):
    est, x = lively_resolver(ratio, **options), noise(2, 400)
    y = push_in_chunks(est.stream(2), x, [0, 7, 1, 0, 33, 160, 2, 64, 5])
    assert_same(y, est.predict([x])[0])


@every_kind
@pytest.mark.parametrize("n_timepoints", [1, 2, 3, 14, 15, 16, 31, 400])  # the spline sees 14
@pytest.mark.parametrize("sizes", [[1], [3, 0, 0, 13], [160], [400]], ids=str)
def test_clips_and_chunks_of_any_length(kind, n_timepoints, sizes):
    x = noise(n_timepoints)
    assert_same(push_in_chunks(fitted(kind).stream(), x, sizes), fitted(kind).predict([x])[0])


@every_kind
def test_a_huge_chunk_is_computed_in_pieces(kind):
    x = noise(2, stream_module._PIECE // 4 + 1001)
    stream, sizes = fitted(kind).stream(2), []
    push = stream._stage.push
    stream._stage.push = lambda x, last: sizes.append(x.size) or push(x, last)
    assert_same(push_in_chunks(stream, x, [x.shape[1]]), fitted(kind).predict([x])[0])
    assert 4 * max(sizes) == stream_module._PIECE


@pytest.mark.parametrize("n_taps", [1, 2, 3, 4, 9, 64, 65])
def test_linear_filters_of_even_and_odd_length(n_taps):
    est = LinearUpsampler(n_taps).fit(noise(1, 600), noise(1, 1800))
    assert est.latency_ == 3 * ((n_taps - 1) // 2)
    x = noise(2, 200)
    assert_same(push_in_chunks(est.stream(2), x, [1, 0, 50, 3]), est.predict([x])[0])


@pytest.mark.parametrize("ratio", [2, 3, 4, 6])
def test_latency_of_the_default_network(ratio):
    """It sees 712 timepoints ahead, fills a stride of 32, and the spline 14 knots before it."""
    est = lively_resolver(ratio, n_blocks=4, sampling_rate=48000)
    assert est.latency_ == est.stream().latency_ == 712 + 31 + 14 * ratio
    assert est.latency_seconds_ == est.stream().latency_seconds_ == (743 + 14 * ratio) / 48000
    est.set_params(sampling_rate=None)
    assert est.latency_seconds_ is est.stream().latency_seconds_ is None


@pytest.mark.parametrize("kind", ["spline", "linear", "halving", "lopsided"])
def test_latency_is_no_longer_than_it_needs_to_be(kind):
    stream, n_out, lags = fitted(kind).stream(), 0, []
    for n_in in range(1, 100):
        n_out += stream.push(noise(1)).size
        lags.append(4 * n_in - n_out)
    assert stream.latency_ - 2 < max(lags) <= stream.latency_  # 2: the stride of "halving"


@every_kind
def test_flush_ends_one_clip_and_begins_another(kind):
    est, stream = fitted(kind), fitted(kind).stream()
    assert stream.flush().shape == (0,)
    for seed in range(2):
        x = noise(100, seed=seed)
        assert_same(push_in_chunks(stream, x, [30, 1]), est.predict([x])[0])
        assert stream.flush().shape == (0,)


@every_kind
def test_output_has_the_dimensions_of_the_chunk(kind):
    for shape, n_channels in [((200,), 1), ((1, 200), 1), ((2, 200), 2)]:
        stream = fitted(kind).stream(n_channels)
        for chunk in (np.zeros(shape), np.zeros((*shape[:-1], 0)), np.zeros(shape).tolist()):
            y = stream.push(chunk)
            assert (y.shape[:-1], y.dtype) == (shape[:-1], np.float32)
        assert stream.flush().shape[:-1] == shape[:-1]


@every_kind
@pytest.mark.parametrize("n_timepoints", [1, 10, 50])
def test_callers_may_use_their_buffer_again(kind, n_timepoints):
    x, buffer = noise(200), np.empty(n_timepoints, np.float32)
    stream, outputs = fitted(kind).stream(), []
    for buffer[:] in x.reshape(-1, n_timepoints):
        outputs.append(stream.push(buffer))
    assert_same(np.concatenate([*outputs, stream.flush()]), fitted(kind).predict([x])[0])


@pytest.mark.parametrize("kind", ["spline", "code"])
def test_pcm_float64_and_big_endian_chunks(kind):
    pcm = (2000 * noise(2, 200)).astype(np.int16)
    expected = fitted(kind).predict([pcm / 2**15])[0]
    for x in (pcm, pcm.astype(">i2"), pcm.astype(np.int32) * 2**16, pcm / 2**15):
        assert_same(push_in_chunks(fitted(kind).stream(2), x, [70, 9]), expected)


@every_kind
def test_error_in_a_chunk_leaves_the_stream_as_it_was(kind):
    x, stream = noise(2, 100), fitted(kind).stream(2)
    bad = [
        (np.where(np.arange(100) == 3, np.nan, x), "be finite in float32, got NaN at timepoint 3"),
        (np.full((2, 9), 1e300), r"be finite in float32, got inf \(given: 1e\+300\)"),
        (x.T, r"have the shape \(2, n_timepoints\) of this stream, got \(100, 2\): .*chunk.T"),
        (x[0], r"have the shape .*, got \(100,\): .*sets the number of channels"),
        (x[None], r"have the shape .*, got \(1, 2, 100\)"),
        (np.zeros((2, 9), np.uint8), "not be unsigned 8-bit"),
        (x * 1j, "hold real numbers"),
    ]
    outputs = [stream.push(x[:, :37])]
    for chunk, message in bad:
        with pytest.raises(ValueError, match="chunk must " + message):
            stream.push(chunk)
    outputs += [stream.push(x[:, 37:]), stream.flush()]
    assert_same(np.concatenate(outputs, axis=1), fitted(kind).predict([x])[0])


def test_channels_of_a_mono_stream_are_named():
    with pytest.raises(ValueError, match=r"the shape \(1, n_timepoints\) or \(n_timepoints,\) of"):
        fitted("spline").stream().push(np.zeros((2, 10)))


@pytest.mark.parametrize("n_channels", [0, 65, -1, 1.5, 2.0, "2", None])
def test_illegal_numbers_of_channels(n_channels):
    with pytest.raises(ValueError, match=f"n_channels must be .* from 1 to 64, got {n_channels!r}"):
        fitted("spline").stream(n_channels)


@every_kind
def test_unfitted(kind):
    unfitted = clone(fitted(kind))
    with pytest.raises(NotFittedError):
        unfitted.stream()
    with pytest.raises(NotFittedError):
        unfitted.latency_  # noqa: B018


def test_phase_of_the_truth_cannot_stream():
    with pytest.raises(ValueError, match="stream needs a phase .* got phase='oracle': fit with"):
        make_dnn("oracle").stream()


@every_kind
def test_a_stream_keeps_the_fit_and_parameters_it_began_with(kind):
    est, x = pickle.loads(pickle.dumps(fitted(kind))), noise(100)
    expected, stream = est.predict([x])[0], est.stream()
    outputs = [stream.push(x[:50])]
    est.fit(noise(1, 300, seed=1), noise(1, 600, seed=2))
    if "precision" in est.get_params():
        est.set_params(precision="bfloat16", device="no such device")
    outputs += [stream.push(x[50:]), stream.flush()]
    assert est.upsampling_ratio_ == 2
    assert_same(np.concatenate(outputs), expected)
    assert_same(push_in_chunks(stream, x, [50]), expected)  # after flush too


@every_kind
def test_streams_and_predictions_do_not_disturb_each_other(kind):
    est, clips = fitted(kind), [noise(120), noise(120, seed=1)]
    expected = est.predict(clips)
    streams, outputs = [est.stream(), est.stream()], [[], []]
    for start in range(0, 120, 20):
        for stream, output, x in zip(streams, outputs, clips, strict=True):
            output.append(stream.push(x[start : start + 20]))
            est.predict([x[:50]])
    for stream, output, y in zip(streams, outputs, expected, strict=True):
        assert_same(np.concatenate([*output, stream.flush()]), y)


@every_kind
def test_streams_in_threads(kind):
    est, both_begin = fitted(kind), threading.Barrier(2, timeout=60)
    clips = [noise(2000, seed=seed) for seed in range(2)]

    def run(x):
        both_begin.wait()
        return push_in_chunks(est.stream(), x, [20])

    with ThreadPoolExecutor(2) as pool:
        for y, expected in zip(pool.map(run, clips), est.predict(clips), strict=True):
            assert_same(y, expected)


@every_kind
def test_streams_of_an_unpickled_estimator(kind):
    restored = pickle.loads(pickle.dumps(fitted(kind)))
    ours, theirs = (push_in_chunks(e.stream(), noise(200), [30]) for e in (fitted(kind), restored))
    np.testing.assert_array_equal(ours, theirs)


def count_held(stage):
    """Bytes that a stream keeps of its audio."""
    source = getattr(stage, "_source", stage)
    held = [source._knots]
    if stage is not source:
        pieces = stage._network._pieces
        held += [pieces._x] if hasattr(pieces, "_x") else pieces.runner._held.values()
    return sum(count_alive(x) for x in held)


def count_alive(x):
    """Bytes that a tensor or array keeps alive, of which it may be a small part."""
    if isinstance(x, torch.Tensor):
        return x.untyped_storage().nbytes()
    return (x if x.base is None else x.base).nbytes


@every_kind
def test_memory_of_a_stream_stays_the_same(kind):
    stream, held = fitted(kind).stream(), []
    for _ in range(200):
        stream.push(noise(16))  # 64 wideband timepoints: on all strides
        held.append(count_held(stream._stage))
    assert 0 < max(held[100:]) == max(held[50:100])


@pytest.mark.parametrize("kind", ["code", "paper", "tfilm"])
def test_work_of_a_network_is_that_of_the_new_timepoints(kind, monkeypatch):
    convolve, n_inputs = Conv1d.convolve, []
    monkeypatch.setattr(
        Conv1d, "convolve", lambda *a, **k: n_inputs.append(a[1].shape[-1]) or convolve(*a, **k)
    )
    stream, works = fitted(kind).stream(), []
    for _ in range(100):
        n_inputs.clear()
        stream.push(noise(16))
        works.append(sum(n_inputs))
    assert works[50:] == 50 * works[50:51]
    assert works[50] > 64


def test_work_of_a_network_without_state_is_a_context_more():
    stream, n_inputs = fitted("halving").stream(), []
    network = stream._stage._network.network
    with network.register_forward_pre_hook(lambda _, args: n_inputs.append(args[0].shape[-1])):
        for _ in range(100):
            stream.push(noise(16))
    assert max(n_inputs) <= 64 + network.look_back + network.look_ahead + 2 * network.stride


@pytest.mark.parametrize("copy_it", [pickle.dumps, copy.deepcopy, copy.copy])
def test_a_stream_is_not_copied(copy_it):
    with pytest.raises(TypeError, match="open a stream where it is needed"):
        copy_it(fitted("spline").stream())


def test_weights_that_change_in_place_change_a_stream():
    est, x = lively_resolver(kernel_sizes=[65, 33], width=1 / 2), noise(4000)
    stream = est.stream()
    push_in_chunks(stream, x, [2000])
    with torch.no_grad():
        for parameter in est.network_.parameters():
            parameter.mul_(0.9)
    assert_same(push_in_chunks(stream, x, [2000]), est.predict([x])[0])


def test_a_network_may_have_a_layer_named_stream():
    network = Halving()
    network.stream = torch.nn.Identity()
    x = noise(300)[None]
    y = stream_opener(network, torch.device("cpu"))().push(x, last=True)
    with torch.no_grad():
        assert_same(y[0], network(torch.from_numpy(x[:, None]))[:, 0].numpy())


@pytest.mark.parametrize("kind", ["spline", "code"])
def test_levels_beyond_all_floats_are_told_and_the_stream_begins_anew(kind):
    est, x = fitted(kind), noise(400)
    loud = x.copy()
    loud[200:202] = 3.4e38  # a spline overshoots between them
    stream = est.stream()
    with pytest.raises(ValueError, match=r"audio of a stream must have .* a peak of 3.4e\+38"):
        push_in_chunks(stream, loud, [400])
    assert_same(push_in_chunks(stream, x, [400]), est.predict([x])[0])
    with pytest.raises(ValueError, match=r"X\[1\] must have levels .* got a peak of 3.4e\+38"):
        est.predict([x, loud])
