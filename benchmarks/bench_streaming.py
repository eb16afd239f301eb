"""Streams on one core: time for a second of audio, minute by minute, and the latency.

python -m benchmarks.bench_streaming
"""

import argparse
import time

import numpy as np

from tools.tables import record, rst_table
from tools.timing import SAMPLING_RATE, noise, run_fresh

RATIO, CHUNK_SECONDS = 4, 0.02


def measure(name, minutes):
    """Measure the real-time factor of each minute, the longest push, the latency and the lag."""
    import torch

    torch.set_num_threads(1)
    est = make_named(name)
    stream = est.stream()
    n_chunk = int(CHUNK_SECONDS * SAMPLING_RATE / RATIO)
    x = noise(60, RATIO)[0, ::RATIO].copy()
    factors, longest, lag, n_in, n_out = [], 0, 0, 0, 0
    for _ in range(minutes):
        busy = 0
        for start in range(0, len(x), n_chunk):
            begin = time.perf_counter()
            y = stream.push(x[start : start + n_chunk])
            seconds = time.perf_counter() - begin
            busy, longest = busy + seconds, max(longest, seconds)
            n_in, n_out = n_in + n_chunk, n_out + len(y)
            lag = max(lag, RATIO * n_in - n_out)
        factors.append(busy / 60)
    return {
        "real_time_factors": factors,
        "longest_push_ms": 1e3 * longest,
        "latency": stream.latency_,
        "latency_ms": 1e3 * stream.latency_ / SAMPLING_RATE,
        "lag": lag,
    }


def make_named(name):
    from benchmarks.networks import make_estimator
    from sklearn_audiosr import DNNBandwidthExtender, LinearUpsampler, SplineUpsampler
    from sklearn_audiosr.networks import AudioUNet

    if name == "AudioUNet(width=1/8)":
        return make_estimator(AudioUNet(width=1 / 8))
    Y = noise(4, RATIO, n_clips=2)
    est = {
        "SplineUpsampler": SplineUpsampler(),
        "LinearUpsampler": LinearUpsampler(),
        "DNNBandwidthExtender": DNNBandwidthExtender(max_epochs=1, random_state=0),
    }[name]
    return est.fit(Y[:, ::RATIO], Y)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=int, default=10, help="length of the network's stream")
    args = parser.parse_args()
    lengths = {
        "AudioUNet(width=1/8)": args.minutes,
        "SplineUpsampler": 1,
        "LinearUpsampler": 1,
        "DNNBandwidthExtender": 1,
    }
    results, rows = {}, []
    for name, minutes in lengths.items():
        row = results[name] = run_fresh("benchmarks.bench_streaming", "measure", name, minutes)
        factors = np.array(row["real_time_factors"])
        spread = f", minutes {factors.min():.3f} to {factors.max():.3f}" if minutes > 1 else ""
        rows.append(
            [
                name,
                f"{factors.mean():.4f}{spread}",
                f"{row['longest_push_ms']:.1f} ms",
                f"{row['latency']} timepoints ({row['latency_ms']:.1f} ms)",
                f"{row['lag']}",
            ]
        )
    header = ["20 ms chunks, r = 4, 1 core", "real-time factor", "longest push", "latency", "lag"]
    record("streaming", rst_table(header, rows), {"rows": results})


if __name__ == "__main__":
    main()
