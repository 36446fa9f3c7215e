"""SqueezeNet 1.1, an ImageNet classifier of 1.2 million numbers: its features carry a painter's style."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinyconv.data.arrays import read_npz
from tinyconv.engine import Array, Tensor
from tinyconv.errors import DataError, ShapeError
from tinyconv.nn import Conv2d, GlobalAvgPool, MaxPool2d, Module, ReLU, Sequential
from tinyconv.ops.array import concatenate
from tinyconv.ops.elementwise import relu

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)

# Position in torchvision's `features`: (in, squeeze, expand) channels; positions 2, 5 and 8 are max pools.
FIRES = {3: (64, 16, 64), 4: (128, 16, 64), 6: (128, 32, 128), 7: (256, 32, 128),
         9: (256, 48, 192), 10: (384, 48, 192), 11: (384, 64, 256), 12: (512, 64, 256)}


class Fire(Module):
    """Squeeze to few channels with 1x1, expand with 1x1 and 3x3 side by side. Source: Iandola et al. 2016."""

    def __init__(self, in_channels: int, squeeze: int, expand: int, rng: np.random.Generator) -> None:
        self.squeeze = Conv2d(in_channels, squeeze, 1, rng=rng)
        self.expand1x1 = Conv2d(squeeze, expand, 1, rng=rng)
        self.expand3x3 = Conv2d(squeeze, expand, 3, padding=1, rng=rng)

    def forward(self, x: Any) -> Tensor:
        squeezed = relu(self.squeeze(x))
        return concatenate([relu(self.expand1x1(squeezed)), relu(self.expand3x3(squeezed))], axis=-1)


def squeezenet1_1(rng: np.random.Generator) -> Sequential:
    """The untrained net: images (N, H, W, 3) in [0, 1] to logits (N, 1000).

    Children: normalise conv1 relu1 pool1 fire2 fire3 pool3 fire4 fire5 pool5 fire6 ... fire9 conv10 relu10 mean.
    """
    layers: dict[str, Any] = {"normalise": normalise}
    layers |= {"conv1": Conv2d(3, 64, 3, stride=2, rng=rng), "relu1": ReLU(), "pool1": MaxPool2d(3, 2, ceil_mode=True)}
    for number, (position, channels) in enumerate(FIRES.items(), 2):
        layers[f"fire{number}"] = Fire(*channels, rng)
        if position in (4, 7):
            layers[f"pool{number}"] = MaxPool2d(3, 2, ceil_mode=True)
    layers |= {"conv10": Conv2d(512, 1000, 1, rng=rng), "relu10": ReLU(), "mean": GlobalAvgPool()}
    return Sequential(**layers)


def normalise(x: Tensor) -> Tensor:
    """Pixels in [0, 1] to ImageNet's mean 0 and deviation 1, per colour."""
    return (x - MEAN) / STD


def load_squeezenet(path: str | Path) -> Sequential:
    """The net with torchvision's weights, frozen.

    Parameters
    ----------
    path : `.npz` with torchvision's names (`features.3.squeeze.weight`, ...), weights (out, in, height, width)

    Raises
    ------
    DataError
        The file cannot be read, or is not SqueezeNet 1.1.
    """
    net = squeezenet1_1(np.random.default_rng(0))
    try:
        net.load_state(_from_torchvision(read_npz(path)))
    except ShapeError as error:
        raise DataError(f"{path} does not hold the weights of SqueezeNet 1.1: {error}") from error
    net.freeze()
    return net


def channels_last_weight(weight: Array) -> Array:
    """PyTorch's (out, in, *kernel) as (*kernel, in, out)."""
    return np.moveaxis(weight, (1, 0), (-2, -1))


def _from_torchvision(state: Mapping[str, Array]) -> dict[str, Array]:
    """The same arrays under our names and in our layout; unknown names stay as they are."""
    names = {"features.0": "conv1", "classifier.1": "conv10"}
    for number, position in enumerate(FIRES, 2):
        for part in ("squeeze", "expand1x1", "expand3x3"):
            names[f"features.{position}.{part}"] = f"fire{number}.{part}"
    renamed = {}
    for name, array in state.items():
        layer, _, kind = name.rpartition(".")
        renamed[f"{names.get(layer, layer)}.{kind}"] = channels_last_weight(array) if array.ndim == 4 else array
    return renamed
