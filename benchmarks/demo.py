"""Compare the estimators on clips of speech, cross-validated by speaker, in a few minutes.

    make demo                       the clips that ship with the package
    make demo DATA=folder           your own recordings, of any rate

prints a table and leaves it, spectrograms and sound files in ``demo_output``.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import soundfile
from sklearn.base import clone
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline

from sklearn_audiosr import (
    AudioSuperResolver,
    DNNBandwidthExtender,
    LinearUpsampler,
    SplineUpsampler,
)
from sklearn_audiosr.datasets import load_audio_folder, load_speech
from sklearn_audiosr.degradation import Decimator, ideal_lowband, trim_clips
from sklearn_audiosr.metrics import log_spectral_distance, signal_to_noise_ratio
from sklearn_audiosr.networks import AudioUNet
from tools.pictures import draw_spectrograms
from tools.tables import rst_table

RATIO = 4
SAMPLING_RATE = 16000
N_FOLDS = 3
MIN_SECONDS = 0.5
# Training time of a fold.
SECONDS = {"dnn": 10, "network": 55}
# An epoch must be short against that time, so excerpts are taken of a large folder.
MAX_TOTAL_SECONDS = 200
MAX_CLIPS = 100
PICTURE_SECONDS = 3.0


def make_learned():
    """Return learned estimators that are small enough for a minute on two cores.

    They train epoch by epoch (`fit_for`), each with new patches: the generator goes on.
    """
    training = {"patch_length": 2048, "validation_fraction": 0, "max_epochs": 1,
                "warm_start": True, "random_state": np.random.RandomState(0)}  # fmt: skip
    return {
        "dnn": DNNBandwidthExtender(
            (512, 512, 512), learning_rate=5e-4, **{**training, "patch_length": 8192}
        ),
        "network": AudioSuperResolver(
            AudioUNet(width=1 / 16, dropout=0.0), learning_rate=1e-3, **training
        ),
    }


def read_clips(folder):
    """Read clips, groups and names of bundled speech, or of a folder of recordings."""
    if folder is None:
        bunch = load_speech()
    else:
        bunch = load_audio_folder(
            folder.expanduser(), sampling_rate=SAMPLING_RATE, mono=True, min_duration=MIN_SECONDS
        )
    if len(bunch.clips) > MAX_CLIPS:
        print(f"{len(bunch.clips)} clips are more than the demo's time: {MAX_CLIPS} of them.")
    kept = np.unique(np.linspace(0, len(bunch.clips) - 1, MAX_CLIPS).round().astype(int))
    clips, groups = [bunch.clips[i] for i in kept], np.asarray(bunch.groups)[kept]
    names = [Path(bunch.filenames[i]).with_suffix("").as_posix().replace("/", "_") for i in kept]
    if len(np.unique(groups)) == 1:  # a single sub-folder: nothing to hold out but files
        print(f"All recordings are of one group, {groups[0]}: each file is a group of its own.")
        groups = np.array(names)
    if len(np.unique(groups)) < 2:
        sys.exit(f"{folder} holds {len(clips)} usable recording: cross-validation needs 2 or more.")
    return trim_clips(shorten(clips), RATIO), groups, names


def shorten(clips):
    """Cut excerpts from the middle of clips, so that together they are short enough."""
    total = sum(map(len, clips)) / SAMPLING_RATE
    if total <= MAX_TOTAL_SECONDS:
        return clips
    share = max(MIN_SECONDS, MAX_TOTAL_SECONDS / len(clips))
    longest = int(SAMPLING_RATE * share)
    print(f"{total / 60:.0f} minutes are more than the demo's time: up to {share:.1f} s of each.")
    return [c[max(0, len(c) - longest) // 2 :][:longest] for c in clips]


def fit_for(pipeline, Y, seconds):
    """Fit once, and go on by warm starts while there is time for another epoch."""
    begin = time.perf_counter()
    slowest, n_fits = 0.0, 0
    while time.perf_counter() - begin + slowest <= seconds or not n_fits:
        last = time.perf_counter()
        pipeline.fit(Y, Y)
        slowest = max(slowest, time.perf_counter() - last)
        n_fits += 1
    return time.perf_counter() - begin, n_fits


def cross_validate(name, estimator, Y, folds):
    """Fit and score each fold; return scores, speed and times, and the last fold's predictions."""
    rows = []
    for number, (train, test) in enumerate(folds, start=1):
        Y_train, Y_test = [Y[i] for i in train], [Y[i] for i in test]
        pipeline = clone(make_pipeline(Decimator(RATIO), estimator))
        fit_time, n_fits = fit_for(pipeline, Y_train, SECONDS.get(name, 0))
        X_test = pipeline[:-1].transform(Y_test)
        predict_time = time.perf_counter()
        Y_pred = pipeline[-1].predict(X_test)
        predict_time = time.perf_counter() - predict_time
        rows.append(
            {
                "snr": signal_to_noise_ratio(Y_test, Y_pred),
                "lsd": log_spectral_distance(Y_test, Y_pred),
                "speed": sum(map(len, Y_test)) / SAMPLING_RATE / predict_time,
                "fit": fit_time,
            }
        )
        print(
            f"  {name}, fold {number}: SNR {rows[-1]['snr']:.2f} dB, LSD {rows[-1]['lsd']:.3f}, "
            f"fitted in {fit_time:.1f} s" + (f", {n_fits} epochs" if name in SECONDS else ""),
            flush=True,
        )
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}, Y_pred


