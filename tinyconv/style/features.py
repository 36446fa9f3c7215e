"""What a picture is compared by: a trained net, the layer that holds content, the layers that hold style."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tinyconv.models.squeezenet import load_squeezenet
from tinyconv.models.tinyvgg import load_tiny_vgg
from tinyconv.nn import Sequential


@dataclass(frozen=True)
class Features:
    """A frozen net and its layers.

    Attributes
    ----------
    name : what to call it to a person
    content : {layer: weight}, the layers whose activations must stay near the photograph's
    style : {layer: weight}, the lambda of each layer's Gram matrix in the style cost

    The weights bring layers of very different strength together; they were chosen by eye.
    """

    name: str
    net: Sequential
    content: Mapping[str, float]
    style: Mapping[str, float]


def own_features() -> Features:
    """The net that comes with tinyconv, trained on CIFAR-10."""
    style = {"relu1_1": 30.0, "relu2_1": 60.0, "relu3_1": 300.0, "relu4_1": 3000.0}
    return Features("tinyconv's own net", load_tiny_vgg(), {"relu3_1": 0.05}, style)


def squeezenet_features(path: str | Path) -> Features:
    """SqueezeNet 1.1 with torchvision's weights from the `.npz` file `path`."""
    style = {"relu1": 1000.0, "fire3": 1.0, "fire4": 0.1, "fire5": 0.005}
    return Features("SqueezeNet 1.1", load_squeezenet(path), {"fire3": 0.025}, style)
