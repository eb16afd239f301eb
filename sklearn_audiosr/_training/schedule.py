"""Schedule of a training: epochs, batches, learning rate, optimizer and precision."""

import math
from dataclasses import dataclass

# The cosine schedule's last learning rate relative to its highest; also its share of warm-up steps.
_LEAST_SHARE = 0.02


@dataclass(frozen=True)
class Schedule:
    """Training parameters that are plain values.

    Attributes
    ----------
    max_epochs, batch_size, learning_rate, learning_rate_schedule, optimizer, precision
        As in `AudioSuperResolver`; `optimizer` is a name.
    """

    max_epochs: int
    batch_size: int
    learning_rate: float
    learning_rate_schedule: str = "constant"
    optimizer: str = "adam"
    precision: str = "auto"

    def split_epoch(self, n_patches):
        """Return the batch sizes of an epoch, which differ by at most one patch."""
        n_steps = -(-n_patches // self.batch_size)
        return [n_patches // n_steps + (i < n_patches % n_steps) for i in range(n_steps)]


class LearningRate:
    """Learning rate of each step: constant, or a linear warm-up and a falling cosine.

    Parameters
    ----------
    highest : float
        Highest learning rate.
    schedule : {"constant", "cosine"}
        Shape of the schedule.
    n_planned : int
        Steps of the whole training.
    """

    def __init__(self, highest, schedule, n_planned):
        self.highest, self.schedule, self.n_planned = highest, schedule, n_planned
        self.n_steps = 0

    def set(self, optimizer):
        """Set the optimizer's learning rate for the next step."""
        if self.schedule == "constant":
            return
        for group in optimizer.param_groups:
            group["lr"] = self.highest * self._find_share()
        self.n_steps += 1

    def _find_share(self):
        ramp = (self.n_steps + 1) / max(1, _LEAST_SHARE * self.n_planned)
        cosine = 0.5 + 0.5 * math.cos(math.pi * self.n_steps / self.n_planned)
        return min(1.0, ramp, _LEAST_SHARE + (1 - _LEAST_SHARE) * cosine)
