"""The course's Siamese network: one tower, convolutions and a fully connected layer, that every picture goes through."""

from __future__ import annotations

import numpy as np

from tinyconv.errors import ShapeError
from tinyconv.models.convnet import conv_blocks
from tinyconv.nn import Flatten, Linear, Sequential

WIDTHS = (32, 64, 128)  # channels of the blocks; each halves height and width
EMBEDDING = 128  # the course's f(x): 128 numbers that stand for a face


def siamese_net(size: tuple[int, int], channels: int, rng: np.random.Generator, embedding: int = EMBEDDING) -> Sequential:
    """The untrained tower: pictures (N, *size, channels) to encodings f(x), (N, embedding), of any length.

    Its two branches are one set of weights: run all pictures as one batch, then compare. For the triplet loss follow it with
    `nn.L2Normalize`; for binary classification with `tinyconv.metric.siamese.SiameseHead(embedding)`.

    Raises
    ------
    ShapeError
        A height or width below 8: three pools halve it.

    Source: the course, "Siamese network"; Taigman, Yang, Ranzato & Wolf 2014 (DeepFace).
    """
    shrink = 2 ** len(WIDTHS)
    if min(size) < shrink:
        raise ShapeError(f"siamese_net: size is {size}, expected a height and a width of at least {shrink}.")
    blocks = conv_blocks(2, (channels, *WIDTHS), 3, pools=len(WIDTHS), norm=False, rng=rng)
    places = (size[0] // shrink) * (size[1] // shrink)
    return Sequential(**blocks, flatten=Flatten(), encoding=Linear(WIDTHS[-1] * places, embedding, rng=rng))
