"""Training losses: functions of a batch of predictions, targets and masks.

Each takes three tensors of shape (batch, 1, time), the mask 1 where a timepoint counts and 0 in
the padding of a short clip, and gives one number to minimise.
"""

import torch

# Keeps the root's gradient finite where a patch is predicted exactly (the published program's).
_EPSILON = 1e-6


def rmse(prediction, target, mask):
    """Mean over patches of the root mean squared error: the published program's loss."""
    return torch.sqrt(_mean_squared_errors(prediction, target, mask) + _EPSILON).mean()


def mse(prediction, target, mask):
    """Mean squared error over all timepoints of the batch."""
    return ((prediction - target) * mask).square().sum() / mask.sum()


def paper_eq1(prediction, target, mask):
    """Equation (1) as printed: the root of the summed squared errors, over the patches' number."""
    total = ((prediction - target) * mask).square().sum()
    return torch.sqrt(total + _EPSILON) / len(prediction)


OBJECTIVES = {"rmse": rmse, "mse": mse, "paper_eq1": paper_eq1}


def _mean_squared_errors(prediction, target, mask):
    """Mean squared error of each patch, shape (batch,)."""
    errors = ((prediction - target) * mask).square().sum(dim=(1, 2))
    return errors / mask.sum(dim=(1, 2))
