"""Figure 3: training with and without the additive residual and the skip connections."""

import numpy as np

from paper.scores import compare, format_interval, format_score, is_beyond_zero
from sklearn_audiosr.degradation import Decimator
from tools.tables import rst_table

CORPORA = ("speech_multi",)

# The paper removes the additive residual, then the skip connections too. Either way the layers
# keep their filters.
VARIANTS = {
    "full": {},
    "no additive residual": {"additive_residual": False},
    "neither residual nor skips": {"additive_residual": False, "skip_connections": False},
    "no skip connections": {"skip_connections": False},
}

# A curve of ours, drawn dashed.
NOT_IN_PAPER = ("no skip connections",)

# Points of a curve for each epoch of the preset: a short training has few epochs.
_POINTS = 3


def run(bench):
    """Train the variants alike, and return their validation curves and test scores."""
    preset = shorten_epochs(bench.preset)
    bench.preset = preset
    corpus = next(bench.corpora())
    (ratio, *_) = bench.choose_ratios(4)
    decimator, rows = Decimator(ratio), []
    for variant, changes in VARIANTS.items():
        fitted = bench.fit(preset.resolver(preset.network(**changes)), corpus, decimator)
        resolver = fitted.estimator
        _check_validation(resolver, corpus)
        rows.append(
            {
                "variant": variant,
                "n_parameters": sum(p.numel() for p in resolver.network_.parameters()),
                "validation_snr": resolver.validation_scores_,
                "validation_l2": relative_l2(resolver.validation_scores_),
                "training_loss": resolver.loss_curve_,
                "scores": bench.score(fitted, corpus, decimator),
                **fitted.describe(),
            }
        )
        print(f"{variant}: {np.round(resolver.validation_scores_, 2)}", flush=True)
    for row in rows[1:]:
        row["this_minus_full"] = compare(row["scores"], rows[0]["scores"])
    return {"corpus": corpus.name, "ratio": ratio, "rows": rows}


def _check_validation(resolver, corpus):
    if not resolver.validation_scores_:
        raise SystemExit(
            f"figure_3 needs two groups of training clips, one to validate on, and {corpus.name} "
            "has one in this many --minutes: raise them, or name another corpus."
        )


def shorten_epochs(preset):
    """Return the same training in shorter epochs, for more points, unless it takes all audio."""
    if preset.minutes is None:
        return preset
    return preset.change(minutes=preset.minutes / _POINTS, epochs=preset.epochs * _POINTS)


def relative_l2(snr):
    """Compute the relative l2 error that a mean SNR in dB stands for.

    It is the geometric mean over clips of ``|y - y_pred| / |y|``, since a mean of decibels is the
    logarithm of a geometric mean.
    """
    return (10 ** (-np.asarray(snr, dtype=float) / 20)).tolist()


def format_table(results):
    """Lay out the ends of the curves and the test scores."""
    header = ["variant", "weights", "validation l2, first epoch", "best", "test SNR (dB)",
              "test LSD (log10)", "SNR minus full's"]  # fmt: skip
    rows = [
        [
            row["variant"],
            f"{row['n_parameters']:,}",
            *_format_ends(row["validation_l2"]),
            format_score(row["scores"]["snr"], 2),
            format_score(row["scores"]["lsd"], 3),
            format_interval(row["this_minus_full"]["snr"], 2) if "this_minus_full" in row else "",
        ]
        for row in results["rows"]
    ]
    return f"{summarize(results)}\n\n{rst_table(header, rows)}"


def summarize(results):
    """Return a sentence on what the curves show."""
    sentences = []
    for row in results["rows"][1:]:
        interval = row["this_minus_full"]["snr"]
        sure = "" if is_beyond_zero(interval) else ", which may be chance"
        sentences.append(f"{row['variant']} {format_interval(interval, 2)} dB{sure}")
    return (
        f"On {results['corpus']}, r = {results['ratio']}, after the same number of steps, SNR on "
        f"the test clips against the full network: {'; '.join(sentences)}."
    )


def draw(results, path):
    """Draw the validation error of each variant over the epochs."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(6.5, 4), layout="constrained")
    for row in results["rows"]:
        epochs = np.arange(1, len(row["validation_l2"]) + 1)
        style = "--" if row["variant"] in NOT_IN_PAPER else "-"
        axis.plot(epochs, row["validation_l2"], style, marker="o", markersize=3,
                  label=row["variant"])  # fmt: skip
    axis.set(
        xlabel="epoch",
        ylabel="validation l2 error, relative",
        yscale="log",
        title=f"{results['corpus']}, r = {results['ratio']}",
    )
    axis.legend()
    axis.grid(alpha=0.3, which="both")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _format_ends(curve):
    return [f"{curve[0]:.4f}", f"{min(curve):.4f}"] if curve else ["", ""]
