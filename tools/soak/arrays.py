"""Pass things of every kind as clips: only documented errors, nothing that is not finite."""

import re
import resource
import sys
import time
import warnings
from collections import Counter
from functools import cache

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_audiosr import (
    AudioSuperResolver,
    DNNBandwidthExtender,
    LinearUpsampler,
    SplineUpsampler,
    augmentation,
    degradation,
    effective_bandwidth,
    metrics,
)
from sklearn_audiosr.listening import integrated_loudness
from sklearn_audiosr.networks import AudioUNet
from tools.soak.array_cases import draw_clip, draw_container

MOST_MEMORY = 512  # MiB that the process may grow by
MOST_SECONDS = 60.0

# How a documented message begins: with what the argument is called.
_NAMED = re.compile(r"^(X|Y|y_true|y_pred|clips|clip|chunk)(\[\d+\])*[ (]|^the audio of a stream ")
_BANDS = {"sampling_rate": 16000, "upsampling_ratio": 2}
# Values that the documentation has for clips that are equal, or of which one is silent.
_MAY_BE_INFINITE = {"signal_to_noise_ratio", "scale_invariant_sdr", "integrated_loudness"}


@cache
def fitted(name):
    """Return a small estimator of a kind, which was fitted to noise at a ratio of 2."""
    Y = np.random.default_rng(0).standard_normal((4, 1024)).astype(np.float32)
    return new_estimator(name).fit(Y[:, ::2], Y)


def new_estimator(name):
    """Return a small estimator of a kind, which learns in a fraction of a second."""
    learned = {"max_epochs": 1, "patch_length": 64, "random_state": 0}
    if name == "network":
        return AudioSuperResolver(AudioUNet(n_blocks=1, width=1 / 32), **learned)
    if name == "dnn":
        return DNNBandwidthExtender((4,), frame_length=16, **learned)
    return SplineUpsampler() if name == "spline" else LinearUpsampler(n_taps=9)


def _fit(name):
    def fit(rng, clips):
        targets = clips
        if isinstance(clips, list) and rng.random() < 0.7:  # targets that fit their sources
            targets = [np.repeat(x, 2, axis=-1) if isinstance(x, np.ndarray) else x for x in clips]
        return new_estimator(name).fit(clips, targets).predict(clips)

    return fit


def _stream(name):
    def push(rng, clip):
        stream = fitted(name).stream()
        return [stream.push(clip), stream.push(np.zeros(10)), stream.flush()]

    return push


def _transform(transformer):
    return lambda rng, clips: transformer.fit_transform(clips)


def _metric(name, **options):
    metric = getattr(metrics, name)

    def compare(rng, clips):
        other = clips if rng.random() < 0.4 else draw_container(rng)[0]
        if isinstance(clips, list) and rng.random() < 0.5:  # the same shapes, another content
            other = [
                0.9 * x if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in clips
            ]
        return metric(clips, other, average=None, **options)

    return compare


_CONVENTIONS = ("log10", "kuleshov2017", "kuleshov2017_code", "ssr_eval")
_HIGHBAND_METRICS = ("temporal_level_error", "modulation_line_error", "harmonicity_score")
_compare_levels = _metric("highband_level_errors", **_BANDS)
_AUGMENTATIONS = {
    name: {"sampling_rate": 16000} if name in ("ChangeSpeed", "ShiftFormants") else {}
    for name in augmentation.__all__
}
USES = {
    **{f"fit {name}": _fit(name) for name in ("spline", "linear", "network", "dnn")},
    **{
        f"predict {name}": lambda rng, clips, name=name: fitted(name).predict(clips)
        for name in ("spline", "linear", "network", "dnn")
    },
    "score": lambda rng, clips: fitted("spline").score(clips, draw_container(rng)[0]),
    **{f"stream {name}": _stream(name) for name in ("spline", "linear", "network", "dnn")},
    "decimate": _transform(degradation.Decimator(2)),
    "decimate bare": _transform(degradation.Decimator(3, filter="none")),
    "telephone": _transform(degradation.Telephone(2, sampling_rate=16000)),
    "noise": _transform(degradation.AddNoise(random_state=0)),
    "codec": _transform(degradation.Codec("vorbis", sampling_rate=16000, random_state=0)),
    "ideal_lowband": lambda rng, clips: degradation.ideal_lowband(clips, 2),
    "trim_clips": lambda rng, clips: degradation.trim_clips(clips, 2),
    **{
        name: _transform(getattr(augmentation, name)(random_state=0, **options))
        for name, options in _AUGMENTATIONS.items()
    },
    "signal_to_noise_ratio": _metric("signal_to_noise_ratio"),
    "scale_invariant_sdr": _metric("scale_invariant_sdr"),
    **{
        f"log_spectral_distance {name}": _metric(
            "log_spectral_distance", convention=name, sampling_rate=16000
        )
        for name in _CONVENTIONS
    },
    **{name: _metric(name, **_BANDS) for name in _HIGHBAND_METRICS},
    # its fourth value is nan for a clip without pauses
    "highband_level_errors": lambda rng, clips: _compare_levels(rng, clips)[:3],
    "effective_bandwidth": lambda rng, clips: effective_bandwidth(clips, 16000),
    "integrated_loudness": lambda rng, clip: integrated_loudness(clip, 16000),
}


