"""
A listening test, from estimators to statistics
===============================================

Whether one system sounds better than another is a question to listeners. Here two upsamplers
become a MUSHRA test (Recommendation ITU-R BS.1534-3) that runs in a browser.

.. important::

   Nobody has listened. The answers below are **simulated**, with scores that we plant, to see what
   the analysis makes of them and how many listeners it takes. They say nothing about how these
   systems sound.
"""

# %%
# Stimuli
# -------
#
# Four recordings of two voices that neither upsampler has met, a quarter of their bandwidth, and
# two systems. The test also has the narrowband clips as they are, the hidden reference and two
# low-pass anchors, all matched in loudness.

import tempfile
from pathlib import Path

import numpy as np

from sklearn_audiosr import LinearUpsampler, SplineUpsampler
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.listening import (
    analyze,
    integrated_loudness,
    make_listening_test,
    make_stimuli,
    plot_scores,
    score_table,
    simulate_answers,
)

speech = load_speech()
is_test = np.isin(speech.groups, ["ked", "slt"])
Y_train = [y for y, test in zip(speech.clips, is_test, strict=True) if not test]
Y_test = [y for y, test in zip(speech.clips, is_test, strict=True) if test][3:7]
X_train, X_test = (Decimator(upsampling_ratio=4).transform(Y) for Y in (Y_train, Y_test))

systems = {
    "spline": SplineUpsampler().fit(X_train, Y_train),
    "linear filter": LinearUpsampler().fit(X_train, Y_train),
}
names = ["voice 1, a", "voice 1, b", "voice 2, a", "voice 2, b"]
stimuli = make_stimuli(
    systems, Y_test, X_test, sampling_rate=speech.sampling_rate, names=names, narrowband=True
)

loudness = [
    integrated_loudness(clip, stimuli.sampling_rate)
    for trial in stimuli.clips.values()
    for clip in trial.values()
]
print(f"{len(loudness)} stimuli from {min(loudness):.2f} to {max(loudness):.2f} LUFS")

# %%
# The test
# --------
#
# The folder ``page`` goes to the listeners, who open ``index.html`` from a disk or a web server;
# ``key.json`` stays with us. Nothing in the page's names or orders tells which stimulus is which.

folder = tempfile.TemporaryDirectory()
test = Path(folder.name, "test")
page = make_listening_test(stimuli, test, title="Bandwidth of speech", random_state=0)
for path in sorted(path for path in test.rglob("*") if path.is_file()):
    print(f"{path.relative_to(test).as_posix():24} {path.stat().st_size / 1e6:6.2f} MB")

# %%
# Simulated answers
# -----------------
#
# Twelve listeners who know what they do, and two who give the hidden reference 70. Each has a
# habit, up or down by some points everywhere, and noise.

planted = {
    "narrowband": 30,
    "spline": 32,
    "linear filter": 36,
    "low anchor": 38,
    "mid anchor": 60,
}
careful = simulate_answers(
    test, planted, Path(folder.name, "careful"), n_listeners=12, random_state=1
)
careless = simulate_answers(
    test,
    {**planted, "hidden reference": 70},
    Path(folder.name, "careless"),
    n_listeners=2,
    name="careless",
    random_state=0,
)
result = analyze([*careful, *careless], test)
for listener, reason in result.excluded.items():
    print(f"left out: {listener}, {reason}")
print()
print(score_table(result))
difference = result.differences["spline", "linear filter"]
print("\nspline - linear filter: {mean:.1f} [{low:.1f}, {high:.1f}]".format(**difference))

# %%
# Post-screening has found the two who were careless, and the planted scores are within the
# intervals. In the picture, boxes hold the middle half of all scores; dots with bars are means with
# 95 % confidence intervals.

import matplotlib.pyplot as plt

plot_scores(result)
plt.show()

# %%
# How many listeners?
# -------------------
#
# The planted difference between the two systems is 4 points. Many simulated panels of several sizes
# tell beforehand how many listeners it takes to see it: to find an interval of the difference
# without 0. The difference is compared listener by listener, so that habits cancel, and its
# interval is narrower than that of either mean.

sizes, n_panels = [6, 12, 24, 48], 20
seen = []
widths = {"mean, linear filter": [], "difference to the spline": []}
for n_listeners in sizes:
    ends = []
    for i in range(n_panels):
        answers = Path(folder.name, f"{n_listeners} listeners, panel {i}")
        simulate_answers(test, planted, answers, n_listeners=n_listeners, random_state=i)
        panel = analyze(answers, test, n_bootstraps=2000)
        mean, difference = (
            panel.overall["linear filter"],
            panel.differences["spline", "linear filter"],
        )
        ends.append([mean["low"], mean["high"], difference["low"], difference["high"]])
    low, high, low_difference, high_difference = np.transpose(ends)
    seen.append(np.mean(high_difference < 0))
    widths["mean, linear filter"].append(np.median(high - low))
    widths["difference to the spline"].append(np.median(high_difference - low_difference))
folder.cleanup()

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
left.plot(sizes, seen, "o-")
left.set(ylabel="panels that see the difference", ylim=(0, 1.05))
for (name, values), style in zip(widths.items(), ["o-", "s-"], strict=True):
    right.plot(sizes, values, style, label=name)
right.set(ylabel="width of the 95 % interval (points)", ylim=(0, None))
right.legend()
for ax in (left, right):
    ax.set_xscale("log", base=2)
    ax.set_xticks(sizes, sizes)
    ax.set_xlabel("simulated listeners")
plt.show()

# %%
# What it does not show: real listeners differ by more than a habit, learn, tire and hear different
# things, and scores near the ends of the scale crowd. Take these sizes for the least that a panel
# needs.
