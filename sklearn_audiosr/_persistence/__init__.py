"""Fitted estimators in files that are data: safetensors and JSON, nothing executed.

Private; estimators have ``save`` and the package has ``load``.
"""

from sklearn_audiosr._persistence._errors import ModelFileError, ProblemError
from sklearn_audiosr._persistence._estimators import restore_estimator, save_estimator
from sklearn_audiosr._persistence._model_file import read_model

__all__ = ["ModelFileError", "ProblemError", "read_model", "restore_estimator", "save_estimator"]
