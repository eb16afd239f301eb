"""Other voices: speed moves everything, formants move alone."""

import numpy as np
import pytest
from scipy.signal import lfilter

from sklearn_audiosr.augmentation import ChangeSpeed, ShiftFormants

RATE = 16000


def tone(frequency, n, rate=RATE):
    return np.cos(2 * np.pi * frequency * np.arange(n) / rate)


@pytest.mark.parametrize("speed", [0.8, 1.0, 1.1, 1.25, 2.0])
def test_a_tone_comes_out_at_its_frequency_times_the_speed(speed):
    (faster,) = ChangeSpeed(speed).fit_transform([tone(1000, 32000)])
    assert len(faster) == round(32000 / speed)
    expected = tone(1000 * speed, len(faster))
    np.testing.assert_allclose(faster[1000:-1000], expected[1000:-1000], atol=2e-2)


@pytest.mark.parametrize("speed", [0.9, 1.0, 1.25])
def test_rates_are_brought_down_on_the_way(speed):
    augmenter = ChangeSpeed(speed, sampling_rate=44100, target_rate=RATE)
    (lowered,) = augmenter.fit_transform([tone(1000, 44100, 44100)])
    assert len(lowered) == round(RATE / speed)
    expected = tone(1000 * speed, len(lowered))
    np.testing.assert_allclose(lowered[1000:-1000], expected[1000:-1000], atol=2e-2)


def test_clips_that_are_not_varied_are_brought_down_all_the_same():
    augmenter = ChangeSpeed((1.1, 1.2), sampling_rate=48000, target_rate=RATE, p=0)
    (lowered,) = augmenter.fit_transform([tone(500, 48000, 48000)])
    np.testing.assert_allclose(lowered[100:-100], tone(500, RATE)[100:-100], atol=1e-2)


def test_speeds_are_drawn_from_the_whole_range():
    Y = [np.ones(2000)] * 300
    lengths = [len(y) for y in ChangeSpeed((0.8, 1.25), random_state=0).transform(Y)]
    speeds = 2000 / np.array(lengths)
    assert 0.799 <= speeds.min() < 0.82
    assert 1.23 < speeds.max() <= 1.251
    assert speeds.mean() == pytest.approx(1.025, abs=0.03)


@pytest.mark.parametrize(("rate", "speed"), [(16000, 1.1), (16000, 1.25), (48000, 0.8)])
def test_another_speed_leaves_the_end_of_the_band_as_full_as_it_was(rate, speed):
    noise = np.random.default_rng(0).standard_normal(32000)
    augmenter = ChangeSpeed(speed, sampling_rate=rate, target_rate=RATE)
    spectrum = np.abs(np.fft.rfft(augmenter.transform([noise])[0])) ** 2
    level = spectrum[-len(spectrum) // 40 : -1].mean() / spectrum[1 : len(spectrum) // 2].mean()
    assert 0.7 < level < 1.4


def test_a_slower_clip_has_nothing_at_the_end_of_its_band():
    noise = np.random.default_rng(0).standard_normal(32000)
    (slower,) = ChangeSpeed(0.8).transform([noise])
    spectrum = np.abs(np.fft.rfft(slower * np.hanning(len(slower)))) ** 2
    end = int(0.82 * len(spectrum))
    assert spectrum[end:].mean() < 1e-6 * spectrum[:end].mean()


@pytest.mark.parametrize("n", [1, 2, 3, 10])
@pytest.mark.parametrize("speed", [0.1, 0.7, 1.3, 10])
def test_short_clips_have_at_least_one_timepoint(n, speed):
    (varied,) = ChangeSpeed(speed).transform([np.ones(n)])
    assert len(varied) == max(1, round(n / speed))
    np.testing.assert_allclose(varied, 1, atol=1e-5)


@pytest.mark.parametrize("rate", [16000, 22050])
@pytest.mark.parametrize("factor", [0.88, 1.0, 1.14])
def test_formants_move_and_pitch_length_and_level_stay(factor, rate):
    """Of a buzz of 100 Hz with one resonance at 2 kHz."""
    n, pitch, formant = 2 * rate, 100, 2000
    buzz = np.zeros(n)
    buzz[np.round(np.arange(0, n, rate / pitch)).astype(int)] = 1
    pole = 0.92 * np.exp(2j * np.pi * formant / rate)
    voice = lfilter([0.1], np.poly([pole, pole.conj()]).real, buzz)
    augmenter = ShiftFormants(factor, sampling_rate=rate)
    (shifted,) = augmenter.fit_transform([voice])
    assert len(shifted) == n
    middle = slice(rate // 2, rate // 2 + rate)  # a second: bins of 1 Hz
    spectra = [np.abs(np.fft.rfft(wave[middle] * np.hanning(rate))) for wave in (voice, shifted)]
    harmonics = np.arange(pitch, 7000, pitch)
    assert 50 + spectra[1][50:150].argmax() == pitch
    assert np.argmax(spectra[1]) % pitch == 0
    peaks = [harmonics[np.argmax(spectrum[harmonics])] for spectrum in spectra]
    assert abs(peaks[0] - formant) <= pitch / 2
    assert abs(peaks[1] - factor * formant) <= 1.5 * pitch
    assert 0.5 < np.linalg.norm(shifted) / np.linalg.norm(voice) < 2
    if factor == 1:
        np.testing.assert_allclose(shifted, voice, atol=1e-4)


@pytest.mark.parametrize("n", [1, 300, 1024, 5000])
def test_shifted_clips_keep_their_length(n):
    clip = np.random.default_rng(0).standard_normal(n)
    assert len(ShiftFormants(1.1, sampling_rate=RATE).transform([clip])[0]) == n


def test_factors_are_drawn_from_the_whole_range(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "sklearn_audiosr.augmentation._formants._shift",
        lambda clip, factor, frame: drawn.append(factor) or clip,
    )
    ShiftFormants(sampling_rate=RATE, random_state=0).transform([np.ones(4)] * 200)
    assert 0.88 <= min(drawn) < 0.9
    assert 1.12 < max(drawn) <= 1.14
