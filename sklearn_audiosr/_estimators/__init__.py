"""Estimators, one in each file, and what they share."""

from sklearn_audiosr._estimators.dnn import DNNBandwidthExtender
from sklearn_audiosr._estimators.linear import LinearUpsampler
from sklearn_audiosr._estimators.spline import SplineUpsampler
from sklearn_audiosr._estimators.super_resolver import AudioSuperResolver

# the only classes that a model file may name
__all__ = ["AudioSuperResolver", "DNNBandwidthExtender", "LinearUpsampler", "SplineUpsampler"]
