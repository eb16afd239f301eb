"""The recipe of the models that ship: the command from end to end."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from recipe_helpers import write_recordings

from benchmarks import bench_held_out
from recipes import pairs, start, train_pretrained
from recipes import recipe as recipe_module
from sklearn_audiosr import SplineUpsampler, load
from sklearn_audiosr.networks import SpectralNet


@pytest.fixture(scope="module")
def recordings_folder(tmp_path_factory):
    return write_recordings(tmp_path_factory.mktemp("recordings"))


@pytest.fixture()
def run_command(recordings_folder, tmp_path, monkeypatch):
    """Run the command with a recipe made small."""

    def run(name, *more, begin_with=None, start_share=0.0):
        small = dataclasses.replace(
            recipe_module.RECIPES[name],
            packs=("speech_multi",),
            patch_length=4000,
            n_correction_copies=2,
            begin_with=begin_with,
            start_share=start_share,
        )
        monkeypatch.setitem(recipe_module.RECIPES, name, small)
        monkeypatch.setattr(
            recipe_module, "SpectralNet", lambda **kw: SpectralNet(1, width=1 / 16, **kw)
        )
        arguments = [name, "--recordings", recordings_folder, "--epochs", "1", "--copies", "2"]
        arguments += ["--work", tmp_path / "work", "--out", tmp_path / "out"]
        arguments += more
        monkeypatch.setattr("sys.argv", ["train_pretrained", *map(str, arguments)])
        train_pretrained.main()

    return run


@pytest.fixture()
def score_held_out(recordings_folder, tmp_path, monkeypatch):
    """Score what the command has made with the benchmark, and give what that records."""

    def run(*options):
        recorded = {}
        monkeypatch.setattr(
            bench_held_out, "record", lambda name, table, data: recorded.update(data)
        )
        arguments = ["--recordings", str(recordings_folder), "--models", str(tmp_path / "out")]
        monkeypatch.setattr("sys.argv", ["bench_held_out", *arguments, *options])
        bench_held_out.main()
        return recorded

    return run


def test_a_model_begins_with_one_of_another_ratio(run_command, tmp_path, monkeypatch, capsys):
    run_command("speech-4x-16k")
    begun, begin_with = [], train_pretrained.begin_with

    def watch(other, *args):
        begun.append(other.upsampling_ratio_)
        return begin_with(other, *args)

    monkeypatch.setattr(train_pretrained, "begin_with", watch)
    run_command("speech-6x-16k", begin_with="speech-4x-16k")
    assert begun == [4]
    est = load(tmp_path / "out" / "speech-6x-16k.safetensors")
    assert est.upsampling_ratio_ == 6
    assert est.n_iter_ == 1
    assert est.warm_start is False
    assert est.predict([np.zeros(100)])[0].shape == (600,)


def test_a_model_is_kept_until_it_has_scores(run_command, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as context, pytest.raises(RuntimeError, match="power cut"):
        context.setattr(train_pretrained, "measure", raise_power_cut)
        run_command("speech-4x-16k")
    kept = load(tmp_path / "work" / "speech-4x-16k.trained")
    monkeypatch.setattr(recipe_module.Recipe, "estimator", None)  # it is not trained again
    run_command("speech-4x-16k")
    est = load(tmp_path / "out" / "speech-4x-16k.safetensors")
    for name, weight in est.network_.blocks.state_dict().items():
        expected = kept.network_.blocks.state_dict()[name]
        torch.testing.assert_close(weight, expected, rtol=1e-3, atol=1e-4)
    assert not list((tmp_path / "work").iterdir())


def test_the_correction_is_solved_for_behind_the_filters_of_the_recipe(
    run_command, tmp_path, monkeypatch, capsys
):
    shares, make_clips = [], pairs.augment

    def watch(*args, random_filter_share, **kwargs):
        shares.append(random_filter_share)
        return make_clips(*args, random_filter_share=random_filter_share, **kwargs)

    monkeypatch.setattr(pairs, "augment", watch)
    with monkeypatch.context() as context, pytest.raises(RuntimeError, match="power cut"):
        context.setattr(train_pretrained, "measure", raise_power_cut)
        run_command("speech-2x-16k")
    recipe = recipe_module.RECIPES["speech-2x-16k"]
    trained = [recipe.random_filter_share] * 2  # copies
    corrected = [recipe.correction_filter_share] * 2
    assert shares == [*trained, *corrected]
    assert recipe.correction_filter_share != recipe.random_filter_share
    trained = load(tmp_path / "work" / "speech-2x-16k.trained").network_
    run_command("speech-2x-16k")
    corrected = load(tmp_path / "out" / "speech-2x-16k.safetensors").network_
    assert (corrected.last.bias - trained.last.bias)[: 2 * corrected.n_low].abs().max() > 1e-3


def raise_power_cut(*_):
    raise RuntimeError("power cut")


def test_a_share_of_the_start_is_kept(run_command, tmp_path, monkeypatch, capsys):
    run_command("speech-4x-16k")
    made, begun = tmp_path / "out" / "speech-4x-16k.safetensors", tmp_path / "begun.safetensors"
    shutil.copy(made, begun)
    monkeypatch.setattr(start, "load_pretrained", lambda name: load(begun))
    more = ("speech-4x-16k", "--first-copy", "100")
    run_command(*more, begin_with="speech-4x-16k")
    alone = load(made).network_.state_dict()  # it did not begin with itself
    run_command(*more, begin_with="speech-4x-16k", start_share=0.25)
    mixed = load(made)
    assert mixed.card_["recipe"]["start_share"] == 0.25
    assert mixed.card_["begun with"]["name"] == "speech-4x-16k"
    assert mixed.card_["begun with"]["variations"] == 2
    assert mixed.card_["begun with"]["begun with"] is None
    first = load(begun).network_.state_dict()
    assert not torch.allclose(alone["last.weight"], first["last.weight"], rtol=0, atol=1e-4)
    for name, weight in mixed.network_.state_dict().items():
        if name.startswith("last."):  # but for the correction, which is solved for afterwards
            corrected = 2 * mixed.network_.n_low
            weight, alone[name], first[name] = (
                w[corrected:] for w in (weight, alone[name], first[name])
            )
        expected = alone[name]
        if not name.startswith("linear"):
            expected = 0.75 * alone[name] + 0.25 * first[name]
        torch.testing.assert_close(weight, expected, rtol=1e-2, atol=1e-4)


def test_sources_of_what_a_model_began_with_are_credited(run_command, tmp_path, capsys):
    run_command("speech-4x-16k")
    shipped = tmp_path / "out" / "speech-4x-16k.safetensors"
    est = load(shipped)
    source = "else/where: CC BY 4.0"
    est.save(shipped, card={**est.card_, "training recordings": [source]})
    run_command("speech-6x-16k", begin_with="speech-4x-16k")
    card = load(tmp_path / "out" / "speech-6x-16k.safetensors").card_
    assert card["training recordings"] == [source, "some/where: CC0"]


def test_command_trains_scores_and_saves(run_command, tmp_path, capsys):
    run_command("speech-4x-16k")
    est = load(tmp_path / "out" / "speech-4x-16k.safetensors")
    assert est.upsampling_ratio_ == 4
    assert est.sampling_rate == 16000
    card = est.card_
    assert card["training recordings"] == ["some/where: CC0"]
    assert list(card["scores"]) == [
        "ideal lowband", "spline", "linear", "highband_gain=0", "highband_gain=1",
    ]  # fmt: skip
    assert json.loads(capsys.readouterr().out) == card
    assert not list((tmp_path / "work").iterdir())  # the checkpoint of a complete fit


def test_recordings_that_are_held_out_are_scored_on_only(run_command, tmp_path, capsys):
    run_command("speech-4x-16k", "--hold-out", "speech_multi/3")
    card = load(tmp_path / "out" / "speech-4x-16k.safetensors").card_
    assert card["recipe"]["held_out"] == "speech_multi/3"
    assert card["training audio (hours)"] == round(3 / 3600, 3)
    assert card["scores"]["spline"]["worst_snr_db"][0] == "speech_multi/3.wav"


def test_models_are_scored_on_what_was_held_out_by_resampler(run_command, score_held_out, tmp_path):
    run_command("speech-4x-16k", "--hold-out", "speech_multi/3")
    recorded = score_held_out()
    rows = recorded["models"]["speech-4x-16k"]
    assert recorded["scored on"] == {"speech-4x-16k": ["speech_multi/3.wav"]}
    assert list(rows) == list(bench_held_out.RESAMPLERS)
    expected = load(tmp_path / "out" / "speech-4x-16k.safetensors").card_["scores"]["spline"]
    for by_method in rows.values():  # of a recording that has its rate all resamplers make the same
        assert by_method["spline"]["snr_db"] == pytest.approx(expected["snr_db"], abs=0.05)


def test_voices_that_were_heard_are_scored_apart_from_others(
    run_command, score_held_out, monkeypatch
):
    run_command("speech-4x-16k")
    monkeypatch.setattr(bench_held_out, "_STUDIO", "speech_multi/")
    others, heard = (score_held_out(*options)["scored on"] for options in [(), ("--heard",)])
    assert others == {"speech-4x-16k": ["speech_multi/4.wav", "speech_multi/5.wav"]}
    assert heard == {"speech-4x-16k": [f"speech_multi/{i}.wav" for i in range(4)]}
    monkeypatch.setattr(bench_held_out, "_STUDIO", "studio/")
    with pytest.raises(SystemExit, match="no recordings studio/"):
        score_held_out()


def test_a_model_of_all_recordings_has_no_voices_left(
    run_command, score_held_out, monkeypatch, capsys
):
    recipes = train_pretrained.RECIPES
    changed = dataclasses.replace(recipes["speech-4x-16k"], splits=("all", "all"))
    monkeypatch.setitem(recipes, "speech-4x-16k", changed)
    run_command("speech-4x-16k")
    capsys.readouterr()
    assert not score_held_out()
    assert capsys.readouterr().out.splitlines() == [
        "speech-4x-16k: left out, it has heard all of speech_fullband/vctk",
        "skipped: --models names a folder of what recipes.train_pretrained --hold-out has made",
    ]


def test_what_would_hold_nothing_out_is_an_error_at_once(run_command, capsys):
    with pytest.raises(SystemExit, match="0 to score on"):
        run_command("speech-4x-16k", "--hold-out", "speech_mluti/3")


def test_a_kept_model_of_other_settings_is_not_taken(run_command, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as context, pytest.raises(RuntimeError, match="power cut"):
        context.setattr(train_pretrained, "measure", raise_power_cut)
        run_command("speech-4x-16k", "--hold-out", "speech_multi/3")
    with pytest.raises(SystemExit, match="other settings"):
        run_command("speech-4x-16k", "--hold-out", "speech_multi/1")
    run_command("speech-4x-16k", "--hold-out", "speech_multi/3")
    assert load(tmp_path / "out" / "speech-4x-16k.safetensors").card_["epochs"] == 1


def test_what_is_held_out_is_not_begun_with(run_command, tmp_path, capsys):
    run_command("speech-4x-16k", "--hold-out", "speech_multi/3", begin_with="speech-4x-16k")
    card = load(tmp_path / "out" / "speech-4x-16k.safetensors").card_
    assert card["begun with"] is None
    assert card["recipe"]["begin_with"] is None


def test_a_file_that_heard_as_little_may_be_begun_with(run_command, tmp_path, capsys):
    hold_out = ("--hold-out", "speech_multi/3")
    run_command("speech-4x-16k", *hold_out)
    file = shutil.copy(tmp_path / "out" / "speech-4x-16k.safetensors", tmp_path / "begun.model")
    run_command("speech-2x-16k", *hold_out, "--begin-with", file, "--first-copy", "100")
    card = load(tmp_path / "out" / "speech-2x-16k.safetensors").card_
    assert card["recipe"]["begin_with"] == "begun.model"
    assert card["begun with"]["name"] == "speech-4x-16k"
    assert card["begun with"]["held out"] == "speech_multi/3"
    # one that heard more may not; where nothing is held out, any may
    with pytest.raises(SystemExit, match="must not have heard speech_multi/2"):
        run_command("speech-2x-16k", "--hold-out", "speech_multi/2", "--begin-with", file)
    run_command("speech-4x-16k", "--begin-with", file, start_share=0.25, begin_with="speech-4x-16k")
    card = load(tmp_path / "out" / "speech-4x-16k.safetensors").card_
    assert card["recipe"]["held_out"] is None
    assert card["recipe"]["start_share"] == 0  # that is of what ships
    for share in ("damaged_share", "warped_share"):  # those of what the recipe makes hold
        assert card["recipe"][share] == getattr(recipe_module.RECIPES["speech-4x-16k"], share) > 0
    with pytest.raises(SystemExit, match="but what was held out for it is None"):
        run_command(
            "speech-4x-16k",
            *hold_out,
            "--begin-with",
            tmp_path / "out" / f"{card['name']}.safetensors",
        )


def test_other_files_are_not_begun_with(run_command, tmp_path, capsys):
    file = tmp_path / "spline.safetensors"
    est = SplineUpsampler().fit(np.ones((1, 80)), np.ones((1, 320)))
    for card in (None, {"recipe": {}}):
        est.save(file, card=card)
        with pytest.raises(
            SystemExit, match="with a network of n_blocks=1, .*: choose one of these"
        ):
            run_command("speech-4x-16k", "--begin-with", file)
    assert not (tmp_path / "work").exists()


def test_another_start_is_another_setting(run_command, tmp_path, monkeypatch, capsys):
    """Of a run that was cut off nothing is left that one with another start would go on with."""
    for folder, first_copy in (("a", 0), ("b", 50)):
        run_command("speech-4x-16k", "--first-copy", first_copy, "--out", tmp_path / folder)
    begin_with = [
        ("--begin-with", tmp_path / folder / "speech-4x-16k.safetensors") for folder in "ab"
    ]
    with monkeypatch.context() as context, pytest.raises(RuntimeError, match="power cut"):
        context.setattr(train_pretrained, "make_pairs", raise_power_cut)
        run_command("speech-2x-16k", *begin_with[0])
    with pytest.raises(
        SystemExit, match="settings holds other settings: repeat them, or choose another"
    ):
        run_command("speech-2x-16k", *begin_with[1])
    run_command("speech-2x-16k", *begin_with[0])
    run_command("speech-2x-16k", *begin_with[1])
    card = load(tmp_path / "out" / "speech-2x-16k.safetensors").card_
    assert card["begun with"]["first copy"] == 50


def test_shares_are_as_asked_for(run_command, tmp_path, capsys):
    run_command("speech-4x-16k")
    file = shutil.copy(tmp_path / "out" / "speech-4x-16k.safetensors", tmp_path / "begun.model")
    shares = {
        "--start-share": 0.5,
        "--damaged-share": 1.0,
        "--warped-share": 0.25,
        "--edged-share": 0.75,
    }
    asked = [word for share in shares.items() for word in share]
    run_command("speech-4x-16k", "--begin-with", file, "--first-copy", 100, *asked)
    card = load(tmp_path / "out" / "speech-4x-16k.safetensors").card_
    assert [card["recipe"][name[2:].replace("-", "_")] for name in shares] == [*shares.values()]
    assert "100% of the narrowband clips coded" in card["degradation"]
    with pytest.raises(SystemExit, match="--start-share must be 0, got 0.5: .* is none"):
        run_command("speech-4x-16k", "--from-scratch", "--start-share", 0.5)
    with pytest.raises(SystemExit, match="is of ratio 4, not of ratio 6.*--begin-with"):
        run_command("speech-6x-16k", "--begin-with", file, "--start-share", 0.5)
    with pytest.raises(SystemExit):
        run_command("speech-4x-16k", "--damaged-share", 15)
    assert "--damaged-share: must lie from 0 to 1, got 15" in capsys.readouterr().err
