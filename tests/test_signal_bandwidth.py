"""The effective bandwidth: ends of bands that were made, and none where none was."""

import io
import tracemalloc

import numpy as np
import pytest
import soundfile
import soxr
from scipy import signal

from sklearn_audiosr import SplineUpsampler, effective_bandwidth
from sklearn_audiosr._signal.bandwidth import BandwidthMeter
from sklearn_audiosr.datasets import load_piano, load_speech
from sklearn_audiosr.degradation import Decimator, trim_clips

RATE = 16000


def noise(seconds=2, rate=RATE, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(int(seconds * rate))


def band_limit(x, bandwidth, rate=RATE):
    """Empty what lies above a frequency."""
    spectrum = np.fft.rfft(x)
    spectrum[np.fft.rfftfreq(len(x), 1 / rate) > bandwidth] = 0
    return np.fft.irfft(spectrum, len(x))


def measure(x, rate=RATE):
    return effective_bandwidth([x], rate)[0]


def tones(frequencies, levels=None, seconds=2):
    t = np.arange(seconds * RATE) / RATE
    levels = np.ones(len(frequencies)) if levels is None else levels
    return 0.1 * sum(
        a * np.sin(2 * np.pi * f * t) for a, f in zip(levels, frequencies, strict=True)
    )


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.85])
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000, 96000])
def test_end_of_a_band(rate, share):
    """To some bins of 16.7 Hz: those of the window's main lobe."""
    bandwidth = share * rate / 2
    measured = measure(band_limit(noise(rate=rate), bandwidth, rate), rate)
    assert bandwidth - 20 < measured < bandwidth + 80


@pytest.mark.parametrize("slope", [0, -6, -12, -18])
def test_noise_that_slopes_has_the_nyquist_frequency(slope):
    """A slope in dB an octave, from 100 Hz on."""
    spectrum = np.fft.rfft(noise())
    frequencies = np.maximum(np.fft.rfftfreq(2 * RATE, 1 / RATE), 100)
    assert measure(np.fft.irfft(spectrum * (frequencies / 100) ** (slope / 6.02))) == 8000


def quantize(n_bits, dither):
    def convert(x):
        steps = 2 ** (n_bits - 1)
        random = np.random.default_rng(1).random((2, len(x))).sum(axis=0) - 1
        return np.round(x * steps + dither * random) / steps

    return convert


