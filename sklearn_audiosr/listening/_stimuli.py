"""Make the stimuli of a MUSHRA test, Recommendation ITU-R BS.1534-3."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from sklearn_audiosr._clips import Clips, ClipsLike
from sklearn_audiosr._pairs import check_pairs
from sklearn_audiosr._validation import validated
from sklearn_audiosr.listening._loudness import MAX_CHANNELS
from sklearn_audiosr.listening._signals import leave_headroom, low_pass, match_loudness, stretch

REFERENCE, LOW_ANCHOR, MID_ANCHOR = "hidden reference", "low anchor", "mid anchor"
NARROWBAND = "narrowband"

ANCHORS = {LOW_ANCHOR: 3500, MID_ANCHOR: 7000}  # cut-off in Hz, sec. 5.1

MAX_SIGNALS = 12  # in a trial, sec. 5.3
MIN_SECONDS, MAX_SECONDS = 0.5, 12.0  # the shortest loop, sec. 5.3; the longest clip, sec. 5.1

# Files have the rate of a device: Chromium attenuates 7 kHz of a file at 16 kHz by 3.6 dB.
_LEAST_PLAYBACK_RATE, _PLAYBACK_RATE = 44100, 48000


class _Predicts(Protocol):
    def predict(self, X: Any) -> Any: ...


# What can be compared: an estimator, a function of narrowband clips, or wideband clips.
System: TypeAlias = _Predicts | Callable[[Any], Any] | ClipsLike


@dataclass(frozen=True, eq=False)
class Stimuli:
    """Stimuli of a test as they will be played; `make_stimuli` describes the attributes."""

    clips: dict[str, dict[str, np.ndarray]]
    systems: tuple[str, ...]
    sampling_rate: int
    wideband_rate: int
    loudness: float


@validated(
    {
        "systems": [dict],
        "Y": "no_validation",
        "X": "no_validation",
        "sampling_rate": [Interval(Integral, 1, None, closed="left")],
        "names": ["array-like", None],
        "narrowband": ["boolean"],
        "loudness": [Interval(Real, -60, 0, closed="both")],
    }
)
def make_stimuli(
    systems: Mapping[str, System],
    Y: ClipsLike,
    X: ClipsLike | None = None,
    *,
    sampling_rate: int,
    names: Sequence[str] | None = None,
    narrowband: bool = False,
    loudness: float = -23.0,
) -> Stimuli:
    """Make the stimuli of a MUSHRA test [1]_ from systems and recordings.

    Each system restores each recording. The hidden reference and the low-pass anchors are added,
    and all stimuli are matched in loudness.

    Parameters
    ----------
    systems : dict of str to estimator, callable or container of clips
        The systems to compare, by the names that the results will show: fitted estimators, whose
        ``predict(X)`` is taken, other functions of `X`, or wideband clips.
    Y : container of clips
        The recordings: wideband, mono or stereo, of 0.5 to 12 s each (longer ones cause a warning),
        in any unit.
    X : container of clips, default=None
        The same recordings, narrowband: for example ``Decimator(4).transform(Y)``. May be None if
        all systems are clips.
    sampling_rate : int
        Rate of the wideband clips in Hz, above 7000. Up to 14000 there is a low anchor (3.5 kHz)
        only, above that a mid anchor (7 kHz) too.
    names : array-like of str of shape (n_recordings,), default=None
        Names of the recordings in the results; None numbers them.
    narrowband : bool, default=False
        Add the narrowband clips as a system "narrowband". A band-limited resampler (soxr) brings
        them to the rate of the device, as a sound card does, so nothing is above their Nyquist
        frequency.
    loudness : float, default=-23.0
        Loudness of all stimuli in LUFS (`integrated_loudness`). If the true peak of one would
        exceed -1 dB, one gain makes all stimuli of all recordings quieter.

    Returns
    -------
    stimuli : Stimuli
        For `make_listening_test` and `export_webmushra`, with the attributes

        clips : dict of str to dict of str to ndarray of shape (n_channels, n_timepoints)
            Clips by recording and system: float32, at the rate at which they will be played.
        systems : tuple of str
            "hidden reference", "narrowband" if asked for, the names of `systems`, "low anchor" and
            "mid anchor".
        sampling_rate : int
            Rate of the clips in Hz: 48000, or the rate of the recordings if that is at least 44100.
        wideband_rate : int
            Rate of the recordings in Hz.
        loudness : float
            Loudness of the clips in LUFS.

    Raises
    ------
    ValueError
        If a clip has the wrong length, rate or number of channels, is silent or not finite, if a
        name is empty, taken or given twice, or if a trial would have more than 12 signals.
    TypeError
        If `Y`, `X` or the output of a system is not a container of clips.

    Warns
    -----
    UserWarning
        If a recording is longer than 12 s.

    See Also
    --------
    make_listening_test : Writes a test that runs in a browser.
    make_table_1_stimuli : The paper's listening test.

    Notes
    -----
    A gain alone matches the loudness, so bandwidths do not change. An output that is more than
    about 47 dB quieter than its recording counts as silent.

    soxr resamples recordings below 44.1 kHz to 48 kHz. A browser's own resampling may cost some dB
    near the Nyquist frequency, the band that such a test is about.

    The filter of the low anchor meets the mask of the Recommendation with a margin. That of the mid
    anchor has the same shape and falls from 7 kHz to 60 dB at 8 kHz. At a sampling rate of 16 kHz
    the mid anchor lacks only a part of the band from 7 to 8 kHz, which many listeners do not hear:
    see `analyze` for how such recordings are treated.

    References
    ----------
    .. [1] Recommendation ITU-R BS.1534-3, "Method for the subjective assessment of intermediate
       quality level of audio systems", 2015.

    Examples
    --------
    >>> from sklearn_audiosr import SplineUpsampler
    >>> from sklearn_audiosr.datasets import load_speech
    >>> from sklearn_audiosr.degradation import Decimator
    >>> from sklearn_audiosr.listening import make_stimuli
    >>> Y = load_speech().clips[:2]
    >>> X = Decimator(upsampling_ratio=4).transform(Y)
    >>> spline = SplineUpsampler().fit(X, Y)
    >>> stimuli = make_stimuli({"spline": spline}, Y, X, sampling_rate=16000)
    >>> stimuli.systems
    ('hidden reference', 'spline', 'low anchor', 'mid anchor')
    """
    sampling_rate = int(sampling_rate)  # JSON takes no NumPy integers
    anchors = _find_anchors(sampling_rate)
    _check_systems(systems, narrowband, len(anchors))
    recordings = _check_recordings(Y, sampling_rate)
    titles = check_names(names, len(recordings))
    outputs = {name: _run(name, system, X, recordings) for name, system in systems.items()}
    if narrowband:
        outputs = {NARROWBAND: _check_sources(X, recordings), **outputs}
    rate = sampling_rate if sampling_rate >= _LEAST_PLAYBACK_RATE else _PLAYBACK_RATE
    trials = {}
    for i, name in enumerate(titles):
        n_timepoints = round(recordings[i].shape[-1] * rate / sampling_rate)
        reference = stretch(recordings[i], n_timepoints)
        trial = {REFERENCE: reference}
        trial |= {system: stretch(output[i], n_timepoints) for system, output in outputs.items()}
        trial |= {anchor: low_pass(reference, ANCHORS[anchor], rate) for anchor in anchors}
        trials[name] = match_loudness(trial, name, rate, loudness)
    clips, gain = leave_headroom(trials)
    conditions = (REFERENCE, *outputs, *anchors)
    return Stimuli(clips, conditions, rate, sampling_rate, loudness + 20 * np.log10(gain))


def _find_anchors(sampling_rate: int) -> list[str]:
    anchors = [name for name, cutoff in ANCHORS.items() if sampling_rate > 2 * cutoff]
    if not anchors:
        raise ValueError(
            f"sampling_rate must be above {2 * ANCHORS[LOW_ANCHOR]} Hz, got {sampling_rate}: a "
            "MUSHRA test needs a low anchor, a low-pass at 3.5 kHz."
        )
    return anchors


def _check_systems(systems: Mapping[str, System], narrowband: bool, n_anchors: int) -> None:
    for name in systems:
        if not isinstance(name, str) or not _is_name(name):
            raise ValueError(
                f"systems must be named by text on one line, got {name!r}: name the conditions as "
                "the results are to show them."
            )
        if name in ("reference", REFERENCE, NARROWBAND, *ANCHORS):
            raise ValueError(
                f"systems must have other names than the conditions that are added, got {name!r}: "
                "rename it (narrowband=True adds the narrowband clips)."
            )
    n_signals = len(systems) + narrowband + 1 + n_anchors
    if n_signals > MAX_SIGNALS or not (systems or narrowband):
        raise ValueError(
            f"systems must be at least 1 and leave at most {MAX_SIGNALS} signals in a trial with "
            f"the hidden reference and the anchors, got {len(systems)} ({n_signals} signals): make "
            "several tests."
        )


def _is_name(text: str) -> bool:
    """Return whether a text is on one line and not blank; it may hold joiners, as in Persian."""
    controls = {"Cc", "Cs", "Zl", "Zp"}  # control characters, lone surrogates, separators of lines
    return bool(text.strip()) and not controls & set(map(unicodedata.category, text))


def _check_recordings(Y: ClipsLike, sampling_rate: int) -> list[NDArray[np.float64]]:
    recordings = [np.atleast_2d(clip) for clip in Clips(Y, "Y", np.float64)]
    for i, clip in enumerate(recordings):
        seconds = clip.shape[-1] / sampling_rate
        if len(clip) > MAX_CHANNELS:
            raise ValueError(
                f"Y[{i}] must be mono or stereo, got {len(clip)} channels: mix it down."
            )
        if seconds < MIN_SECONDS:
            raise ValueError(
                f"Y[{i}] must last at least {MIN_SECONDS} s, the shortest loop of the "
                f"Recommendation, got {seconds:.3g} s: take a longer excerpt."
            )
        if seconds > MAX_SECONDS:
            warnings.warn(
                f"Y[{i}] lasts {seconds:.3g} s. The Recommendation asks for about 10 s, at most "
                f"{MAX_SECONDS:g}, or a reason in the report: cut an excerpt.",
                UserWarning,
                stacklevel=4,  # the caller of make_stimuli, past the check of its parameters
            )
        if not clip.any():
            raise ValueError(f"Y[{i}] must not be silent, got zeros only: leave it out.")
    return recordings


def check_names(names: Sequence[str] | None, n_recordings: int) -> list[str]:
    """Return the names of recordings as a list of distinct strings."""
    if names is None:
        return [f"recording {i}" for i in range(1, n_recordings + 1)]
    names = [str(name) for name in names]
    if not all(map(_is_name, names)) or len(set(names)) != len(names) or len(names) != n_recordings:
        raise ValueError(
            f"names must hold one name on one line for each of the {n_recordings} recordings, all "
            f"different, got {names}."
        )
    return names


def _run(
    name: str, system: System, X: ClipsLike | None, recordings: list[NDArray[np.float64]]
) -> list[NDArray[np.float64]]:
    """Return the clips of one system, each as long as its recording."""
    title = f"systems[{name!r}]"
    run: Any = getattr(system, "predict", system)
    if callable(run):
        if X is None:
            raise ValueError(
                f"X must hold the narrowband clips that {title} restores, got None: pass "
                "degradation.Decimator(r).transform(Y), or ready clips in place of the system."
            )
        run = run(X)
    clips = list(Clips(run, title, np.float64))
    if [clip.shape for clip in clips] != [clip.shape for clip in recordings]:
        raise ValueError(
            f"{title} must give clips of the shapes of Y, {_shapes(recordings)}, got "
            f"{_shapes(clips)}: pass the narrowband clips of the same recordings as X and, of a "
            "pipeline that degrades, its last step, pipeline[-1]."
        )
    return clips


def _shapes(clips: Sequence[NDArray[Any]]) -> str:
    shown = ", ".join(str(clip.shape) for clip in clips[:3])
    return shown + (", ..." if len(clips) > 3 else "")


def _check_sources(
    X: ClipsLike | None, recordings: list[NDArray[np.float64]]
) -> list[NDArray[np.float64]]:
    if X is None:
        raise ValueError("X must hold the narrowband clips for narrowband=True, got None.")
    sources, _, _ = check_pairs(X, recordings, dtype=np.float64)
    return list(sources)
