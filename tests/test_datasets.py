"""The bundled clips and folders of recordings, with known answers."""

import re
import sys
import warnings
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from numpy.testing import assert_allclose, assert_array_equal
from scipy import signal
from scipy.interpolate import CubicSpline

from sklearn_audiosr import datasets
from sklearn_audiosr.datasets import load_audio_folder, load_piano, load_speech

DATA = Path(str(files("sklearn_audiosr.datasets") / "data"))
LOADERS = pytest.mark.parametrize("load", [load_speech, load_piano])


def make_tone(frequency, sampling_rate, seconds=0.5, level=0.5):
    return level * np.sin(
        2 * np.pi * frequency * np.arange(int(seconds * sampling_rate)) / sampling_rate
    )


def write(path, clip, sampling_rate, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, clip, sampling_rate, **options)


def find_peak(clip, sampling_rate):
    """Return the frequency in Hz at which a clip is strongest."""
    spectrum = np.abs(np.fft.rfft(clip * np.hanning(len(clip))))
    return np.argmax(spectrum) * sampling_rate / len(clip)


def measure_spline_lsd(clip, ratio=4):
    """Compute the log-spectral distance (log10 of power) of a cubic spline by scipy alone."""
    sos = signal.cheby1(8, 0.05, 0.8 / ratio, output="sos")
    narrowband = signal.sosfiltfilt(sos, clip)[::ratio]
    spline = CubicSpline(np.arange(len(narrowband)) * ratio, narrowband)(np.arange(len(clip)))

    def log_power(waveform):
        frames = np.lib.stride_tricks.sliding_window_view(np.pad(waveform, 1024, "reflect"), 2048)
        spectrum = np.fft.rfft(frames[::512] * signal.get_window("hann", 2048))
        return np.log10(np.maximum(np.abs(spectrum) ** 2, 1e-8))

    difference = log_power(clip) - log_power(spline)
    return np.sqrt(np.mean(difference**2, axis=1)).mean()


# --- the bundled clips


def test_bundled_clips_fit_in_four_megabytes():
    assert sum(path.stat().st_size for path in DATA.rglob("*.flac")) <= 4_000_000


@pytest.mark.parametrize("path", sorted(DATA.rglob("*.flac")), ids=lambda path: path.stem)
def test_bundled_file_is_16_khz_mono_pcm_16(path):
    info = sf.info(path)
    assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")


@LOADERS
def test_bundled_clips_are_clean(load):
    dataset = load()
    assert dataset.sampling_rate == 16000
    for clip in dataset.clips:
        assert clip.dtype == np.float32 and clip.ndim == 1
        assert len(clip) % 240 == 0
        assert np.isfinite(clip).all()
        assert 0.1 < np.abs(clip).max() < 0.95
        assert abs(clip.mean()) < 1e-3


@LOADERS
def test_bundled_clips_have_a_true_highband(load):
    distances = [measure_spline_lsd(clip.astype(float)) for clip in load().clips]
    assert min(distances) > 2


def test_speech_has_six_balanced_speakers():
    speech = load_speech()
    speakers, n_clips = np.unique(speech.groups, return_counts=True)
    assert_array_equal(speakers, ["awb", "kal", "ked", "nsh", "rms", "slt"])
    assert_array_equal(n_clips, 5)
    seconds = [
        sum(
            len(clip)
            for clip, group in zip(speech.clips, speech.groups, strict=True)
            if group == who
        )
        / 16000
        for who in speakers
    ]
    assert 120 < sum(seconds) < 180
    assert max(seconds) < 1.25 * min(seconds)
    assert speech.filenames[0] == "awb_01.flac" and speech.filenames == sorted(speech.filenames)


def test_piano_has_four_pieces():
    piano = load_piano()
    assert_array_equal(
        np.unique(piano.groups), ["fuer_elise", "moonlight", "pathetique", "sonata_1"]
    )
    assert 50 < sum(len(clip) for clip in piano.clips) / 16000 < 90


def test_moonlight_opens_on_its_notes():
    """Bar 3 begins with A1 and A2 in the left hand and A3 in the right."""
    piano = load_piano()
    clip = piano.clips[piano.filenames.index("moonlight_01.flac")][:8000]
    spectrum = np.abs(np.fft.rfft(clip * np.hanning(8000), 32000))  # bins of 0.5 Hz
    a2, g_sharp_2, b2 = (spectrum[round(2 * hertz)] for hertz in (110.0, 103.8, 123.5))
    assert a2 > 5 * g_sharp_2 and a2 > 5 * b2


