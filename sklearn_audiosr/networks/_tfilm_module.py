"""Layers of `TFiLM`: the U-Net in its two layouts, modulated after each block."""

import math

from torch import nn

from sklearn_audiosr._torch import full_precision
from sklearn_audiosr.networks._unet_module import CodeUNet, PaperUNet, _UNet


class TemporalFiLM(nn.Module):
    """Scale features block by block, by what an LSTM makes of the maxima of the blocks so far.

    Parameters
    ----------
    n_features : int
        Channels of the features, and units of the LSTM.
    block_length : int
        Timepoints of the features that are pooled and share a scale.
    """

    def __init__(self, n_features, block_length):
        super().__init__()
        self.block_length = block_length
        self.lstm = nn.LSTM(n_features, n_features, batch_first=True)
        self._initialize()

    def forward(self, x):
        """Scale x of shape (batch, n_features, time), time a multiple of the block length."""
        return self.resume(x, None)[0]

    def resume(self, x, state):
        """Scale x, which follows the features that left the LSTM in `state`; give both anew."""
        x = x.transpose(1, 2)  # (batch, time, n_features): as it lies in memory
        blocks = x.unflatten(1, (x.shape[1] // self.block_length, self.block_length))
        maxima = blocks.amax(dim=2)  # (batch, blocks, n_features)
        with full_precision(x.device.type):  # the state adds up hours of audio
            scales, state = self.lstm(maxima.to(self.lstm.weight_hh_l0.dtype), state)
        y = blocks * scales.unsqueeze(2).to(x.dtype)
        return y.flatten(1, 2).transpose(1, 2), state

    def _initialize(self):
        """Weights as in the published program, and gates that are open.

        With biases of 0 a scale is about as small as the features that it scales, which each block
        makes smaller again: at full width nothing arrives at the bottleneck.
        """
        nn.init.xavier_uniform_(self.lstm.weight_ih_l0)
        for weight in self.lstm.weight_hh_l0.data.chunk(4):  # of input, forget, cell, output
            nn.init.orthogonal_(weight)
        nn.init.ones_(self.lstm.bias_ih_l0)
        nn.init.zeros_(self.lstm.bias_hh_l0)


class _Modulated(_UNet):
    """To the left of a layout of the U-Net: a `TemporalFiLM` at the end of every block.

    Parameters
    ----------
    n_filters, kernel_sizes, **options
        As of the layout.
    block_length : int
        Timepoints of the input that share a scale in every block, a power of two.

    Attributes
    ----------
    look_back : float
        Infinite: the LSTMs remember, so chunks of a long clip must go through ``stream()``.
    """

    def __init__(self, n_filters, kernel_sizes, *, block_length, **options):
        super().__init__(n_filters, kernel_sizes, **options)
        spacing = 1  # timepoints of the input from a feature to the next
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
    """The published program's layout, modulated."""


class PaperTFiLM(_Modulated, PaperUNet):
    """Section 3.2's layout, modulated."""
