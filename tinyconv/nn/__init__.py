"""Layers: functions with parameters, found by reflection."""

from tinyconv.nn.layers import AvgPool2d, Conv1d, Conv2d, Conv3d, Flatten, GlobalAvgPool, Linear, MaxPool2d, ReLU
from tinyconv.nn.module import Module, Sequential

__all__ = ["AvgPool2d", "Conv1d", "Conv2d", "Conv3d", "Flatten", "GlobalAvgPool", "Linear", "MaxPool2d", "Module", "ReLU",
           "Sequential"]
