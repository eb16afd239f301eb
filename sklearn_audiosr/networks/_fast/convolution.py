"""Compute a convolution in the cheapest way."""

import torch
from torch.nn import functional

from sklearn_audiosr._torch import BLOCKWISE_DEVICES, current_workspace
from sklearn_audiosr.networks._fast.block_plan import choose_plan
from sklearn_audiosr.networks._fast.long_convolution import convolve_blockwise

# Most values that are copied into windows: those of a short piece of a stream.
_N_WINDOWED = 2**20


def convolve(x, weight, bias, *, stride, padding, owner):
    """Compute `torch.nn.functional.conv1d` in the cheapest way.

    Parameters
    ----------
    x : Tensor of shape (batch, in_channels, time)
        Best channels-last in memory, as the result is.
    weight : Tensor of shape (out_channels, in_channels, kernel_size)
        Filters.
    bias : Tensor of shape (out_channels,)
        Added to the result.
    stride : int
        Timepoints from one output to the next.
    padding : int
        Zeros before and after each clip.
    owner : Tensor
        The parameter that `weight` is, or is computed from: a `Workspace` keeps transforms by it.

    Returns
    -------
    y : Tensor of shape (batch, out_channels, n_outputs)
        The same in all ways, up to rounding.
    """
    # compute directly while torch traces to export or compile: no plan, and nothing kept
    traced = torch.jit.is_tracing() or torch.compiler.is_compiling() or type(x) is not torch.Tensor
    n_outputs = (x.shape[2] + 2 * padding - weight.shape[2]) // stride + 1
    device = x.device.type
    blockwise = not traced and device in BLOCKWISE_DEVICES and n_outputs > 0
    if blockwise and not torch.is_autocast_enabled(device):
        plan = choose_plan(len(x), n_outputs, weight, stride, owner)
        if plan is not None:
            return convolve_blockwise(
                x, weight, bias, stride=stride, padding=padding, plan=plan, owner=owner
            )
        fixed = current_workspace().n_uses > 0 and not torch.is_grad_enabled()
        if fixed and len(x) * n_outputs * weight[0].numel() <= _N_WINDOWED:
            return _convolve_windows(x, weight, bias, stride, padding, owner)
    # only convolutions over images have channels-last kernels: take images of height 1
    image = x.unsqueeze(2).contiguous(memory_format=torch.channels_last)
    weight = weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
    return functional.conv2d(image, weight, bias, (1, stride), (0, padding)).squeeze(2)


def _convolve_windows(x, weight, bias, stride, padding, owner):
    """Multiply all windows of the input, each contiguous in memory, with all filters at once."""
    matrix = current_workspace().prepare(
        owner, "windows", True, lambda: weight.permute(2, 1, 0).flatten(0, 1).contiguous()
    )  # (kernel_size * in_channels, out_channels)
    x = functional.pad(x.transpose(1, 2), (0, 0, padding, padding)).contiguous()
    batch, time, channels = x.shape
    n_outputs = (time - weight.shape[2]) // stride + 1
    windows = x.as_strided(
        (batch, n_outputs, len(matrix)), (time * channels, stride * channels, 1), x.storage_offset()
    )
    y = torch.addmm(bias, windows.reshape(batch * n_outputs, -1), matrix)
    return y.view(batch, n_outputs, -1).transpose(1, 2)
