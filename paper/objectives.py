"""The three objectives: the published program's, plain MSE, and equation (1) as printed."""

from paper.scores import compare, format_interval, format_score, format_worst, is_beyond_zero
from sklearn_audiosr.degradation import Decimator
from tools.tables import rst_table

CORPORA = ("speech_multi",)

# Parameter of the estimator. None means "rmse"; other results have made that fit already.
OBJECTIVES = {"rmse": None, "mse": "mse", "paper_eq1": "paper_eq1"}


def run(bench):
    """Train the network with each objective, all else equal."""
    corpus = next(bench.corpora())
    (ratio, *_) = bench.choose_ratios(4)
    decimator, rows = Decimator(ratio), []
    for name, objective in OBJECTIVES.items():
        fitted = bench.fit(bench.preset.resolver(objective=objective), corpus, decimator)
        scores = bench.score(fitted, corpus, decimator)
        rows.append({"objective": name, "scores": scores, **fitted.describe(),
                     "validation_snr": fitted.estimator.validation_scores_})  # fmt: skip
        print(f"{name}: SNR {scores['snr']:.2f} dB, LSD {scores['lsd']:.3f}", flush=True)
    for row in rows[1:]:
        row["rmse_minus_this"] = compare(rows[0]["scores"], row["scores"])
    return {"corpus": corpus.name, "ratio": ratio, "rows": rows}


def format_table(results):
    """Lay out one row for each objective."""
    header = ["objective", "SNR (dB)", "LSD (log10)", "LSD (natural)", "SNR of rmse minus this",
              "LSD (log10) of rmse minus this", "worst clip (dB)"]  # fmt: skip
    rows = [
        [
            row["objective"],
            format_score(row["scores"]["snr"], 2),
            format_score(row["scores"]["lsd"], 3),
            format_score(row["scores"]["lsd_natural"], 2),
            *_format_differences(row),
            format_worst(row["scores"]),
        ]
        for row in results["rows"]
    ]
    return f"{summarize(results)}\n\n{rst_table(header, rows)}"


def summarize(results):
    """Return a sentence: which objective is best, and is that more than chance?"""
    best = max(results["rows"], key=lambda row: row["scores"]["snr"])
    nearest = min(results["rows"], key=lambda row: row["scores"]["lsd"])
    intervals = [row["rmse_minus_this"]["snr"] for row in results["rows"][1:]]
    sure = sum(map(is_beyond_zero, intervals))
    return (
        f"On {results['corpus']}, r = {results['ratio']}: {best['objective']!r} has the highest "
        f"SNR and {nearest['objective']!r} the lowest LSD; of the {len(intervals)} differences of "
        f"SNR to 'rmse', {sure} lie beyond the interval."
    )


def _format_differences(row):
    differences = row.get("rmse_minus_this")
    if differences is None:
        return ["", ""]
    return [format_interval(differences["snr"], 2), format_interval(differences["lsd"], 3)]
