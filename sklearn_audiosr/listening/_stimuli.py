"""From systems and recordings to the stimuli of a MUSHRA test, Recommendation ITU-R BS.1534-3."""

import unicodedata
import warnings
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval, validate_params

from sklearn_audiosr._clips import Clips
from sklearn_audiosr._pairs import check_pairs
from sklearn_audiosr.listening._loudness import MAX_CHANNELS
from sklearn_audiosr.listening._signals import leave_headroom, low_pass, match_loudness, stretch

REFERENCE, LOW_ANCHOR, MID_ANCHOR = "hidden reference", "low anchor", "mid anchor"
NARROWBAND = "narrowband"

ANCHORS = {LOW_ANCHOR: 3500, MID_ANCHOR: 7000}  # cut-off in Hz, sec. 5.1

MAX_SIGNALS = 12  # in a trial, sec. 5.3
MIN_SECONDS, MAX_SECONDS = 0.5, 12.0  # the shortest loop, sec. 5.3; the longest clip, sec. 5.1

# Chromium's decoder attenuates 7 kHz of a file at 16 kHz by 3.6 dB: files have a device's rate.
_LEAST_PLAYBACK_RATE, _PLAYBACK_RATE = 44100, 48000


@dataclass(frozen=True, eq=False)
class Stimuli:
    """Stimuli of a test, as they will be played: see `make_stimuli`."""

    clips: dict[str, dict[str, np.ndarray]]
    systems: tuple[str, ...]
    sampling_rate: int
    wideband_rate: int
    loudness: float


