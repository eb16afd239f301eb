"""Fits that take long on a CPU warn before their first step, and are timed without a trace."""

import re
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from resolvers import make_pairs

from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr._training import callbacks


@pytest.fixture(scope="module")
def pairs():
    return make_pairs()


class Clock:
    """A clock that copies of a network share."""

    now = 0.0

    def perf_counter(self):
        return self.now

    def __deepcopy__(self, memo):
        return self


class Slow(torch.nn.Module):
    """A network of some weights whose patches take some time, by a clock of its own."""

    stride, look_back, look_ahead = 1, 0, 0

    def __init__(self, seconds, n_weights):
        super().__init__()
        self.seconds, self.clock = seconds, Clock()
        self.weight = torch.nn.Parameter(torch.ones(n_weights))

    def forward(self, x):
        self.clock.now += self.seconds * len(x)
        return x * self.weight[0]


@pytest.mark.parametrize(
    ("seconds", "n_weights", "message"),
    [
        (17.0 / 3, 1, None),
        (19.0 / 3, 1, r"Training 1e-06 million weights takes about 32 min on this CPU, 19 s for "),
        (1e-6, 30_000_000, r"Training 30 million weights .*AudioUNet\(width=.*cuda"),
    ],
)
def test_half_an_hour_or_a_full_width_network_warns_before_the_first_step(
    monkeypatch, seconds, n_weights, message
):
    class Config:
        def build(self):
            return network

    def objective(prediction, target, mask):
        steps.append(len(caught))
        raise KeyboardInterrupt

    network, steps = Slow(seconds, n_weights), []
    monkeypatch.setattr(callbacks, "time", network.clock)
    est = AudioSuperResolver(Config(), objective=objective, max_epochs=100, patch_length=512)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(KeyboardInterrupt):
            est.fit(np.ones((1, 256)), np.ones((1, 512)))  # a patch an epoch
    texts = [str(warning.message) for warning in caught]
    assert len(texts) == steps[0] == (message is not None)
    assert not texts or re.search(message, texts[0])


def test_small_patches_are_timed_together_before_a_warning(monkeypatch):
    """A patch alone takes 10 s, and 16 together 11 s."""

    class Batched(Slow):
        def forward(self, x):
            self.clock.now += 10 + len(x) / 16
            return x * self.weight[0]

    network = Batched(0, 1)
    monkeypatch.setattr(callbacks, "time", network.clock)
    sampler = SimpleNamespace(n_patches_per_epoch=2, patch_length=8)
    training = SimpleNamespace(
        network=network, device=torch.device("cpu"), loader=SimpleNamespace(sampler=sampler),
        schedule=SimpleNamespace(max_epochs=40, batch_size=16),
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        callbacks.WarnSlow("a smaller one").begin(training)


class Stateful(torch.nn.Module):
    """A network that draws noise, counts its calls, and takes no silence."""

    stride, look_back, look_ahead = 1, 0, 0
    n_inputs = 7  # of its own, for something else

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.register_buffer("n_calls", torch.zeros(()))

    def forward(self, x):
        self.n_calls += 1
        noise = torch.randn(x.shape)
        if not x.any():
            raise RuntimeError("silence")
        return x * self.weight + noise


def test_to_estimate_the_time_changes_nothing_in_training(pairs, monkeypatch):
    class Config:
        def build(self):
            return Stateful()

    def fit():
        est = AudioSuperResolver(Config(), max_epochs=2, patch_length=512, random_state=0)
        return est.fit(*pairs)

    timed = fit()
    monkeypatch.setattr(callbacks.WarnSlow, "begin", lambda warn, training: False)
    plain = fit()
    assert timed.loss_curve_ == plain.loss_curve_
    assert timed.network_.n_calls == plain.network_.n_calls > 0


def test_a_large_network_that_cannot_be_timed_warns_without_a_time(monkeypatch):
    monkeypatch.setattr(callbacks, "_MANY_WEIGHTS", 1)
    pairs = make_pairs()

    class Config:
        def build(self):
            return Stateful()

    with pytest.warns(UserWarning, match=r"million weights takes long on a CPU\. To train faster"):
        AudioSuperResolver(Config(), max_epochs=1, patch_length=512).fit(*pairs)
