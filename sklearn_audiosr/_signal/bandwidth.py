"""Where the band of a clip ends: the effective bandwidth, measured in bounded memory."""

from math import ceil
from numbers import Real

import numpy as np
from scipy import fft, ndimage
from sklearn.utils._param_validation import Interval, validate_params

from sklearn_audiosr._clips import Clips

# Ratios whose images are looked for: those of upsamplers that leave some.
_RATIOS = (2, 3, 4, 5, 6, 8)

# Seconds of a frame, and its length in timepoints a multiple of _GRID: then the images of every
# ratio lie on bins, and half a frame is a whole number of periods of every narrowband rate.
_SECONDS, _GRID = 0.06, 240

# A Kaiser window's side lobes must lie below what resamplers leave, and below a hum or an offset.
# _LOBE is the width of its main lobe in bins.
_KAISER_BETA, _LOBE = 16, 13

# With fewer frames there is no long-term spectrum.
_MIN_FRAMES = 8

# Frames transformed at once: bounds the memory of a long clip.
_N_FRAMES = 128

# Largest dynamic range in dB of a spectrum: float32 has no more.
_RANGE_DB = 160

# A step is at least so high (dB). Speech and piano of benchmarks/bench_bandwidth.py reach 17 below
# 0.9 of the Nyquist frequency, at 16 bits after a decimation they have 33 or more. Few frames show
# one vowel, which may well have such a step: so many dB more, over their number, are asked of them.
_MIN_STEP_DB, _FEW_FRAMES_DB = 22.0, 80.0

# Below a step, the lower quartile of an octave lies in the upper part of it, this share: a few lone
# tones have a highest one, and say nothing about a band.
_MIN_FILL = 0.5

# Images must show in at least so many frames: in a single click all bins keep one phase.
_MIN_IMAGE_FRAMES = 3.0

# Steady tones keep their phases to each other, too: in bins of this share of the power, phases turn
# by the same in all steps of so many frames, by a coherence of 0.9. Of upsampled piano that is
# less than half in 95 of 100 excerpts of 1 s.
_STEADY_SHARE, _STEADY, _LAG = 0.7, 0.9, 16

# Lowest step, as a share of the Nyquist frequency: below, voices and basses roll off as steeply.
LOWEST = 1 / 12

# Edges of an image's lowband, relative to its Nyquist frequency: down to the filters of Decimator.
_IMAGE_EDGES = (0.55, 1.03)

# The edge is where half of the step has been fallen, but so many dB at most.
_MAX_EDGE_DB = 20.0


