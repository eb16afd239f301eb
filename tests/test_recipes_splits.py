"""Recordings of packs: their splits, and what is left out of them or repeated."""

import dataclasses

import numpy as np
import pytest
from recipe_helpers import make_row, write_recordings

from recipes.pairs import make_pairs
from recipes.recipe import RECIPES
from recipes.splits import find_splits, read_recordings


@pytest.fixture(scope="module")
def recordings_folder(tmp_path_factory):
    return write_recordings(tmp_path_factory.mktemp("recordings"))


def test_splits_of_the_manifest_hold():
    assert find_splits([make_row(0, split="valid"), make_row(1)]) == ["valid", "train"]


@pytest.mark.parametrize(("n_titles", "n_test"), [(1, 0), (2, 1), (5, 1), (6, 2), (1000, 200)])
def test_of_each_source_one_title_in_five_is_for_testing(n_titles, n_test):
    rows = [
        make_row(i, source_repo=s) for s in ("some/where", "else/where") for i in range(n_titles)
    ]
    splits = find_splits(rows)
    assert splits[:n_titles].count("test") == splits[n_titles:].count("test") == n_test
    assert set(splits) <= {"test", "train"}
    assert find_splits(rows[::-1]) == splits[::-1]  # whatever the order


def test_excerpts_of_a_title_stay_together():
    rows = [
        make_row(i, source_path=f"{title}.ogg @ {20 * i} s")
        for title in range(50)
        for i in range(5)
    ]
    splits = np.array(find_splits(rows)).reshape(50, 5)
    assert (splits == splits[:, :1]).all()
    assert {"test", "train"} == set(splits[:, 0])


def test_files_of_like_numbers_stay_together():
    rows = [
        make_row(i, speaker="flactest", source_path=f"subset/{i:02} - some option.flac")
        for i in range(70)
    ]
    splits = np.array(find_splits(rows)).reshape(7, 10)
    assert (splits == splits[:, :1]).all()
    assert {"test", "train"} == set(splits[:, 0])


def test_recordings_of_a_lower_rate_are_left_out(recordings_folder):
    train = read_recordings(recordings_folder, ("speech_multi",), "train", 16000)
    assert train.names == [f"speech_multi/{i}.wav" for i in range(4)]
    assert len(set(train.groups)) == 4
    assert train.sources[0] == "some/where: CC0"
    at_8k = read_recordings(recordings_folder, ("speech_multi",), "train", 8000)
    assert [len(clip) for clip in at_8k.clips] == [8000] * 4 + [800]


def test_recordings_of_a_rate_near_by_are_taken_as_they_are(recordings_folder):
    folders = ("speech_multi",)
    near = read_recordings(recordings_folder, folders, "all", 17000, least_rate=16000)
    assert [len(clip) for clip in near.clips] == [16000] * 6
    assert read_recordings(recordings_folder, folders, "all", 17000).clips == []
    assert read_recordings(recordings_folder, ("speech_single",), "all", 8000).clips == []


def test_what_is_left_out_is_left_out_of_every_field(recordings_folder):
    train = read_recordings(recordings_folder, ("speech_multi",), "train", 16000)
    left = train.leave_out({train.groups[1]})
    assert left.names == [f"speech_multi/{i}.wav" for i in (0, 2, 3)]
    assert [len(values) for values in dataclasses.astuple(left)] == [3] * 5
    np.testing.assert_array_equal(left.clips[1], train.clips[2])


def test_what_is_few_is_repeated_in_every_field_and_varied_otherwise(recordings_folder):
    train = read_recordings(recordings_folder, ("speech_multi",), "train", 16000)
    repeated = train.repeat(("speech_multi/1", "speech_multi/3"), 3)
    numbers = [0, 1, 2, 3, 1, 3, 1, 3]
    assert repeated.names == [f"speech_multi/{i}.wav" for i in numbers]
    assert [len(values) for values in dataclasses.astuple(repeated)] == [8] * 5
    recipe = dataclasses.replace(
        RECIPES["speech-4x-16k"], repeated=("speech_multi/3",), n_repeats=2
    )
    _, Y, groups = make_pairs(train, recipe, 2, first_copy=7)
    assert len(Y) == len(groups) == 10
    assert groups[3] == groups[4] == groups[8] == groups[9]
    assert len({y.tobytes() for y in Y}) == 10
