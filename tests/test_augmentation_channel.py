"""Other microphones, levels, noise floors, phases and ends of the band."""

import numpy as np
import pytest

from sklearn_audiosr.augmentation import (
    AddNoiseFloor,
    ChangeLevel,
    ChangeMicrophone,
    CutBandEdge,
    RotatePhase,
)

N = 16000
IMPULSE = np.zeros(N)
IMPULSE[N // 2] = 1
NOISE = np.random.default_rng(0).standard_normal(N)


def response(augmenter, index=0):
    """Return the frequency response of what happens to clip `index`, without the two ends."""
    (*_, varied) = augmenter.fit_transform([IMPULSE] * (index + 1))
    return (np.fft.rfft(varied) / np.fft.rfft(IMPULSE))[1:-1]


def in_db(values):
    return 20 * np.log10(np.abs(values) + 1e-12)


# Level


@pytest.mark.parametrize("gain_db", [-20, 0.0, 6.0206])
def test_a_gain_in_db_is_exact_at_all_frequencies(gain_db):
    np.testing.assert_allclose(ChangeLevel(gain_db).fit_transform([NOISE])[0],
                               10 ** (gain_db / 20) * NOISE, rtol=1e-6)  # fmt: skip


def test_gains_are_drawn_from_the_whole_range():
    gains = in_db(np.ravel(ChangeLevel(random_state=0).transform(np.ones((400, 1)))))
    assert -12 <= gains.min() < -11.5
    assert 5.5 < gains.max() <= 6.001
    assert gains.mean() == pytest.approx(-3, abs=0.8)


# Noise floor


@pytest.mark.parametrize("level_db", [-90, -60.0, 0])
def test_a_noise_floor_has_its_level_whatever_the_clip(level_db):
    for clip in (np.zeros(N), 0.25 * IMPULSE):
        (varied,) = AddNoiseFloor(level_db, random_state=0).fit_transform([clip])
        floor = varied - clip
        assert in_db(floor.std()) == pytest.approx(level_db, abs=0.15)


def test_a_noise_floor_is_white_and_gaussian():
    floor = AddNoiseFloor(0, random_state=0).transform([np.zeros(2**17)])[0]
    power = np.abs(np.fft.rfft(floor)) ** 2
    bands = [10 * np.log10(band.mean()) for band in np.array_split(power, 8)]
    assert np.ptp(bands) < 0.3
    assert np.mean(floor**4) == pytest.approx(3, abs=0.1)


def test_levels_of_the_floor_are_drawn_from_the_whole_range():
    floors = AddNoiseFloor(random_state=0).transform(np.zeros((200, 500)))
    levels = in_db(floors.std(axis=1))
    assert -96 < levels.min() < -93
    assert -57 < levels.max() < -54
    assert levels.mean() == pytest.approx(-75, abs=2.5)


# Microphone


def test_a_microphone_is_a_smooth_filter_that_leaves_phases():
    gains = response(ChangeMicrophone(random_state=0))
    np.testing.assert_allclose(np.angle(gains), 0, atol=1e-4)
    assert 1 < np.ptp(in_db(gains)) < 20
    assert np.abs(np.diff(in_db(gains))).max() < 0.5


@pytest.mark.parametrize("spread_db", [0, 3, 6])
def test_gains_of_microphones_have_their_spread(spread_db):
    varied = ChangeMicrophone(spread_db, random_state=0).transform(np.tile(IMPULSE, (200, 1)))
    end = in_db(np.fft.rfft(varied)[:, -2])  # next to the last of the eight frequencies
    assert end.std() == pytest.approx(spread_db, rel=0.15, abs=1e-3)
    assert end.mean() == pytest.approx(0, abs=0.2 * spread_db + 1e-3)


# Phase


@pytest.mark.parametrize("angle", [-90, 0, 30, 180])
def test_all_phases_turn_by_one_angle_and_magnitudes_stay(angle):
    np.testing.assert_allclose(response(RotatePhase(angle)), np.exp(1j * np.deg2rad(angle)),
                               atol=1e-5)  # fmt: skip
    (turned,) = RotatePhase(angle).fit_transform([NOISE])
    spectra = [np.abs(np.fft.rfft(clip))[1:-1] for clip in (turned, NOISE)]
    np.testing.assert_allclose(*spectra, atol=1e-3)


def test_half_a_turn_inverts():
    np.testing.assert_allclose(RotatePhase(180).transform([NOISE])[0], -NOISE, atol=1e-5)


def test_angles_are_drawn_from_the_whole_turn():
    varied = RotatePhase(random_state=0).transform(np.tile(IMPULSE[7900:8100], (300, 1)))
    spectra = np.fft.rfft(varied)[:, 50] / np.fft.rfft(IMPULSE[7900:8100])[50]
    counts, _ = np.histogram(np.angle(spectra), bins=4, range=(-np.pi, np.pi))
    assert counts.min() > 50


# End of the band


@pytest.mark.parametrize("edge", [0.3, 0.8, 0.956])
def test_the_band_ends_where_it_says(edge):
    gains = response(CutBandEdge(edge))
    gain_db = dict(zip(np.arange(1, N // 2), in_db(gains), strict=True))  # bins: 8000 at the end

    def at(frequency):
        return gain_db[round(frequency * N / 2)]

    assert at(edge) == pytest.approx(-6.02, abs=0.05)
    assert max(abs(at(f)) for f in np.linspace(0.01, edge - 0.03, 50)) < 0.02
    assert max(at(f) for f in np.linspace(edge + 0.035, 0.999, 20)) < -60
    np.testing.assert_allclose(gains.imag, 0, atol=1e-5)  # nothing is delayed


def test_the_edge_of_soxr_is_that_of_its_resampler():
    soxr = pytest.importorskip("soxr")
    lowered = soxr.resample(np.pad(IMPULSE, N), 48000, 16000, quality="VHQ")
    theirs = in_db(np.fft.rfft(lowered)[1:-1])
    theirs -= theirs[100]
    ours = in_db(response(CutBandEdge(0.956)))
    assert np.abs(theirs - ours)[theirs > -20].max() < 1


def test_clips_go_on_beyond_their_ends_by_reflection():
    (cut,) = CutBandEdge(0.8).transform([np.cos(0.1 * np.arange(3001))])
    np.testing.assert_allclose(cut, np.cos(0.1 * np.arange(3001)), atol=0.02)


def test_edges_are_drawn_from_the_whole_range():
    varied = CutBandEdge((0.5, 0.9), random_state=0).transform(np.tile(IMPULSE, (100, 1)))
    edges = (np.abs(np.fft.rfft(varied)) > 0.5).sum(axis=1) / (N / 2)
    assert 0.5 <= edges.min() < 0.52
    assert 0.88 < edges.max() <= 0.901
