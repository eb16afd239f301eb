"""
One distance is not enough
==========================

**Finding.** Of four invented highbands, log-spectral distance (LSD) puts the one first whose
consonants are smeared over 64 ms, and gives nearly the same value to one that buzzes and one that
does not. Three other metrics name each fault.
**Limitation.** The highbands are made from the truth, to have one fault each. A model's has all of
them at once, and how much each disturbs, only a listening test tells; and the speech is synthetic.
"""

# %%
# Four highbands
# --------------
#
# Each takes the true magnitudes of its frames and the phases of another sound, under a true
# lowband. The first has frames of 64 ms, the others of 20 ms. The second one's level rises and
# falls 62.5 times a second, as happens when frames every 16 ms do not fit together. The last one
# takes the phases of a rectified lowband, which has the harmonics of the voice, instead of noise.

import matplotlib.pyplot as plt
import numpy as np
from scipy import signal

from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import ideal_lowband
from sklearn_audiosr.metrics import (
    harmonicity_score,
    log_spectral_distance,
    modulation_line_error,
    temporal_level_error,
)

rate, ratio = 16000, 4
Y = [y.astype(float) for y in load_speech().clips[::5]]
lowbands = [low.astype(float) for low in ideal_lowband(Y, ratio)]
rng = np.random.default_rng(0)


def invent(y, low, carrier, frame):
    """Return the lowband under the carrier, which gets the clip's magnitudes frame by frame."""
    stft = {"nperseg": frame, "noverlap": frame - frame // 4}
    truth, phases = (signal.stft(w, **stft)[2] for w in (y - low, carrier))
    made = signal.istft(np.abs(truth) * np.exp(1j * np.angle(phases)), **stft)[1][: len(y)]
    return low + made - ideal_lowband([made], ratio)[0]


predictions = {name: [] for name in ("long frames", "buzz", "noise", "harmonics")}
for y, low in zip(Y, lowbands, strict=True):
    noise = rng.standard_normal(len(y))
    rectified = np.abs(low) - signal.convolve(np.abs(low), np.ones(160) / 160, "same")
    buzz = 1 + 0.5 * np.cos(2 * np.pi * 62.5 * np.arange(len(y)) / rate)
    predictions["long frames"].append(invent(y, low, noise, 1024))
    predictions["noise"].append(invent(y, low, noise, 320))
    predictions["buzz"].append(low + buzz * (predictions["noise"][-1] - low))
    predictions["harmonics"].append(invent(y, low, rectified, 320))

# %%
# What each metric says
# ---------------------

rates = {"sampling_rate": rate, "upsampling_ratio": ratio}
table = {
    name: {
        "LSD": log_spectral_distance(Y, Y_pred),
        "over time (dB²)": temporal_level_error(Y, Y_pred, **rates),
        "line (dB)": modulation_line_error(Y, Y_pred, **rates),
        "harmonics": harmonicity_score(Y, Y_pred, **rates),
    }
    for name, Y_pred in predictions.items()
}
print(f"{'':12s}" + "".join(f"{column:>17s}" for column in table["buzz"]))
for name, row in table.items():
    print(f"{name:12s}" + "".join(f"{value:17.2f}" for value in row.values()))

# %%
# The buzz
# --------
#
# Above, an eighth of a second of a consonant in frames of 5 ms: the buzz shows as stripes, 16 ms
# apart. Below, the
# modulation spectrum of the highband: how much its level in frames of 5 ms rises and falls, by
# frequency. The voice has lines of its own, at its pitch; the buzz adds one at 62.5 Hz, which is
# what ``modulation_line_error`` looks for.


def spectrogram(waveform):
    f, _, spectra = signal.stft(waveform, rate, nperseg=80, noverlap=64, nfft=256)
    return 20 * np.log10(np.abs(spectra[f > 2200]) + 1e-6)


shown = {"the recording": Y[1], "noise": predictions["noise"][1], "buzz": predictions["buzz"][1]}
hiss = (Y[1] - ideal_lowband(Y[1:2], 2)[0]) ** 2  # power above 4 kHz
start = np.argmax(signal.convolve(hiss, np.ones(2000), "valid"))
fig = plt.figure(figsize=(8, 5.5), layout="constrained")
upper, lower = fig.subfigures(2, 1, height_ratios=[1.1, 1])
for ax, (name, waveform) in zip(upper.subplots(1, 3, sharey=True), shown.items(), strict=True):
    image = spectrogram(waveform[start : start + 2000])
    ax.imshow(
        image, origin="lower", aspect="auto", cmap="magma", extent=(0, 125, 2.2, 8), vmin=-75,
        vmax=-35,
    )  # fmt: skip
    ax.set(title=name, xlabel="time (ms)")
upper.axes[0].set_ylabel("frequency (kHz)")
ax = lower.subplots()
spectra = {}
for name in ("the recording", "noise", "buzz"):
    clips = predictions.get(name, Y)
    levels = [spectrogram(clip) for clip in clips]  # a frame each ms
    power = [signal.welch(level, 1000, nperseg=512)[1].mean(axis=0) for level in levels]
    spectra[name] = 10 * np.log10(np.mean(power, axis=0))
    ax.plot(signal.welch(levels[0], 1000, nperseg=512)[0], spectra[name], label=name)
ax.set(xlim=(20, 260), xlabel="modulation frequency (Hz)", ylabel="power (dB)")
ax.legend()
plt.show()

# %%
# What to do
# ----------
#
# Look for each fault with the metric that hears it, beside a distance of the whole spectrum: print
# the four columns for every model that you compare, and look at spectrograms of short frames.

by_lsd = min(table, key=lambda name: table[name]["LSD"])
by_time = min(table, key=lambda name: table[name]["over time (dB²)"])
print(f"best by LSD: {by_lsd}; best over time: {by_time}")
