"""Vary recordings in voice, microphone, level and noise, and make narrowband clips of them."""

import numpy as np
from sklearn.pipeline import make_pipeline

from sklearn_audiosr.augmentation import (
    AddNoiseFloor,
    ChangeLevel,
    ChangeMicrophone,
    ChangeSpeed,
    CutBandEdge,
    RotatePhase,
    ShiftFormants,
)
from sklearn_audiosr.degradation import AddNoise, Codec, Decimator, Telephone, trim_clips

# Slower only for recordings of a higher rate: others would have nothing at the end of the band.
_SLOWEST, _FASTEST = 0.8, 1.25

# Where the band ends behind soxr's resampler, quality "VHQ".
_EDGE = 0.956

# Share of the varied clips that get a noise floor, and its levels in dB relative to full scale:
# from the rounding of 16 bits to an audible hiss.
_NOISY_SHARE, _FLOORS = 0.4, (-95.0, -55.0)

# Factors of formants, gains of a microphone and a room in dB, and of a clip's level.
_FORMANTS, _COLOR_DB, _GAINS = (0.88, 1.14), 4.0, (-12.0, 6.0)

# Noise in the room: signal-to-noise ratios in dB. Compression levels of codecs.
_NOISE_SNRS, _COMPRESSION_LEVELS = (5.0, 45.0), (0.0, 0.99)

# Filters before the damage (numbers as in `decimate`): most coded recordings were resampled.
_DAMAGED_MAKERS = (0, 1, 2, 2)

# Narrowband rate of a telephone line in Hz; its laws, half of the time none (the band alone); and
# the gain before codecs and lines, so that they don't clip.
_TELEPHONE_RATE, _LAWS, _HEADROOM = 8000, (None, None, "mulaw", "alaw"), 0.5

# A resampler's low-pass: narrowband timepoints on each side, and cut-off.
_RESAMPLER_ORDERS, _RESAMPLER_CUTOFFS = (6, 64), (0.9, 1.0)


def augment(
    clips,
    rates,
    rate,
    ratio,
    seed,
    *,
    varied_share,
    random_filter_share,
    noisy_share=0.0,
    damaged_share=0.0,
    warped_share=0.0,
    edged_share=0.25,
    fuller_edged_share=0.7,
):
    """Vary wideband clips and make narrowband ones of them.

    Parameters
    ----------
    clips : list of ndarray of shape (n_timepoints,)
        Wideband recordings.
    rates : list of float
        Their sampling rates in Hz, none below `rate`.
    rate : float
        Sampling rate of the wideband clips in Hz.
    ratio : int
        Upsampling ratio.
    seed : int
        0 leaves the wideband clips as they are; those of a higher rate are only resampled.
    varied_share : float
        Share of the clips that are varied; the others only have their phases turned. Recordings of
        a higher rate are always varied, because there are few.
    random_filter_share : float
        Share of the clips that are decimated by a random filter, half of them by one like a
        resampler's; the others by the paper's.
    noisy_share : float
        Share of the wideband clips that get noise, and so do their narrowband clips: noise is not
        ours to remove.
    damaged_share : float
        Share of the narrowband clips that go through a codec or a telephone line. Before that, the
        paper's filter decimates a quarter of them, a random one another quarter, and a resampler's
        half; a telephone line decimates by itself.
    warped_share : float
        Share of the varied clips whose formants are moved.
    edged_share : float
        Share of the varied clips that lose the end of their band, from 0.94 of it on, as behind
        most resamplers. Lower frequencies do not show whether a recording was resampled: models
        expect of every voice what they have heard.
    fuller_edged_share : float
        The same for recordings of a higher rate.

    Returns
    -------
    X, Y : list of ndarray, float32
        Narrowband clips and their wideband clips.
    """
    rng = np.random.default_rng(seed)
    if seed == 0:
        clips = bring_down(clips, rates, rate)
    else:
        clips = vary(
            clips, rates, rate, rng, varied_share=varied_share, warped_share=warped_share,
            edged_share=edged_share, fuller_edged_share=fuller_edged_share,
        )  # fmt: skip
    noisy, drawn, damaged = (
        rng.random(len(clips)) < share
        for share in (noisy_share, random_filter_share, damaged_share)
    )
    clips = [add_noise(clips[i], rng) if noisy[i] else clips[i] for i in range(len(clips))]
    Y = trim_clips([store(clip) for clip in clips], ratio)
    makers = np.where(drawn, rng.integers(1, 3, len(Y)), 0)
    makers = np.where(damaged, rng.choice(_DAMAGED_MAKERS, len(Y)), makers)
    X = [decimate(y, ratio, maker, rng) for y, maker in zip(Y, makers, strict=True)]
    for i in np.flatnonzero(damaged):
        X[i] = damage(X[i], Y[i], rate, ratio, rng)
    return X, Y


