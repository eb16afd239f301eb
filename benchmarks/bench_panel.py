"""The panel of figures of the models that ship, on voices that they have not heard.

    python -m benchmarks.bench_panel
    python -m benchmarks.bench_panel --models a.safetensors speech-4x-16k --packs speech_multi

Rows: band-limited interpolation, the ideal lowband, the spline, a linear filter that was fitted on
training clips of ``speech_multi``, and each model at its own ``highband_gain`` and at 0. Figures of
models that ship are recorded, and ``benchmarks.check_panel`` compares with them; those of files are
printed.
"""

import argparse
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.degradations import SoxrResampler
from recipes.recipe import Recipe
from sklearn_audiosr import (
    LinearUpsampler,
    SplineUpsampler,
    load,
    load_pretrained,
    pretrained_names,
)
from sklearn_audiosr._signal.interpolation import upsample_bandlimited
from sklearn_audiosr.degradation import Decimator, ideal_lowband, trim_clips
from tools.panel import (
    choose_evenly,
    format_panel,
    installed_scores,
    measure_clips,
    measure_panel,
    panel_header,
)
from tools.recordings import add_argument, read_manifest, skip_without_recordings
from tools.tables import RESULTS, record, rst_table


class Pack(NamedTuple):
    """Recordings to choose clips from: paths that begin with `folders`, of a split if it is named.

    Shorter clips than `least_seconds` are left out.
    """

    title: str
    folders: tuple
    split: str
    least_seconds: float


PACKS = {
    "speech_multi": Pack("test speakers of speech_multi", ("speech_multi/",), "test", 1.5),
    "speech_more": Pack("valid speakers of speech_more", ("speech_more/",), "valid", 1.5),
    "vctk": Pack("VCTK voices that were held out", Recipe.held_out, "", 1.0),
}
TRAINING = Pack("training speakers of speech_multi", ("speech_multi/",), "train", 1.5)
N_TRAINING = 100

FILTERS = {"chebyshev1": "the paper's filter", "soxr": "soxr"}

INTERPOLATION = "band-limited interpolation"


class Clips(NamedTuple):
    """Clips at a rate, with the names of their files."""

    names: list
    Y: list


def read_clips(root, pack, n_clips, rate):
    """Read clips of a pack, evenly spaced in the manifest, at a rate in Hz."""
    import soundfile
    import soxr

    rows = [
        row
        for row in read_manifest(root)
        if row["path"].startswith(pack.folders)
        and row["split"] == pack.split
        and float(row["duration_s"]) > pack.least_seconds
    ]
    names, clips = [], []
    for row in choose_evenly(rows, n_clips):
        clip, native = soundfile.read(root / row["path"], dtype="float32")
        names.append(row["path"])
        clips.append(soxr.resample(clip, native, rate, quality="VHQ").astype(np.float32))
    return Clips(names, clips)


def degrade(name, Y, ratio):
    """Return the narrowband clips behind one of `FILTERS`."""
    steps = {"chebyshev1": Decimator, "soxr": SoxrResampler}
    return steps[name](ratio).fit_transform(Y)


def predict_by_baselines(X, Y, ratio, X_train, Y_train):
    """Return the predictions of methods that invent nothing, by their names."""
    predictions = {
        INTERPOLATION: [upsample_bandlimited(x, ratio) for x in X],
        "ideal lowband": ideal_lowband(Y, ratio),
        "spline": SplineUpsampler().fit(X, Y).predict(X),
    }
    if len(X_train):
        predictions["linear filter"] = LinearUpsampler().fit(X_train, Y_train).predict(X)
    return predictions


def name_rows(name, est):
    """Return the rows of a model: their names and settings of ``highband_gain``."""
    gain = est.get_params().get("highband_gain")
    rows = {name: gain}
    return rows if gain in (None, 0) else rows | {f"{name}, highband_gain=0": 0.0}


def predict_by_models(models, X):
    """Return the predictions of models, each at its gain and at 0, by the names of the rows."""
    return {
        row: est.predict(X) if gain is None else est.predict(X, highband_gain=gain)
        for name, est in models.items()
        for row, gain in name_rows(name, est).items()
    }


