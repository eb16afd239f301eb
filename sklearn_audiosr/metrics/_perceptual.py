"""Perceptual scores of speech, each by a package of its own: PESQ, STOI and ViSQOL."""

import warnings
from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from sklearn_audiosr.metrics._comparison import compare_clips
from sklearn_audiosr.metrics._waveforms import import_package, make_clip_score

_CONSTRAINTS = {
    "sampling_rate": [Interval(Real, 0, None, closed="neither")],
    "sample_weight": ["array-like", None],
    "average": [StrOptions({"clips"}), None],
}

# P.862.2 maps the lowest raw score, -0.5, to this one.
_LOWEST_PESQ = 1.04

# The pesq package crashes on more than 50 utterances. In the reference program these last, and
# lie apart, at least 0.19 s each: 50 of them fill more than 19 s.
_LONGEST_PESQ = 19

_VISQOL_RATES = {"speech": 16000, "audio": 48000}


@validate_params(_CONSTRAINTS, prefer_skip_nested_validation=True)
def pesq_score(y_true, y_pred, *, sampling_rate, sample_weight=None, average="clips"):
    """Perceptual evaluation of speech quality (PESQ), wide band: higher is better.

    Needs the package ``pesq``: ``pip install "sklearn-audiosr[metrics]"``.

    Parameters
    ----------
    y_true, y_pred : containers of clips
        Wideband clips of speech and their predictions, of the same lengths and channels.
    sampling_rate : float
        Wideband rate in Hz. Clips of other rates than 16000 Hz are resampled to it, so that
        nothing above 8 kHz is heard.
    sample_weight : array-like of shape (n_clips,), default=None
        Weights of the clips in the mean.
    average : {"clips"} or None, default="clips"
        "clips" gives the mean over clips, None one value for each clip.

    Returns
    -------
    pesq : float or ndarray of shape (n_clips,)
        Mean opinion score (MOS-LQO) from 1.04 to 4.64, which identical clips have; the mean over
        the channels of a clip. 1.04 for a silent prediction, nan for a reference that is silent or
        shorter than 0.25 s, which is left out of the mean.

    Raises
    ------
    ImportError
        If the package is not installed.

    Warns
    -----
    UndefinedMetricWarning
        If a clip has no value.

    Notes
    -----
    Recommendation ITU-T P.862.2 [1]_ by the package ``pesq``. It is made for speech of some
    seconds through a telephone network: a wrong level, or a delay, does not count. A clip longer
    than 19 s is scored in equal pieces, and has their mean, since the package cannot take more
    than 50 utterances.

    References
    ----------
    .. [1] Recommendation ITU-T P.862.2, "Wideband extension to Recommendation P.862 for the
       assessment of wideband telephone networks and speech codecs", 2007.

    Examples
    --------
    >>> from sklearn_audiosr.datasets import load_speech
    >>> from sklearn_audiosr.degradation import ideal_lowband
    >>> from sklearn_audiosr.metrics import pesq_score
    >>> clips = load_speech().clips[:1]
    >>> score = pesq_score(  # doctest: +SKIP
    ...     clips, ideal_lowband(clips, 4), sampling_rate=16000
    ... )
    >>> round(score, 1)  # doctest: +SKIP
    3.0
    """
    pesq = import_package("pesq", "pesq_score")

    def _measure(true, pred):
        # levels are aligned inside: the peaks only keep a quiet clip from underflow in float32
        true, pred = (waveform / np.abs(waveform).max() for waveform in (true, pred))
        try:
            return pesq.pesq(16000, true, pred, "wb")
        except (pesq.NoUtterancesError, pesq.BufferTooShortError):
            return np.nan

    score = make_clip_score(_measure, _LOWEST_PESQ, sampling_rate, 16000, longest=_LONGEST_PESQ)
    return compare_clips(
        y_true, y_pred, sample_weight, average, score,
        undefined="PESQ is undefined for a reference that is silent or too short",
    )  # fmt: skip


