"""The lowband rule: what the models that ship do to the lowband of any sound.

    python -m benchmarks.bench_lowband

From 300 Hz to 0.8 of the narrowband Nyquist frequency no third octave may change by more than 1 dB,
and outside none may be lowered by more than 1 dB: of noise, hum, tones, clicks, speech and music,
behind several resamplers and at several levels, with both values of ``lowband``. The spectrum of a
prediction is compared with that of the narrowband clip. Music from recordings is added where there
are some. The command fails if a model that keeps the lowband apart breaks the rule.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfilt

from benchmarks.bench_panel import read_models
from benchmarks.degradations import FfmpegResampler, PolyphaseResampler, SoxrResampler
from sklearn_audiosr import pretrained_names
from sklearn_audiosr.datasets import load_piano, load_speech
from sklearn_audiosr.degradation import AddNoise, Decimator, trim_clips
from tools.recordings import add_argument, read_manifest
from tools.tables import record, rst_table

LIMIT = 1.0  # dB
LEVELS = (1.0, 1e-2, 1e-4)  # of the narrowband peak
SECONDS = 2
INSIDE = 300, 0.8  # Hz, and share of the narrowband Nyquist frequency
TOP = 0.95  # above this share the sinc of any interpolation falls off

# A third octave that is that many dB below the loudest one holds leakage of the window.
_HEARD = -60

# Largest change in the band that must stay, and largest lowering outside, both in dB.
KEYS = ("inside", "outside")


def make_sounds(rate, root=None):
    """Return wideband sounds by name, each a list of clips of peak 1."""
    rng = np.random.default_rng(0)
    n = SECONDS * rate
    t = np.arange(n) / rate
    white = rng.standard_normal(n)
    pink = AddNoise(-200, color="pink", random_state=0).fit_transform([np.ones(n)])[0]
    speech = [clip[:n] for clip in load_speech().clips[::10]]
    sounds = {
        "white noise": [white],
        "pink noise": [pink],
        "applause": [_applaud(n, rate, rng)],
        "hum": [sum(np.sin(2 * np.pi * 50 * k * t + k) / k for k in (1, 2, 3, 5)) + 1e-3 * white],
        "tones": [np.sin(2 * np.pi * f * t) for f in (440, 1000)],
        "sweep": [np.sin(2 * np.pi * 100 * SECONDS / 4 * 40 ** (t / SECONDS))],
        "clicks": [1.0 * (np.arange(n) % 1777 == 0)],
        "pulses": [-1.0 * (np.arange(n) % 120 == 0)],
        "speech": speech,
        **{
            f"speech, {color} noise {snr} dB below": AddNoise(
                snr, color=color, random_state=0
            ).fit_transform(speech)
            for color in ("white", "pink")
            for snr in (10, 20, 30)
        },
        "piano": [clip[:n] for clip in load_piano().clips[::8]],
    }
    if root is not None and (root / "MANIFEST.csv").is_file():
        sounds["music"] = _read_music(root, rate, n)
    return {
        name: [(y / np.abs(y).max()).astype(np.float32) for y in clips]
        for name, clips in sounds.items()
    }


def _applaud(n, rate, rng):
    """Return bursts of noise, each from a band of its own, that come at random."""
    y = np.zeros(n)
    for _ in range(40 * SECONDS):
        center = rng.uniform(800, 3000)
        band = butter(2, [center / 1.4, center * 1.4], "band", fs=rate, output="sos")
        n_burst = int(rng.uniform(0.01, 0.03) * rate)
        burst = rng.standard_normal(n_burst) * np.exp(-np.arange(n_burst) / (0.004 * rate))
        start = rng.integers(n - n_burst)
        y[start : start + n_burst] += rng.uniform(0.2, 1) * sosfilt(band, burst)
    return y


def _read_music(root, rate, n):
    import soundfile
    import soxr

    rows = [row for row in read_manifest(root) if row["pack"] == "music"]
    clips = []
    for row in rows[::20]:
        clip, native = soundfile.read(root / row["path"], dtype="float32")
        clips.append(soxr.resample(clip, native, rate, quality="VHQ")[n : 2 * n])
    return clips


def make_narrowband(sounds, ratio):
    """Return narrowband clips by sound, resampler and level."""
    resamplers = {
        "the paper's filter": Decimator(ratio),
        "scipy": PolyphaseResampler(ratio),
        "soxr": SoxrResampler(ratio),
    }
    if FfmpegResampler.is_installed():
        resamplers["ffmpeg"] = FfmpegResampler(ratio)
    clips = {}
    for resampler, degradation in resamplers.items():
        for name, Y in sounds.items():
            X = degradation.fit_transform(trim_clips(Y, ratio))
            X = [x / np.abs(x).max() for x in X]
            for level in LEVELS:
                clips[name, resampler, level] = [level * x for x in X]
        # a quiet recording whose steps are heard: a peak of 8 of 128
        quiet = [np.round(8 * x) / 128 for x in clips["speech", resampler, 1.0]]
        clips["speech, quiet in 8 bits", resampler, 8 / 128] = quiet
    return clips


def third_octaves(nyquist):
    """Return the edges in Hz of third octaves up to the end of the lowband.

    The band that must stay begins and ends at an edge, too.
    """
    edges = 1000 * 2 ** ((np.arange(-13, 12) - 0.5) / 3)
    low, share = INSIDE
    return np.unique([*edges[edges < TOP * nyquist], low, share * nyquist, TOP * nyquist])


def measure_change(x, y, rate, ratio):
    """Measure how a prediction changes the third octaves of a narrowband clip.

    Parameters
    ----------
    x, y : ndarray of shape (n_timepoints,), (ratio * n_timepoints,)
        Narrowband clip and prediction.
    rate, ratio : int
        Wideband rate in Hz, and upsampling ratio.

    Returns
    -------
    inside : float
        The largest change between the limits of `INSIDE` in dB, negative where it lowers.
    outside : float
        The largest lowering elsewhere in dB, at most 0.
    """
    nyquist = rate / ratio / 2
    edges = third_octaves(nyquist)
    before, after = _levels(x, rate / ratio, edges), _levels(y, rate, edges)
    change = after - before - 20 * np.log10(ratio)
    heard = before > before.max() + _HEARD
    inside = (edges[:-1] >= INSIDE[0]) & (edges[1:] <= INSIDE[1] * nyquist)
    changes, lowerings = change[heard & inside], change[heard & ~inside]
    largest = changes[np.argmax(np.abs(changes))] if changes.size else 0.0
    return {"inside": float(largest), "outside": float(min([0.0, *lowerings]))}


def _levels(waveform, rate, edges):
    """Return the levels between edges in dB; both waveforms last as long, so bins are alike."""
    waveform = np.asarray(waveform, dtype=float)
    power = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform)))) ** 2
    places = np.ceil(edges * len(waveform) / rate - 1e-9).astype(int)
    return 10 * np.log10([power[a:b].sum() + 1e-30 for a, b in pairwise(places)])


def measure_model(est, clips, lowband):
    """Return the worst change of each sound, and behind which resampler and at which level."""
    rate, ratio = int(est.sampling_rate), est.upsampling_ratio_
    rows = {}
    for (name, resampler, level), X in clips.items():
        Y_pred = est.predict(X, lowband=lowband)
        row = rows.setdefault(name, {key: {"db": 0.0, "behind": "", "level": 1.0} for key in KEYS})
        for x, y in zip(X, Y_pred, strict=True):
            for key, change in measure_change(x, y, rate, ratio).items():
                if abs(change) > abs(row[key]["db"]):
                    row[key] = {"db": round(change, 3), "behind": resampler, "level": level}
    return rows


def keeps_lowband(est):
    """Return whether a model keeps the lowband apart from what restores it."""
    return bool(getattr(est.network_, "separates_lowband", False))


def measure_models(models, root):
    """Return the rows of each model and value of ``lowband``, by their name."""
    results, narrowband = {}, {}
    for name, est in models.items():
        ratio = est.upsampling_ratio_
        if ratio not in narrowband:
            narrowband[ratio] = make_narrowband(make_sounds(int(est.sampling_rate), root), ratio)
        for lowband in ("restore", "keep") if keeps_lowband(est) else ("restore",):
            results[f"{name}, {lowband}"] = rows = measure_model(est, narrowband[ratio], lowband)
            print(f"{name}, {lowband}: {format_row(find_worst(rows))}", flush=True)
    return results


def find_worst(rows):
    """Return the worst changes of all sounds."""
    return {
        key: max((row[key] for row in rows.values()), key=lambda c: abs(c["db"])) for key in KEYS
    }


def format_row(row):
    return " / ".join(f"{row[key]['db']:+.2f}" for key in KEYS)


def format_results(results):
    sounds = list(dict.fromkeys(name for rows in results.values() for name in rows))
    cells = [[s, *(format_row(rows[s]) for rows in results.values())] for s in sounds]
    worst = ["all", *(format_row(find_worst(rows)) for rows in results.values())]
    return rst_table(["sound", *results], [*cells, worst])


def find_breaches(results):
    """Return the rows, as sentences, that break the rule."""
    return [
        f"{model}: {sound}: {row[key]['db']:+.2f} dB {key} the band, behind {row[key]['behind']}"
        for model, rows in results.items()
        for sound, row in rows.items()
        for key in KEYS
        if abs(row[key]["db"]) > LIMIT
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    parser.add_argument("--models", nargs="+", help="names or files (default: all that ship)")
    args = parser.parse_args()
    if not FfmpegResampler.is_installed():
        print("no ffmpeg: its resampler is left out")
    models = read_models(args.models or pretrained_names())
    results = measure_models(models, args.recordings)
    if any(Path(name).is_file() for name in args.models or ()):
        print(format_results(results))
    else:
        record("lowband", format_results(results), {"rows": results})
    breaches = find_breaches(results)
    kept = tuple(f"{name}, " for name, est in models.items() if keeps_lowband(est))
    broken = [breach for breach in breaches if breach.startswith(kept)] if kept else []
    if len(breaches) > len(broken):
        print(f"{len(breaches) - len(broken)} times by models that don't keep the lowband apart")
    if broken:
        raise SystemExit("\n".join(["the lowband rule is broken:", *broken]))


if __name__ == "__main__":
    main()