@validate_params(
    {
        "systems": [dict],
        "Y": "no_validation",
        "X": "no_validation",
        "sampling_rate": [Interval(Integral, 1, None, closed="left")],
        "names": ["array-like", None],
        "narrowband": ["boolean"],
        "loudness": [Interval(Real, -60, 0, closed="both")],
    },
    prefer_skip_nested_validation=True,
)
def make_stimuli(
    systems, Y, X=None, *, sampling_rate, names=None, narrowband=False, loudness=-23.0
):
    """Make the stimuli of a MUSHRA test [1]_ from systems and recordings.

    Each recording is given to each system; the hidden reference and the low-pass anchors are
    added, and all are matched in loudness.

    Parameters
    ----------
    systems : dict of str to estimator, callable or container of clips
        What is to be compared, by the names that the results will show: fitted estimators, whose
        ``predict(X)`` is taken, other functions of `X`, or wideband clips that are ready.
    Y : container of clips
        The recordings: wideband, mono or stereo, of 0.5 to 12 s each (longer ones are warned of),
        in any unit.
    X : container of clips, default=None
        The same, narrowband: for example ``Decimator(4).transform(Y)``. None if all systems are
        clips.
    sampling_rate : int
        Rate of the wideband clips in Hz, above 7000. Above 14000 a mid anchor (7 kHz) joins the
        low anchor (3.5 kHz).
    names : array-like of str of shape (n_recordings,), default=None
        Names of the recordings in the results; None numbers them.
    narrowband : bool, default=False
        Add the narrowband clips as they are, as a condition "narrowband". They are played through
        a band-limited resampler (soxr), as a sound card plays them: nothing is above their
        Nyquist frequency.
    loudness : float, default=-23.0
        Loudness of all stimuli in LUFS (`integrated_loudness`). If any of them would exceed a true
        peak of -1 dB, those of all recordings are made as much quieter.

    Returns
    -------
    stimuli : Stimuli
        For `make_listening_test` and `export_webmushra`, with the attributes

        clips : dict of str to dict of str to ndarray of shape (n_channels, n_timepoints)
            By recording and system: float32, at the rate at which they will be played.
        systems : tuple of str
            "hidden reference", "narrowband" if asked for, the names of `systems`, "low anchor" and
            "mid anchor".
        sampling_rate : int
            Of the clips, in Hz: 48000, or that of the recordings from 44100 on.
        wideband_rate : int
            Of the recordings, in Hz.
        loudness : float
            That was reached, in LUFS.

    Raises
    ------
    ValueError
        If a clip has the wrong length, rate or number of channels, is silent or not finite, if a
        name is empty, taken or given twice, or if a trial would have more than 12 signals.
    TypeError
        If a container of clips is none.

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
    Loudness is matched over the whole band by a gain alone, so bandwidths stay as they are. An
    output more than about 47 dB quieter than its recording counts as silent.

    Recordings below 44.1 kHz are resampled to 48 kHz here, by soxr: a browser's own resampling
    may cost some dB near the Nyquist frequency, which is what such a test is about.

    The Recommendation gives the mask of the low anchor's filter, which is kept with a margin; the
    mid anchor has the same shape, which falls from 7 kHz to 60 dB at 8 kHz. At a sampling rate of
    16 kHz it lacks no more than a part of what lies between 7 and 8 kHz, and many listeners will
    not hear that: see `analyze` for what follows.

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
    sampling_rate = int(sampling_rate)  # a NumPy integer is no JSON
    anchors = _find_anchors(sampling_rate)
    _check_systems(systems, narrowband, len(anchors))
    recordings = _check_recordings(Y, sampling_rate)
    names = check_names(names, len(recordings))
    outputs = {name: _run(name, system, X, recordings) for name, system in systems.items()}
    if narrowband:
        outputs = {NARROWBAND: _check_sources(X, recordings), **outputs}
    rate = sampling_rate if sampling_rate >= _LEAST_PLAYBACK_RATE else _PLAYBACK_RATE
    trials = {}
    for i, name in enumerate(names):
        n_timepoints = round(recordings[i].shape[-1] * rate / sampling_rate)
        reference = stretch(recordings[i], n_timepoints)
        trial = {REFERENCE: reference}
        trial |= {system: stretch(clips[i], n_timepoints) for system, clips in outputs.items()}
        trial |= {anchor: low_pass(reference, ANCHORS[anchor], rate) for anchor in anchors}
        trials[name] = match_loudness(trial, name, rate, loudness)
    trials, gain = leave_headroom(trials)
    systems = (REFERENCE, *outputs, *anchors)
    return Stimuli(trials, systems, rate, sampling_rate, loudness + 20 * np.log10(gain))


def _find_anchors(sampling_rate):
    anchors = [name for name, cutoff in ANCHORS.items() if sampling_rate > 2 * cutoff]
    if not anchors:
        raise ValueError(
            f"sampling_rate must be above {2 * ANCHORS[LOW_ANCHOR]} Hz, got {sampling_rate}: a "
            "MUSHRA test needs a low anchor, a low-pass at 3.5 kHz."
        )
    return anchors


def _check_systems(systems, narrowband, n_anchors):
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


def _is_name(text):
    """Tell whether a text is not blank and on one line; joiners, as in Persian, may be in it."""
    controls = {"Cc", "Cs", "Zl", "Zp"}  # control characters, lone surrogates, separators of lines
    return bool(text.strip()) and not controls & set(map(unicodedata.category, text))


def _check_recordings(Y, sampling_rate):
    recordings = [np.atleast_2d(clip) for clip in Clips(Y, "Y", np.float64)]
    for i, clip in enumerate(recordings):
        seconds = clip.shape[-1] / sampling_rate
        if len(clip) > MAX_CHANNELS:
            raise ValueError(f"Y[{i}] must be mono or stereo, got {len(clip)} channels: fold it.")
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
                stacklevel=4,  # past validate_params
            )
        if not clip.any():
            raise ValueError(f"Y[{i}] must not be silent, got zeros only: leave it out.")
    return recordings


def check_names(names, n_recordings):
    """Return the names of recordings as a list of distinct str."""
    if names is None:
        return [f"recording {i}" for i in range(1, n_recordings + 1)]
    names = [str(name) for name in names]
    if not all(map(_is_name, names)) or len(set(names)) != len(names) or len(names) != n_recordings:
        raise ValueError(
            f"names must hold one name on one line for each of the {n_recordings} recordings, all "
            f"different, got {names}."
        )
    return names


def _run(name, system, X, recordings):
    """Clips of one system, each as long as its recording."""
    title = f"systems[{name!r}]"
    run = getattr(system, "predict", system)
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


def _shapes(clips):
    shown = ", ".join(str(clip.shape) for clip in clips[:3])
    return shown + (", ..." if len(clips) > 3 else "")


def _check_sources(X, recordings):
    if X is None:
        raise ValueError("X must hold the narrowband clips for narrowband=True, got None.")
    sources, _, _ = check_pairs(X, recordings, dtype=np.float64)
    return list(sources)
