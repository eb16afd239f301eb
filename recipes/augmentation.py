"""Other voices, levels, rooms, filters and lines out of the recordings there are."""

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import istft, resample, stft

from sklearn_audiosr.degradation import AddNoise, Codec, Decimator, Telephone, trim_clips

# Slower only where there is more above the band: else they would have nothing at its end.
_SPEEDS = (0.8, 1.25)

# Of a voice: by how much its formants lie higher, in frames of how many timepoints, over how many
# of their bins harmonics are smoothed away, and up to where in the band all moves by as much.
_WARPS, _FRAME, _N_SMOOTHED, _WARPED_BAND = (0.88, 1.14), 1024, 19, 0.8

# Of a microphone and a room: gains in dB at so many frequencies.
_COLOUR_DB, _N_COLOURS = 3.0, 8

# Of a clip's level, dB.
_GAINS = (-12.0, 6.0)

# Timepoints beyond the ends of a clip that are guessed while it is resampled by its spectrum.
_N_REFLECTED = 1000

# How many varied clips get a noise floor, and where it lies below full scale before all else is
# varied, dB: from a hiss that is heard to the rounding of 16 bits.
_NOISY_SHARE, _NOISE_LEVELS = 0.4, (-95.0, -55.0)

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
        clips = [
            change_speed(clip, of_clip, rate, 1.0, edged=of_clip > rate)
            for clip, of_clip in zip(clips, rates, strict=True)
        ]
    else:
        fuller = np.asarray(rates) > rate
        varied = (rng.random(len(clips)) < varied_share) | fuller
        edged_shares = np.where(fuller, fuller_edged_share, edged_share)
        clips = [
            vary(clip, of_clip, rate, rng, warped_share, edged)
            if other
            else colour(clip, rng, spread=0)
            for clip, of_clip, other, edged in zip(clips, rates, varied, edged_shares, strict=True)
        ]
    Y = trim_clips([store(clip) for clip in clips], ratio)
    drawn, damaged = (rng.random(len(Y)) < share for share in (random_filter_share, damaged_share))
    makers = np.where(drawn, rng.integers(1, 3, len(Y)), 0)
    makers = np.where(damaged, rng.choice(_DAMAGED_MAKERS, len(Y)), makers)
    X = [decimate(y, ratio, maker, rng) for y, maker in zip(Y, makers, strict=True)]
    for i in np.flatnonzero(damaged):
        X[i] = damage(X[i], Y[i], rate, ratio, rng)
    return X, Y


def decimate(y, ratio, maker, rng):
    """Give the narrowband clip, by the paper's filter (0), a random one (1) or a resampler's (2).

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
    """Give what noise, a codec or a telephone line leaves of a clip, narrowband and wideband."""
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


def vary(clip, of_clip, rate, rng, warped_share=0.0, edged_share=0.25):
    """Another voice (speed, formants), microphone and level; some clips get a noise floor."""
    if rng.random() < _NOISY_SHARE:
        level = 10 ** (rng.uniform(*_NOISE_LEVELS) / 20)
        clip = clip + level * rng.standard_normal(len(clip))
    slowest, fastest = _SPEEDS
    speed = rng.uniform(max(slowest, rate / of_clip), fastest)
    clip = change_speed(clip, of_clip, rate, speed, edged=rng.random() < edged_share)
    if warped_share and rng.random() < warped_share:
        clip = warp_formants(clip, rng.uniform(*_WARPS))
    return colour(clip, rng) * 10 ** (rng.uniform(*_GAINS) / 20)


def change_speed(clip, of_clip, rate, speed, edged):
    """Bring a clip to another rate and speed; the end of its band falls off, or is full."""
    if edged:
        import soxr  # not where clips come packed

        return soxr.resample(clip, speed * of_clip, rate, quality="VHQ")
    step = speed * of_clip / rate  # timepoints of the clip for one of the result
    n, n_pad = round(len(clip) / step), min(_N_REFLECTED, len(clip) - 1)
    padded = np.pad(clip, n_pad, mode="reflect")  # the transform takes it for periodic
    first = n_pad / step
    resampled = resample(padded, round(len(padded) / step))
    return resampled[round(first) : round(first) + n]


def warp_formants(clip, warp):
    """Move the envelope of a clip's spectra up by a factor, but not its harmonics.

    As another length of the vocal tract does; the end of the band stays where it is, by two
    straight lines (E. Eide and H. Gish, "A parametric approach to vocal tract length
    normalization", ICASSP 1996).
    """
    framing = {"nperseg": _FRAME, "noverlap": _FRAME * 3 // 4}
    padded = np.pad(clip, (0, max(0, _FRAME - len(clip)))).astype(np.float32)
    spectra = stft(padded, **framing)[2]  # (bins, frames)
    power = uniform_filter1d(np.abs(spectra) ** 2, _N_SMOOTHED, axis=0)
    envelope = np.log(power.clip(0) + 1e-12)
    end = len(envelope) - 1
    bend = _WARPED_BAND * end * min(1.0, 1 / warp)
    sources = np.interp(np.arange(end + 1), [0, warp * bend, end], [0, bend, end])
    below = sources.astype(int).clip(0, end - 1)
    share = (sources - below)[:, None]
    warped = envelope[below] * (1 - share) + envelope[below + 1] * share
    gains = np.exp((warped - envelope).clip(-6, 6) / 2)  # 26 dB at most
    return istft(spectra * gains, **framing)[1][: len(clip)].astype(np.float32)


def store(clip):
    """Bring a clip to full scale that exceeds it, and round it as a file of 16 bits does."""
    clip = clip / max(1.0, np.abs(clip).max())
    return (np.round(clip * 2**15) / 2**15).astype(np.float32)


def colour(clip, rng, spread=_COLOUR_DB):
    """Filter smoothly, by gains of a spread in dB, and turn all phases by one angle.

    The angle leaves spectra as they are; no network can learn the waveforms by heart.
    """
    spectrum = np.fft.rfft(clip)
    # evenly spaced in the square root of frequency: finer where there is more speech
    nodes = np.linspace(0, 1, _N_COLOURS)
    gains = np.interp(
        np.sqrt(np.linspace(0, 1, len(spectrum))), nodes, rng.normal(0, spread, _N_COLOURS)
    )
    turned = spectrum * 10 ** (gains / 20) * np.exp(1j * rng.uniform(0, 2 * np.pi))
    return np.fft.irfft(turned, len(clip)).astype(np.float32)
