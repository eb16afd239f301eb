"""
Uncertainty: a band around the waveform
=======================================

**Finding.** A network that predicts a standard deviation for each timepoint knows when to be sure:
its deviations follow the errors through a word, from pulse to pulse of the voice. By a score that
counts both width and misses, its 90 % intervals are far better than intervals of one width.
**Limitation.** They hold 90 % on average, over clips like those that they were calibrated on. In a
hiss that leaves no trace in the lowband the network is too sure, another speaker may be covered
worse, and its prediction has less signal-to-noise ratio than that of a network that is not asked
for its errors.
"""

# %%
# Three densities
# ---------------
#
# Of five bundled speakers the last clip is for the test and the others are for training; the sixth
# speaker is kept for the end. These voices are synthetic and their pauses are emptier than any
# room's, so a little noise is added first, 34 dB below the speech: where clips are all but silent a
# normal density becomes very narrow, and training with it restless.

import numpy as np

from sklearn_audiosr import AudioSuperResolver, SplineUpsampler
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import Decimator, ideal_lowband
from sklearn_audiosr.metrics import log_spectral_distance, signal_to_noise_ratio
from sklearn_audiosr.networks import AudioUNet

r, new_speaker = 2, "slt"
speech = load_speech()
rng = np.random.default_rng(0)
Y = [y + 1e-3 * rng.standard_normal(len(y)).astype(np.float32) for y in speech.clips]
X = Decimator(upsampling_ratio=r).fit_transform(Y)


def pick(indices):
    """Take some pairs of clips."""
    return [X[i] for i in indices], [Y[i] for i in indices]


speakers = [name for name in np.unique(speech.groups) if name != new_speaker]
last = [np.flatnonzero(speech.groups == name)[-1] for name in speakers]
new = np.flatnonzero(speech.groups == new_speaker)
train = np.setdiff1d(np.arange(len(Y)), [*last, *new])

# %%
# The same small network is trained three times. With "gaussian" and "laplace" it gives one output,
# the prediction, and after training one number is estimated on the clips held out for validation:
# how far off predictions are. With "heteroscedastic" it gives two: the prediction and, at each
# timepoint, how far off it may be.

estimators = {
    noise_model: AudioSuperResolver(
        AudioUNet(n_blocks=1, width=1 / 8, kernel_sizes=(17,), dropout=0.0),
        noise_model=noise_model,
        max_epochs=3,
        patch_length=512,
        batch_size=16,
        learning_rate=2e-3,
        validation_fraction=0.25,
        random_state=0,
    ).fit(*pick(train))
    for noise_model in ("gaussian", "laplace", "heteroscedastic")
}

# %%
# Intervals
# ---------
#
# ``predict(X, return_std=True)`` gives a standard deviation for each timepoint. How many of them
# make an interval that holds nine values of ten depends on the density.

n_std = {"gaussian": 1.645, "laplace": np.log(10) / np.sqrt(2), "heteroscedastic": 1.645}


def find_intervals(noise_model, indices):
    """Join all clips: errors, and half widths of the 90 % intervals."""
    X_test, Y_test = pick(indices)
    Y_pred, Y_std = estimators[noise_model].predict(X_test, return_std=True)
    return (
        np.concatenate(Y_test) - np.concatenate(Y_pred),
        n_std[noise_model] * np.concatenate(Y_std),
    )


intervals = {noise_model: find_intervals(noise_model, last) for noise_model in estimators}

# %%
# Do they hold nine of ten? Over all test clips, more or less. But one width is too wide for half of
# the timepoints, those with a weak highband, and far too narrow where the highband is strong. The
# last two columns sum this up: the mean width, and the interval score, which adds to it 20 times
# the distance by which a value lies outside, 2 over the tenth that may. Lower is better for both,
# and the score is lowest for those who say what they know.


def measure_highband(indices):
    """Level of the true highband about each timepoint, over 25 ms."""
    Y_test = pick(indices)[1]
    return np.concatenate([
        np.sqrt(np.convolve((y - low) ** 2, np.full(400, 1 / 400), "same"))
        for y, low in zip(Y_test, ideal_lowband(Y_test, r), strict=True)
    ])  # fmt: skip


highband = measure_highband(last)
weak, strong = np.quantile(highband, [0.5, 0.9])
parts = {"all": highband >= 0, "weak half": highband < weak, "strong tenth": highband > strong}

coverage, score = {}, {}
print(f"{'coverage:':16}" + "".join(f"{part:>14}" for part in parts) + "   width   score")
for noise_model, (errors, half_width) in intervals.items():
    inside = np.abs(errors) <= half_width
    coverage[noise_model] = {part: inside[where].mean() for part, where in parts.items()}
    outside = np.maximum(np.abs(errors) - half_width, 0)
    width = 2 * half_width.mean()
    score[noise_model] = width + 20 * outside.mean()
    print(
        f"{noise_model:16}"
        + "".join(f"{value:14.1%}" for value in coverage[noise_model].values())
        + f"{width:8.4f}{score[noise_model]:8.4f}"
    )

