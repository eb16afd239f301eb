"""
Fine-tuning to a speaker
========================

**Finding.** A network trained on some speakers gains on a new one when training goes on with a
few of the new speaker's clips (``warm_start=True``): more than from as many further steps on
the speakers it knows. **Limitation.** How much depends on the speaker. The gain is large for a
voice that repeats itself, and a synthetic voice does: it says the same sounds with the same
waveforms. Real speakers vary, so expect less from them.
"""

# %%
# Old and new speakers
# --------------------
#
# Four bundled speakers are for training. Of each of the two others, three clips are for
# fine-tuning and two for the test.

import copy

import numpy as np

from sklearn_audiosr import AudioSuperResolver, LinearUpsampler
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import Decimator, ideal_lowband
from sklearn_audiosr.metrics import log_spectral_distance, signal_to_noise_ratio
from sklearn_audiosr.networks import AudioUNet

new_speakers = ["ked", "rms"]
speech = load_speech()
Y = speech.clips
X = Decimator(upsampling_ratio=4).fit_transform(Y)


def pick(indices):
    """Take some pairs of clips."""
    return [X[i] for i in indices], [Y[i] for i in indices]


old = pick(np.flatnonzero(~np.isin(speech.groups, new_speakers)))
tuning = {name: pick(np.flatnonzero(speech.groups == name)[:3]) for name in new_speakers}
test = {name: pick(np.flatnonzero(speech.groups == name)[3:]) for name in new_speakers}

# %%
# Train, then train on
# --------------------
#
# With ``warm_start=True`` a further ``fit`` goes on from the weights that are there. A copy of
# the trained network is fine-tuned for each new speaker; another copy goes on with the old
# speakers, for as many steps, to tell what the new clips do from what more training does. An
# epoch is as long as its clips: fewer clips, more epochs. ``LinearUpsampler`` has no warm
# start: it is fitted to the old speakers and the new clips together.

network = AudioUNet(n_blocks=2, width=1 / 16, kernel_sizes=(17, 9), dropout=0.0)
pretrained = AudioSuperResolver(
    network,
    max_epochs=2,
    patch_length=1024,
    batch_size=8,
    learning_rate=3e-3,
    validation_fraction=0,
    warm_start=True,
    random_state=0,
).fit(*old)


def train_on(pairs, n_epochs):
    """Go on with a copy of the trained network."""
    estimator = copy.deepcopy(pretrained).set_params(max_epochs=n_epochs, learning_rate=1e-3)
    return estimator.fit(*pairs)


def count_timepoints(pairs):
    return sum(map(len, pairs[1]))


n_epochs = 8
n_timepoints = n_epochs * np.mean([count_timepoints(pairs) for pairs in tuning.values()])
further = train_on(old, n_epochs=max(1, round(n_timepoints / count_timepoints(old))))
estimators = {}
for name in new_speakers:
    both = tuple(a + b for a, b in zip(old, tuning[name], strict=True))
    estimators[name] = {
        "linear filter": LinearUpsampler().fit(*both),
        "trained on others": pretrained,
        "further on others": further,
        "fine-tuned": train_on(tuning[name], n_epochs),
    }

# %%
# What it gains
# -------------
#
# All scores are of clips that no estimator has seen. The last row is a bound: the ideal lowband,
# the true lowband beneath an empty highband, has the highest SNR of whoever predicts nothing in
# the highband.

snr, lsd = {}, {}
for name in new_speakers:
    X_test, Y_test = test[name]
    print(f"{name + ':':18} {'SNR (dB)':>9} {'LSD':>6}")
    rows = {label: estimator.predict(X_test) for label, estimator in estimators[name].items()}
    rows["ideal lowband"] = ideal_lowband(Y_test, 4)
    for label, Y_pred in rows.items():
        snr[name, label] = signal_to_noise_ratio(Y_test, Y_pred)
        lsd[name, label] = log_spectral_distance(Y_test, Y_pred)
        print(f"{label:18} {snr[name, label]:9.2f} {lsd[name, label]:6.2f}")

gain = {name: snr[name, "fine-tuned"] - snr[name, "trained on others"] for name in new_speakers}
gain_further = {
    name: snr[name, "further on others"] - snr[name, "trained on others"] for name in new_speakers
}
for name in new_speakers:
    print(
        f"{name}: fine-tuning {gain[name]:+.2f} dB, further training {gain_further[name]:+.2f} dB"
    )

# %%
# The two speakers differ
# -----------------------
#
# ``ked`` is made of recorded pieces, cut and joined: his test clips use some of the very pieces
# that the fine-tuning clips hold, and a network can learn them by heart: it gets above the
# bound, which takes the waveform of the highband. ``rms`` is a parametric voice, and gains
# little SNR.

import matplotlib.pyplot as plt

labels = list(estimators[new_speakers[0]])
colors = ["C7", "C0", "C2", "C1"]
fig, axes = plt.subplots(2, 2, figsize=(9, 4.5), sharex="col", sharey=True, layout="constrained")
for row, name in zip(axes, new_speakers, strict=True):
    for ax, scores in zip(row, (snr, lsd), strict=True):
        values = [scores[name, label] for label in labels]
        ax.scatter(values, labels, c=colors, s=60)
        for label, value in zip(labels, values, strict=True):
            ax.annotate(f"{value:.2f}", (value, label), xytext=(9, -4), textcoords="offset points")
        if scores is snr:
            ax.axvline(snr[name, "ideal lowband"], color="k", linestyle=":", linewidth=1)
        ax.margins(x=0.25, y=0.2)
        ax.grid(axis="x", alpha=0.4)
    row[0].set_title(f"speaker {name} (dotted: ideal lowband)", loc="left")
axes[0, 0].invert_yaxis()
axes[1, 0].set_xlabel("SNR (dB), higher is better")
axes[1, 1].set_xlabel("LSD, lower is better")
plt.show()

# %%
# To check a gain of your own, hold out clips of the new speaker, as here, and look at both
# metrics: fine-tuning for too long on a few clips is a way to overfit.
