"""
Cross-validation by speaker
===========================

**Finding.** A dense network scores better on a speaker of whom it has seen other clips than on
a new one. Folds that split the clips of a speaker hide that: they promise a log-spectral
distance (LSD) that a new speaker does not get. Folds by speaker, with ``GroupKFold``, do not.
The linear filter has too few coefficients to know anybody, and scores nearly alike in both.
**Limitation.** Six synthetic speakers are few, and they differ from each other by more than the
bias: it shows only because the same clips are compared pair by pair, and by signal-to-noise
ratio (SNR) it does not show.
"""

# %%
# One pipeline, two ways to split
# -------------------------------
#
# Both ways have three folds of ten clips, so both train on equally many. ``KFold`` deals the
# clips out at random, so that a speaker's clips lie on both sides; ``GroupKFold`` keeps the
# clips of a speaker together.

import numpy as np
from sklearn.model_selection import GroupKFold, KFold, cross_validate
from sklearn.pipeline import make_pipeline

from sklearn_audiosr import DNNBandwidthExtender, LinearUpsampler
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import Decimator, ideal_lowband
from sklearn_audiosr.metrics import (
    log_spectral_distance,
    signal_to_noise_ratio,
    snr_scorer,
)

speech = load_speech()
Y, speakers = speech.clips, speech.groups

splits = {
    "split": list(KFold(3, shuffle=True, random_state=0).split(Y)),
    "by speaker": list(GroupKFold(3).split(Y, groups=speakers)),
}
for name, folds in splits.items():
    known = [np.isin(speakers[test], speakers[train]).mean() for train, test in folds]
    print(f"{name:11} test clips whose speaker is in training: {np.mean(known):.0%}")

# %%
# Two upsamplers in it
# --------------------
#
# ``cross_validate`` can hand back the fitted pipelines and the folds, from which each clip gets
# a score of its own: ``average=None`` gives one value for each clip. The dense network is a
# small one. The ideal lowband, the true lowband beneath an empty highband, learns nothing and
# so has one row: the bound in SNR for whoever predicts nothing in the highband.

upsamplers = {
    "linear filter": LinearUpsampler(),
    "dense network": DNNBandwidthExtender(
        (64,),
        frame_length=256,
        n_context_frames=3,
        patch_length=2048,
        learning_rate=4e-3,
        max_epochs=6,
        validation_fraction=0,
        random_state=0,
    ),
}


def cross_validate_clips(upsampler, folds):
    """Cross-validate; return the mean SNR and the LSD of each clip."""
    result = cross_validate(
        make_pipeline(Decimator(upsampling_ratio=4), upsampler),
        Y,
        Y,
        cv=folds,
        scoring=snr_scorer,
        return_estimator=True,
        return_indices=True,
    )
    clip_lsd = np.empty(len(Y))
    for pipe, test in zip(result["estimator"], result["indices"]["test"], strict=True):
        Y_test = [Y[i] for i in test]
        clip_lsd[test] = log_spectral_distance(Y_test, pipe.predict(Y_test), average=None)
    return result["test_score"].mean(), clip_lsd


clip_lsd, mean_snr = {}, {}
print(f"{'':14} {'folds':11} {'SNR (dB)':>8} {'LSD':>6}")
for name, upsampler in upsamplers.items():
    for how, folds in splits.items():
        mean_snr[name, how], clip_lsd[name, how] = cross_validate_clips(upsampler, folds)
        lsd = clip_lsd[name, how].mean()  # all folds are of one size
        print(f"{name:14} {how:11} {mean_snr[name, how]:8.2f} {lsd:6.2f}")
lowband = ideal_lowband(Y, 4)
bound_snr, bound_lsd = signal_to_noise_ratio(Y, lowband), log_spectral_distance(Y, lowband)
print(f"{'ideal lowband':14} {'either':11} {bound_snr:8.2f} {bound_lsd:6.2f}")

# %%
# The bias, clip by clip
# ----------------------
#
# Each clip is tested once in either way: the difference is free of what makes one clip harder
# than another.

bias = {}
print("LSD with the speaker in training minus LSD without")
for name in upsamplers:
    difference = clip_lsd[name, "split"] - clip_lsd[name, "by speaker"]
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    bias[name] = difference.mean()
    own = [clip_lsd[name, "by speaker"][speakers == s].mean() for s in np.unique(speakers)]
    print(f"{name:14} {bias[name]:+.3f} ± {error:.3f} (between speakers: {np.std(own):.2f})")

import matplotlib.pyplot as plt

fig, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for ax, name in zip(axes, upsamplers, strict=True):
    for i, speaker in enumerate(np.unique(speakers)):
        own = speakers == speaker
        pairs = np.array([clip_lsd[name, how][own] for how in splits])
        ax.plot(i + np.array([-0.15, 0.15]), pairs, color="0.7", linewidth=1, zorder=1)
        ax.scatter(np.full(own.sum(), i - 0.15), pairs[0], color="C1", s=22)
        ax.scatter(np.full(own.sum(), i + 0.15), pairs[1], color="C0", s=22)
    ax.set_xticks(range(6), np.unique(speakers))
    ax.set(title=name, xlabel="speaker", ylabel="LSD, lower is better")
handles = [plt.Line2D([], [], color=c, marker="o", linestyle="") for c in ("C1", "C0")]
axes[0].legend(handles, ["speaker in training", "speaker new"], loc="upper left")
plt.show()

# %%
# Which question do you ask? If the estimator will serve speakers that it has not heard, hold
# out speakers. If it is made for one person and trained on that person's recordings, hold out
# recordings. Either way hold out whole clips, never parts of one.
