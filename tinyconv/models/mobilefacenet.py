"""MobileFaceNet, a face in, a point of 128 numbers out: a million weights, most of its work in 1x1 convolutions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinyconv.data.arrays import read_npz
from tinyconv.engine import Array, Tensor
from tinyconv.errors import DataError, ShapeError
from tinyconv.models.squeezenet import channels_last_weight
from tinyconv.nn import BatchNorm, Conv2d, Flatten, PReLU, Residual, Sequential

SIZE = (112, 96)  # height and width of the aligned face
STEM, LAST, EMBEDDING = 64, 512, 128  # channels

# Bottlenecks: (how much wider inside, channels out, how many, stride of the first). Source: the paper's table 1.
BOTTLENECKS = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))

# The parts of a bottleneck in the order they run, as `blocks.3.conv.0`, `blocks.3.conv.1`, ... in the published weights.
PARTS = ("expand", "expand_norm", "expand_prelu", "depthwise", "depthwise_norm", "depthwise_prelu", "project", "project_norm")


def mobilefacenet(rng: np.random.Generator, size: tuple[int, int] = SIZE) -> Sequential:
    """The untrained net: RGB faces (N, *size, 3) in [0, 1] to points (N, 128), of any length; compare them by their angle.

    Every convolution is followed by batch norm, so none has a bias. The last map is not averaged but weighed place by place
    (`linear7`, depthwise with a kernel as large as the map): an aligned face has its eyes where they belong.

    Parameters
    ----------
    size : height and width, multiples of 16

    Source: Chen, Liu, Gao & Han 2018, "MobileFaceNets".
    """
    if any(n < 16 or n % 16 for n in size):
        raise ShapeError(f"mobilefacenet: size is {size}, expected a height and a width that 16 divides, such as {SIZE}.")
    layers: dict[str, Any] = {"normalise": normalise}
    layers |= _convolution("conv1", 3, STEM, 3, stride=2, padding=1, rng=rng)
    layers |= _convolution("depthwise1", STEM, STEM, 3, padding=1, groups=STEM, rng=rng)
    for number, (inputs, inner, outputs, stride) in enumerate(_bottlenecks()):
        body = Sequential(
            **_convolution("expand", inputs, inner, 1, rng=rng),
            **_convolution("depthwise", inner, inner, 3, stride=stride, padding=1, groups=inner, rng=rng),
            **_convolution("project", inner, outputs, 1, prelu=False, rng=rng),
        )
        layers[f"block{number}"] = Residual(body) if _has_shortcut(inputs, outputs, stride) else body
    last_map = tuple(n // 16 for n in size)
    layers |= _convolution("conv2", outputs, LAST, 1, rng=rng)
    layers |= _convolution("linear7", LAST, LAST, last_map, groups=LAST, prelu=False, rng=rng)
    layers |= _convolution("linear1", LAST, EMBEDDING, 1, prelu=False, rng=rng)
    layers["flatten"] = Flatten()
    return Sequential(**layers)


def normalise(x: Tensor) -> Tensor:
    """Pixels in [0, 1] to [-0.996, 0.996]: (255 x - 127.5) / 128, what the published weights were trained on."""
    return (x - 0.5) * (255 / 128)


def load_mobilefacenet(path: str | Path) -> Sequential:
    """The net with published weights, frozen and in evaluation mode.

    Parameters
    ----------
    path : `.npz` with the names of github.com/Xiaoccer/MobileFaceNet_Pytorch (`conv1.conv.weight`, `blocks.0.conv.0.weight`,
        ...), weights (out, in, height, width)

    Raises
    ------
    DataError
        The file cannot be read, or is not MobileFaceNet for 112 x 96.
    """
    net = mobilefacenet(np.random.default_rng(0))
    try:
        net.load_state(_from_published(read_npz(path)))
    except ShapeError as error:
        raise DataError(f"{path} does not hold the weights of MobileFaceNet for {SIZE[0]} x {SIZE[1]}: {error}") from error
    return net.freeze().eval()


def _convolution(name: str, inputs: int, outputs: int, kernel: Any, *, prelu: bool = True, rng: np.random.Generator,
                 **options: Any) -> dict[str, Any]:
    """`name`, `name_norm` and, unless the block is linear, `name_prelu`."""
    layers: dict[str, Any] = {name: Conv2d(inputs, outputs, kernel, bias=False, rng=rng, **options),
                              f"{name}_norm": BatchNorm(outputs)}
    return layers | {f"{name}_prelu": PReLU(outputs)} if prelu else layers


def _bottlenecks() -> Iterator[tuple[int, int, int, int]]:
    """(channels in, inside, out, stride) of each bottleneck."""
    inputs = STEM
    for wider, outputs, count, first in BOTTLENECKS:
        for number in range(count):
            yield inputs, inputs * wider, outputs, first if number == 0 else 1
            inputs = outputs


def _has_shortcut(inputs: int, outputs: int, stride: int) -> bool:
    return stride == 1 and inputs == outputs


def _from_published(state: Mapping[str, Array]) -> dict[str, Array]:
    """The same arrays under our names and in our layout; unknown names stay as they are."""
    names = {"dw_conv1.conv": "depthwise1", "dw_conv1.bn": "depthwise1_norm", "dw_conv1.prelu": "depthwise1_prelu"}
    for layer in ("conv1", "conv2", "linear7", "linear1"):
        names |= {f"{layer}.conv": layer, f"{layer}.bn": f"{layer}_norm", f"{layer}.prelu": f"{layer}_prelu"}
    for number, (inputs, _, outputs, stride) in enumerate(_bottlenecks()):
        body = ".body" if _has_shortcut(inputs, outputs, stride) else ""
        names |= {f"blocks.{number}.conv.{i}": f"block{number}{body}.{part}" for i, part in enumerate(PARTS)}
    renamed = {}
    for name, array in state.items():
        layer, _, kind = name.rpartition(".")
        renamed[f"{names.get(layer, layer)}.{kind}"] = channels_last_weight(array) if array.ndim == 4 else array
    return renamed