def decimate(y, ratio, maker, rng):
    """Decimate a clip by the paper's filter (0), a random one (1) or a resampler's (2).

    Resamplers keep nearly all of the band, and codecs then cut it. The end of the band then differs
    from that behind the paper's filter, though both look equally empty.
    """
    makers = (
        Decimator(ratio),
        Decimator(ratio, filter="random", random_state=int(rng.integers(2**31))),
        Decimator(
            ratio,
            filter="fir",
            order=int(rng.integers(*_RESAMPLER_ORDERS)),
            cutoff=rng.uniform(*_RESAMPLER_CUTOFFS),
        ),
    )
    return makers[maker].fit_transform([y])[0]


def add_noise(clip, rng):
    """Return a clip with noise of the room."""
    noise = AddNoise(_NOISE_SNRS, color="random", random_state=int(rng.integers(2**31)))
    return noise.fit_transform([clip])[0]


def damage(x, y, rate, ratio, rng):
    """Return the narrowband clip `x` after a codec, or `y` after a telephone line."""
    seed = int(rng.integers(2**31))
    codec = Codec(
        "random",
        sampling_rate=rate / ratio,
        compression_level=_COMPRESSION_LEVELS,
        random_state=seed,
    )
    lines = [(x, codec), (x, codec)]  # twice: there are many codecs
    if rate / ratio == _TELEPHONE_RATE:
        law = _LAWS[rng.integers(len(_LAWS))]
        lines.append((y, Telephone(ratio, sampling_rate=rate, law=law)))  # it decimates
    clip, line = lines[rng.integers(len(lines))]
    (damaged,) = line.fit_transform([_HEADROOM * clip])
    return damaged / np.float32(_HEADROOM)


def bring_down(clips, rates, rate):
    """Resample clips of a higher rate to `rate`, without the end of the band; keep the others."""
    return [
        clip
        if clip_rate == rate
        else make_pipeline(
            ChangeSpeed(1.0, sampling_rate=clip_rate, target_rate=rate), CutBandEdge(_EDGE)
        ).fit_transform([clip])[0]
        for clip, clip_rate in zip(clips, rates, strict=True)
    ]


def vary(clips, rates, rate, rng, *, varied_share, warped_share, edged_share, fuller_edged_share):
    """Return clips at `rate`: varied, or only with their phases turned; see `augment`."""
    rates = np.asarray(rates)
    varied = (rng.random(len(clips)) < varied_share) | (rates > rate)
    results = [None] * len(clips)
    for clip_rate in np.unique(rates):
        share = edged_share if clip_rate == rate else fuller_edged_share
        seed = int(rng.integers(2**31))
        variations = make_variations(clip_rate, rate, seed, warped_share, share)
        for chosen, steps in [(varied, variations), (~varied, RotatePhase(random_state=seed))]:
            numbers = np.flatnonzero(chosen & (rates == clip_rate))
            if len(numbers):
                changed = steps.fit_transform([clips[i] for i in numbers])
                for i, clip in zip(numbers, changed, strict=True):
                    results[i] = clip
    return results


def make_variations(clip_rate, rate, seed, warped_share, edged_share):
    """Return a transformer from clips at `clip_rate` to varied clips at `rate`.

    Another voice (speed, formants), microphone and level; some clips get a noise floor.
    """
    return make_pipeline(
        AddNoiseFloor(_FLOORS, p=_NOISY_SHARE, random_state=seed),
        ChangeSpeed(
            (max(_SLOWEST, rate / clip_rate), _FASTEST),
            sampling_rate=clip_rate, target_rate=rate, random_state=seed,
        ),
        CutBandEdge(_EDGE, p=edged_share, random_state=seed),
        ShiftFormants(_FORMANTS, sampling_rate=rate, p=warped_share, random_state=seed),
        ChangeMicrophone(_COLOR_DB, random_state=seed),
        RotatePhase(random_state=seed),
        ChangeLevel(_GAINS, random_state=seed),
    )  # fmt: skip


def store(clip):
    """Bring a clip that exceeds full scale down to it, and round it as a file of 16 bits does."""
    clip = clip / max(1.0, np.abs(clip).max())
    return (np.round(clip * 2**15) / 2**15).astype(np.float32)
