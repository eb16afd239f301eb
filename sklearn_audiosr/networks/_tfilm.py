"""Description of the U-Net with temporal feature-wise modulation; its layers: `_tfilm_module`."""

from functools import partial
from numbers import Integral

from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from sklearn_audiosr.networks._unet import AudioUNet


class TFiLM(AudioUNet):
    """The U-Net with temporal feature-wise modulation: it remembers the clip so far.

    The follow-up of the paper's network (Birnbaum et al. [1]_). The features F at the end of each
    block of `AudioUNet` are cut into stretches of `block_length` timepoints. An LSTM with as many
    units as there are features reads the maxima of one stretch after the other, and its output
    scales the features of the stretch (there is no shift)::

        scale[b], state[b] = LSTM(max over stretch b of F, state[b - 1])
        F on stretch b     = scale[b] * F on stretch b

    Parameters
    ----------
    n_blocks : int, default=4
        As of `AudioUNet`, like all parameters but `block_length`.
    block_length : int, default=256
        Timepoints of the input in a stretch that shares a scale, a power of two. Where features
        are ``2**l`` timepoints apart, ``block_length / 2**l`` of them are pooled, at least one: by
        default 128, 64, 32 and 16 after the down-blocks, as published. The estimator's
        `patch_length` must hold two stretches.
    layout : {"code", "paper"}, default="code"
        Of the U-Net that is modulated; the authors modulate "code".
    n_filters : sequence of int, default=None
        Filters of each down-block; None means ``min(2**(6 + b), 512)`` for block b = 1, 2, ...
    kernel_sizes : sequence of int, default=None
        Odd filter length of each block; None means ``max(2**(7 - b) + 1, 9)``.
    width : float, default=1.0
        Multiplies every filter count.
    normalization : {"auto", "batch", "none"}, default="auto"
        Batch normalisation after each convolution; "auto" is the layout's.
    dropout : float or "auto", default="auto"
        Probability of dropping a value in the bottleneck and the up-blocks.
    additive_residual : bool, default=True
        Add the input to the output.
    skip_connections : bool, default=True
        Stack features of the down path, modulated.
    upsampling : {"subpixel", "transposed"}, default="subpixel"
        Subpixel shuffle of a convolution, or a transposed convolution.

    Notes
    -----
    An output depends on all that came before it. A clip longer than a chunk is therefore computed
    chunk by chunk in order, as a stream is: convolutions keep the timepoints that they will see
    again, LSTMs their state, and features wait until their stretch is complete. Stretches are
    counted from the clip's start, so chunks, streams and the whole agree; the clip's last stretch
    is filled up with silence. The network looks further ahead than `AudioUNet`, 2342 timepoints
    instead of 712 by default. In training it remembers no more than a patch: 8192
    timepoints by default, which are 32 stretches.

    Three things differ from the authors' program. It dilates its filters by 2 and halves the
    length by the maximum of two timepoints; here the convolutions are those of `AudioUNet`. Its
    up-blocks pool 8 features at every length; here they pool as many as the down-block of the same
    length. And the gates of the LSTMs start open here: with the usual initialisation each block
    shrinks its features more than the one before, so that nothing arrives at the bottleneck.

    References
    ----------
    .. [1] S. Birnbaum, V. Kuleshov, S. Z. Enam, P. W. Koh and S. Ermon, "Temporal FiLM: Capturing
       Long-Range Sequence Dependencies with Feature-Wise Modulations", NeurIPS 2019.
       https://arxiv.org/abs/1909.06628

    Examples
    --------
    >>> from sklearn_audiosr.networks import TFiLM
    >>> network = TFiLM(n_blocks=2, width=0.125).build()
    >>> network.stride, network.look_back, network.look_ahead
    (256, inf, 1318)
    """

    _parameter_constraints = {
        **AudioUNet._parameter_constraints,
        "block_length": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_blocks=4,
        *,
        block_length=256,
        layout="code",
        n_filters=None,
        kernel_sizes=None,
        width=1.0,
        normalization="auto",
        dropout="auto",
        additive_residual=True,
        skip_connections=True,
        upsampling="subpixel",
    ):
        super().__init__(
            n_blocks,
            layout=layout,
            n_filters=n_filters,
            kernel_sizes=kernel_sizes,
            width=width,
            normalization=normalization,
            dropout=dropout,
            additive_residual=additive_residual,
            skip_connections=skip_connections,
            upsampling=upsampling,
        )
        self.block_length = block_length

    @property
    def least_patch_length(self):
        """Two stretches: in a shorter patch the LSTMs see no whole one after the first."""
        return 2 * self._check_block_length()

    def _check_block_length(self):
        """Give `block_length`, or raise ValueError."""
        validate_parameter_constraints(
            {"block_length": self._parameter_constraints["block_length"]},
            {"block_length": self.block_length},
            type(self).__name__,
        )
        if isinstance(self.block_length, bool):  # Python counts booleans among the integers
            raise ValueError(
                f"block_length must be an integer, a power of two, got {self.block_length}: pass "
                "256, for example."
            )
        length = int(self.block_length)
        if length & (length - 1):
            raise ValueError(
                f"block_length must be a power of two, got {length}: pass "
                f"{2 ** (length.bit_length() - 1)} or {2 ** length.bit_length()}, so that the "
                "blocks of all lengths pool whole features."
            )
        return length

    def _find_modules(self):
        from sklearn_audiosr.networks import _tfilm_module

        length = self._check_block_length()
        modules = {"code": _tfilm_module.CodeTFiLM, "paper": _tfilm_module.PaperTFiLM}
        return {layout: partial(module, block_length=length) for layout, module in modules.items()}
