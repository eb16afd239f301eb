"""Lossy audio codecs."""

from __future__ import annotations

from numbers import Real
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_audiosr._files.formats import CODECS, FILE_FORMATS
from sklearn_audiosr._transformer import ChangeClip, RandomState, check_range, draw_from
from sklearn_audiosr.degradation._base import Degradation, Limiter
from sklearn_audiosr.degradation._round_trip import check_formats, round_trip

_LOWEST_RATE, _HIGHEST_RATE = 1000, FILE_FORMATS["OGG"].highest_rate  # Hz


class Codec(Degradation):
    """Encode clips as MP3, Vorbis or Opus, and decode them again.

    Lengths and rates are kept and the codec's delay is removed: it may stand before a `Decimator`,
    or after it. The files are written and read in memory by soundfile.

    Parameters
    ----------
    format : {"mp3", "vorbis", "opus", "random"}, default="mp3"
        The codec. "random" draws one for each clip.
    sampling_rate : float, default=None
        Rate of the clips in Hz, from 1000 to 192000; after a `Decimator` the narrowband rate. It
        is required, since a codec drops what cannot be heard.
    compression_level : float, (float, float) or None, default=None
        From 0, the best quality, to 1, the smallest file; None is libsndfile's default. A pair is a
        range, from which a level is drawn uniformly for each clip. Needs soundfile 0.13.
    bitrate_mode : {"constant", "average", "variable"} or None, default=None
        How MP3 spends its bits; None is libsndfile's default, "variable". Needs a
        `compression_level`; not used by the other formats.
    random_state : int, RandomState instance or None, default=None
        Draws formats and compression levels. With an integer, clip i has the same ones in every
        `transform`; a RandomState instance, or None, draws others in every call.

    See Also
    --------
    Telephone : The codec of a telephone line.

    Notes
    -----
    What a compression level means differs by format. On the bundled speech, with libsndfile 1.2.2
    (``benchmarks/bench_codecs.py``), in kbit/s:

    ================  =======  ===  ===  ===  ====  ====
    compression       default  0    0.5  0.9  0.95  0.99
    ================  =======  ===  ===  ===  ====  ====
    MP3, "variable"   47       69   41   27   25    22
    MP3, "average"    --       111  85   26   17    11
    MP3, "constant"   --       164  82   24   16    8
    Vorbis            46       80   50   33   31    31
    Opus              28       260  134  30   19    10
    ================  =======  ===  ===  ===  ====  ====

    The rates that MP3 takes are 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100 and 48000
    Hz, those of Opus 8000, 12000, 16000, 24000 and 48000 Hz. Other clips are resampled by soxr to
    the next rate above, or to 48000 Hz, and back.

    Codecs have a full scale of -1 to 1. Values beyond it are clipped, with a warning; about 100 dB
    below it is silence. Channels are coded one by one, in mono, without joint stereo.

    libsndfile removes the delay of a codec itself, but for two cases that are undone here: MP3 of
    a low constant bit rate, delayed by 1105 timepoints, and Opus at low bit rates, early or late
    by up to 60 microseconds, which is undone to half a timepoint.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_audiosr.degradation import Codec
    >>> Y = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 16000)[None]
    >>> X = Codec("vorbis", sampling_rate=16000).fit_transform(Y)
    >>> X.shape, bool(0 < np.abs(X - Y).max() < 0.1)
    ((1, 8000), True)
    """

    _parameter_constraints = {
        "format": [StrOptions({*CODECS, "random"})],
        "sampling_rate": [Interval(Real, _LOWEST_RATE, _HIGHEST_RATE, closed="both"), None],
        "compression_level": [Interval(Real, 0, 1, closed="both"), tuple, list, None],
        "bitrate_mode": [StrOptions({"constant", "average", "variable"}), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        format: Literal["mp3", "vorbis", "opus", "random"] = "mp3",
        *,
        sampling_rate: float | None = None,
        compression_level: float | tuple[float, float] | None = None,
        bitrate_mode: Literal["constant", "average", "variable"] | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.format = format
        self.sampling_rate = sampling_rate
        self.compression_level = compression_level
        self.bitrate_mode = bitrate_mode
        self.random_state = random_state

    def _check_parameters(self) -> None:
        if self.sampling_rate is None:
            raise ValueError(
                "sampling_rate must be the rate in Hz of the clips that Codec is given, got None: "
                "pass for example 16000, or after a Decimator the narrowband rate."
            )
        check_range("compression_level", self.compression_level, 0, 1, "(0.5, 0.95)")
        if self._writes("mp3") and self.bitrate_mode and self.compression_level is None:
            raise ValueError(
                f'compression_level must be given with bitrate_mode="{self.bitrate_mode}", got '
                "None: soundfile sets no mode without it; pass for example 0.5."
            )
        check_formats(
            [name for name in CODECS if self._writes(name)],
            {"compression_level": self.compression_level, "bitrate_mode": self.bitrate_mode},
        )

    def _writes(self, name: str) -> bool:
        return self.format in (name, "random")

    def _prepare(self, limit: Limiter) -> ChangeClip:
        rng_of = self._make_rng_of()
        rate = cast(float, self.sampling_rate)  # None is refused before

        def degrade(clip: NDArray[np.float32], index: int) -> NDArray[np.float32]:
            rng = rng_of(index)
            name = str(rng.choice([*CODECS])) if self.format == "random" else self.format
            level = draw_from(self.compression_level, rng)
            return np.stack(
                [
                    round_trip(waveform, rate, name, level, self.bitrate_mode)
                    for waveform in limit(clip, index)
                ]
            )

        return degrade
