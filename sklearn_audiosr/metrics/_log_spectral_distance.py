"""Log-spectral distance in the conventions that are in print."""

from dataclasses import dataclass
from numbers import Real

import numpy as np
from scipy import fft, signal
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from sklearn_audiosr.metrics._comparison import compare_clips

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
    root_over : {"frequency", "frames"}
        Axis of the mean under the root; the mean of the roots goes over the other one.
    cap : float
        Largest distance of one channel.
    scaled_to_rate : bool
        Frames of 2048 / 44100 s every 10 ms; else frames of 2048 every 512 timepoints.
    """

    log: str = "log10"
    floor: float = 1e-8
    floor_added: bool = False
    root_over: str = "frequency"
    cap: float = np.inf
    scaled_to_rate: bool = False

    def _frame_and_hop(self, sampling_rate):
        """Return the length of a frame and the step between frames in timepoints."""
        if not self.scaled_to_rate:
            return 2048, 512
        return int(2048 * sampling_rate / 44100), int(sampling_rate / 100)


LSD_CONVENTIONS = {
    # NU-Wave 2, AERO, AP-BWE
    "log10": LSDConvention(),
    # Kuleshov et al. 2017, equation (3), and Table 2 (its unit inferred from their audio)
    "kuleshov2017": LSDConvention(log="natural"),
    # the same authors' script: axes swapped, floor added, capped
    "kuleshov2017_code": LSDConvention(
        log="natural", floor_added=True, root_over="frames", cap=10.0
    ),
    # ssr_eval and those who use it (A2SB, SpeechScore)
    "ssr_eval": LSDConvention(floor=1e-12, scaled_to_rate=True),
}


@validate_params(
    {
        "convention": [StrOptions(set(LSD_CONVENTIONS))],
        "band": [StrOptions({"full", "lowband", "highband"})],
        "upsampling_ratio": [Interval(Real, 1, None, closed="neither"), None],
        "sampling_rate": [Interval(Real, 0, None, closed="neither"), None],
        "sample_weight": ["array-like", None],
        "average": [StrOptions({"clips"}), None],
    },
    prefer_skip_nested_validation=True,
)
def lsd_distance(
    y_true,
    y_pred,
    *,
    convention="log10",
    band="full",
    upsampling_ratio=None,
    sampling_rate=None,
    sample_weight=None,
    average="clips",
):
    """Distance of two log power spectra: lower is better, 0 for identical clips.

    Parameters
    ----------
    y_true, y_pred : containers of clips
        Wideband clips and their predictions, of the same lengths and channels.
    convention : {"log10", "kuleshov2017", "kuleshov2017_code", "ssr_eval"}, default="log10"
        Which of the ways in print (see Notes). Values of different conventions can't be compared.
    band : {"full", "lowband", "highband"}, default="full"
        Frequencies that count: all, those up to the narrowband Nyquist frequency, or those above
        it.
    upsampling_ratio : float, default=None
        Wideband over narrowband rate; needed by "lowband" and "highband".
    sampling_rate : float, default=None
        Wideband rate in Hz; needed by the convention "ssr_eval".
    sample_weight : array-like of shape (n_clips,), default=None
        Weights of the clips in the mean.
    average : {"clips"} or None, default="clips"
        "clips" gives the mean over clips, None one value for each clip.

    Returns
    -------
    lsd : float or ndarray of shape (n_clips,)
        The distance, at least 0; a clip's value is the mean over its channels.

    Raises
    ------
    ValueError
        If a band or convention lacks the argument that it needs.

    Notes
    -----
    All take a periodic Hann window, centred frames, reflected at the ends (a clip too short to
    reflect is padded with zeros first), and no normalisation.

    ===================  =======  ==========================  ===========  =====================
    convention           log      frame / hop (timepoints)    floor        root over, mean over
    ===================  =======  ==========================  ===========  =====================
    "log10"              log10    2048 / 512                  clamp 1e-8   frequency, frames
    "kuleshov2017"       natural  2048 / 512                  clamp 1e-8   frequency, frames
    "kuleshov2017_code"  natural  2048 / 512                  add 1e-8     frames, frequency;
                                                                           at most 10
    "ssr_eval"           log10    2048 rate / 44100,          clamp 1e-12  frequency, frames
                                  rate / 100
    ===================  =======  ==========================  ===========  =====================

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.metrics import lsd_distance
    >>> y_true = np.random.default_rng(0).standard_normal((1, 16000))
    >>> round(lsd_distance(y_true, 0.1 * y_true), 6)  # 20 dB is 2 in log10 of power
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
    frame, hop = conv._frame_and_hop(sampling_rate)
    if hop < 1:
        raise ValueError(
            f'convention="{convention}" needs a sampling_rate of at least 100 Hz, got '
            f"{sampling_rate}: pass the wideband rate in Hz."
        )
    bins = _band_bins(band, frame, upsampling_ratio)

    def _channel_mean(true, pred):
        pairs = zip(true, pred, strict=True)
        return np.mean([_waveform_lsd(t, p, conv, frame, hop, bins) for t, p in pairs])

    return compare_clips(y_true, y_pred, sample_weight, average, _channel_mean)


def _band_bins(band, frame, upsampling_ratio):
    """Slice of the frequency bins of one band; the narrowband Nyquist bin is lowband."""
    if band == "full":
        return slice(None)
    first_highband = int(np.floor(frame / (2 * upsampling_ratio))) + 1
    if first_highband > frame // 2:
        raise ValueError(
            f"upsampling_ratio must leave a highband in frames of {frame} timepoints, got "
            f"{upsampling_ratio}: pass the wideband over the narrowband rate, 2 or more."
        )
    return slice(first_highband) if band == "lowband" else slice(first_highband, None)


def _waveform_lsd(true, pred, conv, frame, hop, bins):
    """Distance of two waveforms of shape (n_timepoints,)."""
    true, pred = _pad_centred(true, frame), _pad_centred(pred, frame)
    window = signal.get_window("hann", frame)  # periodic
    n_frames = (len(true) - frame) // hop + 1
    total, count = 0.0, 0
    for start in range(0, n_frames, _N_FRAMES):
        frames = slice(start, min(start + _N_FRAMES, n_frames))
        difference = _log_power(true, window, hop, frames, conv)[:, bins]
        difference -= _log_power(pred, window, hop, frames, conv)[:, bins]
        np.square(difference, out=difference)
        if conv.root_over == "frequency":
            total = total + np.sqrt(difference.mean(axis=1)).sum()
        else:
            total = total + difference.sum(axis=0)
        count += len(difference)
    mean = total / count
    if conv.root_over == "frames":
        mean = np.sqrt(mean).mean()
    return min(float(mean), conv.cap)


def _pad_centred(waveform, frame):
    half = frame // 2
    if len(waveform) <= half:  # too short to reflect
        waveform = np.pad(waveform, (0, half + 1 - len(waveform)))
    return np.pad(waveform, half, mode="reflect")


def _log_power(padded, window, hop, frames, conv):
    """Log power spectra of some frames, shape (n_frames, len(window) // 2 + 1)."""
    framed = np.lib.stride_tricks.sliding_window_view(padded, len(window))[::hop][frames]
    spectrum = fft.rfft(framed * window, axis=-1)
    power = spectrum.real**2 + spectrum.imag**2
    power = power + conv.floor if conv.floor_added else np.maximum(power, conv.floor)
    return np.log10(power) if conv.log == "log10" else np.log(power)
