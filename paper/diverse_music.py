"""Section 4.1: many kinds of music at once, with the network and with a larger one."""

from paper.scores import compare, format_interval, format_score, format_worst, is_beyond_zero
from paper.table_2 import make_estimators
from sklearn_audiosr.degradation import Decimator
from tools.tables import rst_table

CORPORA = ("music",)

# How much wider the larger network is: four times the weights.
_WIDER = 2


def run(bench):
    """Fit all methods, and score training clips too: a network that underfits gains little."""
    corpus = next(bench.corpora())
    (ratio, *_) = bench.choose_ratios(4)
    preset, decimator = bench.preset, Decimator(ratio)
    wide = preset.network(width=_WIDER * preset.width)
    estimators = {**make_estimators(preset, ratio), "wider network": preset.resolver(wide)}
    rows = []
    for method, estimator in estimators.items():
        fitted = bench.fit(estimator, corpus, decimator)
        rows.append(
            {
                "method": method,
                "scores": bench.score(fitted, corpus, decimator),
                "training_scores": bench.score(fitted, corpus, decimator, part="train"),
                **fitted.describe(),
            }
        )
        print(f"{method}: SNR {rows[-1]['scores']['snr']:.2f} dB", flush=True)
    for row in rows:
        row["minus_spline"] = compare(row["scores"], rows[0]["scores"])
        row["training_minus_spline"] = compare(row["training_scores"], rows[0]["training_scores"])
    bound = bench.score_bound(corpus, decimator)
    return {"corpus": corpus.name, "ratio": ratio, "bound": bound, "rows": rows}


def format_table(results):
    """Lay out one row for each method."""
    header = ["method", "SNR (dB)", "LSD (log10)", "LSD (natural)", "SNR minus spline's",
              "the same on training clips", "LSD (log10) minus spline's",
              "worst clip (dB)"]  # fmt: skip
    rows = [
        [
            row["method"],
            format_score(row["scores"]["snr"], 2),
            format_score(row["scores"]["lsd"], 3),
            format_score(row["scores"]["lsd_natural"], 2),
            *_format_gains(row),
            format_worst(row["scores"]),
        ]
        for row in results["rows"]
    ]
    return f"{summarize(results)}\n\n{rst_table(header, rows)}"


def summarize(results):
    """Return sentences: does the network underfit?"""
    sentences = []
    for row in results["rows"]:
        if "network" not in row["method"]:
            continue
        test, training = row["minus_spline"]["snr"], row["training_minus_spline"]["snr"]
        sure = "" if is_beyond_zero(test) else " (which may be chance)"
        sentences.append(
            f"the {row['method']} gains {format_interval(test, 2)} dB on the spline{sure}, and "
            f"{format_interval(training, 2)} dB on its training clips"
        )
    return (
        f"On {results['corpus']}, r = {results['ratio']}: {'; '.join(sentences)}. The ideal "
        f"lowband has {results['bound']['snr']:.2f} dB."
    )


def _format_gains(row):
    if row["method"] == "spline":
        return ["", "", ""]
    return [
        format_interval(row["minus_spline"]["snr"], 2),
        format_interval(row["training_minus_spline"]["snr"], 2),
        format_interval(row["minus_spline"]["lsd"], 3),
    ]
