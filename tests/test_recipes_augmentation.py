"""Variations of training recordings: other speeds, microphones, ends of the band and filters."""

import numpy as np
import pytest

from recipes import augmentation
from recipes.augmentation import augment, damage, decimate, make_variations
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import Decimator

SHARES = {"varied_share": 0.25, "random_filter_share": 0.2}


def test_the_first_copy_is_the_recordings():
    clips = load_speech().clips[:5]
    X, Y = augment(clips, [16000] * 5, 16000, 4, seed=0, **SHARES)
    for x, y, clip in zip(X, Y, clips, strict=True):
        np.testing.assert_array_equal(y, clip[: len(clip) // 4 * 4])
        assert len(y) == 4 * len(x)


def test_others_vary_and_repeat():
    clips = load_speech().clips[:5]
    first, again, other = (
        augment(clips, [16000] * 5, 16000, 2, seed, **SHARES) for seed in (1, 1, 2)
    )
    for a, b, c in zip(first[1], again[1], other[1], strict=True):
        np.testing.assert_array_equal(a, b)
        assert len(a) != len(c) or np.abs(a - c).max() > 1e-3
    assert all(np.abs(y).max() <= 1 for y in first[1])


@pytest.mark.parametrize(("clip_rate", "longest"), [(16000, 1.0), (18000, 1.125), (48000, 1.25)])
def test_clips_are_slowed_only_where_there_is_more_above_the_band(clip_rate, longest):
    clips = [np.ones(clip_rate // 10, dtype=np.float32)] * 40
    steps = make_variations(clip_rate, 16000, 0, warped_share=0, edged_share=0)
    lengths = [len(clip) / 1600 for clip in steps.fit_transform(clips)]
    assert 0.8 - 1e-3 <= min(lengths) < 0.9
    assert longest - 0.1 < max(lengths) <= longest + 1e-3


def test_clips_of_all_rates_are_varied_in_their_places():
    """A clip of a higher rate always is, and each stays beside its own."""
    rates = [16000, 48000, 16000, 24000] * 10
    clips = [np.full(rate // 10, 0.001 * (i + 1), np.float32) for i, rate in enumerate(rates)]
    _, Y = augment(clips, rates, 16000, 2, seed=1, varied_share=0, random_filter_share=0)
    for y, clip, rate in zip(Y, clips, rates, strict=True):
        assert y.dtype == np.float32
        if rate == 16000:
            assert len(y) == 1600
            assert abs(y.mean()) <= clip[0] + 1e-4  # a mean is multiplied by a cosine
        else:
            assert 0.8 <= 1600 / len(y) <= 1.25 + 1e-3


def test_resamplers_leave_the_end_of_the_band_empty(monkeypatch):
    clips = [0.1 * np.random.default_rng(0).standard_normal(48000).astype(np.float32)]
    for seed, share, is_empty in [(0, 0, True), (1, 1, True), (1, 0, False)]:
        monkeypatch.setattr(augmentation, "_NOISY_SHARE", 0)
        shares = {**SHARES, "edged_share": 1 - share, "fuller_edged_share": share}
        _, (y,) = augment(clips, [48000], 16000, 4, seed=seed, **shares)
        spectrum = np.abs(np.fft.rfft(y * np.hanning(len(y)))) ** 2
        level = spectrum[-len(spectrum) // 200 :].mean() / spectrum.mean()
        assert level < 1e-4 if is_empty else level > 0.05


def test_clips_that_are_not_varied_have_their_phases_turned():
    """Their spectra are as they were, but for the two ends, which have no phase."""
    clips = [0.5 * load_speech().clips[0][:8000]] * 60
    spectrum = np.abs(np.fft.rfft(clips[0]))
    _, Y = augment(clips, [16000] * 60, 16000, 4, seed=1, **SHARES)
    kept = [
        len(y) == 8000 and np.allclose(np.abs(np.fft.rfft(y))[1:-1], spectrum[1:-1], atol=0.05)
        for y in Y
    ]
    assert 35 < sum(kept) < 55
    turned = [np.abs(y - clips[0]).max() > 1e-3 for y, k in zip(Y, kept, strict=True) if k]
    assert np.mean(turned) > 0.9  # an angle may be next to nothing


@pytest.mark.parametrize(("share", "least", "most"), [(0, 1, 1), (0.2, 0.5, 0.97), (1, 0, 0)])
def test_filters_are_the_papers_and_random_ones(share, least, most):
    clips = [clip[:8000] for clip in load_speech().clips]
    X, Y = augment(
        clips, [16000] * len(clips), 16000, 2, seed=0, varied_share=0, random_filter_share=share
    )
    by_paper = [
        np.array_equal(x, expected)
        for x, expected in zip(X, Decimator(2).fit_transform(Y), strict=True)
    ]
    assert least <= np.mean(by_paper) <= most


@pytest.mark.parametrize(("share", "least", "most"), [(0, 0, 0), (0.3, 0.05, 0.6), (1, 1, 1)])
def test_narrowband_clips_are_damaged_and_the_same_ones_again(share, least, most):
    clips = [clip[:8000] for clip in load_speech().clips]
    rates, shares = [16000] * len(clips), {"varied_share": 0, "random_filter_share": 0}
    (X, Y), (again, _) = (
        augment(clips, rates, 16000, 4, seed=3, damaged_share=share, **shares) for _ in range(2)
    )
    clean = Decimator(4).fit_transform(Y)
    damaged = [not np.array_equal(x, c) for x, c in zip(X, clean, strict=True)]
    assert least <= np.mean(damaged) <= most
    assert all(np.array_equal(a, b) for a, b in zip(X, again, strict=True))
    assert all(x.dtype == np.float32 and len(x) == len(c) for x, c in zip(X, clean, strict=True))


@pytest.mark.parametrize(("ratio", "has_telephone"), [(2, True), (4, False), (6, False)])
def test_damage_is_no_delay_and_a_telephone_only_at_its_rate(ratio, has_telephone):
    """A line takes what is below 100 Hz; a codec and noise leave it."""
    y = np.random.default_rng(0).standard_normal(16000 // ratio * ratio).astype(np.float32)
    y = (y + np.sin(2 * np.pi * 60 / 16000 * np.arange(len(y)))) / 6
    (x,) = Decimator(ratio).fit_transform([y.astype(np.float32)])
    rng = np.random.default_rng(0)
    bass = []
    for _ in range(12):
        z = damage(x, y, 16000, ratio, rng)
        spectra = np.fft.rfft(x), np.fft.rfft(z, len(x))
        delay = np.argmax(np.fft.irfft(spectra[1] * spectra[0].conj(), len(x)))
        assert delay == 0
        hum = 60 * len(y) // 16000
        bass.append(abs(spectra[1][hum] / spectra[0][hum]))
    assert (min(bass) < 0.05) == has_telephone
    assert max(bass) > 0.9


def test_telephone_lines_have_either_law_or_none(monkeypatch):
    laws = []

    class Line(augmentation.Telephone):
        def fit_transform(self, Y):
            laws.append(self.law)
            return super().fit_transform(Y)

    monkeypatch.setattr(augmentation, "Telephone", Line)
    y = 0.1 * np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    rng = np.random.default_rng(0)
    for _ in range(60):
        damage(y[::2], y, 16000, 2, rng)
    assert {"mulaw", "alaw", None} == set(laws)
    assert 0.2 < laws.count(None) / len(laws) < 0.8


@pytest.mark.parametrize("ratio", [2, 4, 6])
def test_resamplers_leave_more_at_the_end_of_the_band_than_the_papers_filter(ratio):
    n, rng = 4000 * ratio, np.random.default_rng(0)
    y = rng.standard_normal(n).astype(np.float32)
    ends = []
    for maker in (0, 1, 2):
        X = [decimate(y, ratio, maker, rng) for _ in range(8)]
        powers = [np.abs(np.fft.rfft(x)) ** 2 for x in X]
        # of the band, from 0.82 to 0.9, against below a half
        ends.append([p[1640:1800].mean() / p[100:1000].mean() for p in powers])
        assert all(x.dtype == np.float32 and len(x) == n // ratio for x in X)
    by_paper, at_random, as_resampler = ends
    assert max(by_paper) < 0.5
    assert max(by_paper) == min(by_paper)
    assert max(at_random) > 3 * min(at_random)
    assert min(as_resampler) > 0.5


def test_noise_is_in_the_narrowband_clip_as_in_the_wideband_one():
    """So a model does not learn to take it away: only the decimator lies between them."""
    tone = np.float32(0.1) * np.sin(0.1 * np.arange(8000, dtype=np.float32))
    shares = {"varied_share": 0, "random_filter_share": 0}
    X, Y = augment([tone] * 20, [16000] * 20, 16000, 4, seed=0, noisy_share=1, **shares)
    for x, expected in zip(X, Decimator(4).fit_transform(Y), strict=True):
        np.testing.assert_array_equal(x, expected)
    ratios = [10 * np.log10(np.square(tone).sum() / np.square(y - tone).sum()) for y in Y]
    assert 4.9 < min(ratios) < 20 < 30 < max(ratios) < 45.1
    _, Y = augment([tone] * 20, [16000] * 20, 16000, 4, seed=0, noisy_share=0.4, **shares)
    assert 2 < sum(np.abs(y - tone).max() > 1e-4 for y in Y) < 15


def test_formants_are_moved_of_a_share_of_the_varied_clips(monkeypatch):
    moved = []

    class Watched(augmentation.ShiftFormants):
        def _vary(self, clip, rng):
            moved.append(self.factors)
            return clip

    monkeypatch.setattr(augmentation, "ShiftFormants", Watched)
    clips = [0.1 * np.random.default_rng(0).standard_normal(400).astype(np.float32)] * 80
    shares = {"varied_share": 0.5, "random_filter_share": 0}
    augment(clips, [16000] * 80, 16000, 4, seed=1, **shares)
    assert not moved
    augment(clips, [16000] * 80, 16000, 4, seed=1, warped_share=0.5, **shares)
    assert 8 < len(moved) < 32
    assert set(moved) == {(0.88, 1.14)}
