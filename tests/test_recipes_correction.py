"""The correction of the lowband in closed form: the gains are those that were hidden."""

import numpy as np
import pytest
import torch

from recipes.lowband_correction import RIDGE, NormalEquations, fit_lowband_correction
from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import Decimator, trim_clips
from sklearn_audiosr.metrics import signal_to_noise_ratio
from sklearn_audiosr.networks import SpectralNet


def test_hidden_gains_are_found():
    """Of two bins with gains linear in three features, over more frames than are summed at once."""
    generator = torch.Generator().manual_seed(0)
    gains = torch.randn(2, 4, 2, generator=generator)
    equations = NormalEquations()
    for _ in range(60):
        features = torch.randn(3, 100, generator=generator)
        lowband = torch.randn(2, 100, dtype=torch.complex64, generator=generator)
        extended = torch.cat([features, torch.ones(1, 100)])
        gain = torch.view_as_complex(torch.einsum("ft,kfc->ktc", extended, gains).contiguous())
        equations.add(features, lowband, gain * lowband)
    # of features that are white, the ridge takes the same share everywhere
    torch.testing.assert_close(equations.solve(), gains / (1 + RIDGE), rtol=5e-3, atol=5e-3)


@pytest.fixture(scope="module")
def pairs():
    Y = trim_clips([clip[:16000] for clip in load_speech().clips[:8]], 4)
    return Decimator(4, filter="bessel").fit_transform(Y), Y


def test_noise_of_the_mean_falls_and_the_rest_stays(pairs):
    X, Y = pairs
    est = AudioSuperResolver(
        SpectralNet(2, width=1 / 8, frame_length=256), max_epochs=1, patch_length=2048,
        learning_rate=1e-3, validation_fraction=0.0, random_state=0, sampling_rate=16000,
    ).fit(X, Y)  # fmt: skip
    network = est.network_
    torch.nn.init.normal_(network.last.weight[: 2 * network.n_low], std=0.02)  # a poor correction
    before = {name: value.clone() for name, value in network.state_dict().items()}
    poor = est.predict(X, highband_gain=0)
    detail = est.predict(X)[0] - poor[0]
    fit_lowband_correction(est, X, Y)
    corrected = est.predict(X, highband_gain=0)
    assert signal_to_noise_ratio(Y, corrected) > signal_to_noise_ratio(Y, poor) + 0.5
    np.testing.assert_allclose(est.predict(X)[0] - corrected[0], detail, atol=1e-5)
    for name, value in network.state_dict().items():
        if not name.startswith("last."):
            torch.testing.assert_close(value, before[name], rtol=0, atol=0)
        else:
            torch.testing.assert_close(
                value[2 * network.n_low :], before[name][2 * network.n_low :]
            )
    assert not network._forward_hooks
    assert not network.last._forward_pre_hooks
