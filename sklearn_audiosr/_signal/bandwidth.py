"""The effective bandwidth: where the band of a clip ends, measured in bounded memory."""

from __future__ import annotations

from math import ceil
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage
from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from sklearn_audiosr._clips import Clips, ClipsLike
from sklearn_audiosr._signal.spectral_images import ImageMeter, smooth
from sklearn_audiosr._validation import numpy_defaults

# Ratios of the upsamplers whose images are looked for.
_RATIOS = (2, 3, 4, 5, 6, 8)

# Seconds of a frame. Its length in timepoints is a multiple of _GRID: then the images of every
# ratio lie on bins, and half a frame is a whole number of periods of every narrowband rate.
_SECONDS, _GRID = 0.06, 240

# Side lobes of the window must lie below what resamplers leave, and below a hum or an offset.
_KAISER_BETA = 16

# With fewer frames there is no long-term spectrum.
_MIN_FRAMES = 8

# Frames transformed at once: bounds the memory of a long clip.
_N_FRAMES = 128

# Largest dynamic range of a spectrum in dB: float32 has no more.
_RANGE_DB = 160

# Smallest step in dB. Speech and piano of benchmarks/bench_bandwidth.py have steps of up to 17
# below 0.9 of the Nyquist frequency, and of 33 or more at 16 bits after a decimation. Few frames
# may show a single vowel, which can have such a step: require 80 / n_frames dB more.
_MIN_STEP_DB, _FEW_FRAMES_DB = 22.0, 80.0

# Three quarters of the bins in the octave below a step must lie above its middle: isolated tones
# are no band edge.
_MIN_FILL = 0.5

# A bin is steady if its phase turns by the same angle every _LAG frames, with this coherence.
_STEADY, _LAG = 0.9, 16

# Lowest step, as a share of the Nyquist frequency: below it voices and basses roll off as steeply.
LOWEST = 1 / 12

# Range in which the lowband of an image may end, relative to its Nyquist frequency: it includes
# the filters of Decimator.
_IMAGE_EDGES = (0.55, 1.03)

# The edge is where the spectrum has fallen by half of the step, but by at most this many dB.
_MAX_EDGE_DB = 20.0


@numpy_defaults
def effective_bandwidth(clips: ClipsLike, sampling_rate: float) -> NDArray[np.float64]:
    """Measure the frequency in Hz above which a clip holds nothing but its noise floor.

    Parameters
    ----------
    clips : container of clips
        Any container of clips; a lazy sequence is read clip by clip. The channels of a clip are
        measured together: its band is that of the channel with the widest one.
    sampling_rate : float
        Rate of the clips in Hz.

    Returns
    -------
    bandwidth : ndarray of shape (n_clips,), float64
        In Hz. It is the Nyquist frequency, ``sampling_rate / 2``, if the spectrum has no step, and
        nan for silence and for clips shorter than about 0.3 s (longer at rates below 8 kHz).

    Raises
    ------
    ValueError
        If `sampling_rate` is not positive, or a clip is empty or holds NaN or infinity.

    Notes
    -----
    The end of a band is a step in the long-term power spectrum: a drop of at least 22 dB within
    about a tenth of its frequency, above which the spectrum stays down. Any floor may follow:
    quantisation noise, dither, or what a resampler or codec leaves. Speech with a weak highband and
    instruments that roll off have slopes but no step and count as full-band, and so does a clip of
    a few tones. Steps below 1/12 of the Nyquist frequency are not looked for, because the
    fundamentals of voices end as steeply.

    Upsampling by a spline, by straight lines or by repetition leaves images of the lowband above
    it. These count as floor: an image keeps a constant phase to the lowband that it copies, bin by
    bin, and is removed before the search for steps. This works for ratios of 2, 3, 4, 5, 6 and 8.

    ``benchmarks/bench_bandwidth.py`` measured the accuracy on 206 clips of 6 s at 16 to 48 kHz,
    decimated by 2 and by 4, upsampled by soxr or by a spline, and rounded to 16 bits. A bandwidth
    from 0.7 to 1.05 times the narrowband Nyquist frequency is found for all 124 clips of speech and
    piano, and for 75 to 79 of 82 clips of music. None of the 124 originals is taken for narrowband,
    whether whole, at 8 bits or in excerpts of 0.3 s. 24 of the music are, most of which do end
    below their Nyquist frequency. At 8 bits the floor hides most steps, and between 17 and 63 of
    the 124 are found. Excerpts of 0.3 s show images in few frames, and between 102 and 123 are
    found.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr import effective_bandwidth
    >>> from sklearn_audiosr.degradation import ideal_lowband
    >>> noise = np.random.default_rng(0).standard_normal((1, 16000))
    >>> clips = [noise[0], ideal_lowband(noise, 4)[0]]
    >>> [round(bandwidth, -2) for bandwidth in effective_bandwidth(clips, 16000).tolist()]
    [8000.0, 2000.0]
    """
    validate_parameter_constraints(
        {"sampling_rate": [Interval(Real, 0, None, closed="neither")]},
        {"sampling_rate": sampling_rate},
        "effective_bandwidth",
    )
    container = Clips(clips, "clips")
    return np.array([_measure_clip(clip, sampling_rate) for clip in container])


def _measure_clip(clip: NDArray[Any], sampling_rate: float) -> float:
    meter = BandwidthMeter(sampling_rate)
    meter.push(clip)
    return meter.bandwidth()


