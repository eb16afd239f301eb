"""LazyClips: indexed like an array, read when asked for, folded, resampled and cut."""

import pickle

import numpy as np
import pytest
from corpus_files import LAYOUTS, read_number, write, write_recording
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline

from sklearn_audiosr import SplineUpsampler
from sklearn_audiosr.datasets import fetch_vctk
from sklearn_audiosr.degradation import Decimator


@pytest.fixture
def lazy(tmp_path):
    """Clips of five recordings, of 480 to 2400 timepoints, and the folder of their files."""
    root = tmp_path / LAYOUTS["0.92"][0]
    for number in range(1, 6):
        write_recording(root, "p225", number, n_frames=1500 * number)
    with pytest.warns(UserWarning):
        return fetch_vctk(data_home=tmp_path, download_if_missing=False).clips, root / "p225"


def test_lazy_clips_are_indexed_like_an_array(lazy):
    clips, _ = lazy
    assert len(clips) == 5 and repr(clips) == "<LazyClips: 5 clips, 0.0 minutes>"
    assert read_number(clips[1]) == read_number(clips[-4]) == read_number(clips[np.int64(1)]) == 2
    for index in (slice(1, 4, 2), [1, 3], np.array([1, 3]), np.array([0, 1, 0, 1, 0], bool)):
        assert [read_number(clip) for clip in clips[index]] == [2, 4]
    with pytest.raises(IndexError):
        clips[5]
    assert [read_number(clip) for clip in pickle.loads(pickle.dumps(clips))] == [1, 2, 3, 4, 5]


def test_lengths_are_known_without_reading_and_multiples_of_240(lazy):
    clips, folder = lazy
    assert_array_equal(clips.n_timepoints, [480, 960, 1440, 1920, 2400])
    assert [len(clip) for clip in clips] == clips.n_timepoints.tolist()
    assert all(clip.dtype == np.float32 and clip.flags.c_contiguous for clip in clips)
    for path in folder.iterdir():
        path.unlink()
    assert_array_equal(clips[1:].n_timepoints, [960, 1440, 1920, 2400])


@pytest.mark.parametrize("harm", ["removed", "truncated", "shortened"])
def test_file_that_cannot_be_read_later_is_named(lazy, harm):
    clips, folder = lazy
    path = folder / "p225_003_mic1.flac"
    if harm == "removed":
        path.unlink()
    elif harm == "truncated":
        rng = np.random.default_rng(0)
        write(path, rng.uniform(-1, 1, 4500))
        path.write_bytes(path.read_bytes()[:4000])
    else:
        write(path, np.zeros(900))
    with pytest.raises(OSError, match=r"p225_003_mic1.flac cannot be read: .*Put a whole file"):
        clips[2]
    assert read_number(clips[3]) == 4


def test_files_are_folded_to_mono_and_resampled(tmp_path):
    root = tmp_path / LAYOUTS["0.92"][0] / "p225"
    time = np.arange(48000) / 48000
    left, right = 0.5 * np.sin(2 * np.pi * 1000 * time), 0.25 * np.sin(2 * np.pi * 11000 * time)
    write(root / "p225_001_mic1.flac", np.stack([left, right], axis=1))
    with pytest.warns(UserWarning):
        clip = fetch_vctk(data_home=tmp_path, download_if_missing=False).clips[0]
        whole = fetch_vctk(data_home=tmp_path, download_if_missing=False, sampling_rate=48000)
    assert clip.shape == (15840,)  # 16000 cut to a multiple of 240
    expected = 0.25 * np.sin(2 * np.pi * 1000 * np.arange(15840) / 16000)
    assert_allclose(clip[500:-500], expected[500:-500], atol=2e-4)  # 11 kHz is above Nyquist
    assert_allclose(whole.clips[0], (left + right) / 2, atol=1e-4)
    assert len(whole.clips[0]) == 48000


def test_rate_above_that_of_the_files_is_told(tmp_path):
    write_recording(tmp_path / LAYOUTS["0.92"][0], "p225", 1)
    with pytest.warns(UserWarning) as log:
        fetch_vctk(data_home=tmp_path, download_if_missing=False, sampling_rate=96000)
    assert "nothing above their own Nyquist frequency at 96000 Hz" in str(log[0].message)
    assert log[0].filename == __file__


def test_lazy_clips_go_through_cross_validation(tmp_path):
    rng = np.random.default_rng(0)
    for speaker in ("p225", "p226", "p376"):
        for i in range(3):
            path = tmp_path / LAYOUTS["0.92"][0] / speaker / f"{speaker}_{i}_mic1.flac"
            write(path, 0.1 * rng.standard_normal(7200).cumsum() / 50)
    with pytest.warns(UserWarning):
        vctk = fetch_vctk("multi_speaker", data_home=tmp_path, download_if_missing=False)
    pipe = make_pipeline(Decimator(upsampling_ratio=2), SplineUpsampler())
    official = GridSearchCV(pipe, {"decimator__filter": ["none"]}, cv=[(vctk.train, vctk.test)])
    official.fit(vctk.clips, vctk.clips)
    alone = pipe.set_params(decimator__filter="none")
    train, test = vctk.clips[vctk.train], vctk.clips[vctk.test]
    assert_allclose(official.best_score_, alone.fit(train, train).score(test, test), rtol=1e-6)
    folds = cross_validate(pipe, vctk.clips, vctk.clips, groups=vctk.groups, cv=GroupKFold(3))
    assert np.isfinite(folds["test_score"]).all()
