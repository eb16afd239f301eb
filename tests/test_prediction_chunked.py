"""Chunked prediction equals whole prediction, at bounded memory."""

import subprocess
import sys
import textwrap
import weakref
from types import SimpleNamespace

import containers
import numpy as np
import pytest
import threadpoolctl
import torch
from lively import Halving, ModuleConfig, lively_resolver
from torch import nn

from sklearn_audiosr import AudioSuperResolver, DNNBandwidthExtender
from sklearn_audiosr._prediction import chunked
from sklearn_audiosr._prediction.chunked import _plan_batches, predict_waveforms
from sklearn_audiosr._signal.interpolation import upsample_cubic
from sklearn_audiosr._torch import Workspace
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.networks import AudioUNet

CPU = torch.device("cpu")


def make_lively(network):
    """Set weights of an untrained network as after training: the last layer counts."""
    torch.manual_seed(1)
    nn.init.normal_(network.last[0].weight if hasattr(network.last, "__len__")
                    else network.last.weight, std=0.3)  # fmt: skip
    return network.eval()


def random_walk(n_clips, n_timepoints, seed=0):
    return np.random.default_rng(seed).standard_normal((n_clips, n_timepoints)).cumsum(axis=1)


def relative_difference(a, b):
    return np.abs(a - b).max() / np.abs(a).max()


@pytest.mark.parametrize("layout", ["code", "paper"])
@pytest.mark.parametrize("upsampling", ["subpixel", "transposed"])
@pytest.mark.parametrize("n_timepoints", [5000, 8192, 9999])
def test_chunks_of_a_network_equal_the_whole(layout, upsampling, n_timepoints):
    network = make_lively(AudioUNet(layout=layout, upsampling=upsampling, width=1 / 32).build())
    x = np.random.default_rng(0).standard_normal((2, 1, n_timepoints)).astype(np.float32)

    def read(start, stop):
        return x[..., start:stop]

    whole = predict_waveforms(network, read, (2, n_timepoints), CPU, chunk_length=10**6)
    chunked = predict_waveforms(network, read, (2, n_timepoints), CPU, chunk_length=1000)
    with torch.no_grad():
        direct = network(torch.from_numpy(x))[:, 0].numpy()
    assert relative_difference(direct, whole) < 1e-6
    assert relative_difference(whole, chunked) < 1e-5


