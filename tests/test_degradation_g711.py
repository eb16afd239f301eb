"""G.711: libsndfile is the oracle, the recommendation's tables are the known answers."""

import io

import numpy as np
import pytest
import soundfile

from sklearn_audiosr.degradation._g711 import LAWS, decode, encode

SUBTYPES = {"mulaw": "ULAW", "alaw": "ALAW"}
ALL_PCM = np.arange(-(2**15), 2**15).astype(np.int16)
ALL_WORDS = np.arange(256).astype(np.uint8)


@pytest.mark.parametrize("law", LAWS)
def test_every_pcm_value_has_the_word_of_libsndfile(law):
    raw = io.BytesIO()
    soundfile.write(raw, ALL_PCM, 8000, format="RAW", subtype=SUBTYPES[law])
    expected = np.frombuffer(raw.getvalue(), np.uint8)
    np.testing.assert_array_equal(encode(ALL_PCM / 2**15, law), expected)


@pytest.mark.parametrize("law", LAWS)
def test_every_word_has_the_level_of_libsndfile(law):
    raw = io.BytesIO(ALL_WORDS.tobytes())
    expected, _ = soundfile.read(
        raw, channels=1, samplerate=8000, format="RAW", subtype=SUBTYPES[law], dtype="int16"
    )
    levels = decode(ALL_WORDS, law)
    np.testing.assert_array_equal(levels * 2**15, expected)
    assert levels.dtype == np.float32
    assert not np.signbit(levels[levels == 0]).any()


@pytest.mark.parametrize("law", LAWS)
def test_a_decoded_word_is_sent_as_itself(law):
    words = ALL_WORDS[ALL_WORDS != 0x7F] if law == "mulaw" else ALL_WORDS  # the other zero
    np.testing.assert_array_equal(encode(decode(words, law), law), words)


# Decision values and words of Tables 1 and 2 of the recommendation, in its own units.
@pytest.mark.parametrize(
    ("law", "value", "word", "level"),
    [
        ("mulaw", 0, 0b11111111, 0), ("mulaw", 0.999, 0b11111111, 0), ("mulaw", 1, 0b11111110, 2),
        ("mulaw", 30.999, 0b11110000, 30), ("mulaw", 31, 0b11101111, 33),
        ("mulaw", 4063, 0b10001111, 4191), ("mulaw", 7903, 0b10000000, 8031),
        ("mulaw", -7903, 0b00000000, -8031), ("mulaw", -8159, 0b00000000, -8031),
        ("alaw", 0, 0b11010101, 1), ("alaw", 2, 0b11010100, 3), ("alaw", 64, 0b11110101, 66),
        ("alaw", 2048, 0b10100101, 2112), ("alaw", 4095, 0b10101010, 4032),
        ("alaw", -4096, 0b00101010, -4032),
    ],
)  # fmt: skip
def test_values_of_the_tables(law, value, word, level):
    full_scale = {"mulaw": 8192, "alaw": 4096}[law]
    sent = encode(np.array([value / full_scale]), law)
    assert sent[0] == word
    assert decode(sent, law)[0] * full_scale == level


@pytest.mark.parametrize("law", LAWS)
def test_what_is_beyond_full_scale_is_the_last_word(law):
    beyond = encode(np.array([[1.0, 1e6], [-1.0, -1e6]]), law)
    assert beyond.shape == (2, 2)
    assert (beyond[:, 0] == beyond[:, 1]).all()
    assert decode(beyond, law).max() == decode(ALL_WORDS, law).max()


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("decibels", [-3, -10, -20])
def test_the_noise_is_38_decibels_below_a_tone_whatever_its_level(law, decibels):
    tone = 10 ** (decibels / 20) * np.sin(2.1 * np.arange(20000))
    noise = decode(encode(tone, law), law) - tone
    assert 10 * np.log10(np.mean(tone**2) / np.mean(noise**2)) == pytest.approx(38, abs=2)
