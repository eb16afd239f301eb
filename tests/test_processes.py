"""Pools, joblib's backends and forks around networks: none waits for ever, results are equal."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import multiprocessing, os, sys
import joblib, numpy as np, torch
from tools.soak.estimators import make_clips, make_estimator

X, Y = make_clips()
LONG = X.repeat(40, axis=1)

def predict(est):
    return est.predict(LONG)

def fit_and_predict(est):
    torch.set_num_threads(1)  # another number of threads may round differently
    return make_estimator("AudioUNet").fit(X, Y).predict(X)

def map_in_pool(method, function, arguments):
    with multiprocessing.get_context(method).Pool(2) as pool:
        return pool.map_async(function, arguments).get(timeout=100)

def map_with_joblib(backend, function, arguments):
    return joblib.Parallel(2, backend=backend)(joblib.delayed(function)(a) for a in arguments)

MAPS = {"pool": map_in_pool, "joblib": map_with_joblib}

if __name__ == "__main__":
    kind, way, in_callback = sys.argv[1:]
    est = make_estimator("AudioUNet").fit(X, Y)

    def compare(est, measured=None):
        # fits in threads take turns: in a callback one would wait for ever for the outer one
        waits = way == "threading" and measured is not None
        for function in (predict,) if waits else (predict, fit_and_predict):
            expected = function(est)
            torch.set_num_threads(2)
            predict(est)  # starts threads, which a child could wait for
            for result in MAPS[kind](way, function, [est] * 3):
                np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-3)
        print("equal")

    if in_callback == "True":
        make_estimator("AudioUNet", callbacks=[compare]).fit(X, Y)
    else:
        compare(est)
"""

WAYS = [
    ("pool", "fork", False),
    ("pool", "fork", True),
    pytest.param("pool", "spawn", False, marks=pytest.mark.slow),
    ("joblib", "threading", False),
    ("joblib", "threading", True),
    ("joblib", "multiprocessing", False),
    ("joblib", "multiprocessing", True),
]


@pytest.mark.parametrize(("kind", "way", "in_callback"), WAYS)
def test_predictions_and_fits_in_parallel_are_equal(tmp_path, kind, way, in_callback):
    """After predictions in the parent, and inside a callback of a fit."""
    if not hasattr(os, "fork") and way in ("fork", "multiprocessing"):
        pytest.skip("there is no fork")
    script = tmp_path / "script.py"  # processes that are spawned import it
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, script, kind, way, str(in_callback)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["", *sys.path])},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert set(done.stdout.split()) == {"equal"}, done.stderr[-2000:]