def run(n_cases, seed):
    """Return figures of things that were passed as clips.

    Parameters
    ----------
    n_cases : int
        Number of calls. The same number and seed make the same ones.
    seed : int
        Seed of the calls.

    Returns
    -------
    figures : dict
        Numbers of calls that returned a result and that raised a documented error, the growth of
        memory in MiB, the longest time of a call in seconds, and "faults", a list of texts that
        must be empty.
    """
    names = [*USES]
    for name in ("spline", "linear", "network", "dnn"):
        fitted(name).predict(np.zeros((1, 8)))  # what is imported and kept once
    outcomes, faults, slowest = Counter(), [], 0.0
    begin, before = time.perf_counter(), _peak_memory()
    for i in range(n_cases):
        rng = np.random.default_rng([seed, i])
        name = names[rng.integers(len(names))]
        takes_clip = name.startswith(("stream", "integrated"))
        clips, words = (draw_clip if takes_clip else draw_container)(rng)
        start = time.perf_counter()
        outcome = try_use(name, rng, clips)
        seconds = time.perf_counter() - start
        slowest = max(slowest, seconds)
        outcomes[outcome if outcome in ("result", "ValueError", "TypeError") else "fault"] += 1
        if outcomes["fault"] > len(faults):
            faults.append(f"case {i}: {name}, {words:.200}: {outcome}")
        if seconds > MOST_SECONDS:
            faults.append(f"case {i}: {name}, {words:.200}: {seconds:.0f} s")
    growth = round((_peak_memory() - before) / 2**20)
    if growth > MOST_MEMORY:
        faults.append(f"memory grows by {growth} MiB")
    return {
        "cases": n_cases,
        "seed": seed,
        "results": outcomes["result"],
        "value_errors": outcomes["ValueError"],
        "type_errors": outcomes["TypeError"],
        "peak_growth_mib": growth,
        "slowest_seconds": round(slowest, 2),
        "seconds": round(time.perf_counter() - begin, 1),
        "faults": faults,
    }


def try_use(name, rng, clips):
    """Return "result", the type of a documented error, or what is wrong."""
    with warnings.catch_warnings(record=True) as told, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            result = USES[name](rng, clips)
        except Exception as error:  # what is looked for
            text = f"{type(error).__name__}: {str(error)[:300]}"
            documented = type(error) in (ValueError, TypeError) and _NAMED.match(str(error))
            return type(error).__name__ if documented else text
    undefined = any(issubclass(w.category, UndefinedMetricWarning) for w in told)
    numbers = np.concatenate([np.zeros(0), *_numbers_in(result)])
    if np.isnan(numbers).any() and not undefined and name != "effective_bandwidth":
        return "a result is NaN without a warning"
    if np.isinf(numbers).any() and name not in _MAY_BE_INFINITE:
        return "a result is infinite"
    return "result"


def _numbers_in(result):
    """Yield all numbers of nested lists, tuples and arrays of a result."""
    if isinstance(result, (list, tuple)) or getattr(result, "dtype", "") == "O":
        for part in result:
            yield from _numbers_in(part)
    else:
        yield np.asarray(result, dtype=float).ravel()


def _peak_memory():
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
