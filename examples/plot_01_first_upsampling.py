"""
A first upsampling
==================

**Finding.** After some seconds of training a small network has a clearly lower log-spectral
distance (LSD) to the true clips than the spline and the linear filter: it has begun to put
energy into the empty highband. **Limitation.** It has only begun. That energy is far weaker than
in the true clips, and by signal-to-noise ratio (SNR) the linear filter, fitted in a fraction of
a second, stays ahead. A lower LSD alone is no promise of a better sound: listen below.
"""

# %%
# Narrowband clips from wideband ones
# -----------------------------------
#
# The bundled speech has a sampling rate of 16 kHz. ``Decimator`` low-pass filters it and keeps
# every fourth timepoint: clips of 4 kHz, which end at the narrowband Nyquist frequency of 2
# kHz. One speaker is held out; the others are for training.

import numpy as np

from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import Decimator

r = 4
speech = load_speech()
sampling_rate = speech.sampling_rate
X, Y = Decimator(upsampling_ratio=r).fit_transform(speech.clips), speech.clips

train = np.flatnonzero(speech.groups != "slt")
test = np.flatnonzero(speech.groups == "slt")
X_train, Y_train = [X[i] for i in train], [Y[i] for i in train]
X_test, Y_test = [X[i] for i in test], [Y[i] for i in test]

print(f"training: {len(X_train)} clips, {sum(map(len, Y_train)) / sampling_rate:.0f} s")
print(f"test: {len(X_test)} clips, {sum(map(len, Y_test)) / sampling_rate:.0f} s")

# %%
# Three upsamplers
# ----------------
#
# The spline learns nothing, the linear filter has a closed form, and the network is trained: a
# very small one, with a sixteenth of the paper's filters and shorter ones, on short patches and
# at a high learning rate, to be done in seconds. Dropout, which a full-width network needs,
# would only slow it down.

from time import perf_counter

from sklearn_audiosr import AudioSuperResolver, LinearUpsampler, SplineUpsampler
from sklearn_audiosr.degradation import ideal_lowband
from sklearn_audiosr.metrics import log_spectral_distance, signal_to_noise_ratio
from sklearn_audiosr.networks import AudioUNet

network = AudioUNet(n_blocks=3, width=1 / 16, kernel_sizes=(17, 9, 9), dropout=0.0)
upsamplers = {
    "spline": SplineUpsampler(),
    "linear filter": LinearUpsampler(),
    "network": AudioSuperResolver(
        network, max_epochs=2, patch_length=1024, batch_size=8, learning_rate=3e-3, random_state=0
    ),
}

predictions, snr, lsd = {}, {}, {}
print(f"{'':14} {'fit (s)':>8} {'SNR (dB)':>9} {'LSD':>6}")
for name, upsampler in upsamplers.items():
    begin = perf_counter()
    upsampler.fit(X_train, Y_train)
    seconds = perf_counter() - begin
    predictions[name] = upsampler.predict(X_test)
    snr[name] = signal_to_noise_ratio(Y_test, predictions[name])
    lsd[name] = log_spectral_distance(Y_test, predictions[name])
    print(f"{name:14} {seconds:8.1f} {snr[name]:9.2f} {lsd[name]:6.2f}")

lowband = ideal_lowband(Y_test, r)
snr["ideal lowband"] = signal_to_noise_ratio(Y_test, lowband)
lsd["ideal lowband"] = log_spectral_distance(Y_test, lowband)
print(f"{'ideal lowband':14} {'':8} {snr['ideal lowband']:9.2f} {lsd['ideal lowband']:6.2f}")

# %%
# Higher SNR is better, lower LSD is better, and no upsampler wins both. The last row is no
# upsampler but a bound: the true lowband beneath an empty highband, the highest SNR of whoever
# predicts nothing in the highband.
#
# What they look like
# -------------------
#
# Above the dashed line, the narrowband Nyquist frequency, the spline leaves faint mirror images
# of the lowband and the linear filter nearly nothing. The network adds energy where the voice
# is loud, most of it just above the line, and far less than the true clip has.

import matplotlib.pyplot as plt
from scipy.signal import spectrogram

seconds = 3
clips = {"wideband: the truth": (Y_test[0], sampling_rate)}
clips["narrowband: the input"] = (X_test[0], sampling_rate // r)
clips |= {name: (predicted[0], sampling_rate) for name, predicted in predictions.items()}
clips = {name: (clip[: seconds * rate], rate) for name, (clip, rate) in clips.items()}

fig, axes = plt.subplots(
    len(clips), figsize=(8, 11), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, (clip, rate)) in zip(axes, clips.items(), strict=True):
    n = 512 * rate // sampling_rate  # 32 ms at every rate
    frequency, time, power = spectrogram(clip, rate, nperseg=n, noverlap=n * 3 // 4)
    level = 10 * np.log10(power + 1e-14)
    mesh = ax.pcolormesh(time, frequency / 1000, level, vmin=-120, vmax=-45, rasterized=True)
    ax.axhline(sampling_rate / r / 2000, color="white", linestyle="--", linewidth=1)
    ax.set(title=name, ylabel="frequency (kHz)", ylim=(0, sampling_rate / 2000))
    ax.set_facecolor("0.85")  # what a narrowband clip cannot hold
axes[-1].set_xlabel("time (s)")
fig.colorbar(mesh, ax=axes, label="power density (dB/Hz)", aspect=60)
plt.show()

# %%
# What they sound like
# --------------------
#
# The players need nothing but a browser: each holds its clip as a WAV file.

import base64
import io

import soundfile


class Players:
    """Audio players for a notebook or a gallery page."""

    def __init__(self, clips):
        self.clips = clips

    def _repr_html_(self):
        rows = (
            f"<tr><td>{name}</td><td><audio controls src='{wav_uri(*clip)}'></audio></td></tr>"
            for name, clip in self.clips.items()
        )
        return f"<table>{''.join(rows)}</table>"


def wav_uri(clip, rate):
    file = io.BytesIO()
    # the bundled clips are quiet: four times the amplitude for all alike
    soundfile.write(file, np.clip(4 * clip, -1, 1), rate, format="WAV", subtype="PCM_16")
    return "data:audio/wav;base64," + base64.b64encode(file.getvalue()).decode()


Players(clips)

# %%
# To go on from here: train longer and wider (the paper's network is sixteen times as wide and
# was trained for 400 epochs), and on recordings of real people.
