"""Both metrics of a method's predictions, with the clips that came off worst."""

import numpy as np

from sklearn_audiosr.metrics import log_spectral_distance, signal_to_noise_ratio


def score(Y, Y_pred, names):
    """Both metrics, and the worst clip of each."""
    snr = signal_to_noise_ratio(Y, Y_pred, average=None)
    lsd = log_spectral_distance(Y, Y_pred, average=None)
    return {
        "snr_db": round(float(np.nanmean(snr)), 3),
        "lsd_log10": round(float(np.mean(lsd)), 4),
        "worst_snr_db": [names[int(np.nanargmin(snr))], round(float(np.nanmin(snr)), 2)],
        "worst_lsd_log10": [names[int(np.argmax(lsd))], round(float(np.max(lsd)), 3)],
    }


def format_score(row):
    """Both metrics as a table has them."""
    return f"{row['snr_db']:.2f} / {row['lsd_log10']:.3f}"


def format_worst(row):
    """Both metrics' worst values."""
    return f"{row['worst_snr_db'][1]:.1f} / {row['worst_lsd_log10'][1]:.2f}"
