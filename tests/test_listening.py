"""Listening tests: loudness, stimuli, the files of a test and of its export."""

import base64
import io
import json
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sklearn_audiosr import SplineUpsampler
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.listening import (
    export_webmushra,
    integrated_loudness,
    make_listening_test,
    make_stimuli,
    make_table_1_stimuli,
)
from sklearn_audiosr.listening._loudness import true_peak
from sklearn_audiosr.listening._signals import low_pass
from sklearn_audiosr.listening._webmushra import dump_yaml

# ---- loudness


def tone(frequency, seconds, rate, level=0.0, phase=0.0):
    """A sine whose amplitude is `level` dB below full scale."""
    t = np.arange(round(seconds * rate)) / rate
    return 10 ** (level / 20) * np.sin(2 * np.pi * frequency * t + phase)


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


# ---- stimuli


def level(clip):
    return 10 * np.log10(np.mean(np.square(clip)))


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
    assert attenuation(4000 * scale) > 25
    assert attenuation(4500 * scale) > 50


def test_anchor_filter_delays_nothing():
    impulse = np.zeros((2, 1001))
    impulse[:, 500] = 1
    response = low_pass(impulse, 3500, 48000)
    assert response.shape == impulse.shape
    assert (response.argmax(axis=1) == 500).all()
    np.testing.assert_allclose(response, response[:, ::-1], atol=1e-12)


RATE = 16000


