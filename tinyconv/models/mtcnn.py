"""MTCNN, three nets that find faces: a small one looks everywhere, a better one at what it found, the best adds landmarks.

Each net ends in `heads`, whose channels stand side by side: two logits (no face, a face); four numbers that move the left,
upper, right and lower edge of the window, in parts of its width and height; and in O-Net ten for five landmarks, first every
x, then every y, in the same parts, counted from the window's left upper corner.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tinyconv.data.arrays import read_npz
from tinyconv.engine import Array
from tinyconv.errors import DataError, ShapeError
from tinyconv.models.mobilefacenet import normalise
from tinyconv.nn import Concat, Conv2d, Flatten, Linear, MaxPool2d, Module, PReLU, Sequential

LAST_MAP = 3  # height and width of the map that R-Net and O-Net flatten

# What the published files call layers that have another name here, and the arrays of a layer.
LAYERS = {
    "pnet.PReLU1": "pnet.prelu1", "pnet.PReLU2": "pnet.prelu2", "pnet.PReLU3": "pnet.prelu3",
    "pnet.conv4-1": "pnet.heads.face", "pnet.conv4-2": "pnet.heads.box",
    "rnet.conv4": "rnet.dense4", "rnet.conv5-1": "rnet.heads.face", "rnet.conv5-2": "rnet.heads.box",
    "onet.conv5": "onet.dense5", "onet.conv6-1": "onet.heads.face", "onet.conv6-2": "onet.heads.box",
    "onet.conv6-3": "onet.heads.landmarks",
}
KINDS = {"weights": "weight", "biases": "bias", "alpha": "weight"}
FLATTENING = {"rnet.dense4.weight", "onet.dense5.weight"}  # their rows follow the places of a map


class MTCNN(Module):
    """The three nets, untrained; RGB in [0, 1].

    Attributes
    ----------
    pnet : pictures (N, H, W, 3) of at least 12 x 12 to maps (N, h, w, 6), a pixel for each window of 12 x 12, 2 pixels apart
    rnet : windows (N, 24, 24, 3) to (N, 6)
    onet : windows (N, 48, 48, 3) to (N, 16)

    Source: Zhang, Zhang, Li & Qiao 2016, "Joint face detection and alignment using multitask cascaded convolutional networks".
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.pnet = Sequential(
            normalise=normalise,
            conv1=Conv2d(3, 10, 3, rng=rng), prelu1=PReLU(10), pool1=MaxPool2d(2, ceil_mode=True),
            conv2=Conv2d(10, 16, 3, rng=rng), prelu2=PReLU(16),
            conv3=Conv2d(16, 32, 3, rng=rng), prelu3=PReLU(32),
            heads=Concat(face=Conv2d(32, 2, 1, rng=rng), box=Conv2d(32, 4, 1, rng=rng)),
        )
        self.rnet = Sequential(
            normalise=normalise,
            conv1=Conv2d(3, 28, 3, rng=rng), prelu1=PReLU(28), pool1=MaxPool2d(3, 2, ceil_mode=True),
            conv2=Conv2d(28, 48, 3, rng=rng), prelu2=PReLU(48), pool2=MaxPool2d(3, 2),
            conv3=Conv2d(48, 64, 2, rng=rng), prelu3=PReLU(64), flatten=Flatten(),
            dense4=Linear(64 * LAST_MAP**2, 128, rng=rng), prelu4=PReLU(128),
            heads=Concat(face=Linear(128, 2, rng=rng), box=Linear(128, 4, rng=rng)),
        )
        self.onet = Sequential(
            normalise=normalise,
            conv1=Conv2d(3, 32, 3, rng=rng), prelu1=PReLU(32), pool1=MaxPool2d(3, 2, ceil_mode=True),
            conv2=Conv2d(32, 64, 3, rng=rng), prelu2=PReLU(64), pool2=MaxPool2d(3, 2),
            conv3=Conv2d(64, 64, 3, rng=rng), prelu3=PReLU(64), pool3=MaxPool2d(2, ceil_mode=True),
            conv4=Conv2d(64, 128, 2, rng=rng), prelu4=PReLU(128), flatten=Flatten(),
            dense5=Linear(128 * LAST_MAP**2, 256, rng=rng), prelu5=PReLU(256),
            heads=Concat(face=Linear(256, 2, rng=rng), box=Linear(256, 4, rng=rng), landmarks=Linear(256, 10, rng=rng)),
        )


def load_mtcnn(path: str | Path) -> MTCNN:
    """The nets with published weights, frozen and in evaluation mode.

    Parameters
    ----------
    path : the pack `mtcnn`, an `.npz` with the names of github.com/davidsandberg/facenet ({pnet, rnet, onet}.LAYER.{weights,
        biases, alpha}), whose nets look at pictures that lie on their side, (N, width, height, 3)

    Raises
    ------
    DataError
        The file cannot be read, or does not hold MTCNN.
    """
    nets = MTCNN(np.random.default_rng(0))
    try:
        nets.load_state(_from_published(read_npz(path)))
    except ShapeError as error:
        raise DataError(f"{path} does not hold the weights of MTCNN: {error}") from error
    return nets.freeze().eval()


def _from_published(state: Mapping[str, Array]) -> dict[str, Array]:
    """The same arrays under our names, for pictures that stand upright; unknown names stay as they are."""
    renamed = {}
    for name, array in state.items():
        layer, _, kind = name.rpartition(".")
        own = f"{LAYERS.get(layer, layer)}.{KINDS.get(kind, kind)}"
        renamed[own] = _upright(array, own in FLATTENING)
    return renamed


def _upright(weight: Array, flattening: bool) -> Array:
    """A weight for pictures whose first axis is the height, made of one for which it is the width."""
    if weight.ndim == 4:
        return weight.swapaxes(0, 1)
    if flattening and weight.ndim == 2 and len(weight) % LAST_MAP**2 == 0:
        places = weight.reshape(LAST_MAP, LAST_MAP, -1)
        return places.swapaxes(0, 1).reshape(weight.shape)
    return weight
