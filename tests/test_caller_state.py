"""What a caller has set for the whole process changes no result: numpy's errors, torch's defaults.

And a process that was forked runs networks, whatever its parent has run.
"""

import os
import subprocess
import sys
import threading
import time
from functools import partial

import numpy as np
import pytest
import torch

from sklearn_audiosr import LinearUpsampler, SplineUpsampler, _torch, effective_bandwidth, load
from sklearn_audiosr.degradation import Decimator, ideal_lowband
from sklearn_audiosr.metrics import log_spectral_distance, scale_invariant_sdr
from tools.soak.estimators import KINDS, make_clips, make_estimator

X, Y = make_clips()

# Audio that fades out, to less than float32 has digits for; and silence.
FADING = (Y[0] * np.exp(-np.arange(4096) / 20)).astype(np.float32)
TINY = Y.astype(float) * 1e-300
SILENCE = np.zeros_like(Y)


def results():
    """Results of what users call, which underflow and divide by zero."""
    fading = [FADING, FADING[::-1]]
    yield from Decimator(4).fit_transform(fading)
    yield from ideal_lowband(fading, 4)
    yield log_spectral_distance(TINY, 0.5 * TINY, average=None)
    yield scale_invariant_sdr(fading, [y + FADING.max() for y in fading])
    yield effective_bandwidth(fading, 16000)
    for est in (SplineUpsampler(), LinearUpsampler(n_taps=9)):
        yield from est.fit([x[::4] for x in fading], fading).predict([FADING])
        yield est.score([x[::4] for x in fading], fading)
        stream = est.stream()
        yield np.append(stream.push(FADING), stream.flush())


def test_numpy_errors_that_a_caller_raises():
    expected = list(results())
    with np.errstate(all="raise"):
        for own, result in zip(expected, results(), strict=True):
            np.testing.assert_array_equal(own, result)


def fit_and_predict(kind, **parameters):
    """Fit on fading clips and on silence, and return weights, prediction and score."""
    est = make_estimator(kind, **parameters)
    est.fit(X[:3], Y[:3])
    fitted = [w.numpy() for w in est.network_.state_dict().values()]
    stream = est.stream()
    end = np.append(stream.push(FADING[::4]), stream.flush())
    return [*fitted, est.predict([FADING[::4]])[0], est.score(X, Y), end]


@pytest.mark.parametrize("kind", KINDS)
def test_networks_with_errors_that_a_caller_raises(kind):
    expected = fit_and_predict(kind)
    with np.errstate(all="raise"):
        for own, result in zip(expected, fit_and_predict(kind), strict=True):
            np.testing.assert_array_equal(own, result)
        make_estimator(kind).fit(SILENCE[:2, ::4], SILENCE[:2]).predict(TINY[:1, ::4])


@pytest.fixture(params=["float64", "meta"])
def other_default(request):
    """Set another default type, or device, of torch."""

    def set_default():
        if request.param == "meta":
            torch.set_default_device("meta")
        else:
            torch.set_default_dtype(torch.float64)

    yield set_default
    torch.set_default_device(None)
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_networks_with_other_defaults_of_torch(kind, other_default):
    expected = fit_and_predict(kind)
    other_default()
    for own, result in zip(expected, fit_and_predict(kind), strict=True):
        np.testing.assert_array_equal(own, result)


@pytest.mark.parametrize("noise_model", ["gaussian", "laplace", "heteroscedastic"])
def test_draws_with_other_defaults_of_torch(noise_model, other_default):
    def draw():
        est = make_estimator("AudioUNet", noise_model=noise_model).fit(X, Y)
        return *est.predict(X, return_std=True), est.sample_y(X, random_state=3)

    expected = draw()
    other_default()
    for own, result in zip(expected, draw(), strict=True):
        np.testing.assert_array_equal(own, result)


@pytest.mark.parametrize("objective", ["spectral", "levels", "multi_resolution_spectral"])
def test_objectives_with_other_defaults_of_torch(objective, other_default):
    fit = partial(fit_and_predict, "AudioUNet", objective=objective, patch_length=2048)
    expected = fit()
    other_default()
    for own, result in zip(expected, fit(), strict=True):
        np.testing.assert_array_equal(own, result)


def test_a_model_file_with_another_default_type(tmp_path):
    """Windows are computed in single precision."""
    path = tmp_path / "dnn.safetensors"
    est = make_estimator("DNN").fit(X, Y)
    est.save(path)
    torch.set_default_dtype(torch.float64)
    try:
        loaded = load(path)
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(loaded.predict(X), est.predict(X))


def test_the_defaults_of_a_caller_come_back():
    torch.set_default_dtype(torch.float64)
    try:
        make_estimator("AudioUNet").fit(X, Y)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


# Forks

FORK = """
import os, time, torch
torch.set_num_threads(2)
from tools.soak.estimators import KINDS, make_clips, make_estimator
X, Y = make_clips()
est = make_estimator("AudioUNet").fit(X, Y)
est.predict(X.repeat(40, axis=1))
child = os.fork()
if child == 0:
    est.predict(X.repeat(40, axis=1))
    make_estimator("TFiLM").fit(X, Y).predict(X)
    os._exit(torch.get_num_threads() + 6)
end = time.monotonic() + 60
while time.monotonic() < end:
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        break
    time.sleep(0.05)
else:
    os.kill(child, 9)
print(os.waitstatus_to_exitcode(status), torch.get_num_threads())
"""

# torch has run in the parent, and nothing of the package but its import
FORK_OF_OTHER_CODE = """
import os, time, sklearn_audiosr, torch
torch.set_num_threads(2)
torch.nn.Conv1d(64, 64, 9)(torch.zeros(8, 64, 20000))
child = os.fork()
if child == 0:
    X = 0.1 * torch.randn(1, 4000).numpy()
    y = sklearn_audiosr.load_pretrained("speech-4x-16k").predict(X)
    os._exit(torch.get_num_threads() + 6)
""" + FORK[FORK.index("end = ") :]

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


@needs_fork
@pytest.mark.parametrize("code", [FORK, FORK_OF_OTHER_CODE], ids=["own", "other"])
def test_a_process_that_was_forked_after_networks_ran_predicts_and_fits(code):
    """It waited for ever for the threads of its parent, which did not survive the fork."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split() == ["7", "2"]  # one thread in the child; the parent keeps two


@needs_fork
def test_a_process_that_was_forked_during_a_fit_does_not_wait_for_it():
    """The fit of another thread holds torch's generators, and does not go on in the child."""
    held, done = threading.Event(), threading.Event()

    def hold():
        with _torch.private_generators(torch.device("cpu"), 0):
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if child == 0:
        with _torch.private_generators(torch.device("cpu"), 0):
            os._exit(7)
    end, ended = time.monotonic() + 20, 0
    while not ended and time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.01)
    if not ended:
        os.kill(child, 9)
        os.waitpid(child, 0)
    done.set()
    thread.join()
    assert ended
    assert os.waitstatus_to_exitcode(status) == 7
