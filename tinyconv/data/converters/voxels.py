"""ModelNet10's voxels as one compact pack.

Source: github.com/Sooram/ModelNet-3dCNN-tensorflow, which writes X_train, X_test as int32 and y_train, y_test as int64.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.arrays import read_npz
from tinyconv.errors import DataError

CLASSES = ("bathtub", "bed", "chair", "desk", "dresser", "monitor", "night_stand", "sofa", "table", "toilet")


def modelnet10(path: Path) -> dict[str, NDArray[Any]]:
    """Voxels and labels as uint8, with the names of the classes.

    Returns
    -------
    {"X_train", "X_test": uint8 (N, D, H, W) of 0 and 1, "y_train", "y_test": uint8 (N,) in 0..9, "classes": str (10,)}

    Raises
    ------
    DataError
        No `.npz` file, or one that holds something else.
    """
    found = read_npz(path)
    pack: dict[str, NDArray[Any]] = {}
    for split in ("train", "test"):
        voxels, labels = found.get(f"X_{split}"), found.get(f"y_{split}")
        if voxels is None or labels is None or voxels.ndim != 4 or labels.shape != voxels.shape[:1] or not len(labels):
            raise DataError(f"{path} does not hold X_{split} (N, D, H, W) and y_{split} (N,), expected ModelNet10's voxels.")
        for name, array, top in ((f"X_{split}", voxels, 1), (f"y_{split}", labels, len(CLASSES) - 1)):
            if array.dtype.kind not in "iu" or array.min() < 0 or array.max() > top:
                raise DataError(f"{path}: {name} is {array.dtype} with other values than 0 to {top}, expected integers.")
            pack[name] = array.astype(np.uint8)
    return {**pack, "classes": np.array(CLASSES)}
