"""A compiled network is taken where it is faster, and never makes a fit fail."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from resolvers import make_pairs, small_resolver, weights

from sklearn_audiosr._training import compilation
from sklearn_audiosr._training.compilation import Compilation

N_STEPS = 40


class Network(torch.nn.Module):
    """Takes as long as told, by the clock below, and counts how often it is called."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds, self.n_calls = seconds, 0

    def forward(self, x):
        self.n_calls += 1
        CLOCK.now += self.seconds
        return x


# what the trial measures by: a machine's other work is to decide nothing
CLOCK = SimpleNamespace(now=0.0, perf_counter=lambda: CLOCK.now)


@pytest.fixture(autouse=True)
def try_on_the_cpu(monkeypatch):
    monkeypatch.setattr(compilation, "time", CLOCK)
    monkeypatch.setattr(compilation, "_DEVICES", ("cpu",))
    monkeypatch.setattr(compilation, "_LEAST_SECONDS", 0)
    monkeypatch.setattr(compilation, "_N_WARM", 2)
    monkeypatch.setattr(compilation, "_N_TIMED", 4)


def run_steps(network, n_steps=N_STEPS):
    compilation = Compilation(network, torch.device("cpu"), n_steps)
    return [compilation.run(lambda network, batch: network(batch), i) for i in range(n_steps)]


@pytest.mark.parametrize("faster", [True, False])
def test_the_faster_network_is_taken(monkeypatch, faster):
    plain = Network(0.004)
    compiled = Network(0.0 if faster else 0.012)
    monkeypatch.setattr(torch, "compile", lambda network, **options: compiled)
    assert run_steps(plain) == list(range(N_STEPS))
    trial = 2 + 4
    assert (plain.n_calls, compiled.n_calls) == (
        (trial, N_STEPS - trial) if faster else (N_STEPS - trial, trial)
    )


@pytest.mark.parametrize("step_that_fails", [0, 1, 5, 20])
def test_a_compiled_network_that_fails_is_left(monkeypatch, step_that_fails):
    plain, compiled = Network(0.002), Network(0.0)
    original = compiled.forward

    def forward(x):
        if compiled.n_calls == step_that_fails:
            raise RuntimeError("no CUDA graph here")
        return original(x)

    compiled.forward = forward
    monkeypatch.setattr(torch, "compile", lambda network, **options: compiled)
    assert run_steps(plain) == list(range(N_STEPS))
    assert compiled.n_calls == step_that_fails
    assert plain.n_calls == N_STEPS - step_that_fails


def test_no_compiler_is_no_error(monkeypatch):
    def fail(network, **options):
        raise RuntimeError("no compiler")

    monkeypatch.setattr(torch, "compile", fail)
    plain = Network(0.0)
    assert run_steps(plain) == list(range(N_STEPS))
    assert plain.n_calls == N_STEPS


def test_an_error_of_the_network_itself_is_raised():
    class Broken(Network):
        def forward(self, x):
            raise ValueError("my own")

    with pytest.raises(ValueError, match="my own"):
        run_steps(Broken(0.0))


def test_short_fits_are_not_compiled(monkeypatch):
    monkeypatch.setattr(compilation, "_LEAST_SECONDS", 60)
    monkeypatch.setattr(torch, "compile", lambda *args, **options: pytest.fail("compiled"))
    run_steps(Network(0.0))


def test_a_fit_with_a_failing_compiler_gives_the_weights_of_one_without(monkeypatch):
    X, Y = make_pairs()
    with monkeypatch.context() as without:
        without.setattr(compilation, "_DEVICES", ())
        expected = small_resolver(max_epochs=8).fit(X, Y)

    def fail(network, **options):
        return lambda x: (_ for _ in ()).throw(RuntimeError("fails when it runs"))

    monkeypatch.setattr(torch, "compile", fail)
    est = small_resolver(max_epochs=8).fit(X, Y)
    np.testing.assert_array_equal(weights(est), weights(expected))
