"""Config of the network that shapes a harmonic carrier and noise; see `_harmonic_noise_module`."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING

from sklearn.utils._param_validation import Interval

from sklearn_audiosr.networks._frame_config import FrameConfig

if TYPE_CHECKING:
    import torch

# Filters of a fast block at width 1.
_N_FILTERS = 176


class HarmonicNoiseNet(FrameConfig):
    """A network that shapes harmonics and noise into a highband and leaves the lowband alone.

    As in the harmonic plus noise model of speech [1]_, also in its neural form [2]_, the highband
    is the sum of two carriers. The first is the rectified slope of the lowband: rectifying makes
    harmonics of what is periodic, and coders regenerated a highband in this way long ago [3]_. The
    second is white noise. Of both only the phases are used. The network predicts a magnitude for
    each carrier in each bin of each short frame, and turns the phase of the first. So harmonics go
    on above the band, and levels change as fast as they do in speech.

    The network has blocks of a depthwise convolution over frames and dense layers over filters
    (ConvNeXt [4]_, used for spectra by Vocos [5]_ and AP-BWE [6]_). Half of them work on each
    frame. Between the halves are slow ones that work on every fourth frame: they see more context
    for less work. They also see spectra of frames four times as long, which show whether there are
    harmonics.

    There are three outputs. The first is the lowband as it is, by band-limited interpolation. The
    second restores its edges: above 0.8 of the narrowband Nyquist frequency it adds a share of what
    a linear filter, solved for as in `LinearUpsampler`, changes there; below 300 Hz it multiplies
    by a gain of at least 1. The third is a full highband. `AudioSuperResolver` adds
    ``highband_gain`` times the third to the first, and the second unless ``lowband="keep"``.

    Parameters
    ----------
    n_blocks : int, default=4
        Blocks on each frame, at least 1. The first half of them comes before the slow blocks.
    n_slow_blocks : int, default=4
        Blocks on every fourth frame, at least 1.
    width : float, default=1.0
        Multiplies the 176 filters of the blocks; the product is rounded, at least 8. Slow blocks
        have twice as many. It sets the size: parameters and work grow about with its square.
    kernel_size : int, default=7
        Frames, or every fourth frame, that a block sees; odd.
    expansion : float, default=2.8
        Filters inside a block for each one outside; the product is rounded, at least 1.
    frame_length : int, default=320
        Wideband timepoints of a frame, a multiple of 4, at most 16384; the hop is a quarter of it.
        The default is 20 ms at 16 kHz. Take 20 ms at your rate, 960 at 48 kHz: the edges of the
        lowband are counted in bins, which are 50 Hz apart then.
    n_taps : int, default=65
        Narrowband timepoints that the linear filter sees, odd.
    dropout : float, default=0
        Share of the filters inside the blocks that a training step leaves out, in [0, 1): against
        overfitting to an hour of recordings.

    Notes
    -----
    Both carriers are functions of the input and the position in the clip: overlapping frames have
    the phases of one waveform, so they don't cancel at random, and streams and the chunks of a long
    clip agree with the whole clip.

    Magnitudes are relative to the mean power of the lowband over some 0.8 s. So the output scales
    with the input. Only one feature tells loud clips from quiet ones. It is the level relative to
    that of the training clips, limited to 11 dB on both sides.

    Whatever the weights are, nothing that is added changes the lowband between its edges: filters
    of zero phase take out what windows spread there. Restoration lowers no bin, and raises none
    above 13 dB over its surroundings: over the lowband beside it, or over the beginning of the
    highband if that is louder.

    The outputs lag behind the input by a bounded time (``AudioSuperResolver.latency_``, half a
    second with the defaults at 16 kHz).

    References
    ----------
    .. [1] Y. Stylianou, "Applying the harmonic plus noise model in concatenative speech synthesis",
       IEEE Transactions on Speech and Audio Processing 9(1), 2001.
    .. [2] X. Wang and J. Yamagishi, "Neural harmonic-plus-noise waveform model with trainable
       maximum voice frequency for text-to-speech synthesis", 2019.
       https://arxiv.org/abs/1908.10256
    .. [3] J. Makhoul and M. Berouti, "High-frequency regeneration in speech coding systems", ICASSP
       1979. https://doi.org/10.1109/ICASSP.1979.1170672
    .. [4] Z. Liu et al., "A ConvNet for the 2020s", CVPR 2022. https://arxiv.org/abs/2201.03545
    .. [5] H. Siuzdak, "Vocos: closing the gap between time-domain and Fourier-based neural
       vocoders for high-quality audio synthesis", ICLR 2024. https://arxiv.org/abs/2306.00814
    .. [6] Y.-X. Lu et al., "Towards high-quality and efficient speech bandwidth extension with
       parallel amplitude and phase prediction", 2024. https://arxiv.org/abs/2401.06387

    Examples
    --------
    >>> from sklearn_audiosr.networks import HarmonicNoiseNet
    >>> network = HarmonicNoiseNet(width=1 / 4).build(upsampling_ratio=4)
    >>> network.stride / 16000  # seconds
    0.02
    """

    _parameter_constraints = {
        **FrameConfig._parameter_constraints,
        "n_slow_blocks": [Interval(Integral, 1, None, closed="left")],
        # a bound for the phases of the noise, 130 MB then
        "frame_length": [Interval(Integral, 16, 16384, closed="both")],
    }
    _frame_duration = 20

    def __init__(
        self,
        n_blocks: int = 4,
        *,
        n_slow_blocks: int = 4,
        width: float = 1.0,
        kernel_size: int = 7,
        expansion: float = 2.8,
        frame_length: int = 320,
        n_taps: int = 65,
        dropout: float = 0,
    ) -> None:
        self.n_blocks = n_blocks
        self.n_slow_blocks = n_slow_blocks
        self.width = width
        self.kernel_size = kernel_size
        self.expansion = expansion
        self.frame_length = frame_length
        self.n_taps = n_taps
        self.dropout = dropout

    def build(self, upsampling_ratio: int) -> torch.nn.Module:
        """Make the network with freshly initialised weights.

        Parameters
        ----------
        upsampling_ratio : int
            Wideband timepoints for each narrowband timepoint, at least 2. It says where the
            highband begins. At most an eighth of `frame_length`, so that a frame has some lowband.

        Returns
        -------
        network : torch.nn.Module
            It maps (batch, 1, time) to (batch, 3, time), for any time of at least 1: the lowband,
            what restores it, and a full highband. Weights are drawn from torch's global generator.
            The linear filter is zero until ``network.prepare(pairs)`` solves for it.

        Raises
        ------
        ValueError
            If a parameter is out of its range.
        """
        self._check(upsampling_ratio)
        from sklearn_audiosr.networks._harmonic_noise_module import HarmonicNoiseNetwork

        return HarmonicNoiseNetwork(
            int(upsampling_ratio),
            n_blocks=int(self.n_blocks),
            n_slow_blocks=int(self.n_slow_blocks),
            n_filters=max(8, round(_N_FILTERS * self.width)),
            kernel_size=int(self.kernel_size),
            expansion=float(self.expansion),
            frame_length=int(self.frame_length),
            n_taps=int(self.n_taps),
            dropout=float(self.dropout),
        )
