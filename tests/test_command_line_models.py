"""`models NAME` of the command line: a card that is read, not parsed."""

import pytest
from commands import CARD, enter_folder, run, run_json, spline

from sklearn_audiosr._estimators.saving import save_estimator

folder = pytest.fixture(enter_folder)

FULL = {
    "name": "speech-8x-16k",
    "recipe": {"rate": 16000, "packs": ["a", "b"]},
    "degradation": "a filter of order 8, and " + 30 * "noise ",
    "training recordings": ["one: CC BY 4.0", "two: Apache-2.0"],
    "training audio (hours)": 0.5,
    "known failures": ["music gets a voice's highband"],
    "scores": {
        "spline": {"snr_db": 12.751, "worst_snr_db": ["a/b.flac", 3.9]},
        "highband_gain=1": {"snr_db": None, "worst_snr_db": ["a/c.flac", 4]},
    },
    "panel": {"model": {"pesq": 2.5, "stoi": None} | dict.fromkeys("abcd", 1)},
    "seed": 7,
}


def test_card_of_a_small_model(folder, capsys):
    assert run("models", "speech-4x-16k") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("speech-4x-16k: from 4000 to 16000 Hz, ratio 4, 0.")
    assert lines[3:6] == [
        "",
        "method           SNR (dB)   LSD",
        "highband_gain=1     14.06  0.98",
    ]
    assert "training audio (hours): 1.25" in lines


def test_card_has_tables_lists_and_text_and_no_json(folder, tmp_path, capsys):
    path = tmp_path / "shipped" / "speech-8x-16k.safetensors"
    save_estimator(spline(8), path, card=FULL)
    assert run("models", "speech-8x-16k") == 0
    text = capsys.readouterr().out
    assert not set('{}[]"') & set(text)
    assert max(map(len, text.splitlines())) <= 88
    for part in (
        "scores:\n\nmethod           SNR (dB)  worst SNR (dB)\n"
        "spline              12.75            3.90\nhighband_gain=1         -            4.00\n",
        "panel:\n\nscore  model\npesq    2.50\nstoi       -\na       1.00\n",
        "known failures:\n  - music gets a voice's highband\n",
        "training recordings:\n  - one: CC BY 4.0\n  - two: Apache-2.0\n",
        "\nseed: 7\n",
        "--json has all of it: recipe, the recordings of the worst scores.\n",
    ):
        assert part in text
    assert text.index("known failures") < text.index("training audio") < text.index("degradation")
    ((model,),) = run_json(capsys, "models", "speech-8x-16k")
    assert model["card"]["recipe"] == FULL["recipe"]
    assert run_json(capsys, "models", "speech-4x-16k")[0][0]["card"] == CARD


def test_model_without_a_card(folder, capsys):
    assert run("models", "piano-4x-32k") == 0
    assert capsys.readouterr().out.startswith(
        "piano-4x-32k: from 8000 to 32000 Hz, ratio 4, 0.0 MB"
    )


def test_cards_that_ship_are_readable(capsys):
    (models,) = run_json(capsys, "models")
    for model in models:
        assert run("models", model["name"]) == 0
        text = capsys.readouterr().out
        assert "{" not in text and len(text.splitlines()) < 60
        assert "CC BY 4.0" in text and "highband_gain=1" in text