@pytest.mark.parametrize(
    "add_floor",
    [
        quantize(16, 0),
        quantize(16, 1),
        quantize(8, 0),
        quantize(8, 1),
        lambda x: x + 0.7,  # an offset
        lambda x: x + tones([50, 100, 150], [1, 0.5, 0.2], len(x) // RATE),  # hum
        lambda x: x + 1e-4 * noise(len(x) // RATE, seed=2),
        lambda x: x + 1e-3 * tones([5200], seconds=len(x) // RATE),  # a pilot tone
    ],
)
@pytest.mark.parametrize("bandwidth", [1000, 2900, 4000, 8000])
def test_floors(add_floor, bandwidth):
    x = add_floor(3 * band_limit(noise(), bandwidth))
    assert bandwidth - 20 < measure(x) < bandwidth + 80
    assert measure(x) <= 8000


@pytest.mark.parametrize("level", [1e-6, 1, 1e6])
def test_any_level(level):
    x = band_limit(noise(), 3000)
    assert measure(level * x) == measure(x)


def hold(x, ratio):
    return np.repeat(x, ratio)


def interpolate_linearly(x, ratio):
    return np.interp(np.arange(len(x) * ratio) / ratio, np.arange(len(x)), x)


def interpolate_cubically(x, ratio):
    return SplineUpsampler().fit([x], [np.zeros(len(x) * ratio)]).predict([x])[0]


def insert_zeros(x, ratio):
    y = np.zeros(len(x) * ratio)
    y[::ratio] = x
    return y


@pytest.mark.parametrize("upsample", [hold, interpolate_linearly, interpolate_cubically])
@pytest.mark.parametrize("ratio", [2, 3, 4, 5, 6, 8])
def test_images_are_no_content(upsample, ratio):
    """Noise with a gap below the narrowband Nyquist frequency, so that the answer is known."""
    narrow = 16000 / ratio
    x = band_limit(noise(rate=narrow), 0.4 * narrow, narrow)
    assert measure(upsample(x, ratio)) == pytest.approx(0.4 * narrow, rel=0.06)


@pytest.mark.parametrize("ratio", [2, 4])
@pytest.mark.parametrize("upsample", [hold, insert_zeros, interpolate_cubically])
def test_images_of_a_full_band_end_at_its_nyquist_frequency(upsample, ratio):
    x = noise(rate=16000 / ratio)
    assert measure(upsample(x, ratio)) == pytest.approx(8000 / ratio, rel=0.05)


def test_images_of_a_cut_clip_in_stereo_at_16_bits():
    x = np.stack([hold(noise(rate=8000, seed=seed), 2)[3:] for seed in (0, 1)])
    assert measure(np.round(x * 2**15) / 2**15) == pytest.approx(4000, rel=0.05)


@pytest.mark.parametrize("fundamental", [125, 200, 250, 500])
@pytest.mark.parametrize("slope", [0, -6, -12])
def test_a_steady_tone_is_no_image(fundamental, slope):
    """The rate is a multiple of the fundamental: its partials mirror each other."""
    orders = np.arange(1, 7900 // fundamental + 1)
    x = tones(fundamental * orders, orders ** (slope / 6.02))
    assert measure(x) > 7700
    assert measure(x + 1e-4 * noise()) > 7700


def test_a_click_is_no_image():
    x = 1e-5 * noise()
    x[20000] = 0.5
    assert measure(x) == 8000


@pytest.mark.parametrize("frequencies", [[440], [440, 1500], [300, 700, 2900], [50]])
def test_a_few_tones_say_nothing_about_a_band(frequencies):
    assert measure(tones(frequencies)) == 8000


def test_many_tones_do():
    assert 1870 < measure(tones(np.arange(110, 1871, 110))) < 1970


def test_an_offset_has_no_band():
    assert measure(np.full(2 * RATE, 0.3)) == 8000


@pytest.mark.parametrize("n_timepoints", [1, 100, 959, 4319])
def test_too_short_is_nan(n_timepoints):
    assert np.isnan(measure(noise()[:n_timepoints]))


def test_shortest():
    assert measure(noise()[:4320]) == 8000
    assert measure(band_limit(noise(), 2000)[:4320]) == pytest.approx(2000, rel=0.05)


def test_silence_is_nan_and_where_a_clip_is_silent_does_not_count():
    x = band_limit(noise(), 2000)
    assert np.isnan(measure(np.zeros(2 * RATE)))
    assert measure(np.concatenate([np.zeros(RATE), x, np.zeros(RATE)])) == pytest.approx(
        2000, rel=0.05
    )


def test_brief_content_counts():
    x = band_limit(noise(4), 2000)
    x[30000:33000] += noise()[:3000]
    assert measure(x) == 8000


def test_containers():
    wide, narrow = noise(), band_limit(noise(), 2000)
    one, other = effective_bandwidth([wide, narrow[:9000]], RATE)
    assert (one, other) == (measure(wide), measure(narrow[:9000]))
    np.testing.assert_array_equal(
        effective_bandwidth(np.stack([wide, narrow]), RATE), [8000, measure(narrow)]
    )
    np.testing.assert_array_equal(
        effective_bandwidth(np.stack([[wide, narrow], [narrow, wide], [narrow, narrow]]), RATE),
        [8000, 8000, measure(narrow)],
    )
    pcm = np.round(narrow * 2**15).astype(np.int16)
    assert measure(pcm) == measure(pcm / 2.0**15)


def test_rate_scales_the_answer():
    """Frames are as long in seconds: a rate of a multiple of 4000 Hz has frames on the grid."""
    x = band_limit(noise(4), 2000)
    assert measure(x, 8000) == pytest.approx(1000, rel=0.05)


@pytest.mark.parametrize("sampling_rate", [0, -16000, "16000", None, np.nan])
def test_illegal_rates(sampling_rate):
    with pytest.raises(
        ValueError, match="'sampling_rate' parameter of effective_bandwidth must be"
    ):
        effective_bandwidth([noise()], sampling_rate)


def test_clips_are_checked():
    x = noise()
    x[7] = np.nan
    with pytest.raises(ValueError, match=r"clips\[1\] must be finite .*, got NaN at timepoint 7"):
        effective_bandwidth([noise(), x], RATE)


@pytest.mark.parametrize("size", [480, 1000, 4801, 40000])
@pytest.mark.parametrize(
    "x",
    [
        np.stack([hold(noise(2, 8000, seed), 2) for seed in (0, 1)]),
        tones(np.arange(125, 7900, 125))[None],
    ],
)
def test_blocks_give_what_the_whole_gives(x, size):
    meter, whole = BandwidthMeter(RATE), BandwidthMeter(RATE)
    for start in range(0, x.shape[1], size):
        meter.push(x[:, start : start + size])
    whole.push(x)
    np.testing.assert_allclose(meter._power, whole._power)  # each frame once
    assert meter.bandwidth() == whole.bandwidth() == measure(x)


def test_memory_does_not_grow():
    def peak(n_blocks):
        meter, block = BandwidthMeter(RATE), noise(1)[None].astype(np.float32)
        tracemalloc.start()
        for _ in range(n_blocks):
            meter.push(block)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(40) < 1.05 * peak(4)


def test_a_long_block_is_transformed_in_pieces():
    x = noise(120)[None].astype(np.float32)
    tracemalloc.start()
    BandwidthMeter(RATE).push(x)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10e6  # its spectra at once take 60 MB and more


def test_shelf_of_a_codec():
    file = io.BytesIO()
    soundfile.write(
        file, noise(4, 44100), 44100, "MPEG_LAYER_III", format="MP3", compression_level=0.6
    )
    file.seek(0)
    assert 15000 < measure(soundfile.read(file)[0], 44100) < 18000


def degrade(clip, ratio, method):
    X = Decimator(ratio).transform([clip])
    if method == "soxr":
        return soxr.resample(X[0], 1, ratio)
    if method == "polyphase":
        return signal.resample_poly(X[0], ratio, 1)
    return interpolate_cubically(X[0], ratio)


@pytest.mark.parametrize("load", [load_speech, load_piano])
def test_recordings_that_ship(load):
    clips = trim_clips(load().clips[:4], 4)
    assert (effective_bandwidth(clips, RATE) > 7000).all()
    for ratio in (2, 4):
        for method in ("soxr", "polyphase", "spline"):
            restored = [np.round(degrade(clip, ratio, method) * 2**15) / 2**15 for clip in clips]
            shares = effective_bandwidth(restored, RATE) / (8000 / ratio)
            assert ((shares > 0.7) & (shares < 1.05)).all(), (ratio, method)


@pytest.mark.parametrize("pack", ["speech_multi", "piano", "speech_fullband"])
def test_recordings(pack, shared_data):
    paths = sorted((shared_data / pack).rglob("*.flac"))[::20]
    for path in paths[:8]:
        clip, rate = soundfile.read(path, stop=4 * 44100)
        clip = trim_clips([clip], 4)[0]
        assert measure(clip, rate) > 0.6 * rate / 2
        for method in ("soxr", "spline"):
            share = measure(degrade(clip, 2, method), rate) / (rate / 4)
            assert 0.7 < share < 1.05, (path.name, method)