@pytest.fixture(
    scope="module", params=[(r, layout) for r in (2, 3, 6) for layout in ("code", "paper")]
)
def trained(request):
    """An estimator with the default kernel sizes after training, and a long narrowband clip."""
    ratio, layout = request.param
    Y = random_walk(2, 12_000)
    est = AudioSuperResolver(
        AudioUNet(layout=layout, width=1 / 32),
        max_epochs=6, learning_rate=3e-3, patch_length=2048, batch_size=4, random_state=0,
    )  # fmt: skip
    est.fit(Decimator(ratio).fit_transform(Y), Y)
    return est, Decimator(ratio).fit_transform(random_walk(1, 20_000 * 6 // 5, seed=1))


def test_trained_prediction_is_the_same_over_several_chunk_edges(trained, monkeypatch):
    est, X = trained
    monkeypatch.setitem(chunked.CHUNK_LENGTHS, "cpu", 10**7)
    whole = est.predict(X)
    monkeypatch.setitem(chunked.CHUNK_LENGTHS, "cpu", 4096)
    assert relative_difference(whole, est.predict(X)) < 1e-5
    monkeypatch.setitem(chunked.CHUNK_LENGTHS, "cpu", 1000)
    assert relative_difference(whole, est.predict(X)) < 1e-5


def test_training_moved_the_last_layer(trained):
    """The tiny last layer of an untrained network would hide seams."""
    est, X = trained
    source = upsample_cubic(np.atleast_2d(X) / est.scale_, est.upsampling_ratio_)
    added = est.predict(X) / est.scale_ - source
    assert np.abs(added).max() > 1e-2


def test_chunks_of_the_dense_network_equal_the_whole(monkeypatch):
    Y = random_walk(2, 16_384)
    X = Decimator(4).fit_transform(Y)
    est = DNNBandwidthExtender((16,), max_epochs=2, random_state=0).fit(X, Y)
    whole = est.predict(X)
    monkeypatch.setitem(chunked.CHUNK_LENGTHS, "cpu", 3000)
    assert relative_difference(whole, est.predict(X)) < 1e-5


def test_zero_delay():
    """An impulse comes out at its own instant."""
    Y = random_walk(2, 4096)
    est = AudioSuperResolver(AudioUNet(width=1 / 32), max_epochs=1, patch_length=512)
    est.fit(Y[:, ::4], Y)
    X = np.zeros((1, 1000))
    X[0, 600] = 1
    assert np.argmax(np.abs(est.predict(X)[0])) == 2400


PEAK_MEMORY = """
    import resource, sys
    import numpy as np
    import torch
    from sklearn_audiosr import AudioSuperResolver
    from sklearn_audiosr.networks import AudioUNet

    torch.set_num_threads(1)

    def peak():  # MB; macOS counts bytes, Linux kilobytes
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit

    Y = np.random.default_rng(0).standard_normal((2, 8192)).astype(np.float32)
    est = AudioSuperResolver(AudioUNet(n_blocks=2, width=1 / 32), max_epochs=1).fit(Y[:, ::4], Y)
    X = np.zeros((1, {narrowband}), dtype=np.float32)
    before = peak()
    output = est.predict(X)
    print(peak() - before - output.nbytes / 2**20)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource module")
def test_memory_beyond_the_output_does_not_grow_with_length():
    """Ten minutes at 16 kHz: the working memory is that of a chunk."""
    script = textwrap.dedent(PEAK_MEMORY.format(narrowband=600 * 4000))
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert float(result.stdout) < 150


def uneven_clips(lengths):
    """Clips of 1, 2, 3, 1, ... channels; those of one are vectors."""
    rng = np.random.default_rng(0)
    clips = [rng.standard_normal((1 + i % 3, n)) for i, n in enumerate(lengths)]
    return [clip[0] if len(clip) == 1 else clip for clip in clips]


@pytest.fixture
def passes():
    """Collect (timepoints of the batch, timepoints of each of its rows) of each pass."""
    collected = []

    def collect(module, args):
        if hasattr(module, "look_ahead"):
            n_rows, _, n_timepoints = args[0].shape
            lengths = args[1] if len(args) > 1 else n_rows * [n_timepoints]
            collected.append((n_timepoints, lengths))

    with nn.modules.module.register_module_forward_pre_hook(collect):
        yield collected


UNEVEN = [300, 1, 31, 305, 2600, 310, 1, 33, 290, 7, 2500, 32, 5000]


@pytest.mark.parametrize("normalization", ["batch", "none"])
@pytest.mark.parametrize("layout", ["code", "paper"])
@pytest.mark.parametrize("upsampling", ["subpixel", "transposed"])
def test_clips_of_unequal_length_are_as_each_alone(layout, upsampling, normalization, passes):
    est = lively_resolver(3, layout=layout, upsampling=upsampling, normalization=normalization)
    passes.clear()
    X = uneven_clips(UNEVEN)
    Y = est.predict(X)
    assert len(passes) < len(X)
    assert any(len(set(lengths)) > 1 for _, lengths in passes)
    assert [y.shape for y in Y] == [(*x.shape[:-1], 3 * x.shape[-1]) for x in X]
    for x, y in zip(X, Y, strict=True):
        assert relative_difference(est.predict([x])[0], y) < 1e-5


@pytest.mark.parametrize("kind", [list, tuple, "object array"])
def test_unequal_clips_keep_their_container(kind):
    est, X = lively_resolver(2), uneven_clips(UNEVEN)
    expected = est.predict(X)
    if kind == "object array":
        kind, container = np.ndarray, np.empty(len(X), dtype=object)
        container[:] = X
    else:
        container = kind(X)
    Y = est.predict(container)
    assert isinstance(Y, kind)
    for y, y_list in zip(Y, expected, strict=True):
        np.testing.assert_array_equal(y, y_list)


def test_like_lengths_share_passes_with_little_padding(passes):
    est = lively_resolver(2)
    passes.clear()
    lengths = np.random.default_rng(0).integers(100, 3000, size=200)
    est.predict([np.ones((2, n)) for n in lengths])
    assert sorted(n for _, rows in passes for n in rows) == sorted(np.repeat(2 * lengths, 2))
    assert len(passes) < 70
    for n_timepoints, rows in passes:
        assert n_timepoints == max(rows)
        stride = est.network_.stride  # a clip alone is padded to it too
        assert min(rows) + stride > 0.9 * n_timepoints
        assert len(rows) * n_timepoints <= chunked.CHUNK_LENGTHS["cpu"]


def test_clips_of_one_length_share_a_pass_in_order(passes):
    est = lively_resolver(2)
    passes.clear()
    est.predict(np.ones((20, 2, 500)))
    assert passes == [(1000, 40 * [1000])]
    assert _plan_batches(10 * [(1, 400)], 1000) == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]


@pytest.mark.parametrize("network", [ModuleConfig(Halving), None])
def test_networks_that_take_no_lengths_have_each_clip_alone(network, passes):
    if network is not None:
        est = lively_resolver(4, network)
    else:
        Y = random_walk(2, 4096)
        est = DNNBandwidthExtender((8,), max_epochs=1, random_state=0).fit(Y[:, ::4], Y)
    passes.clear()
    X = uneven_clips([500, 510, 500, 500])
    Y = est.predict(X)
    assert passes == [(2000, [2000]), (2040, 2 * [2040]), (2000, 3 * [2000]), (2000, [2000])]
    for x, y in zip(X, Y, strict=True):
        np.testing.assert_array_equal(est.predict([x])[0], y)


class Lazy:
    """Clips that are made when asked for; notes what is finished and alive by then."""

    def __init__(self, n_clips, passes):
        self.n_clips, self.passes = n_clips, passes
        self.read, self.n_passes, self.clips = [], [], []

    def __len__(self):
        return self.n_clips

    def __getitem__(self, index):
        # the loop may still name the clip before, none earlier
        assert not any(clip() is not None for clip in self.clips[:-1])
        clip = np.ones(200 + index, dtype=np.float32)
        self.read.append(index)
        self.n_passes.append(len(self.passes))
        self.clips.append(weakref.ref(clip))
        return clip


def test_lazy_sequence_is_read_once_and_clip_by_clip(passes):
    est = lively_resolver(2)
    passes.clear()
    X = Lazy(6, passes)
    assert [len(y) for y in est.predict(X)] == [2 * (200 + i) for i in range(6)]
    assert X.read == [0, 1, 2, 3, 4, 5]
    assert X.n_passes == [0, 1, 2, 3, 4, 5]  # each prediction was finished before the next clip


@pytest.fixture
def n_threads_inside(monkeypatch):
    """Collect the numbers of threads of all pools in the passes of `Halving`."""
    collected, forward = set(), Halving.forward

    def forward_and_collect(self, x):
        collected.update([torch.get_num_threads()])
        collected.update(pool["num_threads"] for pool in threadpoolctl.threadpool_info())
        return forward(self, x)

    monkeypatch.setattr(Halving, "forward", forward_and_collect)
    n_before = torch.get_num_threads()
    yield collected
    torch.set_num_threads(n_before)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_threads_of_torch_stay_as_they_are_set(n_threads, n_threads_inside):
    torch.set_num_threads(n_threads)
    est = lively_resolver(2, ModuleConfig(Halving))
    assert torch.get_num_threads() == n_threads
    est.predict(np.ones((1, 100)))
    assert torch.get_num_threads() == n_threads
    assert n_threads in n_threads_inside


def test_limits_of_threadpoolctl_hold_inside(n_threads_inside):
    torch.set_num_threads(2)
    with threadpoolctl.threadpool_limits(1):
        est = lively_resolver(2, ModuleConfig(Halving))
        est.predict(np.ones((1, 100)))
        assert n_threads_inside == {1}
    assert torch.get_num_threads() == 2


def test_weights_are_transformed_once_for_a_lazy_sequence(monkeypatch):
    Y = random_walk(2, 3000)
    est = AudioSuperResolver(AudioUNet(width=1 / 16), max_epochs=1, patch_length=1024)
    X = Decimator(2).fit_transform(Y)
    est.fit(X, Y)
    made = []
    prepare = Workspace.prepare

    def count(self, weight, kind, form, make):
        return prepare(self, weight, kind, form, lambda: made.append(form) or make())

    monkeypatch.setattr(Workspace, "prepare", count)
    est.predict(containers.Lazy([X[0]] * 5))
    n_layers = sum(isinstance(layer, nn.Conv1d) for layer in est.network_.modules())
    assert 0 < len(made) <= n_layers


@pytest.mark.parametrize(
    ("gigabytes", "n_timepoints"), [(100, 2**21), (8, 2**19), (1, 2**16), (0.01, 2**16)]
)
def test_a_pass_fits_into_the_free_memory_of_a_gpu(monkeypatch, gigabytes, n_timepoints):
    n_bytes = int(gigabytes * 2**30)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (n_bytes, 2**40))
    assert chunked.pass_length(torch.device("cuda")) == n_timepoints
    assert chunked.pass_length(CPU) == chunked.CHUNK_LENGTHS["cpu"]


def test_chunks_are_long_beside_their_context_but_bounded():
    """Stand-ins with a context of 25,000 timepoints: a pass on the CPU has 65,536."""
    network = SimpleNamespace(look_back=20_000, look_ahead=5_000, stride=1)
    chunks = {n: chunked._choose_chunk(network, n, CPU) for n in (1, 2, 8, 64)}
    assert chunks[1] == 5 * 25_000
    assert chunks[64] == 2**16 // 64
    for n, chunk in chunks.items():
        assert chunk >= 2**16 // n
        assert n * chunk <= 3 * 2**16
    network.look_back = np.inf
    assert chunked._choose_chunk(network, 1, CPU) == 2**16
