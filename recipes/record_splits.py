"""Record how packs without a split of their own are split: which titles are for testing.

python -m recipes.record_splits
"""

import argparse

from recipes.splits import find_splits, name_group
from tools.recordings import add_argument, read_manifest, skip_without_recordings
from tools.tables import record, rst_table

PACKS = ("music", "speech_fullband")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    rows = [row for row in read_manifest(args.recordings) if row["pack"] in PACKS]
    parts = {}
    for row, split in zip(rows, find_splits(rows), strict=True):
        part = parts.setdefault((row["pack"], row["source_repo"]), {"train": [], "test": []})
        part[split].append(row)
    table, test = [], {}
    for (pack, source), part in parts.items():
        minutes = [sum(float(row["duration_s"]) for row in part[s]) / 60 for s in part]
        counts = (f"{len(part[s])} ({m:.1f} min)" for s, m in zip(part, minutes, strict=True))
        table.append([pack, source, *counts])
        test[f"{pack}: {source}"] = sorted({name_group(row) for row in part["test"]})
    record("splits", rst_table(["pack", "source", "train", "test"], table), {"test": test})


if __name__ == "__main__":
    main()
