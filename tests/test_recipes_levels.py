"""How loud the highband is generated: by so many dB, in the bins that are meant, and back again."""

import dataclasses

import numpy as np
import pytest
import torch
from model_files import changed
from recipe_helpers import write_recordings

from recipes import renew_levels
from recipes.highband_level import levels_of, shift_levels
from recipes.recipe import RECIPES
from recipes.start import undo_shift
from sklearn_audiosr import load
from sklearn_audiosr._estimators.saving import save_estimator
from sklearn_audiosr._models import pretrained

CARD = {"name": "speech-4x-16k", "recipe": {"ratio": 4, "end_db": -6.0}, "scores": {}}


@pytest.fixture
def est():
    """A network of 4 to 16 kHz that is barely trained, but no two outputs of it are alike."""
    return changed("spectral", sampling_rate=16000)


def band_power(y, lowest, highest):
    """Return power in dB between two shares of the Nyquist frequency."""
    power = np.abs(np.fft.rfft(y * np.hanning(len(y)))) ** 2
    first, last = (int(share * len(power)) for share in (lowest, highest))
    return 10 * np.log10(power[first:last].sum())


def test_highband_and_its_end_are_shifted_by_so_many_db(est):
    x = 0.1 * np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    before = est.predict([x])[0]
    shift_levels(est.network_, -3.0, -9.0)
    after = est.predict([x])[0]
    for lowest, highest, db in [(0.02, 0.2, 0.0), (0.4, 0.9, -3.0), (0.97, 1.0, -9.0)]:
        shift = band_power(after, lowest, highest) - band_power(before, lowest, highest)
        assert shift == pytest.approx(db, abs=0.6)


def test_opposite_shift_undoes_it_and_all_else_stays(est):
    before = {name: value.clone() for name, value in est.network_.state_dict().items()}
    shift_levels(est.network_, 0.5, -2.0)
    changed_names = {
        name for name, value in est.network_.state_dict().items() if not value.equal(before[name])
    }
    assert changed_names == {"last.bias"}
    est.card_ = {"recipe": {"highband_db": 0.5, "end_db": -2.0}}
    undo_shift(est)
    torch.testing.assert_close(est.network_.state_dict(), before)


def test_cards_without_levels_have_none():
    assert levels_of({"recipe": {}}) == {"highband_db": 0.0, "end_db": 0.0}
    assert levels_of(CARD) == {"highband_db": 0.0, "end_db": -6.0}


def test_levels_of_a_model_are_brought_to_those_of_its_recipe(est, tmp_path, monkeypatch):
    """By the difference: a command that is run again changes nothing."""
    (tmp_path / "shipped").mkdir()
    (tmp_path / "recordings").mkdir()
    write_recordings(tmp_path / "recordings")
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "shipped")
    recipe = dataclasses.replace(
        RECIPES["speech-4x-16k"], packs=("speech_multi",), highband_db=1.0, end_db=-4.0
    )
    monkeypatch.setitem(RECIPES, "speech-4x-16k", recipe)
    expected = changed("spectral")
    shift_levels(expected.network_, 1.0, 2.0)
    shipped = tmp_path / "shipped" / "speech-4x-16k.safetensors"
    save_estimator(est, shipped, card=CARD)
    for _ in range(2):
        arguments = ["speech-4x-16k", "--out", str(shipped.parent)]
        arguments += ["--recordings", str(tmp_path / "recordings")]
        monkeypatch.setattr("sys.argv", ["renew_levels", *arguments])
        renew_levels.main()
        renewed = load(shipped)
        assert renewed.card_["recipe"] == {"ratio": 4, "end_db": -4.0, "highband_db": 1.0}
        assert set(renewed.card_["scores"]["highband_gain=1"]) >= {"snr_db", "lsd_log10"}
        torch.testing.assert_close(
            renewed.network_.last.bias, expected.network_.last.bias, atol=2e-3, rtol=2e-3
        )
    content = shipped.read_bytes()

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(renew_levels, "measure", interrupt)
    with pytest.raises(KeyboardInterrupt):
        renew_levels.main()
    assert shipped.read_bytes() == content
