"""Pre-trained weights under the names of tinyconv's packs: the numbers stay, but for SqueezeNet 1.1's rounding to float16."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.readers import read_pickled_npy, read_torch_checkpoint
from tinyconv.errors import DataError

# VGG-19's encoder and the decoders that undo it, layer by layer as PyTorch's Sequential numbers them, file by file.
VGG_LAYERS = (
    ("", ("pre", "conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1")),
    ("dec1.", ("conv1_1",)),
    ("dec2.", ("conv2_1", "conv1_2", "conv1_1")),
    ("dec3.", ("conv3_1", "conv2_2", "conv2_1", "conv1_2", "conv1_1")),
)


def squeezenet1_1(path: Path) -> dict[str, NDArray[Any]]:
    """Torchvision's checkpoint: weights (out, in, height, width) as float16, biases as float32.

    Raises
    ------
    DataError
        A file that `read_torch_checkpoint` refuses, or that holds something else.
    """
    state = read_torch_checkpoint(path)
    if "features.0.weight" not in state or not all(name.endswith((".weight", ".bias")) for name in state):
        raise DataError(f"{path} does not hold features.0.weight and its like alone, expected torchvision's SqueezeNet 1.1.")
    return {name: array.astype(np.float16 if array.ndim == 4 else np.float32) for name, array in state.items()}


def mobilefacenet(path: Path) -> dict[str, NDArray[Any]]:
    """The checkpoint's net_state_dict without its counters, float32.

    Raises
    ------
    DataError
        A file that `read_torch_checkpoint` refuses, or without a net_state_dict.
    """
    prefix = "net_state_dict."
    state = {name.removeprefix(prefix): array.astype(np.float32) for name, array in read_torch_checkpoint(path).items()
             if name.startswith(prefix) and not name.endswith(".num_batches_tracked")}
    if "conv1.conv.weight" not in state or not all("." in name for name in state):
        raise DataError(f"{path} has no net_state_dict with conv1.conv.weight and its like, expected MobileFaceNet's 068.ckpt.")
    return state


def mtcnn(paths: Sequence[Path]) -> dict[str, NDArray[Any]]:
    """The dictionaries of det1.npy, det2.npy and det3.npy as {pnet, rnet, onet}.LAYER.{weights, biases, alpha}, float32.

    Raises
    ------
    DataError
        A file that `read_pickled_npy` refuses, or without a layer called conv1.
    """
    pack = {}
    for net, path in zip(("pnet", "rnet", "onet"), paths, strict=True):
        layers = read_pickled_npy(path)
        if "conv1.weights" not in layers:
            raise DataError(f"{path} has no layer conv1, expected MTCNN's {net}.")
        pack.update({f"{net}.{name}": array.astype(np.float32) for name, array in layers.items()})
    return pack


def vgg19_normalised(paths: Sequence[Path]) -> dict[str, NDArray[Any]]:
    """The encoder to conv3_1 and the decoders 1 to 3, float32 (out, in, height, width): PyTorch's numbers to VGG's names.

    Raises
    ------
    DataError
        A file that `read_torch_checkpoint` refuses, or with another number of layers than expected.
    """
    pack = {}
    for path, (prefix, layers) in zip(paths, VGG_LAYERS, strict=True):
        state = read_torch_checkpoint(path)
        numbers = {name.partition(".")[0] for name in state}
        expected = {f"{number}.{kind}" for number in numbers for kind in ("weight", "bias")}
        if len(numbers) != len(layers) or set(state) != expected or not all(number.isdecimal() for number in numbers):
            raise DataError(f"{path} holds {len(numbers)} layers, expected {len(layers)} numbered ones with weight and bias: "
                            f"{', '.join(layers)}.")
        for number, layer in zip(sorted(numbers, key=int), layers, strict=True):
            for kind in ("weight", "bias"):
                pack[f"{prefix}{layer}.{kind}"] = state[f"{number}.{kind}"].astype(np.float32)
    return pack
