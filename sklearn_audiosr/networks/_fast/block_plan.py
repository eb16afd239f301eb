"""Choose the block length in which a layer with long filters computes, by counting the cost."""

from dataclasses import dataclass
from functools import lru_cache

import torch

from sklearn_audiosr._torch import current_workspace

# Costs of a byte that is read or written, and of a byte of memory that is new to the process, in
# floating-point operations of a matrix product; and the share of a product's rate that the direct
# kernels reach. Set by hand on one machine: where two ways cost about the same it matters little.
_FLOPS_A_BYTE = 12
_FLOPS_A_FRESH_BYTE = 60
_DIRECT_RATE = 0.9

# The choice of outputs of a block, in units of n_taps - 1.
_BLOCK_LENGTHS = (1 / 2, 1, 3 / 2, 2, 3)


@dataclass(frozen=True)
class BlockPlan:
    """Blocks of `n_outputs` timepoints, for filters of `n_taps`."""

    n_taps: int
    n_outputs: int

    @property
    def block_length(self):
        """Input timepoints of a block."""
        return self.n_outputs + self.n_taps - 1

    @property
    def n_products(self):
        """Real matrix products over the channels for a block."""
        return 3 * (self.block_length // 2 - 1) + 2


def choose_plan(batch, n_outputs, weight, stride, owner=None):
    """Choose the cheapest way to compute a layer.

    Parameters
    ----------
    batch, n_outputs : int
        Clips, and output timepoints of each.
    weight : Tensor of shape (out_channels, in_channels, kernel_size)
        Filters of the layer.
    stride : int
        Timepoints from one output to the next.
    owner : Tensor, default=None
        As for `convolve_blockwise`.

    Returns
    -------
    plan : BlockPlan or None
        None for the direct convolution.
    """
    training = torch.is_grad_enabled() and weight.requires_grad
    n_uses, ready = 0, None
    if not training:
        n_uses = current_workspace().n_uses
        ready = current_workspace().find_form(weight if owner is None else owner, "blocks")
    return _choose_plan(batch, n_outputs, tuple(weight.shape), stride, training, n_uses, ready)


@lru_cache(maxsize=4096)
def _choose_plan(batch, n_outputs, shape, stride, training, n_uses, ready):
    out_channels, in_channels, kernel_size = shape
    passes = 3 if training else 1
    # training transforms filters forwards, backwards, and for the gradient of the taps. Prediction
    # does it once for all uses; if a transform is kept already, another one must pay at once.
    transforms = 3 if training else 1 if ready else 1 / max(1, n_uses)
    flops = 2 * batch * n_outputs * kernel_size * in_channels * out_channels
    cheapest, least = None, passes * flops / _DIRECT_RATE
    for plan in _candidates(-(-kernel_size // stride)):
        n_transforms = 0 if plan == ready else transforms
        n_blocks = batch * -(-n_outputs // plan.n_outputs)
        cost = _count_cost(plan, n_blocks, stride * in_channels, out_channels, passes, n_transforms)
        if cost < least:
            cheapest, least = plan, cost
    return cheapest


@lru_cache
def _candidates(n_taps):
    lengths = [round(share * (n_taps - 1)) for share in _BLOCK_LENGTHS]
    # even blocks: their highest frequency takes a real product
    lengths = {length + (length + n_taps - 1) % 2 for length in lengths if length >= 2}
    return [BlockPlan(n_taps, length) for length in sorted(lengths)]


def _count_cost(plan, n_blocks, in_channels, out_channels, passes, transforms):
    """Count floating-point operations, and bytes at their cost."""
    products, weights = plan.n_products, in_channels * out_channels
    a_block = products * (weights + plan.block_length * in_channels + plan.n_outputs * out_channels)
    flops = passes * 2 * n_blocks * a_block + transforms * 2 * products * plan.n_taps * weights
    features = n_blocks * products * (in_channels + out_channels)
    transformed = products * weights
    moved = passes * (2 * features + transformed) + transforms * 2 * transformed
    fresh = transforms * transformed if passes == 1 else 0  # they are kept
    return flops + 4 * (_FLOPS_A_BYTE * moved + _FLOPS_A_FRESH_BYTE * fresh)
