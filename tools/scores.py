"""Mean signal-to-noise ratio and log-spectral distance of predictions, and the worst clips."""

import numpy as np

from sklearn_audiosr.metrics import log_spectral_distance, signal_to_noise_ratio


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


def format_score(row):
    """Lay out both means for a table."""
    return f"{row['snr_db']:.2f} / {row['lsd_log10']:.3f}"


def format_worst(row):
    """Lay out the worst values of both metrics for a table."""
    return f"{row['worst_snr_db'][1]:.1f} / {row['worst_lsd_log10'][1]:.2f}"
