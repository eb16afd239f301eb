"""Check that no recorded panel figure of a model that ships has worsened.

    python -m benchmarks.check_panel
    python -m benchmarks.check_panel --models speech-4x-16k --packs speech_multi --perceptual off

measures the models that ship on the recorded clips again, and fails where a figure is worse than
``benchmarks/results/panel.json`` has it by more than its tolerance. A figure's tolerance is

- of columns that each clip has a value of, the standard error of the mean over clips, or that of
  the mean difference from band-limited interpolation where it is smaller. The clips are the same,
  so how hard they are cancels in the change of the mean;
- of the line and the harmonics, which pool all clips, the standard error by a jackknife that
  leaves out every sixth clip;
- and at least the value in ``tools.panel.COLUMNS``, which rounding on another machine stays below.

Levels of highbands that are next to empty, those with a bias of -20 dB or less, have no tolerance
and are not compared. Better figures pass. A bias is worse when it is farther from 0, harmonics when
they are farther from 1; pauses below 0 dB and lines below 1 dB are as good as any.
"""

import argparse

from benchmarks.bench_panel import (
    add_options,
    choose_scores,
    describe_case,
    list_places,
    measure_case,
    name_rows,
    place_of,
    read_models,
    read_recorded,
)
from sklearn_audiosr import pretrained_names
from tools.panel import COLUMNS, PERCEPTUAL, find_worse, format_figure
from tools.recordings import skip_without_recordings

REMEDY = "record anew: python -m benchmarks.bench_panel"


def compare(recorded, measured, names):
    """Return what is wrong with the rows of a table, as sentences.

    Parameters
    ----------
    recorded, measured : dict
        Tables, as `benchmarks.bench_panel.measure_case` returns them.
    names : iterable of str
        Rows of models to compare.

    Returns
    -------
    problems : list of str
        Empty if nothing has worsened.
    """
    if recorded["clips"] != measured["clips"]:
        return [f"the recorded figures are of other clips: {REMEDY}"]
    problems = []
    for name in names:
        if name not in recorded["rows"]:
            problems.append(f"{name}: no figures are recorded: {REMEDY}")
        else:
            problems += _compare_rows(name, recorded["rows"][name], measured["rows"][name])
    return problems


def _compare_rows(name, recorded, measured):
    problems = []
    for key in (key for key in COLUMNS if "tolerance" in recorded.get(key, ())):
        title, before = COLUMNS[key].title, format_figure(recorded, key, with_error=False)
        if key not in measured:
            # without its package, or on purpose, a perceptual score is not measured
            if key not in PERCEPTUAL:
                problems.append(f"{name}: {title} has no value, it was {before}")
            continue
        worsening = find_worse(key, recorded[key], measured[key])
        if worsening is not None:
            problems.append(
                f"{name}: {title} is {format_figure(measured, key, with_error=False)}, it was "
                f"{before}: worse by {worsening:.4g}, more than {recorded[key]['tolerance']:.4g}"
            )
    return problems


def find_problems(recorded, models, args):
    """Measure models and yield what is wrong, table by table."""
    cases = {place_of(case): case for case in recorded}
    for place, group in list_places(models, args):
        case = cases.get(place)
        if case is None:
            what = f"{place[1]}, {place[2]}"
            yield f"{', '.join(group)}: no figures on {what}, are recorded: {REMEDY}"
            continue
        scores = {"perceptual": choose_scores(args), "visqol_clips": case["visqol_clips"]}
        measured = measure_case(
            group, place, args.recordings, len(case["clips"]), scores, with_baselines=False
        )
        names = [row for name, est in group.items() for row in name_rows(name, est)]
        problems = compare(case, measured, names)
        print(f"{describe_case(case)}: {len(problems) or 'no'} problems", flush=True)
        yield from (f"{describe_case(case)}: {problem}" for problem in problems)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    left_out = [name for name in PERCEPTUAL if name not in choose_scores(args)]
    if left_out:
        print(f"not compared: {', '.join(COLUMNS[name].title for name in left_out)}")
    models = read_models(args.models or pretrained_names())
    problems = list(find_problems(read_recorded(), models, args))
    if problems:
        raise SystemExit("\n".join(problems))


if __name__ == "__main__":
    main()
