"""Peak memory beyond the process after imports, each row in a fresh process.

python -m benchmarks.bench_memory
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from tools.tables import record, rst_table
from tools.timing import SAMPLING_RATE, noise, peak_megabytes, run_fresh, time_once

RATIO = 4
WIDTHS = {"71 M weights": None, "width 1/8": 1 / 8}


def prepare(width):
    """Import all that a prediction needs; return an estimator, and the megabytes before it."""
    from benchmarks import networks
    from sklearn_audiosr._prediction import chunked  # noqa: F401
    from sklearn_audiosr.networks import AudioUNet

    before = peak_megabytes()
    config = AudioUNet(**networks.FULL) if width is None else AudioUNet(width=width)
    return networks.make_estimator(config, sampling_rate=SAMPLING_RATE), before


def predict(width, minutes):
    """Measure megabytes and speed of predicting one clip; clip and result count."""
    est, before = prepare(width)
    x = np.full((1, minutes * 60 * SAMPLING_RATE // RATIO), 0.1, dtype=np.float32)
    seconds = time_once(lambda: est.predict(x))
    return {"megabytes": peak_megabytes() - before, "x real time": 60 * minutes / seconds}


def upsample(width, minutes, folder):
    """Measure megabytes and speed of `upsample_file`."""
    from sklearn_audiosr import upsample_file

    est, before = prepare(width)
    source = Path(folder, f"{minutes}.wav")
    seconds = time_once(lambda: upsample_file(est, source, Path(folder, "wide.wav")))
    return {"megabytes": peak_megabytes() - before, "x real time": 60 * minutes / seconds}


def write_source(folder, minutes):
    rate = SAMPLING_RATE // RATIO
    minute = 0.1 * noise(60)[0, : 60 * rate]
    with soundfile.SoundFile(Path(folder, f"{minutes}.wav"), "w", rate, 1, "PCM_16") as file:
        for _ in range(minutes):
            file.write(minute)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="without the network of full width")
    args = parser.parse_args()
    results = {}
    for name, width in WIDTHS.items():
        if not (args.small and width is None):
            results[f"predict, {name}, 60 min"] = run_fresh(
                "benchmarks.bench_memory", "predict", width, 60
            )
    with tempfile.TemporaryDirectory() as folder:
        for minutes in (10, 60):
            write_source(folder, minutes)
            row = run_fresh(
                "benchmarks.bench_memory", "upsample", WIDTHS["width 1/8"], minutes, folder
            )
            results[f"upsample_file, width 1/8, {minutes} min"] = row
    limits = ["< 1000 MB", "", "within 10 % of 10 min"]
    limits = limits if args.small else ["< 3000 MB", *limits]
    rows = [
        [what, f"{row['megabytes']:.0f} MB", f"{row['x real time']:.1f} x real time", must]
        for (what, row), must in zip(results.items(), limits, strict=True)
    ]
    header = ["what", "memory", "speed", "must"]
    if args.small:
        print(rst_table(header, rows))
    else:
        record("memory", rst_table(header, rows), {"rows": results})


if __name__ == "__main__":
    main()
