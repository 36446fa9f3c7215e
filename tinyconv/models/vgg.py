"""The nets of Simonyan & Zisserman 2015, nothing but 3x3 convolutions: VGG-19 for style, and one of CIFAR-10's size."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.engine import Tensor
from tinyconv.nn import BatchNorm, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential

# How many convolutions each of the five stages has, by the letter of the paper's table 1.
CONFIGURATIONS = {"A": (1, 1, 2, 2, 2), "B": (2, 2, 2, 2, 2), "D": (2, 2, 3, 3, 3), "E": (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)  # channels of the stages
MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # of ImageNet's pixels, per colour
STD = np.array([0.229, 0.224, 0.225], np.float32)


def vgg19_features(rng: np.random.Generator) -> Sequential:
    """Untrained VGG-19 up to relu5_1, as far as style transfer looks: images (N, H, W, 3) in [0, 1] to (N, H/16, W/16, 512).

    Children: normalise conv1_1 relu1_1 conv1_2 relu1_2 pool1 ... conv5_1 relu5_1, called as in the style papers.
    """
    layers = {"normalise": normalise, **_stages(CONFIGURATIONS["E"], norm=False, rng=rng)}
    names = list(layers)
    return Sequential(**{name: layers[name] for name in names[: names.index("relu5_1") + 1]})


def vgg_cifar10(rng: np.random.Generator, configuration: str = "B", classes: int = 10) -> Sequential:
    """Untrained VGG for 32 x 32 pictures: (N, 32, 32, 3) to logits (N, classes), batch norm after every convolution.

    Five stages halve the sides to 1, one linear layer follows. "B" is known as VGG-13, "D" as VGG-16: of the latter
    github.com/kuangliu/pytorch-cifar reports 92.64 % right in this form.
    """
    layers = _stages(CONFIGURATIONS[configuration], norm=True, rng=rng)
    return Sequential(**layers, flatten=Flatten(), logits=Linear(WIDTHS[-1], classes, rng=rng))


def normalise(x: Tensor) -> Tensor:
    """Pixels in [0, 1] to ImageNet's mean 0 and deviation 1, per colour."""
    return (x - MEAN) / STD


def _stages(depths: tuple[int, ...], norm: bool, rng: np.random.Generator) -> dict[str, Any]:
    """conv1_1 [norm1_1] relu1_1 ... pool5."""
    layers: dict[str, Any] = {}
    channels = 3
    for stage, (depth, width) in enumerate(zip(depths, WIDTHS, strict=True), 1):
        for number in range(1, depth + 1):
            layers[f"conv{stage}_{number}"] = Conv2d(channels, width, 3, padding=1, bias=not norm, rng=rng)
            if norm:
                layers[f"norm{stage}_{number}"] = BatchNorm(width)
            layers[f"relu{stage}_{number}"] = ReLU()
            channels = width
        layers[f"pool{stage}"] = MaxPool2d(2)
    return layers
