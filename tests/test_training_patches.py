"""Patches are aligned, start anywhere with equal chance, and never leave their waveform."""

import weakref

import numpy as np
import pytest
from scipy import stats

from sklearn_audiosr._training.patches import PatchSampler


def numbered(*shapes):
    """Clips whose timepoints count up from 1, no value twice."""
    clips, first = [], 1
    for shape in shapes:
        clips.append(np.arange(first, first + np.prod(shape), dtype=np.float32).reshape(shape))
        first += np.prod(shape)
    return clips


def make_sampler(clips, patch_length, stride):
    """Of targets that are the sources' opposite."""
    pairs = ((clip, -clip) for clip in clips)
    return PatchSampler(pairs, [clip.shape for clip in clips], patch_length, stride)


def sample(clips, patch_length, stride, n_patches=500, seed=0):
    sampler = make_sampler(clips, patch_length, stride)
    return sampler.draw(n_patches, np.random.default_rng(seed))


def starts_of(clips, patch_length, stride):
    """The first value of every patch that may be drawn: the last reaches the end, or over it."""
    return [
        waveform[start]
        for clip in clips
        for waveform in clip
        for start in range(0, max(len(waveform) - patch_length, 0) + stride, stride)
    ]


@pytest.mark.parametrize("stride", [1, 2, 3, 6])
def test_patches_are_excerpts_at_multiples_of_the_stride(stride):
    clips = numbered((1, 60), (2, 24), (1, 12))
    waveforms = [waveform for clip in clips for waveform in clip]
    sources, targets, mask = sample(clips, 12, stride)
    assert sources.shape == targets.shape == mask.shape == (500, 12)
    assert sources.dtype == targets.dtype == mask.dtype == np.float32
    assert np.array_equal(targets, -sources)
    assert mask.all()
    for patch in sources:
        waveform = next(w for w in waveforms if patch[0] in w)
        start = int(patch[0] - waveform[0])
        assert start % stride == 0
        assert np.array_equal(patch, waveform[start : start + 12])


@pytest.mark.parametrize("stride", [1, 2, 5])
def test_every_start_is_equally_likely(stride):
    # longer, as long and shorter than a patch; stereo has two waveforms
    clips = numbered((1, 30), (2, 20), (1, 10), (1, 5), (3, 10))
    possible = starts_of(clips, 10, stride)
    sources, _, _ = sample(clips, 10, stride, n_patches=200 * len(possible))
    drawn, counts = np.unique(sources[:, 0], return_counts=True)
    assert drawn.tolist() == possible
    assert stats.chisquare(counts).pvalue > 1e-3


def test_every_start_comes_once_when_starts_are_enumerated():
    class Counter:
        def integers(self, high, size):
            return np.arange(high)

    clips = numbered((1, 14), (2, 9), (1, 3))
    sampler = make_sampler(clips, 5, 2)
    sources, _, _ = sampler.draw(None, Counter())
    assert sources[:, 0].tolist() == starts_of(clips, 5, 2)


def test_short_waveforms_are_padded_and_masked():
    clips = numbered((2, 3), (1, 1))
    sources, targets, mask = sample(clips, 5, 1)
    assert np.unique(sources, axis=0).tolist() == [
        [1, 2, 3, 0, 0],
        [4, 5, 6, 0, 0],
        [7, 0, 0, 0, 0],
    ]
    assert np.array_equal(mask, sources != 0)
    assert np.array_equal(targets, -sources)


def test_patches_never_cross_an_edge():
    clips = numbered((1, 7), (2, 9), (1, 4), (1, 8))
    waveforms = [waveform for clip in clips for waveform in clip]
    sources, _, mask = sample(clips, 8, 1, n_patches=2000)
    for patch, inside in zip(sources, mask.astype(bool), strict=True):
        waveform = next(w for w in waveforms if patch[0] in w)
        assert np.isin(patch[inside], waveform).all()
        assert not patch[~inside].any()
        assert inside.sum() == min(8, len(waveform))


def test_last_timepoints_are_reached():
    sources, _, _ = sample(numbered((1, 40)), 16, 4)
    assert sources.max() == 40
    assert sources.min() == 1


@pytest.mark.parametrize(
    ("shapes", "n_patches"), [([(1, 16)], 1), ([(1, 17)], 2), ([(2, 16), (1, 1)], 3), ([(1, 1)], 1)]
)
def test_an_epoch_holds_all_timepoints_once(shapes, n_patches):
    clips = numbered(*shapes)
    assert make_sampler(clips, 16, 1).n_patches_per_epoch == n_patches


def test_same_seed_same_patches():
    clips = numbered((1, 500), (2, 300))
    first, again, other = (sample(clips, 32, 2, seed=seed) for seed in (3, 3, 4))
    assert all(map(np.array_equal, first, again))
    assert not np.array_equal(first[0], other[0])


def test_patches_are_copies():
    clips = numbered((1, 20))
    sources, targets, _ = sample(clips, 20, 1, n_patches=1)
    sources[:] = targets[:] = 0
    assert np.array_equal(clips[0][0], np.arange(1, 21))


def test_pairs_are_taken_one_by_one():
    """A generator's clips may be gone when the next is made: `fit` need not hold all twice."""
    alive = []

    def make():
        for clip in numbered((1, 20), (2, 30), (1, 7)):
            assert all(reference() is None for reference in alive[:-1])
            pair = clip.copy(), -clip
            alive.append(weakref.ref(pair[0]))
            yield pair
            del pair

    shapes = [(1, 20), (2, 30), (1, 7)]
    sampler = PatchSampler(make(), shapes, 8, 1)
    for (source, target), clip in zip(sampler.pairs(), numbered(*shapes), strict=True):
        np.testing.assert_array_equal(source, clip)
        np.testing.assert_array_equal(target, -clip)


def test_clips_are_given_back_with_their_channels():
    clips = numbered((2, 5), (1, 3), (3, 2))
    for (source, target), clip in zip(make_sampler(clips, 4, 1).pairs(), clips, strict=True):
        np.testing.assert_array_equal(source, clip)
        np.testing.assert_array_equal(target, -clip)


@pytest.mark.parametrize("shapes", [[(1, 6), (1, 6)], [(1, 10)], [(2, 2), (1, 6)]])
def test_clips_that_changed_are_refused(shapes):
    clips = numbered((1, 4), (1, 6))
    with pytest.raises(ValueError, match=r"clip 0 .* shape \(\d, \d+\).*got \(1, 4\): a lazy"):
        PatchSampler([(clip, clip) for clip in clips], shapes, 8, 2)