def measure_case(models, place, root, n_clips, scores, with_baselines=True):
    """Measure the rows of one table.

    Parameters
    ----------
    models : dict of str to estimator
        Of one upsampling ratio and rate.
    place : tuple of int, str, str
        The ratio, a pack and a filter.
    root : Path
        Folder of the recordings.
    n_clips : int
        That many clips, or all if there are fewer.
    scores : dict
        ``perceptual`` and ``visqol_clips`` of `tools.panel.measure_clips`.
    with_baselines : bool, default=True
        Measure the other methods too, and tolerances of the models' figures.

    Returns
    -------
    case : dict
        What the table is of, the names of its clips, and its rows.
    """
    ratio, pack, filter_name = place
    rate = next(int(est.sampling_rate) for est in models.values())
    clips = read_clips(root, PACKS[pack], n_clips, rate)
    Y = trim_clips(clips.Y, ratio)
    X = degrade(filter_name, Y, ratio)
    baselines, beside = {}, None
    if with_baselines:
        Y_train = trim_clips(read_clips(root, TRAINING, N_TRAINING, rate).Y, ratio)
        X_train = degrade(filter_name, Y_train, ratio)
        baselines = predict_by_baselines(X, Y, ratio, X_train, Y_train)
        beside = measure_clips(Y, baselines[INTERPOLATION], rate, ratio, **scores)
    rows = {
        name: measure_panel(Y, Y_pred, rate, ratio, **scores) for name, Y_pred in baselines.items()
    }
    for name, Y_pred in predict_by_models(models, X).items():
        rows[name] = measure_panel(Y, Y_pred, rate, ratio, **scores, beside=beside)
    return {
        "ratio": ratio,
        "pack": pack,
        "filter": filter_name,
        "clips": clips.names,
        "visqol_clips": scores["visqol_clips"],
        "gains": {
            row: g for name, est in models.items() for row, g in name_rows(name, est).items()
        },
        "rows": rows,
    }


def describe_case(case):
    """Return the heading of a table."""
    return (
        f"r = {case['ratio']}, {len(case['clips'])} clips of {PACKS[case['pack']].title}, behind "
        f"{FILTERS[case['filter']]}"
    )


def format_case(case):
    """Lay out one table under its heading."""
    rows = [[name, *format_panel(figures)] for name, figures in case["rows"].items()]
    return f"**{describe_case(case)}**\n\n{rst_table(['method', *panel_header()], rows)}"


def read_models(names):
    """Load models by the name of one that ships, or by the path of a file."""
    return {
        Path(name).stem if Path(name).is_file() else name: (
            load(name) if Path(name).is_file() else load_pretrained(name)
        )
        for name in names
    }


def group_by_ratio(models):
    """Return the models of each upsampling ratio, the lowest first."""
    ratios = sorted({est.upsampling_ratio_ for est in models.values()})
    return {
        ratio: {n: est for n, est in models.items() if est.upsampling_ratio_ == ratio}
        for ratio in ratios
    }


def read_recorded():
    """Return the recorded tables, none if there is no record."""
    path = RESULTS / "panel.json"
    return json.loads(path.read_text(encoding="utf-8"))["cases"] if path.is_file() else []


def place_of(case):
    """Return the ratio, the pack and the filter of a table."""
    return case["ratio"], case["pack"], case["filter"]


def merge(recorded, measured):
    """Return tables with those that were measured anew in the place of the recorded ones."""
    cases = {place_of(case): case for case in [*recorded, *measured]}
    packs, filters = list(PACKS), list(FILTERS)
    return [
        cases[ratio, pack, name]
        for ratio, pack, name in sorted(
            cases, key=lambda place: (place[0], packs.index(place[1]), filters.index(place[2]))
        )
    ]


def list_places(models, args):
    """Yield what the tables are of that the arguments ask for, with their models."""
    for ratio, group in group_by_ratio(models).items():
        for pack in args.packs:
            for name in args.filters:
                yield (ratio, pack, name), group


def add_options(parser):
    """Add what chooses models, tables and scores."""
    add_argument(parser)
    parser.add_argument("--models", nargs="+", help="names or files (default: all that ship)")
    parser.add_argument("--packs", nargs="+", choices=PACKS, default=list(PACKS))
    parser.add_argument("--filters", nargs="+", choices=FILTERS, default=list(FILTERS))
    parser.add_argument(
        "--perceptual", choices=("on", "off"), default="on",
        help="PESQ, STOI and ViSQOL, those whose packages are installed (default: on)",
    )  # fmt: skip


def choose_scores(args):
    """Return the perceptual scores that are asked for and whose packages are installed."""
    return installed_scores() if args.perceptual == "on" else []


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--clips", type=int, default=24, help="of each pack, evenly spaced")
    parser.add_argument(
        "--visqol-clips", type=int, default=6,
        help="ViSQOL takes longer than the clips last: it hears that many of them (default: 6)",
    )  # fmt: skip
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    scores = {"perceptual": choose_scores(args), "visqol_clips": args.visqol_clips}
    names = args.models or pretrained_names()
    recorded = set(names) <= set(pretrained_names())
    cases = []
    for place, group in list_places(read_models(names), args):
        cases.append(measure_case(group, place, args.recordings, args.clips, scores))
        layout = describe_case if recorded else format_case  # a record prints its table
        print(layout(cases[-1]), flush=True)
    if recorded:
        cases = merge(read_recorded(), cases)
        record("panel", "\n\n".join(map(format_case, cases)), {"cases": cases})


if __name__ == "__main__":
    main()
