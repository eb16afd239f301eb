"""Convolutions with long filters as three matrix products.

Overlap-save in the frequency domain [1]_, [2]_, written as a bilinear algorithm. Fixed matrices
transform the blocks of the input and the filters. Their products (each a matrix product over the
channels) are transformed back:

    output block = inverse @ ((filters_to @ filters) * (input_to @ input block)).

The transform is the discrete Fourier transform of real signals, and a complex product takes three
real ones. So a block of N timepoints takes about 1.5 N products for N - taps + 1 outputs, where the
direct sum takes `taps` products for each. Blocks are short, so the transforms are matrix products
too: these run at the full rate of the machine and read and write any layout, so that no tensor is
transposed on the way. A stride of s is a stride of 1 over groups of s timepoints.

References
----------
.. [1] T. G. Stockham, "High-speed convolution and correlation", AFIPS, 1966.
.. [2] S. Winograd, "Arithmetic complexity of computations", SIAM, 1980.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from sklearn_audiosr._torch import current_workspace
from sklearn_audiosr.networks._fast.block_plan import BlockPlan

# Filters in one product of their transform: they stay in the cache.
_N_FILTERS = 4096


def convolve_blockwise(x, weight, bias, *, stride, padding, plan, owner=None):
    """Compute `torch.nn.functional.conv1d` in the frequency domain.

    Other arguments and the result are those of `convolve` in `convolution`.

    Parameters
    ----------
    plan : BlockPlan
        See `choose_plan`.
    owner : Tensor, default=None
        As for `convolve`; None means `weight`.
    """
    layout = _Layout(x.shape[0], x.shape[2], weight.shape[2], stride, padding, plan)
    owner = weight if owner is None else owner
    trained = any(tensor.requires_grad for tensor in (x, weight, bias))
    keep_input = torch.is_grad_enabled() and trained
    return _BlockwiseConvolution.apply(x, weight, bias, layout, owner, keep_input)


@dataclass(frozen=True)
class _Layout:
    """Where the clips of a batch lie, each padded and in blocks of its own.

    Clips share no block, so that the rounding of one does not depend on another. Rows are groups of
    `stride` timepoints, so that the convolution over rows has stride 1.
    """

    batch: int
    time: int
    kernel_size: int
    stride: int
    padding: int
    plan: BlockPlan

    @property
    def n_outputs(self):
        """Outputs of a clip."""
        return (self.time + 2 * self.padding - self.kernel_size) // self.stride + 1

    @property
    def n_blocks(self):
        """Blocks of a clip."""
        return -(-self.n_outputs // self.plan.n_outputs)

    @property
    def n_rows(self):
        """Rows of a clip."""
        seen = self.n_blocks * self.plan.n_outputs + self.plan.n_taps - 1
        return max(seen, -(-(self.padding + self.time) // self.stride))

    def lay_out(self, x, keep):
        """Copy clips (batch, channels, time) to rows (batch, n_rows, stride * channels).

        Unless `keep` is true the rows lie in scratch memory.
        """
        shape = (self.batch, self.n_rows * self.stride, x.shape[1])
        rows = x.new_empty(shape) if keep else current_workspace().scratch("rows", shape, x)
        end = self.padding + self.time
        rows[:, : self.padding] = 0
        rows[:, self.padding : end] = x.transpose(1, 2)
        rows[:, end:] = 0
        return rows.view(self.batch, self.n_rows, -1)

    def take_inputs(self, rows):
        """Return the clips, a view (batch, channels, time), of rows as `lay_out` makes them."""
        rows = rows.view(self.batch, self.n_rows * self.stride, -1)
        return rows[:, self.padding : self.padding + self.time].transpose(1, 2)

    def take_outputs(self, blocks):
        """Return the clips' outputs, a view (batch, channels, n_outputs), of their blocks."""
        rows = blocks.view(self.batch, self.n_blocks * self.plan.n_outputs, -1)
        return rows[:, : self.n_outputs].transpose(1, 2)

    def lay_out_outputs(self, y):
        """Copy gradients (batch, channels, n_outputs) to blocks, zero beyond the clips' ends."""
        blocks = y.new_zeros((self.batch * self.n_blocks, self.plan.n_outputs, y.shape[1]))
        self.take_outputs(blocks).copy_(y)
        return blocks

    def cut_blocks(self, rows):
        """Return each clip's overlapping blocks, a view (n_blocks, block_length, channels)."""
        channels = rows.shape[2]
        shape = (self.n_blocks, self.plan.block_length, channels)
        strides = (self.plan.n_outputs * channels, channels, 1)
        return [clip.as_strided(shape, strides, clip.storage_offset()) for clip in rows]

    def add_blocks(self, blocks):
        """Add overlapping blocks to rows: the adjoint of `cut_blocks`."""
        length, step = self.plan.block_length, self.plan.n_outputs
        blocks = blocks.view(self.batch, self.n_blocks, length, -1)
        n_steps = max(self.n_blocks + -(-length // step), -(-self.n_rows // step))
        rows = blocks.new_zeros((self.batch, n_steps, step, blocks.shape[3]))
        for i, start in enumerate(range(0, length, step)):
            piece = blocks[:, :, start : start + step]
            rows[:, i : i + self.n_blocks, : piece.shape[2]] += piece
        return rows.view(self.batch, n_steps * step, -1)[:, : self.n_rows]


class _BlockwiseConvolution(torch.autograd.Function):
    """The convolution and its gradients; in shapes p are products, b blocks, i and o channels."""

    @staticmethod
    def forward(ctx, x, weight, bias, layout, owner, keep_input):
        matrices = _matrices(layout.plan, x.dtype, x.device)
        rows = layout.lay_out(x, keep_input)
        ctx.save_for_backward(rows, weight)
        ctx.layout, ctx.owner = layout, owner
        filters = _filters(weight, owner, layout)  # (p, o, i)
        features = _transform_input(rows, layout)  # (p, b, i)
        products = _multiply("products", features, filters.transpose(1, 2))  # (p, b, o)
        products[0] += layout.plan.block_length * bias  # the lowest frequency holds the sum
        blocks = torch.matmul(matrices.inverse, products.transpose(0, 1))  # (b, n_outputs, o)
        return layout.take_outputs(blocks)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        rows, weight = ctx.saved_tensors
        layout = ctx.layout
        blocks = layout.lay_out_outputs(grad)
        matrix = _matrices(layout.plan, grad.dtype, grad.device).inverse.T
        products = _multiply("products", matrix.expand(len(blocks), *matrix.shape), blocks)
        products = products.transpose(0, 1)  # (p, b, o)
        grad_x = grad_weight = grad_bias = None
        if ctx.needs_input_grad[1]:
            grad_weight = _grad_weight(products, rows, weight.shape, layout)
        if ctx.needs_input_grad[0]:
            grad_x = _grad_input(products, _filters(weight, ctx.owner, layout), layout)
        if ctx.needs_input_grad[2]:
            grad_bias = blocks.sum(dim=(0, 1))
        return grad_x, grad_weight, grad_bias, None, None, None


def _grad_weight(products, rows, shape, layout):
    features = _transform_input(rows, layout)  # (p, b, i)
    filters = _multiply("filters", products.transpose(1, 2), features)  # (p, o, i)
    matrix = _matrices(layout.plan, rows.dtype, rows.device).filters_to
    taps = rows.new_empty((*filters.shape[1:], layout.plan.n_taps))
    for taps_slice, filters_slice in _slices(taps, filters):
        torch.mm(filters_slice.T, matrix, out=taps_slice)
    return _ungroup_taps(taps, shape, layout.stride)


def _grad_input(products, filters, layout):
    matrix = _matrices(layout.plan, products.dtype, products.device).input_to
    features = _multiply("features", products, filters)  # (p, b, i)
    blocks = torch.matmul(matrix.T, features.transpose(0, 1))  # (b, block_length, i)
    return layout.take_inputs(layout.add_blocks(blocks))


def _transform_input(rows, layout):
    """Transform the blocks of all clips, in scratch memory: (n_products, blocks, channels)."""
    matrix = _matrices(layout.plan, rows.dtype, rows.device).input_to
    shape = (len(rows), layout.n_blocks, len(matrix), rows.shape[2])
    features = current_workspace().scratch("features", shape, rows)
    matrices = matrix.expand(layout.n_blocks, *matrix.shape)
    for blocks, out in zip(layout.cut_blocks(rows), features, strict=True):
        torch.bmm(matrices, blocks, out=out)
    return features.flatten(0, 1).transpose(0, 1)


def _multiply(name, a, b):
    """Multiply matrix by matrix into scratch memory."""
    shape = (len(a), a.shape[1], b.shape[2])
    return torch.bmm(a, b, out=current_workspace().scratch(name, shape, a))


@dataclass(frozen=True)
class _Matrices:
    """The three fixed matrices of a plan.

    Attributes
    ----------
    input_to : Tensor of shape (n_products, block_length)
    filters_to : Tensor of shape (n_products, n_taps)
    inverse : Tensor of shape (n_outputs, n_products)
    """

    input_to: torch.Tensor
    filters_to: torch.Tensor
    inverse: torch.Tensor


@lru_cache(maxsize=128)
def _matrices(plan, dtype, device):
    length = plan.block_length
    angle = 2 * np.pi / length * np.outer(np.arange(length // 2 + 1), np.arange(length))
    cos, sin = np.cos(angle), np.sin(angle)
    ends, inner = [0, length // 2], slice(1, length // 2)  # real and complex frequencies
    # The spectrum of the input is a - i b, that of the filters c + i d (conjugate: a correlation).
    # With k = (a - b) c their product is k + b (d + c), plus i times k + a (d - c).
    a, b = cos[inner], sin[inner]
    c, d = cos[inner, : plan.n_taps], sin[inner, : plan.n_taps]
    input_to = np.concatenate([cos[ends], a - b, a, b])
    filters_to = np.concatenate([cos[ends, : plan.n_taps], c, d - c, d + c])
    t = slice(plan.n_outputs)
    real, imaginary = 2 / length * cos[inner, t].T, -2 / length * sin[inner, t].T
    inverse = np.concatenate(
        [cos[ends][:, t].T / length, real + imaginary, imaginary, real], axis=1
    )
    with torch.inference_mode(False):  # they serve training too
        return _Matrices(
            *(torch.tensor(m, dtype=dtype, device=device) for m in (input_to, filters_to, inverse))
        )


def _filters(weight, owner, layout):
    """Return the transformed filters: (n_products, out_channels, stride * in_channels)."""
    workspace = current_workspace()

    def transform():
        taps = _group_taps(weight, layout.stride, layout.plan.n_taps)  # (o, i, taps)
        matrix = _matrices(layout.plan, weight.dtype, weight.device).filters_to
        shape = (len(matrix), *taps.shape[:2])
        fresh = workspace.n_uses > 0  # they are kept then
        filters = weight.new_empty(shape) if fresh else workspace.scratch("filters", shape, weight)
        for taps_slice, filters_slice in _slices(taps, filters):
            torch.mm(matrix, taps_slice.T, out=filters_slice)
        return filters

    return workspace.prepare(owner, "blocks", layout.plan, transform)


def _slices(taps, products):
    """Yield parts of filters (..., n_taps) with those of their transforms (n_products, ...)."""
    taps, products = taps.reshape(-1, taps.shape[-1]), products.view(len(products), -1)
    for start in range(0, len(taps), _N_FILTERS):
        part = slice(start, start + _N_FILTERS)
        yield taps[part], products[:, part]


def _group_taps(weight, stride, n_taps):
    """Turn filters of stride s into ones of stride 1 over groups of s timepoints."""
    if stride == 1:
        return weight.detach()
    out_channels, in_channels, kernel_size = weight.shape
    taps = weight.new_zeros((out_channels, in_channels, n_taps * stride))
    taps[..., :kernel_size] = weight.detach()
    taps = taps.view(out_channels, in_channels, n_taps, stride).permute(0, 3, 1, 2)
    return taps.reshape(out_channels, stride * in_channels, n_taps)


def _ungroup_taps(taps, shape, stride):
    """Undo `_group_taps`."""
    if stride == 1:
        return taps
    out_channels, in_channels, kernel_size = shape
    taps = taps.view(out_channels, stride, in_channels, -1).permute(0, 2, 3, 1)
    return taps.reshape(out_channels, in_channels, -1)[..., :kernel_size].contiguous()
