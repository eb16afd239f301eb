"""Config of the network on complex spectra; its module is in `_spectral_module`."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

from sklearn.utils._param_validation import Interval

from sklearn_audiosr.networks._frame_config import FrameConfig

if TYPE_CHECKING:
    import torch

# Filters of a block at width 1.
_N_FILTERS = 256


class SpectralNet(FrameConfig):
    """A network on short-time spectra that separates what it knows from what it invents.

    A linear filter, solved for as in `LinearUpsampler`, undoes the degradation of the lowband. Then
    blocks of a depthwise convolution over frames and dense layers over filters (ConvNeXt [1]_, used
    for spectra by Vocos [2]_ and AP-BWE [3]_) see the log magnitude and the phase of its spectra.
    They correct the lowband and predict log magnitude and phase of the highband. The same blocks
    do both, and the hop is a quarter of a frame, so a second of audio costs about a gigaflop.

    There are two outputs. The first estimates the mean of the waveforms that may be the right one:
    its highband is only as strong as its phase can be predicted, mostly next to nothing. The second
    is what a full highband adds. `AudioSuperResolver` adds ``highband_gain`` times the second to
    the first.

    Parameters
    ----------
    n_blocks : int, default=8
        Blocks, at least 1.
    width : float, default=1.0
        Multiplies the 256 filters of the blocks; the product is rounded, at least 8. It sets the
        size: parameters and work grow about with its square.
    kernel_size : int, default=7
        Frames that a block sees, odd.
    expansion : float, default=3
        Filters inside a block for each one outside; the product is rounded, at least 1.
    frame_length : int, default=640
        Wideband timepoints of a frame, a multiple of 4; the hop is a quarter of it. The default is
        40 ms at 16 kHz, which resolves the harmonics of a voice. Take 40 ms at your rate: 1920 at
        48 kHz.
    n_taps : int, default=65
        Narrowband timepoints that the linear filter sees, odd.
    dropout : float, default=0
        Share of the filters inside the blocks that a training step leaves out, in [0, 1): against
        overfitting to an hour of recordings.
    channel_noise : float, default=0
        Standard deviation in dB of random gains over frequency, smooth and drawn for each training
        patch. They change the features that the network sees, but not its target: against
        overfitting to microphones.

    Notes
    -----
    With a Hann window before the transform and another after it, the frames add up to the waveform
    exactly. The outputs lag behind the input by a bounded time (``AudioSuperResolver.latency_``,
    0.4 s with the defaults at 16 kHz). So streams and the chunks of a long clip agree with the
    whole clip.

    References
    ----------
    .. [1] Z. Liu et al., "A ConvNet for the 2020s", CVPR 2022. https://arxiv.org/abs/2201.03545
    .. [2] H. Siuzdak, "Vocos: closing the gap between time-domain and Fourier-based neural
       vocoders for high-quality audio synthesis", ICLR 2024. https://arxiv.org/abs/2306.00814
    .. [3] Y.-X. Lu et al., "Towards high-quality and efficient speech bandwidth extension with
       parallel amplitude and phase prediction", 2024. https://arxiv.org/abs/2401.06387

    Examples
    --------
    >>> from sklearn_audiosr.networks import SpectralNet
    >>> network = SpectralNet().build(upsampling_ratio=4)
    >>> sum(parameter.numel() for parameter in network.parameters()) // 1000
    3669
    """

    _parameter_constraints = {
        **FrameConfig._parameter_constraints,
        "channel_noise": [Interval(Real, 0, None, closed="left")],
    }
    _frame_duration = 40

    def __init__(
        self,
        n_blocks: int = 8,
        *,
        width: float = 1.0,
        kernel_size: int = 7,
        expansion: float = 3,
        frame_length: int = 640,
        n_taps: int = 65,
        dropout: float = 0,
        channel_noise: float = 0,
    ) -> None:
        self.n_blocks = n_blocks
        self.width = width
        self.kernel_size = kernel_size
        self.expansion = expansion
        self.frame_length = frame_length
        self.n_taps = n_taps
        self.dropout = dropout
        self.channel_noise = channel_noise

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
            It maps (batch, 1, time) to (batch, 2, time), for any time of at least 1: the mean, and
            what a full highband adds. Weights are drawn from torch's global generator. The linear
            filter is zero until ``network.prepare(pairs)`` solves for it.

        Raises
        ------
        ValueError
            If a parameter is out of its range.
        """
        self._check(upsampling_ratio)
        from sklearn_audiosr.networks._spectral_module import SpectralNetwork

        return SpectralNetwork(
            int(upsampling_ratio),
            n_blocks=int(self.n_blocks),
            n_filters=max(8, round(_N_FILTERS * self.width)),
            kernel_size=int(self.kernel_size),
            expansion=float(self.expansion),
            frame_length=int(self.frame_length),
            n_taps=int(self.n_taps),
            dropout=float(self.dropout),
            channel_noise=float(self.channel_noise),
        )