@validate_params({**_CONSTRAINTS, "extended": ["boolean"]}, prefer_skip_nested_validation=True)
def stoi_score(
    y_true, y_pred, *, sampling_rate, extended=False, sample_weight=None, average="clips"
):
    """Short-time objective intelligibility of speech (STOI): higher is better.

    Needs the package ``pystoi``: ``pip install "sklearn-audiosr[metrics]"``.

    Parameters
    ----------
    y_true, y_pred : containers of clips
        Wideband clips of speech and their predictions, of the same lengths and channels.
    sampling_rate : float
        Wideband rate in Hz, a whole number. The package resamples to 10 kHz and hears nothing
        above 4.3 kHz: from 8 kHz, whose lowband reaches 4 kHz, there is next to nothing to score.
    extended : bool, default=False
        The extended measure (ESTOI), for maskers that fluctuate.
    sample_weight : array-like of shape (n_clips,), default=None
        Weights of the clips in the mean.
    average : {"clips"} or None, default="clips"
        "clips" gives the mean over clips, None one value for each clip.

    Returns
    -------
    stoi : float or ndarray of shape (n_clips,)
        A correlation: 1 for identical clips, about 0 for unrelated ones; the mean over the
        channels of a clip. 0 for a silent prediction, nan for a reference that is silent or has
        less than 0.4 s of speech, which is left out of the mean.

    Raises
    ------
    ImportError
        If the package is not installed.
    ValueError
        If `sampling_rate` is no whole number.

    Warns
    -----
    UndefinedMetricWarning
        If a clip has no value.

    Notes
    -----
    Taal et al. [1]_, extended by Jensen and Taal [2]_, as the package ``pystoi`` computes it with
    its own resampling: other filters give other values (0.004 in one clip of speech).

    References
    ----------
    .. [1] C. H. Taal, R. C. Hendriks, R. Heusdens and J. Jensen, "An algorithm for intelligibility
       prediction of time-frequency weighted noisy speech", IEEE TASLP 19, 2011.
    .. [2] J. Jensen and C. H. Taal, "An algorithm for predicting the intelligibility of speech
       masked by modulated noise maskers", IEEE/ACM TASLP 24, 2016.

    Examples
    --------
    >>> from sklearn_audiosr.datasets import load_speech
    >>> from sklearn_audiosr.degradation import ideal_lowband
    >>> from sklearn_audiosr.metrics import stoi_score
    >>> clips = load_speech().clips[:1]
    >>> score = stoi_score(  # doctest: +SKIP
    ...     clips, ideal_lowband(clips, 4), sampling_rate=16000
    ... )
    >>> round(score, 2)  # doctest: +SKIP
    0.92
    """
    pystoi = import_package("pystoi", "stoi_score")
    if sampling_rate != int(sampling_rate):
        raise ValueError(
            f"sampling_rate must be a whole number of Hz for STOI, got {sampling_rate}: resample "
            "the clips first."
        )

    def _measure(true, pred):
        with warnings.catch_warnings():
            # it gives 1e-5 then, which looks like a score
            warnings.filterwarnings("error", "Not enough STFT frames", RuntimeWarning)
            try:
                return pystoi.stoi(true, pred, int(sampling_rate), extended=extended)
            except (RuntimeWarning, np.exceptions.AxisError):  # less than 30 frames, less than one
                return np.nan

    return compare_clips(
        y_true, y_pred, sample_weight, average, make_clip_score(_measure, 0.0, sampling_rate),
        undefined="STOI is undefined for a reference that is silent or too short",
    )  # fmt: skip


@validate_params(
    {**_CONSTRAINTS, "mode": [StrOptions(set(_VISQOL_RATES))]}, prefer_skip_nested_validation=True
)
def visqol_score(
    y_true, y_pred, *, sampling_rate, mode="speech", sample_weight=None, average="clips"
):
    """Virtual speech quality objective listener (ViSQOL): higher is better.

    Needs the package ``visqol-python``: ``pip install "sklearn-audiosr[metrics]"``.

    Parameters
    ----------
    y_true, y_pred : containers of clips
        Wideband clips in [-1, 1] and their predictions, of the same lengths and channels. The
        level of the reference counts: what is very quiet is not heard.
    sampling_rate : float
        Wideband rate in Hz. Clips of other rates than that of the mode are resampled to it.
    mode : {"speech", "audio"}, default="speech"
        "speech" at 16 kHz, of which it hears the frames with a voice in the reference; "audio" at
        48 kHz for music and everything else, up to 15 kHz.
    sample_weight : array-like of shape (n_clips,), default=None
        Weights of the clips in the mean.
    average : {"clips"} or None, default="clips"
        "clips" gives the mean over clips, None one value for each clip.

    Returns
    -------
    visqol : float or ndarray of shape (n_clips,)
        Mean opinion score (MOS-LQO) from 1; identical clips have 5 in mode "speech", 4.73 in mode
        "audio". The mean over the channels of a clip. 1 for a silent prediction, nan for a
        reference that is silent, too short (about 1 s) or has no voice, which is left out of the
        mean.

    Raises
    ------
    ImportError
        If the package is not installed.

    Warns
    -----
    UndefinedMetricWarning
        If a clip has no value.

    Notes
    -----
    Version 3 of ViSQOL [1]_ by the package ``visqol-python``, a port of the authors' program. In
    mode "speech" similarity is mapped to opinion by the program's exponential fit, not by its
    lattice network: the fit's 5 for identical clips is the scale of published tables of
    super-resolution, some of which are above what the network gives at most.

    It is slow: about as long as the clips last in mode "speech", several times that in mode
    "audio". ``pip install "visqol-python[accel]"`` makes it several times faster.

    References
    ----------
    .. [1] M. Chinen et al., "ViSQOL v3: an open source production ready objective speech and audio
       metric", QoMEX 2020. https://arxiv.org/abs/2004.09584

    Examples
    --------
    >>> from sklearn_audiosr.datasets import load_speech
    >>> from sklearn_audiosr.degradation import ideal_lowband
    >>> from sklearn_audiosr.metrics import visqol_score
    >>> clips = [load_speech().clips[0][:32000]]
    >>> score = visqol_score(  # doctest: +SKIP
    ...     clips, ideal_lowband(clips, 4), sampling_rate=16000
    ... )
    >>> round(score, 1)  # doctest: +SKIP
    3.0
    """
    api = import_package("visqol", "visqol_score").VisqolApi()
    api.create(mode=mode, use_lattice_model=False)
    rate = _VISQOL_RATES[mode]

    def _measure(true, pred):
        try:
            return api.measure_from_arrays(true, pred, rate).moslqo
        except (IndexError, ValueError):  # its signs of a clip without a single patch to compare
            return np.nan

    return compare_clips(
        y_true, y_pred, sample_weight, average, make_clip_score(_measure, 1.0, sampling_rate, rate),
        undefined="ViSQOL is undefined for a reference that is silent, too short or has no voice",
    )  # fmt: skip
