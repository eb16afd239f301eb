"""Table 2: every method at every ratio on every corpus."""

from paper.scores import (
    column_of_groups,
    compare,
    format_interval,
    format_score,
    format_worst,
    is_beyond_zero,
)
from sklearn_audiosr import LinearUpsampler, SplineUpsampler
from sklearn_audiosr.degradation import Decimator
from tools.tables import rst_table

CORPORA = ("speech_single", "speech_multi", "piano")

# All corpora of the command line go into one table.
MAX_CORPORA = 1000

# The paper's own figures, SNR in dB and LSD in natural logarithm, by the kind of corpus.
PAPER = {
    "single": {
        2: {"spline": (20.3, 4.5), "dnn": (20.1, 3.7), "network": (21.1, 3.2)},
        4: {"spline": (14.8, 8.2), "dnn": (15.9, 4.9), "network": (17.1, 3.6)},
        6: {"spline": (10.4, 10.3), "network": (14.4, 3.4)},
    },
    "multi": {
        2: {"spline": (19.7, 4.4), "dnn": (19.9, 3.6), "network": (20.7, 3.1)},
        4: {"spline": (13.0, 8.0), "dnn": (14.9, 5.8), "network": (16.1, 3.5)},
        6: {"spline": (9.1, 10.1), "network": (10.0, 3.7)},
    },
    "piano": {
        2: {"spline": (29.4, 3.5), "dnn": (29.3, 3.4), "network": (30.1, 3.4)},
        4: {"spline": (22.2, 5.8), "dnn": (23.0, 5.2), "network": (23.5, 3.6)},
        6: {"spline": (15.4, 7.3), "network": (16.1, 4.4)},
    },
}
_KINDS = {"speech_single": "single", "vctk-single": "single", "speech_multi": "multi",
          "vctk-multi": "multi", "piano": "piano", "beethoven": "piano"}  # fmt: skip

BOUND = "ideal lowband"

# A network of the paper's text instead of its program: one row, at the ratio of its ablations.
TEXT_LAYOUT, _TEXT_RATIO = "network, layout paper", 4


def run(bench):
    """Fit and score all methods; a row is one method at one ratio on one corpus."""
    rows = []
    for corpus in bench.corpora():
        for ratio in bench.choose_ratios(2, 4, 6):
            rows += run_ratio(bench, corpus, ratio)
    return {"rows": rows}


def run_ratio(bench, corpus, ratio):
    """Return the rows of one corpus and ratio."""
    decimator = Decimator(ratio)
    rows = {BOUND: {"scores": bench.score_bound(corpus, decimator)}}
    estimators = make_estimators(bench.preset, ratio)
    if ratio == _TEXT_RATIO:
        estimators[TEXT_LAYOUT] = bench.preset.resolver(bench.preset.network(layout="paper"))
    for method, estimator in estimators.items():
        fitted = bench.fit(estimator, corpus, decimator)
        scores = bench.score(fitted, corpus, decimator)
        rows[method] = {"scores": scores, **fitted.describe()}
        print(f"{corpus.name} r={ratio} {method}: SNR {scores['snr']:.2f} dB, "
              f"LSD {scores['lsd']:.3f}", flush=True)  # fmt: skip
    network = rows["network"]["scores"]
    return [
        {
            "corpus": corpus.name,
            "ratio": ratio,
            "method": method,
            "resampled": column_of_groups(network),
            **row,
            "network_minus_this": None if method == "network" else compare(network, row["scores"]),
        }
        for method, row in rows.items()
    ]


def make_estimators(preset, ratio):
    """Return the methods of a ratio; the dense network takes powers of two only."""
    estimators = {"spline": SplineUpsampler(), "linear": LinearUpsampler()}
    if ratio & (ratio - 1) == 0:
        estimators["dnn"] = preset.dnn()
    return {**estimators, "network": preset.resolver()}


def format_table(results):
    """Lay out one table for each corpus and ratio, below a summary."""
    cases = dict.fromkeys((row["corpus"], row["ratio"]) for row in results["rows"])
    parts = [summarize(results["rows"])]
    for corpus, ratio in cases:
        rows = [r for r in results["rows"] if (r["corpus"], r["ratio"]) == (corpus, ratio)]
        parts.append(f"**{corpus}, r = {ratio}** (intervals resample {rows[0]['resampled']})")
        parts.append(_format_case(rows))
    return "\n\n".join(parts)


def summarize(rows):
    """Return sentences: against which methods does the network win, and where beyond chance?"""
    lines = []
    for method in ("spline", "linear", "dnn"):
        compared = [row["network_minus_this"] for row in rows if row["method"] == method]
        if not compared:
            continue
        snr = _count_wins([c["snr"] for c in compared], sign=1)
        lsd = _count_wins([c["lsd"] for c in compared], sign=-1)
        lines.append(f"Against {method} the network has the higher SNR in {snr} and the lower LSD "
                     f"in {lsd}.")  # fmt: skip
    return " ".join(lines)


def _count_wins(intervals, sign):
    won = [i for i in intervals if i["difference"] is not None and sign * i["difference"] > 0]
    sure = sum(is_beyond_zero(i) for i in won)
    return f"{len(won)} of {len(intervals)} cases ({sure} beyond the interval)"


def _format_case(rows):
    header = ["method", "SNR (dB)", "LSD (log10)", "LSD (natural)", "network's SNR minus this",
              "network's LSD (log10) minus this", "worst clip (dB)", "paper"]  # fmt: skip
    return rst_table(header, [_format_row(row) for row in rows])


def _format_row(row):
    scores, differences = row["scores"], row["network_minus_this"]
    paper = PAPER.get(_KINDS.get(row["corpus"]), {}).get(row["ratio"], {}).get(row["method"])
    return [
        row["method"],
        format_score(scores["snr"], 2),
        format_score(scores["lsd"], 3),
        format_score(scores["lsd_natural"], 2),
        "" if differences is None else format_interval(differences["snr"], 2),
        "" if differences is None else format_interval(differences["lsd"], 3),
        format_worst(scores),
        "" if paper is None else f"{paper[0]} / {paper[1]}",
    ]
