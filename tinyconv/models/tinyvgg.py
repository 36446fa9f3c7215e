"""A VGG-like feature net of our own, small enough to train in an hour and to ship: eight 3x3 convolutions."""

from __future__ import annotations

import numpy as np

from tinyconv.engine import Tensor
from tinyconv.models.shipped import load_shipped, save_shipped
from tinyconv.nn import Conv2d, GlobalAvgPool, Linear, MaxPool2d, ReLU, Sequential

WIDTHS = (32, 64, 128, 256)  # channels of the four stages, two convolutions each
WEIGHTS = "tinyvgg_cifar10.npz"
MEAN, STD = 0.47, 0.25  # of CIFAR-10's pixels, rounded: the input is (x - MEAN) / STD


def tiny_vgg(rng: np.random.Generator, classes: int = 10) -> Sequential:
    """The untrained net: images (N, H, W, 3) in [0, 1] to logits (N, classes).

    Its children are called as VGG's, conv1_1 relu1_1 conv1_2 relu1_2 pool1 ... relu4_2, then mean and logits, so
    that `collect(x, ["relu1_1", ...])` reads like the style papers.
    """
    layers: dict[str, object] = {"normalise": normalise}
    channels = 3
    for stage, width in enumerate(WIDTHS, 1):
        for conv in (1, 2):
            layers[f"conv{stage}_{conv}"] = Conv2d(channels, width, 3, padding=1, rng=rng)
            layers[f"relu{stage}_{conv}"] = ReLU()
            channels = width
        if stage < len(WIDTHS):
            layers[f"pool{stage}"] = MaxPool2d(2)
    layers["mean"] = GlobalAvgPool()
    layers["logits"] = Linear(channels, classes, rng=rng)
    return Sequential(**layers)  # type: ignore[arg-type]


def normalise(x: Tensor) -> Tensor:
    """Pixels in [0, 1] to about mean 0 and deviation 1."""
    return (x - MEAN) / STD


def load_tiny_vgg() -> Sequential:
    """The net trained on CIFAR-10 by `tinyconv reproduce cifar10`, frozen; its float16 weights come with tinyconv."""
    return load_shipped(tiny_vgg(np.random.default_rng(0)), WEIGHTS)


def save_tiny_vgg(net: Sequential) -> None:
    """Write the weights that `load_tiny_vgg` reads."""
    save_shipped(net, WEIGHTS)
