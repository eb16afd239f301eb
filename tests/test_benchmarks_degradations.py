"""What the benchmarks degrade by: lengths, time, noise; and how they measure the lowband rule."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import bench_robustness
from benchmarks.bench_lowband import (
    find_breaches,
    find_worst,
    make_narrowband,
    make_sounds,
    measure_change,
)
from benchmarks.bench_robustness import format_robustness
from benchmarks.degradations import FfmpegResampler, SoxrResampler, apply, make_degradations
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import Codec, Decimator
from sklearn_audiosr.metrics import signal_to_noise_ratio

RATE = 16000


@pytest.fixture(scope="module")
def y():
    return load_speech().clips[0][:24000]


def assert_aligned(z, x, name=""):
    assert z.shape == x.shape, name
    delay = np.argmax(np.fft.irfft(np.fft.rfft(z) * np.fft.rfft(x).conj(), len(x)))
    assert delay == 0, name


@pytest.mark.parametrize("ratio", [2, 4, 6])
def test_degradations_keep_length_and_time(ratio, y):
    (x,) = Decimator(ratio).fit_transform([y])
    rows = make_degradations(ratio, RATE)
    assert ("telephone" in rows) == (ratio == 2)
    for name, (wideband_steps, narrowband_steps) in rows.items():
        (z,) = apply([*wideband_steps, *narrowband_steps], [y])
        assert_aligned(z, x, name)


@pytest.mark.parametrize("resampler", [SoxrResampler, FfmpegResampler])
@pytest.mark.parametrize("ratio", [2, 3, 6])
def test_resamplers_keep_length_and_time(ratio, resampler, y):
    if resampler is FfmpegResampler and not FfmpegResampler.is_installed():
        pytest.skip("no ffmpeg")
    (x,) = Decimator(ratio).fit_transform([y])
    (z,) = resampler(ratio).fit_transform([y])
    assert_aligned(z, x)


@pytest.mark.parametrize("snr", [20, 30])
def test_the_target_has_the_noise_of_the_narrowband_clip(snr, y):
    steps, degradation = make_degradations(4, RATE)[f"white noise, {snr} dB"]
    (target,) = apply(steps, [y])
    assert signal_to_noise_ratio([y], [target]) == pytest.approx(snr, abs=0.01)
    (x,) = apply(degradation, [target])
    np.testing.assert_array_equal(x, Decimator(4).fit_transform([target])[0])


def test_only_noise_changes_the_targets():
    changed = {name for name, (steps, _) in make_degradations(4, RATE).items() if steps}
    assert changed == {"white noise, 30 dB", "white noise, 20 dB", "pink noise, 20 dB"}


def test_noisy_clips_are_scored_against_targets_with_the_same_noise(y, monkeypatch, capsys):
    """A model that returns the noisy wideband clip has no error; behind a codec it would have."""
    rows = make_degradations(4, RATE)
    chosen = {name: rows[name] for name in ("the paper's filter", "white noise, 20 dB")}
    chosen["refused"] = [], [Codec("mp3", sampling_rate=1)]
    monkeypatch.setattr(bench_robustness, "make_degradations", lambda ratio, rate: chosen)
    noisy = apply(rows["white noise, 20 dB"][0], [y])
    knowing = SimpleNamespace(upsampling_ratio_=4, sampling_rate=RATE, predict=lambda X: noisy)
    measured = bench_robustness.measure_robustness(knowing, [y[::-1]], [y], ["clip"])
    assert list(measured) == ["the paper's filter", "white noise, 20 dB"]
    assert "refused: left out" in capsys.readouterr().out
    (clean, same_noise) = (row["model"] for row in measured.values())
    assert clean["snr_db"] == pytest.approx(20, abs=0.01)
    assert same_noise["snr_db"] > 100
    assert (
        same_noise["highband"]["temporal_db2"]["value"]
        < 1e-6
        < clean["highband"]["temporal_db2"]["value"]
    )
    assert same_noise["highband"]["line_db"]["value"] == pytest.approx(0, abs=1e-3)
    linear, spline = (measured["white noise, 20 dB"][m]["snr_db"] for m in ("linear", "spline"))
    assert linear > 5
    assert spline > 5


def test_the_table_of_robustness_has_the_panel_s_columns():
    score = {"snr_db": 13.0, "lsd_log10": 1.0, "worst_snr_db": ["a", 5.0],
             "worst_lsd_log10": ["b", 2.0]}  # fmt: skip
    highband = {"temporal_db2": {"value": 27.61}, "line_db": {"value": 0.4}}
    rows = {"mp3": {"spline": score, "linear": score, "model": {**score, "highband": highband}}}
    header, row = (format_robustness(rows).splitlines()[i] for i in (1, 3))
    assert [title in header for title in ("over time", "line (dB)", "harmonics")] == 3 * [True]
    assert row.split("  ")[-1] == "5.0 / 2.00"
    assert "27.6" in row and "0.4" in row


# --- the lowband rule --------------------------------------------------------------------------


def change_levels(x, ratio, *bands):
    """Return an ideal interpolation of a narrowband clip with bands changed by so many dB."""
    spectrum = np.fft.rfft(x)
    frequency = np.fft.rfftfreq(len(x), ratio / RATE)
    for low, high, db in bands:
        spectrum[(frequency >= low) & (frequency < high)] *= 10 ** (db / 20)
    return ratio * np.fft.irfft(spectrum, ratio * len(x))


@pytest.mark.parametrize("ratio", [2, 4, 6])
def test_changes_of_known_size(ratio):
    x = np.random.default_rng(0).standard_normal(4 * RATE // ratio)
    change = measure_change(x, change_levels(x, ratio), RATE, ratio)
    assert change == pytest.approx({"inside": 0, "outside": 0}, abs=0.01)
    y = change_levels(x, ratio, (708, 891, -3), (0, 100, -5), (150, 250, 6))
    change = measure_change(x, y, RATE, ratio)
    assert change == pytest.approx({"inside": -3, "outside": -5}, abs=0.1)
    raised = measure_change(x, change_levels(x, ratio, (708, 891, 2)), RATE, ratio)
    assert raised == pytest.approx({"inside": 2, "outside": 0}, abs=0.1)


def test_what_is_not_heard_does_not_count():
    """Above a tone there is nothing but leakage."""
    x = np.sin(2 * np.pi * 500 * np.arange(8000) / 4000)
    change = measure_change(x, change_levels(x, 4, (1100, 1600, 30)), RATE, 4)
    assert change == pytest.approx({"inside": 0, "outside": 0}, abs=0.01)


def test_breaches_name_sound_and_resampler():
    change = {"db": -3.5, "behind": "scipy", "level": 1.0}
    fine = {"db": 0.9, "behind": "soxr", "level": 1.0}
    rows = {"hum": {"inside": fine, "outside": change}, "clicks": {"inside": fine, "outside": fine}}
    assert find_worst(rows) == {"inside": fine, "outside": change}
    assert find_breaches({"m, keep": rows}) == [
        "m, keep: hum: -3.50 dB outside the band, behind scipy"
    ]


def test_sounds_are_of_full_scale_and_quiet_ones_of_few_bits():
    sounds = {name: make_sounds(RATE)[name] for name in ("speech", "hum")}
    assert all(np.abs(y).max() == 1 for clips in sounds.values() for y in clips)
    narrow = make_narrowband(sounds, 4)
    for (name, resampler, level), X in narrow.items():
        assert np.abs(X[0]).max() == pytest.approx(level, rel=1e-3), (name, resampler)
    (quiet, *_) = narrow["speech, quiet in 8 bits", "soxr", 8 / 128]
    assert set(np.abs(quiet * 128)) == set(range(9))