@LOADERS
def test_loading_twice_gives_equal_clips_of_their_own(load):
    first, second = load(), load()
    first.clips[0][:] = 7
    assert np.abs(second.clips[0]).max() < 1
    assert_array_equal(first.clips[1], second.clips[1])


@LOADERS
def test_description_states_licences_and_the_command(load):
    for words in ("BSD-3-Clause", "MIT licence", "tools/make_bundled_audio.py", "festvox-ru"):
        assert words in load().DESCR


def test_missing_soundfile_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ImportError, match="pip install soundfile"):
        load_speech()


# --- folders


@pytest.fixture
def folder(tmp_path):
    """Write files of two speakers and one in the root: four formats and rates, mono and stereo."""
    stereo = np.stack([make_tone(1000, 44100), make_tone(3000, 44100, level=0.25)], axis=1)
    write(tmp_path / "anna" / "one.wav", make_tone(1000, 8000), 8000)
    write(tmp_path / "anna" / "deep" / "two.FLAC", stereo, 44100, format="FLAC")
    write(tmp_path / "bert" / "one.ogg", make_tone(1000, 16000), 16000)
    write(tmp_path / "root.aiff", make_tone(1000, 48000), 48000)
    (tmp_path / "notes.txt").write_text("not audio")
    write(tmp_path / ".hidden.wav", make_tone(1000, 8000), 8000)
    write(tmp_path / ".cache" / "one.wav", make_tone(1000, 8000), 8000)
    return tmp_path


def test_folder_gives_names_groups_and_shapes(folder):
    dataset = load_audio_folder(folder, sampling_rate=16000)
    assert dataset.filenames == ["anna/deep/two.FLAC", "anna/one.wav", "bert/one.ogg", "root.aiff"]
    assert_array_equal(dataset.groups, ["anna", "anna", "bert", "root"])
    assert [clip.shape for clip in dataset.clips] == [(2, 8000), (8000,), (8000,), (8000,)]
    assert all(clip.dtype == np.float32 and clip.flags.c_contiguous for clip in dataset.clips)
    assert dataset.sampling_rate == 16000
    assert "3 of them resampled" in dataset.DESCR


def test_tones_survive_resampling(folder):
    clips = load_audio_folder(folder, sampling_rate=16000).clips
    for clip in [clips[0][0], *clips[1:]]:
        assert abs(find_peak(clip, 16000) - 1000) <= 2
        assert_allclose(clip[2000:6000].std(), 0.5 / np.sqrt(2), rtol=0.02)
    assert abs(find_peak(clips[0][1], 16000) - 3000) <= 2


def test_mono_is_the_mean_of_the_channels(folder):
    both = load_audio_folder(folder, sampling_rate=16000).clips[0]
    folded = load_audio_folder(folder, sampling_rate=16000, mono=True).clips
    assert {clip.ndim for clip in folded} == {1}
    assert_allclose(folded[0], both.mean(axis=0), atol=1e-5)


def test_one_rate_needs_no_resampling_and_is_exact(tmp_path):
    clip = np.random.default_rng(0).uniform(-1, 1, 999).astype(np.float32)
    for name in ("b.wav", "a.wav"):
        write(tmp_path / name, clip, 11025, subtype="FLOAT")
    dataset = load_audio_folder(str(tmp_path))
    assert dataset.sampling_rate == 11025
    assert_array_equal(dataset.groups, ["a", "b"])
    assert_array_equal(dataset.clips, [clip, clip])


def test_threads_change_nothing(folder):
    one, two = (load_audio_folder(folder, sampling_rate=8000, n_jobs=n) for n in (1, 2))
    assert one.filenames == two.filenames
    for a, b in zip(one.clips, two.clips, strict=True):
        assert_array_equal(a, b)


def test_different_rates_need_a_sampling_rate(folder):
    with pytest.raises(
        ValueError, match=r"8000 Hz \(anna/one.wav\), 16000 Hz .*sampling_rate=8000"
    ):
        load_audio_folder(folder)


