"""`lowband="restore"` or "keep": what a prediction does to the lowband."""

import pickle

import numpy as np
import pytest
import torch
from harmonic_noise import RATIOS, make_wild_network
from numpy.testing import assert_allclose
from resolvers import make_pairs
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_audiosr import AudioSuperResolver, load, upsample_file
from sklearn_audiosr._files.reading import read_header
from sklearn_audiosr._signal.interpolation import upsample_bandlimited
from sklearn_audiosr.networks import AudioUNet, HarmonicNoiseNet, SpectralNet, TFiLM


def resolver(**parameters):
    network = HarmonicNoiseNet(n_blocks=2, n_slow_blocks=1, width=1 / 16, n_taps=9)
    defaults = {
        "network": network, "max_epochs": 1, "patch_length": 2048, "learning_rate": 3e-3,
        "random_state": 0,
    }  # fmt: skip
    return AudioSuperResolver(**{**defaults, **parameters})


@pytest.fixture(scope="module")
def clips():
    return make_pairs()


@pytest.fixture(scope="module")
def est(clips):
    """Its weights are random and large: it restores whatever it can."""
    est = resolver(lowband="keep", sampling_rate=16000).fit(*clips)
    est.network_.load_state_dict(make_wild_network(4, 0).state_dict())
    return est


def test_keep_is_band_limited_interpolation(est, clips):
    x = clips[0][0]
    kept = est.predict([x], highband_gain=0)[0]
    expected = upsample_bandlimited(x, 4)
    assert_allclose(kept, expected, atol=1e-5 * np.abs(expected).max())


def test_the_parameter_is_read_at_predict(est, clips):
    X = clips[0][:2]
    kept, restored = (est.predict(X, lowband=lowband) for lowband in ("keep", "restore"))
    turned = pickle.loads(pickle.dumps(est)).set_params(lowband="restore")
    for y, expected in zip(est.predict(X), kept, strict=True):
        np.testing.assert_array_equal(y, expected)
    for y, expected in zip(turned.predict(X), restored, strict=True):
        np.testing.assert_array_equal(y, expected)
    for y, expected in zip(turned.predict(X, lowband="keep"), kept, strict=True):
        np.testing.assert_array_equal(y, expected)
    assert np.abs(restored[0] - kept[0]).max() > 0.01 * np.abs(kept[0]).max()


def test_the_highband_is_the_same_for_both(est, clips):
    X = clips[0][:1]
    kept, restored = (
        est.predict(X, lowband=lowband)[0] - est.predict(X, lowband=lowband, highband_gain=0)[0]
        for lowband in ("keep", "restore")
    )
    assert_allclose(kept, restored, atol=1e-5 * np.abs(kept).max())


@pytest.mark.parametrize("lowband", ["restore", "keep"])
def test_a_stream_reads_it_too(est, clips, lowband):
    turned = pickle.loads(pickle.dumps(est)).set_params(lowband=lowband)
    x = clips[0][0]
    stream = turned.stream()
    pieces = [stream.push(x[start : start + 333]) for start in range(0, len(x), 333)]
    expected = turned.predict([x])[0]
    y = np.concatenate([*pieces, stream.flush()])
    assert_allclose(y, expected, atol=1e-5 * np.abs(expected).max())


def test_upsample_file_reads_it_too(est, clips, tmp_path):
    import soundfile

    x = clips[0][0] / np.abs(clips[0][0]).max() / 4
    soundfile.write(tmp_path / "x.wav", x, 4000, subtype="FLOAT")
    upsample_file(est, tmp_path / "x.wav", tmp_path / "y.wav")
    y, rate = soundfile.read(tmp_path / "y.wav", dtype="float32")
    expected = est.predict([x.astype(np.float32)], lowband="keep")[0]
    assert rate == read_header(tmp_path / "y.wav").samplerate == 16000
    assert_allclose(y, expected, atol=1e-5 * np.abs(expected).max())


def test_it_is_saved_and_loaded(est, clips, tmp_path):
    est.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert (again.lowband, clone(again).lowband) == ("keep", "keep")
    np.testing.assert_array_equal(again.predict(clips[0])[0], est.predict(clips[0])[0])


def test_training_does_not_depend_on_it(clips):
    kept, restored = (resolver(lowband=lowband).fit(*clips) for lowband in ("keep", "restore"))
    for a, b in zip(kept.network_.parameters(), restored.network_.parameters(), strict=True):
        assert torch.equal(a, b)
    assert kept.validation_scores_ == restored.validation_scores_


def test_a_checkpoint_resumes_with_the_other(clips, tmp_path):
    """An interrupted fit goes on with another lowband and ends with the same weights."""

    def stop(estimator, measured):
        raise KeyboardInterrupt

    path = tmp_path / "fit"
    first = resolver(max_epochs=2, checkpoint=path, callbacks=[stop])
    with pytest.raises(KeyboardInterrupt):
        first.fit(*clips)
    resumed = resolver(max_epochs=2, checkpoint=path, lowband="keep").fit(*clips)
    expected = resolver(max_epochs=2).fit(*clips)
    for a, b in zip(resumed.network_.parameters(), expected.network_.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_search_may_choose_it(clips):
    search = GridSearchCV(resolver(highband_gain=0.0), {"lowband": ["keep", "restore"]}, cv=2)
    search.fit(list(clips[0]), list(clips[1]))
    assert set(search.cv_results_["param_lowband"]) == {"keep", "restore"}


@pytest.mark.parametrize(
    "network",
    [
        AudioUNet(n_blocks=1, width=1 / 32, kernel_sizes=(9,)),
        TFiLM(n_blocks=1, width=1 / 16, block_length=32),
        SpectralNet(n_blocks=1, width=1 / 32, frame_length=64),
    ],
)
def test_other_networks_cannot_keep_it(clips, network):
    message = "lowband must be \"restore\" with a network .* got 'keep': take networks.HarmonicN"
    with pytest.raises(ValueError, match=message):
        resolver(network=network, lowband="keep").fit(*clips)
    est = resolver(network=network).fit(*clips)
    assert len(est.predict(clips[0], lowband="restore")) == len(clips[0])
    with pytest.raises(ValueError, match=message):
        est.predict(clips[0], lowband="keep")
    with pytest.raises(ValueError, match=message):
        est.set_params(lowband="keep").stream()


@pytest.mark.parametrize("bad", ["kept", True, 0, ["keep"]])
def test_a_bad_value_is_named(est, clips, bad):
    with pytest.raises(ValueError, match='lowband must be "restore" or "keep", got'):
        est.predict(clips[0], lowband=bad)
    with pytest.raises(ValueError, match="'lowband' parameter of AudioSuperResolver"):
        resolver(lowband=bad).fit(*clips)


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_prediction_scales_with_its_clip(ratio):
    """In decades from 1e-6 to 1e6; at 1 the level feature of the network is not at its limit."""
    Y = np.random.default_rng(0).standard_normal((2, 2400)).astype(np.float32)
    est = resolver(random_state=0).fit(Y[:, ::ratio], Y)
    est.network_.first.weight.data[:, -1] = 0  # that feature
    expected = est.predict(Y[:1, ::ratio])[0]
    for level in (1e-6, 1e-3, 1e3, 1e6):
        y = est.predict(np.float32(level) * Y[:1, ::ratio])[0] / level
        assert_allclose(y, expected, atol=1e-4 * np.abs(expected).max())


def test_training_lowers_the_loss(clips):
    curve = resolver(max_epochs=4).fit(*clips).loss_curve_
    assert curve[-1] < 0.9 * curve[0]
