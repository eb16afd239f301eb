"""Stimuli of a listening test: filters, rates, loudness, channels, names."""

import warnings

import numpy as np
import pytest
from listening_helpers import (
    RATE,
    SYSTEMS,
    level,
    make_pairs,
    make_two_trials,
    noise,
    tone,
)

from sklearn_audiosr import SplineUpsampler
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.listening import integrated_loudness, make_stimuli, make_table_1_stimuli
from sklearn_audiosr.listening._loudness import true_peak
from sklearn_audiosr.listening._signals import low_pass

pairs = pytest.fixture(scope="module")(make_pairs)
stimuli = pytest.fixture(scope="module")(make_two_trials)


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("cutoff", [3500, 7000])
def test_anchor_filter_keeps_the_mask(rate, cutoff):
    def attenuation(frequency):
        sine = tone(frequency, 0.3, rate)[None]
        inner = slice(2000, -2000)
        return level(sine[:, inner]) - level(low_pass(sine, cutoff, rate)[:, inner])

    scale = cutoff / 3500
    for frequency in (100, 1000, 2500, 3500):
        assert abs(attenuation(frequency * scale)) < 0.1
    assert attenuation(3750 * scale) == pytest.approx(6, abs=0.1)  # amid its slope
    assert attenuation(4000 * scale) > 25
    assert attenuation(4500 * scale) > 50


def test_anchor_filter_delays_nothing():
    impulse = np.zeros((2, 1001))
    impulse[:, 500] = 1
    response = low_pass(impulse, 3500, 48000)
    assert response.shape == impulse.shape
    assert (response.argmax(axis=1) == 500).all()
    np.testing.assert_allclose(response, response[:, ::-1], atol=1e-12)


def test_stimuli_of_a_trial(stimuli):
    assert stimuli.systems == SYSTEMS
    assert (stimuli.sampling_rate, stimuli.wideband_rate) == (48000, RATE)
    assert list(stimuli.clips) == ["aardvark", "bee"]
    for seconds, trial in zip([0.8, 0.6], stimuli.clips.values(), strict=True):
        assert tuple(trial) == SYSTEMS
        for clip in trial.values():
            assert clip.shape == (1, round(seconds * 48000))
            assert clip.dtype == np.float32
            assert integrated_loudness(clip, 48000) == pytest.approx(stimuli.loudness, abs=0.02)


def test_a_quieter_copy_is_matched_to_the_reference(stimuli):
    for trial in stimuli.clips.values():
        np.testing.assert_allclose(trial["yak"], trial["hidden reference"], atol=1e-6)
        assert not np.allclose(trial["zebra"], trial["hidden reference"], atol=1e-2)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_unit_of_the_recordings_does_not_matter(unit, pairs, stimuli):
    Y = [unit * y for y in pairs[1]]
    scaled = make_stimuli({"a": Y}, Y, sampling_rate=RATE, names=[1, 2])
    expected = stimuli.clips["bee"]["low anchor"]
    np.testing.assert_allclose(scaled.clips["2"]["low anchor"], expected, atol=1e-5)


def test_estimator_function_and_ready_clips_agree(pairs):
    X, Y = pairs
    spline = SplineUpsampler().fit(X, Y)
    ready = spline.predict(X)
    systems = {"a": spline, "b": spline.predict, "c": lambda X: tuple(ready), "d": ready}
    trial = make_stimuli(systems, Y, X, sampling_rate=RATE).clips["recording 1"]
    for name in "bcd":
        np.testing.assert_array_equal(trial[name], trial["a"])


def test_loud_peaks_make_all_stimuli_quieter():
    clicks = np.zeros((2, 16000))
    clicks[0, ::4000] = 1
    clicks[1] = noise(1)
    stimuli = make_stimuli({"a": clicks}, clicks, sampling_rate=RATE)
    peaks = [true_peak(clip) for trial in stimuli.clips.values() for clip in trial.values()]
    assert max(peaks) == pytest.approx(10 ** (-1 / 20), rel=1e-3)
    assert stimuli.loudness < -24
    for trial in stimuli.clips.values():
        for clip in trial.values():
            assert integrated_loudness(clip, 48000) == pytest.approx(stimuli.loudness, abs=0.02)


