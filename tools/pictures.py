"""Spectrograms side by side."""

import numpy as np
from scipy import signal

# Frames, long enough to show harmonics of speech and short enough to show its syllables.
_FRAME, _HOP = 512, 64
_RANGE_DB = 80


def draw_spectrograms(waveforms, sampling_rate, narrowband_nyquist, path):
    """Draw a spectrogram of each waveform, all on one scale, and save the picture.

    Parameters
    ----------
    waveforms : dict of str to ndarray of shape (n_timepoints,)
        All at one rate. The loudest point of the first is 0 dB.
    sampling_rate : float
        Rate in Hz.
    narrowband_nyquist : float
        Frequency in Hz above which the estimators knew nothing; drawn as a line.
    path : path-like
        Where to save it.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    spectra = {name: _power_db(waveform) for name, waveform in waveforms.items()}
    top = next(iter(spectra.values())).max()
    figure, axes = plt.subplots(
        1, len(spectra), figsize=(2.6 * len(spectra) + 1.2, 3.2), sharey=True, layout="constrained"
    )
    for axis, (name, spectrum) in zip(axes, spectra.items(), strict=True):
        seconds = len(waveforms[name]) / sampling_rate
        image = axis.imshow(
            spectrum - top, origin="lower", aspect="auto", cmap="magma",
            extent=(0, seconds, 0, sampling_rate / 2000), vmin=-_RANGE_DB, vmax=0,
        )  # fmt: skip
        axis.axhline(narrowband_nyquist / 1000, color="white", linewidth=0.8, linestyle="--")
        axis.set(title=name, xlabel="time (s)")
    axes[0].set_ylabel("frequency (kHz)")
    figure.colorbar(image, ax=axes, label="power (dB)", pad=0.01)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _power_db(waveform):
    transform = signal.ShortTimeFFT(signal.get_window("hann", _FRAME), _HOP, fs=1)
    return 10 * np.log10(transform.spectrogram(np.asarray(waveform, dtype=float)) + 1e-12)
