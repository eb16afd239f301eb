"""Estimators: one a file, and what they share."""

from sklearn_audiosr._estimators.dnn import DNNBandwidthExtender
from sklearn_audiosr._estimators.linear import LinearUpsampler
from sklearn_audiosr._estimators.spline import SplineUpsampler
from sklearn_audiosr._estimators.super_resolver import AudioSuperResolver

# a model file may name these, and no other class
__all__ = ["AudioSuperResolver", "DNNBandwidthExtender", "LinearUpsampler", "SplineUpsampler"]