def test_resampling_keeps_the_highband():
    """A browser's own resampling would take 12 dB from this tone."""
    high, low = tone(7500, 0.8, RATE), tone(1000, 0.8, RATE)
    Y = np.array([high + low])
    clip = make_stimuli({"a": Y}, Y, sampling_rate=RATE).clips["recording 1"]["hidden reference"][0]
    inner = clip[2400:-2400]
    spectrum = np.abs(np.fft.rfft(inner * np.hanning(len(inner))))
    frequencies = np.fft.rfftfreq(len(inner), 1 / 48000)

    def peak(frequency):
        return 20 * np.log10(spectrum[np.abs(frequencies - frequency) < 50].max())

    assert peak(7500) == pytest.approx(peak(1000), abs=0.4)
    assert peak(8500) < peak(7500) - 80


def test_narrowband_is_played_without_images_and_without_delay():
    Y = np.array([tone(1000, 0.8, RATE) + tone(1700, 0.8, RATE)])
    X = Y[:, ::4]
    trial = make_stimuli({}, Y, X, sampling_rate=RATE, narrowband=True).clips["recording 1"]
    inner = slice(4800, -4800)
    np.testing.assert_allclose(
        trial["narrowband"][:, inner], trial["hidden reference"][:, inner], atol=2e-3
    )
    images = trial["narrowband"] - low_pass(trial["narrowband"].astype(float), 2000, 48000)
    assert level(images[:, inner]) < level(trial["narrowband"][:, inner]) - 60


@pytest.mark.parametrize(
    ("rate", "anchors", "playback"),
    [
        (7001, ("low anchor",), 48000),
        (14000, ("low anchor",), 48000),
        (14001, ("low anchor", "mid anchor"), 48000),
        (44100, ("low anchor", "mid anchor"), 44100),
        (96000, ("low anchor", "mid anchor"), 96000),
    ],
)
def test_anchors_and_rates(rate, anchors, playback):
    Y = [noise(0.6, rate=rate)]
    stimuli = make_stimuli({"a": Y}, Y, sampling_rate=rate)
    assert stimuli.systems == ("hidden reference", "a", *anchors)
    assert stimuli.sampling_rate == playback


@pytest.mark.parametrize("rate", [7001, 11025, 44099])
def test_odd_rates_keep_pitch_and_time(rate):
    """A tone at 48 kHz is the same, within half a timepoint at the end of the clip."""
    Y = [tone(1000, 0.7, rate)]
    clip = make_stimuli({"a": Y}, Y, sampling_rate=rate).clips["recording 1"]["hidden reference"][0]
    expected = tone(1000, len(Y[0]) / rate, 48000)
    assert len(clip) == len(expected)
    inner = slice(2400, -2400)
    gain = clip[inner].std() / expected[inner].std()
    half = 0.5 / 48000 * 2 * np.pi * 1000  # in radians
    np.testing.assert_allclose(clip[inner] / gain, expected[inner], atol=half)


def test_mono_and_stereo_recordings_in_one_test():
    left_only = np.stack([noise(), np.zeros(12800)])
    Y = [noise(), left_only]
    stimuli = make_stimuli({"a": Y}, Y, [y[..., ::4] for y in Y], sampling_rate=RATE)
    mono, stereo = stimuli.clips.values()
    for name in stimuli.systems:
        np.testing.assert_allclose(stereo[name][0], mono[name][0], atol=1e-6)
        assert not stereo[name][1].any()


def test_names_in_any_script():
    """In some scripts, names have joiners and non-breaking spaces."""
    names = ["می‌خواهم", "50\xa0%", "👩‍🔬", "$x$ <b>"]
    Y = np.tile(Y1, (4, 1))
    stimuli = make_stimuli(dict.fromkeys(names, Y), Y, sampling_rate=RATE, names=names)
    assert list(stimuli.clips) == names
    assert stimuli.systems[1:-2] == tuple(names)


def test_stereo_stays_stereo():
    Y = noise(n_channels=2)[None]
    Y[:, 1] *= 0.5
    trial = make_stimuli({"a": Y}, Y, sampling_rate=RATE).clips["recording 1"]
    for clip in trial.values():
        left, right = clip
        assert level(left) - level(right) == pytest.approx(6.02, abs=0.4)


