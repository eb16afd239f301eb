"""How often `effective_bandwidth` finds the end of a clip's band, and how often it is wrong.

    python -m benchmarks.bench_bandwidth

decimates recordings by 2 and by 4, resamples them to their rate by soxr and by the cubic spline,
and measures their effective bandwidth: in float32, rounded to 16 and 8 bits, and 30 dB lower at 16
bits; then that of short excerpts. A clip is *found* if its bandwidth is from 0.7 to 1.05 times the
narrowband Nyquist frequency. An original is *taken for narrowband* if its bandwidth is below 1.05
times the Nyquist frequency at r = 2, as ``upsample_file`` decides.
"""

import argparse

import numpy as np

from sklearn_audiosr import SplineUpsampler, effective_bandwidth
from sklearn_audiosr.degradation import Decimator, trim_clips
from tools.recordings import add_argument, read_manifest, skip_without_recordings
from tools.tables import record, rst_table

# Splits of each pack, and the step from one clip that is taken to the next.
PACKS = {
    "speech_multi": ({"test"}, 1),
    "speech_single": ({"valid", "test"}, 1),
    "piano": ({"valid", "test"}, 1),
    "speech_fullband": ({""}, 3),
    "music": ({""}, 1),
}
RATIOS = (2, 4)
METHODS = ("soxr", "spline")
SECONDS = 6
EXCERPTS = (0.3, 0.5, 1.0, 2.0)
MARGIN, LEAST = 1.05, 0.7


def round_to(n_bits, gain=1.0):
    """Return a function that scales a clip and rounds it to a number of bits."""
    steps = 2 ** (n_bits - 1)
    return lambda clip: np.clip(np.round(gain * clip * steps), -steps, steps - 1) / steps


FORMATS = {
    "float32": lambda clip: clip,
    "16 bits": round_to(16),
    "16 bits, -30 dB": round_to(16, 10**-1.5),
    "8 bits": round_to(8),
}


def read_clips(root, pack):
    """Yield names, clips of a few seconds and their rates."""
    import soundfile

    splits, step = PACKS[pack]
    rows = [r for r in read_manifest(root) if r["pack"] == pack and r["split"] in splits]
    for row in rows[::step]:
        rate = int(row["rate"])
        clip, _ = soundfile.read(root / row["path"], frames=SECONDS * rate, dtype="float32")
        yield row["path"], trim_clips([clip], 4)[0], rate


def restore(clip, ratio, method):
    """Decimate a clip and resample it to its rate, so that its highband is empty."""
    X = Decimator(ratio).transform([clip])
    if method == "spline":
        return SplineUpsampler().fit(X, [clip]).predict(X)[0]
    import soxr

    return soxr.resample(X[0], 1, ratio, quality="HQ")


def measure_shares(clips, rates):
    """Measure bandwidths as shares of the Nyquist frequency, nan where there is none."""
    return np.array(
        [
            effective_bandwidth([clip], rate)[0] / (rate / 2)
            for clip, rate in zip(clips, rates, strict=True)
        ]
    )


def count(shares, ratio):
    """Count the clips whose bandwidth was found, and those with a bandwidth at all."""
    measured = shares[~np.isnan(shares)] * ratio
    return [int(np.sum((measured >= LEAST) & (measured <= MARGIN))), len(measured)]


def measure(clips, rates, restored):
    """Count originals taken for narrowband, and for each method and ratio the clips found."""
    shares = measure_shares(clips, rates)
    measured = shares[~np.isnan(shares)]
    result = {"original": [int(np.sum(measured <= MARGIN / 2)), len(measured)]}
    for (method, ratio), degraded in restored.items():
        result[f"{method} r={ratio}"] = count(measure_shares(degraded, rates), ratio)
    return result


def cut(clip, rate, seconds):
    """Cut an excerpt out of the middle, where there is sound."""
    n = int(seconds * rate)
    start = max(0, (len(clip) - n) // 2)
    return clip[start : start + n]


def measure_pack(root, pack):
    """Yield the name and the counts of each row."""
    _, clips, rates = zip(*read_clips(root, pack), strict=True)
    restored = {
        (method, ratio): [restore(clip, ratio, method) for clip in clips]
        for method in METHODS
        for ratio in RATIOS
    }
    for name, convert in FORMATS.items():
        converted = {key: [convert(clip) for clip in value] for key, value in restored.items()}
        yield name, measure([convert(clip) for clip in clips], rates, converted)
    for seconds in EXCERPTS:

        def excerpts(group, seconds=seconds):
            cuts = [cut(clip, rate, seconds) for clip, rate in zip(group, rates, strict=True)]
            return [FORMATS["16 bits"](clip) for clip in cuts]

        cuts = {key: excerpts(value) for key, value in restored.items()}
        yield f"16 bits, {seconds:g} s", measure(excerpts(clips), rates, cuts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    rows, results = [], {}
    for pack in PACKS:
        for name, result in measure_pack(args.recordings, pack):
            results[f"{pack}, {name}"] = result
            counts = [f"{n} of {n_all}" for n, n_all in result.values()]
            rows.append([pack, name, *counts])
    header = ["pack", "clips", "originals taken for narrowband"]
    header += [f"found: {method}, r = {ratio}" for method in METHODS for ratio in RATIOS]
    record("bandwidth", rst_table(header, rows), {"rows": results})


if __name__ == "__main__":
    main()
