"""The Siamese net of Koch, Zemel & Salakhutdinov 2015: are two drawings of 105 x 105 pixels the same character?"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.engine import Tensor
from tinyconv.errors import ShapeError
from tinyconv.nn import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, Sigmoid
from tinyconv.ops.elementwise import abs as absolute

# (kernel, out channels) of the convolutions; a max pool of 2 follows all but the last
LAYERS = ((10, 64), (7, 128), (4, 128), (4, 256))
SIDE, EMBEDDING = 105, 4096


def koch_net(rng: np.random.Generator) -> Sequential:
    """The untrained net: pairs, one after the other (2 N, 105, 105, 1), to logits (N, 1) of being the same.

    The first N pictures are paired with the last N, in their order: both go through one tower as one batch. The tower ends
    at `sigmoid`, a point of 4096 numbers between 0 and 1; `difference` is |a - b|, and `score` weighs it.

    Source: "Siamese Neural Networks for One-shot Image Recognition", figure 4.
    """
    layers: dict[str, Any] = {}
    channels, side = 1, SIDE
    for number, (kernel, width) in enumerate(LAYERS, 1):
        layers[f"conv{number}"] = Conv2d(channels, width, kernel, rng=rng)
        layers[f"relu{number}"] = ReLU()
        channels, side = width, side - kernel + 1
        if number < len(LAYERS):
            layers[f"pool{number}"] = MaxPool2d(2)
            side //= 2
    layers["flatten"] = Flatten()
    layers["embedding"] = Linear(channels * side * side, EMBEDDING, rng=rng)
    layers["sigmoid"] = Sigmoid()
    layers["difference"] = difference
    layers["score"] = Linear(EMBEDDING, 1, rng=rng)
    return Sequential(**layers)


def difference(points: Tensor) -> Tensor:
    """|a - b| for points a, the first half of (2 N, features), and b, the second half: (N, features).

    Raises
    ------
    ShapeError
        An odd number of points.
    """
    if len(points.shape) != 2 or points.shape[0] % 2:
        raise ShapeError(f"difference: got points of shape {points.shape}, expected (2 N, features), a pair being n and N + n.")
    pairs = points.shape[0] // 2
    return absolute(points[:pairs] - points[pairs:])
