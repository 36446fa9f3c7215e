"""SqueezeNet 1.0 as Deep Compression published it: pruned weights that share 256 values, decoded to dense arrays.

Format: uint32 count of the weights that are left, for each of 26 layers; then per layer 256 float32 values to share, the float32
biases, one uint8 code for each weight left, and a 4-bit gap for each, the low half of a byte first. A weight's flat place is the
sum of (gap + 1) so far, minus 1. Source: Han, Mao, Dally, Deep Compression (ICLR 2016), and the repository's decoder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.files import first_bytes
from tinyconv.errors import DataError

# (in, squeeze, expand) channels of fire2 to fire9
FIRES = ((96, 16, 64), (128, 16, 64), (128, 32, 128), (256, 32, 128),
         (256, 48, 192), (384, 48, 192), (384, 64, 256), (512, 64, 256))
LAYERS: dict[str, tuple[int, int, int, int]] = {"conv1": (96, 3, 7, 7)}  # (out, in, height, width)
for _number, (_in, _squeeze, _expand) in enumerate(FIRES, 2):
    LAYERS[f"fire{_number}/conv1x1_1"] = (_squeeze, _in, 1, 1)
    LAYERS[f"fire{_number}/conv1x1_2"] = (_expand, _squeeze, 1, 1)
    LAYERS[f"fire{_number}/conv3x3_2"] = (_expand, _squeeze, 3, 3)
LAYERS["conv_final"] = (1000, 512, 1, 1)


def read_squeezenet1_0(path: Path) -> dict[str, NDArray[Any]]:
    """Decode `compressed_SqueezeNet.net`.

    Returns
    -------
    {LAYER.weight: float32 (out, in, height, width), LAYER.bias: float32 (out,)} for the layers of `LAYERS`

    Raises
    ------
    DataError
        A file that cannot be read, or whose length or places do not fit.
    """
    content = first_bytes(path, 1 << 24, "SqueezeNet 1.0 of Deep Compression")
    left = _Bytes(path, content)
    counts = left.take("<u4", len(LAYERS))
    pack = {}
    for (name, shape), count in zip(LAYERS.items(), counts.tolist(), strict=True):
        values, bias = left.take("<f4", 256), left.take("<f4", shape[0])
        codes, halves = left.take("u1", count), left.take("u1", (count + 1) // 2)
        gaps = np.stack([halves & 15, halves >> 4], axis=-1).reshape(-1)[:count]
        places = np.cumsum(gaps.astype(np.int64) + 1) - 1
        dense = np.zeros(int(np.prod(shape)), np.uint8)
        if count and places[-1] >= len(dense):
            raise DataError(f"{path}: {name} has a weight at place {places[-1]:,} of {len(dense):,}; the file is damaged.")
        dense[places] = codes  # a weight that was pruned has code 0
        pack[f"{name}.weight"] = values[dense].reshape(shape)
        pack[f"{name}.bias"] = bias
    if left.content[left.place :]:
        raise DataError(f"{path} has {len(content) - left.place:,} bytes too many, expected SqueezeNet 1.0 of Deep Compression.")
    return pack


class _Bytes:
    """A file's content, taken piece by piece."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path, self.content, self.place = path, content, 0

    def take(self, dtype: str, count: int) -> NDArray[Any]:
        size = count * np.dtype(dtype).itemsize
        if self.place + size > len(self.content):
            raise DataError(f"{self.path} has {len(self.content):,} bytes, expected {self.place + size:,}: it is cut short.")
        taken = np.frombuffer(self.content, dtype, count, self.place)
        self.place += size
        return taken.astype(dtype[1:] if dtype[0] == "<" else dtype)
