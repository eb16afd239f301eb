"""Section 3.1's noise models: how much of the test clips their intervals cover."""

import numpy as np
from scipy import stats

from paper.experiment import fingerprint
from paper.scores import compare, format_interval, format_score
from sklearn_audiosr.degradation import Decimator
from tools.tables import rst_table

CORPORA = ("speech_multi",)

NOISE_MODELS = (None, "gaussian", "laplace", "heteroscedastic")
LEVELS = (0.5, 0.68, 0.9, 0.95)

# The level that is calibrated on validation clips, and the bounds of its coverage of test clips.
_CALIBRATED, _BOUNDS = 0.9, (0.85, 0.95)


def run(bench):
    """Train the network with each noise model, and measure what its intervals cover."""
    corpus = next(bench.corpora())
    (ratio, *_) = bench.choose_ratios(4)
    decimator, rows = Decimator(ratio), []
    for noise_model in NOISE_MODELS:
        fitted = bench.fit(bench.preset.resolver(noise_model=noise_model), corpus, decimator)
        row = {"noise_model": noise_model, "scores": bench.score(fitted, corpus, decimator),
               **fitted.describe()}  # fmt: skip
        if noise_model is not None:
            row["uncertainty"] = measure_uncertainty(bench, fitted, corpus, decimator, noise_model)
        rows.append(row)
        print(f"{noise_model}: SNR {row['scores']['snr']:.2f} dB, {row.get('uncertainty')}",
              flush=True)  # fmt: skip
    for row in rows[1:]:
        row["minus_plain"] = compare(row["scores"], rows[0]["scores"])
    return {"corpus": corpus.name, "ratio": ratio, "rows": rows}


def measure_uncertainty(bench, fitted, corpus, decimator, noise_model):
    """Measure the coverage of the test clips; see `cover`."""

    def make():
        Y = corpus.trimmed(corpus.test, decimator.upsampling_ratio)
        means, deviations = fitted.estimator.predict(decimator.fit_transform(Y), return_std=True)
        return cover(Y, means, deviations, noise_model, fitted.estimator.scale_)

    key = fingerprint(method=fitted.key, clips=corpus.identify(corpus.test))
    return bench.remember("uncertainty", key, make)


def cover(Y, means, deviations, noise_model, scale=1.0):
    """Compute the share of timepoints within each nominal interval, and the mean log likelihood.

    Parameters
    ----------
    Y, means, deviations : list of ndarray of shape (n_timepoints,)
        Wideband clips, predictions and standard deviations.
    noise_model : {"gaussian", "laplace", "heteroscedastic"}
        Family of the intervals.
    scale : float, default=1.0
        Unit of the density of the log likelihood.

    Returns
    -------
    uncertainty : dict
        "coverage" by level, "clip_coverage" of `_CALIBRATED` clip by clip, "mean_width" of that
        interval relative to the clips' root mean square, and "nll" in nats a timepoint.
    """
    ratios = [np.abs(y - m) / s for y, m, s in zip(Y, means, deviations, strict=True)]
    pooled = np.concatenate(ratios)
    half = half_width(noise_model, _CALIBRATED)
    stds = np.concatenate(deviations).astype(float)
    log_density = family(noise_model).logpdf(pooled.astype(float)) - np.log(stds / scale)
    level = np.sqrt(np.mean(np.concatenate(Y).astype(float) ** 2))
    return {
        "coverage": {str(p): float(np.mean(pooled <= half_width(noise_model, p))) for p in LEVELS},
        "clip_coverage": [float(np.mean(ratio <= half)) for ratio in ratios],
        "mean_width": float(2 * half * stds.mean() / level),
        "nll": float(-log_density.mean()),
    }


def family(noise_model):
    """Return the density of an error in standard deviations."""
    return stats.laplace(scale=np.sqrt(0.5)) if noise_model == "laplace" else stats.norm()


def half_width(noise_model, probability):
    """Compute half of the interval that has this probability, in standard deviations."""
    return float(family(noise_model).ppf(0.5 + probability / 2))


def format_table(results):
    """Lay out one row for each noise model."""
    header = ["noise model", "SNR (dB)", "LSD (log10)", "SNR minus plain", "NLL (nats)",
              *(f"{p:.0%} covers" for p in LEVELS),
              f"{_CALIBRATED:.0%} in clips", "width / rms"]  # fmt: skip
    rows = [_format_row(row) for row in results["rows"]]
    return f"{summarize(results)}\n\n{rst_table(header, rows)}"


def summarize(results):
    """Return a sentence: does the calibrated interval cover what it must?"""
    (row,) = (r for r in results["rows"] if r["noise_model"] == "heteroscedastic")
    covered = row["uncertainty"]["coverage"][str(_CALIBRATED)]
    low, high = _BOUNDS
    held = "yes" if low <= covered <= high else "**no**"
    return (
        f"On {results['corpus']}, r = {results['ratio']}: the heteroscedastic model's nominal "
        f"{_CALIBRATED:.0%} intervals cover {covered:.1%} of the held-out timepoints; between "
        f"{low:.0%} and {high:.0%}: {held}. NLL is the negative log likelihood of a timepoint in "
        "units of the training sources' level; a width is the mean of the "
        f"{_CALIBRATED:.0%} intervals over the clips' root mean square."
    )


def _format_row(row):
    name, scores = row["noise_model"] or "plain", row["scores"]
    cells = [name, format_score(scores["snr"], 2), format_score(scores["lsd"], 3)]
    if "uncertainty" not in row:
        return cells + [""] * (4 + len(LEVELS))
    found = row["uncertainty"]
    return [
        *cells,
        format_interval(row["minus_plain"]["snr"], 2),
        f"{found['nll']:.3f}",
        *(f"{found['coverage'][str(p)]:.1%}" for p in LEVELS),
        f"{min(found['clip_coverage']):.0%} to {max(found['clip_coverage']):.0%}",
        f"{found['mean_width']:.3f}",
    ]
