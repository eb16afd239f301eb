"""Figure 2: spectrograms of one test clip, before and after."""

import numpy as np

from paper.scores import format_score, measure
from sklearn_audiosr import SplineUpsampler
from sklearn_audiosr.degradation import Decimator
from tools.pictures import draw_spectrograms
from tools.tables import rst_table

CORPORA = ("speech_multi",)

_SECONDS = 3.0


def run(bench):
    """Upsample one excerpt by the spline and by the network."""
    corpus = next(bench.corpora())
    (ratio, *_) = bench.choose_ratios(4)
    decimator = Decimator(ratio)
    Y = corpus.trimmed(corpus.test, ratio)
    i, y = choose_excerpt(Y, round(_SECONDS * corpus.sampling_rate) // ratio * ratio)
    x = decimator.fit_transform([y])
    fitted = {
        "spline": bench.fit(SplineUpsampler(), corpus, decimator),
        "network": bench.fit(bench.preset.resolver(), corpus, decimator),
    }
    predictions = {name: f.estimator.predict(x)[0] for name, f in fitted.items()}
    name, group = corpus.test.names[i], corpus.test.groups[i]
    return {
        "corpus": corpus.name,
        "ratio": ratio,
        "clip": name,
        "sampling_rate": corpus.sampling_rate,
        "rows": [
            {"method": method, "scores": measure([y], [y_pred], [name], [group])}
            for method, y_pred in predictions.items()
        ],
        "arrays": {"waveforms": {"original": y, "narrowband": _hold_back(x[0], ratio),
                                 **predictions}},
    }  # fmt: skip


def choose_excerpt(clips, n_timepoints):
    """Return index and excerpt of the clip whose excerpt has the most energy above half the band.

    A vowel does not show what is lost. The same rule for all corpora picks no favourites.
    """
    excerpts = [_middle(clip, n_timepoints) for clip in clips]
    energies = [float(np.sum(np.diff(excerpt.astype(float)) ** 2)) for excerpt in excerpts]
    i = int(np.argmax(energies))
    return i, excerpts[i]


def format_table(results):
    """Lay out the scores of the excerpt."""
    header = ["method", "SNR (dB)", "LSD (log10)", "LSD (natural)"]
    rows = [
        [
            row["method"],
            format_score(row["scores"]["snr"], 2),
            format_score(row["scores"]["lsd"], 3),
            format_score(row["scores"]["lsd_natural"], 2),
        ]
        for row in results["rows"]
    ]
    return (
        f"The excerpt shown is from {results['clip']} of {results['corpus']}, "
        f"r = {results['ratio']}.\n\n{rst_table(header, rows)}"
    )


def draw(results, path, waveforms):
    """Draw the four spectrograms."""
    rate = results["sampling_rate"]
    draw_spectrograms(waveforms, rate, rate / (2 * results["ratio"]), path)


def _middle(clip, n_timepoints):
    start = max(0, clip.shape[-1] - n_timepoints) // 2
    return clip[start : start + n_timepoints]


def _hold_back(x, ratio):
    """Resample the narrowband clip to the wideband rate, its highband empty, to draw it."""
    from sklearn_audiosr._signal.interpolation import upsample_bandlimited

    return upsample_bandlimited(x[None], ratio)[0]
