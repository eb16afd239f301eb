"""Fitted estimators in files that are data: safetensors and JSON, nothing executed.

Private; estimators have ``save`` and the package has ``load``.
"""
