"""Upsampling of waveforms by an integer ratio, with exact length and no delay.

Every interpolation here is a polyphase filter: r filters over the narrowband timepoints, one for
each wideband timepoint of an instant. With uniform knots the cubic spline is one too. Its prefilter
(one pole, [1]_) and its four taps a phase make one filter, whose taps fall by a factor of 0.268 a
knot and are cut off at the precision of the type.

References
----------
.. [1] M. Unser, A. Aldroubi and M. Eden, "B-spline signal processing: Part II", IEEE Transactions
   on Signal Processing 41(2), 1993.
"""

from functools import lru_cache

import numpy as np

# Extensions of a waveform beyond its ends: see `_extend`.
BOUNDARIES = ("half", "odd", "edge", "even")

# Pole of the cubic spline's prefilter, z^2 + 4z + 1 = 0.
_POLE = np.sqrt(3) - 2

# Narrowband instants in a row of the matrix product: enough for a fast product, and few enough that
# the zeros of the band matrix cost little.
_ROW = 32

# Half width of the windowed sinc, in narrowband timepoints.
SINC_HALF_WIDTH = 32

# Rows in one matrix product: input and output stay in the cache.
_N_ROWS = 2048

# Multiplications in one matrix product beside a network. For larger ones OpenBLAS wakes its
# threads, which spin while those of torch should run: predictions took more than twice as long.
_PRODUCT_BESIDE_TORCH = 2**18


def upsample_cubic(x, upsampling_ratio, *, boundary="half", beside_torch=False):
    """Upsample waveforms with an interpolating cubic spline.

    Parameters
    ----------
    x : ndarray of shape (..., n_timepoints)
        Waveforms, float32 or float64; computed and returned in that type.
    upsampling_ratio : int
        Wideband timepoints for each narrowband timepoint, at least 1.
    boundary : {"half", "odd", "edge", "even"}, default="half"
        Extension of `x` beyond its ends: "odd" reflects about the end point and keeps the slope,
        "edge" repeats the end, "half" is their mean, "even" reflects in time (see Notes).
    beside_torch : bool, default=False
        As in `filter_polyphase`.

    Returns
    -------
    y : ndarray of shape (..., upsampling_ratio * n_timepoints)
        ``y[..., r * t]`` is ``x[..., t]``. The last ``r - 1`` timepoints lie beyond the last
        knot.

    Notes
    -----
    ``benchmarks/bench_spline_boundary.py`` measures the boundaries on speech and piano. At the end
    of a clip "odd" overshoots and "edge" falls short. "half" is 0.5 to 1.2 dB better than both in
    four of six rows, and within 0.5 dB of the better one in the others. Extrapolating the
    polynomial (scipy's "not-a-knot") is 4 to 9 dB worse.
    """
    x = np.asarray(x)
    half_width = _cubic_half_width(x.dtype)
    knots = _extend(x, half_width, half_width, boundary)
    return filter_polyphase(knots, _cubic_taps(upsampling_ratio, x.dtype), beside_torch)


def upsample_bandlimited(x, upsampling_ratio, *, half_width=SINC_HALF_WIDTH, beside_torch=False):
    """Upsample waveforms with a windowed sinc, which passes the lowband and adds nothing above it.

    Parameters
    ----------
    x : ndarray of shape (..., n_timepoints)
        Waveforms, float32 or float64.
    upsampling_ratio : int
        Wideband timepoints for each narrowband timepoint, at least 1.
    half_width : int, default=32
        Narrowband timepoints of the filter on each side. Beyond its ends `x` is zero.
    beside_torch : bool, default=False
        As in `filter_polyphase`.

    Returns
    -------
    y : ndarray of shape (..., upsampling_ratio * n_timepoints)
        ``y[..., r * t]`` is the instant of ``x[..., t]``.
    """
    x = np.asarray(x)
    knots = pad_silence(x, half_width, half_width)
    return filter_polyphase(knots, sinc_taps(upsampling_ratio, half_width, x.dtype), beside_torch)


