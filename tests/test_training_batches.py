"""Batches on a device hold what the sampler draws."""

import numpy as np
import pytest
import torch

from sklearn_audiosr._training.batches import BatchLoader
from sklearn_audiosr._training.patches import PatchSampler

CPU = torch.device("cpu")


def make_sampler():
    """Clips of several channels, longer and shorter than a patch, each timepoint recognisable."""
    lengths = [(1, 100), (2, 10), (1, 3), (1, 64)]
    clips = [1 + np.arange(c * n, dtype=np.float32).reshape(c, n) for c, n in lengths]
    return PatchSampler([(clip, -clip) for clip in clips], lengths, patch_length=16, stride=2)


def drawn(sampler, n_patches, seed):
    return sampler.draw(n_patches, np.random.default_rng(seed))


def test_batches_in_main_memory_are_the_sampler_s():
    sampler = make_sampler()
    batch = BatchLoader(sampler, CPU, np.random.default_rng(3)).load(200)
    for tensor, array in zip(batch, drawn(sampler, 200, 3), strict=True):
        assert tensor.shape == (200, 1, 16)
        np.testing.assert_array_equal(tensor[:, 0], array)


def test_batches_gathered_on_the_device_are_the_same():
    sampler = make_sampler()
    loader = BatchLoader(sampler, CPU, np.random.default_rng(3))
    loader._keep_on_device()
    for tensor, array in zip(loader.load(200), drawn(sampler, 200, 3), strict=True):
        np.testing.assert_array_equal(tensor[:, 0], array)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("fits", [True, False])
def test_batches_on_a_gpu_are_the_same(fits, monkeypatch):
    monkeypatch.setattr(BatchLoader, "_fits", lambda self: fits)
    sampler = make_sampler()
    loader = BatchLoader(sampler, torch.device("cuda"), np.random.default_rng(3))
    assert bool(loader._buffers) is fits
    for tensor, array in zip(loader.load(200), drawn(sampler, 200, 3), strict=True):
        assert tensor.device.type == "cuda"
        np.testing.assert_array_equal(tensor[:, 0].cpu(), array)


def test_a_batch_on_the_device_does_not_reach_over_the_end_of_a_clip():
    sampler = make_sampler()
    loader = BatchLoader(sampler, CPU, np.random.default_rng(0))
    loader._keep_on_device()
    sources, targets, mask = loader.load(500)
    assert torch.equal(sources != 0, mask.bool())  # no timepoint of a clip is 0
    assert torch.equal(targets, -sources)
    steps = sources[..., 1:] - sources[..., :-1]
    inside = mask[..., 1:].bool()
    assert torch.all(steps[inside] == 1)
