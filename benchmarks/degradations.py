"""Ways from wideband to narrowband clips that the benchmarks share."""

import shutil
import subprocess

import numpy as np
from scipy.signal import resample_poly

from sklearn_audiosr.degradation import AddNoise, Codec, Decimator, Telephone


class PolyphaseResampler:
    """`scipy.signal.resample_poly` as a degradation; its passband ends at the Nyquist frequency."""

    def __init__(self, ratio):
        self.ratio = ratio

    def fit_transform(self, Y):
        return [resample_poly(y, 1, self.ratio).astype(np.float32) for y in Y]


class SoxrResampler:
    """`soxr.resample` as a degradation; the end of the band falls off."""

    def __init__(self, ratio):
        self.ratio = ratio

    def fit_transform(self, Y):
        import soxr

        narrow = (soxr.resample(y, self.ratio, 1, "HQ") for y in Y)
        return [
            x[: len(y) // self.ratio].astype(np.float32) for x, y in zip(narrow, Y, strict=True)
        ]


class FfmpegResampler:
    """The resampler of the program ffmpeg as a degradation."""

    def __init__(self, ratio):
        self.ratio = ratio

    @staticmethod
    def is_installed():
        return shutil.which("ffmpeg") is not None

    def fit_transform(self, Y):
        return [self._resample(np.asarray(y, dtype="<f4")) for y in Y]

    def _resample(self, y):
        # the program takes whole numbers of Hz, which a third or a sixth of 16 kHz is not
        sound = ["-f", "f32le", "-ac", "1"]
        command = [
            "ffmpeg", "-v", "error", *sound, "-ar", str(8000 * self.ratio), "-i", "-",
            *sound, "-ar", "8000", "-",
        ]  # fmt: skip
        done = subprocess.run(command, input=y.tobytes(), capture_output=True, check=True)
        x = np.frombuffer(done.stdout, dtype="<f4")
        n = len(y) // self.ratio
        return np.pad(x[:n], (0, max(0, n - len(x))))


def apply(steps, clips):
    """Return what steps make of clips, one step after the other."""
    for step in steps:
        clips = step.fit_transform(clips)
    return clips


def make_degradations(ratio, rate):
    """Return two lists of steps for each row of a table of robustness.

    The first changes the wideband clips, before they are compared with anything: noise in the room
    is in the wideband clip, too. The second makes narrowband clips of them.
    """
    chebyshev, resampler, narrow = Decimator(ratio), PolyphaseResampler(ratio), rate // ratio
    codecs = {name: Codec(name, sampling_rate=narrow) for name in ("mp3", "vorbis", "opus")}
    few_bits = Codec("mp3", sampling_rate=narrow, compression_level=0.7)
    rows = {
        "the paper's filter": ([], [chebyshev]),
        **{
            f"{name} filter": ([], [Decimator(ratio, filter=name)])
            for name in ("butterworth", "elliptic", "bessel", "fir", "none")
        },
        "random filters": ([], [Decimator(ratio, filter="random", random_state=0)]),
        **{
            f"{color} noise, {snr} dB": (
                [AddNoise(snr, color=color, random_state=0)], [chebyshev],
            )
            for color, snr in (("white", 30), ("white", 20), ("pink", 20))
        },
        **{name: ([], [chebyshev, codec]) for name, codec in codecs.items()},
        # ordinary resamplers leave more at the end of the band than the paper's filter
        "scipy's resampler": ([], [resampler]),
        "soxr": ([], [SoxrResampler(ratio)]),
        "scipy's resampler, mp3": ([], [resampler, codecs["mp3"]]),
        "scipy's resampler, mp3 of few bits": ([], [resampler, few_bits]),
        "no filter, mp3": ([], [Decimator(ratio, filter="none"), codecs["mp3"]]),
    }  # fmt: skip
    if narrow == 8000:
        rows["telephone"] = ([], [Telephone(ratio, sampling_rate=rate)])
        rows["telephone's band"] = ([], [Telephone(ratio, sampling_rate=rate, law=None)])
    return rows
