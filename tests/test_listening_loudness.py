"""The meter of loudness and of true peaks."""

import numpy as np
import pytest
from listening_helpers import tone

from sklearn_audiosr.listening import integrated_loudness
from sklearn_audiosr.listening._loudness import true_peak


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_loudness_of_a_tone_at_full_scale(rate):
    sine = tone(997, 2, rate)
    assert integrated_loudness(sine, rate) == pytest.approx(-3.01, abs=0.015)
    assert integrated_loudness([sine, sine], rate) == pytest.approx(0, abs=0.015)
    pcm = np.round(sine * 32767).astype(np.int16)
    assert integrated_loudness(pcm, rate) == pytest.approx(-3.01, abs=0.015)


# The tones of EBU Tech 3341, table 1, a fifth as long: levels in dBFS and seconds, in stereo.
EBU_CASES = {
    "1": [(-23, 4)],
    "2": [(-33, 4)],
    "3": [(-36, 2), (-23, 12), (-36, 2)],
    "4": [(-72, 2), (-36, 2), (-23, 12), (-36, 2), (-72, 2)],
    "5": [(-26, 4), (-20, 4.02), (-26, 4)],
}


@pytest.mark.parametrize("case", EBU_CASES)
def test_loudness_of_the_tones_of_ebu_tech_3341(case):
    sine = np.concatenate([tone(1000, seconds, 48000, level) for level, seconds in EBU_CASES[case]])
    expected = -33 if case == "2" else -23
    assert integrated_loudness([sine, sine], 48000) == pytest.approx(expected, abs=0.1)


def test_gating_blocks_overlap_by_three_quarters():
    """The five blocks that meet a burst hold 3/4, 4/4, 3/4, 2/4 and 1/4 of it."""
    burst = np.concatenate([np.zeros(4800), tone(997, 0.4, 48000), np.zeros(14400)])
    expected = -3.01 + 10 * np.log10((3 + 4 + 3 + 2 + 1) / 20)
    assert integrated_loudness(burst, 48000) == pytest.approx(expected, abs=0.03)


def test_k_weighting_by_frequency():
    """The shelf lifts the treble by 4 dB, the high-pass takes the lowest octaves away."""
    loudness = {f: integrated_loudness(tone(f, 2, 48000), 48000) for f in (20, 997, 10000)}
    assert loudness[10000] - loudness[997] == pytest.approx(4.0 - 0.69, abs=0.05)
    high_pass = 20 * np.log10(20**2 / (20**2 + 38.1**2))  # second order, both poles at 38.1 Hz
    assert loudness[20] - loudness[997] == pytest.approx(high_pass - 0.69, abs=0.1)


def test_loudness_of_short_and_silent_clips():
    assert integrated_loudness(tone(997, 0.1, 48000), 48000) == pytest.approx(-3, abs=0.2)
    assert integrated_loudness(np.zeros(9600), 48000) == -np.inf
    assert integrated_loudness([1.0], 48000) == pytest.approx(
        -0.691 + 20 * np.log10(1.5351), abs=0.01
    )
    assert integrated_loudness(tone(997, 1, 48000, -80), 48000) == -np.inf


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (np.ones((3, 100)), "1 or 2 channels, got 3"),
        ([1.0, np.nan], "finite"),
        ([], "at least 1 timepoint"),
    ],
)
def test_loudness_of_what_is_no_clip(clip, message):
    with pytest.raises(ValueError, match=message):
        integrated_loudness(clip, 48000)


def test_true_peak_lies_between_timepoints():
    sine = tone(12000, 0.1, 48000, phase=np.pi / 4)
    assert np.abs(sine).max() < 0.708
    assert true_peak(sine[None, 100:-100]) == pytest.approx(1, abs=0.03)
