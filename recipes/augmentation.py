"""Other voices, levels, rooms, filters and lines out of the recordings there are."""

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

# Slower only where there is more above the band: else they would have nothing at its end.
_SLOWEST, _FASTEST = 0.8, 1.25

# Where the band ends behind soxr's resampler, quality "VHQ".
_EDGE = 0.956

# How many varied clips get a noise floor, and its levels in dB below full scale: from the rounding
# of 16 bits to a hiss that is heard.
_NOISY_SHARE, _FLOORS = 0.4, (-95.0, -55.0)

# Factors of formants, gains of a microphone and a room in dB, and of a clip's level.
_FORMANTS, _COLOR_DB, _GAINS = (0.88, 1.14), 3.0, (-12.0, 6.0)

# Of narrowband clips that are damaged: signal to noise in dB, and compression levels of codecs.
_NOISE_SNRS, _COMPRESSION_LEVELS = (15.0, 45.0), (0.0, 0.99)

# What damaged clips were decimated by before (see `decimate`): what is coded mostly comes out of
# resamplers.
_DAMAGED_MAKERS = (0, 1, 2, 2)

# Narrowband rate of a telephone line in Hz, its laws, half of the time its band alone, and what
# codecs and lines leave to their full scale.
_TELEPHONE_RATE, _LAWS, _HEADROOM = 8000, (None, None, "mulaw", "alaw"), 0.5

# Of a resampler's low-pass: the narrowband timepoints to each side, and its cut-off.
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
        0 leaves the wideband clips as they are, but for those of a higher rate.
    varied_share : float
        How many clips are varied; the others have their phases turned only. Recordings of a higher
        rate always are: there are few.
    random_filter_share : float
        How many clips are decimated by a filter drawn at random, half of them as resamplers do;
        the others by the paper's.
    damaged_share : float
        How many narrowband clips have gone through a codec or a telephone line, or got noise. What
        they were decimated by before is the paper's filter in a quarter of them, a random one in
        another, and a resampler's in half; a telephone line decimates by itself.
    warped_share : float
        How many of the clips that are varied have their formants moved, too.
    edged_share : float
        How many of the clips that are varied lose the end of their band, from 0.94 of it on, as
        most resamplers have it. What is below does not tell whether a recording was resampled:
        models expect what they have heard, of every voice.
    fuller_edged_share : float
        The same of recordings of a higher rate.

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
    Y = trim_clips([store(clip) for clip in clips], ratio)
    drawn, damaged = (rng.random(len(Y)) < share for share in (random_filter_share, damaged_share))
    makers = np.where(drawn, rng.integers(1, 3, len(Y)), 0)
    makers = np.where(damaged, rng.choice(_DAMAGED_MAKERS, len(Y)), makers)
    X = [decimate(y, ratio, maker, rng) for y, maker in zip(Y, makers, strict=True)]
    for i in np.flatnonzero(damaged):
        X[i] = damage(X[i], Y[i], rate, ratio, rng)
    return X, Y


def decimate(y, ratio, maker, rng):
    """Return the narrowband clip, by the paper's filter (0), a random one (1) or a resampler's (2).

    Resamplers keep nearly all of the band, which codecs then cut: behind a codec its end is not as
    it is behind the paper's filter, though both look as empty.
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


def damage(x, y, rate, ratio, rng):
    """Return what noise, a codec or a telephone line leaves of a clip, narrowband and wideband."""
    seed = int(rng.integers(2**31))
    codec = Codec(
        "random",
        sampling_rate=rate / ratio,
        compression_level=_COMPRESSION_LEVELS,
        random_state=seed,
    )
    noise = AddNoise(_NOISE_SNRS, color="random", random_state=seed)
    lines = [(x, noise), (x, codec), (x, codec)]  # codecs are many
    if rate / ratio == _TELEPHONE_RATE:
        law = _LAWS[rng.integers(len(_LAWS))]
        lines.append((y, Telephone(ratio, sampling_rate=rate, law=law)))  # it decimates
    clip, line = lines[rng.integers(len(lines))]
    (damaged,) = line.fit_transform([_HEADROOM * clip])
    return damaged / np.float32(_HEADROOM)


def bring_down(clips, rates, rate):
    """Bring clips of a higher rate down to `rate`, without the end of the band; keep the others."""
    return [
        clip
        if clip_rate == rate
        else make_pipeline(
            ChangeSpeed(1.0, sampling_rate=clip_rate, target_rate=rate), CutBandEdge(_EDGE)
        ).fit_transform([clip])[0]
        for clip, clip_rate in zip(clips, rates, strict=True)
    ]


def vary(clips, rates, rate, rng, *, varied_share, warped_share, edged_share, fuller_edged_share):
    """Return clips at `rate`: varied, or with their phases turned only; see `augment`."""
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
