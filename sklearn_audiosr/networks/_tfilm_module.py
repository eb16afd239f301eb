"""The modules that `TFiLM` builds: the U-Net in its two layouts, modulated after each block."""

import math

from torch import nn

from sklearn_audiosr._torch import full_precision
from sklearn_audiosr.networks._unet_module import CodeUNet, PaperUNet, _UNet


class TemporalFiLM(nn.Module):
    """Scale features block by block with the outputs of an LSTM that reads the blocks' maxima.

    Parameters
    ----------
    n_features : int
        Channels of the features, and units of the LSTM.
    block_length : int
        Timepoints of a block: they are pooled, and share a scale.
    """

    def __init__(self, n_features, block_length):
        super().__init__()
        self.block_length = block_length
        self.lstm = nn.LSTM(n_features, n_features, batch_first=True)
        self._initialize()

    def forward(self, x):
        """Scale x of shape (batch, n_features, time), time a multiple of `block_length`."""
        return self.resume(x, None)[0]

    def resume(self, x, state):
        """Return x, scaled, and the state of the LSTM after it; `state` is the one before it."""
        x = x.transpose(1, 2)  # (batch, time, n_features), its order in memory
        blocks = x.unflatten(1, (x.shape[1] // self.block_length, self.block_length))
        maxima = blocks.amax(dim=2)  # (batch, blocks, n_features)
        with full_precision(x.device.type):  # rounding of the state adds up over hours
            scales, state = self.lstm(maxima.to(self.lstm.weight_hh_l0.dtype), state)
        y = blocks * scales.unsqueeze(2).to(x.dtype)
        return y.flatten(1, 2).transpose(1, 2), state

    def _initialize(self):
        """Draw weights as the published program does, but open the gates.

        With biases of 0 a scale is about as small as the features that it scales. Each block makes
        them smaller again, and at full width nothing arrives at the bottleneck.
        """
        nn.init.xavier_uniform_(self.lstm.weight_ih_l0)
        for weight in self.lstm.weight_hh_l0.data.chunk(4):  # input, forget, cell, output
            nn.init.orthogonal_(weight)
        nn.init.ones_(self.lstm.bias_ih_l0)
        nn.init.zeros_(self.lstm.bias_hh_l0)


class _Modulated(_UNet):
    """Mixin for a layout of the U-Net: put a `TemporalFiLM` at the end of every block.

    Parameters
    ----------
    n_filters, kernel_sizes, **options
        As of the layout.
    block_length : int
        Input timepoints that share a scale, a power of two.

    Attributes
    ----------
    look_back : float
        Infinite, because the LSTMs remember: chunks of a long clip must go through ``stream()``.
    """

    def __init__(self, n_filters, kernel_sizes, *, block_length, **options):
        super().__init__(n_filters, kernel_sizes, **options)
        spacing = 1  # input timepoints from one feature to the next
        for down in self.halving_blocks:
            spacing *= 2
            self._modulate(down, block_length // spacing)
        for up in self.up:
            spacing //= 2
            self._modulate(up, block_length // spacing)
        self._measure(block_length)
        self.look_back = math.inf

    def _modulate(self, block, block_length):
        block.append(TemporalFiLM(block.n_features, max(1, block_length)))


class CodeTFiLM(_Modulated, CodeUNet):
    """The layout of the published program, modulated."""


class PaperTFiLM(_Modulated, PaperUNet):
    """The layout of section 3.2, modulated."""
