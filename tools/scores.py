"""Mean scores of predictions over clips, and the worst clips."""

import numpy as np

from sklearn_audiosr.metrics import log_spectral_distance, signal_to_noise_ratio
from tools.panel import format_figure, measure_panel

# Columns of the panel beside SNR and LSD.
HIGHBAND = ("temporal_db2", "line_db", "harmonics")


def score(Y, Y_pred, names):
    """Compute the mean of both metrics over clips, and the worst clip of each."""
    snr = signal_to_noise_ratio(Y, Y_pred, average=None)
    lsd = log_spectral_distance(Y, Y_pred, average=None)
    return {
        "snr_db": round(float(np.nanmean(snr)), 3),
        "lsd_log10": round(float(np.mean(lsd)), 4),
        "worst_snr_db": [names[int(np.nanargmin(snr))], round(float(np.nanmin(snr)), 2)],
        "worst_lsd_log10": [names[int(np.argmax(lsd))], round(float(np.max(lsd)), 3)],
    }


def score_highband(Y, Y_pred, rate, ratio):
    """Compute the figures of the panel that `HIGHBAND` names; see `tools.panel.measure_panel`."""
    figures = measure_panel(Y, Y_pred, rate, ratio, with_errors=False)
    return {name: figures[name] for name in HIGHBAND if name in figures}


def format_score(row):
    """Lay out both means for a table."""
    return f"{row['snr_db']:.2f} / {row['lsd_log10']:.3f}"


def format_worst(row):
    """Lay out the worst values of both metrics for a table."""
    return f"{row['worst_snr_db'][1]:.1f} / {row['worst_lsd_log10'][1]:.2f}"


def format_highband(figures):
    """Lay out the figures of `score_highband` as cells of a table; a dash for none."""
    return [format_figure(figures, name, with_error=False) for name in HIGHBAND]