@validate_params(
    {"sampling_rate": [Interval(Real, 0, None, closed="neither")]},
    prefer_skip_nested_validation=True,
)
def effective_bandwidth(clips, sampling_rate):
    """Frequency in Hz above which a clip holds nothing but its floor.

    Parameters
    ----------
    clips : container of clips
        Any container of clips; a lazy sequence is read clip by clip. Channels of a clip are
        measured together: what one of them holds, the clip holds.
    sampling_rate : float
        Rate of the clips in Hz.

    Returns
    -------
    bandwidth : ndarray of shape (n_clips,), float64
        In Hz; the Nyquist frequency, ``sampling_rate / 2``, where the spectrum has no step, and
        nan where there is nothing to measure: for silence, and for clips of less than some 0.3 s
        (more at rates below 8 kHz).

    Raises
    ------
    ValueError
        If `sampling_rate` is not positive, or a clip is empty or holds NaN or infinity.

    Notes
    -----
    What ends a band leaves a step in the long-term power spectrum: a drop of at least 22 dB within
    some tenth of its frequency, above which the spectrum stays down. A floor of any kind may
    follow: quantisation noise, dither, what a resampler or codec leaves. Speech with a weak
    highband and instruments that roll off have slopes and no step, so that they count as full-band;
    and so does what has no more than a few tones. Steps below 1/12 of the Nyquist frequency are not
    looked for: the fundamentals of voices end as steeply.

    Upsamplers by a spline, by straight lines or by repetition leave images of the lowband above it.
    These count as floor. Bin by bin, an image keeps one phase to the lowband that it mirrors, and
    what keeps it is taken out before steps are looked for; known are ratios of 2, 3, 4, 5, 6 and 8.

    How well it does was measured by ``benchmarks/bench_bandwidth.py``, on 206 clips of 6 s at 16 to
    48 kHz that were decimated by 2 and by 4, brought back by soxr or by a spline, and rounded to 16
    bits. From 0.7 to 1.05 times the narrowband Nyquist frequency is found for all 124 clips of
    speech and piano, and for 75 to 79 of 82 of music. As they were, none of the 124 is taken for
    narrowband, whole, at 8 bits or in excerpts of 0.3 s; of the music 24 are, most of which do end
    below their Nyquist frequency. At 8 bits the floor hides most of the steps: of the 124, between
    17 and 63 are found. Of excerpts of 0.3 s, which show images in few frames, between 102 and 123
    are.

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
    clips = Clips(clips, "clips")
    return np.array([_measure_clip(clip, sampling_rate) for clip in clips])


def _measure_clip(clip, sampling_rate):
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
        From where on steps are looked for, as a share of the Nyquist frequency.
    """

    def __init__(self, sampling_rate, lowest=LOWEST):
        self.sampling_rate, self._lowest = sampling_rate, lowest
        self._frame = _GRID * max(1, round(_SECONDS * sampling_rate / _GRID))
        self._window = np.kaiser(self._frame + 1, _KAISER_BETA)[:-1]
        n_bins = self._frame // 2 + 1
        self._rest, self._past, self._n_frames = None, None, 0
        self._power = np.zeros(n_bins)
        self._turns, self._sizes = np.zeros(n_bins, dtype=complex), np.zeros(n_bins)
        self._folds = {ratio: Fold(ratio, self._frame) for ratio in _RATIOS}

    def push(self, block):
        """Take the next block.

        Parameters
        ----------
        block : ndarray of shape (n_channels, n_timepoints)
            Of any length, and always of the same number of channels.
        """
        frame, hop = self._frame, self._frame // 2
        x = block if self._rest is None else np.concatenate([self._rest, block], axis=1)
        n_frames = max(0, (x.shape[1] - frame) // hop + 1)
        for first in range(0, n_frames, _N_FRAMES):
            last = min(first + _N_FRAMES, n_frames)
            self._add(x[:, first * hop : (last - 1) * hop + frame])
        self._rest = x[:, n_frames * hop :].copy()
        self._n_frames += n_frames

    def _add(self, x):
        framed = np.lib.stride_tricks.sliding_window_view(x, self._frame, axis=-1)
        # (n_channels, n_frames, n_bins)
        spectra = fft.rfft(framed[:, :: self._frame // 2] * self._window, axis=-1)
        power = spectra.real**2 + spectra.imag**2
        self._power += np.sum(power, axis=(0, 1))
        both = np.concatenate([spectra, spectra.conj()], axis=-1)
        for fold in self._folds.values():
            fold.add(both, power)
        if self._past is not None:
            spectra = np.concatenate([self._past, spectra], axis=1)
        turns = spectra[:, _LAG:] * spectra[:, :-_LAG].conj()
        self._turns += np.sum(turns, axis=(0, 1))
        self._sizes += np.sum(np.abs(turns), axis=(0, 1))
        self._past = spectra[:, -_LAG:]

    def bandwidth(self):
        """Measure the audio so far.

        Returns
        -------
        bandwidth : float
            In Hz, nan if there is too little audio or silence alone.
        """
        if self._n_frames < _MIN_FRAMES or not self._power.any():
            return np.nan
        n, least = self._frame // 2, _MIN_STEP_DB + _FEW_FRAMES_DB / self._n_frames
        edges = [_find_edge(self._power, np.arange(ceil(self._lowest * n), n), least)]
        is_steady = np.abs(self._turns) > _STEADY * self._sizes
        for ratio, fold in self._folds.items():
            lowest, highest = (int(share * n / ratio) for share in _IMAGE_EDGES)
            lowest = max(lowest, ceil(self._lowest * n))
            power = fold.take_out(self._power, is_steady)
            edges.append(_find_edge(power, np.arange(lowest, highest), least))
        return min(edges) / n * self.sampling_rate / 2

    def share_above(self, frequency):
        """Give the share of the power so far that lies above a frequency.

        Parameters
        ----------
        frequency : float
            In Hz.

        Returns
        -------
        share : float
            From 0, that of silence, to 1.
        """
        first = int(np.ceil(frequency / self.sampling_rate * self._frame))
        return self._power[first:].sum() / max(self._power.sum(), np.finfo(float).tiny)


class Fold:
    """What the bins above a narrowband Nyquist frequency have in common with those below.

    Parameters
    ----------
    ratio : int
        Sampling rate over the narrowband rate.
    frame : int
        Length of a frame, a multiple of the ratio; of half a frame it must be one, too, or the
        phases of images turn from frame to frame.

    Notes
    -----
    An upsampler gives component f of the lowband images at m times the narrowband rate, less or
    plus f. Both have the same phase, turned back for a mirrored image, in all frames.
    """

    def __init__(self, ratio, frame):
        rate = frame // ratio  # the narrowband rate, in bins
        self._first = rate // 2 + 1
        bins = np.arange(self._first, frame // 2 + 1)
        nearest = (2 * bins + rate) // (2 * rate) * rate
        self._source = np.abs(bins - nearest)
        # among the spectrum and its conjugate
        self._partner = self._source + np.where(bins < nearest, 0, frame // 2 + 1)
        self._product = np.zeros(len(bins), dtype=complex)
        self._total, self._total_square = 0.0, 0.0  # over frames, of their amplitude here

    def add(self, both, power):
        """Take frames.

        Parameters
        ----------
        both : ndarray of shape (n_channels, n_frames, 2 * n_bins), complex
            Their spectra, and the conjugates of these.
        power : ndarray of shape (n_channels, n_frames, n_bins)
            Of the spectra.
        """
        n_bins = power.shape[-1]
        self._product += np.einsum(
            "ijk,ijk->k", both[..., self._first : n_bins], both[..., self._partner]
        )
        sizes = np.sqrt(power[..., self._first :].sum(axis=(0, 2)))
        self._total += sizes.sum()
        self._total_square += np.sum(sizes**2)

    def take_out(self, power, is_steady):
        """Return the power of each bin, of all frames, that is no image.

        Parameters
        ----------
        power : ndarray of shape (n_bins,)
            Of all frames.
        is_steady : ndarray of shape (n_bins,), bool
            Bins that hold steady tones.

        Returns
        -------
        power : ndarray of shape (n_bins,)
            At most that given.
        """
        image, source = power[self._first :], power[self._source]
        is_steady = is_steady[self._first :] & is_steady[self._source]
        is_click = self._total**2 < _MIN_IMAGE_FRAMES * self._total_square
        if is_click or image[is_steady].sum() > _STEADY_SHARE * image.sum():
            return power
        common = np.abs(_smooth(self._product)) ** 2
        most = _smooth(image) * _smooth(source)
        coherence = np.divide(common, most, out=np.zeros_like(most), where=most > 0)
        # where one image ends and another begins the window mixes their phases
        coherence = ndimage.maximum_filter1d(coherence, _LOBE)
        return np.append(power[: self._first], image * (1 - np.minimum(coherence, 1)))


def _smooth(values, n_bins=3):
    return ndimage.uniform_filter1d(values, n_bins, mode="nearest")


def _find_edge(power, bins, least):
    """Lowest bin with a step of at least so many dB in the spectrum; the last one if none."""
    n = len(power) - 1
    level = _smooth(power, 5)
    level = 10 * np.log10(np.maximum(level, level.max() * 10 ** (-_RANGE_DB / 10)))
    half = max(2, n // 100)
    typical = ndimage.median_filter(level, 2 * half + 1, mode="nearest")
    # a resampler's own filter ends the last few bins
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
            return below[best] + held[-1] - 1.5  # the smoothing moved it by two bins
        step[: best + 1] = 0
    return n
