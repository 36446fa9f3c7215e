"""A small encoder: a picture of a face in, a point on the unit sphere out; near points are one person."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinyconv.engine import Tensor
from tinyconv.models.shipped import load_shipped, save_shipped
from tinyconv.nn import BatchNorm, Conv2d, Flatten, L2Normalize, Linear, MaxPool2d, ReLU, Sequential
from tinyconv.ops.norm import layer_norm

WIDTHS = (32, 64, 128, 128)  # channels of the blocks; each halves height and width
OWN_SIZE, OWN_WEIGHTS = (48, 48), "face_encoder_procedural.npz"


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


def own_face_encoder() -> Sequential:
    """The encoder that comes with tinyconv, frozen: RGB faces (N, 48, 48, 3) in [0, 1] to points (N, 64) of length 1.

    Trained by `tinyconv reproduce procedural-faces --save-weights` on faces drawn by code: it tells those apart, and shows
    how the rest works. It has never seen a photograph.
    """
    return load_shipped(face_encoder(OWN_SIZE, 3, np.random.default_rng(0)), OWN_WEIGHTS)


def save_own_face_encoder(net: Sequential) -> None:
    """Write the weights that `own_face_encoder` reads."""
    save_shipped(net, OWN_WEIGHTS)