def noise(seconds=0.8, seed=0, n_channels=None, rate=RATE):
    """Noise with a pause, so that gates have something to do."""
    shape = (round(seconds * rate / 4) * 4,) if n_channels is None else (n_channels, 12800)
    x = 0.1 * np.random.default_rng(seed).standard_normal(shape)
    x[..., : shape[-1] // 8] *= 1e-3
    return x


@pytest.fixture(scope="module")
def pairs():
    Y = [noise(seed=0), noise(0.6, seed=1)]
    return Decimator(4).transform(Y), Y


@pytest.fixture(scope="module")
def stimuli(pairs):
    X, Y = pairs
    systems = {"zebra": SplineUpsampler().fit(X, Y), "yak": [0.3 * y for y in Y]}
    return make_stimuli(
        systems, Y, X, sampling_rate=RATE, names=["aardvark", "bee"], narrowband=True
    )


SYSTEMS = ("hidden reference", "narrowband", "zebra", "yak", "low anchor", "mid anchor")


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


# ---- the files of a test


@pytest.fixture(scope="module")
def folder_of_test(stimuli, tmp_path_factory):
    folder = tmp_path_factory.mktemp("listening") / "test"
    page = make_listening_test(stimuli, folder, title="A <b> & “c”", random_state=0)
    assert page == folder / "page" / "index.html"
    return folder


def read_key(folder):
    return json.loads((folder / "key.json").read_text())


def read_signals(path):
    """The clips that a page plays, by the names that it knows."""
    trial, content = re.fullmatch(r'receiveSignals\("(\w+)", (.*)\);\n', path.read_text()).groups()
    signals = {name: base64.b64decode(text) for name, text in json.loads(content).items()}
    return trial, signals


def test_key_tells_what_the_page_plays(folder_of_test, stimuli):
    trials = {trial["id"]: trial for trial in read_key(folder_of_test)["trials"]}
    paths = sorted((folder_of_test / "page" / "audio").iterdir())
    assert [path.stem for path in paths] == sorted(trials)
    for path in paths:
        trial, signals = read_signals(path)
        clips = stimuli.clips[trials[trial]["recording"]]
        names = trials[trial]["stimuli"]
        assert set(names.values()) == set(SYSTEMS)
        for name, system in {**names, "reference": "hidden reference"}.items():
            clip, rate = soundfile.read(io.BytesIO(signals[name]), always_2d=True)
            assert rate == 48000
            np.testing.assert_allclose(clip.T, clips[system], atol=2**-16 + 1e-9)


def test_page_knows_no_names(folder_of_test):
    """Neither names nor orders tell which stimulus is which."""
    pages = list((folder_of_test / "page").rglob("*.*"))
    assert len(pages) == 10
    for path in pages:
        text = path.read_text() + str(path.relative_to(folder_of_test))
        for word in ("zebra", "yak", "aardvark", "bee", "anchor", "narrowband"):
            # base64 may hold short words
            assert not re.search(rf"\b{word}\b", text), (path, word)
    for path in (folder_of_test / "page" / "audio").iterdir():
        names = list(read_signals(path)[1])
        assert names == ["reference", *sorted(names[1:])]
        assert all(re.fullmatch("[0-9a-f]{8}", name) for name in names[1:])
    settings = (folder_of_test / "page" / "test.js").read_text()
    trials = json.loads(settings.partition(" = ")[2].rstrip(";\n"))["trials"]
    assert trials == sorted(trials, key=lambda trial: trial["id"])
    for trial in trials:
        assert trial["stimuli"] == sorted(trial["stimuli"])


def test_page_is_complete(folder_of_test):
    page = folder_of_test / "page"
    index = (page / "index.html").read_text()
    for name in re.findall(r'(?:src|href)="([\w.]+)"', index):
        assert (page / name).is_file()
    assert "http" not in "".join(p.read_text() for p in page.glob("*.[hcj][ts]*"))


def test_seed_draws_names(stimuli, tmp_path):
    ids = []
    for name, seed in [("a", 1), ("b", 1), ("c", 2)]:
        make_listening_test(stimuli, tmp_path / name, random_state=seed)
        key = read_key(tmp_path / name)
        ids.append((key["test"], tuple(key["trials"][0]["stimuli"])))
    assert ids[0] == ids[1]
    assert ids[0][0] != ids[2][0]
    assert not set(ids[0][1]) & set(ids[2][1])


def test_other_texts_or_sounds_are_another_test(pairs, tmp_path):
    Y = pairs[1]
    quiet = make_stimuli({"zebra": Y}, Y, sampling_rate=RATE, loudness=-24)
    loud = make_stimuli({"zebra": Y}, Y, sampling_rate=RATE)
    tests = set()
    for i, (content, title) in enumerate([(quiet, "a"), (loud, "a"), (loud, "b")]):
        make_listening_test(content, tmp_path / str(i), title=title, random_state=0)
        tests.add(read_key(tmp_path / str(i))["test"])
    assert len(tests) == 3


def make(stimuli, folder, **options):
    return make_listening_test(stimuli, folder, random_state=0, **options)


def export(stimuli, folder, **options):
    return export_webmushra(stimuli, folder, random_state=0, **options)


def files_of(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("write", [make, export])
def test_folder_of_a_test_is_replaced_on_demand_only(write, stimuli, tmp_path):
    folder = tmp_path / "test"
    folder.mkdir()
    write(stimuli, folder, title="first")  # an empty folder is as good as none
    before = files_of(folder)
    with pytest.raises(FileExistsError, match="new or empty.*overwrite=True"):
        write(stimuli, folder)
    assert files_of(folder) == before
    write(stimuli, folder, title="second", overwrite=True)
    assert files_of(folder).keys() == before.keys()
    assert files_of(folder) != before
    (folder / "answers").mkdir()
    with pytest.raises(FileExistsError, match="nothing but an earlier test.*answers"):
        write(stimuli, folder, overwrite=True)
    assert (folder / "answers").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["test"]


@pytest.mark.parametrize("write", [make, export])
def test_failure_leaves_nothing_behind(write, stimuli, tmp_path, monkeypatch):
    folder = tmp_path / "test"
    write(stimuli, folder)
    before, written = files_of(folder), []
    write_bytes = Path.write_bytes

    def fail_later(self, content):
        if len(written) == 3:
            raise OSError("disk full")
        written.append(self)
        return write_bytes(self, content)

    monkeypatch.setattr(Path, "write_bytes", fail_later)
    for target in (folder, tmp_path / "other"):
        written.clear()
        with pytest.raises(OSError, match="disk full"):
            write(stimuli, target, overwrite=True)
    assert files_of(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["test"]


@pytest.mark.parametrize("write", [make, export])
def test_places_that_cannot_be(write, stimuli, tmp_path):
    with pytest.raises(FileNotFoundError, match="make .*absent first"):
        write(stimuli, tmp_path / "absent" / "test")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="got the file"):
        write(stimuli, tmp_path / "file")
    with pytest.raises(ValueError, match="'stimuli' parameter"):
        write({"a": 1}, tmp_path / "test")


# ---- webMUSHRA


def test_webmushra_configuration(stimuli, tmp_path):
    title = 'it\'s: "50 %" # 😀 \x85 \u2028 \\ end'
    path = export_webmushra(stimuli, tmp_path / "export", name="my-test", title=title)
    assert path == tmp_path / "export" / "configs" / "my-test.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert (config["testname"], config["testId"]) == (title, "my-test")
    welcome, (keyword, *trials), finish = config["pages"]
    assert (welcome["type"], keyword, finish["type"]) == ("generic", "random", "finish")
    assert finish["writeResults"] is True
    for trial, clips in zip(trials, stimuli.clips.values(), strict=True):
        assert trial["type"] == "mushra"
        assert trial["strict"] is True
        assert trial["createAnchor35"] is trial["createAnchor70"] is False
        assert set(trial["stimuli"]) == set(SYSTEMS) - {"hidden reference"}
        sounds = {**trial["stimuli"], "hidden reference": trial["reference"]}
        assert not re.search("zebra|yak|anchor|reference", " ".join(sounds.values()))
        for system, sound in sounds.items():
            clip, rate = soundfile.read(tmp_path / "export" / sound, always_2d=True)
            assert rate == 48000
            np.testing.assert_allclose(clip.T, clips[system], atol=2**-16 + 1e-9)


def test_webmushra_options(stimuli, tmp_path):
    with pytest.raises(ValueError, match='name must consist of letters.*"../x"|../x'):
        export_webmushra(stimuli, tmp_path / "export", name="../x")
    assert list(tmp_path.iterdir()) == []
    path = export_webmushra(
        stimuli, tmp_path / "export", instructions="<script>\n\nsecond", loop=False
    )
    config = yaml.safe_load(path.read_text())
    assert config["pages"][0]["content"] == "<p>&lt;script&gt;</p><p>second</p>"
    assert config["pages"][1][1]["enableLooping"] is False
    with pytest.warns(UserWarning, match="12"):
        long = make_stimuli({"a": [noise(12.5)]}, [noise(12.5)], sampling_rate=RATE)
    path = export_webmushra(long, tmp_path / "long")
    assert yaml.safe_load(path.read_text())["pages"][1][1]["strict"] is False


values = st.recursive(
    st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(st.text(max_size=9), inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
).filter(lambda value: isinstance(value, (dict, list)))


@given(values)
def test_yaml_is_read_as_it_was_meant(value):
    assert yaml.safe_load(dump_yaml(value)) == value


def test_answers_saved_beside_the_page_are_not_deleted(stimuli, tmp_path):
    folder = tmp_path / "test"
    make_listening_test(stimuli, folder)
    (folder / "page" / "my_answers.json").write_text("{}")
    with pytest.raises(FileExistsError, match="nothing but an earlier test.*page/my_answers.json"):
        make_listening_test(stimuli, folder, overwrite=True)
    assert (folder / "page" / "my_answers.json").read_text() == "{}"


def test_another_export_is_not_deleted(stimuli, tmp_path):
    export_webmushra(stimuli, tmp_path / "export", name="first")
    with pytest.raises(FileExistsError, match="configs/first.yaml"):
        export_webmushra(stimuli, tmp_path / "export", name="second", overwrite=True)
    assert export_webmushra(stimuli, tmp_path / "export", name="first", overwrite=True).is_file()