def filter_polyphase(knots, taps, beside_torch=False):
    """Apply one filter for each wideband timepoint of an instant to narrowband waveforms.

    Parameters
    ----------
    knots : ndarray of shape (..., n_timepoints + n_taps - 1)
        Narrowband waveforms, padded, in the type of `taps`.
    taps : ndarray of shape (n_taps, upsampling_ratio)
        One filter a column.
    beside_torch : bool, default=False
        Whether a network runs before and after. Then matrix products are kept so small that they
        start no threads.

    Returns
    -------
    y : ndarray of shape (..., upsampling_ratio * n_timepoints)
        ``y[..., r * t + p] = sum over k of knots[..., t + k] * taps[k, p]``.

    Notes
    -----
    The work is a matrix product: rows of `_ROW` instants, which overlap by the filter's length,
    times one band matrix. The result is in order of time.
    """
    n_taps, ratio = taps.shape
    band = _band_matrix(taps)
    n_timepoints = knots.shape[-1] - n_taps + 1
    n_rows = -(-n_timepoints // _ROW)
    n_at_once = max(1, _PRODUCT_BESIDE_TORCH // band.size) if beside_torch else _N_ROWS
    waveforms = knots.reshape(-1, knots.shape[-1])
    y = np.empty((len(waveforms), n_rows * _ROW * ratio), dtype=taps.dtype)
    for waveform, out in zip(waveforms, y.reshape(len(y), n_rows, -1), strict=True):
        _multiply_rows(waveform, band, out, n_at_once)
    return y[:, : ratio * n_timepoints].reshape(*knots.shape[:-1], ratio * n_timepoints)


@np.errstate(over="ignore", invalid="ignore")  # callers report results that are not finite
def _multiply_rows(waveform, band, out, n_at_once):
    """Multiply overlapping rows of `waveform` with `band`, into `out`."""
    length = len(band)
    n_whole = (len(waveform) - length) // _ROW + 1 if len(waveform) >= length else 0
    if n_whole:
        rows = np.lib.stride_tricks.sliding_window_view(waveform, length)[::_ROW]
        for start in range(0, n_whole, n_at_once):
            block = np.ascontiguousarray(rows[start : start + n_at_once])
            np.matmul(block, band, out=out[start : start + len(block)])
    if n_whole < len(out):  # the last row is short: fill it with zeros
        row = np.zeros(length, dtype=waveform.dtype)
        rest = waveform[n_whole * _ROW :]
        row[: len(rest)] = rest
        np.matmul(row, band, out=out[n_whole])


class PolyphaseStream:
    """A polyphase filter for waveforms that come piece by piece.

    Parameters
    ----------
    taps : ndarray of shape (n_taps, upsampling_ratio)
        As for `filter_polyphase`.
    before : int
        Narrowband timepoints before its own instant that a filter sees.
    extend : callable
        ``extend(x, before, after)`` extends waveforms beyond their ends by these numbers of
        timepoints.
    beside_torch : bool, default=False
        As in `filter_polyphase`.

    Attributes
    ----------
    latency : int
        Wideband timepoints by which the output can lag behind the input.
    """

    def __init__(self, taps, before, extend, beside_torch=False):
        self._taps, self._before, self._extend = taps, before, extend
        self._beside_torch = beside_torch
        self._after = len(taps) - 1 - before
        self.latency = self._after * taps.shape[1]
        self._knots, self._started = None, False

    def push(self, x, last):
        """Return the outputs that follow from the input so far.

        Parameters
        ----------
        x : ndarray of shape (n_channels, n_timepoints)
            The next piece, of any length.
        last : bool
            Whether the waveforms end with it.

        Returns
        -------
        y : ndarray of shape (n_channels, any length)
            All pieces joined are the output for the whole waveforms.
        """
        knots = x if self._knots is None else np.concatenate([self._knots, x], axis=1)
        if not self._started:
            if knots.shape[1] == 0 or (knots.shape[1] <= self._after and not last):
                self._knots = knots.copy()  # the caller may use its buffer again
                return np.empty((len(x), 0), dtype=self._taps.dtype)
            knots = self._extend(knots, self._before, self._after if last else 0)
            self._started = True
        elif last:
            knots = self._extend(knots, 0, self._after)
        n_instants = max(0, knots.shape[1] - len(self._taps) + 1)
        self._knots = knots[:, n_instants:].copy()
        if n_instants == 0:
            return np.empty((len(x), 0), dtype=self._taps.dtype)
        return filter_polyphase(knots, self._taps, self._beside_torch)


def stream_cubic(upsampling_ratio, beside_torch=False):
    """Return a `PolyphaseStream` like `upsample_cubic`, for float32 waveforms."""
    dtype = np.dtype(np.float32)
    taps = _cubic_taps(upsampling_ratio, dtype)
    return PolyphaseStream(taps, _cubic_half_width(dtype), _extend, beside_torch)


def stream_bandlimited(upsampling_ratio, beside_torch=False):
    """Return a `PolyphaseStream` like `upsample_bandlimited`, for float32 waveforms."""
    taps = sinc_taps(upsampling_ratio, SINC_HALF_WIDTH, np.dtype(np.float32))
    return PolyphaseStream(taps, SINC_HALF_WIDTH, pad_silence, beside_torch)


def pad_silence(x, before, after):
    """Pad waveforms of shape (..., n_timepoints) with zeros."""
    return np.pad(x, [(0, 0)] * (x.ndim - 1) + [(before, after)])


def _extend(x, before, after, boundary="half"):
    """Extend waveforms beyond their ends: see `upsample_cubic`."""
    padding = [(0, 0)] * (x.ndim - 1) + [(before, after)]
    if boundary == "edge":
        return np.pad(x, padding, mode="edge")
    knots = np.pad(x, padding, mode="reflect", reflect_type="even" if boundary == "even" else "odd")
    if boundary == "half":
        end = before + x.shape[-1]
        knots[..., :before] += (x[..., :1] - knots[..., :before]) / 2
        knots[..., end:] += (x[..., -1:] - knots[..., end:]) / 2
    return knots


def _band_matrix(taps):
    """Return the Toeplitz matrix, (_ROW + n_taps - 1, _ROW * ratio), that filters one row."""
    n_taps, ratio = taps.shape
    band = np.zeros((_ROW + n_taps - 1, _ROW, ratio), dtype=taps.dtype)
    for instant in range(_ROW):
        band[instant : instant + n_taps, instant] = taps
    return band.reshape(len(band), _ROW * ratio)


def _cubic_half_width(dtype):
    """Return how many knots on each side a timepoint of the spline depends on, up to rounding."""
    return int(np.ceil(np.log(np.finfo(dtype).eps / 4) / np.log(-_POLE)))


# Half width of the spline as a filter of float32 waveforms, in narrowband timepoints.
CUBIC_HALF_WIDTH = _cubic_half_width(np.float32)


@lru_cache(maxsize=32)
def _cubic_taps(ratio, dtype):
    """Return the taps, (2 * half_width + 1, ratio), of the cardinal cubic spline."""
    half_width = _cubic_half_width(dtype)
    distance = np.abs(np.arange(ratio) / ratio - np.arange(-1, 3)[:, None])  # (4 knots, ratio)
    b_spline = np.where(
        distance < 1, 2 / 3 - distance**2 + distance**3 / 2, np.maximum(2 - distance, 0) ** 3 / 6
    )
    lag = np.abs(np.arange(-half_width, half_width + 1)[:, None] - np.arange(-1, 3))
    prefilter = np.sqrt(3) * _POLE**lag  # its two-sided impulse response
    taps = (prefilter @ b_spline).astype(dtype)
    taps[:, 0] = np.arange(-half_width, half_width + 1) == 0  # knots pass without rounding
    return taps


@lru_cache(maxsize=32)
def sinc_taps(ratio, half_width, dtype):
    """Return the taps, (2 * half_width + 1, ratio), of a Kaiser-windowed sinc."""
    taps = np.arange(-half_width, half_width + 1)[:, None]
    distance = (np.arange(ratio) / ratio - taps) / half_width
    # beta 8: sidelobes 80 dB down, a transition band of about 5 / half_width of the narrowband
    window = np.i0(8 * np.sqrt(np.maximum(1 - distance**2, 0))) / np.i0(8)
    return (np.sinc(distance * half_width) * window * (np.abs(distance) <= 1)).astype(dtype)
