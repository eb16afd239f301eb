"""Log-spectral distance in the conventions that are in print."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, signal
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_audiosr._clips import ClipsLike
from sklearn_audiosr.metrics._comparison import ClipValues, clip_metric, compare_clips

Convention: TypeAlias = Literal["log10", "kuleshov2017", "kuleshov2017_code", "ssr_eval"]
_Waveform: TypeAlias = NDArray[np.float64]  # of shape (n_timepoints,)
Band: TypeAlias = Literal["full", "lowband", "highband"]

# Frames transformed at once: bounds the memory of a long clip.
_N_FRAMES = 512


@dataclass(frozen=True)
class LSDConvention:
    """One way in print to compute a log-spectral distance.

    Attributes
    ----------
    log : {"log10", "natural"}
        Logarithm taken of the power.
    floor : float
        Smallest power.
    floor_added : bool
        The floor is added to the power; else the power is clamped to it.
    of_ratio : bool
        The logarithm is that of one ratio, which is not symmetric: the floor is added to the
        predicted magnitude, and to the true power over its square.
    root_over : {"frequency", "frames"}
        Axis of the mean under the root; the mean of the roots goes over the other one.
    added_to_mean : float
        Added to the mean under the root.
    cap : float
        Largest distance of one channel.
    scaled_to_rate : bool
        Frames of 2048 / 44100 s every 10 ms; else frames of 2048 every 512 timepoints.
    """

    log: Literal["log10", "natural"] = "log10"
    floor: float = 1e-8
    floor_added: bool = False
    of_ratio: bool = False
    root_over: Literal["frequency", "frames"] = "frequency"
    added_to_mean: float = 0.0
    cap: float = float("inf")
    scaled_to_rate: bool = False

    def frame_and_hop(self, sampling_rate: float | None) -> tuple[int, int]:
        """Return the length and the hop of frames in timepoints.

        Parameters
        ----------
        sampling_rate : float or None
            Rate of the clips in Hz; used only where frames are scaled to it.

        Returns
        -------
        frame, hop : int
            Below a rate of 100 Hz the hop is 0.
        """
        if not self.scaled_to_rate or sampling_rate is None:
            return 2048, 512
        # in the program's order: the other one loses a timepoint at some rates
        return int(2048 / (44100 / sampling_rate)), int(sampling_rate / 100)


LSD_CONVENTIONS: dict[Convention, LSDConvention] = {
    # NU-Wave 2, AERO, AP-BWE
    "log10": LSDConvention(),
    # Kuleshov et al. 2017, equation (3), and Table 2 (its unit inferred from their audio)
    "kuleshov2017": LSDConvention(log="natural"),
    # the same authors' script: axes swapped, floors added, capped
    "kuleshov2017_code": LSDConvention(
        log="natural", floor_added=True, root_over="frames", added_to_mean=1e-8, cap=10.0
    ),
    # AudioMetrics.lsd of the package ssr_eval. SpeechScore has its formula in other frames.
    "ssr_eval": LSDConvention(floor=1e-12, of_ratio=True, scaled_to_rate=True),
}


@overload
def log_spectral_distance(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    convention: Convention = ...,
    band: Band = ...,
    upsampling_ratio: float | None = ...,
    sampling_rate: float | None = ...,
    sample_weight: ArrayLike | None = ...,
    average: Literal["clips"] = ...,
) -> float: ...
@overload
def log_spectral_distance(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    convention: Convention = ...,
    band: Band = ...,
    upsampling_ratio: float | None = ...,
    sampling_rate: float | None = ...,
    sample_weight: ArrayLike | None = ...,
    average: None,
) -> ClipValues: ...
@clip_metric(
    convention=[StrOptions(set(LSD_CONVENTIONS))],
    band=[StrOptions({"full", "lowband", "highband"})],
    upsampling_ratio=[Interval(Real, 1, None, closed="neither"), None],
    sampling_rate=[Interval(Real, 0, None, closed="neither"), None],
)
def log_spectral_distance(
    y_true: ClipsLike,
    y_pred: ClipsLike,
    *,
    convention: Convention = "log10",
    band: Band = "full",
    upsampling_ratio: float | None = None,
    sampling_rate: float | None = None,
    sample_weight: ArrayLike | None = None,
    average: Literal["clips"] | None = "clips",
) -> float | ClipValues:
    """Compute the log-spectral distance (LSD): lower is better.

    Parameters
    ----------
    {clips}
    convention : {"log10", "kuleshov2017", "kuleshov2017_code", "ssr_eval"}, default="log10"
        Convention in print (see Notes). Values of different conventions can't be compared.
    band : {"full", "lowband", "highband"}, default="full"
        Frequencies that count: all, those up to the narrowband Nyquist frequency, or those above
        it.
    upsampling_ratio : float, default=None
        Wideband over narrowband rate; needed by "lowband" and "highband".
    sampling_rate : float, default=None
        Wideband rate in Hz; needed by the convention "ssr_eval".
    {averaging}

    Returns
    -------
    lsd : float or ndarray of shape (n_clips,)
        The distance, at least 0; a clip's value is the mean over its channels. Identical clips
        have 0, but 1e-4 in "kuleshov2017_code" and 12 in silent frames of "ssr_eval".

    Raises
    ------
    ValueError
        If a band or convention lacks the argument that it needs.
    {unlike clips}

    Notes
    -----
    All conventions take a periodic Hann window and centred frames, reflected at the ends, without
    normalisation. A clip too short to reflect is padded with zeros first.

    ===================  =======  ==========================  ===========  =====================
    convention           log      frame / hop (timepoints)    floor        root over, mean over
    ===================  =======  ==========================  ===========  =====================
    "log10"              log10    2048 / 512                  clamp 1e-8   frequency, frames
    "kuleshov2017"       natural  2048 / 512                  clamp 1e-8   frequency, frames
    "kuleshov2017_code"  natural  2048 / 512                  add 1e-8     frames, frequency;
                                                                           at most 10
    "ssr_eval"           log10    2048 rate / 44100,          of a ratio,  frequency, frames
                                  rate / 100                  1e-12
    ===================  =======  ==========================  ===========  =====================

    "kuleshov2017_code" also adds 1e-8 to each mean under a root. "ssr_eval" takes
    ``log10(t**2 / (p + 1e-12)**2 + 1e-12)`` of the true and the predicted magnitudes t and p. An
    empty t counts 12 whatever p is, an empty p ``24 + 2 log10(t)``: digital silence and empty
    bands outweigh all else.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.metrics import log_spectral_distance
    >>> y_true = np.random.default_rng(0).standard_normal((1, 16000))
    >>> round(log_spectral_distance(y_true, 0.1 * y_true), 6)  # 20 dB is 2 in log10 of power
    2.0
    """
    conv = LSD_CONVENTIONS[convention]
    if band != "full" and upsampling_ratio is None:
        raise ValueError(
            f'band="{band}" needs upsampling_ratio to know the narrowband Nyquist frequency, got '
            "None: pass upsampling_ratio=4, for example."
        )
    if conv.scaled_to_rate and sampling_rate is None:
        raise ValueError(
            f'convention="{convention}" needs sampling_rate for the length of its frames, got '
            "None: pass the wideband rate in Hz, sampling_rate=16000 for example."
        )
    frame, hop = conv.frame_and_hop(sampling_rate)
    if hop < 1:
        raise ValueError(
            f'convention="{convention}" needs a sampling_rate of at least 100 Hz, got '
            f"{sampling_rate}: pass the wideband rate in Hz."
        )
    bins = _band_bins(band, frame, upsampling_ratio)

    def _channel_mean(true: NDArray[np.float64], pred: NDArray[np.float64]) -> float:
        pairs = zip(true, pred, strict=True)
        return float(np.mean([_waveform_lsd(t, p, conv, frame, hop, bins) for t, p in pairs]))

    return compare_clips(y_true, y_pred, sample_weight, average, _channel_mean)


def _band_bins(band: Band, frame: int, upsampling_ratio: float | None) -> slice:
    """Return the frequency bins of one band; the narrowband Nyquist bin belongs to the lowband."""
    if band == "full" or upsampling_ratio is None:
        return slice(None)
    first_highband = int(np.floor(frame / (2 * upsampling_ratio))) + 1
    if first_highband > frame // 2:
        raise ValueError(
            f"upsampling_ratio must leave a highband in frames of {frame} timepoints, got "
            f"{upsampling_ratio}: pass the wideband over the narrowband rate, 2 or more."
        )
    return slice(first_highband) if band == "lowband" else slice(first_highband, None)


@np.errstate(over="ignore", invalid="ignore")  # reported as nan
def _waveform_lsd(
    true: _Waveform, pred: _Waveform, conv: LSDConvention, frame: int, hop: int, bins: slice
) -> float:
    """Compute the distance of two waveforms of shape (n_timepoints,); nan if powers overflow."""
    true, pred = _pad_centred(true, frame), _pad_centred(pred, frame)
    window = signal.get_window("hann", frame)  # periodic
    n_frames = (len(true) - frame) // hop + 1
    total: Any = 0.0  # over frames; an array of bins where the root goes over frames
    count = 0
    for start in range(0, n_frames, _N_FRAMES):
        frames = slice(start, min(start + _N_FRAMES, n_frames))
        difference = _log_ratio(
            _powers(true, window, hop, frames)[:, bins],
            _powers(pred, window, hop, frames)[:, bins],
            conv,
        )
        np.square(difference, out=difference)
        if conv.root_over == "frequency":
            total = total + np.sqrt(difference.mean(axis=1) + conv.added_to_mean).sum()
        else:
            total = total + difference.sum(axis=0)
        count += len(difference)
    mean = total / count
    if conv.root_over == "frames":
        mean = np.sqrt(mean + conv.added_to_mean).mean()
    return min(float(mean), conv.cap) if np.isfinite(mean) else np.nan


def _pad_centred(waveform: _Waveform, frame: int) -> _Waveform:
    """Pad a waveform by reflection, so that frames are centred."""
    half = frame // 2
    if len(waveform) <= half:  # too short to reflect
        waveform = np.pad(waveform, (0, half + 1 - len(waveform)))
    return np.pad(waveform, half, mode="reflect")


def _powers(padded: _Waveform, window: _Waveform, hop: int, frames: slice) -> NDArray[np.float64]:
    """Compute power spectra of some frames, of shape (n_frames, len(window) // 2 + 1)."""
    framed = np.lib.stride_tricks.sliding_window_view(padded, len(window))[::hop][frames]
    spectrum = fft.rfft(framed * window, axis=-1)
    power: NDArray[np.float64] = spectrum.real**2 + spectrum.imag**2
    return power


def _log_ratio(
    true: NDArray[np.float64], pred: NDArray[np.float64], conv: LSDConvention
) -> NDArray[np.float64]:
    """Compute the logarithm of the ratio of true to predicted powers."""
    log = np.log10 if conv.log == "log10" else np.log
    if conv.of_ratio:
        ratio: NDArray[np.float64] = log(true / (np.sqrt(pred) + conv.floor) ** 2 + conv.floor)
        return ratio
    if conv.floor_added:
        true, pred = true + conv.floor, pred + conv.floor
    else:
        true, pred = np.maximum(true, conv.floor), np.maximum(pred, conv.floor)
    difference: NDArray[np.float64] = log(true) - log(pred)
    return difference
