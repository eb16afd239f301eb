"""The models that ship."""

import functools
import re

import numpy as np
import pytest
from scipy.signal import resample_poly

from sklearn_audiosr import AudioSuperResolver, SplineUpsampler, load_pretrained, pretrained_names
from sklearn_audiosr._models.pretrained import pretrained_path
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import Codec, Decimator, Telephone, trim_clips
from sklearn_audiosr.metrics import log_spectral_distance, signal_to_noise_ratio

# of the wheel, which holds them all
LARGEST_FILE = 8_000_000

NAMES = pretrained_names()

load_once = functools.cache(load_pretrained)  # for tests that change nothing in a model


def test_there_are_speech_models():
    assert {"speech-2x-16k", "speech-4x-16k", "speech-6x-16k"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_name_tells_ratio_and_rate(name):
    est = load_pretrained(name)
    assert isinstance(est, AudioSuperResolver)
    _, ratio, rate = name.split("-")
    assert est.upsampling_ratio_ == int(ratio.removesuffix("x"))
    assert est.sampling_rate // 1000 == int(rate.removesuffix("k"))
    assert est.highband_gain == 1.0


@pytest.mark.parametrize("name", NAMES)
def test_files_are_small(name):
    assert pretrained_path(name).stat().st_size <= LARGEST_FILE


@pytest.mark.parametrize("name", NAMES)
def test_card_tells_what_a_user_must_know(name):
    card = load_once(name).card_
    assert card["name"] == name
    for field in ("training recordings", "degradation", "metrics", "scores", "seed", "hardware"):
        assert card[field] not in (None, "", [], {})
    for source in card["training recordings"]:  # a repository, and who is to be credited how
        assert re.match(r"[\w.-]+/\S+.*: .*(CC|Apache|Public domain)", source), source


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("speech")])
def test_speech_sounds_wideband(name):
    """On the bundled speech, which nobody trained on: far better spectra than the spline's."""
    est = load_once(name)
    Y = trim_clips(load_speech().clips[:6], est.upsampling_ratio_)
    X = Decimator(est.upsampling_ratio_).fit_transform(Y)
    spline = SplineUpsampler().fit(X, Y).predict(X)
    full, mean = est.predict(X), est.predict(X, highband_gain=0)
    assert log_spectral_distance(Y, full) < 0.6 * log_spectral_distance(Y, spline)
    assert signal_to_noise_ratio(Y, mean) > signal_to_noise_ratio(Y, spline)
    assert signal_to_noise_ratio(Y, full) > signal_to_noise_ratio(Y, spline) - 1


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("speech")])
@pytest.mark.parametrize(("codec", "level"), [("mp3", None), ("mp3", 0.7), ("vorbis", 0.99)])
def test_codecs_behind_resamplers_leave_the_lowband_alone(name, codec, level):
    """They empty the end of a band that was full: no more is to be made of it than is known."""
    est = load_once(name)
    ratio = est.upsampling_ratio_
    Y = trim_clips([clip[:40_000] for clip in load_speech().clips[::4]], ratio)
    X = [resample_poly(y, 1, ratio).astype(np.float32) for y in Y]
    rate = est.sampling_rate / ratio
    X = Codec(codec, sampling_rate=rate, compression_level=level).fit_transform(X)
    spline = score_clips(Y, SplineUpsampler().fit(X, Y).predict(X))
    full, mean = (score_clips(Y, est.predict(X, highband_gain=gain)) - spline for gain in (1, 0))
    assert full.mean() > -1.0
    assert mean.mean() > -0.6
    assert full.min() > -3.0  # a whistle below the end of the band had -10
    assert mean.min() > -2.5


@pytest.mark.parametrize("law", ["mulaw", None])
def test_what_a_telephone_took_is_put_back(law):
    """No limit of the correction holds where a line ends, 300 Hz: below are the loudest bins."""
    est = load_once("speech-2x-16k")
    Y = trim_clips(load_speech().clips[::4], 2)
    X = Telephone(2, sampling_rate=16000, law=law).fit_transform(Y)
    gain = score_clips(Y, est.predict(X)) - score_clips(Y, SplineUpsampler().fit(X, Y).predict(X))
    assert gain.min() > 1.0  # 0.05 where it did


def score_clips(Y, Y_pred):
    return np.array([signal_to_noise_ratio([y], [p]) for y, p in zip(Y, Y_pred, strict=True)])


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("speech")])
def test_a_recording_s_offset_does_little_harm(name):
    est = load_once(name)
    Y = trim_clips(load_speech().clips[::8], est.upsampling_ratio_)
    X = Decimator(est.upsampling_ratio_).fit_transform(Y)
    plain = est.predict(X)
    snr, lsd = signal_to_noise_ratio(Y, plain), log_spectral_distance(Y, plain)
    for offset in (np.float32(0.05), np.float32(0.2)):
        moved = [y - offset for y in est.predict([x + offset for x in X])]
        assert signal_to_noise_ratio(Y, moved) > snr - 0.5
        assert log_spectral_distance(Y, moved) < lsd + 0.16


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("offset", [0.0, 0.3])
def test_a_stream_is_the_whole(name, offset):
    """Rounding differs with the length of the pieces: no network may make much of that."""
    est = load_once(name)
    (y,) = trim_clips([load_speech().clips[0][:40_000]], est.upsampling_ratio_)
    (x,) = Decimator(est.upsampling_ratio_).fit_transform([y]) + np.float32(offset)
    (whole,) = est.predict([x])
    stream = est.stream(1)
    pieces = [stream.push(x[None, start : start + 1000]) for start in range(0, len(x), 1000)]
    joined = np.concatenate([*pieces, stream.flush()], axis=-1)[0]
    np.testing.assert_allclose(joined, whole, atol=1e-5 * np.abs(whole).max())


@pytest.mark.parametrize("name", NAMES)
def test_it_goes_on_training(name):
    est = load_pretrained(name)
    Y = trim_clips([clip[:8000] for clip in load_speech().clips[:2]], est.upsampling_ratio_)
    X = Decimator(est.upsampling_ratio_).fit_transform(Y)
    before = est.predict(X)[0]
    est.set_params(warm_start=True, max_epochs=1, learning_rate=1e-4, patch_length=2048)
    est.set_params(validation_fraction=0.0)
    after = est.fit(X, Y).predict(X)[0]
    difference = np.abs(after - before).max() / np.abs(before).max()
    assert 0 < difference < 0.5


def test_unknown_names_are_told():
    with pytest.raises(ValueError, match=r"name must be one of .*'speech-4x-16k'.*got 'speech'"):
        load_pretrained("speech")
