"""Codecs: exact lengths, no delay at any rate, levels, draws, and what is missing is named."""

import warnings

import numpy as np
import pytest
import soundfile
from containers import Lazy
from scipy import signal
from sklearn.base import clone

from sklearn_audiosr._files.encoding import encode
from sklearn_audiosr.degradation import Codec, Decimator
from sklearn_audiosr.degradation._round_trip import round_trip

FORMATS = ["mp3", "vorbis", "opus"]
TONE = (0.3 * np.cos(2 * np.pi * 440 * np.arange(4000) / 16000)).astype(np.float32)


def voice(rate, seconds=0.6):
    """Return bursts of a buzz of 150 Hz with two formants, which no period fits."""
    rng = np.random.default_rng(0)
    n = int(seconds * rate)
    buzz = np.zeros(n)
    buzz[np.cumsum(rng.integers(rate // 170, rate // 130, n // (rate // 130)))[:-20] % n] = 1
    for frequency, bandwidth in ((600, 100), (1700, 150)):
        radius = np.exp(-np.pi * bandwidth / rate)
        angle = 2 * np.pi * frequency / rate
        buzz = signal.lfilter([1], [1, -2 * radius * np.cos(angle), radius**2], buzz)
    envelope = np.abs(np.sin(2 * np.pi * 2.3 * np.arange(n) / rate))
    return (0.5 * buzz * envelope / np.abs(buzz).max()).astype(np.float32)


def lag(x, y):
    """Timepoints, and parts of one, by which x lags behind y."""
    correlation = signal.correlate(x.astype(float), y.astype(float))
    peak = np.argmax(correlation)
    before, at, after = correlation[peak - 1 : peak + 2]
    part = 0.5 * (before - after) / (before - 2 * at + after)
    return signal.correlation_lags(len(x), len(y))[peak] + part


# Delay and length


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("rate", [4000, 8000, 11025, 16000, 32000 / 3, 24000, 44100, 48000])
def test_nothing_is_delayed_at_any_rate(rate, format):
    y = voice(round(rate))
    for level in (None, 0.5, 0.9, 0.97):
        codec = Codec(format, sampling_rate=rate, compression_level=level)
        x = codec.fit_transform([y])[0]
        assert len(x) == len(y)
        assert abs(lag(x, y)) < 0.5
        assert np.corrcoef(x, y)[0, 1] > 0.9


@pytest.mark.parametrize("mode", ["constant", "average", "variable"])
@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
def test_mp3_is_not_delayed_in_any_mode(rate, mode):
    """At a low constant bit rate a frame is too short for the header that tells the delay."""
    y = voice(rate)
    for level in (0, 0.5, 0.95, 1):
        codec = Codec("mp3", sampling_rate=rate, compression_level=level, bitrate_mode=mode)
        x = codec.transform([y])[0]
        assert len(x) == len(y)
        assert abs(lag(x, y)) < 0.3


@pytest.mark.parametrize("frequency", [440, 5000, 12000, 16000])
def test_tones_are_not_shifted_by_a_period(frequency):
    y = (0.3 * np.cos(2 * np.pi * frequency * np.arange(9600) / 48000)).astype(np.float32)
    x = round_trip(y, 48000, "opus", 0.5)
    # a shift by a period moves the silence before the clip into it
    np.testing.assert_allclose(x[2000:-2000], y[2000:-2000], atol=0.1)
    assert abs(lag(x, y)) < 0.5


@pytest.mark.parametrize("format", FORMATS)
def test_clips_of_any_length(format):
    lengths = [1, 2, 3, 17, 479, 575, 576, 577, 960, 1151, 1152, 1153]
    clips = [TONE[:n] for n in lengths]
    for rate in (16000, 22050):
        X = Codec(format, sampling_rate=rate).fit_transform(clips)
        assert [len(x) for x in X] == lengths
        assert all(np.abs(x - y).max() < 0.35 for x, y in zip(X, clips, strict=True))


@pytest.mark.parametrize("n_timepoints", [1900, 2000, 9600, 9601])
def test_opus_keeps_the_end(n_timepoints):
    """Left alone, libsndfile loses the last milliseconds of these lengths."""
    y = (0.3 * np.sin(2 * np.pi * 300 * np.arange(n_timepoints) / 48000 + 1)).astype(np.float32)
    x = round_trip(y, 48000, "opus")
    assert np.abs(x - y)[-300:].max() < 0.15


def test_vorbis_takes_long_clips():
    """Given at once, so long a clip makes libvorbis overflow its stack."""
    x = round_trip(np.zeros(3_000_000, dtype=np.float32), 48000, "vorbis")
    assert x.shape == (3_000_000,)


# Quality


@pytest.mark.parametrize("format", FORMATS)
def test_higher_compression_takes_fewer_bytes_and_loses_more(format):
    y = voice(16000)
    levels = [0, 0.5, 0.9] if format != "opus" else [0.5, 0.9, 0.98]
    sizes = [len(encode(y, 16000, format, level, None).getvalue()) for level in levels]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1.3 * sizes[2]
    codecs = [Codec(format, sampling_rate=16000, compression_level=level) for level in levels]
    errors = [np.linalg.norm(codec.transform([y])[0] - y) for codec in codecs]
    assert errors == sorted(errors)
    assert errors[0] < 0.1 * np.linalg.norm(y)
    assert errors[2] > 2 * errors[0]


def test_constant_bit_rate_is_libsndfiles():
    """8 to 160 kbit/s from 16 kHz on, 32 to 320 from 32 kHz on."""
    silence = np.zeros(5 * 16000, dtype=np.float32)
    for rate, level, bit_rate in [(16000, 0, 160), (16000, 1, 8), (32000, 0.5, 160)]:
        size = len(encode(silence, rate, "mp3", level, "constant").getvalue())
        assert 8e-3 * size / (len(silence) / rate) == pytest.approx(bit_rate, rel=0.1)


def test_the_mode_is_mp3s_alone():
    y = voice(16000)
    for format in ("vorbis", "opus"):
        plain, named = (
            Codec(format, sampling_rate=16000, compression_level=0.8, bitrate_mode=mode)
            for mode in (None, "constant")
        )
        np.testing.assert_array_equal(plain.transform([y]), named.transform([y]))
    with pytest.raises(ValueError, match='compression_level must be given with bitrate_mode="aver'):
        Codec(sampling_rate=16000, bitrate_mode="average").fit([y])


# Levels


@pytest.mark.parametrize("format", FORMATS)
def test_silence_and_levels(format):
    codec = Codec(format, sampling_rate=16000)
    assert np.abs(codec.transform(np.zeros((1, 3000)))).max() < 1e-30
    for level in (0.01, 0.1, 3):
        x = codec.transform([level * TONE])[0]
        assert np.linalg.norm(x / level - TONE) < 0.2 * np.linalg.norm(TONE)
    assert np.abs(codec.transform([1e-6 * TONE])[0]).max() < 1e-4  # below what is coded


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_beyond_full_scale_is_clipped_with_a_warning(format):
    codec, square = Codec(format, sampling_rate=16000), np.clip(1e6 * TONE, -1, 1)
    message = r"Codec needs clips in \[-1, 1\], got a peak of 3e\+05: Y\[1\] was clipped"
    with pytest.warns(UserWarning, match=message) as warned:
        X = codec.transform([TONE, 1e6 * TONE, TONE])
    assert len(warned) == 1
    assert warned[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(X[1], codec.transform([square])[0])


# Containers and draws


@pytest.mark.parametrize("format", FORMATS)
def test_channels_are_coded_one_by_one(format):
    three = np.stack([TONE, 0.5 * TONE[::-1], np.zeros_like(TONE)])
    codec = Codec(format, sampling_rate=16000)
    X = codec.transform((three, TONE))
    assert type(X) is tuple
    np.testing.assert_array_equal(X[0][0], X[1])
    np.testing.assert_array_equal(X[0], codec.transform(three))
    assert X[0].dtype == X[1].dtype == np.float32
    assert codec.transform(np.stack([three, three])).shape == (2, 3, 4000)


def test_pcm_equals_floats():
    pcm, codec = (TONE * 2**14).astype(np.int16), Codec("vorbis", sampling_rate=16000)
    np.testing.assert_array_equal(codec.transform(pcm[None]), codec.transform(pcm[None] / 2**15))


def test_random_formats_and_levels_are_drawn_by_clip():
    codec = Codec("random", sampling_rate=16000, compression_level=(0.2, 0.98), random_state=2)
    Y = [TONE[:1500]] * 12
    first = codec.fit_transform(Y)
    for again in (codec.transform(Y), clone(codec).transform(Lazy(Y))):
        np.testing.assert_array_equal(first, again)
    assert len({x.tobytes() for x in first}) == 12
    # clip 5 has draw 5, whatever stands before it
    np.testing.assert_array_equal(codec.transform([np.zeros(9)] * 5 + Y[5:6])[5], first[5])
    drawn = []
    for i, x in enumerate(first):
        rng = codec._make_rng_of()(i)
        drawn.append(str(rng.choice(FORMATS)))
        level = rng.uniform(0.2, 0.98)
        np.testing.assert_array_equal(x, round_trip(Y[i], 16000, drawn[-1], level))
    assert set(drawn) == set(FORMATS)
    other = clone(codec).set_params(random_state=None)
    assert not np.array_equal(other.transform(Y), other.transform(Y))


def test_it_stands_before_or_after_a_decimator():
    Y = np.stack([voice(16000)[:9000]] * 2)
    before = Decimator(2).transform(Codec("vorbis", sampling_rate=16000).transform(Y))
    after = Codec("vorbis", sampling_rate=8000).transform(Decimator(2).transform(Y))
    clean = Decimator(2).transform(Y)
    for X in (before, after):
        assert X.shape == clean.shape
        assert 0 < np.linalg.norm(X - clean) < 0.2 * np.linalg.norm(clean)


# Errors


def test_the_rate_must_be_given():
    for act in ("fit", "transform"):
        with pytest.raises(ValueError, match="sampling_rate must be the rate in Hz .* got None: p"):
            getattr(Codec(), act)([TONE])


@pytest.mark.parametrize(
    ("name", "value"),
    [("format", "aac"), ("sampling_rate", 500), ("sampling_rate", 400_000),
     ("compression_level", 1.1), ("compression_level", "low"), ("bitrate_mode", "CBR"),
     ("random_state", "a")],
)  # fmt: skip
def test_parameters_are_checked(name, value):
    for act in ("fit", "transform"):
        with pytest.raises(ValueError, match=f"The '{name}' parameter of Codec must be"):
            getattr(Codec(**{"sampling_rate": 16000, name: value}), act)([TONE])


@pytest.mark.parametrize("pair", [(0.9, 0.1), (0, 2), (0.5,), (0, True)])
def test_bad_ranges_are_named(pair):
    with pytest.raises(ValueError, match=r"compression_level must be a number or a pair .* \[0, 1"):
        Codec(sampling_rate=16000, compression_level=pair).fit([TONE])


@pytest.mark.parametrize("format", [*FORMATS, "random"])
def test_a_libsndfile_without_the_format_is_named(format, monkeypatch):
    monkeypatch.setattr(soundfile, "available_formats", lambda: {"WAV": "", "OGG": ""})
    monkeypatch.setattr(soundfile, "available_subtypes", lambda major: {"FLAC": ""})
    name = "mp3" if format == "random" else format
    with pytest.raises(ValueError, match=f'format="{name}" needs a libsndfile .* pip install -U'):
        Codec(format, sampling_rate=16000).fit([TONE])


def test_an_old_soundfile_is_named(monkeypatch):
    class OldSoundFile:
        def __init__(self, file, mode="r"):
            pass

    monkeypatch.setattr(soundfile, "SoundFile", OldSoundFile)
    message = (
        r"compression_level and bitrate_mode must be None for soundfile .*, got 0.5, 'average': "
        r"leave the default, or pip install -U soundfile \(0.13 or newer\)"
    )
    with pytest.raises(ValueError, match=message):
        Codec(sampling_rate=16000, compression_level=0.5, bitrate_mode="average").fit([TONE])
    Codec(sampling_rate=16000).fit([TONE])


@pytest.mark.parametrize("module", ["soundfile", "soxr"])
def test_missing_libraries_are_named(module, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(ImportError, match=f"pip install {module}"):
        Codec("opus", sampling_rate=22050).transform([TONE])
