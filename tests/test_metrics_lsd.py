"""Log-spectral distance: values by hand, and independent implementations by torch and scipy."""

import numpy as np
import pytest
import torch
from scipy import signal

from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import ideal_lowband
from sklearn_audiosr.metrics import LSD_CONVENTIONS, log_spectral_distance

LN10 = np.log(10)
BANDS = ["full", "lowband", "highband"]


def noise(*shape, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(shape)


def pair(n_timepoints, seed=0):
    """A clip and a prediction of it that misses much of the highband."""
    y_true = noise(n_timepoints, seed=seed)
    return y_true, signal.lfilter([0.3, 0.3], 1, y_true) + 1e-3 * noise(n_timepoints, seed=seed + 1)


def lsd(y_true, y_pred, convention="log10", **kwargs):
    if convention == "ssr_eval":
        kwargs.setdefault("sampling_rate", 16000)
    return log_spectral_distance([y_true], [y_pred], convention=convention, **kwargs)


# By hand


@pytest.mark.parametrize(
    ("convention", "distance"),
    [("log10", 2), ("ssr_eval", 2), ("kuleshov2017", 2 * LN10), ("kuleshov2017_code", 2 * LN10)],
)
def test_lsd_of_20_db(convention, distance):
    y = noise(20000)
    assert lsd(y, 0.1 * y, convention) == pytest.approx(distance, abs=1e-3)
    assert lsd(0.1 * y, y, convention) == pytest.approx(distance, abs=1e-3)
    for band in BANDS:
        banded = lsd(y, 0.1 * y, convention, band=band, upsampling_ratio=4)
        assert banded == pytest.approx(distance, abs=1e-3)


@pytest.mark.parametrize(
    ("convention", "distance", "of_silence"),
    # the programs add 1e-8 under the root, and 1e-12 to 0 over 1e-24
    [
        ("log10", 0, 0),
        ("kuleshov2017", 0, 0),
        ("kuleshov2017_code", 1e-4, 1e-4),
        ("ssr_eval", 0, 12),
    ],
)
def test_lsd_of_identical_clips(convention, distance, of_silence):
    for y in (noise(3000), noise(1)):
        assert lsd(y, y, convention) == pytest.approx(distance, abs=1e-9)
    assert lsd(np.zeros(5000), np.zeros(5000), convention) == pytest.approx(of_silence)


def impulse_powers(frame, hop):
    """Power, at all frequencies, of the three frames of a clip of one timepoint of 1."""
    return np.sin(np.pi * (frame // 2 - hop * np.arange(3)) / frame) ** 4


@pytest.mark.parametrize(
    ("convention", "log", "floor", "frame", "hop"),
    [
        ("log10", np.log10, 1e-8, 2048, 512),
        ("kuleshov2017", np.log, 1e-8, 2048, 512),
        ("ssr_eval", np.log10, 1e-24, 743, 160),  # a magnitude of 1e-12
    ],
)
def test_lsd_of_silence_is_from_the_floor(convention, log, floor, frame, hop):
    for level in (1, 1e-3, 1e-5):
        powers = level**2 * impulse_powers(frame, hop)
        expected = log(np.maximum(powers / floor, 1)).mean()
        assert lsd([level], [0.0], convention) == pytest.approx(expected)


def test_code_convention_adds_the_floor_and_caps():
    expected = np.sqrt(np.mean(np.log(impulse_powers(2048, 512) + 1) ** 2) + 1e-8)
    assert lsd([1e-4], [0.0], "kuleshov2017_code") == pytest.approx(expected)
    assert lsd([1.0], [0.0], "kuleshov2017_code") == 10


def test_cap_counts_for_each_channel():
    y_true, y_pred = np.stack([noise(9000)] * 2), np.stack([np.zeros(9000), 0.1 * noise(9000)])
    capped = lsd(y_true, y_pred, "kuleshov2017_code")
    assert capped == pytest.approx((10 + 2 * LN10) / 2, abs=1e-3)


def test_root_over_frequency_or_over_frames():
    # equal in one half, 20 dB apart in the other
    y = noise(400_000)
    half = np.where(np.arange(400_000) < 200_000, 1, 0.1) * y
    assert lsd(y, half) == pytest.approx(2 / 2, rel=0.01)
    assert lsd(y, half, "kuleshov2017") == pytest.approx(2 * LN10 / 2, rel=0.01)
    assert lsd(y, half, "kuleshov2017_code") == pytest.approx(2 * LN10 / np.sqrt(2), rel=0.01)


@pytest.mark.parametrize("ratio", [2, 3, 4, 6])
def test_bands_split_at_the_narrowband_nyquist(ratio):
    """A highband 20 dB too low is 2 in the highband and nothing in the lowband."""
    spectrum = np.fft.rfft(noise(96000))
    y_true = np.fft.irfft(spectrum)
    spectrum[48000 // ratio + 1 :] *= 0.1
    y_pred = np.fft.irfft(spectrum)
    low, high, full = (
        lsd(y_true, y_pred, band=b, upsampling_ratio=ratio) for b in BANDS[1:] + BANDS[:1]
    )
    assert low == pytest.approx(0, abs=0.05)
    assert high == pytest.approx(2, rel=0.01)
    assert full == pytest.approx(2 * np.sqrt(1 - 1 / ratio), rel=0.01)


def test_nyquist_bin_is_lowband():
    """The bands hold bins 0..256 and 257..1024 of a frame of 2048 at r = 4."""
    y_true, y_pred = pair(5000)
    full, low, high = (lsd(y_true, y_pred, band=b, upsampling_ratio=4) for b in BANDS)
    both = reference(y_true, y_pred, "log10", by_frame=True)
    assert low == pytest.approx(np.sqrt((both**2)[:, :257].mean(axis=1)).mean(), rel=1e-9)
    assert high == pytest.approx(np.sqrt((both**2)[:, 257:].mean(axis=1)).mean(), rel=1e-9)
    assert full == pytest.approx(np.sqrt((both**2).mean(axis=1)).mean(), rel=1e-9)


# Against torch.stft


FRAMES = {16000: (743, 160), 44100: (2048, 441), 48000: (2229, 480)}  # of ssr_eval

# Logarithm of the ratio of a true to a predicted magnitude, as each program has it.
LOG_RATIOS = {
    "log10": lambda t, p: torch.log10(t.square().clamp(1e-8)) - torch.log10(p.square().clamp(1e-8)),
    "kuleshov2017": lambda t, p: torch.log(t.square().clamp(1e-8) / p.square().clamp(1e-8)),
    "kuleshov2017_code": lambda t, p: torch.log(t**2 + 1e-8) - torch.log(p**2 + 1e-8),
    "ssr_eval": lambda t, p: torch.log10(t**2 / (p + 1e-12) ** 2 + 1e-12),
}


def reference(y_true, y_pred, convention, by_frame=False, rate=16000):
    """Each program's formula over torch.stft, all frames at once."""
    n_fft, hop = FRAMES[rate] if convention == "ssr_eval" else (2048, 512)
    window = torch.hann_window(n_fft, periodic=True, dtype=torch.float64)
    magnitudes = [
        torch.stft(
            torch.from_numpy(np.pad(y, (0, max(0, n_fft // 2 + 1 - len(y))))),
            n_fft, hop, window=window, center=True, pad_mode="reflect", return_complex=True,
        ).abs().T
        for y in (y_true, y_pred)
    ]  # fmt: skip
    difference = LOG_RATIOS[convention](*magnitudes).numpy()  # (frames, bins)
    if by_frame:
        return difference
    if convention == "kuleshov2017_code":
        return min(10, np.sqrt((difference**2).mean(axis=0) + 1e-8).mean())
    return np.sqrt((difference**2).mean(axis=1)).mean()


def full_scale():
    y = pair(30_000)[0]
    return y / np.abs(y).max(), 0.9 * pair(30_000, seed=2)[1]


def gap():
    """Digital silence between two noises, which the prediction fills."""
    y_true, y_pred = pair(30_000)
    y_true[8_000:20_000] = 0
    return y_true, y_pred


def empty_highband():
    y = noise(32_000)
    spectrum = np.fft.rfft(y)
    spectrum[8_000:] = 0
    return y, np.fft.irfft(spectrum).astype(np.float32).astype(float)  # as a predictor rounds


CASES = {
    "full_scale": full_scale,
    "silent_truth": lambda: (np.zeros(9_000), noise(9_000)),
    "silent_prediction": lambda: (noise(9_000), np.zeros(9_000)),
    "both_silent": lambda: (np.zeros(9_000), np.zeros(9_000)),
    "gap_in_truth": gap,
    "gap_in_prediction": lambda: gap()[::-1],
    "empty_highband": empty_highband,
    "inaudible": lambda: tuple(1e-7 * y for y in pair(9_000)),
}


@pytest.mark.parametrize("rate", FRAMES)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("convention", LSD_CONVENTIONS)
def test_lsd_is_the_programs_figure(convention, case, rate):
    y_true, y_pred = CASES[case]()
    value = lsd(y_true, y_pred, convention, sampling_rate=rate)
    expected = reference(y_true, y_pred, convention, rate=rate)
    assert value == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_lsd_of_an_ideal_lowband_by_ssr_eval():
    """The package's own formula has 6.29 for this clip, one with clamped powers 4.94."""
    clips = load_speech().clips[:1]
    value = lsd(clips[0], ideal_lowband(clips, 2)[0], "ssr_eval", sampling_rate=16000)
    assert value == pytest.approx(6.292, abs=0.01)


@pytest.mark.parametrize("rate", [11025, 22050, 33075, 44100, 96000])
def test_frames_of_ssr_eval_follow_the_rate_as_the_program_rounds(rate):
    frame, hop = LSD_CONVENTIONS["ssr_eval"].frame_and_hop(rate)
    assert (frame, hop) == (int(2048 / (44100 / rate)), rate // 100)


@pytest.mark.parametrize("convention", LSD_CONVENTIONS)
@pytest.mark.parametrize("n_timepoints", [1, 100, 371, 372, 1024, 1025, 2048, 16000, 16001])
def test_lsd_equals_torch(convention, n_timepoints):
    y_true, y_pred = pair(n_timepoints)
    expected = reference(y_true, y_pred, convention)
    # powers of single timepoints are near 1e-24, where rounding counts
    assert lsd(y_true, y_pred, convention) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("convention", LSD_CONVENTIONS)
def test_lsd_of_long_clips_equals_one_block(convention):
    y_true, y_pred = pair(300_000)  # 586 frames of 2048 timepoints, of which 512 are one block
    y_pred[150_000:] *= 0.1
    expected = reference(y_true, y_pred, convention)
    assert lsd(y_true, y_pred, convention) == pytest.approx(expected, rel=1e-9)


def test_lsd_equals_scipys_short_time_fft():
    y_true, y_pred = pair(16000)
    sft = signal.ShortTimeFFT(signal.windows.hann(2048, sym=False), hop=512, fs=1)
    t, p = (
        np.log10(np.maximum(np.abs(sft.stft(np.pad(y, 1024, mode="reflect"))) ** 2, 1e-8))
        for y in (y_true, y_pred)
    )
    first = 2 - sft.p_min  # centred on the clip's first timepoint
    whole = slice(first, first + 16000 // 512 + 1)
    expected = np.sqrt(((t - p) ** 2).mean(axis=0))[whole].mean()
    assert lsd(y_true, y_pred) == pytest.approx(expected, rel=1e-9)


# Averages, arguments


def test_lsd_averages_channels_then_clips():
    stereo, mono = np.stack([noise(4000), noise(4000, seed=1)]), noise(3000, seed=2)
    y_true, y_pred = [stereo, mono], [stereo * [[0.1], [0.01]], 0.1 * mono]
    values = log_spectral_distance(y_true, y_pred, average=None)
    assert values == pytest.approx([3, 2], abs=1e-3)
    assert log_spectral_distance(y_true, y_pred) == pytest.approx(2.5, abs=1e-3)
    weighted = log_spectral_distance(y_true, y_pred, sample_weight=[1, 3])
    assert weighted == pytest.approx(2.25, abs=1e-3)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"band": "highband"}, r'band="highband" needs upsampling_ratio .*None: pass'),
        ({"band": "lowband"}, r'band="lowband" needs upsampling_ratio .*None: pass'),
        ({"convention": "ssr_eval"}, r'convention="ssr_eval" needs sampling_rate .*None: pass'),
        ({"convention": "ssr_eval", "sampling_rate": 50}, "at least 100 Hz, got 50: pass"),
        ({"convention": "db"}, "The 'convention' parameter of log_spectral_distance must be"),
        ({"band": "mid"}, "The 'band' parameter of log_spectral_distance must be"),
        ({"upsampling_ratio": 1}, "The 'upsampling_ratio' parameter"),
        ({"sampling_rate": 0}, "The 'sampling_rate' parameter"),
        ({"average": "mean"}, "The 'average' parameter"),
    ],
)
def test_lsd_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        log_spectral_distance(noise(1, 9), noise(1, 9), **kwargs)
