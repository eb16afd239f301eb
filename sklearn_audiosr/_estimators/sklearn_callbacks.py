"""scikit-learn's own callbacks, ``est.set_callbacks(...)``: each epoch is a task of the fit."""

from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stand-in without methods, for versions without callbacks."""


class FitTasks:
    """Calls scikit-learn's callbacks at the start and the end of a fit and of its epochs.

    Parameters
    ----------
    estimator : LearnedUpsampler
        Estimator at the start of its `fit`.
    X, Y : containers of clips
        Arguments of `fit`.

    Attributes
    ----------
    functions : list of callable
        Functions that training calls after each epoch.
    """

    def __init__(self, estimator, X, Y):
        self.estimator = estimator
        self._context: Any = None
        self.functions = []
        self._data = {"estimator": estimator, "X": X, "y": Y}
        if hasattr(estimator, "_skl_callbacks"):
            self._context = estimator._init_callback_context(max_subtasks=estimator.max_epochs)
            self._context.call_on_fit_task_begin(**self._data)
            self.functions.append(self._end_epoch)

    def _end_epoch(self, fitted, measured):
        """Call the callbacks after an epoch; return whether one of them stops the fit."""
        epoch = self._context.subcontext(task_name="epoch")
        # no metadata: scikit-learn's ScoringMonitor passes it on to the scorer
        epoch.call_on_fit_task_begin(**self._data)
        return epoch.call_on_fit_task_end(
            **self._data, reconstruction_attributes=lambda: vars(fitted)
        )

    def end_fit(self):
        """Call the callbacks after the fit."""
        if self._context is not None:
            self._context.call_on_fit_task_end(
                **self._data, reconstruction_attributes=lambda: vars(self.estimator)
            )