def bound(Y, folds):
    """Score the true lowband with an empty highband."""
    tests = [[Y[i] for i in test] for _, test in folds]
    return {
        "snr": np.array([signal_to_noise_ratio(t, ideal_lowband(t, RATIO)) for t in tests]),
        "lsd": np.array([log_spectral_distance(t, ideal_lowband(t, RATIO)) for t in tests]),
    }


def format_table(results):
    header = ["method", "SNR (dB)", "LSD (log10)", "x real time", "fit (s)"]
    rows = [
        [
            name,
            f"{scores['snr'].mean():.2f} +- {scores['snr'].std():.2f}",
            f"{scores['lsd'].mean():.3f} +- {scores['lsd'].std():.3f}",
            f"{np.median(scores['speed']):.0f}" if "speed" in scores else "",
            f"{scores['fit'].mean():.1f}" if "fit" in scores else "",
        ]
        for name, scores in results.items()
    ]
    return rst_table(header, rows)


def save_clip(Y, predictions, folds, names, output):
    """Write sound files and spectrograms of the first test clip of the last fold."""
    index = folds[-1][1][0]
    narrowband = Decimator(RATIO).fit_transform([Y[index]])[0]
    waveforms = {"wideband": Y[index], **{n: p[0] for n, p in predictions.items()}}
    for name, waveform in waveforms.items():
        soundfile.write(output / f"{name}.wav", np.clip(waveform, -1, 1), SAMPLING_RATE)
    soundfile.write(output / "narrowband.wav", np.clip(narrowband, -1, 1), SAMPLING_RATE // RATIO)
    excerpt = int(PICTURE_SECONDS * SAMPLING_RATE)
    draw_spectrograms(
        {name: waveform[:excerpt] for name, waveform in waveforms.items()},
        SAMPLING_RATE,
        SAMPLING_RATE / (2 * RATIO),
        output / "spectrograms.png",
    )
    return names[index]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of recordings (default: bundled speech)")
    parser.add_argument("--output", type=Path, default=Path("demo_output"))
    args = parser.parse_args()
    begin = time.perf_counter()
    Y, groups, names = read_clips(args.data)
    n_folds = min(N_FOLDS, len(np.unique(groups)))
    folds = list(GroupKFold(n_folds).split(Y, groups=groups))
    minutes = sum(map(len, Y)) / SAMPLING_RATE / 60
    print(
        f"{len(Y)} clips, {minutes:.1f} minutes, {len(np.unique(groups))} groups, {n_folds} folds; "
        f"{SAMPLING_RATE // RATIO} Hz to {SAMPLING_RATE} Hz"
    )
    results, predictions = {"ideal lowband": bound(Y, folds)}, {}
    estimators = {"spline": SplineUpsampler(), "linear": LinearUpsampler(), **make_learned()}
    for name, estimator in estimators.items():
        results[name], predictions[name] = cross_validate(name, estimator, Y, folds)
    args.output.mkdir(parents=True, exist_ok=True)
    table = format_table(results)
    (args.output / "table.rst").write_text(table + "\n", encoding="utf-8")
    shown = save_clip(Y, predictions, folds, names, args.output)
    print(
        f"\n{table}\n\nMean +- spread over the folds; {time.perf_counter() - begin:.0f} s in all. "
        f"Spectrograms and sound of {shown} are in {args.output}."
    )


if __name__ == "__main__":
    main()
