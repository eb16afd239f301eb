"""Write the clips of a pack into int16 arrays, for machines that can't read FLAC.

python -m benchmarks.pack_clips speech_single train speech.npy

An array of the clips' lengths lies beside it, speech_lengths.npy.
"""

import argparse
from pathlib import Path

import numpy as np

from tools.recordings import add_argument, read_pack, skip_without_recordings


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pack")
    parser.add_argument("split")
    parser.add_argument("target", type=Path)
    parser.add_argument("--minutes", type=float, default=np.inf, help="stop after so many")
    add_argument(parser)
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    clips, _, _, rate = read_pack(args.recordings, args.pack, args.split, ratio=12)
    total = np.cumsum([len(clip) for clip in clips])
    clips = clips[: np.searchsorted(total, args.minutes * 60 * rate) + 1]
    values = np.concatenate(clips)
    np.save(args.target, np.round(np.clip(values, -1, 1 - 2**-15) * 2**15).astype(np.int16))
    lengths = args.target.with_name(f"{args.target.stem}_lengths.npy")
    np.save(lengths, np.array([len(clip) for clip in clips]))
    size = args.target.stat().st_size / 2**20
    print(f"{len(clips)} clips, {len(values) / rate / 60:.1f} min at {rate} Hz, {size:.1f} MiB")


def read_clips(path):
    """Read the clips of such an array: a list of int16 arrays."""
    path = Path(path)
    lengths = np.load(path.with_name(f"{path.stem}_lengths.npy"))
    return np.split(np.load(path), np.cumsum(lengths)[:-1])


if __name__ == "__main__":
    main()
