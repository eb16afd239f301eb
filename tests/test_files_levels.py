"""Levels that no encoder must be given: they are clipped with a warning, or refused.

Some encoders would end the process: that of MP3 at 1e9 and NaN, those of A-law and mu-law at 1000.
"""

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_files import enter_folder, names, noise, read, spline, write

from sklearn_audiosr import upsample_file
from sklearn_audiosr._files.blocks import write_blocks
from sklearn_audiosr._files.encoding import encode
from sklearn_audiosr.listening._writing import encode_wav

folder = pytest.fixture(enter_folder)

FLOATS = ("FLOAT", "DOUBLE")
LEVELS = [1e3, 1e9, 1e30]
LOSSY = ("MPEG_LAYER_III", "VORBIS", "OPUS")


def list_encoders():
    """Return the name of a file format for each sample format that soundfile writes."""
    found = {}
    for name in soundfile.available_formats():
        if name == "SD2":  # of two files, of which the second would lie in the working folder
            continue
        for subtype in soundfile.available_subtypes(name):
            found.setdefault(subtype, name)
    return sorted(found.items())


def write_in_memory(subtype, name, *blocks):
    """Write blocks of one channel, and return the timepoints that are read back."""
    memory = io.BytesIO()
    with soundfile.SoundFile(memory, "w", 16000, 1, subtype, format=name) as writer:
        write_blocks(writer, [block[np.newaxis] for block in blocks], Path("a.xyz"))
    memory.seek(0)
    raw = {"samplerate": 16000, "channels": 1, "subtype": subtype} if name == "RAW" else {}
    return soundfile.read(memory, dtype="float32", format=name if raw else None, **raw)[0]


@pytest.mark.parametrize(("subtype", "name"), list_encoders())
def test_no_encoder_is_given_more_than_full_scale(subtype, name):
    x = noise(4000)
    x /= np.abs(x).max()
    try:
        write_in_memory(subtype, name, 0.5 * x)
    except (soundfile.SoundFileError, OSError):
        pytest.skip("listed, but not written")
    for level in map(np.float32, LEVELS):
        if subtype in FLOATS:
            np.testing.assert_array_equal(write_in_memory(subtype, name, level * x), level * x)
            continue
        with pytest.warns(UserWarning, match=rf"a.xyz reaches 1e\+.* since {subtype}"):
            y = write_in_memory(subtype, name, level * x)
        clipped = write_in_memory(subtype, name, np.clip(level * x, -1, 1))
        np.testing.assert_array_equal(y, clipped)
        assert 0.3 < np.abs(y).max() < 4  # decoders of lossy formats overshoot
    for wrong in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match="a.xyz must hold finite .* timepoints 4000 and 8000"):
            write_in_memory(subtype, name, x, np.where(np.arange(4000) == 9, np.float32(wrong), x))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("suffix", ["mp3", "ogg", "opus", "flac", "wav"])
def test_a_loud_source_is_clipped_once_and_told(suffix, level, folder):
    x = write("loud.wav", np.float32(level) * noise(1, 2000))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        upsample_file(spline(), "loud.wav", f"wide.{suffix}")
    expected = spline().predict([x])[0]
    y = read(f"wide.{suffix}")
    if suffix == "wav":  # which keeps floats
        assert caught == []
        np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())
        return
    (warning,) = caught
    assert f"wide.{suffix} reaches {np.abs(expected).max():.3g} and was clip" in str(
        warning.message
    )
    assert warning.filename == __file__
    assert 0.5 < np.abs(y).max() < 2.5
    assert y.shape == expected.shape


@pytest.mark.parametrize("suffix", ["mp3", "wav"])
def test_results_that_are_not_finite_are_no_file(suffix, folder):
    write("a.wav", noise(1, 2000))
    est = spline()
    est.stream = lambda n_channels: type(
        "Gain", (), {"push": lambda self, x: x / np.float32(0), "flush": lambda self: noise(1, 0)}
    )()
    message = rf"wide.{suffix} must hold finite values, got NaN or infinity between timepoints 0 "
    with np.errstate(divide="ignore"), pytest.raises(ValueError, match=message):
        upsample_file(est, "a.wav", f"wide.{suffix}")
    assert names(folder) == ["a.wav"]


@pytest.mark.parametrize("codec", ["mp3", "vorbis", "opus"])
def test_codecs_in_memory_refuse_what_is_no_audio(codec):
    x = noise(8000)
    decoded = soundfile.read(encode(4 * x, 16000, codec))[0]  # a little beyond, as resamplers make
    assert 0.9 < np.abs(decoded).max() < 2
    for wrong in (1e3, 1e9, 1e30, np.nan, np.inf):
        with pytest.raises(ValueError, match=f"to be coded as {codec}, got a peak of"):
            encode(np.float32(wrong) * x, 16000, codec)


def test_stimuli_of_a_listening_test_are_clipped_or_refused():
    y = soundfile.read(io.BytesIO(encode_wav(np.float32([[1e30, -1e3, 0.5]]), 16000)))[0]
    np.testing.assert_array_equal(y, [1 - 2**-15, -1, 0.5])
    with pytest.raises(ValueError, match="clip must hold finite values, got NaN or infinity: "):
        encode_wav(np.float32([[0, np.nan]]), 16000)


def test_a_level_that_float32_can_not_hold_is_an_error_without_other_warnings(folder):
    x = np.sign(noise(1, 4000)) * np.float32(3e38)
    x[:, :100] = x[:, -100:] = 0
    write("narrow.wav", x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=r"float32 can hold, got a peak of 3e\+38"):
            upsample_file(spline(), "narrow.wav", "wide.wav")
    assert names(folder) == ["narrow.wav"]
