"""Table 1: the listening test, ready for listeners, and metrics of its recordings."""

import numpy as np

from paper.scores import format_score, measure
from sklearn_audiosr import SplineUpsampler
from sklearn_audiosr.degradation import Decimator
from tools.tables import rst_table

CORPORA = ("speech_multi",)

# Mean opinions of the paper's ten listeners, 0 to 100.
PAPER = {"spline": 35.3, "dnn": 56.3, "network": 61.3}

_N_RECORDINGS, _RATIO = 4, 4
_LEAST_SECONDS, _MOST_SECONDS = 2.0, 10.0


def run(bench):
    """Write a test of four recordings into the work folder, and score what listeners will hear."""
    corpus = next(bench.corpora())
    if bench.ratios not in (None, [_RATIO]):
        raise SystemExit(f"table_1 is a test at r = {_RATIO}, got --ratios {bench.ratios}.")
    decimator = Decimator(_RATIO)
    indices, Y = choose_recordings(corpus)
    X = decimator.fit_transform(Y)
    estimators = {"spline": SplineUpsampler(), "dnn": bench.preset.dnn(),
                  "network": bench.preset.resolver()}  # fmt: skip
    fitted = {name: bench.fit(e, corpus, decimator) for name, e in estimators.items()}
    predictions = {name: f.estimator.predict(X) for name, f in fitted.items()}
    recordings = [corpus.test.names[i] for i in indices]
    groups = corpus.test.groups[indices]
    folder = bench.work / "listening" / f"{corpus.name}_{fitted['network'].key}"
    write_test(folder, Y, X, predictions, corpus.sampling_rate, recordings)
    return {
        "corpus": corpus.name,
        "ratio": _RATIO,
        "recordings": recordings,
        "groups": groups.tolist(),
        "folder": f"{folder.parent.name}/{folder.name}",  # in the work folder
        "rows": [
            {"method": name, "scores": measure(Y, Y_pred, recordings, groups), "mushra": None,
             **fitted[name].describe()}
            for name, Y_pred in predictions.items()
        ],
    }  # fmt: skip


def choose_recordings(corpus):
    """Return indices and excerpts of four test clips, of four speakers if there are as many.

    In the order of names; excerpts are the middle, of at most ten seconds.
    """
    lengths = [clip.shape[-1] / corpus.sampling_rate for clip in corpus.test.clips]
    by_group: dict = {}
    for i in np.argsort(corpus.test.names, kind="stable"):
        if lengths[i] >= _LEAST_SECONDS:
            by_group.setdefault(corpus.test.groups[i], []).append(int(i))
    queues, chosen = [by_group[group] for group in sorted(by_group)], []
    while any(queues) and len(chosen) < _N_RECORDINGS:
        chosen += [queue.pop(0) for queue in queues if queue]
    chosen = chosen[:_N_RECORDINGS]
    if len(chosen) < _N_RECORDINGS:
        raise SystemExit(
            f"table_1 needs {_N_RECORDINGS} test clips of at least {_LEAST_SECONDS} s, and "
            f"{corpus.name} has {len(chosen)}: name another corpus."
        )
    most = round(_MOST_SECONDS * corpus.sampling_rate)
    clips = corpus.trimmed(corpus.test.take(chosen), _RATIO)
    return chosen, [_cut(clip, most // _RATIO * _RATIO) for clip in clips]


def write_test(folder, Y, X, predictions, sampling_rate, names):
    """Write the listening test unless it exists: its key belongs to answers that it may have."""
    from sklearn_audiosr.listening import make_listening_test, make_table_1_stimuli

    if (folder / "key.json").exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    stimuli = make_table_1_stimuli(Y, X, **predictions, sampling_rate=sampling_rate, names=names)
    make_listening_test(stimuli, folder, title="Listening test", random_state=0)


def format_table(results):
    """Lay out the metrics of each recording. Opinions need listeners."""
    header = ["method", *results["recordings"], "mean", "MUSHRA", "MUSHRA in the paper"]
    rows = [
        [
            row["method"],
            *(_format_scores(clip) for clip in row["scores"]["clips"]),
            _format_scores(row["scores"]),
            "not run",
            f"{PAPER[row['method']]}",
        ]
        for row in results["rows"]
    ]
    text = (
        f"No listeners have been asked: the cells are SNR (dB) / LSD (log10) of what they would "
        f"hear, recordings of {results['corpus']} at r = {results['ratio']}. The test is in "
        f"``{results['folder']}`` of the work folder: open ``page/index.html``, and give the saved "
        "answers and ``key.json`` to ``sklearn_audiosr.listening.analyze``."
    )
    return f"{text}\n\n{rst_table(header, rows)}"


def _format_scores(scores):
    return f"{format_score(scores['snr'], 2)} / {format_score(scores['lsd'], 3)}"


def _cut(clip, n_timepoints):
    start = max(0, clip.shape[-1] - n_timepoints) // 2 // _RATIO * _RATIO
    return clip[start : start + n_timepoints]
