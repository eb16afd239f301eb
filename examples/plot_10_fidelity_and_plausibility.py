"""
Fidelity and plausibility
=========================

**Finding.** A trained model's ``highband_gain`` trades signal-to-noise ratio (SNR) for
log-spectral distance (LSD). The first quarter of the way to a full highband is nearly free: it
takes most of the distance away and costs a few hundredths of a decibel.
**Limitation.** Neither metric hears. Which point of the curve sounds best, only a listening test
tells; and the speech is synthetic.
"""

# %%
# One model, seven settings
# -------------------------
#
# No setting takes a new fit: ``predict`` mixes two outputs that the network keeps apart, the
# waveform that is best in the mean and what a full highband adds to it.

import matplotlib.pyplot as plt
import numpy as np

from sklearn_audiosr import SplineUpsampler, load_pretrained
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import Decimator, ideal_lowband
from sklearn_audiosr.metrics import lsd_distance, snr_score

Y = load_speech().clips[::5]
X = Decimator(upsampling_ratio=4).transform(Y)
est = load_pretrained("speech-4x-16k")
gains = np.array([0, 0.125, 0.25, 0.5, 0.75, 1, 1.25])

predictions = [est.predict(X, highband_gain=gain) for gain in gains]
snr = np.array([snr_score(Y, Y_pred) for Y_pred in predictions])
lsd = np.array([lsd_distance(Y, Y_pred) for Y_pred in predictions])
bound = ideal_lowband(Y, 4)
bound_snr, bound_lsd = snr_score(Y, bound), lsd_distance(Y, bound)
print(f"ideal lowband:       SNR {bound_snr:5.2f} dB, LSD {bound_lsd:.3f}")
for row in zip(gains, snr, lsd, strict=True):
    print("highband_gain {:5.3f}: SNR {:5.2f} dB, LSD {:.3f}".format(*row))

# %%
# The curve
# ---------
#
# Up and to the left is better. The spline lies far to the right: its highband is next to empty, as
# that of the mean is. Dashed is the ideal lowband, the best signal-to-noise ratio of whoever
# predicts nothing in the highband.

spline = SplineUpsampler().fit(X, Y).predict(X)
spline_snr, spline_lsd = snr_score(Y, spline), lsd_distance(Y, spline)

fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.plot(lsd, snr, "o-", label="speech-4x-16k, by highband_gain")
for gain, x, y in zip(gains, lsd, snr, strict=True):
    ax.annotate(f"{gain:g}", (x, y), xytext=(5, -12), textcoords="offset points")
ax.plot(spline_lsd, spline_snr, "s", label="spline")
ax.axhline(bound_snr, color="0.5", linestyle="--", label="ideal lowband")
ax.set(xlabel="LSD (log10 of power)", ylabel="SNR (dB)")
ax.margins(0.08, 0.15)
ax.legend()
plt.show()

# %%
# Which setting
# -------------
#
# A metric picks one, as a search does over a parameter. By SNR it is 0, by LSD a full
# highband or a little more.

best_snr, best_lsd = gains[snr.argmax()], gains[lsd.argmin()]
print(f"best by SNR: {best_snr:g}; best by LSD: {best_lsd:g}")