def test_unreadable_files_are_named_together(folder):
    (folder / "bert" / "broken.flac").write_bytes(b"fLaC and then nothing of the kind")
    (folder / "anna" / "text.wav").write_text("this is no RIFF")
    write(folder / "nan.wav", np.array([0.0, np.nan]), 16000, subtype="FLOAT")
    write(folder / "void.wav", np.array([]), 16000)
    with pytest.warns(UserWarning) as caught:
        dataset = load_audio_folder(folder, sampling_rate=8000)
    assert len(caught) == 1 and caught[0].filename == __file__
    message = str(caught[0].message)
    assert "skipped 4 file(s) that cannot be read" in message
    for words in (
        "bert/broken.flac: ",
        "anna/text.wav: Format not recognised",
        "nan.wav: it holds NaN or infinity",
        "void.wav: it holds no timepoint",
    ):
        assert words in message
    assert len(dataset.clips) == 4


def test_short_files_are_named_together(folder):
    write(folder / "short.wav", make_tone(1000, 8000, seconds=0.25), 8000)
    write(folder / "bert" / "brief.wav", make_tone(1000, 8000, seconds=0.125), 8000)
    with pytest.warns(UserWarning, match="shorter than min_duration=0.3 s") as caught:
        dataset = load_audio_folder(folder, sampling_rate=8000, min_duration=0.3)
    assert len(caught) == 1
    message = str(caught[0].message)
    assert "short.wav: 0.250 s" in message and "bert/brief.wav: 0.125 s" in message
    assert len(dataset.clips) == 4


def test_a_clip_that_resampling_empties_is_reported(tmp_path):
    write(tmp_path / "long.wav", make_tone(50, 48000), 48000)
    write(tmp_path / "dot.wav", np.array([0.5]), 48000)
    with pytest.warns(UserWarning, match=r"dot.wav: no timepoint is left of it at 100 Hz"):
        dataset = load_audio_folder(tmp_path, sampling_rate=100)
    assert dataset.filenames == ["long.wav"]


def test_good_folder_gives_no_warning(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_audio_folder(folder, sampling_rate=8000, min_duration=0.4)


def test_files_of_a_lower_rate_are_named_and_kept(folder):
    message = r"1 files have a lower rate than sampling_rate=16000.*anna/one.wav \(8000 Hz\)"
    with pytest.warns(UserWarning, match=message):
        assert len(load_audio_folder(folder, sampling_rate=16000).clips) == 4


def test_nothing_usable_is_an_error(tmp_path):
    (tmp_path / "notes.txt").write_text("not audio")
    with pytest.raises(ValueError, match=r"of 0 found .* \.flac, .*\.wav"):
        load_audio_folder(tmp_path)
    write(tmp_path / "short.wav", make_tone(1000, 8000), 8000)
    with (
        pytest.warns(UserWarning, match=r"short\.wav"),
        pytest.raises(ValueError, match="of 1 found"),
    ):
        load_audio_folder(tmp_path, min_duration=1)


def test_path_that_is_no_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"path must be a folder .* is not there"):
        load_audio_folder(tmp_path / "absent")
    write(tmp_path / "one.wav", make_tone(1000, 8000), 8000)
    with pytest.raises(NotADirectoryError, match="is a file: give the folder that holds it"):
        load_audio_folder(tmp_path / "one.wav")


@pytest.mark.parametrize(
    "wrong", [{"sampling_rate": 0}, {"sampling_rate": "16k"}, {"min_duration": -1}, {"mono": "yes"}]
)
def test_illegal_parameters_are_named(tmp_path, wrong):
    with pytest.raises(ValueError, match=f"The '{next(iter(wrong))}' parameter"):
        load_audio_folder(tmp_path, **wrong)


def test_missing_soxr_names_the_remedy(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "soxr", None)
    with pytest.raises(ImportError, match=r"resampling from .* pip install soxr"):
        load_audio_folder(folder, sampling_rate=16000)


@pytest.mark.parametrize("name", datasets.__all__)
def test_docstrings_name_no_shared_text_that_is_not_there(name):
    document = getattr(datasets, name).__doc__
    assert re.findall(r"\{[a-z ]+\}", document) == []
    if name.startswith("fetch_"):
        for words in ("n_retries : int", "DESCR : str", "SKLEARN_AUDIOSR_DATA", "UserWarning\n"):
            assert words in document
