"""Names of metrics and scorers: one scheme, and the old names, which warn."""

import inspect
import pickle

import numpy as np
import pytest

from sklearn_audiosr import metrics

OLD_NAMES = {
    "perceptual_speech_quality_score": "pesq_score",
    "short_time_intelligibility_score": "stoi_score",
    "virtual_speech_quality_score": "visqol_score",
}
SCORERS = {
    "harmonicity_score": "harmonicity_scorer",
    "log_spectral_distance": "neg_lsd_scorer",
    "modulation_line_error": "neg_modulation_line_error_scorer",
    "pesq_score": "pesq_scorer",
    "scale_invariant_sdr": "si_sdr_scorer",
    "signal_to_noise_ratio": "snr_scorer",
    "stoi_score": "stoi_scorer",
    "temporal_level_error": "neg_temporal_level_error_scorer",
    "visqol_score": "visqol_scorer",
}
SEVERAL_VALUES = {"highband_level_errors"}  # a search needs one
METRICS = [*SCORERS, *SEVERAL_VALUES]
Y = np.random.default_rng(0).standard_normal((2, 4096))


def test_every_metric_has_a_scorer():
    bands = {"neg_lowband_lsd_scorer", "neg_highband_lsd_scorer"}
    others = {"HighbandLevelErrors", "make_clip_scorer", *SEVERAL_VALUES}
    expected = {*SCORERS, *SCORERS.values(), *bands, *others}
    assert set(metrics.__all__) == expected


@pytest.mark.parametrize("name", METRICS)
def test_docstrings_are_whole(name):
    """What metrics share is filled in: the parameters stand in the order of the signature."""
    metric = getattr(metrics, name)
    document = inspect.getdoc(metric)
    places = [document.index(f"\n{text} : ") for text in documented_names(metric)]
    assert places == sorted(places)
    assert "\nRaises\n------\n" in document
    assert not [line for line in document.splitlines() if line.startswith("{")]


def documented_names(metric):
    y_true, y_pred, *others = inspect.signature(metric).parameters
    return [f"{y_true}, {y_pred}", *others]


@pytest.mark.parametrize("old_name", OLD_NAMES)
def test_old_names_warn_and_work(old_name, monkeypatch):
    old, new = getattr(metrics, old_name), getattr(metrics, OLD_NAMES[old_name])
    assert old_name not in metrics.__all__
    assert inspect.signature(old) == inspect.signature(new)
    assert pickle.loads(pickle.dumps(old)) is old
    message = f"{old_name} is called {new.__name__} now; the old name will be removed in 0.3"
    with pytest.warns(FutureWarning, match=message) as warned, pytest.raises(TypeError):
        old(Y)  # y_pred is missing, for the old name as for the new
    assert [w.filename for w in warned] == [__file__]
