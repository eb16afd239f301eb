"""Chunked prediction equals whole prediction, at bounded memory."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_audiosr import AudioSuperResolver, DNNBandwidthExtender, _inference
from sklearn_audiosr._inference import predict_waveforms
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.networks import AudioUNet

CPU = torch.device("cpu")


def make_lively(network):
    """Give an untrained network weights as after training: the last layer counts."""
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
    monkeypatch.setitem(_inference._CHUNK, "cpu", 10**7)
    whole = est.predict(X)
    monkeypatch.setitem(_inference._CHUNK, "cpu", 4096)
    assert relative_difference(whole, est.predict(X)) < 1e-5
    monkeypatch.setitem(_inference._CHUNK, "cpu", 1000)
    assert relative_difference(whole, est.predict(X)) < 1e-5


def test_training_moved_the_last_layer(trained):
    """The tiny last layer of an untrained network would hide seams."""
    est, X = trained
    source = est._upsample_source(np.atleast_2d(X) / est.scale_, est.upsampling_ratio_)
    added = est.predict(X) / est.scale_ - source
    assert np.abs(added).max() > 1e-2


def test_chunks_of_the_dense_network_equal_the_whole(monkeypatch):
    Y = random_walk(2, 16_384)
    X = Decimator(4).fit_transform(Y)
    est = DNNBandwidthExtender((16,), max_epochs=2, random_state=0).fit(X, Y)
    whole = est.predict(X)
    monkeypatch.setitem(_inference._CHUNK, "cpu", 3000)
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


def randomize(network, seed=0):
    """Draw every weight, bias and statistic, so that no layer hides what another does wrong."""
    rng = torch.Generator().manual_seed(seed)
    for name, values in network.state_dict().items():
        if name.endswith("running_var"):
            values.uniform_(0.5, 2, generator=rng)
        elif values.ndim > 1:
            fan_in = values.numel() / max(values.shape[:2])  # but a few times, in transposed layers
            values.normal_(std=fan_in**-0.5, generator=rng)
        elif values.is_floating_point():
            values.normal_(std=0.5, generator=rng)
    return network.eval()


def lively_resolver(ratio=4, seed=0, description=None, **options):
    """A fitted estimator; `options` go to the network, of random weights."""
    network = description or AudioUNet(**{"n_blocks": 2, "width": 1 / 32, **options})
    est = AudioSuperResolver(network, max_epochs=1, patch_length=96, random_state=seed)
    Y = 3 * random_walk(1, 48 * ratio, seed=seed)
    est.fit(Y[:, ::ratio], Y)
    randomize(est.network_, seed)
    return est


class Halving(nn.Module):
    """A network with no more than the contract: a strided layer, held, and a layer over that."""

    stride, look_back, look_ahead = 2, 4, 3

    def __init__(self):
        super().__init__()
        self.down = nn.Conv1d(1, 4, 5, stride=2, padding=2)
        self.last = nn.Conv1d(4, 1, 3, padding=1)

    def forward(self, x):
        time = x.shape[-1]
        x = nn.functional.pad(x, (0, -time % 2))
        return self.last(self.down(x).relu().repeat_interleave(2, dim=2))[..., :time]


class HalvingNetwork:
    """Description of `Halving`."""

    def build(self):
        return Halving()


@pytest.fixture
def passes(monkeypatch):
    """Record (n_rows, n_timepoints, timepoints of each row) of each pass through a network."""
    recorded = []

    def record(network, args):
        n_rows, _, n_timepoints = args[0].shape
        lengths = args[1] if len(args) > 1 else n_rows * [n_timepoints]
        recorded.append((n_rows, n_timepoints, lengths))

    with torch.nn.modules.module.register_module_forward_pre_hook(
        lambda module, args: record(module, args) if hasattr(module, "look_ahead") else None
    ):
        yield recorded


def uneven_clips(lengths, seed=0):
    """Clips of 1, 2, 3, 1, ... channels; those of one are vectors."""
    rng = np.random.default_rng(seed)
    clips = [rng.standard_normal((1 + i % 3, n)) for i, n in enumerate(lengths)]
    return [clip[0] if len(clip) == 1 else clip for clip in clips]
