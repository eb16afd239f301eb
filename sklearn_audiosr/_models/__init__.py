"""Fitted estimators from files, and the trained models that ship."""
