"""What the outputs of a network mean."""

import copy

import numpy as np
import pytest
import torch
from resolvers import make_pairs, small_resolver

from sklearn_audiosr import load, load_pretrained
from sklearn_audiosr._estimators.heads import (
    BandsHead,
    DensityHead,
    HighbandHead,
    WaveformHead,
    choose_head,
)
from sklearn_audiosr._training.noise_models import GaussianNoise, HeteroscedasticNoise
from sklearn_audiosr.metrics import log_spectral_distance

OUTPUTS = np.arange(2 * 3 * 4096, dtype=np.float32).reshape(2, 3, 4096) % 7 - 3


def network(**attributes):
    module = torch.nn.Identity()
    vars(module).update(attributes)
    return module


def test_a_waveform_is_the_first_output_and_scored_by_its_noise():
    head = choose_head(network())
    assert (type(head), head.n_outputs) == (WaveformHead, 1)
    np.testing.assert_array_equal(head.to_waveform(OUTPUTS), OUTPUTS[0])
    # a tenth of the amplitude as noise: 20 dB
    assert head.score(OUTPUTS[0], 1.1 * OUTPUTS[:1]) == pytest.approx(20, abs=0.01)


@pytest.mark.parametrize("gain", [0.0, 0.5, 2.0])
def test_the_gain_mixes_mean_and_highband(gain):
    head = choose_head(network(separates_highband=True), highband_gain=gain)
    assert (type(head), head.n_outputs) == (HighbandHead, 2)
    np.testing.assert_allclose(head.to_waveform(OUTPUTS), OUTPUTS[0] + gain * OUTPUTS[1])


BANDS = {"separates_highband": True, "separates_lowband": True}


@pytest.mark.parametrize(("lowband", "share"), [("restore", 1), ("keep", 0)])
def test_three_bands_are_mixed(lowband, share):
    outputs = np.concatenate([OUTPUTS, OUTPUTS[:1, ::-1]])
    head = choose_head(network(**BANDS), highband_gain=0.5, lowband=lowband)
    assert (type(head), head.n_outputs) == (BandsHead, 3)
    expected = outputs[0] + share * outputs[1] + 0.5 * outputs[2]
    np.testing.assert_allclose(head.to_waveform(outputs), expected)
    # training does not depend on either
    full = BandsHead().score(OUTPUTS[0], outputs)
    assert head.score(OUTPUTS[0], outputs) == full
    assert full == -log_spectral_distance([OUTPUTS[0]], [outputs.sum(axis=0)])


def test_a_separate_highband_is_scored_in_full_whatever_the_gain():
    target = OUTPUTS[0] + 0.3
    expected = -log_spectral_distance([target], [OUTPUTS.sum(axis=0)])
    for gain in (0.0, 1.0):
        assert HighbandHead(highband_gain=gain).score(target, OUTPUTS) == expected


def test_a_density_gives_mean_standard_deviation_and_likelihood():
    head = choose_head(network(), noise_model=HeteroscedasticNoise())
    assert (type(head), head.n_outputs) == (DensityHead, 2)
    np.testing.assert_array_equal(head.to_waveform(OUTPUTS), OUTPUTS[0])
    np.testing.assert_allclose(head.std(OUTPUTS), np.exp(OUTPUTS[1].clip(np.log(10**-1.5))))
    gaussian = DensityHead(GaussianNoise())
    # at the mean of a normal density of standard deviation 1
    score = gaussian.score(OUTPUTS[0], OUTPUTS[:1])
    assert score == pytest.approx(-0.5 * np.log(2 * np.pi), rel=1e-5)


def test_calibration_reaches_the_noise_model_that_a_fit_keeps():
    noise_model = GaussianNoise()
    head = DensityHead(noise_model)
    assert head.needs_calibration
    head.calibrate([OUTPUTS[0]], iter([OUTPUTS[:1] + 0.25]))
    assert head.attributes == {"noise_model_": noise_model}
    assert noise_model.scale == pytest.approx(0.25, rel=1e-4)


@pytest.mark.parametrize(
    ("attributes", "parameters", "message"),
    [
        ({"separates_highband": True}, {"noise_model": "gaussian"}, "noise_model must be None"),
        ({}, {"highband_gain": 0.5}, "highband_gain must be 1 with a network that does not"),
        ({"separates_highband": True}, {"highband_gain": -1}, "a number from 0 to 1000"),
        ({"separates_highband": True}, {"highband_gain": True}, "a number from 0 to 1000"),
        ({}, {"lowband": "keep"}, 'lowband must be "restore" with a network that does not'),
        ({"separates_highband": True}, {"lowband": "keep"}, "take networks.HarmonicNoiseNet"),
        (BANDS, {"lowband": "lower"}, 'lowband must be "restore" or "keep", got \'lower\''),
        (BANDS, {"lowband": None}, 'lowband must be "restore" or "keep", got None'),
    ],
)
def test_what_does_not_go_with_the_outputs_is_refused(attributes, parameters, message):
    with pytest.raises(ValueError, match=message):
        choose_head(network(**attributes), **parameters)


class CountingNoise(GaussianNoise):
    """Counts its copies, and who of them was asked for what."""

    copies: list = []

    def __deepcopy__(self, memo):
        twin = CountingNoise()
        self.copies.append(twin)
        return twin


def test_loss_score_and_calibration_share_one_copy_of_a_noise_model():
    CountingNoise.copies.clear()
    own = CountingNoise()
    est = small_resolver(noise_model=own, validation_fraction=0.34).fit(*make_pairs())
    assert len(CountingNoise.copies) == 1
    assert est.noise_model_ is CountingNoise.copies[0]
    assert est.noise_model_.scale != own.scale == 1.0


def test_a_loaded_model_that_is_trained_anew_warns_with_the_way_out(tmp_path):
    X, Y = make_pairs()
    small_resolver(max_epochs=1).fit(X, Y).save(tmp_path / "model")
    est = load(tmp_path / "model")
    with pytest.warns(UserWarning, match=r"begins with new weights.*set_params\(warm_start=True\)"):
        est.fit(X, Y)


@pytest.mark.filterwarnings("error")
def test_a_loaded_model_that_is_trained_further_does_not_warn(tmp_path):
    X, Y = make_pairs()
    small_resolver(max_epochs=1).fit(X, Y).save(tmp_path / "model")
    est = load(tmp_path / "model").set_params(warm_start=True).fit(X, Y)
    assert est.n_iter_ == 2
    est.set_params(warm_start=False).fit(X, Y)  # it is no loaded model any more
    copy.deepcopy(load_pretrained("speech-4x-16k"))  # to look at one is no reason either
