"""A small encoder: a picture of a face in, a point on the unit sphere out; near points are one person."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinyconv.engine import Tensor
from tinyconv.nn import BatchNorm, Conv2d, Flatten, L2Normalize, Linear, MaxPool2d, ReLU, Sequential
from tinyconv.ops.norm import layer_norm

WIDTHS = (32, 64, 128, 128)  # channels of the blocks; each halves height and width


def face_encoder(size: tuple[int, int], channels: int, rng: np.random.Generator, embedding: int = 64,
                 widths: Sequence[int] = WIDTHS) -> Sequential:
    """The untrained encoder: images (N, *size, channels) in [0, 1] to embeddings (N, embedding) of length 1.

    Blocks of a 3x3 convolution, batch norm, ReLU and a 2x2 max pool; then one linear layer that sees every place, since
    the faces are aligned, and L2 normalization. Each picture is standardized first, so that the light's strength does
    not matter.
    """
    layers: dict[str, object] = {"standardize": standardize}
    inputs = channels
    for block, width in enumerate(widths, 1):
        layers[f"conv{block}"] = Conv2d(inputs, width, 3, padding=1, bias=False, rng=rng)
        layers[f"norm{block}"] = BatchNorm(width)
        layers[f"relu{block}"] = ReLU()
        layers[f"pool{block}"] = MaxPool2d(2)
        inputs = width
    places = math.prod(n // 2 ** len(widths) for n in size)
    layers["flatten"] = Flatten()
    layers["embedding"] = Linear(inputs * places, embedding, rng=rng)
    layers["normalize"] = L2Normalize()
    return Sequential(**layers)  # type: ignore[arg-type]


def standardize(x: Tensor) -> Tensor:
    """Each picture of (N, H, W, C) with mean 0 and deviation 1."""
    return layer_norm(x, axes=(1, 2, 3), eps=1e-4)
