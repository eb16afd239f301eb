"""Bit rates that the compression levels of `degradation.Codec` lead to.

    python -m benchmarks.bench_codecs

codes the bundled speech, each clip as a file of its own, and prints kbit/s.
"""

import argparse

import numpy as np
import soundfile

from sklearn_audiosr._files.encoding import encode
from sklearn_audiosr.datasets import load_speech
from tools.tables import record, rst_table

LEVELS = (None, 0.0, 0.5, 0.9, 0.95, 0.99)

ROWS = [
    ("mp3", "variable"), ("mp3", "average"), ("mp3", "constant"), ("vorbis", None), ("opus", None),
]  # fmt: skip


def measure_bit_rate(clips, rate, name, level, mode):
    """Measure kbit/s over all clips; nan where soundfile needs a level with the mode."""
    if level is None and mode in ("average", "constant"):
        return np.nan
    n_bytes = sum(encode(clip, rate, name, level, mode).getbuffer().nbytes for clip in clips)
    return 8 * n_bytes / 1000 / (sum(map(len, clips)) / rate)


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    speech = load_speech()
    rows = {
        name if mode is None else f'{name}, "{mode}"': [
            measure_bit_rate(speech.clips, speech.sampling_rate, name, level, mode)
            for level in LEVELS
        ]
        for name, mode in ROWS
    }
    header = ["compression", "default", *(f"{level:g}" for level in LEVELS[1:])]
    cells = [
        [name, *("" if np.isnan(v) else f"{v:.0f}" for v in row)] for name, row in rows.items()
    ]
    versions = {"libsndfile": soundfile.__libsndfile_version__}
    record("codecs", rst_table(header, cells), {"rows": rows, **versions})


if __name__ == "__main__":
    main()
