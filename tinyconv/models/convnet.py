"""Plain stacks of blocks, convolution, batch norm, ReLU and max pool, for signals, pictures and volumes alike."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tinyconv.nn import (
    BatchNorm,
    Conv1d,
    Conv2d,
    Conv3d,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
    ReLU,
    Sequential,
)

CONVOLUTIONS: dict[int, Any] = {1: Conv1d, 2: Conv2d, 3: Conv3d}
POOLS: dict[int, Any] = {1: MaxPool1d, 2: MaxPool2d, 3: MaxPool3d}


def conv4(channels: int, rng: np.random.Generator, width: int = 64) -> Sequential:
    """The encoder of one-shot learning: images (N, H, W, channels) to (N, features), four blocks that each halve the sides.

    A 28 x 28 picture becomes `width` numbers. Source: Vinyals et al. 2016; Snell, Swersky & Zemel 2017, section 3.1.
    """
    blocks = conv_blocks(2, (channels, *[width] * 4), 3, pools=4, norm=True, rng=rng)
    return Sequential(**blocks, flatten=Flatten())


def signal_net(kernel_size: int, classes: int, rng: np.random.Generator, widths: Sequence[int] = (1, 32, 64, 128)) -> Sequential:
    """Signals (N, L, widths[0]) to logits (N, classes): convolutions at full length, then the mean over time."""
    blocks = conv_blocks(1, widths, kernel_size, pools=0, norm=False, rng=rng)
    return Sequential(**blocks, mean=GlobalAvgPool(), logits=Linear(widths[-1], classes, rng=rng))


def volume_net(classes: int, rng: np.random.Generator, widths: Sequence[int] = (1, 16, 32, 64)) -> Sequential:
    """Volumes (N, D, H, W, widths[0]) to logits (N, classes): 3x3x3 convolutions with pools between them, then the mean."""
    blocks = conv_blocks(3, widths, 3, pools=len(widths) - 2, norm=False, rng=rng)
    return Sequential(**blocks, mean=GlobalAvgPool(), logits=Linear(widths[-1], classes, rng=rng))


def conv_blocks(rank: int, widths: Sequence[int], kernel_size: int, *, pools: int, norm: bool,
                rng: np.random.Generator) -> dict[str, Any]:
    """The layers of the blocks by name, conv1 norm1 relu1 pool1 conv2 ..., as a Sequential takes them.

    Parameters
    ----------
    rank : 1, 2 or 3 spatial axes
    widths : channels of the input and after each block
    kernel_size : odd, so that padding keeps the size
    pools : how many blocks, from the first on, end in a max pool of 2
    norm : batch norm, which makes the convolution's bias superfluous
    """
    layers: dict[str, Any] = {}
    for block, (inputs, width) in enumerate(pairwise(widths), 1):
        layers[f"conv{block}"] = CONVOLUTIONS[rank](inputs, width, kernel_size, padding=kernel_size // 2, bias=not norm, rng=rng)
        if norm:
            layers[f"norm{block}"] = BatchNorm(width)
        layers[f"relu{block}"] = ReLU()
        if block <= pools:
            layers[f"pool{block}"] = POOLS[rank](2)
    return layers
