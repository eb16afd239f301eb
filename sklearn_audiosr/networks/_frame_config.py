"""What configs of networks on short-time spectra share: checks of their parameters."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, validate_parameter_constraints


class FrameConfig(BaseEstimator):
    """Base of configs with the parameters of `_parameter_constraints`.

    A subclass sets `_frame_duration`, the length of a frame in ms that errors advise.
    """

    _parameter_constraints: dict[str, Any] = {
        "n_blocks": [Interval(Integral, 1, None, closed="left")],
        "width": [Interval(Real, 0, None, closed="neither")],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "expansion": [Interval(Real, 0, None, closed="neither")],
        "frame_length": [Interval(Integral, 16, None, closed="left")],
        "n_taps": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }
    _frame_duration: int
    frame_length: int

    def _check(self, upsampling_ratio: int) -> None:
        """Raise ValueError if a parameter or the ratio is out of its range."""
        name = type(self).__name__
        validate_parameter_constraints(
            self._parameter_constraints, self.get_params(deep=False), name
        )
        for parameter in ("kernel_size", "n_taps"):
            value = getattr(self, parameter)
            if value % 2 == 0:
                raise ValueError(
                    f"{parameter} must be odd, so that it has a middle, got {value}: take "
                    f"{value + 1}."
                )
        if self.frame_length % 4:
            raise ValueError(
                "frame_length must be a multiple of 4, because frames start every quarter of it, "
                f"got {self.frame_length}: take {self.frame_length // 4 * 4}."
            )
        validate_parameter_constraints(
            {"upsampling_ratio": [Interval(Integral, 2, None, closed="left")]},
            {"upsampling_ratio": upsampling_ratio},
            f"{name}.build",
        )
        if 8 * upsampling_ratio > self.frame_length:
            raise ValueError(
                f"frame_length must be at least 8 times the upsampling ratio, "
                f"{8 * upsampling_ratio}, got {self.frame_length}: take {self._frame_duration} ms "
                "of the wideband rate."
            )