# %%
# In one clip
# -----------
#
# Above: half a second of a test clip. The errors, root mean square over 5 ms, rise and fall by a
# factor of twenty. One standard deviation cannot follow. The network's does where there is voice,
# from pulse to pulse; it misses the hiss before, whose sound lies above the end of the lowband.
# Below: the errors of 40 ms of each, in their 90 % band.

import matplotlib.pyplot as plt

fs = speech.sampling_rate
x, y = (clips[last[0]] for clips in (X, Y))
deviations = {}
for noise_model in ("gaussian", "heteroscedastic"):
    (y_pred,), (deviations[noise_model],) = estimators[noise_model].predict([x], return_std=True)
errors, y_std = y - y_pred, deviations["heteroscedastic"]


def smooth(values):
    """Root mean square over 5 ms."""
    return np.sqrt(np.convolve(values**2, np.full(80, 1 / 80), "same"))


level = measure_highband(last[:1])
hiss = int(level[fs:-fs].argmax()) + fs
time = np.arange(hiss - fs // 4, hiss + fs // 4)
voice = time[smooth(y)[time].argmax()]

fig, axes = plt.subplot_mosaic("aa;bc", figsize=(9, 6), layout="constrained")
ax = axes["a"]
ax.semilogy(time / fs, smooth(errors)[time], color="0.6", label="errors")
for noise_model, color, style in [("gaussian", "C0", "--"), ("heteroscedastic", "C1", "-")]:
    shown = smooth(deviations[noise_model])[time]
    ax.semilogy(time / fs, shown, color=color, linestyle=style, label=f"std, {noise_model}")
ax.set(xlabel="time (s)", ylabel="amplitude", ylim=(4e-4, 8e-2))
ax.margins(x=0)
ax.legend(loc="upper left", ncols=3)
for name, middle, title in [("b", hiss, "hiss"), ("c", voice, "voice")]:
    t = np.arange(middle - fs // 50, middle + fs // 50)
    axes["a"].axvspan(t[0] / fs, t[-1] / fs, color="0.93")
    axes["a"].text(middle / fs, 5e-4, title, ha="center")
    ax, band = axes[name], 1.645 * y_std[t]
    ax.fill_between(t / fs, -band, band, color="C1", alpha=0.4, linewidth=0, label="90 % band")
    ax.plot(t / fs, errors[t], "k.", markersize=2, label="errors")
    ax.set(title=title, xlabel="time (s)")
    ax.margins(x=0)
axes["b"].set_ylabel("amplitude")
axes["c"].legend(loc="upper right")
plt.show()

# %%
# What it costs, and what a draw is
# ---------------------------------
#
# ``sample_y`` draws waveforms from the density. Each timepoint is drawn for itself: a draw is the
# prediction plus white noise with the network's envelope. It has about the right energy in
# the highband, hence the better log-spectral distance, and it has as much noise in the lowband:
# do not listen to draws, use them to carry the uncertainty through further steps.

X_test, Y_test = pick(last)
candidates = {"spline": SplineUpsampler().fit(X_test, Y_test).predict(X_test)}
candidates |= {name: est.predict(X_test) for name, est in estimators.items()}
draws = estimators["heteroscedastic"].sample_y(X_test, random_state=0)
candidates["heteroscedastic, a draw"] = [draw[..., 0] for draw in draws]
snr, lsd = {}, {}
print(f"{'':24}{'SNR (dB)':>9}{'LSD':>7}")
for name, Y_pred in candidates.items():
    snr[name] = signal_to_noise_ratio(Y_test, Y_pred)
    lsd[name] = log_spectral_distance(Y_test, Y_pred)
    print(f"{name:24}{snr[name]:9.2f}{lsd[name]:7.2f}")

# %%
# The likelihood makes a network attend to timepoints that can be predicted well; those with large
# errors, which decide the signal-to-noise ratio, weigh little. This one hardly gets beyond the
# spline. Take "gaussian", or no noise model, if the prediction is all you want.

# %%
# How far calibration carries
# ---------------------------
#
# It is one factor, estimated on five clips of these speakers. Clip by clip the coverage scatters,
# and a speaker who took no part is covered as it happens. To know it for your recordings, count it
# on some of them, as above.

coverage_by_clip = {}
for name, indices in [("test clips", last), ("new speaker", new)]:
    inside = [np.mean(np.abs(e) <= w) for e, w in (
        find_intervals("heteroscedastic", [i]) for i in indices
    )]  # fmt: skip
    coverage_by_clip[name] = np.array(inside)
    print(f"{name:12}", "  ".join(f"{value:.1%}" for value in inside))
