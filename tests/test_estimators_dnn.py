"""DNNBandwidthExtender: exact overlap-add, lowband kept, phases, ratios, statistics."""

import numpy as np
import pytest
import torch

from sklearn_audiosr import DNNBandwidthExtender
from sklearn_audiosr._estimators.dnn_network import HighbandDNN
from sklearn_audiosr._signal.interpolation import upsample_bandlimited
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.metrics import waveform_snr

RATIO = 4


def make_clips(n_clips=6, n_timepoints=8192, seed=0):
    """White noise under a slow random envelope: the highband is as loud as the lowband."""
    rng = np.random.default_rng(seed)
    knots = np.repeat(rng.uniform(0.1, 1, (n_clips, n_timepoints // 512)), 512, axis=1)
    return knots * rng.standard_normal((n_clips, n_timepoints))


@pytest.fixture(scope="module")
def pairs():
    Y = make_clips()
    return Decimator(RATIO).fit_transform(Y), Y


def small_dnn(**parameters):
    defaults = {"max_epochs": 5, "learning_rate": 3e-3, "random_state": 0}
    return DNNBandwidthExtender((32,), **{**defaults, **parameters})


@pytest.mark.parametrize("time", [256, 1024, 5120])
def test_overlap_add_reconstructs(time):
    network = HighbandDNN(RATIO, (4,), 512, 9, "predicted")
    x = torch.randn(2, time)
    spectrum = network._middle(network._analyze(x))
    torch.testing.assert_close(network._synthesize(spectrum), x, atol=2e-6, rtol=0)


def test_analysis_equals_torch_stft():
    network = HighbandDNN(RATIO, (4,), 512, 9, "predicted")
    x = torch.randn(1, 2048)
    ours = network._middle(network._analyze(x))[0].T
    theirs = torch.stft(
        x, 512, 256, window=network.window, pad_mode="constant", return_complex=True
    )
    torch.testing.assert_close(ours, theirs[0], atol=1e-4, rtol=0)


@pytest.mark.parametrize("phase", ["predicted", "imaged"])
def test_lowband_is_kept_from_the_input(pairs, phase):
    X, Y = pairs
    Y_pred = small_dnn(phase=phase).fit(X, Y).predict(X)
    source, predicted = (
        np.fft.rfft(clips, axis=-1) for clips in (upsample_bandlimited(X, RATIO), Y_pred)
    )
    low = slice(int(0.9 * source.shape[1] / RATIO))  # the windows' sidelobes leak near the edge
    assert waveform_snr(np.abs(source[:, low]), np.abs(predicted[:, low])) > 25
    high = slice(int(1.1 * source.shape[1] / RATIO), None)
    assert np.abs(predicted[:, high]).mean() > 10 * np.abs(source[:, high]).mean()


def test_highband_has_the_right_level(pairs):
    """White noise is found again, less what the mean of a logarithm lies below that of a mean.

    Power in a bin of noise is exponentially distributed: Euler's constant, 2.5 dB.
    """
    X, Y = pairs
    est = small_dnn(max_epochs=60).fit(X, Y)
    test = make_clips(seed=1)
    spectra = [
        np.abs(np.fft.rfft(clips, axis=-1)) ** 2
        for clips in (test, est.predict(Decimator(RATIO).fit_transform(test)))
    ]
    power = [10 * np.log10(s[:, s.shape[1] // 2 :].mean()) for s in spectra]
    assert power[1] == pytest.approx(power[0] - 2.5, abs=1.5)


def test_oracle_phase_needs_the_truth_and_says_so(pairs):
    X, Y = pairs
    est = small_dnn(phase="oracle").fit(X, Y)
    with pytest.raises(ValueError, match="pass predict\\(X, Y_oracle=Y\\) to study the true phase"):
        est.predict(X)
    Y_pred = est.predict(X, Y_oracle=Y)
    assert Y_pred.shape == Y.shape
    assert est.score(X, Y) > small_dnn(phase="imaged").fit(X, Y).score(X, Y) + 3
    with pytest.raises(ValueError, match="with no other"):
        small_dnn().fit(X, Y).predict(X, Y_oracle=Y)


def test_imaged_phase_is_that_of_zero_stuffing():
    network = HighbandDNN(2, (4,), 64, 1, "imaged")
    x = torch.zeros(1, 640)
    x[:, ::2] = torch.randn(1, 320)  # zero-stuffed: its highband is the image of its lowband
    spectrum = network._middle(network._analyze(x))[:, 3:-3]
    expected = spectrum[..., network.n_low :]
    imaged = network._image_phase(network._analyze(x))[:, 3:-3]
    agreement = (imaged * expected.conj()).real / expected.abs()
    assert agreement.median() > 0.9


def test_statistics_standardise_the_training_frames(pairs):
    X, Y = pairs
    network = small_dnn(max_epochs=1).fit(X, Y).network_
    assert network.low_mean.shape == (512 // (2 * RATIO) + 1,)
    assert network.high_mean.shape == (256 - 512 // (2 * RATIO),)
    # white highband under the envelope: every bin has about the same statistics
    assert network.high_mean[5:-5].std() < 0.3
    assert (network.high_std > 0.5).all()


def test_validation_score_is_the_negative_loss(pairs):
    est = small_dnn(max_epochs=8).fit(*pairs)
    assert len(est.validation_scores_) == 8
    assert all(score < 0 for score in est.validation_scores_)
    assert est.validation_scores_[-1] > est.validation_scores_[0]


@pytest.mark.parametrize("n_timepoints", [1, 2, 63, 64, 65, 500])
def test_any_length(pairs, n_timepoints):
    est = small_dnn(max_epochs=1).fit(*pairs)
    Y_pred = est.predict([np.ones(n_timepoints), np.ones((2, n_timepoints))])
    assert [y.shape for y in Y_pred] == [(4 * n_timepoints,), (2, 4 * n_timepoints)]
    assert all(np.isfinite(y).all() for y in Y_pred)


@pytest.mark.parametrize("ratio", [3, 6])
def test_ratio_must_be_a_power_of_two(ratio):
    Y = make_clips(2, 1024 * ratio)
    with pytest.raises(ValueError, match=f"power of two .* got {ratio}: use AudioSuperResolver"):
        small_dnn().fit(Y[:, ::ratio], Y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"frame_length": 500}, "frame_length must be a power of two of at least 16"),
        ({"n_context_frames": 4}, "n_context_frames must be odd, got 4"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes must hold integers of at least 1"),
        ({"phase": "true"}, "'phase' parameter of DNNBandwidthExtender must be a str among"),
    ],
)
def test_bad_parameters_are_named(pairs, parameters, message):
    with pytest.raises(ValueError, match=message):
        DNNBandwidthExtender(**parameters).fit(*pairs)


def test_default_has_the_papers_layers():
    network = HighbandDNN(2, DNNBandwidthExtender().hidden_layer_sizes, 512, 9, "predicted")
    sizes = [layer.out_features for layer in network.layers if isinstance(layer, torch.nn.Linear)]
    assert sizes == [2048, 2048, 2048, 3 * 128]


def test_phase_is_that_of_the_last_fit(pairs):
    X, Y = pairs
    est = small_dnn().fit(X, Y)
    expected = est.predict(X)
    np.testing.assert_array_equal(est.set_params(phase="oracle").predict(X), expected)
    oracle = small_dnn(phase="oracle").fit(X, Y).set_params(phase="predicted")
    with pytest.raises(ValueError, match="Y_oracle must be given with phase='oracle'"):
        oracle.predict(X)


def test_silent_bins_are_not_magnified():
    Y = np.zeros((2, 8192))
    network = small_dnn(max_epochs=1).fit(Y[:, ::RATIO], Y).network_
    assert (network.low_std == 1).all()
    assert (network.high_std == 1).all()


def test_short_clips_are_learned_too():
    """A padded patch holds its whole clip: its first and last frames count."""
    Y = [clip[:1000] for clip in make_clips(8)]
    est = small_dnn(max_epochs=20, validation_fraction=0).fit(Decimator(2).fit_transform(Y), Y)
    assert 0 < est.loss_curve_[-1] < 0.8 * est.loss_curve_[0]


def test_highband_is_clamped_at_the_loudest_training_frame(pairs):
    network = small_dnn(max_epochs=1).fit(*pairs).network_
    with torch.no_grad():
        network.layers[-1].bias += 100
        log_power, _ = network._predict(network._analyze(torch.randn(1, 2048)))
    torch.testing.assert_close(log_power, network.high_max.expand_as(log_power))
    assert network.high_max.exp().max() < 512**2


def test_learns_inside_the_caller_s_autocast(pairs):
    expected = small_dnn(max_epochs=5, precision="bfloat16").fit(*pairs)
    with torch.autocast("cpu", torch.bfloat16):
        est = small_dnn(max_epochs=5, precision="bfloat16").fit(*pairs)
    assert est.loss_curve_ == expected.loss_curve_