class BandwidthMeter:
    """Measure the bandwidth of audio that comes block by block.

    Parameters
    ----------
    sampling_rate : float
        Rate of the audio in Hz.
    lowest : float, default=1/12
        Where the search for steps starts, as a share of the Nyquist frequency.
    """

    def __init__(self, sampling_rate: float, lowest: float = LOWEST) -> None:
        self.sampling_rate, self._lowest = sampling_rate, lowest
        self._frame = _GRID * max(1, round(_SECONDS * sampling_rate / _GRID))
        self._window = np.kaiser(self._frame + 1, _KAISER_BETA)[:-1]
        n_bins = self._frame // 2 + 1
        self._rest: NDArray[Any] | None = None
        self._past: NDArray[Any] | None = None
        self._n_frames = 0
        self._power = np.zeros(n_bins)
        self._turns, self._sizes = np.zeros(n_bins, dtype=complex), np.zeros(n_bins)
        self._images = {ratio: ImageMeter(ratio, self._frame) for ratio in _RATIOS}

    def push(self, block: NDArray[Any]) -> None:
        """Take the next block.

        Parameters
        ----------
        block : ndarray of shape (n_channels, n_timepoints)
            Of any length. The number of channels must stay the same.
        """
        frame, hop = self._frame, self._frame // 2
        x = block if self._rest is None else np.concatenate([self._rest, block], axis=1)
        n_frames = max(0, (x.shape[1] - frame) // hop + 1)
        for first in range(0, n_frames, _N_FRAMES):
            last = min(first + _N_FRAMES, n_frames)
            self._add(x[:, first * hop : (last - 1) * hop + frame])
        self._rest = x[:, n_frames * hop :].copy()
        self._n_frames += n_frames

    def _add(self, x: NDArray[Any]) -> None:
        framed = np.lib.stride_tricks.sliding_window_view(x, self._frame, axis=-1)
        # (n_channels, n_frames, n_bins)
        spectra = fft.rfft(framed[:, :: self._frame // 2] * self._window, axis=-1)
        power = spectra.real**2 + spectra.imag**2
        self._power += np.sum(power, axis=(0, 1))
        both = np.concatenate([spectra, spectra.conj()], axis=-1)
        for images in self._images.values():
            images.add(both, power)
        if self._past is not None:
            spectra = np.concatenate([self._past, spectra], axis=1)
        turns = spectra[:, _LAG:] * spectra[:, :-_LAG].conj()
        self._turns += np.sum(turns, axis=(0, 1))
        self._sizes += np.sum(np.abs(turns), axis=(0, 1))
        self._past = spectra[:, -_LAG:]

    def bandwidth(self) -> float:
        """Measure the audio so far.

        Returns
        -------
        bandwidth : float
            In Hz; nan for too little audio, and for silence.
        """
        if self._n_frames < _MIN_FRAMES or not self._power.any():
            return np.nan
        n, least = self._frame // 2, _MIN_STEP_DB + _FEW_FRAMES_DB / self._n_frames
        edges = [_find_edge(self._power, np.arange(ceil(self._lowest * n), n), least)]
        is_steady = np.abs(self._turns) > _STEADY * self._sizes
        for ratio, images in self._images.items():
            lowest, highest = (int(share * n / ratio) for share in _IMAGE_EDGES)
            lowest = max(lowest, ceil(self._lowest * n))
            power = images.remove_images(self._power, is_steady)
            edges.append(_find_edge(power, np.arange(lowest, highest), least))
        return min(edges) / n * self.sampling_rate / 2

    def share_above(self, frequency: float) -> float:
        """Return the share of the power so far that lies above a frequency.

        Parameters
        ----------
        frequency : float
            In Hz.

        Returns
        -------
        share : float
            From 0 to 1; 0 for silence.
        """
        first = int(np.ceil(frequency / self.sampling_rate * self._frame))
        return self._power[first:].sum() / max(self._power.sum(), np.finfo(float).tiny)


def _find_edge(power: NDArray[np.float64], bins: NDArray[np.intp], least: float) -> float:
    """Return where the lowest step of at least `least` dB lies, in bins; the last bin if none."""
    n = len(power) - 1
    level = smooth(power, 5)
    level = 10 * np.log10(np.maximum(level, level.max() * 10 ** (-_RANGE_DB / 10)))
    half = max(2, n // 100)
    typical = ndimage.median_filter(level, 2 * half + 1, mode="nearest")
    # without the last few bins, which a resampler's own filter lowers
    highest_above = np.maximum.accumulate(typical[-4::-1])[::-1]
    gap = np.maximum(4, bins // 20)
    below, above = bins - half - gap, bins + half + gap
    inside = (below >= 0) & (above < len(highest_above))
    bins, below, above = bins[inside], below[inside], above[inside]
    step = typical[below] - highest_above[above]
    while (step >= least).any():
        first = np.argmax(step >= least)
        best = first + np.argmax(np.where(bins[first:] < 1.2 * bins[first], step[first:], 0))
        octave = level[bins[best] // 2 : bins[best]]
        if np.quantile(octave, 0.25) >= typical[below[best]] - _MIN_FILL * step[best]:
            fallen = typical[below[best]] - min(step[best] / 2, _MAX_EDGE_DB)
            held = np.flatnonzero(typical[below[best] : above[best] + 1] > fallen)
            return below[best] + held[-1] - 1.5  # smoothing moved it by two bins
        step[: best + 1] = 0
    return n
