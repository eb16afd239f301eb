"""A folder of recordings with a manifest, for the splits and the recipe of the models that ship."""

import csv

import numpy as np
import soundfile

from sklearn_audiosr.datasets import load_speech

FIELDS = ["path", "pack", "speaker", "split", "source_repo", "source_path", "licence", "rate"]


# Of recordings that are not from "some/where".
SOURCES = {2: "else/where", 3: "held/out"}


def make_row(i, **fields):
    return {
        "path": f"{i}.wav", "pack": "music", "speaker": "", "split": "",
        "source_repo": "some/where", "source_path": f"{i}.flac", "licence": "CC0", "rate": "16000",
        **fields,
    }  # fmt: skip


def write_recordings(folder):
    """Fill a folder with bundled clips, a manifest, and one recording of a low rate."""
    (folder / "speech_multi").mkdir()
    rows = []
    for i, clip in enumerate(load_speech().clips[:6]):
        split = "test" if i >= 4 else "train"
        path = f"speech_multi/{i}.wav"
        row = make_row(i, path=path, pack="speech_multi", speaker=f"of {i}", split=split)
        rows.append({**row, "source_repo": SOURCES.get(i, row["source_repo"])})
        soundfile.write(folder / path, clip[:16000], 16000)
    low = {"path": "speech_multi/9.wav", "speaker": "low", "split": "train", "rate": "8000"}
    rows.append(make_row(9, pack="speech_multi", **low))
    soundfile.write(folder / low["path"], np.ones(800), 8000)
    write_manifest(folder, rows)
    return folder


def write_manifest(folder, rows):
    with (folder / "MANIFEST.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
