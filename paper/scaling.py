"""Scores against training audio and against parameters (sections 1.1 and 5)."""

import numpy as np

from paper.scores import compare, format_interval, format_score
from sklearn_audiosr import LinearUpsampler
from sklearn_audiosr.degradation import Decimator
from tools.tables import rst_table

CORPORA = ("speech_multi",)

METHODS = ("linear", "dnn", "network")

# Of the preset's minutes; infinity is all that the corpus has.
_SHARES = (0.2, 1.0, np.inf)

# Of the preset's width and hidden layers.
_SIZES = (1 / 4, 1 / 2, 1)
_TAPS = (17, 65, 257)


def run(bench):
    """Train each method on more and more audio, then in larger and larger sizes."""
    name = bench.data[0]
    (ratio, *_) = bench.choose_ratios(4)
    decimator = Decimator(ratio)
    rows = [
        run_one(bench, name, decimator, "audio", method, make_estimator(bench.preset, method),
                minutes)
        for minutes in choose_minutes(bench, name)
        for method in METHODS
    ]  # fmt: skip
    for method in METHODS:
        for estimator in make_sizes(bench.preset, method):
            rows.append(run_one(bench, name, decimator, "size", method, estimator, None))
    bound = bench.score_bound(bench.open(name), decimator)
    return {"corpus": name, "ratio": ratio, "bound": bound, "rows": rows,
            "gains": compare_ends(rows)}  # fmt: skip


def run_one(bench, name, decimator, axis, method, estimator, minutes):
    """Return the row of a method of a size, trained on so many minutes."""
    corpus = bench.open(name, minutes)
    if hasattr(estimator, "max_epochs"):  # as many steps, whatever the minutes
        budget = (bench.preset.minutes or bench.open(name, np.inf).minutes()) * bench.preset.epochs
        corpus = bench.open(name, minutes)
        estimator.set_params(max_epochs=max(1, round(budget / corpus.minutes())))
    fitted = bench.fit(estimator, corpus, decimator)
    scores = bench.score(fitted, corpus, decimator)
    row = {
        "axis": axis,
        "method": method,
        "minutes": corpus.minutes(),
        "n_parameters": count_parameters(fitted.estimator),
        "scores": scores,
        **fitted.describe(),
    }
    print(f"{method} {row['minutes']:.1f} min, {row['n_parameters']} parameters: "
          f"SNR {scores['snr']:.2f} dB, LSD {scores['lsd']:.3f}", flush=True)  # fmt: skip
    return row


def choose_minutes(bench, name):
    """Return the amounts of training audio in minutes; the last is all that there is."""
    available = bench.open(name, np.inf).minutes()
    unit = bench.preset.minutes or 10
    return sorted({min(share * unit, available) for share in _SHARES})


def make_estimator(preset, method):
    """Return a method in the preset's size."""
    return {"linear": LinearUpsampler, "dnn": preset.dnn, "network": preset.resolver}[method]()


def make_sizes(preset, method):
    """Return a method in each size."""
    if method == "linear":
        return [LinearUpsampler(n_taps=n) for n in _TAPS]
    if method == "dnn":
        sizes = [[max(1, round(n * s)) for n in preset.hidden_layer_sizes] for s in _SIZES]
        return [preset.dnn(hidden_layer_sizes=tuple(size)) for size in sizes]
    return [preset.resolver(preset.network(width=preset.width * s)) for s in _SIZES]


def count_parameters(estimator):
    """Count the learned parameters."""
    if isinstance(estimator, LinearUpsampler):
        return int(estimator.coef_.size)
    return sum(p.numel() for p in estimator.network_.parameters())


def compare_ends(rows):
    """Compare the largest with the smallest of each axis and method."""
    gains = {}
    for axis in ("audio", "size"):
        for method in METHODS:
            ends = [r for r in rows if (r["axis"], r["method"]) == (axis, method)]
            gains[f"{axis} {method}"] = compare(ends[-1]["scores"], ends[0]["scores"])
    return gains


def format_table(results):
    """Lay out one row for each fit, below a summary."""
    header = ["method", "minutes", "parameters", "SNR (dB)", "LSD (log10)", "LSD (natural)",
              "fit (CPU min)"]  # fmt: skip
    parts = [summarize(results)]
    for axis, title in (("audio", "More training audio"), ("size", "More parameters")):
        rows = [
            [
                row["method"],
                f"{row['minutes']:.1f}",
                f"{row['n_parameters']:,}",
                format_score(row["scores"]["snr"], 2),
                format_score(row["scores"]["lsd"], 3),
                format_score(row["scores"]["lsd_natural"], 2),
                f"{row['fit_cpu_minutes']:.2f}",
            ]
            for row in results["rows"]
            if row["axis"] == axis
        ]
        parts += [f"**{title}**", rst_table(header, rows)]
    return "\n\n".join(parts)


def summarize(results):
    """Return a sentence that compares the largest with the smallest."""
    sentences = []
    for axis, what in (("audio", "most against least audio"), ("size", "largest against smallest")):
        gains = {method: results["gains"][f"{axis} {method}"] for method in METHODS}
        found = [
            f"{method} {format_interval(gain['snr'], 2)} dB SNR and "
            f"{format_interval(gain['lsd'], 3)} LSD"
            for method, gain in gains.items()
        ]
        sentences.append(f"{what}: {'; '.join(found)}")
    return (
        f"On {results['corpus']}, r = {results['ratio']}, at about the same number of steps, "
        f"{', and '.join(sentences)}. The ideal lowband has {results['bound']['snr']:.2f} dB."
    )


def draw(results, path):
    """Draw both scores over both axes."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(8.5, 6), layout="constrained")
    columns = (("audio", "minutes", "minutes of training audio"),
               ("size", "n_parameters", "parameters"))  # fmt: skip
    for column, (axis, field, label) in enumerate(columns):
        for method in METHODS:
            rows = [r for r in results["rows"] if (r["axis"], r["method"]) == (axis, method)]
            x = [row[field] for row in rows]
            for i, metric in enumerate(("snr", "lsd")):
                y = [row["scores"][metric] for row in rows]
                axes[i, column].plot(x, y, marker="o", label=method)
        axes[0, column].axhline(results["bound"]["snr"], color="gray", linestyle="--",
                                label="ideal lowband")  # fmt: skip
        for i, metric in enumerate(("SNR (dB)", "LSD (log10)")):
            axes[i, column].set(xscale="log", xlabel=label, ylabel=metric)
            axes[i, column].grid(alpha=0.3)
    minutes = sorted({row["minutes"] for row in results["rows"] if row["axis"] == "audio"})
    for axis in axes[:, 0]:  # a decade at most: its own labels would overlap
        axis.set_xticks(minutes, [f"{m:.3g}" for m in minutes])
        axis.set_xticks([], minor=True)
    axes[0, 1].legend(fontsize=8, loc="lower center")
    figure.savefig(path, dpi=110)
    plt.close(figure)
