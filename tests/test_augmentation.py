"""Variations of training recordings: other speeds, microphones, ends of the band and filters."""

import _augmentation
import numpy as np
import pytest
from _augmentation import augment, change_speed, colour, vary

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


@pytest.mark.parametrize(("of_clip", "longest"), [(16000, 1.0), (18000, 1.125), (48000, 1.25)])
def test_clips_are_slowed_only_where_there_is_more_above_the_band(of_clip, longest):
    rng = np.random.default_rng(0)
    clip = np.ones(of_clip, dtype=np.float32)
    lengths = [len(vary(clip, of_clip, 16000, rng)) / 16000 for _ in range(40)]
    assert 0.8 - 1e-3 <= min(lengths) < 0.9
    assert longest - 0.1 < max(lengths) <= longest + 1e-3


@pytest.mark.parametrize(("of_clip", "speed"), [(16000, 1), (16000, 1.25), (48000, 0.8)])
def test_another_speed_leaves_the_end_of_the_band_as_full_as_it_was(of_clip, speed):
    noise = np.random.default_rng(0).standard_normal(32000).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(change_speed(noise, of_clip, 16000, speed, edged=False))) ** 2
    level = spectrum[-len(spectrum) // 40 : -1].mean() / spectrum[1 : len(spectrum) // 2].mean()
    assert 0.7 < level < 1.4


def test_resamplers_leave_the_end_of_the_band_empty(monkeypatch):
    clips = [0.1 * np.random.default_rng(0).standard_normal(48000).astype(np.float32)]
    for seed, share, is_empty in [(0, 0, True), (1, 1, True), (1, 0, False)]:
        monkeypatch.setattr(_augmentation, "_EDGED_SHARE_OF_FULLER", share)
        monkeypatch.setattr(_augmentation, "_NOISY_SHARE", 0)
        _, (y,) = augment(clips, [48000], 16000, 4, seed=seed, **SHARES)
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


def test_colour_is_smooth_and_turns_phases_by_one_angle():
    """Seen on an impulse, whose spectrum is flat: the same angle everywhere, gains in a few dB."""
    impulse = np.zeros(16000, dtype=np.float32)
    impulse[8000] = 1
    spectra = [np.fft.rfft(c) for c in (impulse, colour(impulse, np.random.default_rng(0)))]
    response = (spectra[1] / spectra[0])[1:-1]
    angle = np.angle(response[100])
    np.testing.assert_allclose(np.angle(response * np.exp(-1j * angle)), 0, atol=1e-3)
    gains = 20 * np.log10(np.abs(response))
    assert 1 < np.ptp(gains) < 20
    assert np.abs(np.diff(gains)).max() < 0.5


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