def test_long_recording_is_warned_of():
    Y = [noise(12.1)]
    with pytest.warns(UserWarning, match=r"Y\[0\] lasts 12.1 s.*at most 12") as caught:
        make_stimuli({"a": Y}, Y, sampling_rate=RATE)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_stimuli({"a": [noise(12)]}, [noise(12)], sampling_rate=RATE)


Y1 = np.array([noise()])


X1 = Y1[:, ::4]


WRONG_STIMULI = {
    "rate without anchor": ({"a": Y1}, {"sampling_rate": 7000}, "must be above 7000 Hz, got 7000"),
    "short": ({"a": Y1}, {"sampling_rate": 48000}, r"Y\[0\] must last at least 0.5 s.*0.267 s"),
    "silent recording": ({"a": Y1}, {"Y": 0 * Y1}, r"Y\[0\] must not be silent"),
    "silent system": ({"a": 1e-4 * Y1}, {}, "'a' must be audible.*silence for 'recording 1'"),
    "length": ({"a": Y1[:, 1:]}, {}, r"systems\['a'\] must give clips.*\(1, 12799\)"),
    "number": ({"a": np.tile(Y1, (2, 1))}, {}, r"got \(1, 12800\), \(1, 12800\): pass"),
    "no X": ({"a": abs}, {}, r"X must hold the narrowband clips that systems\['a'\]"),
    "no X for narrowband": ({}, {"narrowband": True}, "X must hold.*for narrowband=True"),
    "X of another ratio": ({}, {"narrowband": True, "X": Y1[:, :9]}, r"Y\[0\] must have"),
    "nothing": ({}, {}, "at least 1"),
    "many": ({str(i): Y1 for i in range(10)}, {}, r"at most 12 signals.*got 10 \(13 signals\)"),
    "taken": ({"low anchor": Y1}, {}, "other names.*'low anchor'"),
    "taken by webMUSHRA": ({"reference": Y1}, {}, "other names.*'reference'"),
    "blank": ({" ": Y1}, {}, "named by text on one line, got ' '"),
    "lines": ({"a\nb": Y1}, {}, r"named by text on one line, got 'a\\nb'"),
    "line separator": ({"a\u2028b": Y1}, {}, "named by text on one line"),
    "half a character": ({"\ud83d": Y1}, {}, "named by text on one line"),
    "number as name": ({1: Y1}, {}, "named by text on one line, got 1"),
    "names": ({"a": Y1}, {"names": ["x", "y"]}, "each of the 1 recordings"),
    "channels": ({"a": Y1}, {"Y": noise(n_channels=3)[None]}, r"Y\[0\] must be mono or stereo"),
    "NaN": ({"a": np.nan * Y1}, {}, r"systems\['a'\]\[0\] must be finite"),
    "loudness": ({"a": Y1}, {"loudness": 3}, "'loudness' parameter"),
    "float rate": ({"a": Y1}, {"sampling_rate": 16000.5}, "'sampling_rate' parameter"),
}


@pytest.mark.parametrize("case", WRONG_STIMULI)
def test_wrong_stimuli(case):
    systems, changes, message = WRONG_STIMULI[case]
    with pytest.raises(ValueError, match=message):
        make_stimuli(systems, **{"Y": Y1, "sampling_rate": RATE, **changes})


def test_names_are_told_apart():
    Y = np.tile(Y1, (2, 1))
    with pytest.raises(ValueError, match="all different, got .'x', 'x'"):
        make_stimuli({"a": Y}, Y, sampling_rate=RATE, names=["x", "x"])


def test_table_1(pairs):
    Y = [noise(0.6, seed=i) for i in range(4)]
    X = Decimator(4).transform(Y)
    spline = SplineUpsampler().fit(X, Y)
    parts = {"spline": spline, "dnn": spline, "network": spline}
    stimuli = make_table_1_stimuli(Y, X, names=list("abcd"), **parts)
    assert stimuli.systems == (
        *("hidden reference", "narrowband", "spline", "DNN", "network"),
        *("low anchor", "mid anchor"),
    )
    assert list(stimuli.clips) == list("abcd")
    with pytest.raises(ValueError, match="4 recordings at r = 4, got 3 at r = 4"):
        make_table_1_stimuli(Y[:3], X[:3], **parts)
    with pytest.raises(ValueError, match="got 4 at r = 2"):
        make_table_1_stimuli(Y, [y[::2] for y in Y], **parts)
