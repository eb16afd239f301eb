"""
A grid search with both metrics
===============================

**Finding.** One search, scored by signal-to-noise ratio (SNR) and by log-spectral distance
(LSD), has two winners: linear filters for the waveform, networks for the spectrum. Which
candidate is best depends on the metric, so ``refit`` is a decision, not a detail.
**Limitation.** The networks here train for seconds: the search ranks candidates at that budget,
and more training may rank them otherwise.
"""

# %%
# The candidates
# --------------
#
# The pipeline degrades and then restores, so the search needs wideband clips alone. A grid may
# exchange a whole step: here the step ``upsampler``, with the parameters that each kind of
# upsampler has.

import numpy as np
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline

from sklearn_audiosr import AudioSuperResolver, LinearUpsampler, SplineUpsampler
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import Decimator, ideal_lowband
from sklearn_audiosr.metrics import (
    log_spectral_distance,
    neg_lsd_scorer,
    signal_to_noise_ratio,
    snr_scorer,
)
from sklearn_audiosr.networks import AudioUNet

speech = load_speech()
# three seconds of two clips of each speaker, to be done in seconds
chosen = np.concatenate([np.flatnonzero(speech.groups == s)[:2] for s in np.unique(speech.groups)])
Y, speakers = [speech.clips[i][:48_000] for i in chosen], speech.groups[chosen]

resolver = AudioSuperResolver(
    AudioUNet(n_blocks=2, kernel_sizes=(17, 9), dropout=0.0),
    max_epochs=1,
    patch_length=1024,
    batch_size=4,
    learning_rate=3e-3,
    validation_fraction=0,
    random_state=0,
)
param_grid = [
    {"upsampler": [SplineUpsampler()]},
    {"upsampler": [LinearUpsampler()], "upsampler__n_taps": [5, 17, 65]},
    {
        "upsampler": [resolver],
        "upsampler__network__width": [1 / 32, 1 / 16],
        "upsampler__objective": ["rmse", "mse"],
    },
]

# %%
# One search, two scores
# ----------------------
#
# Both scorers say "higher is better", so the LSD comes negated. ``GroupKFold`` keeps the clips
# of one speaker together; ``refit="snr"`` fits the winner by SNR to all clips in the end. The
# last row of the table is no candidate: the ideal lowband, the true lowband beneath an empty
# highband, bounds the SNR of whoever predicts nothing in the highband.

pipe = Pipeline([("decimator", Decimator(upsampling_ratio=4)), ("upsampler", SplineUpsampler())])
search = GridSearchCV(
    pipe,
    param_grid,
    scoring={"snr": snr_scorer, "lsd": neg_lsd_scorer},
    refit="snr",
    cv=GroupKFold(3),
)
search.fit(Y, Y, groups=speakers)

results = search.cv_results_
snr, lsd = results["mean_test_snr"], -results["mean_test_lsd"]


def describe(params):
    """Name a candidate in a few words."""
    upsampler = params["upsampler"]
    if isinstance(upsampler, AudioSuperResolver):
        width, objective = params["upsampler__network__width"], params["upsampler__objective"]
        return f"network, width 1/{1 / width:.0f}, {objective}"
    if isinstance(upsampler, LinearUpsampler):
        return f"linear filter, {params['upsampler__n_taps']} taps"
    return "spline"


names = [describe(params) for params in results["params"]]
print(f"{'':28} {'SNR (dB)':>9} {'LSD':>6} {'fit (s)':>8}")
for name, s, d, seconds in zip(names, snr, lsd, results["mean_fit_time"], strict=True):
    print(f"{name:28} {s:9.2f} {d:6.2f} {seconds:8.2f}")
lowband = ideal_lowband(Y, 4)  # all folds are of one size: their mean is that of all clips
bound_snr, bound_lsd = signal_to_noise_ratio(Y, lowband), log_spectral_distance(Y, lowband)
print(f"{'ideal lowband':28} {bound_snr:9.2f} {bound_lsd:6.2f}")

best_snr, best_lsd = int(snr.argmax()), int(lsd.argmin())
print(f"best by SNR: {names[best_snr]}")
print(f"best by LSD: {names[best_lsd]}")
print(f"refitted:    {describe(search.best_params_)}")

# %%
# The two axes
# ------------
#
# The best corner is the lower right one, and it is empty: who moves down, to a plausible
# highband, gives up SNR, and who moves right, to the waveform, leaves the highband nearly
# empty. Look at the folds before you believe a small difference: ``cv_results_`` holds the
# score of each (``split0_test_snr`` and so on), and a ranking that one fold turns over is none.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(9, 5), layout="constrained")
colors = {"spline": "C7", "linear": "C0", "network": "C1"}
for i, name in enumerate(names):
    ax.plot(snr[i], lsd[i], "o", color=colors[name.replace(",", " ").split()[0]])
    left = name.endswith("65 taps") or "1/16" in name  # of its point, where there is room
    offset, ha = (-11, "right") if left else (11, "left")
    ax.annotate(name, (snr[i], lsd[i]), xytext=(offset, -3), textcoords="offset points", ha=ha)
ax.plot(snr[best_snr], lsd[best_snr], "s", ms=14, mfc="none", color="k", label="best by SNR")
ax.plot(snr[best_lsd], lsd[best_lsd], "D", ms=14, mfc="none", color="k", label="best by LSD")
ax.axvline(bound_snr, color="k", linestyle=":", linewidth=1, label="SNR of the ideal lowband")
ax.set(xlabel="SNR (dB), higher is better", ylabel="LSD, lower is better")
ax.margins(x=0.35, y=0.1)
ax.legend(loc="upper center")
plt.show()

# %%
# The refitted pipeline is an estimator like any other: it degrades wideband clips and restores
# them. For narrowband recordings take its last step alone, ``search.best_estimator_[-1]``.

upsampler = search.best_estimator_[-1]
print(type(upsampler).__name__, "upsamples by", upsampler.upsampling_ratio_)
