"""Layers: functions with parameters and buffers, found by reflection."""

from tinyconv.nn.activation import GELU, LeakyReLU, PReLU, ReLU, Sigmoid, Softplus, Tanh
from tinyconv.nn.buffer import Buffer
from tinyconv.nn.combine import Concat, Residual
from tinyconv.nn.conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from tinyconv.nn.dropout import Dropout
from tinyconv.nn.linear import Flatten, Linear
from tinyconv.nn.module import Module
from tinyconv.nn.norm import BatchNorm, GroupNorm, InstanceNorm, L2Normalize, LayerNorm, LocalResponseNorm
from tinyconv.nn.pool import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from tinyconv.nn.sequential import Sequential
from tinyconv.nn.summary import Summary, summary

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "BatchNorm",
    "Buffer", "Concat", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "Dropout",
    "Flatten", "GELU", "GlobalAvgPool", "GlobalMaxPool", "GroupNorm", "InstanceNorm", "L2Normalize", "LayerNorm",
    "LeakyReLU", "Linear", "LocalResponseNorm", "MaxPool1d", "MaxPool2d", "MaxPool3d", "Module", "PReLU", "ReLU",
    "Residual", "Sequential", "Sigmoid", "Softplus", "Summary", "Tanh", "summary",
]
