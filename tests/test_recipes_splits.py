"""Recordings of packs: their splits, and what is held out of them or repeated."""

import dataclasses

import numpy as np
import pytest
import soundfile
from recipe_helpers import make_row, write_manifest, write_recordings

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


def test_what_is_held_out_of_a_recipe_is_in_no_training_list(recordings_folder):
    recipe = dataclasses.replace(
        RECIPES["speech-4x-16k"], packs=("speech_multi",), held_out=("speech_multi/1",)
    )
    for bring_down in (True, False):
        train, test = recipe.read(recordings_folder, bring_down)
        assert train.names == [f"speech_multi/{i}.wav" for i in (0, 2, 3)]
        assert test.names == ["speech_multi/4.wav", "speech_multi/5.wav"]
        assert [len(values) for values in dataclasses.astuple(train)] == [3] * 5
    everything = read_recordings(recordings_folder, ("speech_multi",), "all", 16000)
    np.testing.assert_array_equal(train.clips[1], everything.clips[2])
    assert read_recordings(recordings_folder, ("speech_single",), "all", 8000).clips == []


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_hold_out_the_studio_voices_that_models_are_scored_on(name, tmp_path):
    """Also where the manifest does not split a pack, or has a clip for validation."""
    paths = [
        "speech_fullband/vctk_p234/p234_001.wav", "speech_fullband/vctk_nwm02/vctk_nwm02.wav",
        "speech_fullband/arctic/a.wav", "speech_multi/train.wav", "speech_more/valid.wav",
    ]  # fmt: skip
    rows = []
    for i, path in enumerate(paths):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / path, np.ones(160), 16000)
        split = path.rpartition("/")[2][:-4] if i > 2 else ""
        row = {"path": path, "pack": path.partition("/")[0], "source_repo": f"of {i}"}
        rows.append(make_row(i, split=split, **row))
    write_manifest(tmp_path, rows)
    train, _ = RECIPES[name].read(tmp_path)
    assert train.names == paths[2:4]


def test_what_is_few_is_repeated_in_every_field_and_varied_otherwise(recordings_folder):
    train = read_recordings(recordings_folder, ("speech_multi",), "train", 16000)
    repeated = train.repeat(("speech_multi/1", "speech_multi/3"), 3)
    numbers = [0, 1, 2, 3, 1, 3, 1, 3]
    assert repeated.names == [f"speech_multi/{i}.wav" for i in numbers]
    assert [len(values) for values in dataclasses.astuple(repeated)] == [8] * 5
    recipe = dataclasses.replace(
        RECIPES["speech-4x-16k"], repeated=("speech_multi/3",), n_repeats=2
    )
    X, Y = make_pairs(train, recipe, (7, 8))
    assert len(X) == len(Y) == 10
    assert len({y.tobytes() for y in Y}) == 10
