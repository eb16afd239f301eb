"""
Robust to another recording chain
=================================

**Finding.** A network that has heard twenty seconds of speech from one recording chain may lose
half a decibel of signal-to-noise ratio (SNR) when the polarity is inverted, though that sounds the
same. Trained for as many steps on variations of the same clips
(:mod:`sklearn_audiosr.augmentation`), it loses next to nothing, and gains one or two tenths of a
decibel at another level and behind another microphone.
**Limitation.** How much is lost without augmentation depends on the initial weights: networks with
the seeds 0, 1 and 2 lost 0.5, 0.6 and 0.0 dB, and one of the three gained nothing at the other
level. The log-spectral distance (LSD) does not improve. By SNR both networks stay below the linear
filter, to which polarity and level make no difference. And the speech is synthetic.
"""

# %%
# Your recordings, and variations of them
# ---------------------------------------
#
# The bundled clips stand in for your own recordings, which ``load_audio_folder`` reads. The random
# draws depend on ``random_state`` and on the place of the clip in the list, so repeating the list
# four times gives four different variations of each clip. Augmentations change the target. So they
# come first, outside the pipeline that is fitted, and the narrowband clips are made from their
# results.

import matplotlib.pyplot as plt
import numpy as np
from scipy.signal import butter, sosfilt
from sklearn.pipeline import make_pipeline

from sklearn_audiosr import AudioSuperResolver, LinearUpsampler
from sklearn_audiosr.augmentation import ChangeLevel, ChangeMicrophone, ChangeSpeed, RotatePhase
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import Decimator, ideal_lowband, trim_clips
from sklearn_audiosr.metrics import log_spectral_distance, signal_to_noise_ratio
from sklearn_audiosr.networks import AudioUNet

ratio, n_variations = 4, 4
speech = load_speech()
is_test = np.isin(speech.groups, ["awb", "slt"])
recordings = [speech.clips[i][:32000] for i in np.flatnonzero(~is_test)[::2]]
recordings_test = [speech.clips[i] for i in np.flatnonzero(is_test)[::2]]

vary = make_pipeline(
    ChangeSpeed((1.0, 1.2), p=0.5, random_state=0),
    ChangeMicrophone(4.0, random_state=0),
    ChangeLevel((-30, 6), random_state=0),
    RotatePhase(random_state=0),
)
Y = trim_clips(recordings, ratio)
Y_varied = trim_clips(vary.fit_transform(recordings * n_variations), ratio)
decimator = Decimator(ratio)
X, X_varied = decimator.fit_transform(Y), decimator.transform(Y_varied)

# %%
# Equally many training steps
# ---------------------------
#
# The network without augmentation hears its clips four times as often.


def make_network(max_epochs):
    return AudioSuperResolver(
        AudioUNet(n_blocks=2, width=1 / 16, kernel_sizes=(17, 9), dropout=0.0),
        max_epochs=max_epochs,
        patch_length=1024,
        batch_size=8,
        learning_rate=3e-3,
        validation_fraction=0,
        random_state=0,
    )


upsamplers = {
    "linear filter": LinearUpsampler().fit(X, Y),
    "network": make_network(4 * n_variations).fit(X, Y),
    "network, augmented": make_network(4).fit(X_varied, Y_varied),
}

# %%
# Other recording chains
# ----------------------
#
# New speakers, as recorded and through chains that the augmentation did not draw: the muffled
# microphone is a first-order low-pass filter. The ideal lowband is the true lowband beneath an
# empty highband: no method that leaves the highband empty has a better SNR.

muffle = butter(1, 3000, fs=speech.sampling_rate, output="sos")
chains = {
    "as recorded": lambda clip: clip,
    "inverted": lambda clip: -clip,
    "25 dB quieter": lambda clip: 10 ** (-25 / 20) * clip,
    "muffled": lambda clip: sosfilt(muffle, clip),
}

snr, lsd = {}, {}
for chain, record in chains.items():
    Y_test = trim_clips([record(clip) for clip in recordings_test], ratio)
    X_test = decimator.transform(Y_test)
    predictions = {name: est.predict(X_test) for name, est in upsamplers.items()}
    predictions["ideal lowband"] = ideal_lowband(Y_test, ratio)
    print(f"{chain + ':':20} {'SNR (dB)':>9} {'LSD':>6}")
    for name, Y_pred in predictions.items():
        snr[chain, name] = signal_to_noise_ratio(Y_test, Y_pred)
        lsd[chain, name] = log_spectral_distance(Y_test, Y_pred)
        print(f"{name:20} {snr[chain, name]:9.2f} {lsd[chain, name]:6.2f}")

# %%
# What augmentation changes
# -------------------------
#
# Left: the SNR that an inverted polarity costs. Right: the SNR that augmentation gains in each
# recording chain.

networks = ["network", "network, augmented"]
cost = {name: snr["as recorded", name] - snr["inverted", name] for name in upsamplers}
gain = {chain: snr[chain, networks[1]] - snr[chain, networks[0]] for chain in chains}
for name, value in cost.items():
    print(f"{name}: an inverted polarity costs {value:.2f} dB")

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
left.barh(list(cost), list(cost.values()), color=["C2", "C0", "C1"])
left.set_xlabel("loss of SNR by inversion (dB)")
right.barh(list(gain), list(gain.values()), color="C1")
right.set_xlabel("gain of SNR by augmentation (dB)")
for ax in (left, right):
    ax.axvline(0, color="k", linewidth=0.8)
    ax.invert_yaxis()
plt.show()

# %%
# Choose augmentations for the conditions that the model will meet: each other one only costs
# training time. Measure on held-out recordings of the kind that you will upsample.
